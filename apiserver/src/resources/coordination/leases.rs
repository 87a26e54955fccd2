//! Leases: who holds something, and since when; heartbeats.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::defaults::gated::{self, Gate};
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct Leases;

const FACTS: Facts = Facts {
    group: "coordination.k8s.io",
    versions: &["v1"],
    stored_as: ("coordination.k8s.io", "v1"),
    kind: "Lease",
    plural: "leases",
    singular: "lease",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: true,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Holder"), Column::text("Age")],
};

impl Resource for Leases {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let holder = object.view().path("spec.holderIdentity").text();
        vec![cells::name(object), holder.into(), cells::age_of(object, now)]
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        gated::at(new, &["spec"], &mut |spec| gated::drop(spec, None, GATES));
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        gated::at(new, &["spec"], &mut |spec| gated::drop(spec, Some(old.view().field("spec")), GATES));
    }
}

/// Electing a leader with the server's help is off.
const GATES: &[Gate] = &[Gate(&["strategy"]), Gate(&["preferredHolder"])];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn lease(spec: &str) -> String {
        format!(
            r#"{{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"l","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{{spec}}}}}"#
        )
    }

    #[test]
    fn cells() {
        check::cells(&Leases, &lease(""), json!(["l", "", "10s"]));
        check::cells(&Leases, &lease(r#""holderIdentity":"h""#), json!(["l", "h", "10s"]));
    }

    #[test]
    fn what_belongs_to_a_feature_that_is_off_is_dropped() {
        let elected =
            lease(r#""holderIdentity":"h","strategy":"OldestEmulationVersion","preferredHolder":"p""#);
        check::create(&Leases, &elected, &lease(r#""holderIdentity":"h""#));
        let with_strategy = lease(r#""holderIdentity":"h","strategy":"OldestEmulationVersion""#);
        check::update(&Leases, "", &with_strategy, &elected, &with_strategy);
    }
}
