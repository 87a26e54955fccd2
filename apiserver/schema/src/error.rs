//! What can be wrong with an encoded object, in upstream's words.

use std::fmt;

use crate::scalar::base64::Corrupt;
use crate::scalar::quote::quote;
use crate::scalar::time::TimeError;

/// Why bytes are no object.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The text is no JSON.
    #[error("{0}")]
    Syntax(String),
    /// The text is no JSON, or its kind or version is no text; found when the kind is looked for.
    #[error("couldn't get version/kind; json parse error: {0}")]
    Interpret(Box<DecodeError>),
    /// A value has another type than the field it is for.
    #[error("json: cannot unmarshal {value} into Go {} of type {go}", Target(.context.as_ref()))]
    Type {
        /// What was found: `string`, `number 2.0`, `object`.
        value: String,
        /// The innermost struct and the fields that lead to it, unless it is the object itself.
        context: Option<(String, String)>,
        /// The Go type it is for.
        go: String,
    },
    /// A text is no quantity.
    #[error("{0}")]
    Quantity(keelson_api::quantity::QuantityError),
    /// A text is no time.
    #[error("{0}")]
    Time(TimeError),
    /// A text is no base64.
    #[error("{0}")]
    Base64(Corrupt),
    /// A `JSONSchemaPropsOrBool` that is neither.
    #[error("boolean or JSON schema expected")]
    SchemaOrBool,
    /// There is no kind.
    #[error("Object 'Kind' is missing in '{0}'")]
    MissingKind(String),
    /// There is no version.
    #[error("Object 'apiVersion' is missing in '{0}'")]
    MissingVersion(String),
    /// The version has more than one slash.
    #[error("unexpected GroupVersion string: {0}")]
    GroupVersion(String),
    /// Nobody knows the kind.
    #[error("no kind {} is registered for version {} in scheme \"pkg/api/legacyscheme/scheme.go:30\"", quote(.kind), quote(.version))]
    NotRegistered {
        /// The kind.
        kind: String,
        /// Group and version.
        version: String,
    },
    /// Unknown or duplicate fields, where those are refused.
    #[error("{0}")]
    Strict(StrictErrors),
    /// The text is no YAML.
    #[error("yaml: {0}")]
    Yaml(String),
    /// The text is YAML, but not the kind that is JSON in another dress.
    #[error("{0}")]
    YamlShape(String),
    /// The bytes are no protobuf.
    #[error("{0}")]
    Proto(ProtoError),
}

/// `struct field PodSpec.spec.nodeName` or `value`.
struct Target<'a>(Option<&'a (String, String)>);

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((innermost, fields)) => write!(f, "struct field {innermost}.{fields}"),
            None => f.write_str("value"),
        }
    }
}

/// Why bytes are no protobuf message of the expected type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtoError {
    /// Nothing at all.
    #[error("empty data")]
    Empty,
    /// Nothing behind the prefix.
    #[error("empty body")]
    EmptyBody,
    /// Not in upstream's envelope.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    Prefix,
    /// The bytes end within a value.
    #[error("unexpected EOF")]
    End,
    /// A number has more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// A length is below zero.
    #[error("proto: negative length found during unmarshaling")]
    Length,
    /// A group ends that never began.
    #[error("proto: unexpected end of group")]
    Group,
    /// A tag that no message has.
    #[error("proto: illegal tag {0} (wire type {1})")]
    Tag(i32, u64),
    /// A wire type that does not exist.
    #[error("proto: illegal wireType {0}")]
    WireType(u8),
    /// A field has another wire type than its own.
    #[error("proto: wrong wireType = {wire} for field {number}")]
    Field {
        /// The wire type found.
        wire: u8,
        /// The field's number.
        number: u32,
    },
    /// Messages within messages beyond the limit.
    #[error("proto: message nested too deeply")]
    Depth,
}

/// Why an object cannot be written in some form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A raw value holds something else than JSON.
    #[error("json: error calling MarshalJSON for type {0}: the raw value is not JSON")]
    Raw(String),
    /// The type has no protobuf form.
    #[error(
        "object *{0} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message"
    )]
    NoProto(String),
    /// A number that JSON cannot write.
    #[error("json: unsupported value: {0}")]
    Number(String),
    /// YAML could not be written of the JSON.
    #[error("{0}")]
    Yaml(String),
}

/// Unknown and duplicate fields, in the order in which they were met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StrictErrors {
    texts: Vec<String>,
    /// How many bytes of text were made so far, also of what turned out to be known.
    made_bytes: usize,
}

/// Upstream stops collecting at this many.
const STRICT_ERRORS_MAX: usize = 100;

/// And we after this many bytes: paths through very long keys could otherwise be made again and again.
const STRICT_ERRORS_BYTES_MAX: usize = 8 << 20;

impl StrictErrors {
    pub(crate) fn unknown(&mut self, path: &str) {
        self.push(format!("unknown field {}", quote(path)));
    }

    pub(crate) fn duplicate(&mut self, path: &str) {
        self.push(format!("duplicate field {}", quote(path)));
    }

    /// Whether one more would be kept, so that its path is worth putting into words.
    pub(crate) fn has_room(&self) -> bool {
        self.texts.len() < STRICT_ERRORS_MAX && self.made_bytes < STRICT_ERRORS_BYTES_MAX
    }

    fn push(&mut self, text: String) {
        self.made_bytes += text.len();
        if self.texts.len() < STRICT_ERRORS_MAX && !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }

    /// Puts one in front of the others.
    pub fn put_first(&mut self, text: String) {
        self.texts.insert(0, text);
    }

    /// Each one, as a warning says it: `unknown field "spec.foo"`.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

impl fmt::Display for StrictErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "strict decoding error: {}", self.texts.join(", "))
    }
}
