//! From a patched document to an object: by moving what is as it should be, or else as upstream does it, by decoding
//! the document's text. The text also decides what kind of object it is, which a patch may try to change.

use keelson_api::options::FieldValidation;

use super::document::{Node, Unclean};
use super::error::PatchError;
use super::{Patched, text};
use crate::arena::{TypeRef, builtin};
use crate::error::DecodeError;
use crate::json::{self, Gvk};
use crate::scalar::quote::quote;
use crate::tree::{Fields, Object, Value};

/// The object that a document is, patched from `object`. `found` is what strict checking found in the patch.
pub(super) fn of_document(
    document: &Node<'_>,
    object: &Object,
    checks: FieldValidation,
    found: &[String],
) -> Result<Patched, PatchError> {
    let refused = checks == FieldValidation::Strict && !found.is_empty();
    if !refused && let Ok(root) = moved(document, object) {
        return Ok(Patched {
            object: Object::with_root(object.schema().clone(), root),
            warnings: found.to_vec(),
        });
    }
    let text = document.to_text().map_err(PatchError::Encode)?;
    let invalid = |detail: String| PatchError::Invalid { value: text.clone(), detail };
    let checked = checks != FieldValidation::Ignore;
    let (root, strict) = decoded(&text, object, checked).map_err(|error| invalid(error.to_string()))?;
    let mut warnings = found.to_vec();
    warnings.extend(strict);
    if checks == FieldValidation::Strict && !warnings.is_empty() {
        return Err(invalid(refusal(&warnings)));
    }
    if !checked {
        warnings.clear();
    }
    // What has become of a custom resource's kind and version its own validation tells.
    let root = if object.ty().arena().is_untyped() { root } else { named(object, root) };
    Ok(Patched { object: Object::with_root(object.schema().clone(), root), warnings })
}

/// The message by which unknown and duplicate fields are refused.
pub(super) fn refusal(found: &[String]) -> String {
    format!("strict decoding error: {}", found.join(", "))
}

/// Gives patched fields the kind and version of the object they come from.
pub(super) fn named(object: &Object, mut root: Fields) -> Fields {
    let Some(of) = object.ty().as_struct() else { return root };
    for name in ["kind", "apiVersion"] {
        let Some(index) = of.index_of(name) else { continue };
        match object.root().get(index) {
            Some(value) if root.get(index) != Some(value) => {
                root.set(index, value.clone());
            }
            Some(_) => {}
            None => {
                root.remove(index);
            }
        }
    }
    root
}

fn moved(document: &Node<'_>, object: &Object) -> Result<Fields, Unclean> {
    if let Node::Doc(members) = document {
        let is =
            |name: &str, own: &str| members.get(name).and_then(Node::as_str).is_some_and(|text| text == own);
        if !is("kind", object.kind()) || !is("apiVersion", object.api_version()) {
            return Err(Unclean);
        }
    }
    match document.close(object.ty(), false)? {
        Some(Value::Struct(root)) => Ok(root),
        _ => Err(Unclean),
    }
}

/// Why a text is not the object it should be.
#[derive(Debug, thiserror::Error)]
enum OutcomeError {
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("no kind {} is registered for {} in scheme \"pkg/runtime/scheme.go:111\"", quote(.0), .1)]
    NotRegistered(String, String),
    #[error("converting ({from}) to ({to}): unknown conversion")]
    Conversion { from: String, to: String },
}

/// Decodes a patched object's text; what strict checking finds comes beside it.
fn decoded(text: &str, object: &Object, checked: bool) -> Result<(Fields, Vec<String>), OutcomeError> {
    let own = Gvk::new(object.api_version(), object.kind())?;
    let mut gvk = json::interpret(text.as_bytes())?;
    if object.ty().arena().is_untyped() {
        if gvk.kind.is_empty() {
            return Err(DecodeError::MissingKind(text.to_owned()).into());
        }
        let decoded = json::decode(text.as_bytes(), object.ty(), checked)?;
        return Ok((decoded.root, decoded.strict.texts().to_vec()));
    }
    if gvk.kind.is_empty() {
        gvk.kind.clone_from(&own.kind);
    }
    if gvk.version.is_empty() && (gvk.group.is_empty() || gvk.group == own.group) {
        return internal(text, &gvk.kind, &own, checked);
    }
    if gvk.version.is_empty() {
        return Err(DecodeError::MissingVersion(text.to_owned()).into());
    }
    let (ty, foreign) = target(&gvk, &own, object.ty())?;
    let decoded = json::decode(text.as_bytes(), ty, checked)?;
    if foreign {
        let to = format!("{}.{}", internal_package(&own.group), own.kind);
        return Err(OutcomeError::Conversion { from: ty.go().to_owned(), to });
    }
    Ok((decoded.root, decoded.strict.texts().to_vec()))
}

