//! Rules for bindings: a pod is bound to a node.

use keelson_api::field::{Errors, Path};
use keelson_api::names::object;
use keelson_schema::tree::Object;

use super::At;

/// What a binding names is a node, and can be one's name.
pub(crate) fn binding(binding: &Object, errors: &mut Errors) {
    let target = At { view: binding.view().field("target"), path: Path::new("target") };
    let (kind, name) = (target.field("kind"), target.field("name"));
    let is_node = matches!(kind.text(), "" | "Node");
    if !is_node {
        kind.not_supported(&["Node", "<empty>"], errors);
    }
    if name.require(errors) && is_node {
        name.name_of(object::subdomain, errors);
    }
}
