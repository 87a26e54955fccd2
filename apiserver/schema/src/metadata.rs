//! The metadata-only form: `PartialObjectMetadata`, of a tree or straight from stored JSON.

use crate::arena::Schema;
use crate::json::{self, Gvk};
use crate::tree::{Object, Value};

/// What stands in front of the metadata in JSON.
const HEAD: &str = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#;

/// An object's metadata as an object of its own.
#[must_use]
pub fn partial(object: &Object) -> Option<Object> {
    let schema = Schema::builtin("meta.k8s.io", "v1", "PartialObjectMetadata")?;
    let of = schema.ty().as_struct()?;
    let (kind, version, metadata) =
        (of.index_of("kind")?, of.index_of("apiVersion")?, of.index_of("metadata")?);
    let mut partial = Object::new(schema.clone());
    partial.root_mut().set(kind, Value::from("PartialObjectMetadata"));
    partial.root_mut().set(version, Value::from("meta.k8s.io/v1"));
    if let Some(value) = object.view().field("metadata").value() {
        partial.root_mut().set(metadata, value.clone());
    }
    Some(partial)
}

/// The metadata-only form of an object's stored JSON, without decoding it: the bytes of its metadata in a new frame.
/// `None` if the JSON is no object with metadata.
#[must_use]
pub fn partial_json(stored: &[u8]) -> Option<Vec<u8>> {
    let metadata = json::member(stored, "metadata")?;
    let mut out = Vec::with_capacity(HEAD.len() + metadata.len() + 2);
    out.extend_from_slice(HEAD.as_bytes());
    out.extend_from_slice(metadata);
    out.extend_from_slice(b"}\n");
    Some(out)
}

/// The kind that an object names in its own fields.
///
/// # Errors
/// If its version has more than one slash.
pub fn gvk(object: &Object) -> Result<Gvk, crate::error::DecodeError> {
    Gvk::new(object.api_version(), object.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::{Encoding, decode, encode};

    #[test]
    fn both_ways_give_the_same() {
        let input = br#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","labels":{"x":"{\"y\":1}"}},"spec":{"containers":[]},"status":{}}"#;
        let (object, _) = decode(input, Encoding::Json, false).unwrap();
        let from_tree = encode(&partial(&object).unwrap(), Encoding::Json).unwrap();
        assert_eq!(partial_json(input).unwrap(), from_tree);
        assert_eq!(partial_json(b"{}"), None);
        assert_eq!(partial_json(b"[1]"), None);
        assert_eq!(partial_json(b"{\"metadata\":"), None);
    }
}
