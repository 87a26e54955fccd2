//! From stored objects to answers: JSON is cut from what is stored, everything else is made of it.
//!
//! What a client can ask for is an encoding (JSON, YAML, protobuf) and a conversion (as it is, metadata alone, a table);
//! [`negotiate`] says which it is, [`object`] and [`list`] make it.

pub(crate) mod indent;
pub(crate) mod list;
pub(crate) mod table;

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, Method, Response, StatusCode};
use keelson_api::options::{IncludeObject, include_object};
use keelson_api::status::Status;
use keelson_api::time::UnixMillis;
use keelson_schema::tree;
use keelson_store::object::Object;
use keelson_store::revision::Revision;

use crate::api::{Api, Call};
use crate::catalog::Served;
use crate::media::{self, Conversion, Encoding, Form};
use crate::problem::{Problem, answer};
use crate::query::Query;
use crate::refusal;
use crate::resource::Verb;
use crate::stored::{self, NOT_STORED, Stored, scan};

/// What becomes of objects on their way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// They stay what they are.
    Whole,
    /// Only their metadata is shown.
    Metadata(MetaVersion),
    /// They are rows of a table, each with this much of its object.
    Table(MetaVersion, IncludeObject),
}

/// The versions of the group that metadata and tables are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MetaVersion {
    V1,
    V1Beta1,
}

impl MetaVersion {
    pub(crate) const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }

    /// What an object's metadata alone is: group, version and kind.
    pub(crate) const fn metadata_kind(self) -> (&'static str, &'static str, &'static str) {
        let version = match self {
            Self::V1 => "v1",
            Self::V1Beta1 => "v1beta1",
        };
        ("meta.k8s.io", version, "PartialObjectMetadata")
    }
}

/// How an answer is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) encoding: Encoding,
    pub(crate) shape: Shape,
    /// Whether JSON is laid out for people.
    pub(crate) pretty: bool,
    /// A kind that was asked for and that the answer, which is a list or is none, cannot become.
    pub(crate) misfit: Option<Misfit>,
}

/// An answer that is a list where one object is asked for, or the other way round. It is complained of only when there
/// is an answer: what is refused before, is refused for its own reason, and what was to be done is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    asked: &'static str,
    is_list: bool,
}

impl Look {
    /// For an answer in this encoding that stays what it is.
    pub(crate) const fn plain(encoding: Encoding, pretty: bool) -> Self {
        Self { encoding, shape: Shape::Whole, pretty, misfit: None }
    }

    /// Refuses an answer that cannot become what was asked for.
    pub(crate) fn check(self, call: &Call<'_>) -> Result<(), Problem> {
        match self.misfit {
            Some(Misfit { asked, is_list }) => Err(refusal::not_a_list_or_one(call, asked, is_list)),
            None => Ok(()),
        }
    }
}

/// Finds out how the answer to a call is to look.
pub(crate) fn negotiate(call: &Call<'_>, is_stream: bool) -> Result<Look, Problem> {
    // Tables are made of what can be read, and they have no protobuf form.
    let verbs = call.subresource.map_or(call.served.facts().verbs, |subresource| subresource.verbs);
    let is_never_read = verbs == Verb::CREATE_ONLY;
    let takes = |encoding: Encoding, conversion: Option<&Conversion>| {
        conversion.is_none_or(|conversion| match shape(conversion) {
            Some(Shape::Table(..)) => !is_never_read && encoding != Encoding::Protobuf,
            shape => shape.is_some(),
        })
    };
    let form = media::negotiate(call.header(ACCEPT), takes);
    let form = form.ok_or_else(|| refusal::not_acceptable(false))?;
    if is_stream && form.encoding.stream_type().is_none() {
        return Err(refusal::not_acceptable(true));
    }
    let is_list = call.target.name.is_empty() && matches!(*call.method, Method::GET | Method::DELETE);
    let kind = form.conversion.as_ref().filter(|_| !is_stream).map_or("", |conversion| &*conversion.kind);
    let misfit = match (kind, is_list) {
        ("PartialObjectMetadata", true) => Some(Misfit { asked: "PartialObjectMetadata", is_list }),
        ("PartialObjectMetadataList", false) => Some(Misfit { asked: "PartialObjectMetadataList", is_list }),
        _ => None,
    };
    let mut shape = form.conversion.as_ref().and_then(shape).unwrap_or(Shape::Whole);
    if let Shape::Table(_, include) = &mut shape {
        let asked = include_object(call.query.text("includeObject"));
        let refuse =
            |error| refusal::bad_request(&format!("Unable to convert to Table as requested: {error}"));
        *include = asked.map_err(refuse)?.unwrap_or(*include);
    }
    let pretty = is_for_people(&call.query, call.headers, &form);
    Ok(Look { encoding: form.encoding, shape, pretty, misfit })
}

