//! Token reviews: asks whose token this is; kept nowhere.

use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct TokenReviews;

const FACTS: Facts = Facts {
    group: "authentication.k8s.io",
    versions: &["v1"],
    stored_as: ("authentication.k8s.io", "v1"),
    kind: "TokenReview",
    plural: "tokenreviews",
    singular: "tokenreview",
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

impl Resource for TokenReviews {
    fn facts(&self) -> &Facts {
        &FACTS
    }
}
