//! IP addresses: which addresses are given out, and to whom.

use keelson_api::field::{Errors, Path};
use keelson_api::names::object::{Part, Rule};
use keelson_api::names::{Reasons, address, dns, path};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::{At, marked};

/// The resource.
#[derive(Debug)]
pub(crate) struct IPAddresses;

const FACTS: Facts = Facts {
    group: "networking.k8s.io",
    versions: &["v1"],
    stored_as: ("networking.k8s.io", "v1"),
    kind: "IPAddress",
    plural: "ipaddresses",
    singular: "ipaddress",
    short_names: &["ip"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("ParentRef")],
};

impl Resource for IPAddresses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        is_address
    }

    /// One more than there are columns, as upstream has it.
    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let parent = object.view().path("spec.parentRef");
        vec![cells::name(object), shown(parent).into(), cells::age_of(object, now)]
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, errors);
        let spec = At::root(new, "spec");
        let owner = spec.field("parentRef");
        marked::covered(errors, |errors| owner.immutable(old.view().path("spec.parentRef"), errors));
    }
}

/// What is said of the address's owner.
fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let owner = spec.field("parentRef");
    if !owner.is_present() {
        return marked::covered(errors, |errors| owner.missing("", errors));
    }
    let group = owner.field("group");
    if !group.is_empty() {
        group.keep_to(dns::subdomain, errors);
    }
    for name in ["resource", "name", "namespace"] {
        let field = owner.field(name);
        if name != "namespace" {
            marked::covered(errors, |errors| _ = field.require(errors));
        }
        if !field.is_empty() {
            field.keep_to(path::segment, errors);
        }
    }
}

/// These objects are named after what they are.
fn is_address(name: &str, _: Part) -> Reasons {
    let mut errors = Errors::new();
    address::check_ip(&Path::NOWHERE, name, &mut errors);
    errors.iter().map(|error| error.detail().to_owned().into()).collect()
}

/// A reference, as `services/default/kubernetes`.
fn shown(parent: View<'_>) -> String {
    if !parent.is_present() {
        return cells::NONE.into();
    }
    let text = |name: &str| parent.field(name).text();
    let mut shown = text("resource").to_lowercase();
    for (sign, part) in [(".", &*text("group").to_lowercase()), ("/", text("namespace"))] {
        if !part.is_empty() {
            shown += sign;
            shown += part;
        }
    }
    format!("{shown}/{}", text("name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::check::{NOW, object};

    #[test]
    fn cells() {
        let check = |parent: &str, expected: &str| {
            let object = object(&format!(
                r#"{{"apiVersion":"networking.k8s.io/v1","kind":"IPAddress","metadata":{{"name":"10.0.0.1","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{{parent}}}}}"#
            ));
            assert_eq!(IPAddresses.cells(&object, NOW), ["10.0.0.1", expected, "10s"]);
        };
        check("", "<none>");
        check(
            r#""parentRef":{"resource":"services","namespace":"default","name":"kubernetes"}"#,
            "services/default/kubernetes",
        );
        check(r#""parentRef":{"group":"G.io","resource":"things","name":"T"}"#, "things.g.io/T");
    }

    #[test]
    fn names_are_addresses() {
        let rule = IPAddresses.name_rule();
        assert!(rule("10.0.0.1", Part::Whole).is_empty());
        assert!(rule("fd00::1", Part::Whole).is_empty());
        for name in ["web", "010.0.0.1", "fd00:0::1"] {
            assert_eq!(rule(name, Part::Whole).len(), 1, "{name}");
        }
    }
}
