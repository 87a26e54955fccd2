//! Upstream's own bytes: the same objects as JSON and as protobuf, every kind empty, filled and defaulted.

use std::collections::BTreeMap;
use std::io::Read;

use keelson_schema::convert::{ConvertError, Encoding, convert};

/// JSON and protobuf by `variant/group.version.kind`.
fn vectors() -> BTreeMap<String, (Vec<u8>, Vec<u8>)> {
    let file = std::fs::File::open("tests/vectors.tar.gz").expect("the vectors are carried along");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut vectors = BTreeMap::<String, (Vec<u8>, Vec<u8>)>::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("a file");
        let path = entry.path().expect("a name").to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("its bytes");
        if let Some(name) = path.strip_suffix(".json") {
            vectors.entry(name.to_owned()).or_default().0 = bytes;
        } else if let Some(name) = path.strip_suffix(".pb") {
            vectors.entry(name.to_owned()).or_default().1 = bytes;
        }
    }
    vectors
}

/// Vectors whose JSON shows a pointer to an empty raw value as null. Nobody can read that back, upstream neither: it takes
/// the null for no pointer. From JSON they are therefore not themselves again; their protobuf must be read and written.
const NULL_POINTERS: [&str; 13] = [
    "defaulted/apiextensions.k8s.io.v1beta1.CustomResourceDefinitionList",
    "defaulted/resource.k8s.io.v1.ResourceClaimList",
    "defaulted/resource.k8s.io.v1beta1.ResourceClaim",
    "defaulted/resource.k8s.io.v1beta1.ResourceClaimList",
    "defaulted/resource.k8s.io.v1beta2.ResourceClaim",
    "defaulted/resource.k8s.io.v1beta2.ResourceClaimList",
    "filled/apiextensions.k8s.io.v1.CustomResourceDefinitionList",
    "filled/apiextensions.k8s.io.v1beta1.CustomResourceDefinition",
    "filled/resource.k8s.io.v1.ResourceClaim",
    "filled/resource.k8s.io.v1.ResourceClaimList",
    "filled/resource.k8s.io.v1beta1.ResourceClaim",
    "filled/resource.k8s.io.v1beta1.ResourceClaimList",
    "filled/resource.k8s.io.v1beta2.ResourceClaimList",
];

/// Where two outputs part, with some of what follows.
fn parting(found: Result<Vec<u8>, ConvertError>, wanted: &[u8]) -> Option<String> {
    let found = match found {
        Ok(found) if found == wanted => return None,
        Ok(found) => found,
        Err(error) => return Some(error.to_string()),
    };
    let at = found.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    let around =
        |bytes: &[u8]| bytes[at.saturating_sub(40)..(at + 40).min(bytes.len())].escape_ascii().to_string();
    Some(format!("at {at}\n   found {}\n  wanted {}", around(&found), around(wanted)))
}

#[test]
fn every_kind_is_read_and_written_as_upstream_does() {
    let vectors = vectors();
    assert!(vectors.len() > 690, "{} vectors", vectors.len());
    let mut failed = Vec::new();
    for (name, (json, proto)) in &vectors {
        let line = [json, &b"\n"[..]].concat();
        for (input, to, wanted) in [
            (json, Encoding::Protobuf, proto),
            (proto, Encoding::Json, &line),
            (json, Encoding::Json, &line),
            (proto, Encoding::Protobuf, proto),
        ] {
            let from = Encoding::detect(input);
            let parting = parting(convert(input, None, to, true), wanted);
            if from == Encoding::Json && NULL_POINTERS.contains(&name.as_str()) {
                assert!(parting.is_some(), "{name} can be read after all");
                continue;
            }
            if let Some(parting) = parting {
                failed.push(format!("{name}: {from:?} to {to:?}: {parting}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), vectors.len() * 4, failed.join("\n"));
}
