//! One outside library has one owner. `deny.toml` says who: `wrappers` are the only packages that may depend on a
//! crate, and a crate without any is banned. cargo-deny reads the same list; here it is held without it.

use serde::Deserialize;

use crate::dependencies::{Graph, graph};
use crate::sources::read;

#[derive(Deserialize)]
pub(crate) struct Deny {
    pub(crate) licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
pub(crate) struct Licences {
    pub(crate) allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
    #[serde(default)]
    reason: String,
}

/// What `deny.toml` says.
pub(crate) fn deny() -> Deny {
    toml::from_str(&read("deny.toml")).unwrap()
}

fn check(bans: &[Ban], graph: &Graph) -> Vec<String> {
    let mut problems = Vec::new();
    for Ban { name, wrappers, reason } in bans {
        if reason.is_empty() {
            problems.push(format!("deny.toml gives no reason for {name}: say why"));
        }
        for user in graph.users(name).filter(|user| !wrappers.contains(user)) {
            problems.push(format!(
                "{user} depends on {name}, whose owners are {wrappers:?} ({reason}): ask an owner for what you need, \
                 or make {user} one in deny.toml and say why"
            ));
        }
        let unused = wrappers.iter().filter(|owner| graph.packages.contains_key(*owner));
        for owner in unused.filter(|owner| !graph.packages[*owner].needs.contains(name)) {
            problems.push(format!("{owner} owns {name} in deny.toml and does not depend on it: take it off"));
        }
    }
    problems
}

#[test]
fn outside_libraries_are_used_by_their_owners_alone() {
    crate::none(&check(&deny().bans.deny, graph()));
}

#[test]
fn a_second_user_is_found() {
    let ban = |name: &str, wrappers: &[&str], reason: &str| Ban {
        name: name.into(),
        wrappers: wrappers.iter().map(|owner| (*owner).to_owned()).collect(),
        reason: reason.into(),
    };
    let graph = Graph::sample(&[
        ("keelson-apiserver", &["axum"]),
        ("keelson-kubelet", &["axum", "openssl"]),
        ("keelson-store", &[]),
        ("axum", &[]),
        ("openssl", &[]),
    ]);
    let bans = [
        ban("axum", &["keelson-apiserver", "keelson-store", "keelson-later"], "HTTP"),
        ban("openssl", &[], "rustls"),
        ban("rand", &[], ""),
    ];
    let expected = [
        "keelson-kubelet depends on axum",
        "keelson-store owns axum in deny.toml and does not depend on it",
        "keelson-kubelet depends on openssl",
        "no reason for rand",
    ];
    crate::found(&check(&bans, &graph), &expected);
}