fn shape(conversion: &Conversion) -> Option<Shape> {
    let version = match (&*conversion.group, &*conversion.version) {
        ("meta.k8s.io", "v1") => MetaVersion::V1,
        ("meta.k8s.io", "v1beta1") => MetaVersion::V1Beta1,
        _ => return None,
    };
    match &*conversion.kind {
        "Table" => Some(Shape::Table(version, IncludeObject::Metadata)),
        "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Shape::Metadata(version)),
        _ => None,
    }
}

/// Whether somebody asked for it, or uses a program that people look at.
pub(crate) fn is_for_people(query: &Query<'_>, headers: &HeaderMap, form: &Form) -> bool {
    if let Some(pretty) = query.first("pretty").filter(|text| !text.is_empty()) {
        return matches!(pretty, "1" | "t" | "T" | "true" | "TRUE" | "True");
    }
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    form.pretty || ["curl", "Wget", "Mozilla/5.0"].iter().any(|program| agent.starts_with(program))
}

/// Answers with one stored object.
pub(crate) fn object(
    call: &Call<'_>,
    look: Look,
    code: StatusCode,
    object: &Object,
) -> Result<Response<Body>, Problem> {
    look.check(call)?;
    let body = match look.encoding {
        Encoding::Protobuf => protobuf(call, look.shape, object)?,
        _ => finish(look, json(call.served, look.shape, call.api.clock.now(), object)?)?,
    };
    Ok(answer(code, look.encoding.media_type(), body))
}

/// Answers with an object that has just been stored as `tree`. It has its message of that: nobody has to read again what
/// was written a moment ago, neither for the answer nor for those who watch.
pub(crate) fn written(
    call: &Call<'_>,
    look: Look,
    code: StatusCode,
    stored: &Object,
    mut tree: tree::Object,
) -> Result<Response<Body>, Problem> {
    if look.encoding == Encoding::Protobuf && look.shape == Shape::Whole && call.served.is_stored_so() {
        let (revision, version) = (stored.revision(), &call.served.api_version);
        call.api.encoded.message(revision, version, || {
            crate::meta::meta_mut(&mut tree).set_resource_version(&revision.to_string());
            encode_message(&tree)
        })?;
    }
    object(call, look, code, stored)
}

/// Answers with an object that is not stored: what a dry run would leave, or the answer to a question.
pub(crate) fn tree_answer(
    call: &Call<'_>,
    look: Look,
    code: StatusCode,
    tree: &tree::Object,
) -> Result<Response<Body>, Problem> {
    look.check(call)?;
    let body = match (look.encoding, look.shape) {
        (Encoding::Protobuf, Shape::Whole) => proto(tree)?,
        (_, Shape::Whole) => finish(look, BytesMut::from(&encode(tree)?[..]))?,
        (_, Shape::Table(version, include)) if call.subresource.is_some_and(|part| part.name == "scale") => {
            finish(look, table::of_scale(version, include, call.api.clock.now(), tree)?)?
        }
        (_, Shape::Table(version, include)) => {
            finish(look, table::of_tree(call.served, version, include, call.api.clock.now(), tree)?)?
        }
        (encoding, Shape::Metadata(version)) => {
            let out = metadata_of_tree(version, tree)?;
            match encoding {
                Encoding::Protobuf => proto(&decode_as(version.metadata_kind(), &out)?)?,
                _ => finish(look, out)?,
            }
        }
    };
    Ok(answer(code, look.encoding.media_type(), body))
}

