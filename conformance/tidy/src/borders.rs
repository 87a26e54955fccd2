//! Who may know whom, among ours. Arrows go one way; components never import each other or the server; only the API
//! server and its backends know the store; everybody may be seen by the binary and by nobody else.

use crate::dependencies::Graph;

/// What proves the others, and is known by nobody.
const CONFORMANCE: &[&str] = &[
    "keelson-bench",
    "keelson-differ",
    "keelson-fuzz",
    "keelson-placing",
    "keelson-sim",
    "keelson-tidy",
    "keelson-upstream",
];

/// Each package, and which of ours it may know. `*`: all but those.
const MAY_KNOW: &[(&str, &[&str])] = &[
    // The differ's judgement of the binary is a test of the package that has the binary.
    ("keelson", &["*", "keelson-differ"]),
    ("keelson-api", &[]),
    ("keelson-client", &["keelson-api"]),
    ("keelson-apiserver", &["keelson-api", "keelson-schema", "keelson-store"]),
    ("keelson-schema", &["keelson-api"]),
    ("keelson-store", &["keelson-api"]),
    ("keelson-store-embedded", &["keelson-api", "keelson-store"]),
    ("keelson-store-etcd", &["keelson-api", "keelson-store"]),
    ("keelson-store-tikv", &["keelson-api", "keelson-store"]),
    ("keelson-controllers", &["keelson-api", "keelson-client"]),
    ("keelson-scheduler", &["keelson-api", "keelson-client"]),
    ("keelson-kubelet", &["keelson-api", "keelson-client", "keelson-cri"]),
    ("keelson-cri", &["keelson-api"]),
    ("keelson-proxy", &["keelson-api", "keelson-client", "keelson-dns"]),
    ("keelson-dns", &["keelson-api", "keelson-client"]),
    ("keelson-subject", &[]),
    ("keelson-bench", &["*"]),
    ("keelson-differ", &["*"]),
    ("keelson-fuzz", &["*"]),
    ("keelson-sim", &["*"]),
    ("keelson-tidy", &["*"]),
    ("keelson-placing", &["keelson-subject"]),
    ("keelson-upstream", &["keelson-subject"]),
];

fn check(graph: &Graph) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, package) in graph.members() {
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(known, _)| known == name) else {
            problems.push(format!("{name} has no place yet: say in borders.rs which of ours it may know"));
            continue;
        };
        let ours =
            package.needs.iter().filter(|need| graph.packages.get(*need).is_some_and(|need| need.member));
        let may = |need: &str| {
            let all = allowed.contains(&"*") && !CONFORMANCE.contains(&need);
            all || allowed.contains(&need) || need == name
        };
        for need in ours.filter(|need| !may(need)) {
            problems.push(format!(
                "{name} depends on {need}, which it may not know: take what both need to a crate that both may \
                 know, or go through the API"
            ));
        }
    }
    problems
}

#[test]
fn ours_know_only_whom_they_may() {
    crate::none(&check(crate::dependencies::graph()));
}

#[test]
fn a_wrong_arrow_is_found() {
    let graph = Graph::sample(&[
        ("keelson", &["keelson-apiserver", "keelson-scheduler", "keelson-tidy"]),
        ("keelson-api", &[]),
        ("keelson-apiserver", &["keelson-store", "serde"]),
        ("keelson-kublet", &[]),
        ("keelson-scheduler", &["keelson-api", "keelson-store"]),
        ("keelson-store", &["keelson-api"]),
        ("keelson-tidy", &["keelson-api"]),
        ("serde", &[]),
    ]);
    crate::found(
        &check(&graph),
        &[
            "keelson depends on keelson-tidy",
            "keelson-kublet has no place",
            "keelson-scheduler depends on keelson-store",
        ],
    );
}
