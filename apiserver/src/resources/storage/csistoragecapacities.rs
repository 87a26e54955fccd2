//! CSI storage capacities: how much room a driver has for a topology segment.

use keelson_api::field::Errors;
use keelson_api::names::object;
use keelson_schema::tree::Object;

use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::{At, NEGATIVE, selector};
use crate::warnings::node_labels;

/// The resource.
#[derive(Debug)]
pub(crate) struct CSIStorageCapacities;

const FACTS: Facts = Facts {
    group: "storage.k8s.io",
    versions: &["v1"],
    stored_as: ("storage.k8s.io", "v1"),
    kind: "CSIStorageCapacity",
    plural: "csistoragecapacities",
    singular: "csistoragecapacity",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column { type_: "date", ..Column::text("Created At") }],
};

impl Resource for CSIStorageCapacities {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        node_labels::of_selector(new.view().field("nodeTopology"), "nodeTopology", warnings);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, Some(old), errors);
        let (topology, class) = (At::root(new, "nodeTopology"), At::root(new, "storageClassName"));
        topology.immutable(old.view().field("nodeTopology"), errors);
        class.immutable(old.view().field("storageClassName"), errors);
    }
}

fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let had_bad_value = old.is_some_and(|old| selector::has_invalid_value(old.view().field("nodeTopology")));
    selector::label_selector_with(&At::root(new, "nodeTopology"), had_bad_value, errors);
    At::root(new, "storageClassName").name_of(object::subdomain, errors);
    let capacity = At::root(new, "capacity");
    if capacity.text().starts_with('-') {
        capacity.invalid(NEGATIVE, errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_warnings() {
        let object = r#"{"apiVersion":"storage.k8s.io/v1","kind":"CSIStorageCapacity","metadata":{"name":"c","creationTimestamp":"2029-12-31T23:59:50Z"},"storageClassName":"s","capacity":"1Gi","nodeTopology":{"matchLabels":{"app.kubernetes.io/created-by":"x"},"matchExpressions":[{"key":"k","operator":"Exists"},{"key":"beta.kubernetes.io/os","operator":"Exists"}]}}"#;
        check::cells(&CSIStorageCapacities, object, json!(["c", "2029-12-31T23:59:50Z"]));
        assert_eq!(
            check::warnings(&CSIStorageCapacities, object, None),
            [
                r#"nodeTopology.matchExpressions[1].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead"#,
                "nodeTopology.matchLabels.app.kubernetes.io/created-by: deprecated since v1.9",
            ]
        );
    }
}
