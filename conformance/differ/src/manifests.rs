//! Manifests of others as questions: each document of a directory's files becomes a script that does with it what people
//! do: tried, created, read, replaced, patched, applied, applied again, removed.
//!
//! Nothing is recorded of them: two servers are asked at the same time, and the one is held against the other. What both
//! must do alike for a document to be worth asking is little: its kind has to be one that upstream serves by default.

mod documents;

use std::collections::BTreeMap;

use serde_json::json;

use crate::script::Script;
use crate::value::Value;
use documents::Stock;
pub use documents::{Document, Manifests, read};

/// The set of questions that they are.
const AREA: &str = "manifests";
/// Who applies, and who does what `kubectl create` does.
const APPLIER: &str = "fieldManager=kubectl&force=true";
const CREATOR: &str = "fieldManager=kubectl-create";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// One script for each document, or for several that would be in each other's way if they were asked beside each other.
#[must_use]
pub fn scripts(manifests: &Manifests) -> Vec<Script> {
    let mut scripts: Vec<Script> = Vec::new();
    let mut takers: BTreeMap<Stock, usize> = BTreeMap::new();
    for document in &manifests.documents {
        let stock = document.stock();
        let at = takers.get(&stock).copied().unwrap_or_else(|| {
            let name = format!("{:05} {}", scripts.len(), document.source);
            scripts.push(Script::with_namespace(AREA, name));
            scripts.len() - 1
        });
        if stock != Stock::None {
            takers.insert(stock, at);
        }
        ask(&mut scripts[at], document);
    }
    scripts
}

/// What is done with a document.
fn ask(script: &mut Script, document: &Document) {
    let tag = format!("{} of {}", script.steps.len(), document.source);
    let named = |what: &str| format!("{what}, {tag}");
    let (all, body) = (document.collection(), document.placed());
    let created = named("create");
    let one = document.path(&created);
    let json = |script: &mut Script, name: &str, method: &str, path: String, body: &Value| {
        let step = script.ask(named(name), method, path);
        step.bytes("application/json", body.to_string());
    };
    if let Some(account) = document.account() {
        let path = "/api/v1/namespaces/$(ns)/serviceaccounts";
        script.post(named("account"), path, &json!({"metadata": {"name": account}})).silent();
    }
    json(script, "try", "POST", format!("{all}?dryRun=All&fieldValidation=Strict&{CREATOR}"), &body);
    if let Some(text) = document.as_written() {
        let path = format!("{all}?dryRun=All&fieldValidation=Warn&{CREATOR}");
        script.ask(named("try as written"), "POST", path).bytes("application/yaml", text);
    }
    json(script, "create", "POST", format!("{all}?fieldValidation=Warn&{CREATOR}"), &body);
    script.get(named("get"), &one);
    script.get(named("table"), &one).accept(TABLE);
    script.get(named("protobuf"), &one).accept(PROTOBUF);
    json(script, "replace", "PUT", format!("{one}?fieldManager=kubectl-replace"), &body);
    let patch = |script: &mut Script, what: &str, kind: &str, query: &str, body: &Value| {
        let media = format!("application/{kind}-patch+{}", if kind == "apply" { "yaml" } else { "json" });
        script.ask(named(what), "PATCH", format!("{one}?{query}")).bytes(&media, body.to_string());
    };
    patch(script, "strategic", "strategic-merge", "fieldManager=kubectl-patch", &body);
    patch(script, "merge", "merge", "fieldManager=kubectl-patch", &body);
    patch(script, "apply", "apply", APPLIER, &body);
    patch(script, "apply again", "apply", APPLIER, &body);
    patch(script, "apply less", "apply", APPLIER, &document.less());
    patch(script, "apply as other", "apply", "fieldManager=other", &body);
    for (round, next) in [("first", Some("apply anew")), ("second", None)] {
        script.delete(named(&format!("delete {round}")), &one);
        let free = json!({"metadata": {"finalizers": null}});
        script.patch(named(&format!("free {round}")), &one, "merge", &free).silent();
        if let Some(next) = next {
            patch(script, next, "apply", APPLIER, &body);
            patch(script, "apply anew again", "apply", APPLIER, &body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Vec<Script> {
        let mut manifests = Manifests::default();
        manifests.add("file.yaml", text);
        scripts(&manifests)
    }

    fn steps(script: &Script) -> Vec<String> {
        script.steps.iter().map(|step| format!("{} {}", step.method, step.path)).collect()
    }

    const MAP: &str =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other}\ndata: {a: b}\n";

    #[test]
    fn documents_are_put_into_a_namespace_of_their_own() {
        let scripts = asked(MAP);
        let of = |name: &str| {
            let step = scripts[0].steps.iter().find(|step| step.name.starts_with(name)).unwrap();
            format!("{} {} {:?}", step.method, step.path, step.body)
        };
        assert!(of("create").starts_with("POST /api/v1/namespaces/$(ns)/configmaps?"), "{}", of("create"));
        assert!(steps(&scripts[0]).contains(&"GET /api/v1/namespaces/$(ns)/configmaps/a".to_owned()));
        assert!(!of("create").contains("other"));
    }

    #[test]
    fn what_is_in_the_way_of_others_is_asked_after_them() {
        let class = |name: &str, value: u32| {
            format!(
                "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {{name: {name}}}\nvalue: {value}\n"
            )
        };
        let stream = [class("a", 1), class("b", 1), class("a", 2), MAP.to_owned()].join("---\n");
        assert_eq!(asked(&stream).len(), 3);
    }

    #[test]
    fn what_is_there_twice_is_asked_once() {
        assert_eq!(asked(&format!("{MAP}---\n{MAP}")).len(), 1);
    }
}
