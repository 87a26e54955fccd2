//! Certificates and keys, found, made and renewed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa};
use tempfile::TempDir;

use super::*;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
const KINDS: [(&str, &str); 6] = [
    ("RSA in PKCS #1", include_str!("testdata/rsa-pkcs1.pem")),
    ("RSA in PKCS #8", include_str!("testdata/rsa-pkcs8.pem")),
    ("P-256 in SEC 1 behind its parameters", include_str!("testdata/p256-sec1.pem")),
    ("P-256 in PKCS #8", include_str!("testdata/p256-pkcs8.pem")),
    ("P-384 in SEC 1", include_str!("testdata/p384-sec1.pem")),
    ("Ed25519", include_str!("testdata/ed25519.pem")),
];

fn later(days: u64) -> UnixMillis {
    UnixMillis(NOW.0 + days * DAY_MILLIS)
}

fn names() -> Vec<String> {
    serving_names(["192.0.2.7", "10.96.0.1"].map(|address| address.parse().unwrap()))
}

fn make(dir: &TempDir, now: UnixMillis) -> Result<Pki, Failure> {
    look_at(dir.path(), now)?.make(&names(), None)
}

fn contents(dir: &TempDir) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir.path()).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()))
        .collect()
}

fn put(dir: &TempDir, name: &str, text: &str) {
    fs::write(dir.path().join(name), text).unwrap();
}

fn issued(pem: &str, by: &str) -> bool {
    Certificate::parse(pem).unwrap().is_issued_by(&Certificate::parse(by).unwrap())
}

/// A certificate as others make them.
fn foreign(name: &str, key: &Key, issuer: Option<(&str, &Key)>, from: UnixMillis, days: u64) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let moment = |at: UnixMillis| time::OffsetDateTime::from_unix_timestamp((at.0 / 1_000) as i64).unwrap();
    (params.not_before, params.not_after) = (moment(from), moment(UnixMillis(from.0 + days * DAY_MILLIS)));
    let made = match issuer {
        None => {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.self_signed(key)
        }
        Some((pem, issuer)) => params.signed_by(key, &rcgen::Issuer::from_ca_cert_pem(pem, issuer).unwrap()),
    };
    made.unwrap().pem()
}

#[test]
fn an_empty_directory_is_filled_under_kubeadms_names() {
    let dir = TempDir::new().unwrap();
    let plan = look_at(dir.path(), NOW).unwrap();
    assert!(plan.is_new());
    assert!(contents(&dir).is_empty(), "looking changes nothing");
    let pki = plan.make(&names(), None).unwrap();
    let made = contents(&dir);
    let expected = [
        "apiserver-kubelet-client.crt",
        "apiserver-kubelet-client.key",
        "apiserver.crt",
        "apiserver.key",
        "ca.crt",
        "ca.key",
        "front-proxy-ca.crt",
        "front-proxy-ca.key",
        "front-proxy-client.crt",
        "front-proxy-client.key",
        "sa.key",
        "sa.pub",
    ];
    assert_eq!(made.keys().collect::<Vec<_>>(), expected);
    for name in expected {
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if name.ends_with("key") { 0o600 } else { 0o644 }, "{name}");
    }
    for (leaf, authority) in
        [("apiserver", "ca"), ("apiserver-kubelet-client", "ca"), ("front-proxy-client", "front-proxy-ca")]
    {
        assert!(issued(&made[&format!("{leaf}.crt")], &made[&format!("{authority}.crt")]), "{leaf}");
    }
    assert!(issued(&pki.admin.certificate, &pki.authority));
    assert_eq!(Key::parse(&made["sa.key"]).unwrap().public_pem(), made["sa.pub"]);
    let serving = Certificate::parse(&pki.serving.certificate).unwrap();
    for name in
        ["kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", "::1", "10.96.0.1", "192.0.2.7"]
    {
        assert!(serving.names.contains(&Name::parse(name).unwrap()), "{name}");
    }
}

#[test]
fn what_is_there_stays() {
    let dir = TempDir::new().unwrap();
    let first = make(&dir, NOW).unwrap();
    let before = contents(&dir);
    let again = look_at(dir.path(), later(10)).unwrap().make(&names(), Some(&first.admin)).unwrap();
    assert_eq!(contents(&dir), before);
    assert_eq!(again.admin, first.admin);
}

#[test]
fn ours_are_renewed_in_time_and_keep_their_keys() {
    let dir = TempDir::new().unwrap();
    let first = make(&dir, NOW).unwrap();
    let before = contents(&dir);
    for (days, renewed) in [(240, false), (245, true), (500, true)] {
        for (name, text) in &before {
            put(&dir, name, text);
        }
        let pki = look_at(dir.path(), later(days)).unwrap().make(&names(), Some(&first.admin)).unwrap();
        let after = contents(&dir);
        for name in ["apiserver", "apiserver-kubelet-client", "front-proxy-client"] {
            let certificate = format!("{name}.crt");
            assert_eq!(after[&certificate] != before[&certificate], renewed, "{name} after {days} days");
            assert_eq!(after[&format!("{name}.key")], before[&format!("{name}.key")]);
        }
        assert_eq!(pki.admin != first.admin, renewed, "the admin after {days} days");
        assert_eq!(after["ca.crt"], before["ca.crt"]);
    }
}

