//! Lists: revisions and how they match, pages and their tokens, selectors.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use super::encoded;
use crate::script::Script;

const MAPS: &str = "/api/v1/namespaces/$(ns)/configmaps";
const PODS: &str = "/api/v1/namespaces/$(ns)/pods";
/// Objects that every script of the area begins with.
const OBJECTS: usize = 5;

const LABELS: &[&str] = &[
    "i=1",
    "i==1",
    "i!=1",
    "i in (1,2)",
    "i notin (1)",
    "!i",
    "i",
    "i==1,odd=1",
    "i>2",
    "i<2",
    "i>=2",
    "i=",
    "=",
    "a in",
    "a in ()",
    "a in (",
    "i=1=2",
    "/a=b",
    "a/b/c=d",
    "i=1,",
    ",i=1",
    ",",
    "a b",
    "i>x",
    "é=1",
    "i in (1,)",
    "-x=1",
    "x=-1",
    "kubernetes.io/x=1",
    "i = 1",
    " i=1 ",
    "(i)",
    "i in 1",
    "i in (1",
    "i notin (1,2),odd",
    "!i,odd",
    "! i",
    "in in (in)",
    "notin",
    "in",
    "i in (a b)",
    "a.b/c=d",
    "A/b=c",
    "i!=1,i!=2",
    "i=1,i=2",
    "==1",
    "!=1",
    "i!",
    "i=(1)",
    "x=a/b",
    "i~1",
];
const FIELDS: &[&str] = &[
    "metadata.name=c1",
    "metadata.name!=c1",
    "metadata.namespace=$(ns)",
    "metadata.namespace=x",
    "spec.x=1",
    "metadata.labels=1",
    "metadata.name",
    "metadata.name=",
    "metadata.name=c1,metadata.name=c2",
    "data.k=v",
    "=c1",
    "metadata.name==c1",
    "a=b\\,c",
    "metadata.name=c\\1",
    "metadata.name=c1,",
    ",",
    "metadata.name!=c1,metadata.name!=c2",
    "metadata.name=a=b",
    "status.phase=Running",
    "spec.nodeName=x",
    "spec.nodeName=",
    "status.podIP=1.2.3.4",
    "spec.restartPolicy=Always",
    "spec.schedulerName=x",
    "spec.hostNetwork=true",
    "metadata.uid=x",
    "metadata.name=c\\=1",
];

const MATCHES: [&str; 5] = ["none", "", "Exact", "NotOlderThan", "Bogus"];
const LIMITS: [&str; 5] = ["none", "0", "2", "-1", "abc"];

pub(super) fn scripts() -> Vec<Script> {
    let mut scripts = vec![labels(), fields(), pages(), tokens(), gets()];
    let revisions = ["", "0", "last", "first", "1", "abc", "-1", "1.5"];
    scripts.extend(revisions.map(|revision| matching(revision, revision, &MATCHES, &LIMITS)));
    // Who asks for what is still to come waits for it: spread, they wait beside each other.
    for (at, how) in MATCHES.iter().enumerate() {
        for limit in LIMITS {
            let name = format!("to come {at} {limit}");
            scripts.push(matching(&name, "99999999", &[how], &[limit]));
        }
    }
    scripts
}

fn new(name: impl Into<String>) -> Script {
    let mut script = Script::with_namespace("lists", name);
    for index in 0..OBJECTS {
        let labels = json!({"i": index.to_string(), "odd": (index % 2).to_string()});
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"},
            "metadata": {"name": format!("c{index}"), "labels": labels}});
        script.post(format!("c{index}"), MAPS, &object).silent();
    }
    script
}

fn labels() -> Script {
    let mut script = new("labels");
    for selector in LABELS {
        script.get(format!("`{selector}`"), format!("{MAPS}?labelSelector={}", encoded(selector)));
    }
    script.get("twice", format!("{MAPS}?labelSelector=i%3D1&labelSelector=i%3D2"));
    script
}

fn fields() -> Script {
    let mut script = new("fields");
    for selector in FIELDS {
        script.get(format!("maps `{selector}`"), format!("{MAPS}?fieldSelector={}", encoded(selector)));
        script.get(format!("pods `{selector}`"), format!("{PODS}?fieldSelector={}", encoded(selector)));
    }
    script
}

