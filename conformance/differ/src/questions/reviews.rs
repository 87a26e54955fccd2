//! Who somebody is, and what they may: the resources that only answer.

use serde_json::{Value as Json, json};

use crate::fixed;
use crate::script::Script;

pub(super) fn scripts() -> Vec<Script> {
    vec![authentication(), authorization()]
}

fn authentication() -> Script {
    let mut script = Script::with_namespace("reviews", "authentication");
    let review =
        |spec: Json| json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec});
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    for (name, spec) in [
        ("no token", fixed!({})),
        ("empty token", fixed!({"token": ""})),
        ("bogus token", fixed!({"token": "x"})),
        ("other audience", fixed!({"token": "x", "audiences": ["a"]})),
        ("number", fixed!({"token": 1})),
        ("almost a token", fixed!({"token": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.AA"})),
    ] {
        script.post(name, path, &review(spec));
    }
    script.post("dry", format!("{path}?dryRun=All"), &review(fixed!({"token": "x"})));
    script.post("with name", path, &fixed!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {"name": "x"}, "spec": {"token": "x"}}));
    script.post("other kind", path, &fixed!({"apiVersion": "v1", "kind": "Pod"}));
    script.post("empty", path, &fixed!({}));
    script.get("get", path);
    script.delete("delete", path);
    let own = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let body = fixed!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    script
        .post("someone else", own, &body)
        .header("Impersonate-User", "someone")
        .header("Impersonate-Group", "system:masters");
    script
        .post("someone else, extra", own, &body)
        .header("Impersonate-User", "someone")
        .header("Impersonate-Group", "system:masters")
        .header("Impersonate-Extra-a", "b");
    script
        .post("someone else, table", own, &body)
        .header("Impersonate-User", "someone")
        .header("Impersonate-Group", "system:masters")
        .accept("application/json;as=Table;v=v1;g=meta.k8s.io");
    script.get("get self", own);
    script
}

fn authorization() -> Script {
    let mut script = Script::with_namespace("reviews", "authorization");
    let of =
        |kind: &str, spec: Json| json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec});
    let root = "/apis/authorization.k8s.io/v1";
    for (name, spec) in [
        (
            "resource",
            fixed!({"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "$(ns)"}}),
        ),
        ("path", fixed!({"nonResourceAttributes": {"path": "/x", "verb": "get"}})),
        ("none", fixed!({})),
        ("both", fixed!({"resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"path": "/x"}})),
        (
            "fields",
            fixed!({"resourceAttributes": {"verb": "list", "resource": "pods", "fieldSelector": {"rawSelector": "a=b"}, "labelSelector": {"requirements": [{"key": "a", "operator": "In", "values": ["b"]}]}}}),
        ),
        (
            "bad selector",
            fixed!({"resourceAttributes": {"verb": "list", "resource": "pods", "labelSelector": {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "In", "values": ["b"]}]}}}),
        ),
    ] {
        script.post(
            format!("self, {name}"),
            format!("{root}/selfsubjectaccessreviews"),
            &of("SelfSubjectAccessReview", spec.clone()),
        );
        for (who, more) in
            [("nobody", fixed!({})), ("masters", fixed!({"user": "u", "groups": ["system:masters"]}))]
        {
            let mut spec = spec.clone();
            if let (Json::Object(spec), Json::Object(more)) = (&mut spec, more) {
                spec.extend(more);
            }
            script.post(
                format!("{who}, {name}"),
                format!("{root}/subjectaccessreviews"),
                &of("SubjectAccessReview", spec.clone()),
            );
            script.post(
                format!("local, {who}, {name}"),
                format!("{root}/namespaces/$(ns)/localsubjectaccessreviews"),
                &of("LocalSubjectAccessReview", spec),
            );
        }
    }
    script.post(
        "rules",
        format!("{root}/selfsubjectrulesreviews"),
        &of("SelfSubjectRulesReview", fixed!({"namespace": "$(ns)"})),
    );
    script.post(
        "rules of none",
        format!("{root}/selfsubjectrulesreviews"),
        &of("SelfSubjectRulesReview", fixed!({})),
    );
    script.post("with name", format!("{root}/subjectaccessreviews"), &fixed!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {"name": "x"}, "spec": {"user": "u", "nonResourceAttributes": {"path": "/x"}}}));
    script.get("get", format!("{root}/selfsubjectaccessreviews"));
    script
}
