//! Leases: who holds something, and since when; heartbeats.

use keelson_api::field::Errors;
use keelson_api::names::label;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::defaults::gated::{self, Gate};
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::At;

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

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[GATES]
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        gated::at(new, &["spec"], &mut |spec| gated::drop(write.features, spec, None, GATES));
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        gated::at(new, &["spec"], &mut |spec| {
            gated::drop(write.features, spec, Some(old.view().field("spec")), GATES)
        });
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        check(new, errors);
    }
}

fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let duration = spec.field("leaseDurationSeconds");
    if duration.int().is_some_and(|seconds| seconds <= 0) {
        duration.invalid("must be greater than 0", errors);
    }
    spec.field("leaseTransitions").non_negative(errors);
    let strategy = spec.field("strategy");
    if strategy.is_present() {
        let name = strategy.field("strategy");
        let name = At { view: strategy.view, path: name.path };
        if name.text().contains('/') {
            name.keep_to(label::key, errors);
        } else {
            name.one_of(&["OldestEmulationVersion"], errors);
        }
    }
    let preferred = spec.field("preferredHolder");
    if !preferred.is_empty() && strategy.is_empty() {
        preferred.forbidden("may only be specified if `strategy` is defined", errors);
    }
}

/// Electing a leader with the server's help is off.
const GATES: &[Gate] = &[
    Gate::off("CoordinatedLeaderElection", &["strategy"]),
    Gate::off("CoordinatedLeaderElection", &["preferredHolder"]),
];

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
