//! Removal: grace, finalizers, cascades, whole collections, and what each answers.

use serde_json::json;

use crate::fixed;
use crate::script::Script;

const MAPS: &str = "/api/v1/namespaces/$(ns)/configmaps";
const PODS: &str = "/api/v1/namespaces/$(ns)/pods";

pub(super) fn scripts() -> Vec<Script> {
    vec![pods(), cascades(), collections(), revisions()]
}

/// Pods have a grace period, which depends on whether a node has them.
fn pods() -> Script {
    let mut script = Script::with_namespace("deletes", "pods");
    let pod = |name: &str, seconds: i64| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"nodeName": "n", "terminationGracePeriodSeconds": seconds, "containers": [{"name": "c", "image": "i"}]}})
    };
    for (name, seconds, queries) in [
        ("plain", 30, vec!["", ""]),
        ("none", 0, vec![""]),
        ("shorter", 30, vec!["gracePeriodSeconds=10", "gracePeriodSeconds=20", "gracePeriodSeconds=5"]),
        ("now", 30, vec!["gracePeriodSeconds=0"]),
        ("now after all", 30, vec!["", "gracePeriodSeconds=0"]),
        ("one second", 1, vec![""]),
        ("negative", 30, vec!["gracePeriodSeconds=-1"]),
        ("orphan", 30, vec!["propagationPolicy=Orphan", "gracePeriodSeconds=0"]),
        ("foreground", 30, vec!["propagationPolicy=Foreground", "gracePeriodSeconds=0"]),
    ] {
        let object = name.replace(' ', "-");
        script.post(format!("{name}, create"), PODS, &pod(&object, seconds)).silent();
        for (index, query) in queries.iter().enumerate() {
            script.delete(format!("{name}, dry {index}"), format!("{PODS}/{object}?dryRun=All&{query}"));
            script.delete(format!("{name}, delete {index}"), format!("{PODS}/{object}?{query}"));
            script.get(format!("{name}, get {index}"), format!("{PODS}/{object}"));
        }
    }
    script
        .get("watched", format!("{PODS}?watch=1&resourceVersion=$(rv plain, create)&timeoutSeconds=1"))
        .events();
    script
}

fn cascades() -> Script {
    let mut script = Script::with_namespace("deletes", "cascades");
    for (name, finalizers) in [
        ("bare", fixed!([])),
        ("held", fixed!(["a.b/c"])),
        ("orphan", fixed!(["orphan"])),
        ("foreground", fixed!(["foregroundDeletion"])),
    ] {
        for policy in ["Orphan", "Foreground", "Background", "none"] {
            let object = format!("{name}-{}", policy.to_lowercase());
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": object, "finalizers": finalizers}});
            script.post(format!("{object} create"), MAPS, &map).silent();
            let query = if policy == "none" { String::new() } else { format!("?propagationPolicy={policy}") };
            script.delete(format!("{object} delete"), format!("{MAPS}/{object}{query}"));
            script.get(format!("{object} get"), format!("{MAPS}/{object}"));
            script.delete(
                format!("{object} delete otherwise"),
                format!("{MAPS}/{object}?propagationPolicy=Background"),
            );
            script.patch(
                format!("{object} let go"),
                format!("{MAPS}/{object}"),
                "json",
                &fixed!([{"op": "replace", "path": "/metadata/finalizers", "value": []}]),
            );
            script.get(format!("{object} gone"), format!("{MAPS}/{object}"));
        }
    }
    script
}

fn collections() -> Script {
    let mut script = Script::with_namespace("deletes", "collections");
    let fill = |script: &mut Script, round: usize| {
        for index in 0..4 {
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{index}"), "labels": {"i": index.to_string()}}});
            script.post(format!("{round} {index}"), MAPS, &map).silent();
        }
    };
    for (round, query) in [
        "",
        "labelSelector=i%3D1",
        "labelSelector=i%20in%20(1,2)",
        "fieldSelector=metadata.name%3Dc3",
        "limit=2",
        "dryRun=All",
        "labelSelector=%3D",
        "resourceVersion=0",
        "resourceVersion=1",
        "resourceVersion=abc",
        "continue=abc",
        "propagationPolicy=Orphan",
        "propagationPolicy=x",
        "gracePeriodSeconds=0",
        "timeoutSeconds=5",
        "watch=1",
        "resourceVersionMatch=Exact",
        "sendInitialEvents=true",
    ]
    .into_iter()
    .enumerate()
    {
        fill(&mut script, round);
        script.delete(format!("`{query}`"), format!("{MAPS}?{query}"));
        script
            .get(format!("after `{query}`"), MAPS)
            .accept("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io");
        script
            .patch(
                format!("free `{query}`"),
                format!("{MAPS}/c0"),
                "json",
                &fixed!([{"op": "remove", "path": "/metadata/finalizers"}]),
            )
            .silent();
        script.delete(format!("clear `{query}`"), MAPS).silent();
    }
    fill(&mut script, 99);
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    script.delete("as table", MAPS).accept(table);
    script.delete("of nothing", MAPS);
    script.delete("of services", "/api/v1/namespaces/$(ns)/services");
    script.delete("everywhere", "/api/v1/configmaps");
    script.delete("of nodes by label", "/api/v1/nodes?labelSelector=none");
    script
}

/// What revision an answer has, and what a watch is told.
fn revisions() -> Script {
    let mut script = Script::with_namespace("deletes", "revisions");
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"a": "b"}}});
    script.post("create", MAPS, &map("one"));
    script
        .delete("wrong revision", format!("{MAPS}/one"))
        .json(&fixed!({"preconditions": {"resourceVersion": "1"}}));
    script
        .delete("right revision", format!("{MAPS}/one"))
        .json(&fixed!({"preconditions": {"resourceVersion": "$(rv create)", "uid": "$(uid create)"}}));
    script.post("create again", MAPS, &map("one"));
    script
        .delete("uid of the first", format!("{MAPS}/one"))
        .json(&fixed!({"preconditions": {"uid": "$(uid create)"}}));
    script.delete("delete", format!("{MAPS}/one"));
    script.get("watched", format!("{MAPS}?watch=1&resourceVersion=$(rv create)&timeoutSeconds=1")).events();
    script
        .get(
            "watched by label",
            format!("{MAPS}?watch=1&resourceVersion=$(rv create)&timeoutSeconds=1&labelSelector=a%3Db"),
        )
        .events();
    script
}