/// The type to decode an object of kind `gvk` with, and whether it is another one than the object's. Another version
/// of the same kind is read as if it were the object's own.
fn target<'a>(gvk: &Gvk, own: &Gvk, ty: TypeRef<'a>) -> Result<(TypeRef<'a>, bool), OutcomeError> {
    if gvk == own {
        return Ok((ty, false));
    }
    match builtin().by_gvk(&gvk.group, &gvk.version, &gvk.kind) {
        Some(_) if gvk.kind == own.kind => Ok((ty, false)),
        Some(other) => Ok((other, true)),
        None => Err(OutcomeError::NotRegistered(
            gvk.kind.clone(),
            format!("version {}", quote(&gvk.api_version())),
        )),
    }
}

/// Upstream decodes an object without a version into its internal form, whose fields have other names: nothing but
/// the kind is left of it.
fn internal(text: &str, kind: &str, own: &Gvk, checked: bool) -> Result<(Fields, Vec<String>), OutcomeError> {
    if kind != own.kind {
        let package = internal_package(&own.group);
        if builtin().gvks().any(|(group, _, known, _)| group == own.group && known == kind) {
            let (from, to) = (format!("{package}.{kind}"), format!("{package}.{}", own.kind));
            return Err(OutcomeError::Conversion { from, to });
        }
        let version = format!("the internal version of group {}", quote(&own.group));
        return Err(OutcomeError::NotRegistered(kind.to_owned(), version));
    }
    let mut unknown: Vec<String> = Vec::new();
    for (name, _) in
        text::members(text).filter(|(name, _)| checked && !matches!(&**name, "kind" | "apiVersion"))
    {
        let text = format!("unknown field {}", quote(&name));
        if !unknown.contains(&text) {
            unknown.push(text);
        }
    }
    Ok((Fields::new(), unknown))
}

/// The Go package of a group's internal types.
fn internal_package(group: &str) -> &str {
    match group {
        "" | "events.k8s.io" => "core",
        "internal.apiserver.k8s.io" => "apiserverinternal",
        other => other.split('.').next().unwrap_or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::{self, Encoding};
    use crate::patch::{json, merge};

    /// What [`moved`] makes of a patched object, and what decoding its text does.
    fn both(object: &Object, document: &Node<'_>) -> (Option<Fields>, Fields) {
        let text = document.to_text().unwrap();
        (moved(document, object).ok(), decoded(&text, object, true).unwrap().0)
    }

    #[test]
    fn moving_comes_to_the_same_as_decoding() {
        let json = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","creationTimestamp":null},"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":"1000m"}},"env":[{"name":"x"}]}]},"status":{}}"#;
        let object = convert::decode(json.as_bytes(), Encoding::Json, true).unwrap().0;
        for patch in [
            "{}",
            r#"{"spec":{"containers":[{"name":"b","resources":{},"ports":[{"containerPort":0,"hostPort":1}]}]}}"#,
            r#"{"spec":{"securityContext":{},"terminationGracePeriodSeconds":0,"hostNetwork":false,"nodeName":""}}"#,
            r#"{"metadata":{"labels":{"a":null},"annotations":{"b":"c\u0041"},"creationTimestamp":"2026-01-01T00:00:00Z"}}"#,
            r#"{"spec":{"tolerations":[],"nodeSelector":{},"overhead":{"cpu":"0.5"}},"status":{"conditions":[null]}}"#,
            r#"{"metadata":{"managedFields":[{"fieldsV1": { "f:x" : {}, "f:a":{} } }]},"spec":{"volumes":[{"name":"v","emptyDir":null}]}}"#,
        ] {
            let mut document = Node::whole(&object);
            merge::apply(&mut document, patch).unwrap();
            let (moved, decoded) = both(&object, &document);
            assert_eq!(moved, Some(decoded), "{patch}");
        }
        for patch in [
            r#"[{"op":"move","from":"/spec/containers/0/name","path":"/spec/nodeName"}]"#,
            r#"[{"op":"copy","from":"/spec/containers/0/env","path":"/spec/containers/-"},{"op":"remove","path":"/spec/containers/1"}]"#,
            r#"[{"op":"copy","from":"/spec/containers/0","path":"/spec/initContainers"},{"op":"add","path":"/spec/initContainers","value":null}]"#,
            r#"[{"op":"copy","from":"/metadata/name","path":"/spec/containers/0/env/0/value"},{"op":"add","path":"/status/phase","value":null}]"#,
            r#"[{"op":"copy","from":"/status","path":"/spec/securityContext"},{"op":"add","path":"/spec/containers/0/resources/limits/cpu","value":0.1}]"#,
        ] {
            let operations = json::parse(patch.into(), FieldValidation::Strict, &mut Vec::new()).unwrap();
            let mut document = Node::whole(&object);
            operations.apply(&mut document).unwrap();
            let (moved, decoded) = both(&object, &document);
            assert_eq!(moved, Some(decoded), "{patch}");
        }
    }
}
