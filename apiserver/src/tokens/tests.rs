//! Tokens from being asked for to being shown, through the in-process door.

use axum::body::Body;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::claims::{Claims, LegacyClaims};
use super::keys::{BadKey, Keys};
use super::{ISSUER, LEGACY_ISSUER};
use crate::caller::Credentials;
use crate::object_life::tests::World;

const PEMS: [&str; 5] = [
    include_str!("../../../src/pki/testdata/rsa-pkcs1.pem"),
    include_str!("../../../src/pki/testdata/rsa-pkcs8.pem"),
    include_str!("../../../src/pki/testdata/p256-sec1.pem"),
    include_str!("../../../src/pki/testdata/p256-pkcs8.pem"),
    include_str!("../../../src/pki/testdata/p384-sec1.pem"),
];
const ED25519: &str = include_str!("../../../src/pki/testdata/ed25519.pem");
const REQUEST: &str = "/api/v1/namespaces/default/serviceaccounts/a/token";
const ACCOUNT: &str = "/api/v1/namespaces/default/serviceaccounts/a";

async fn world() -> World {
    let world = World::new().await;
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "default"}})).await;
    world.make("/api/v1/namespaces/default/serviceaccounts", json!({"metadata": {"name": "a"}})).await;
    world
}

/// Asks with a token and nothing else.
async fn show(world: &World, token: &str, path: &str, body: &str) -> (u16, Value) {
    let method = if body.is_empty() { Method::GET } else { Method::POST };
    let request =
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    let request =
        request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap();
    let answer = world.server.door_with(Credentials::None).oneshot(request).await.unwrap();
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap())
}

async fn is_believed(world: &World, token: &str) -> bool {
    match show(world, token, "/api/v1/namespaces", "").await.0 {
        200 => true,
        401 => false,
        code => panic!("{code}"),
    }
}

