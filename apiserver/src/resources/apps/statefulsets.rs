//! Stateful sets: pods with names and storage of their own, in order.

use keelson_api::field::Errors;
use keelson_api::names::object::{self as names, Rule};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell, containers};
use crate::defaults::gated::{self, Gate};
use crate::defaults::{claim, pod};
use crate::edit::Edit;
use crate::features::Features;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules;
use crate::warnings::{amount, pod as pods};

/// The resource.
#[derive(Debug)]
pub(crate) struct StatefulSets;

const FACTS: Facts = Facts {
    group: "apps",
    versions: &["v1"],
    stored_as: ("apps", "v1"),
    kind: "StatefulSet",
    plural: "statefulsets",
    singular: "statefulset",
    short_names: &["sts"],
    categories: &["all"],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[
        Subresource {
            name: "scale",
            kind: "Scale",
            group_version: Some(("autoscaling", "v1")),
            verbs: Verb::OF_A_PART,
        },
        Subresource { name: "status", kind: "StatefulSet", group_version: None, verbs: Verb::OF_A_PART },
    ],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Ready"),
        Column::text("Age"),
        Column::text("Containers").wide(),
        Column::text("Images").wide(),
    ],
};

impl Resource for StatefulSets {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::workload_sets::stateful(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_sets::stateful(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_sets::stateful_status(new, old, errors);
    }

    fn name_rule(&self) -> Rule {
        names::label
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let (spec, status) = (object.view().field("spec"), object.view().field("status"));
        let pods = spec.path("template.spec");
        let (ready, desired) =
            (cells::integer(status.field("readyReplicas")), cells::integer(spec.field("replicas")));
        vec![
            cells::name(object),
            format!("{ready}/{desired}").into(),
            cells::age_of(object, now),
            containers::names(pods).into(),
            containers::images(pods).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        pod::template(&mut spec.made("template"));
        spec.items("volumeClaimTemplates").for_each(|mut template| claim_template(&mut template));
        spec.default("podManagementPolicy", "OrderedReady");
        update_strategy(&mut spec.made("updateStrategy"));
        let mut retention = spec.made("persistentVolumeClaimRetentionPolicy");
        retention.default("whenDeleted", "Retain");
        retention.default("whenScaled", "Retain");
        spec.default("replicas", 1_i64);
        spec.default("revisionHistoryLimit", 10_i64);
    }

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[GATES]
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        drop_gated(write.features, new, None);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        drop_gated(write.features, new, Some(old));
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        let spec = new.view().field("spec");
        if old.is_none_or(|old| meta(old).generation() != meta(new).generation()) {
            pods::of_pod(spec.field("template"), "spec.template.", warnings);
        }
        // Upstream names the field so when it is updated.
        let behind = if old.is_some() { ".Spec" } else { "" };
        for (at, template) in spec.field("volumeClaimTemplates").items().enumerate() {
            let path = format!("spec.volumeClaimTemplates[{at}]{behind}");
            amount::of_claim(template.field("spec"), &path, warnings);
        }
        if cells::integer(spec.field("revisionHistoryLimit")) < 0 {
            let words = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended";
            warnings.push(words.into());
        }
    }
}

/// A partition and the like are only filled in where there is something to be filled, or nothing was said at all.
fn update_strategy(strategy: &mut Edit<'_>) {
    if !strategy.has("type") {
        strategy.set("type", "RollingUpdate");
        strategy.made("rollingUpdate");
    }
    if strategy.text("type") == "RollingUpdate"
        && let Some(mut rolling) = strategy.part("rollingUpdate")
    {
        rolling.default("partition", 0_i64);
        rolling.default("maxUnavailable", 1_i64);
    }
}

/// A template of claims is a claim, whatever else its writer calls it.
fn claim_template(template: &mut Edit<'_>) {
    template.set("apiVersion", "v1");
    template.set("kind", "PersistentVolumeClaim");
    claim::spec(&mut template.made("spec"));
    template.made("status").default("phase", "Pending");
}

/// Fields of the `spec` that belong to features.
const GATES: &[Gate] =
    &[Gate::on("MaxUnavailableStatefulSet", &["updateStrategy.rollingUpdate.maxUnavailable"])];

fn drop_gated(features: &Features, new: &mut Object, old: Option<&Object>) {
    gated::template(features, new, old, &["spec", "template"]);
    let old = old.map(|old| old.view().field("spec"));
    gated::at(new, &["spec"], &mut |spec| gated::drop(features, spec, old, GATES));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells() {
        let object = r#"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"a","creationTimestamp":"2029-01-01T00:00:00Z"},"spec":{"serviceName":"s","replicas":3,"selector":{},"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}},"status":{"replicas":2,"readyReplicas":1}}"#;
        check::cells(&StatefulSets, object, json!(["a", "1/3", "365d", "c", "i"]));
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        let mut object = check::object(
            r#"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"a"},"spec":{"serviceName":"s","selector":{},"template":{},"volumeClaimTemplates":[{"metadata":{"name":"v"},"spec":{"accessModes":["ReadWriteOnce"]}}]}}"#,
        );
        StatefulSets.default(&mut object);
        let mut spec = check::json(&object)["spec"].take();
        spec.as_object_mut().unwrap().remove("template");
        assert_eq!(
            spec,
            json!({"replicas": 1, "selector": {}, "serviceName": "s", "podManagementPolicy": "OrderedReady",
                "volumeClaimTemplates": [{"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"name": "v"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {}, "volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}],
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}},
                "revisionHistoryLimit": 10,
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}})
        );
    }

    #[test]
    fn a_strategy_that_is_named_is_left_alone() {
        for (strategy, expected) in [
            (r#"{"type":"OnDelete"}"#, json!({"type": "OnDelete"})),
            (r#"{"type":"RollingUpdate"}"#, json!({"type": "RollingUpdate"})),
            (
                r#"{"rollingUpdate":{"partition":2}}"#,
                json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2, "maxUnavailable": 1}}),
            ),
        ] {
            let mut object = check::object(&format!(
                r#"{{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{{"name":"a"}},"spec":{{"serviceName":"s","selector":{{}},"updateStrategy":{strategy}}}}}"#
            ));
            StatefulSets.default(&mut object);
            assert_eq!(check::json(&object)["spec"]["updateStrategy"], expected, "{strategy}");
        }
    }

    #[test]
    fn warnings() {
        let object = r#"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"a"},"spec":{"serviceName":"s","selector":{},"template":{},"revisionHistoryLimit":-1,"volumeClaimTemplates":[{"metadata":{"name":"v"},"spec":{"resources":{"requests":{"storage":"100m"}}}}]}}"#;
        let history = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended";
        let storage =
            r#"resources.requests[storage]: fractional byte value "100m" is invalid, must be an integer"#;
        let expected = |path: &str| vec![format!("{path}.{storage}"), history.to_owned()];
        assert_eq!(check::warnings(&StatefulSets, object, None), expected("spec.volumeClaimTemplates[0]"));
        assert_eq!(
            check::warnings(&StatefulSets, object, Some(object)),
            expected("spec.volumeClaimTemplates[0].Spec")
        );
    }
}
