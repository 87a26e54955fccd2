//! Subject access reviews: asks whether somebody may do something; kept nowhere.

use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct SubjectAccessReviews;

const FACTS: Facts = Facts {
    group: "authorization.k8s.io",
    versions: &["v1"],
    stored_as: ("authorization.k8s.io", "v1"),
    kind: "SubjectAccessReview",
    plural: "subjectaccessreviews",
    singular: "subjectaccessreview",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::CREATE_ONLY,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column { type_: "date", ..Column::text("Created At") }],
};

impl Resource for SubjectAccessReviews {
    fn facts(&self) -> &Facts {
        &FACTS
    }
}
