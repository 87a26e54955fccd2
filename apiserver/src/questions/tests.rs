//! Questions and their answers, through the in-process door. The words are those of an upstream server that was asked
//! the same.

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::caller::{Caller, Credentials};
use crate::object_life::tests::World;

const ACCESS: &str = "/apis/authorization.k8s.io/v1";
const SELF: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

#[tokio::test]
async fn whoever_is_known_may_do_everything() {
    let world = World::new().await;
    let spec = json!({"resourceAttributes": {"verb": "get", "resource": "pods"}});
    let review = world.make(&format!("{ACCESS}/selfsubjectaccessreviews"), json!({"spec": spec})).await;
    assert_eq!((&review["status"], &review["spec"]), (&json!({"allowed": true}), &spec));
    assert_eq!(review["metadata"]["managedFields"].as_array().unwrap().len(), 1);
    let spec = json!({"user": "bob", "nonResourceAttributes": {"path": "/", "verb": "get"}});
    let review = world.make(&format!("{ACCESS}/subjectaccessreviews"), json!({"spec": spec})).await;
    assert_eq!(review["status"], json!({"allowed": true}));
    let spec = json!({"groups": ["g"], "resourceAttributes": {"namespace": "n"}});
    let path = format!("{ACCESS}/namespaces/n/localsubjectaccessreviews");
    let review = world.make(&path, json!({"spec": spec})).await;
    assert_eq!(
        (&review["status"], &review["metadata"]["namespace"]),
        (&json!({"allowed": true}), &json!("n"))
    );
    let path = format!("{ACCESS}/selfsubjectrulesreviews");
    let review = world.make(&path, json!({"metadata": {"name": "x"}, "spec": {"namespace": "n"}})).await;
    assert_eq!(
        review,
        json!({"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {}, "status": {
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}], "incomplete": false}})
    );
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let world = World::new().await;
    let one = "spec: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";
    let pods = json!({"verb": "get", "resource": "pods"});
    let selected = |labels: Value, fields: Value| json!({"spec": {"resourceAttributes": {"labelSelector": labels, "fieldSelector": fields}}});
    let cases = [
        ("selfsubjectaccessreviews", json!({"spec": {}}), one.to_owned()),
        (
            "selfsubjectaccessreviews",
            json!({"spec": {"resourceAttributes": pods, "nonResourceAttributes": {"path": "/", "verb": "get"}}}),
            one.replace("null", r#"{"Path":"/","Verb":"get"}"#),
        ),
        (
            "selfsubjectaccessreviews",
            selected(json!({}), json!({"rawSelector": "a", "requirements": [{"key": "", "operator": "Foo"}]})),
            "[spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: \"a\": may not specified at the same time as requirements, spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified, spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required]".into(),
        ),
        (
            "selfsubjectaccessreviews",
            selected(
                json!({"requirements": [{"key": "a", "operator": "Exists", "values": ["x"]}, {"key": "a", "operator": "?"}]}),
                json!({"requirements": [{"key": "a", "operator": "In"}]}),
            ),
            "[spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn', spec.resourceAttributes.labelSelector.requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist']".into(),
        ),
        (
            "subjectaccessreviews",
            json!({"spec": {"resourceAttributes": pods}}),
            "spec.user: Invalid value: \"\": at least one of user or group must be specified".into(),
        ),
        (
            "namespaces/tok/localsubjectaccessreviews",
            json!({"spec": {"user": "bob", "resourceAttributes": {"namespace": "x"}}}),
            "spec.resourceAttributes.namespace: Invalid value: \"x\": must match metadata.namespace".into(),
        ),
        (
            "namespaces/tok/localsubjectaccessreviews",
            json!({"spec": {"user": "bob", "nonResourceAttributes": {"path": "x", "verb": "get"}}}),
            r#"spec.nonResourceAttributes: Invalid value: {"Path":"x","Verb":"get"}: disallowed on this kind of request"#.into(),
        ),
    ];
    for (path, question, words) in cases {
        let (code, status) = world.ask(Method::POST, &format!("{ACCESS}/{path}"), question.clone()).await;
        let expected = format!(".authorization.k8s.io \"\" is invalid: {words}");
        assert_eq!((code, status["message"].as_str().unwrap()), (422, &*expected), "{question}");
    }
    let named = json!({"metadata": {"name": "x", "uid": "f"}, "spec": {"resourceAttributes": pods}});
    let (code, status) = world.ask(Method::POST, &format!("{ACCESS}/selfsubjectaccessreviews"), named).await;
    let words = status["message"].as_str().unwrap();
    assert!(words.contains(r#"metadata: Invalid value: {"name":"x","managedFields":[{"#), "{words}");
    assert!(code == 422 && words.ends_with("}]}: must be empty"), "{words}");
    let (code, status) =
        world.ask(Method::POST, &format!("{ACCESS}/selfsubjectrulesreviews"), json!({"spec": {}})).await;
    assert_eq!((code, &status["message"]), (400, &json!("no namespace on request")));
}

/// Who the server thinks asks, or why it does not know.
async fn who(headers: &[(&str, &str)]) -> (u16, Value) {
    let caller = Caller::authenticated("admin", ["system:masters"]).with_uid("7");
    let mut request = Request::post(SELF).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let door = World::new().await.server.door_with(Credentials::Component(caller.into()));
    let answer = door.oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
    (code, if code == 201 { answer["status"]["userInfo"].take() } else { answer["message"].take() })
}

#[tokio::test]
async fn whoever_is_known_may_act_as_anybody() {
    let admin =
        json!({"username": "admin", "uid": "7", "groups": ["system:masters", "system:authenticated"]});
    let bob = json!({"username": "bob", "uid": "5", "groups": ["g1", "g2", "system:authenticated"], "extra": {"foo/bar": ["v", "w"]}});
    let account = json!({"username": "system:serviceaccount:n:a", "groups": ["system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"]});
    let node = json!({"username": "system:node:n1", "groups": ["system:nodes", "system:authenticated"]});
    let nobody = json!({"username": "system:anonymous", "groups": ["system:unauthenticated"]});
    let alone = json!({"username": "bob", "groups": ["system:unauthenticated"]});
    for (headers, expected) in [
        (vec![], admin),
        (
            vec![
                ("Impersonate-User", "bob"),
                ("Impersonate-Uid", "5"),
                ("Impersonate-Group", "g1"),
                ("Impersonate-Group", "g2"),
                ("Impersonate-Extra-Foo%2fBar", "v"),
                ("Impersonate-Extra-Foo%2fBar", "w"),
            ],
            bob,
        ),
        (vec![("Impersonate-User", "system:serviceaccount:n:a")], account),
        (vec![("Impersonate-User", "system:node:n1")], node),
        (vec![("Impersonate-User", "system:anonymous")], nobody),
        (vec![("Impersonate-User", "bob"), ("Impersonate-Group", "system:unauthenticated")], alone),
    ] {
        assert_eq!(who(&headers).await, (201, expected), "{headers:?}");
    }
    let refused = |fields: &str| {
        (
            400,
            json!(format!(
                "requested &user.DefaultInfo{{Name:\"\", {fields}}} without impersonating a user name"
            )),
        )
    };
    assert_eq!(
        who(&[("Impersonate-Group", "x")]).await,
        refused(r#"UID:"", Groups:[]string{"x"}, Extra:map[string][]string(nil)"#)
    );
    assert_eq!(
        who(&[("Impersonate-Uid", "x"), ("Impersonate-Extra-A", "b")]).await,
        refused(r#"UID:"x", Groups:[]string(nil), Extra:map[string][]string{"a":[]string{"b"}}"#)
    );
}
