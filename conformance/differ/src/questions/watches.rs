//! Watches: where they begin, what they tell, how they end.

use serde_json::json;

use crate::fixed;
use crate::script::{Reading, Script};

const MAPS: &str = "/api/v1/namespaces/$(ns)/configmaps";

/// What is refused, or not watched at all.
const ANSWERED: &[&str] = &[
    "watch=0",
    "watch=false",
    "sendInitialEvents=true",
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    "sendInitialEvents=false",
    "sendInitialEvents=x",
    "timeoutSeconds=abc",
    "timeoutSeconds=-1",
    "watch=1&resourceVersion=abc",
    "watch=1&resourceVersionMatch=Exact",
    "watch=1&resourceVersionMatch=NotOlderThan",
    "watch=1&sendInitialEvents=true",
    "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
    "watch=1&labelSelector=%3D",
    "watch=1&fieldSelector=a.b%3Dc",
    "watch=1&timeoutSeconds=abc",
    "watch=1&resourceVersion=-1",
    "watch=1&continue=abc",
    "watch=1&limit=1&continue=abc",
    "watch=1&resourceVersion=0&resourceVersionMatch=NotOlderThan",
    "allowWatchBookmarks=true",
    "allowWatchBookmarks=x",
    "watch=1&allowWatchBookmarks=x&timeoutSeconds=1&resourceVersion=abc",
];
/// What is watched for a second.
const WATCHED: &[&str] = &[
    "watch=true",
    "watch=x",
    "watch",
    "watch=",
    "watch=T",
    "watch=1&resourceVersion=0",
    "watch=1&resourceVersion=$(rv c1)",
    "watch=1&resourceVersion=$(rv c3)",
    "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=0",
    "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    "watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
    "watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=$(rv c1)",
    "watch=1&limit=1",
    "watch=1&labelSelector=i%3D1",
    "watch=1&fieldSelector=metadata.name%3Dc2",
    "watch=1&fieldSelector=metadata.name%3Dnone",
    "watch=1&pretty=true",
    "watch=1&allowWatchBookmarks=true",
    "watch=1&sendInitialEvents=x",
    "watch=1&allowWatchBookmarks=x",
    "watch=1&labelSelector=stays%3Dyes&resourceVersion=$(rv c0)",
    "watch=1&labelSelector=leaves%3Dyes&resourceVersion=$(rv c0)",
];
const FORMS: &[&str] = &[
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;stream=watch",
    "*/*",
    "application/*",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io",
    "text/html",
    "application/yaml",
    "application/yaml;stream=watch",
    "application/json;stream=bogus",
    "application/cbor",
];

pub(super) fn scripts() -> Vec<Script> {
    let mut scripts = vec![answered(), forms(), paths()];
    // Each waits for its second: spread, they wait beside each other.
    scripts.extend(WATCHED.chunks(4).enumerate().map(|(index, queries)| {
        let mut script = new(format!("watched {index}"));
        for query in queries {
            script.get(*query, format!("{MAPS}?{query}&timeoutSeconds=1")).events();
        }
        script
    }));
    scripts
}

/// With objects that were made, changed and removed.
fn new(name: impl Into<String>) -> Script {
    let mut script = Script::with_namespace("watches", name);
    for index in 0..4 {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"},
            "metadata": {"name": format!("c{index}"), "labels": {"i": index.to_string(), "leaves": "yes", "stays": "yes"}}});
        script.post(format!("c{index}"), MAPS, &object).silent();
    }
    let change = fixed!({"metadata": {"labels": {"leaves": "no"}}});
    script.patch("change", format!("{MAPS}/c1"), "merge", &change).silent();
    script.delete("remove", format!("{MAPS}/c2")).silent();
    script
}

fn answered() -> Script {
    let mut script = new("answered");
    for query in ANSWERED {
        script.get(*query, format!("{MAPS}?{query}"));
    }
    script.get("from the future", format!("{MAPS}?watch=1&resourceVersion=99999999"));
    script
}

fn forms() -> Script {
    let mut script = new("forms");
    for form in FORMS {
        let path = format!("{MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dc1");
        script.get(*form, path).accept(*form).events();
    }
    let path = format!("{MAPS}?watch=1&timeoutSeconds=1");
    script
        .get("protobuf", path)
        .accept("application/vnd.kubernetes.protobuf;stream=watch")
        .reading(Reading::Head);
    script
}

fn paths() -> Script {
    let mut script = new("paths");
    for path in [
        "/api/v1/watch/namespaces/$(ns)/configmaps",
        "/api/v1/watch/namespaces/$(ns)/configmaps/c1",
        "/api/v1/watch/namespaces/$(ns)/configmaps/none",
        "/api/v1/namespaces/$(ns)/configmaps/c1?watch=1",
        "/apis/apps/v1/watch/namespaces/$(ns)/deployments",
    ] {
        let mark = if path.contains('?') { '&' } else { '?' };
        script.get(path, format!("{path}{mark}timeoutSeconds=1")).events();
    }
    script.delete("by another verb", "/api/v1/watch/namespaces/$(ns)/configmaps/c1");
    script.post("by yet another", "/api/v1/watch/namespaces/$(ns)/configmaps", &fixed!({}));
    script
}
