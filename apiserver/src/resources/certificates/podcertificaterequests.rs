//! Pod certificate requests: asks a signer for a certificate for a pod.

mod rules;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell, selector};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct PodCertificateRequests;

const FACTS: Facts = Facts {
    group: "certificates.k8s.io",
    versions: &["v1"],
    stored_as: ("certificates.k8s.io", "v1"),
    kind: "PodCertificateRequest",
    plural: "podcertificaterequests",
    singular: "podcertificaterequest",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "PodCertificateRequest",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[Field::new("spec.nodeName"), Field::new("spec.podName"), Field::new("spec.signerName")],
    columns: &[
        Column::NAME,
        Column::text("PodName"),
        Column::text("ServiceAccountName"),
        Column::text("NodeName"),
        Column::text("SignerName"),
        Column::text("State"),
        Column::text("UnverifiedUserAnnotations"),
    ],
};

impl Resource for PodCertificateRequests {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn hashed_version(&self) -> &'static str {
        "v1beta1"
    }

    fn cells(&self, object: &Object, _: UnixMillis) -> Vec<Cell> {
        let (spec, status) = (object.view().field("spec"), object.view().field("status"));
        let text = |name: &str| Cell::from(spec.field(name).text());
        vec![
            cells::name(object),
            text("podName"),
            text("serviceAccountName"),
            text("nodeName"),
            text("signerName"),
            state(status).into(),
            selector::labels(spec.field("unverifiedUserAnnotations")).into(),
        ]
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_update(new, old, errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_status(new, old, errors);
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }
}

/// The outcome, of which there is one at most.
fn state(status: View<'_>) -> &str {
    let kinds = status.field("conditions").items().map(|condition| condition.field("type").text());
    kinds.filter(|kind| matches!(*kind, "Issued" | "Denied" | "Failed")).last().unwrap_or("Pending")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells() {
        let check = |conditions: &str, expected: &str| {
            let object = format!(
                r#"{{"apiVersion":"certificates.k8s.io/v1","kind":"PodCertificateRequest","metadata":{{"name":"x"}},"spec":{{"signerName":"s/t","podName":"p","podUID":"u","serviceAccountName":"a","serviceAccountUID":"v","nodeName":"n","nodeUID":"w","unverifiedUserAnnotations":{{"k":"v"}}}},"status":{{"conditions":[{conditions}]}}}}"#
            );
            check::cells(
                &PodCertificateRequests,
                &object,
                json!(["x", "p", "a", "n", "s/t", expected, "k=v"]),
            );
        };
        check("", "Pending");
        check(
            r#"{"type":"Issued","status":"True","lastTransitionTime":null,"reason":"r","message":"m"}"#,
            "Issued",
        );
    }
}
