//! Bodies that are none, or almost.

use serde_json::{Value as Json, json};

use crate::fixed;
use crate::script::Script;

const MAPS: &str = "/api/v1/namespaces/$(ns)/configmaps";

pub(super) fn scripts() -> Vec<Script> {
    let bodies = bodies();
    let each = |(index, bodies): (usize, &[(String, Vec<u8>)])| {
        let mut script = new(&format!("some {index}"));
        for (name, body) in bodies {
            ask(&mut script, name, body);
        }
        script
    };
    let mut scripts: Vec<_> = bodies.chunks(10).enumerate().map(each).collect();
    scripts.extend([media(), large(), yaml()]);
    scripts
}

fn new(name: &str) -> Script {
    let mut script = Script::with_namespace("bodies", name);
    script.post("create", format!("{MAPS}?fieldManager=differ"), &map()).silent();
    script
}

fn map() -> Json {
    fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "b"}})
}

fn ask(script: &mut Script, name: &str, body: &[u8]) {
    for validation in ["", "&fieldValidation=Strict", "&fieldValidation=Ignore", "&fieldValidation=Warn"] {
        let path = format!("{MAPS}?dryRun=All{validation}");
        script.ask(format!("create {name}{validation}"), "POST", path).bytes("application/json", body);
    }
    let (one, absent) = (format!("{MAPS}/one?dryRun=All"), format!("{MAPS}/none?dryRun=All"));
    let all = format!("{MAPS}?dryRun=All");
    script.ask(format!("create yaml {name}"), "POST", all.as_str()).bytes("application/yaml", body);
    script
        .ask(format!("create protobuf {name}"), "POST", all.as_str())
        .bytes("application/vnd.kubernetes.protobuf", body);
    script.ask(format!("update {name}"), "PUT", one.as_str()).bytes("application/json", body);
    script.ask(format!("update absent {name}"), "PUT", absent).bytes("application/json", body);
    script.ask(format!("delete {name}"), "DELETE", one.as_str()).bytes("application/json", body);
    script.ask(format!("delete all {name}"), "DELETE", all).bytes("application/json", body);
    for kind in ["json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"] {
        let path = format!("{one}&fieldManager=m");
        script.ask(format!("{kind} {name}"), "PATCH", path).bytes(&format!("application/{kind}"), body);
    }
    let path = "/apis/apps/v1/namespaces/$(ns)/deployments?dryRun=All";
    script.ask(format!("deployment {name}"), "POST", path).bytes("application/json", body);
}

