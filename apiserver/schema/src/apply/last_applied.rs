//! The way from client-side to server-side apply: what kubectl has noted in its annotation it may take over without
//! asking, and the note is kept up to date, so that the way back is open.

use super::compare::compare;
use super::node::{Node, Ty};
use super::paths::owned;
use super::set::Set;
use super::validate::validate;
use crate::arena::{Schema, TypeRef, builtin};
use crate::json::{decode_any, encode_value};
use crate::tree::{Entries, Object, Value};

/// The manager for whom this is done.
pub(super) const MANAGER: &str = "kubectl";

/// Where kubectl notes what it has applied.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How much all annotations of an object may hold.
const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

fn annotation(object: &Object) -> Option<&str> {
    let annotations = object.view().field("metadata").field("annotations");
    Some(annotations.key(ANNOTATION).text()).filter(|text| !text.is_empty())
}

/// The fields that the note says kubectl has set, as far as they still are as it set them. `None` if there is no note
/// that can be used.
pub(super) fn allowed(live: &Object, schema: &Schema, api_version: &str) -> Option<Set> {
    let noted = decode_any(annotation(live)?.as_bytes()).ok()?;
    let text = |name: &str| noted.as_map().and_then(|map| map.get(name)).and_then(Value::as_str);
    if text("apiVersion") != Some(api_version) {
        return None;
    }
    // The note may be of another kind, if somebody has copied it.
    let kind = text("kind").filter(|kind| !kind.is_empty())?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let ty = builtin().by_gvk(group, version, kind).unwrap_or(schema.ty());
    if ty.arena().is_untyped() == schema.ty().arena().is_untyped() && ty != schema.ty() {
        return None;
    }
    let ty = Ty::of(schema.ty());
    let node = live.ty().as_struct().map(|of| Node::Struct(of, live.root().entries()))?;
    let noted = Node::of(None, &noted);
    validate(ty, node, false).ok()?;
    validate(ty, noted, false).ok()?;
    let set = owned(ty, noted);
    let different = compare(ty, noted, node, false).ok()?;
    Some(set.difference(&different.modified).difference(&different.added).difference(&different.removed))
}

/// Notes `config` in an object that has a note; whether that changes it.
pub(super) fn renew(object: &mut Object, config: &Value, ty: TypeRef<'_>) -> bool {
    if annotation(object).is_none() {
        return false;
    }
    let mut config = config.clone();
    let metadata = config.as_map_mut().and_then(|config| config.get_mut("metadata"));
    let noted = metadata.and_then(Value::as_map_mut).and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = noted.and_then(Value::as_map_mut) {
        annotations.remove(ANNOTATION);
    }
    let mut text = Vec::new();
    if encode_value(ty, &config, &mut text).is_err() {
        return false;
    }
    text.push(b'\n');
    let Some(annotations) = annotations(object) else { return false };
    let before = annotations.set(ANNOTATION, Value::from(String::from_utf8_lossy(&text).as_ref()));
    let bytes = |(key, value): (&crate::tree::Str, &Value)| key.len() + value.as_str().map_or(0, str::len);
    if annotations.iter().map(bytes).sum::<usize>() > ANNOTATIONS_BYTES_MAX {
        annotations.remove(ANNOTATION);
    }
    before.as_ref() != annotations.get(ANNOTATION)
}

fn annotations(object: &mut Object) -> Option<&mut Entries> {
    let schema = object.schema().clone();
    let metadata = schema.ty().as_struct()?.by_name("metadata")?;
    let annotations = metadata.ty().as_struct()?.by_name("annotations")?;
    object.root_mut().get_mut(metadata.index)?.as_fields_mut()?.get_mut(annotations.index)?.as_map_mut()
}