/// The metadata alone, as JSON, of an object that is not stored.
pub(crate) fn metadata_of_tree(version: MetaVersion, tree: &tree::Object) -> Result<BytesMut, Problem> {
    let json = encode(tree)?;
    let metadata = scan::find(&json, &["metadata"]).unwrap_or(b"{}");
    let mut out = BytesMut::from(stored::opening(version.api_version(), "PartialObjectMetadata").as_bytes());
    out.put_slice(br#""metadata":"#);
    out.put_slice(metadata);
    out.put_u8(b'}');
    Ok(out)
}

/// One stored object as JSON of some shape.
pub(crate) fn json(
    served: &Served,
    shape: Shape,
    now: UnixMillis,
    object: &Object,
) -> Result<BytesMut, Problem> {
    match shape {
        Shape::Whole => whole(served, object, object.revision()),
        Shape::Metadata(version) => {
            let mut out = BytesMut::new();
            metadata(object, object.revision(), Some(version), &mut out)?;
            Ok(out)
        }
        Shape::Table(version, include) => table::of_one(served, version, include, now, object),
    }
}

/// A stored object as it is seen in the version asked for, as of `revision`.
pub(crate) fn whole(served: &Served, object: &Object, revision: Revision) -> Result<BytesMut, Problem> {
    let stored = Stored::of(object)?;
    let mut out = BytesMut::with_capacity(stored.answer_bytes_max(&served.opening) + 1);
    if stored.version == served.version && served.is_stored_so() {
        stored.write(&served.opening, revision, &mut out);
    } else {
        let mut tree = tree(served, object)?;
        crate::meta::meta_mut(&mut tree).set_resource_version(&revision.to_string());
        out.put_slice(&encode(&tree)?);
    }
    Ok(out)
}

/// A stored object as a tree of the version asked for, its revision and what it is included.
pub(crate) fn tree(served: &Served, object: &Object) -> Result<tree::Object, Problem> {
    let stored = Stored::of(object)?;
    let decoded = keelson_schema::json::decode(stored.json, served.stored.ty(), false)
        .map_err(|error| Problem::Defect(format!("a stored object cannot be read: {error}")))?;
    let stored_tree = tree::Object::with_root(served.stored.clone(), decoded.root);
    let mut tree = if served.is_stored_so() {
        stored_tree
    } else {
        served.resource.convert(stored_tree, &served.schema)
    };
    name(served, &mut tree);
    if object.revision() != NOT_STORED {
        crate::meta::meta_mut(&mut tree).set_resource_version(&object.revision().to_string());
    }
    Ok(tree)
}

/// Writes down in `tree` what it is.
pub(crate) fn name(served: &Served, tree: &mut tree::Object) {
    let of = tree.ty().as_struct().expect("objects are structs");
    let places = (of.index_of("apiVersion"), of.index_of("kind"));
    if let (Some(version), Some(kind)) = places {
        let facts = served.facts();
        tree.root_mut().set(version, tree::Value::from(served.api_version.as_str()));
        tree.root_mut().set(kind, tree::Value::from(facts.kind));
    }
}

/// A tree as JSON.
pub(crate) fn encode(tree: &tree::Object) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::new();
    keelson_schema::json::encode(tree.ty(), tree.root(), &mut out)
        .map_err(|error| Problem::Defect(format!("an object cannot be written: {error}")))?;
    Ok(out)
}

/// Appends an object's metadata alone; in a list (`version` absent) without saying what it is.
pub(crate) fn metadata(
    object: &Object,
    revision: Revision,
    version: Option<MetaVersion>,
    out: &mut BytesMut,
) -> Result<(), Problem> {
    let stored = Stored::of(object)?;
    let metadata = scan::find(stored.json, &["metadata"]).ok_or(stored::UnknownLayout)?;
    // The metadata stands first in the stored form, so the same cut serves for it alone.
    let end = metadata.as_ptr() as usize - stored.json.as_ptr() as usize + metadata.len();
    let opening = version.map(|version| stored::opening(version.api_version(), "PartialObjectMetadata"));
    stored.write_until(end, opening.as_deref().unwrap_or("{"), revision, out);
    out.put_u8(b'}');
    Ok(())
}

