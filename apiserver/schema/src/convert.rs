//! From any of the three encodings to any other, as `keelson convert` does it.

use crate::arena::{Schema, builtin};
use crate::error::{DecodeError, EncodeError, StrictErrors};
use crate::json::Gvk;
use crate::tree::{Object, Value};
use crate::{json, proto, yaml};

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// Upstream's protobuf
    Protobuf,
}

impl Encoding {
    /// The encoding that `input` looks like: the protobuf prefix, an opening brace, or else YAML.
    #[must_use]
    pub fn detect(input: &[u8]) -> Self {
        if input.starts_with(&proto::PREFIX) {
            Self::Protobuf
        } else if input.trim_ascii_start().starts_with(b"{") {
            Self::Json
        } else {
            Self::Yaml
        }
    }
}

/// Why an object could not be converted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConvertError {
    /// It could not be read.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// It could not be written.
    #[error("{0}")]
    Encode(#[from] EncodeError),
}

/// Decodes an object of a built-in kind, which it names itself. With `strict`, unknown and duplicate fields are
/// collected beside it.
///
/// # Errors
/// In upstream's words.
pub fn decode(input: &[u8], from: Encoding, strict: bool) -> Result<(Object, StrictErrors), DecodeError> {
    match from {
        Encoding::Json => decode_as_json(input, input, strict),
        Encoding::Yaml => {
            let converted = yaml::to_json(input)?;
            let (object, mut found) = decode_as_json(&converted.json, input, strict)?;
            if let (true, Some(duplicates)) = (strict, converted.duplicates) {
                found.put_first(duplicates);
            }
            Ok((object, found))
        }
        Encoding::Protobuf => decode_protobuf(input).map(|object| (object, StrictErrors::default())),
    }
}

/// Encodes an object. JSON ends with a newline, as upstream's answers do.
///
/// # Errors
/// If it has no such form.
pub fn encode(object: &Object, to: Encoding) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    if to == Encoding::Protobuf {
        return proto::encode(object.ty(), object.root(), 4096);
    }
    json::encode(object.ty(), object.root(), &mut out)?;
    if to == Encoding::Yaml {
        return yaml::from_json(&out);
    }
    out.push(b'\n');
    Ok(out)
}

/// Decodes JSON that was made of `original`, which errors show.
fn decode_as_json(
    input: &[u8],
    original: &[u8],
    strict: bool,
) -> Result<(Object, StrictErrors), DecodeError> {
    let gvk = json::interpret(input)?;
    let shown = || String::from_utf8_lossy(original).into_owned();
    let schema = schema_of(&gvk, shown)?;
    let decoded = json::decode(input, schema.ty(), strict)?;
    Ok((Object::with_root(schema, decoded.root), decoded.strict))
}

fn decode_protobuf(input: &[u8]) -> Result<Object, DecodeError> {
    let envelope = proto::open(input)?;
    let gvk = Gvk::new(envelope.api_version, envelope.kind)?;
    let shown =
        || format!("runtime.TypeMeta{{APIVersion:{:?}, Kind:{:?}}}", envelope.api_version, envelope.kind);
    let schema = schema_of(&gvk, shown)?;
    let mut root = proto::decode_message(envelope.message, schema.ty())?;
    if let Some(of) = schema.ty().as_struct() {
        for (name, value) in [("kind", &gvk.kind), ("apiVersion", &gvk.api_version())] {
            if let Some(index) = of.index_of(name) {
                root.set(index, Value::from(value.as_str()));
            }
        }
    }
    Ok(Object::with_root(schema, root))
}

fn schema_of(gvk: &Gvk, shown: impl Fn() -> String) -> Result<Schema, DecodeError> {
    if gvk.kind.is_empty() {
        return Err(DecodeError::MissingKind(shown()));
    }
    if gvk.version.is_empty() {
        return Err(DecodeError::MissingVersion(shown()));
    }
    let found = builtin().by_gvk(&gvk.group, &gvk.version, &gvk.kind).map(Schema::of_builtin);
    found.ok_or_else(|| DecodeError::NotRegistered { kind: gvk.kind.clone(), version: gvk.api_version() })
}

/// Converts an object. With `strict`, unknown and duplicate fields are an error.
///
/// # Errors
/// In upstream's words.
pub fn convert(
    input: &[u8],
    from: Option<Encoding>,
    to: Encoding,
    strict: bool,
) -> Result<Vec<u8>, ConvertError> {
    let from = from.unwrap_or_else(|| Encoding::detect(input));
    let (object, found) = decode(input, from, strict)?;
    if !found.is_empty() {
        return Err(DecodeError::Strict(found).into());
    }
    Ok(encode(&object, to)?)
}
