//! What a client sends: the options of a write, and the object.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use keelson_api::group::GroupKind;
use keelson_api::options::{FieldValidation, WriteOptions, field_manager_or_agent};
use keelson_schema::arena::{Schema, builtin};
use keelson_schema::error::{DecodeError, StrictErrors};
use keelson_schema::json::{self, Gvk};
use keelson_schema::scalar::quote::quote;
use keelson_schema::tree::Object;
use keelson_schema::{proto, yaml};

use crate::api::Call;
use crate::media::Encoding;
use crate::object_life::Owner;
use crate::problem::Problem;
use crate::refusal;

pub(crate) mod deletion;

/// How a write is to be done.
#[derive(Clone)]
pub(crate) struct Options {
    /// Whether nothing is to be written.
    pub(crate) dry_run: bool,
    /// What becomes of fields that are unknown or given twice.
    pub(crate) validation: FieldValidation,
    /// Who owns the fields that are written.
    pub(crate) manager: String,
    /// Whether what is written says itself who owns it, as what comes out of an apply does.
    pub(crate) is_recorded: bool,
}

impl Options {
    /// Who owns what is written.
    pub(crate) fn owner(&self) -> Owner<'_> {
        if self.is_recorded { Owner::Recorded } else { Owner::Manager(&self.manager) }
    }
}

/// The options of a write of `kind`, such as `CreateOptions`.
pub(crate) fn options(call: &Call<'_>, kind: &GroupKind<'_>) -> Result<Options, Problem> {
    let asked = WriteOptions {
        field_manager: call.query.text("fieldManager"),
        dry_run: call.query.all("dryRun").collect(),
        field_validation: call.query.text("fieldValidation"),
    };
    refusal::check_options(kind, asked.check())?;
    Ok(Options {
        dry_run: !asked.dry_run.is_empty(),
        validation: FieldValidation::parse(asked.field_validation).unwrap_or(FieldValidation::Warn),
        manager: field_manager_or_agent(asked.field_manager, &agent(call)),
        is_recorded: false,
    })
}

/// What the client calls itself, in whatever letters.
fn agent<'a>(call: &'a Call<'_>) -> Cow<'a, str> {
    call.headers.get(USER_AGENT).map_or(Cow::Borrowed(""), |agent| String::from_utf8_lossy(agent.as_bytes()))
}

/// The object in a body, of the kind that `schema` is: the resource's, or a subresource's.
pub(crate) fn object(
    call: &Call<'_>,
    body: &Bytes,
    schema: &Schema,
    expected: &Gvk,
    validation: FieldValidation,
) -> Result<Object, Problem> {
    let encoding = Encoding::of_body(call.header(CONTENT_TYPE)).ok_or_else(refusal::unsupported_body)?;
    let is_strict = validation != FieldValidation::Ignore;
    let (object, strict) =
        decode(encoding, body, schema, expected, is_strict).map_err(|fault| fault.problem(expected, body))?;
    match validation {
        _ if strict.is_empty() => {}
        FieldValidation::Strict => {
            return Err(Fault::Kind(expected.kind.clone(), expected.clone(), DecodeError::Strict(strict))
                .problem(expected, body));
        }
        FieldValidation::Warn => call.warn(&singly(strict.texts())),
        FieldValidation::Ignore => {}
    }
    Ok(object)
}

/// Each complaint for itself: those about keys that are set twice come in one, a line each.
fn singly(texts: &[String]) -> Vec<String> {
    let lines = |text: &String| match text.strip_prefix("yaml: unmarshal errors:\n") {
        Some(lines) => lines.lines().map(|line| line.trim().to_owned()).collect(),
        None => vec![text.clone()],
    };
    texts.iter().flat_map(lines).collect()
}

/// Why a body holds no such object.
enum Fault {
    /// It does not say what it is.
    Unrecognized(DecodeError),
    /// It is something else, or not well-formed: the kind and version it says it is, and what is wrong.
    Kind(String, Gvk, DecodeError),
    /// It is another kind, which exists.
    Other(Gvk),
}

