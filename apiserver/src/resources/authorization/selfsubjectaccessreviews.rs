//! Self subject access reviews: asks whether the caller may do something; kept nowhere.

use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct SelfSubjectAccessReviews;

const FACTS: Facts = Facts {
    group: "authorization.k8s.io",
    versions: &["v1"],
    stored_as: ("authorization.k8s.io", "v1"),
    kind: "SelfSubjectAccessReview",
    plural: "selfsubjectaccessreviews",
    singular: "selfsubjectaccessreview",
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

impl Resource for SelfSubjectAccessReviews {
    fn facts(&self) -> &Facts {
        &FACTS
    }
}
