//! Options of writes, in the query and in the body.

use serde_json::{Value as Json, json};

use crate::fixed;
use crate::script::Script;

const MAPS: &str = "/api/v1/namespaces/$(ns)/configmaps";

const QUERIES: &[&str] = &[
    "dryRun=x",
    "dryRun=",
    "dryRun=All&dryRun=All",
    "dryRun=All&dryRun=x",
    "dryRun=all",
    "fieldManager=%01",
    "fieldManager=%C3%A9",
    "fieldManager=",
    "fieldValidation=x",
    "fieldValidation=",
    "fieldValidation=strict",
    "timeout=5",
    "timeout=5s",
    "timeout=-1s",
    "timeout=0s",
    "timeout=1h",
    "timeout=1.5m",
    "timeout=x",
    "pretty=x",
    "force=true",
    "force=x",
    "force=",
    "propagationPolicy=x",
    "propagationPolicy=",
    "propagationPolicy=orphan",
    "gracePeriodSeconds=x",
    "gracePeriodSeconds=-1",
    "gracePeriodSeconds=-5",
    "gracePeriodSeconds=",
    "gracePeriodSeconds=9223372036854775808",
    "gracePeriodSeconds=1.5",
    "orphanDependents=true",
    "orphanDependents=false",
    "orphanDependents=x",
    "orphanDependents=true&propagationPolicy=Orphan",
    "ignoreStoreReadErrorWithClusterBreakingPotential=true",
    "ignoreStoreReadErrorWithClusterBreakingPotential=x",
    "resourceVersion=1",
    "resourceVersionMatch=Exact",
    "limit=1",
    "watch=true",
    "bogus=1",
    "kind=x",
    "apiVersion=v9",
];

pub(super) fn scripts() -> Vec<Script> {
    vec![queries(), bodies(), managers()]
}

fn new(name: &str) -> Script {
    let mut script = Script::with_namespace("options", name);
    script.post("create", format!("{MAPS}?fieldManager=differ"), &map("one")).silent();
    script
}

fn map(name: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

fn queries() -> Script {
    let mut script = new("queries");
    let long = format!("fieldManager={}", "a".repeat(129));
    for query in QUERIES.iter().copied().chain([long.as_str()]) {
        let asked = if query.contains("dryRun=") { query.to_owned() } else { format!("dryRun=All&{query}") };
        script.post(format!("create {query}"), format!("{MAPS}?{asked}"), &map("two"));
        script.put(format!("update {query}"), format!("{MAPS}/one?{asked}"), &map("one"));
        script.patch(
            format!("merge {query}"),
            format!("{MAPS}/one?{asked}"),
            "merge",
            &fixed!({"data": {"c": "d"}}),
        );
        script.patch(format!("apply {query}"), format!("{MAPS}/one?{asked}"), "apply", &map("one"));
        script.delete(format!("delete {query}"), format!("{MAPS}/none?{asked}"));
        script.delete(format!("delete one {query}"), format!("{MAPS}/one?{asked}"));
        script.delete(format!("delete all {query}"), format!("{MAPS}?{asked}&labelSelector=none"));
        script.get(format!("get {query}"), format!("{MAPS}/one?{asked}"));
        script
            .post(
                format!("review {query}"),
                format!("/apis/authentication.k8s.io/v1/selfsubjectreviews?{query}"),
                &fixed!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}),
            )
            .reading(crate::script::Reading::Head);
    }
    script
}

fn bodies() -> Script {
    let mut script = new("deletion");
    for (index, body) in [
        fixed!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "x"}),
        fixed!({"propagationPolicy": "Orphan", "orphanDependents": true}),
        fixed!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["x"]}),
        fixed!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}),
        fixed!({"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"]}),
        fixed!({"kind": "DeleteOptions", "apiVersion": "apps/v1", "dryRun": ["All"]}),
        fixed!({"kind": "DeleteOptions", "apiVersion": "foo/v1", "dryRun": ["All"]}),
        fixed!({"kind": "Foo", "apiVersion": "v1"}),
        fixed!({"gracePeriodSeconds": -5, "dryRun": ["All"]}),
        fixed!({"gracePeriodSeconds": "x", "dryRun": ["All"]}),
        fixed!({"preconditions": {"uid": "x", "resourceVersion": "1"}, "dryRun": ["All"]}),
        fixed!({"preconditions": {"resourceVersion": "1"}, "dryRun": ["All"]}),
        fixed!({"preconditions": {"uid": "$(uid create)"}, "dryRun": ["All"]}),
        fixed!({"preconditions": {"resourceVersion": "$(rv create)"}, "dryRun": ["All"]}),
        fixed!({"preconditions": {"uid": ""}, "dryRun": ["All"]}),
        fixed!({"orphanDependents": false, "dryRun": ["All"]}),
        fixed!({"foo": 1, "dryRun": ["All"]}),
        fixed!({"dryRun": "All"}),
        fixed!({"dryRun": []}),
        fixed!({"propagationPolicy": null, "dryRun": ["All"]}),
        fixed!({"ignoreStoreReadErrorWithClusterBreakingPotential": true, "dryRun": ["All"]}),
    ]
    .into_iter()
    .enumerate()
    {
        let dry = if body.get("dryRun").is_some_and(|dry| dry != &fixed!([])) { "" } else { "?dryRun=All" };
        script.delete(format!("one {index} {body}"), format!("{MAPS}/one{dry}")).json(&body);
        script.delete(format!("absent {index} {body}"), format!("{MAPS}/none{dry}")).json(&body);
        script.delete(format!("all {index} {body}"), format!("{MAPS}{dry}")).json(&body);
        let yaml = script.delete(format!("yaml {index} {body}"), format!("{MAPS}/one{dry}"));
        yaml.bytes("application/yaml", body.to_string());
        let dry = format!("{MAPS}/one?dryRun=All&propagationPolicy=Background");
        script.delete(format!("both {index} {body}"), dry).json(&body);
    }
    script
}

/// Who is named as the owner of fields.
fn managers() -> Script {
    let mut script = new("managers");
    for (index, agent) in
        ["", "kubectl/v1", "a b/c", "/", "é/1", "Go-http-client", "x"].into_iter().enumerate()
    {
        let step = script.post(agent, MAPS, &map(&format!("by-{index}")));
        step.header("User-Agent", agent);
        let long = "m".repeat(128);
        let path = format!("{MAPS}/by-{index}?fieldManager={long}");
        script.patch(format!("{agent} and another"), path, "merge", &fixed!({"data": {"x": "y"}}));
    }
    script.post("long agent", MAPS, &map("by-long")).header("User-Agent", "a".repeat(200));
    script
}
