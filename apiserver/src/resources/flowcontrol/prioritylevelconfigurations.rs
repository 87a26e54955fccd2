//! Priority level configurations: how much each level may ask of the server.

mod rules;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use super::flowschemas::rules::check_conditions;
use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct PriorityLevelConfigurations;

const FACTS: Facts = Facts {
    group: "flowcontrol.apiserver.k8s.io",
    versions: &["v1"],
    stored_as: ("flowcontrol.apiserver.k8s.io", "v1"),
    kind: "PriorityLevelConfiguration",
    plural: "prioritylevelconfigurations",
    singular: "prioritylevelconfiguration",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "PriorityLevelConfiguration",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Type"),
        Column::text("NominalConcurrencyShares"),
        Column::text("Queues"),
        Column::text("HandSize"),
        Column::text("QueueLengthLimit"),
        Column::text("Age"),
    ],
};

impl Resource for PriorityLevelConfigurations {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let limited = object.view().path("spec.limited");
        let queuing = limited.path("limitResponse.queuing");
        let queue = |name: &str| -> Cell {
            if queuing.is_present() { cells::integer(queuing.field(name)).into() } else { cells::NONE.into() }
        };
        let shares = limited.field("nominalConcurrencyShares").int();
        vec![
            cells::name(object),
            object.view().path("spec.type").text().into(),
            if limited.is_present() { shares.into() } else { cells::NONE.into() },
            queue("queues"),
            queue("handSize"),
            queue("queueLengthLimit"),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        for (name, shares) in [("exempt", 0), ("limited", CONCURRENCY_SHARES)] {
            if let Some(mut part) = spec.part(name) {
                part.default("nominalConcurrencyShares", shares);
                part.default("lendablePercent", 0_i64);
            }
        }
        let Some(mut limited) = spec.part("limited") else { return };
        let Some(mut response) = limited.part("limitResponse") else { return };
        if let Some(mut queuing) = response.part("queuing") {
            for (name, number) in QUEUING {
                queuing.default(name, number);
            }
        }
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check(new, errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        check_conditions(new, errors);
    }
}

/// The shares of a level, and its queues.
const CONCURRENCY_SHARES: i64 = 30;
const QUEUING: [(&str, i64); 3] = [("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn level(spec: &str) -> String {
        format!(
            r#"{{"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"PriorityLevelConfiguration","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{{spec}}}}}"#
        )
    }

    #[test]
    fn cells_and_defaults() {
        let exempt = level(r#""type":"Exempt","exempt":{"nominalConcurrencyShares":0,"lendablePercent":0}"#);
        check::cells(
            &PriorityLevelConfigurations,
            &exempt,
            json!(["x", "Exempt", "<none>", "<none>", "<none>", "<none>", "10s"]),
        );
        check::default(&PriorityLevelConfigurations, &level(r#""type":"Exempt","exempt":{}"#), &exempt);
        let limited = level(
            r#""type":"Limited","limited":{"nominalConcurrencyShares":30,"lendablePercent":0,"limitResponse":{"type":"Queue","queuing":{"handSize":8,"queues":64,"queueLengthLimit":50}}}"#,
        );
        check::cells(&PriorityLevelConfigurations, &limited, json!(["x", "Limited", 30, 64, 8, 50, "10s"]));
        check::default(
            &PriorityLevelConfigurations,
            &level(r#""type":"Limited","limited":{"limitResponse":{"type":"Queue","queuing":{}}}"#),
            &limited,
        );
        let rejecting = level(
            r#""type":"Limited","limited":{"nominalConcurrencyShares":0,"lendablePercent":1,"limitResponse":{"type":"Reject"}}"#,
        );
        check::default(&PriorityLevelConfigurations, &rejecting, &rejecting);
        check::cells(
            &PriorityLevelConfigurations,
            &rejecting,
            json!(["x", "Limited", 0, "<none>", "<none>", "<none>", "10s"]),
        );
    }
}
