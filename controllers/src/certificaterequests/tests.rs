use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Key, Time};
use serde_json::{Value, json};

use super::cleaning::CertificateCleaning;
use super::signing::CertificateSigning;
use super::{KUBELET_CLIENT, approving};
use crate::driver::Controller;
use crate::plan::lines;
use crate::signing::{Asked, Certificates, Order};
use crate::views::certificaterequest::CertificateRequest;

/// Requests are written `COMMON NAME|GROUPS|NAMES`, certificates say until when they are good.
#[derive(Debug)]
struct Plain;

impl Certificates for Plain {
    fn asked(&self, request: &[u8]) -> Result<Asked, String> {
        let text = String::from_utf8_lossy(request).into_owned();
        let parts: Vec<&str> = text.split('|').collect();
        let list =
            |at: usize| parts[at].split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Ok(Asked {
            common_name: parts[0].to_owned(),
            organizations: list(1),
            names: list(2),
            ..Asked::default()
        })
    }

    fn not_after(&self, certificate: &[u8]) -> Option<UnixMillis> {
        Time::parse(std::str::from_utf8(certificate).ok()?).map(Time::millis)
    }

    fn can_sign(&self) -> bool {
        true
    }

    fn sign(&self, order: &Order<'_>) -> Result<String, String> {
        let time = |at: UnixMillis| Time::of(at).to_string();
        Ok(format!("{} to {}", time(order.from), time(order.until)))
    }
}

fn now() -> UnixMillis {
    Time::parse("2026-01-02T00:00:00Z").unwrap().millis()
}

fn condition(kind: &str, since: &str) -> Value {
    json!({"type": kind, "status": "True", "lastUpdateTime": since})
}

fn request(signer: &str, asked: &str, usages: &[&str], status: &Value) -> Value {
    json!({
        "metadata": {"name": "r", "uid": "u", "creationTimestamp": "2026-01-01T12:00:00Z"},
        "spec": {"signerName": signer, "request": BASE64_STANDARD.encode(asked), "usages": usages, "username": "system:node:n"},
        "status": status,
    })
}

fn read(request: Value) -> CertificateRequest {
    serde_json::from_value(request).unwrap()
}

fn signed(request: Value) -> Vec<String> {
    let controller = CertificateSigning::over(Cache::holding([read(request)]), Arc::new(Plain));
    lines(controller.plan(&Key::new("", "r"), now()))
}

const SERVING: [&str; 3] = ["digital signature", "key encipherment", "server auth"];
const CLIENT: [&str; 2] = ["digital signature", "client auth"];

#[test]
fn what_is_approved_is_signed_if_it_is_what_its_signer_is_for() {
    let approved = json!({"conditions": [condition("Approved", "2026-01-02T00:00:00Z")]});
    let api = "kubernetes.io/kube-apiserver-client";
    let serving = "kubernetes.io/kubelet-serving";
    let sign = |signer: &str, asked: &str, usages: &[&str]| {
        let all = signed(request(signer, asked, usages, &approved));
        let line = all.first().cloned().unwrap_or_default();
        if line.contains(r#""certificate""#) {
            return "signed".to_owned();
        }
        let written =
            line.split_once("/status r ").map(|(_, change)| serde_json::from_str::<Value>(change).unwrap());
        let failed =
            written.map(|change| change["status"]["conditions"][1]["message"].as_str().unwrap().to_owned());
        failed.unwrap_or_default()
    };
    for (signer, asked, usages, expected) in [
        (api, "jane|dev|", &CLIENT[..], "signed"),
        (api, "jane|dev|", &SERVING[..], "invalid usage for client certificate: server auth"),
        (
            api,
            "jane|dev|",
            &["digital signature"][..],
            "missing required usage for client certificate: client auth",
        ),
        (KUBELET_CLIENT, "system:node:n|system:nodes|", &CLIENT[..], "signed"),
        (
            KUBELET_CLIENT,
            "system:node:n|system:nodes,other|",
            &CLIENT[..],
            "subject organization is not system:nodes",
        ),
        (
            KUBELET_CLIENT,
            "jane|system:nodes|",
            &CLIENT[..],
            "subject common name does not begin with system:node:",
        ),
        (KUBELET_CLIENT, "system:node:n|system:nodes|x", &CLIENT[..], "DNS subjectAltNames are not allowed"),
        (
            KUBELET_CLIENT,
            "system:node:n|system:nodes|",
            &SERVING[..],
            "usages did not match [client auth digital signature key encipherment]",
        ),
        (serving, "system:node:n|system:nodes|x", &SERVING[..], "signed"),
        (serving, "system:node:n|system:nodes|", &SERVING[..], "DNS or IP subjectAltName is required"),
        ("kubernetes.io/legacy-unknown", "jane||", &SERVING[..], "signed"),
        ("example.com/own", "jane||", &CLIENT[..], ""),
    ] {
        assert_eq!(sign(signer, asked, usages), expected, "{signer} {asked} {usages:?}");
    }
}

