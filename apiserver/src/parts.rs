//! The parts of an object that different writers own: its status, its metadata, and everything else.
//!
//! A write to one part leaves the others as they are in the store. These are the pieces from which the hooks that
//! prepare a write are made, the neutral ones included.

use keelson_schema::tree::Object;

use crate::meta::{meta, meta_mut};
use crate::resource::Facts;

/// Fields that say what an object is, whoever writes it.
const TYPE: [&str; 2] = ["apiVersion", "kind"];

/// Takes away a status that is not the writer's to set: an object begins without one.
pub(crate) fn forget_status(facts: &Facts, new: &mut Object) {
    if has_status(facts) {
        set(new, "status", None);
    }
}

/// Takes over the status of `old`: whoever writes the object itself does not write its status.
pub(crate) fn keep_status(facts: &Facts, new: &mut Object, old: &Object) {
    if has_status(facts) {
        set(new, "status", Some(old));
    }
}

/// Takes over all of `old` but metadata and status: whoever writes the status writes nothing else.
pub(crate) fn keep_content(new: &mut Object, old: &Object) {
    let schema = old.schema().clone();
    let of = schema.ty().as_struct().expect("objects are structs");
    for field in of.fields().filter(|field| !TYPE.contains(&field.name())) {
        if !matches!(field.name(), "metadata" | "status") {
            set(new, field.name(), Some(old));
        }
    }
}

/// Takes over the metadata of `old` but for the record of managers: of most newer kinds, whoever writes the status
/// writes no labels or annotations either.
pub(crate) fn keep_metadata(new: &mut Object, old: &Object) {
    meta_mut(new).keep_written(meta(old));
}

fn has_status(facts: &Facts) -> bool {
    facts.subresources.iter().any(|subresource| subresource.name == "status")
}

/// Gives a field of `new` the value it has in `old`, or none.
fn set(new: &mut Object, name: &str, old: Option<&Object>) {
    let Some(place) = new.ty().as_struct().and_then(|of| of.index_of(name)) else { return };
    match old.and_then(|old| old.root().get(place)) {
        Some(value) => _ = new.root_mut().set(place, value.clone()),
        None => _ = new.root_mut().remove(place),
    }
}
