//! Who is bound to a role, and to which: what both kinds of bindings have in common.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::edit::Edit;

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