#[test]
fn what_is_not_to_be_signed_is_not() {
    let approved = condition("Approved", "2026-01-02T00:00:00Z");
    for status in [
        json!({}),
        json!({"conditions": [condition("Denied", "2026-01-02T00:00:00Z")]}),
        json!({"conditions": [approved, condition("Failed", "2026-01-02T00:00:00Z")]}),
        json!({"conditions": [approved], "certificate": "eA=="}),
    ] {
        let request = request("kubernetes.io/legacy-unknown", "jane||", &[], &status);
        assert_eq!(signed(request), Vec::<String>::new(), "{status}");
    }
}

#[test]
fn certificates_are_good_for_as_long_as_is_asked() {
    let approved = json!({"conditions": [condition("Approved", "2026-01-02T00:00:00Z")]});
    for (seconds, until) in [
        (json!(null), "2027-01-01T23:55:00Z"),
        (json!(60), "2026-01-02T00:10:00Z"),
        (json!(3600), "2026-01-02T01:00:00Z"),
        (json!(86_400), "2026-01-02T23:55:00Z"),
        (json!(999_999_999), "2027-01-01T23:55:00Z"),
    ] {
        let mut request = request("kubernetes.io/legacy-unknown", "jane||", &[], &approved);
        request["spec"]["expirationSeconds"] = seconds;
        let certificate = BASE64_STANDARD.encode(format!("2026-01-01T23:55:00Z to {until}"));
        assert_eq!(
            signed(request),
            [format!(
                r#"patch certificatesigningrequests/status r {{"status":{{"certificate":"{certificate}"}}}}"#
            )]
        );
    }
}

#[test]
fn kubelets_requests_can_be_approved() {
    let parts = |asked: &str, user: &str, usages: &[&str], status: &Value| {
        let mut request = request(KUBELET_CLIENT, asked, usages, status);
        request["spec"]["username"] = json!(user);
        let leaves = approving::leaves(&read(request), &Plain.asked(asked.as_bytes()).unwrap());
        leaves.iter().map(|leave| leave.part).collect::<Vec<_>>().join(" ")
    };
    let (node, none) = ("system:node:n|system:nodes|", json!({}));
    assert_eq!(parts(node, "system:node:n", &CLIENT, &none), "selfnodeclient nodeclient");
    assert_eq!(parts(node, "system:bootstrap:abc", &CLIENT, &none), "nodeclient");
    assert_eq!(parts(node, "system:node:n", &SERVING, &none), "");
    assert_eq!(parts("jane||", "jane", &CLIENT, &none), "");
    let denied = json!({"conditions": [condition("Denied", "2026-01-02T00:00:00Z")]});
    assert_eq!(parts(node, "system:node:n", &CLIENT, &denied), "");
}

#[test]
fn no_request_stays_for_ever() {
    let approved = |at: &str| condition("Approved", at);
    let certificate = |until: &str| BASE64_STANDARD.encode(until);
    let (gone, hour) = ("delete certificatesigningrequests r", "again in 1800.001s");
    for (status, expected) in [
        (json!({}), "again in 43200.001s"),
        (json!({"conditions": [approved("2026-01-01T00:00:00Z")]}), "again in 1ms"),
        (json!({"conditions": [approved("2025-12-31T23:59:59Z")]}), gone),
        (json!({"conditions": [condition("Denied", "2026-01-01T23:30:00Z")]}), hour),
        (json!({"conditions": [condition("Failed", "2026-01-01T22:30:00Z")]}), gone),
        (
            json!({"conditions": [approved("2026-01-01T23:30:00Z")], "certificate": certificate("2027-01-01T00:00:00Z")}),
            hour,
        ),
        (
            json!({"conditions": [approved("2026-01-01T23:30:00Z")], "certificate": certificate("2026-01-01T23:59:59Z")}),
            gone,
        ),
    ] {
        let request = read(request("x", "jane||", &[], &status));
        let controller = CertificateCleaning::over(Cache::holding([request]), Some(Arc::new(Plain)));
        assert_eq!(lines(controller.plan(&Key::new("", "r"), now())), [expected], "{status}");
    }
}