fn protobuf(call: &Call<'_>, shape: Shape, object: &Object) -> Result<Bytes, Problem> {
    match shape {
        Shape::Whole => {
            let message = message(call.api, call.served, object)?;
            Ok(list::envelope(&call.served.api_version, call.served.facts().kind, &message))
        }
        Shape::Metadata(version) => {
            let mut out = BytesMut::new();
            metadata(object, object.revision(), Some(version), &mut out)?;
            proto(&decode_as(version.metadata_kind(), &out)?)
        }
        Shape::Table(..) => Err(Problem::Defect("tables have no protobuf form".into())),
    }
}

/// JSON that was made here, as a tree of one of the kinds that answers are turned into.
pub(crate) fn decode_as(
    (group, version, kind): (&str, &str, &str),
    json: &[u8],
) -> Result<tree::Object, Problem> {
    let defect = || Problem::Defect(format!("there is no type {kind}"));
    let schema = keelson_schema::arena::Schema::builtin(group, version, kind).ok_or_else(defect)?;
    let decoded = keelson_schema::json::decode(json, schema.ty(), false)
        .map_err(|error| Problem::Defect(format!("an answer cannot be read again: {error}")))?;
    Ok(tree::Object::with_root(schema, decoded.root))
}

/// An object's protobuf message, which does not say what it is.
pub(crate) fn message(api: &Api, served: &Served, object: &Object) -> Result<Bytes, Problem> {
    if object.revision() == NOT_STORED {
        return encode_message(&tree(served, object)?);
    }
    api.encoded.message(object.revision(), &served.api_version, || encode_message(&tree(served, object)?))
}

/// The protobuf message of a tree.
pub(crate) fn encode_message(tree: &tree::Object) -> Result<Bytes, Problem> {
    const USUAL_BYTES: usize = 4096;
    keelson_schema::proto::encode_message(tree.ty(), tree.root(), USUAL_BYTES)
        .map(Bytes::from)
        .map_err(|error| Problem::Defect(format!("an object cannot be written: {error}")))
}

/// A tree in upstream's protobuf envelope.
pub(crate) fn proto(tree: &tree::Object) -> Result<Bytes, Problem> {
    const USUAL_BYTES: usize = 4096;
    keelson_schema::proto::encode(tree.ty(), tree.root(), USUAL_BYTES)
        .map(Bytes::from)
        .map_err(|error| Problem::Defect(format!("an object cannot be written: {error}")))
}

/// An object of a built-in kind, which the JSON names itself, in upstream's protobuf envelope.
pub(crate) fn proto_of_json(json: &[u8]) -> Result<Bytes, Problem> {
    use keelson_schema::convert::{Encoding, decode};
    let decoded = decode(json, Encoding::Json, false);
    let (tree, _) =
        decoded.map_err(|error| Problem::Defect(format!("an answer cannot be read again: {error}")))?;
    proto(&tree)
}

/// A status in upstream's protobuf envelope.
pub(crate) fn status_proto(status: &Status) -> Result<Bytes, Problem> {
    proto_of_json(status.to_json().as_bytes())
}

/// Answers with a status.
pub(crate) fn status(look: Look, status: &Status) -> Result<Response<Body>, Problem> {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::OK);
    let body = match look.encoding {
        Encoding::Protobuf => status_proto(status)?,
        _ => finish(look, BytesMut::from(status.to_json().trim_end().as_bytes()))?,
    };
    Ok(answer(code, look.encoding.media_type(), body))
}

/// Brings finished JSON into the form that was asked for.
pub(crate) fn finish(look: Look, mut json: BytesMut) -> Result<Bytes, Problem> {
    match look.encoding {
        Encoding::Yaml => keelson_schema::yaml::from_json(&json)
            .map(Bytes::from)
            .map_err(|error| Problem::Defect(format!("an answer cannot be written as YAML: {error}"))),
        _ if look.pretty => Ok(Bytes::from(indent::indent(&json))),
        _ => {
            json.put_u8(b'\n');
            Ok(json.freeze())
        }
    }
}