fn bodies() -> Vec<(String, Vec<u8>)> {
    let text = map().to_string();
    let with = |field: &str, value: Json| {
        let mut map = map();
        map[field] = value;
        map.to_string()
    };
    let metadata = |field: &str, value: Json| {
        let mut map = map();
        map["metadata"][field] = value;
        map.to_string()
    };
    let without = |fields: &[&str]| {
        let mut map = map();
        if let Json::Object(map) = &mut map {
            map.retain(|name, _| !fields.contains(&name.as_str()));
        }
        map.to_string()
    };
    let inside = |more: &str| format!("{},{more}}}", &text[..text.len() - 1]);
    let nested = |depth: usize| inside(&format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth)));
    let mut bodies: Vec<(String, Vec<u8>)> = [
        ("empty", String::new()), ("space", " \n".to_owned()), ("null", "null".to_owned()), ("true", "true".to_owned()),
        ("number", "5".to_owned()), ("text", "\"x\"".to_owned()), ("list", "[]".to_owned()), ("object", "{}".to_owned()),
        ("cut", text[..text.len() - 3].to_owned()), ("garbage", "asdf".to_owned()), ("more", format!("{text}x")),
        ("twice", format!("{text}{text}")), ("byte order mark", format!("\u{feff}{text}")),
        ("other kind", with("kind", fixed!("Secret"))), ("unknown kind", with("kind", fixed!("Foo"))),
        ("other version", with("apiVersion", fixed!("v2"))), ("other group", with("apiVersion", fixed!("apps/v1"))),
        ("unknown group", with("apiVersion", fixed!("none.example.com/v1"))), ("bad version", with("apiVersion", fixed!("a/b/c"))),
        ("no kind", without(&["kind"])), ("no version", without(&["apiVersion"])), ("no type", without(&["kind", "apiVersion"])),
        ("number as kind", with("kind", fixed!(5))), ("number as version", with("apiVersion", fixed!(1))),
        ("number as name", metadata("name", fixed!(5))), ("number in data", with("data", fixed!({"a": 5}))),
        ("list as data", with("data", fixed!([1]))), ("null data", with("data", fixed!(null))), ("null in data", with("data", fixed!({"a": null}))),
        ("null metadata", with("metadata", fixed!(null))), ("text as metadata", with("metadata", fixed!("x"))),
        ("number in labels", metadata("labels", fixed!({"a": 1}))), ("twice a field", inside("\"data\":{\"a\":\"c\"}")),
        ("twice a key", inside("\"binaryData\":{\"q\":\"\",\"q\":\"\"}")), ("unknown fields", inside("\"foo\":1,\"bar\":{\"x\":1}")),
        ("unknown in metadata", metadata("foo", fixed!(1))), ("fields in other case", "{\"apiversion\":\"v1\",\"Kind\":\"ConfigMap\",\"Metadata\":{\"name\":\"one\"}}".to_owned()),
        ("other namespace", metadata("namespace", fixed!("other"))), ("revision", metadata("resourceVersion", fixed!("5"))),
        ("uid", metadata("uid", fixed!("x"))), ("no name", with("metadata", fixed!({}))), ("long name", metadata("name", json!("a".repeat(254)))),
        ("bad name", metadata("name", fixed!("A_b"))), ("bad label", metadata("labels", fixed!({"a b": "c d"}))),
        ("bad annotation", metadata("annotations", fixed!({"a b": "c d"}))), ("bad owner", metadata("ownerReferences", fixed!([{}]))),
        ("bad finalizer", metadata("finalizers", fixed!(["x"]))), ("bad key", with("data", fixed!({"a b": "c"}))),
        ("no base64", inside("\"binaryData\":{\"x\":\"!!\"}")), ("bad time", metadata("creationTimestamp", fixed!("x"))),
        ("deep", nested(200)), ("too deep", nested(10_001)), ("number as bool", inside("\"immutable\":1")),
        ("not a number", inside("\"x\":NaN")), ("large number", inside("\"immutable\":1e999")), ("trailing comma", "{\"a\":1,}".to_owned()),
        ("single quotes", "{'kind':'ConfigMap'}".to_owned()), ("comment", format!("/* x */{text}")), ("control character", inside("\"x\":\"\u{1}\"")),
        ("bad escape", inside("\"x\":\"\\x\"")), ("half a surrogate", inside("\"foo\":\"\\ud800\"")), ("owners", metadata("managedFields", fixed!([{"manager": "x"}]))),
        ("bad owners", metadata("managedFields", fixed!([{"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"x": 1}}]))),
        ("deleted", metadata("deletionTimestamp", fixed!("2020-01-01T00:00:00Z"))), ("generation", metadata("generation", fixed!(5))),
        ("generation as text", metadata("generation", fixed!("5"))), ("fraction as generation", metadata("generation", fixed!(1.5))),
        ("List", json!({"apiVersion": "v1", "kind": "List", "items": [map()]}).to_string()),
        ("list of its kind", json!({"apiVersion": "v1", "kind": "ConfigMapList", "items": [map()]}).to_string()),
        ("Status", fixed!({"apiVersion": "v1", "kind": "Status"}).to_string()), ("protobuf prefix", "k8s\0".to_owned()),
        ("protobuf garbage", "k8s\0garbage that is no message".to_owned()), ("empty kind", with("kind", fixed!(""))),
        ("lower case kind", with("kind", fixed!("configmap"))), ("version with group", with("apiVersion", fixed!("/v1"))),
        ("spaces", with("apiVersion", fixed!(" v1"))), ("options", fixed!({"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]}).to_string()),
    ]
    .map(|(name, body)| (name.to_owned(), body.into_bytes()))
    .into();
    bodies.push(("no text".to_owned(), b"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"one\"},\"data\":{\"a\":\"\xff\"}}".to_vec()));
    bodies
}

fn media() -> Script {
    let mut script = new("media");
    let text = map().to_string();
    for media in [
        "",
        " ",
        "text/plain",
        "application/json; charset=utf-8",
        "application/x-yaml",
        "application/vnd.kubernetes.protobuf",
        "APPLICATION/JSON",
        "application/merge-patch+json",
        "garbage",
        "application/cbor",
        "application/json;",
        ";",
        "application/*",
        "*/*",
        "application/x-www-form-urlencoded",
        "application/apply-patch+yaml",
        "application/apply-patch+cbor",
        "application/json, application/yaml",
        "application/merge-patch+json; charset=utf-8",
        "application/json-patch+json",
        "multipart/form-data; boundary=x",
    ] {
        for (method, path) in [("POST", ""), ("PUT", "/one"), ("DELETE", "/one"), ("PATCH", "/one")] {
            let path = format!("{MAPS}{path}?dryRun=All&fieldManager=m");
            let step = script.ask(format!("{method} `{media}`"), method, path).bytes("", text.as_str());
            step.header("Content-Type", media);
        }
    }
    for (method, path) in [("POST", ""), ("PUT", "/one"), ("DELETE", "/one"), ("PATCH", "/one")] {
        let path = format!("{MAPS}{path}?dryRun=All");
        script.ask(format!("{method} without"), method, path.as_str()).bytes("", text.as_str());
        script.ask(format!("{method} nothing"), method, path);
    }
    script
}

fn large() -> Script {
    let mut script = new("large");
    let body = |count: usize| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "x".repeat(count)}});
    let all = format!("{MAPS}?dryRun=All");
    script.post("more than a map holds", all.as_str(), &body(1_100_000));
    script.post("more than is read", all.as_str(), &body(3 << 20));
    script.put("update with more than a map holds", format!("{MAPS}/one?dryRun=All"), &body(1_100_000));
    script.patch(
        "merge with more than a map holds",
        format!("{MAPS}/one?dryRun=All"),
        "merge",
        &body(1_100_000),
    );
    let operations: Vec<_> =
        (0..10_001).map(|_| fixed!({"op": "test", "path": "/kind", "value": "ConfigMap"})).collect();
    script.patch(
        "more operations than are done",
        format!("{MAPS}/one?dryRun=All"),
        "json",
        &json!(operations),
    );
    let labels: serde_json::Map<_, _> = (0..3000).map(|n| (format!("l{n}"), fixed!("v"))).collect();
    script.patch(
        "many labels",
        format!("{MAPS}/one?dryRun=All"),
        "merge",
        &json!({"metadata": {"labels": labels}}),
    );
    let notes = json!({"metadata": {"annotations": {"a": "x".repeat(300_000)}}});
    script.patch("annotations of more than they may be", format!("{MAPS}/one?dryRun=All"), "merge", &notes);
    script
}

fn yaml() -> Script {
    let mut script = new("yaml");
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: zz\n";
    for (name, text) in [
        ("plain", head.to_owned()),
        ("document start", format!("---\n{head}")),
        ("two documents", format!("{head}---\n{head}")),
        ("comment", format!("# a\n{head}# b\n")),
        ("tab", format!("{head}\tdata: {{}}\n")),
        ("anchors", format!("{head}data: &a {{x: 'y'}}\nbinaryData: *a\n")),
        ("merge key", format!("{head}data:\n  <<: {{x: 'y'}}\n")),
        ("tag", format!("{head}data:\n  a: !!str 5\n")),
        ("number", format!("{head}data:\n  a: 5\n")),
        ("yes", format!("{head}data:\n  a: yes\n")),
        ("octal", format!("{head}data:\n  a: 0777\n")),
        ("null", format!("{head}data:\n  a: ~\n")),
        ("block", format!("{head}data:\n  a: |\n    b\n    c\n  d: >-\n    e\n    f\n")),
        ("twice a key", format!("{head}data:\n  a: b\n  a: c\n")),
        ("unknown", format!("{head}foo: 1\n")),
        ("bad indent", format!("{head} data: 1\n")),
        ("list", "- a\n- b\n".to_owned()),
        ("scalar", "hello\n".to_owned()),
        ("unclosed", format!("{head}data: {{a: b\n")),
        ("unknown anchor", format!("{head}data: *b\n")),
        ("number as key", format!("{head}data:\n  1: a\n")),
        ("list as key", format!("{head}data:\n  ? [a]\n  : b\n")),
        ("time", format!("{head}data:\n  a: 2020-01-01\n")),
        ("quoted", format!("{head}data:\n  \"a\\tb\": 'c''d'\n")),
        ("control", format!("{head}data:\n  a: \u{1}\n")),
        (
            "bomb",
            format!(
                "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n{head}"
            ),
        ),
        ("infinity", format!("{head}data:\n  a: .inf\n")),
        ("dots", format!("{head}...\n")),
        ("windows lines", head.replace('\n', "\r\n")),
        ("flow", "{apiVersion: v1, kind: ConfigMap, metadata: {name: zz}}".to_owned()),
    ] {
        for validation in ["Warn", "Strict"] {
            let path = format!("{MAPS}?dryRun=All&fieldValidation={validation}");
            script
                .ask(format!("{name}, {validation}"), "POST", path)
                .bytes("application/yaml", text.as_str());
        }
        let path = format!("{MAPS}/zz?dryRun=All&fieldManager=m");
        script
            .ask(format!("{name}, applied"), "PATCH", path)
            .bytes("application/apply-patch+yaml", text.as_str());
    }
    script
}
