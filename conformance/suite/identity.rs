//! Who gets in, by what.

use http::Version;
use keelson_subject::client::{Client, Shows};
use keelson_subject::ours::Server;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use crate::place;

const UNAUTHORIZED: &str = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}\n";

const ONLY_TLS12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

/// What the holder of the cluster's authority would make for somebody.
pub(crate) fn made_by(
    server: &Server,
    authority: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> Shows {
    let read =
        |kind: &str| std::fs::read_to_string(server.data.join(format!("pki/{authority}.{kind}"))).unwrap();
    let key = KeyPair::from_pem(&read("key")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&read("crt"), key).unwrap();
    let own = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "somebody");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    change(&mut params);
    Some((params.signed_by(&own, &issuer).unwrap().pem(), own.serialize_pem()))
}

#[tokio::test]
async fn only_those_who_prove_who_they_are_get_past_the_door() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let kubeconfig = server.kubeconfig();
    let showing = |shows: Shows| Client { shows, ..Client::of(&kubeconfig) };
    let cases: [(&str, Client, u16, u16); 7] = [
        ("the admin", Client::of(&kubeconfig), 200, 200),
        ("somebody with a certificate of the authority", showing(made_by(&server, "ca", |_| {})), 200, 200),
        ("nobody in particular", Client::anonymous(&kubeconfig), 200, 401),
        ("a token", Client { token: Some("x".into()), ..Client::anonymous(&kubeconfig) }, 401, 401),
        ("a certificate of another authority", showing(made_by(&server, "front-proxy-ca", |_| {})), 401, 401),
        (
            "a certificate that has ended",
            showing(made_by(&server, "ca", |params| params.not_after = rcgen::date_time_ymd(2021, 1, 1))),
            401,
            401,
        ),
        (
            "a server's certificate",
            showing(made_by(&server, "ca", |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            })),
            401,
            401,
        ),
    ];
    for (who, client, public, private) in cases {
        assert_eq!(client.get("/livez").await.code, public, "/livez for {who}");
        let answer = client.get("/metrics").await;
        assert_eq!(answer.code, private, "/metrics for {who}");
        if private == 401 {
            assert_eq!(answer.body, UNAUTHORIZED, "for {who}");
            assert_eq!(answer.headers["content-type"], "application/json");
        }
    }
    server.end().await;
}

#[tokio::test]
async fn a_certificate_without_a_name_is_nobodys() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let nameless = made_by(&server, "ca", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:masters");
    });
    let client = Client { shows: nameless, ..Client::of(&server.kubeconfig()) };
    assert_eq!((client.get("/livez").await.code, client.get("/metrics").await.code), (200, 401));
    server.end().await;
}

#[tokio::test]
async fn clients_speak_either_http_and_either_tls() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    for versions in [ONLY_TLS12, ONLY_TLS13] {
        for (protocol, version) in [(b"h2".as_slice(), Version::HTTP_2), (b"http/1.1", Version::HTTP_11)] {
            let client = Client { versions, protocol, ..Client::of(&server.kubeconfig()) };
            let answer = client.get("/readyz").await;
            assert_eq!((answer.code, answer.version), (200, version));
        }
    }
    server.end().await;
}

#[tokio::test]
async fn whoever_believes_another_authority_does_not_believe_this_server() {
    let (one, other) = (place(), place());
    let (one, other) = (one.up(&[]).await, other.up(&[]).await);
    let client = Client { address: one.address, ..Client::of(&other.kubeconfig()) };
    let error = client.try_ask(http::Method::GET, "/livez").await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    one.end().await;
    other.end().await;
}