#[test]
fn a_server_with_other_names_gets_another_certificate() {
    let dir = TempDir::new().unwrap();
    let first = make(&dir, NOW).unwrap();
    let names = serving_names(["192.0.2.8".parse().unwrap()]);
    let second = look_at(dir.path(), NOW).unwrap().make(&names, None).unwrap();
    assert_ne!(first.serving.certificate, second.serving.certificate);
    assert!(
        Certificate::parse(&second.serving.certificate)
            .unwrap()
            .names
            .contains(&Name::parse("192.0.2.8").unwrap())
    );
}

#[test]
fn authorities_of_others_are_used_whatever_their_keys() {
    for (kind, pem) in KINDS {
        let dir = TempDir::new().unwrap();
        let key = Key::parse(pem).unwrap_or_else(|why| panic!("{kind}: {why}"));
        let authority = foreign("their authority", &key, None, NOW, 100);
        put(&dir, "ca.key", pem);
        put(&dir, "ca.crt", &authority);
        if kind != "Ed25519" {
            put(&dir, "sa.key", pem);
        }
        let pki = make(&dir, NOW).unwrap();
        assert!(issued(&pki.serving.certificate, &authority), "{kind}");
        assert_eq!(pki.authority, authority, "{kind}");
        assert!(contents(&dir)["sa.pub"].starts_with("-----BEGIN PUBLIC KEY-----\n"), "{kind}");
    }
}

#[test]
fn certificates_of_others_are_used_as_they_are() {
    let dir = TempDir::new().unwrap();
    let (authority_key, key) = (Key::parse(KINDS[0].1).unwrap(), Key::parse(KINDS[2].1).unwrap());
    let authority = foreign("their authority", &authority_key, None, NOW, 1_000);
    let serving = foreign("their server", &key, Some((&authority, &authority_key)), NOW, 365);
    for (name, text) in [
        ("ca.crt", &authority),
        ("ca.key", &authority_key.pem),
        ("apiserver.crt", &serving),
        ("apiserver.key", &key.pem),
    ] {
        put(&dir, name, text);
    }
    // Soon to end, and without the names of this server: theirs to decide.
    let pki = make(&dir, later(360)).unwrap();
    assert_eq!(pki.serving.certificate, serving);
    let failure = make(&dir, later(366)).unwrap_err().to_string();
    assert!(failure.contains("apiserver.crt has expired; renew it where it was made"), "{failure}");
}

#[test]
fn a_key_alone_gets_its_certificate() {
    // As a crash between the two files leaves it.
    let dir = TempDir::new().unwrap();
    make(&dir, NOW).unwrap();
    let before = contents(&dir);
    for name in ["ca.crt", "apiserver.crt", "sa.pub"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    let pki = make(&dir, NOW).unwrap();
    assert!(issued(&pki.serving.certificate, &pki.authority));
    let after = contents(&dir);
    for name in ["ca.key", "apiserver.key", "sa.key", "sa.pub"] {
        assert_eq!(after[name], before[name], "{name}");
    }
}

#[test]
fn what_does_not_fit_is_named_and_left_alone() {
    let other = Key::parse(KINDS[0].1).unwrap();
    let other_authority = foreign("another", &other, None, NOW, 1_000);
    let other_leaf = foreign("another", &other, Some((&other_authority, &other)), NOW, 1_000);
    let expired = foreign("another", &other, None, UnixMillis(NOW.0 - 2 * DAY_MILLIS), 1);
    let encrypted = include_str!("testdata/encrypted.pem");
    let p521 = include_str!("testdata/p521.pem");
    let cases: [(&[(&str, Option<&str>)], &str); 11] = [
        (&[("ca.key", None)], "ca.crt is there but ca.key is not; put ca.key beside it, or move ca.crt away"),
        (&[("apiserver.key", None)], "apiserver.crt is there but apiserver.key is not"),
        (&[("ca.key", Some(&other.pem))], "ca.crt does not belong to ca.key"),
        (&[("ca.crt", Some("nonsense"))], "ca.crt cannot be read as a certificate"),
        (&[("ca.key", Some("nonsense"))], "ca.key cannot be used as a key"),
        (&[("apiserver.key", Some(encrypted))], "apiserver.key cannot be used as a key"),
        (&[("sa.key", Some(p521))], "sa.key cannot be used as a key"),
        (&[("sa.key", Some(KINDS[5].1))], "sa.key cannot be used for tokens: tokens are signed with"),
        (&[("sa.key", None)], "sa.pub is there but sa.key is not"),
        (&[("ca.crt", Some(&expired)), ("ca.key", Some(&other.pem))], "ca.crt has expired"),
        (
            &[("apiserver.crt", Some(&other_leaf)), ("apiserver.key", Some(&other.pem))],
            "apiserver.crt was not issued by ca.crt",
        ),
    ];
    for (changes, said) in cases {
        let dir = TempDir::new().unwrap();
        make(&dir, NOW).unwrap();
        for (name, text) in changes {
            match text {
                Some(text) => put(&dir, name, text),
                None => fs::remove_file(dir.path().join(name)).unwrap(),
            }
        }
        let before = contents(&dir);
        let failure = look_at(dir.path(), NOW).unwrap_err().to_string();
        assert!(failure.contains(said) && failure.contains("; "), "{said}: {failure}");
        assert_eq!(contents(&dir), before);
    }
    let leaf_as_authority = TempDir::new().unwrap();
    put(&leaf_as_authority, "ca.crt", &other_leaf);
    put(&leaf_as_authority, "ca.key", &other.pem);
    let failure = look_at(leaf_as_authority.path(), NOW).unwrap_err().to_string();
    assert!(failure.contains("ca.crt is no certificate of an authority"), "{failure}");
}
