//! Certificates and requests for them, as far as objects contain them: whether they are what they say they are.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// A block of a PEM text.
pub(crate) struct Block {
    /// What it says it is.
    pub(crate) kind: String,
    /// Whether there is something in front of its content.
    pub(crate) has_headers: bool,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
}

/// The blocks of a PEM text. What is between them, and what is no block, is passed over, as Go does.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some(kind) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) else {
            continue;
        };
        let end = format!("{END}{kind}{DASHES}");
        let Some(length) = lines[at..].iter().position(|line| *line == end) else { continue };
        if let Some(block) = block(kind, &lines[at..at + length]) {
            blocks.push(block);
            at += length + 1;
        }
    }
    blocks
}

fn block(kind: &str, lines: &[&str]) -> Option<Block> {
    let headers = lines.iter().take_while(|line| line.contains(':')).count();
    let content: String = lines[headers..].concat();
    let bytes = keelson_schema::scalar::base64::decode(content.as_bytes()).ok()?;
    Some(Block { kind: kind.to_owned(), has_headers: headers > 0, bytes })
}

/// What is wrong with a request for a certificate.
pub(crate) fn fault_of_request(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let Some(block) = blocks(&text).into_iter().next().filter(|one| one.kind == "CERTIFICATE REQUEST") else {
        return Some("PEM block type must be CERTIFICATE REQUEST".into());
    };
    let Ok((rest, request)) = X509CertificationRequest::from_der(&block.bytes) else {
        return Some("asn1: structure error: tags don't match (16 vs {class:0 tag:0 length:0 isCompound:false}) {optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false} certificateRequest @2".into());
    };
    if !rest.is_empty() {
        return Some("asn1: syntax error: trailing data".into());
    }
    request.verify_signature().err().map(|_| "x509: signature verification failed".into())
}

/// What is wrong with a request for a certificate that is no text.
pub(crate) fn fault_of_plain_request(bytes: &[u8]) -> Option<String> {
    let Ok((&[], request)) = X509CertificationRequest::from_der(bytes) else {
        return Some("must be a valid PKCS#10 CSR".into());
    };
    match request.certification_request_info.subject_pki.parsed() {
        Ok(PublicKey::RSA(key)) if !matches!(key.key_size(), 3072 | 4096) => {
            return Some("RSA keys must have modulus size 3072 or 4096".into());
        }
        Ok(PublicKey::RSA(_) | PublicKey::EC(_) | PublicKey::Unknown(_)) => {}
        _ => return Some("unknown public key type; supported types are Ed25519, ECDSA, and RSA".into()),
    }
    request.verify_signature().err().map(|_| "invalid signature".into())
}

/// Whether these octets are a certificate.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    X509Certificate::from_der(bytes).is_ok_and(|(rest, _)| rest.is_empty())
}

/// What whoever keeps a certificate with its key is to be warned of: as far as can be told without reading them.
pub(crate) fn warning_of_pair(chain: &[u8], key: &[u8]) -> Option<String> {
    let kinds = |bytes: &[u8]| -> Vec<String> {
        blocks(&String::from_utf8_lossy(bytes)).into_iter().map(|block| block.kind).collect()
    };
    let is_key = |kind: &String| kind == "PRIVATE KEY" || kind.ends_with(" PRIVATE KEY");
    let (chain, key) = (kinds(chain), kinds(key));
    if !chain.iter().any(|kind| kind == "CERTIFICATE") {
        return Some(match chain.as_slice() {
            [] => "tls: failed to find any PEM data in certificate input".into(),
            [one] if one.ends_with("PRIVATE KEY") => "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched".into(),
            kinds => format!(r#"tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [{}]"#, kinds.join(" ")),
        });
    }
    if key.iter().any(is_key) {
        return None;
    }
    Some(match key.as_slice() {
        [] => "tls: failed to find any PEM data in key input".into(),
        [one] if one == "CERTIFICATE" => {
            "tls: found a certificate rather than a key in the PEM for the private key".into()
        }
        kinds => format!(
            r#"tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [{}]"#,
            kinds.join(" ")
        ),
    })
}

/// What is wrong with a chain of certificates, if there is one.
pub(crate) fn fault_of_chain(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    let blocks = blocks(&String::from_utf8_lossy(bytes));
    for block in &blocks {
        if block.kind != "CERTIFICATE" {
            let kind = keelson_api::golang::Quoted(&block.kind);
            return Some(format!("only CERTIFICATE PEM blocks are allowed, found {kind}"));
        }
        if block.has_headers {
            return Some("no PEM block headers are permitted".into());
        }
        if X509Certificate::from_der(&block.bytes).is_err() {
            return Some("x509: malformed certificate".into());
        }
    }
    blocks.is_empty().then(|| "must contain at least one CERTIFICATE PEM block".into())
}

/// What is wrong with a bundle of trust anchors: everything, entry by entry.
pub(crate) fn faults_of_bundle(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut anchors: Vec<(Vec<u8>, Vec<usize>)> = Vec::new();
    for (i, block) in blocks(text).into_iter().enumerate() {
        if block.kind != "CERTIFICATE" {
            faults.push(format!("entry {i} has bad block type: {}", block.kind));
        } else if block.has_headers {
            faults.push(format!("entry {i} has PEM block headers"));
        } else if let Some(fault) = fault_of_anchor(&block.bytes) {
            faults.push(format!("entry {i} {fault}"));
        } else if let Some((_, places)) = anchors.iter_mut().find(|(bytes, _)| *bytes == block.bytes) {
            places.push(i);
        } else {
            anchors.push((block.bytes, vec![i]));
        }
    }
    if !faults.is_empty() {
        return faults;
    }
    if anchors.is_empty() {
        faults.push("at least one trust anchor must be provided".into());
    }
    for (_, places) in anchors.iter().filter(|(_, places)| places.len() > 1) {
        let places: Vec<String> = places.iter().map(ToString::to_string).collect();
        faults.push(format!("duplicate trust anchor (indices [{}])", places.join(" ")));
    }
    faults
}

fn fault_of_anchor(bytes: &[u8]) -> Option<&'static str> {
    let Ok((_, certificate)) = X509Certificate::from_der(bytes) else {
        return Some("does not parse as X.509");
    };
    (!certificate.is_ca()).then_some("does not have the CA bit set")
}
