//! Service accounts' tokens: who gets them, whom they identify, and for how long.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Method;
use keelson_subject::client::Client;
use keelson_subject::ours::Server;
use serde_json::{Value, json};
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::identity::made_by;
use crate::place;

const JSON: &str = "application/json";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const SELF: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
/// Keys as kubeadm puts them there, or may.
const RSA: &str = include_str!("../../src/pki/testdata/rsa-pkcs1.pem");
const P384: &str = include_str!("../../src/pki/testdata/p384-sec1.pem");

async fn post(client: &Client, path: &str, body: Value) -> Value {
    let answer = client.send(Method::POST, path, JSON, &body.to_string()).await;
    assert_eq!(answer.code, 201, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// A client with nothing but a new token of this account.
async fn bearer(server: &Server, account: &str) -> Client {
    let made =
        post(&Client::of(&server.kubeconfig()), &format!("{ACCOUNTS}/{account}/token"), json!({})).await;
    let token = made["status"]["token"].as_str().unwrap().to_owned();
    Client { token: Some(token), ..Client::anonymous(&server.kubeconfig()) }
}

async fn name(client: &Client) -> Value {
    post(client, SELF, json!({})).await["status"]["userInfo"]["username"].take()
}

#[tokio::test]
async fn a_token_is_good_until_its_account_goes_and_over_restarts() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    post(&Client::of(&server.kubeconfig()), ACCOUNTS, json!({"metadata": {"name": "a"}})).await;
    let token = bearer(&server, "a").await.token;
    server.kill().await;

    let server = scratch.up(&[]).await;
    let client = Client { token, ..Client::anonymous(&server.kubeconfig()) };
    assert_eq!(name(&client).await, json!("system:serviceaccount:default:a"));
    assert_eq!(client.get("/openid/v1/jwks").await.code, 200);
    let gone = Client::of(&server.kubeconfig()).ask(Method::DELETE, &format!("{ACCOUNTS}/a")).await;
    assert_eq!(gone.code, 200);
    assert_eq!(client.get("/livez").await.code, 401);
    assert!(server.log().contains("whoever is identified may do everything"), "{}", server.log());
    server.end().await;
}

#[tokio::test]
async fn a_certificate_counts_before_a_token_and_a_token_before_a_bad_certificate() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let admin = Client::of(&server.kubeconfig());
    post(&admin, ACCOUNTS, json!({"metadata": {"name": "a"}})).await;
    let token = bearer(&server, "a").await.token;
    let with = |shows, token: &Option<String>| Client {
        shows,
        token: token.clone(),
        ..Client::of(&server.kubeconfig())
    };
    let wrong = Some("x.y.z".to_owned());
    assert_eq!(name(&with(made_by(&server, "ca", |_| {}), &token)).await, json!("somebody"));
    assert_eq!(name(&with(made_by(&server, "ca", |_| {}), &wrong)).await, json!("somebody"));
    let account = json!("system:serviceaccount:default:a");
    assert_eq!(name(&with(made_by(&server, "front-proxy-ca", |_| {}), &token)).await, account);
    for (shows, token) in [(made_by(&server, "front-proxy-ca", |_| {}), &wrong), (None, &wrong)] {
        assert_eq!(with(shows, token).get("/api").await.code, 401);
    }
    server.end().await;
}

#[tokio::test]
async fn keys_of_others_sign_tokens() {
    for (pem, algorithm) in [(RSA, "RS256"), (P384, "ES384")] {
        let scratch = place();
        let pki = scratch.path("their-pki");
        std::fs::create_dir(&pki).unwrap();
        std::fs::write(pki.join("sa.key"), pem).unwrap();
        let server = scratch.up(&["--pki-dir", pki.to_str().unwrap()]).await;
        post(&Client::of(&server.kubeconfig()), ACCOUNTS, json!({"metadata": {"name": "a"}})).await;
        let client = bearer(&server, "a").await;
        assert_eq!(name(&client).await, json!("system:serviceaccount:default:a"), "{algorithm}");
        let header = client.token.as_ref().unwrap().split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        let keys: Value = serde_json::from_str(&client.get("/openid/v1/jwks").await.body).unwrap();
        let key = &keys["keys"][0];
        assert_eq!((&header["alg"], &header["kid"]), (&json!(algorithm), &key["kid"]));
        assert_eq!((&key["alg"], &key["use"]), (&json!(algorithm), &json!("sig")));
        server.end().await;
    }
}

/// The token with other claims, signed with the key in `RSA`.
fn resigned(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut parts = token.split('.');
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let mut claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    change(&mut claims);
    let claims = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let key = PrivateKeyDer::from_pem_slice(RSA.as_bytes()).unwrap();
    let key = any_supported_type(&key).unwrap();
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).unwrap();
    let signature = signer.sign(format!("{header}.{claims}").as_bytes()).unwrap();
    format!("{header}.{claims}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_token_ends_when_it_says_so() {
    let scratch = place();
    let pki = scratch.path("their-pki");
    std::fs::create_dir(&pki).unwrap();
    std::fs::write(pki.join("sa.key"), RSA).unwrap();
    let server = scratch.up(&["--pki-dir", pki.to_str().unwrap()]).await;
    post(&Client::of(&server.kubeconfig()), ACCOUNTS, json!({"metadata": {"name": "a"}})).await;
    let token = bearer(&server, "a").await.token.unwrap();
    let of = |token: String| Client { token: Some(token), ..Client::anonymous(&server.kubeconfig()) };
    let account = json!("system:serviceaccount:default:a");
    assert_eq!(name(&of(resigned(&token, |_| {}))).await, account);
    let shifted = |seconds: i64| {
        resigned(&token, |claims| {
            for name in ["exp", "iat", "nbf"] {
                claims[name] = json!(claims[name].as_i64().unwrap() + seconds);
            }
        })
    };
    for seconds in [-7200, 7200] {
        assert_eq!(of(shifted(seconds)).get("/api").await.code, 401, "shifted by {seconds}");
    }
    server.end().await;
}

#[tokio::test]
async fn whoever_is_known_asks_and_acts_for_others() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let admin = Client::of(&server.kubeconfig());
    let spec = json!({"resourceAttributes": {"verb": "delete", "resource": "nodes"}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(post(&admin, path, json!({"spec": spec})).await["status"], json!({"allowed": true}));
    post(&admin, ACCOUNTS, json!({"metadata": {"name": "a"}})).await;
    let token = bearer(&server, "a").await.token.unwrap();
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let review = post(&admin, path, json!({"spec": {"token": token}})).await;
    assert_eq!(review["status"]["user"]["username"], json!("system:serviceaccount:default:a"));
    server.end().await;
}