async fn request(world: &World, spec: Value) -> String {
    let made = world.make(REQUEST, json!({"spec": spec})).await;
    made["status"]["token"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn every_kind_of_key_signs_and_no_other_believes_it() {
    for (i, pem) in PEMS.iter().enumerate() {
        let keys = Keys::new(pem, "").unwrap();
        let said = Claims { sub: "s".into(), ..Claims::default() };
        let token = keys.sign(&said).unwrap();
        for _ in 0..2 {
            assert_eq!(keys.open::<Claims>(&token).as_ref(), Ok(&said), "{i}");
        }
        let (front, signature) = token.rsplit_once('.').unwrap();
        let changed = format!("{front}x.{signature}");
        assert!(keys.open::<Claims>(&changed).is_err(), "{i}");
        assert!(Keys::for_tests().open::<Claims>(&token).is_err(), "{i}");
    }
    assert_eq!(Keys::new(ED25519, "").unwrap_err(), BadKey::Kind);
    assert_eq!(Keys::new("", "").unwrap_err(), BadKey::NoKey);
    assert_eq!(
        Keys::new(PEMS[0], "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").unwrap_err(),
        BadKey::Public
    );
}

#[test]
fn tokens_of_an_older_key_are_believed_while_its_public_half_is_there() {
    let old = rcgen::KeyPair::generate().unwrap();
    let token = Keys::new(&old.serialize_pem(), "").unwrap().sign(&Claims::default()).unwrap();
    let now = Keys::new(PEMS[0], &old.public_key_pem()).unwrap();
    assert_eq!(now.shown().len(), 2);
    assert_eq!(now.open::<Claims>(&token), Ok(Claims::default()));
    // Whoever knows a public key could sign with it as with a secret.
    let confused = format!("{}.e30.AAAA", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#));
    assert!(now.open::<Claims>(&confused).is_err());
    let unsigned = format!("{}.e30.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    assert!(now.open::<Claims>(&unsigned).is_err());
}

#[tokio::test]
async fn a_token_is_its_accounts_while_it_lasts() {
    let world = world().await;
    let made = world.make(REQUEST, json!({})).await;
    assert_eq!(
        made["spec"],
        json!({"audiences": [ISSUER], "expirationSeconds": 3600, "boundObjectRef": null})
    );
    assert_eq!(made["status"]["expirationTimestamp"], json!("2030-01-01T01:00:00Z"));
    assert_eq!((&made["metadata"]["name"], &made["metadata"]["namespace"]), (&json!("a"), &json!("default")));
    let fields = &made["metadata"]["managedFields"][0];
    assert_eq!(
        (&fields["subresource"], &fields["apiVersion"]),
        (&json!("token"), &json!("authentication.k8s.io/v1"))
    );
    let token = made["status"]["token"].as_str().unwrap();
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let (code, review) = show(&world, token, path, "{}").await;
    assert_eq!(code, 201, "{review}");
    let user = &review["status"]["userInfo"];
    assert_eq!(user["username"], json!("system:serviceaccount:default:a"));
    assert_eq!(user["uid"], world.get(ACCOUNT).await.1["metadata"]["uid"]);
    assert_eq!(
        user["groups"],
        json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    );
    let id = format!("JTI={}", claims(token)["jti"].as_str().unwrap());
    assert_eq!(user["extra"], json!({"authentication.kubernetes.io/credential-id": [id]}));

    world.pass(3600 + 60);
    assert!(is_believed(&world, token).await, "clocks may differ by a minute");
    world.pass(1);
    assert!(!is_believed(&world, token).await);
}

#[tokio::test]
async fn a_token_ends_with_its_account_even_if_another_gets_the_name() {
    let world = world().await;
    let token = request(&world, json!({})).await;
    assert!(is_believed(&world, &token).await);
    world.ask(Method::DELETE, ACCOUNT, Value::Null).await;
    assert!(!is_believed(&world, &token).await);
    world.make("/api/v1/namespaces/default/serviceaccounts", json!({"metadata": {"name": "a"}})).await;
    assert!(!is_believed(&world, &token).await);
}

#[tokio::test]
async fn a_token_ends_with_what_it_is_bound_to() {
    let world = world().await;
    let node = world.make("/api/v1/nodes", json!({"metadata": {"name": "n"}})).await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"metadata": {"name": "p"}, "spec": {"serviceAccountName": "a", "nodeName": "n", "containers": [{"name": "c", "image": "i"}]}});
    let pod = world.make(pods, pod).await;
    let secret = world.make("/api/v1/namespaces/default/secrets", json!({"metadata": {"name": "s"}})).await;
    let uid = |object: &Value| object["metadata"]["uid"].clone();
    for (kind, name, path, bound) in [
        (
            "Pod",
            "p",
            "/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0",
            json!({"pod": {"name": "p", "uid": uid(&pod)}, "node": {"name": "n", "uid": uid(&node)}}),
        ),
        (
            "Secret",
            "s",
            "/api/v1/namespaces/default/secrets/s",
            json!({"secret": {"name": "s", "uid": uid(&secret)}}),
        ),
        ("Node", "n", "/api/v1/nodes/n", json!({"node": {"name": "n", "uid": uid(&node)}})),
    ] {
        let token =
            request(&world, json!({"boundObjectRef": {"kind": kind, "apiVersion": "v1", "name": name}}))
                .await;
        let said = claims(&token);
        for (field, value) in bound.as_object().unwrap() {
            assert_eq!(said["kubernetes.io"][field], *value, "{kind}");
        }
        assert!(is_believed(&world, &token).await, "{kind}");
        assert_eq!(world.ask(Method::DELETE, path, Value::Null).await.0, 200, "{kind}");
        assert!(!is_believed(&world, &token).await, "{kind}");
    }
}

#[tokio::test]
async fn what_kubelets_ask_for_lasts_longer_than_it_says() {
    let world = world().await;
    let pod = json!({"metadata": {"name": "p"}, "spec": {"serviceAccountName": "a", "containers": [{"name": "c", "image": "i"}]}});
    world.make("/api/v1/namespaces/default/pods", pod).await;
    let bound = json!({"kind": "Pod", "apiVersion": "v1", "name": "p"});
    let made =
        world.make(REQUEST, json!({"spec": {"expirationSeconds": 3607, "boundObjectRef": bound}})).await;
    assert_eq!(made["status"]["expirationTimestamp"], json!("2030-01-01T01:00:07Z"));
    let said = claims(made["status"]["token"].as_str().unwrap());
    let since = |field: &Value| field.as_i64().unwrap() - said["iat"].as_i64().unwrap();
    assert_eq!((since(&said["exp"]), since(&said["kubernetes.io"]["warnafter"])), (365 * 24 * 3600, 3607));
}

#[tokio::test]
async fn bad_requests_are_refused_in_upstreams_words() {
    let world = world().await;
    for (body, code, words) in [
        (
            json!({"spec": {"expirationSeconds": 599}}),
            422,
            r#"TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"#,
        ),
        (
            json!({"spec": {"expirationSeconds": 4_294_967_297_i64}}),
            422,
            r#"TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds"#,
        ),
        (
            json!({"spec": {"expirationSeconds": 5, "attestations": {"a": ["b"]}}}),
            422,
            r#"TokenRequest.authentication.k8s.io "" is invalid: spec.attestations: Invalid value: {"a":["b"]}: attestations may only be specified with a webhook bound object reference"#,
        ),
        (
            json!({"metadata": {"name": "b"}}),
            422,
            r#"TokenRequest.authentication.k8s.io "a" is invalid: metadata.name: Invalid value: "b": must match the service account name if specified"#,
        ),
        (
            json!({"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "x"}}}),
            404,
            r#"pods "x" not found"#,
        ),
        (
            json!({"spec": {"boundObjectRef": {"kind": "Foo", "apiVersion": "v1", "name": "x"}}}),
            400,
            "cannot bind token to object of type /v1, Kind=Foo",
        ),
    ] {
        let (has, status) = world.ask(Method::POST, REQUEST, body.clone()).await;
        assert_eq!((has, status["message"].as_str().unwrap()), (code, words), "{body}");
    }
    let (code, status) = world.ask(Method::POST, &REQUEST.replace("/a/", "/zz/"), json!({})).await;
    assert_eq!((code, &status["message"]), (404, &json!(r#"serviceaccounts "zz" not found"#)));
}

#[tokio::test]
async fn a_review_says_whose_token_it_is_and_for_whom() {
    let world = world().await;
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let token = request(&world, json!({"audiences": ["x", "y"]})).await;
    assert!(!is_believed(&world, &token).await, "it is not for this server");
    let review = world.make(path, json!({"spec": {"token": token, "audiences": ["y", "z"]}})).await;
    assert_eq!(review["status"]["authenticated"], json!(true), "{review}");
    assert_eq!(review["status"]["audiences"], json!(["y"]));
    assert_eq!(review["status"]["user"]["username"], json!("system:serviceaccount:default:a"));
    for (asked, error) in [
        (
            token.as_str(),
            r#"[invalid bearer token, token audiences ["x" "y"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local"]]"#,
        ),
        ("x", "invalid bearer token"),
    ] {
        let review = world.make(path, json!({"spec": {"token": asked}})).await;
        assert_eq!(review["status"], json!({"user": {}, "error": error}));
    }
    let (code, status) = world.ask(Method::POST, path, json!({"spec": {}})).await;
    assert_eq!(
        (code, &status["message"]),
        (400, &json!("token is required for TokenReview in authentication"))
    );
}

#[tokio::test]
async fn a_token_in_a_secret_is_good_while_it_lies_there() {
    let world = world().await;
    let (_, account) = world.get(ACCOUNT).await;
    let said = LegacyClaims {
        iss: LEGACY_ISSUER.into(),
        namespace: "default".into(),
        secret: "s".into(),
        account: "a".into(),
        account_uid: account["metadata"]["uid"].as_str().unwrap().into(),
        sub: "system:serviceaccount:default:a".into(),
        ..LegacyClaims::default()
    };
    let token = world.server.shared.api.keys.sign(&said).unwrap();
    assert!(!is_believed(&world, &token).await);
    let secret = json!({"metadata": {"name": "s", "annotations": {"kubernetes.io/service-account.name": "a"}}, "type": "kubernetes.io/service-account-token", "data": {"token": BASE64_STANDARD.encode(&token)}});
    world.make("/api/v1/namespaces/default/secrets", secret.clone()).await;
    assert!(is_believed(&world, &token).await);
    let other =
        world.server.shared.api.keys.sign(&LegacyClaims { aud: vec![ISSUER.into()], ..said }).unwrap();
    assert!(!is_believed(&world, &other).await, "it is not the one in the secret");
    world.ask(Method::DELETE, "/api/v1/namespaces/default/secrets/s", Value::Null).await;
    assert!(!is_believed(&world, &token).await);
}

#[tokio::test]
async fn others_are_told_how_to_check_tokens() {
    let world = world().await;
    let token = request(&world, json!({})).await;
    let (_, keys) = show(&world, &token, "/openid/v1/jwks", "").await;
    let header: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap())
            .unwrap();
    assert_eq!(header, json!({"alg": "ES256", "kid": keys["keys"][0]["kid"]}));
    let (_, configuration) = show(&world, &token, "/.well-known/openid-configuration", "").await;
    assert_eq!(configuration["issuer"], json!(ISSUER));
    assert_eq!(configuration["id_token_signing_alg_values_supported"], json!(["ES256"]));
}