/// Every combination of revision, match and limit.
fn matching(name: &str, revision: &str, matches: &[&str], limits: &[&str]) -> Script {
    let mut script = new(format!("revision {name}"));
    let value = match revision {
        "last" => "$(rv c4)",
        "first" => "$(rv c0)",
        other => other,
    };
    for how in matches {
        for limit in limits {
            let mut query = Vec::new();
            if !revision.is_empty() {
                query.push(format!("resourceVersion={value}"));
            }
            for (name, value) in [("resourceVersionMatch", *how), ("limit", *limit)] {
                if value != "none" {
                    query.push(format!("{name}={value}"));
                }
            }
            script.get(format!("match {how}, limit {limit}"), format!("{MAPS}?{}", query.join("&")));
        }
    }
    script
}

fn pages() -> Script {
    let mut script = new("pages");
    for limit in [1, 2, 3, 5, 6] {
        script.get(format!("{limit}, page 0"), format!("{MAPS}?limit={limit}"));
        for page in 1..OBJECTS.div_ceil(limit) {
            let token = format!("$(continue {limit}, page {})", page - 1);
            script.get(format!("{limit}, page {page}"), format!("{MAPS}?limit={limit}&continue={token}"));
        }
    }
    script.get("selected", format!("{MAPS}?limit=1&labelSelector=odd%3D1"));
    script
        .get("selected, next", format!("{MAPS}?limit=1&labelSelector=odd%3D1&continue=$(continue selected)"));
    script.get("rest", format!("{MAPS}?continue=$(continue 2, page 0)"));
    script.get("with revision", format!("{MAPS}?continue=$(continue 2, page 0)&resourceVersion=$(rv c4)"));
    script.get("with zero", format!("{MAPS}?limit=2&continue=$(continue 2, page 0)&resourceVersion=0"));
    let matching = "resourceVersion=$(rv c4)&resourceVersionMatch=Exact";
    script.get("with match", format!("{MAPS}?limit=2&continue=$(continue 2, page 0)&{matching}"));
    script.delete("change", format!("{MAPS}/c3"));
    script.get("frozen", format!("{MAPS}?limit=9&continue=$(continue 2, page 0)"));
    script.get("exact", format!("{MAPS}?limit=9&{matching}"));
    script.get("of another resource", format!("{PODS}?limit=9&continue=$(continue 2, page 0)"));
    script
}

fn tokens() -> Script {
    let mut script = new("tokens");
    let mut bad = |name: &str, token: &str| {
        script.get(name, format!("{MAPS}?limit=1&continue={token}"));
        script.get(format!("{name}, with revision"), format!("{MAPS}?continue={token}&resourceVersion=5"));
    };
    bad("no base64", "abc%21");
    bad("no JSON", "abc");
    for (name, json) in [
        ("other version", r#"{"v":"x","rv":1,"start":"a"}"#),
        ("revision zero", r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#),
        ("negative revision", r#"{"v":"meta.k8s.io/v1","rv":-1,"start":"a\u0000"}"#),
        ("no start", r#"{"v":"meta.k8s.io/v1","rv":1,"start":""}"#),
        ("upwards", r#"{"v":"meta.k8s.io/v1","rv":1,"start":"../../"}"#),
        ("upwards inside", r#"{"v":"meta.k8s.io/v1","rv":1,"start":"a/../../b"}"#),
        ("text as revision", r#"{"v":"meta.k8s.io/v1","rv":"1","start":"a"}"#),
        ("empty object", "{}"),
        ("list", "[]"),
        ("from the future", r#"{"v":"meta.k8s.io/v1","rv":999999999,"start":"c1\u0000"}"#),
    ] {
        bad(name, &BASE64_URL_SAFE_NO_PAD.encode(json));
    }
    script
}

fn gets() -> Script {
    let mut script = new("gets");
    for revision in ["", "0", "$(rv c4)", "$(rv c0)", "1", "abc", "-1"] {
        script.get(format!("`{revision}`"), format!("{MAPS}/c0?resourceVersion={revision}"));
    }
    for query in [
        "limit=1",
        "limit=abc",
        "continue=abc",
        "labelSelector=%3D",
        "fieldSelector=x%3D1",
        "watch=x&timeoutSeconds=1",
        "bogus=1",
        "timeoutSeconds=x",
        "%zz",
        "a=%zz",
        ";",
        "&&",
        "=",
        "resourceVersion=1&resourceVersion=abc",
    ] {
        script.get(format!("one ?{query}"), format!("{MAPS}/c0?{query}"));
        script.get(format!("all ?{query}"), format!("{MAPS}?{query}"));
    }
    script
}
