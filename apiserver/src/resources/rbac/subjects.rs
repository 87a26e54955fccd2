//! Who is bound to a role, and to which: what both kinds of bindings have in common.

use keelson_api::field::{Error, Errors};
use keelson_api::names::{object, path};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::rules::{At, IMMUTABLE, internal, marked};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The cells of a binding.
pub(super) fn cells(object: &Object, now: UnixMillis) -> Vec<Cell> {
    let view = object.view();
    let role = view.field("roleRef");
    let of_kind = |kind: &str| -> Cell {
        let subjects = view.field("subjects").items().filter(|subject| subject.field("kind").text() == kind);
        let names: Vec<String> = subjects
            .map(|subject| match subject.field("name").text() {
                name if kind == "ServiceAccount" => format!("{}/{name}", subject.field("namespace").text()),
                name => name.to_owned(),
            })
            .collect();
        names.join(", ").into()
    };
    vec![
        cells::name(object),
        format!("{}/{}", role.field("kind").text(), role.field("name").text()).into(),
        cells::age_of(object, now),
        of_kind("User"),
        of_kind("Group"),
        of_kind("ServiceAccount"),
    ]
}

/// Fills in the groups of what a binding names: users, groups and roles are of this one.
pub(super) fn default(object: &mut Object) {
    let mut object = Edit::object(object);
    object.made("roleRef").default("apiGroup", GROUP);
    for mut subject in object.items("subjects") {
        if matches!(subject.text("kind"), "User" | "Group") {
            subject.default("apiGroup", GROUP);
        }
    }
}

/// What is wrong with a binding to a role of one of `kinds`.
pub(super) fn check(new: &Object, kinds: &[&str], is_namespaced: bool, errors: &mut Errors) {
    let role = At::root(new, "roleRef");
    role.field("apiGroup").one_of(&[GROUP], errors);
    role.field("kind").one_of(kinds, errors);
    let name = role.field("name");
    marked::covered(errors, |errors| _ = name.require(errors));
    if !name.is_empty() {
        name.keep_to(path::segment, errors);
    }
    for subject in At::root(new, "subjects").items() {
        check_subject(&subject, is_namespaced, errors);
    }
}

fn check_subject(subject: &At<'_, '_>, is_namespaced: bool, errors: &mut Errors) {
    let (name, group) = (subject.field("name"), subject.field("apiGroup"));
    marked::covered(errors, |errors| _ = name.require(errors));
    match subject.view.field("kind").text() {
        "ServiceAccount" => {
            if !name.is_empty() {
                name.name_of(object::subdomain, errors);
            }
            group.one_of(&[""], errors);
            if !is_namespaced {
                subject.field("namespace").require(errors);
            }
        }
        "User" | "Group" => group.one_of(&[GROUP], errors),
        _ => subject.field("kind").not_supported(&["ServiceAccount", "User", "Group"], errors),
    }
}

/// A binding stays one to the same role.
pub(super) fn keep_role(new: &Object, old: &Object, errors: &mut Errors) {
    let role = At::root(new, "roleRef");
    if role.view.value() != old.view().field("roleRef").value() {
        errors.push(Error::invalid(&role.path, internal::shown(role.view), IMMUTABLE));
    }
}