fn decode(
    encoding: Encoding,
    body: &Bytes,
    schema: &Schema,
    expected: &Gvk,
    is_strict: bool,
) -> Result<(Object, StrictErrors), Box<Fault>> {
    match encoding {
        Encoding::Json => decode_json(body, schema, expected, is_strict, None),
        Encoding::Yaml => {
            let converted = yaml::to_json(body).map_err(unrecognized)?;
            decode_json(
                &converted.json,
                schema,
                expected,
                is_strict,
                converted.duplicates.filter(|_| is_strict),
            )
        }
        Encoding::Protobuf => {
            let envelope = proto::open(body).map_err(unrecognized)?;
            let named = Gvk::new(envelope.api_version, envelope.kind).map_err(unrecognized)?;
            let gvk = check_kind(named, expected)?;
            let root = proto::decode_message(envelope.message, schema.ty());
            let root = root.map_err(|error| Box::new(Fault::Kind(gvk.kind.clone(), gvk, error)))?;
            Ok((Object::with_root(schema.clone(), root), StrictErrors::default()))
        }
    }
}

fn decode_json(
    text: &[u8],
    schema: &Schema,
    expected: &Gvk,
    is_strict: bool,
    duplicates: Option<String>,
) -> Result<(Object, StrictErrors), Box<Fault>> {
    let named = json::interpret(text).map_err(unrecognized)?;
    let gvk = check_kind(named, expected).map_err(|fault| unlike(fault, text))?;
    let decoded = json::decode(text, schema.ty(), is_strict);
    let decoded = decoded.map_err(|error| Box::new(Fault::Kind(gvk.kind.clone(), gvk, error)))?;
    let mut strict = decoded.strict;
    if let Some(duplicates) = duplicates {
        strict.put_first(duplicates);
    }
    Ok((Object::with_root(schema.clone(), decoded.root), strict))
}

/// What is no resource any more, and is still taken in place of the version that followed it: its fields are the same.
const FORMER: [(&str, &str, &str); 1] = [("policy", "v1beta1", "Eviction")];

/// What the body says it is, what it leaves open filled in; it must be what is expected.
fn check_kind(mut named: Gvk, expected: &Gvk) -> Result<Gvk, Box<Fault>> {
    if named.kind.is_empty() {
        named.kind.clone_from(&expected.kind);
    }
    if named.version.is_empty() {
        named.version.clone_from(&expected.version);
        named.group.clone_from(&expected.group);
    }
    let is_former = FORMER.contains(&(&*named.group, &*named.version, &*named.kind));
    if named == *expected || (is_former && named.group == expected.group && named.kind == expected.kind) {
        return Ok(named);
    }
    if builtin().by_gvk(&named.group, &named.version, &named.kind).is_some() {
        return Err(Box::new(Fault::Other(named)));
    }
    let (kind, version) = (named.kind.clone(), named.api_version());
    Err(Box::new(Fault::Kind(kind.clone(), named, DecodeError::NotRegistered { kind, version })))
}

/// The fault of a body that is another kind: as that it is read first, and may turn out not to be it either.
fn unlike(fault: Box<Fault>, text: &[u8]) -> Box<Fault> {
    let Fault::Other(gvk) = &*fault else { return fault };
    let schema = Schema::builtin(&gvk.group, &gvk.version, &gvk.kind);
    match schema.map(|schema| json::decode(text, schema.ty(), false)) {
        Some(Err(error)) => Box::new(Fault::Kind(gvk.kind.clone(), gvk.clone(), error)),
        _ => fault,
    }
}

fn unrecognized(error: DecodeError) -> Box<Fault> {
    Box::new(Fault::Unrecognized(error))
}

impl Fault {
    fn problem(self, expected: &Gvk, body: &[u8]) -> Problem {
        let wanted = &expected.kind;
        let message = match self {
            Self::Unrecognized(error) => {
                format!(
                    "the object provided is unrecognized (must be of type {wanted}): {error} ({})",
                    start_of(body)
                )
            }
            Self::Kind(kind, gvk, error) => {
                format!("{kind} in version {} cannot be handled as a {wanted}: {error}", quote(&gvk.version))
            }
            Self::Other(gvk) => {
                let Gvk { kind, version, .. } = &gvk;
                let package = if expected.group.is_empty() {
                    "core"
                } else {
                    expected.group.split('.').next().unwrap_or_default()
                };
                format!(
                    "{kind} in version {} cannot be handled as a {wanted}: converting ({version}.{kind}) to ({package}.{wanted}): unknown conversion",
                    quote(version)
                )
            }
        };
        refusal::bad_request(&message)
    }
}

/// How a body begins, as messages show it: text as it is if it may be JSON, anything else in digits.
fn start_of(body: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 30;
    let shown = &body[..body.len().min(SHOWN_BYTES_MAX)];
    let more = if body.len() > SHOWN_BYTES_MAX { " ..." } else { "" };
    match body {
        [] => "<empty>".into(),
        [b'{', ..] => format!("{}{more}", String::from_utf8_lossy(shown)),
        _ => shown.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + more,
    }
}
