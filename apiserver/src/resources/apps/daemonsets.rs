//! Daemon sets: one pod on every node that qualifies.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell, containers, selector};
use crate::defaults::{gated, pod};
use crate::edit::Edit;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules;
use crate::warnings::pod as pods;

/// The resource.
#[derive(Debug)]
pub(crate) struct DaemonSets;

const FACTS: Facts = Facts {
    group: "apps",
    versions: &["v1"],
    stored_as: ("apps", "v1"),
    kind: "DaemonSet",
    plural: "daemonsets",
    singular: "daemonset",
    short_names: &["ds"],
    categories: &["all"],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "DaemonSet",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::integer("Desired"),
        Column::integer("Current"),
        Column::integer("Ready"),
        Column::integer("Up-to-date"),
        Column::integer("Available"),
        Column::text("Node Selector"),
        Column::text("Age"),
        Column::text("Containers").wide(),
        Column::text("Images").wide(),
        Column::text("Selector").wide(),
    ],
};

impl Resource for DaemonSets {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::workload_sets::daemons(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_sets::daemons(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_sets::daemon_status(new, old, errors);
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let (spec, status) = (object.view().field("spec"), object.view().field("status"));
        let pods = spec.path("template.spec");
        let number = |name: &str| Cell::from(cells::integer(status.field(name)));
        vec![
            cells::name(object),
            number("desiredNumberScheduled"),
            number("currentNumberScheduled"),
            number("numberReady"),
            number("updatedNumberScheduled"),
            number("numberAvailable"),
            selector::labels(pods.field("nodeSelector")).into(),
            cells::age_of(object, now),
            containers::names(pods).into(),
            containers::images(pods).into(),
            selector::selector(spec.field("selector")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        // A field that is always there, in upstream's own form of the object.
        let generation = template_generation(object);
        set_template_generation(object, generation);
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        pod::template(&mut spec.made("template"));
        spec.default("revisionHistoryLimit", 10_i64);
        let mut strategy = spec.made("updateStrategy");
        strategy.default("type", "RollingUpdate");
        if strategy.text("type") == "RollingUpdate" {
            let mut rolling = strategy.made("rollingUpdate");
            rolling.default("maxUnavailable", 1_i64);
            rolling.default("maxSurge", 0_i64);
        }
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        let generation = template_generation(new).max(1);
        set_template_generation(new, generation);
        gated::template(write.features, new, None, &["spec", "template"]);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        gated::template(write.features, new, Some(old), &["spec", "template"]);
        let is_new = new.get("spec.template") != old.get("spec.template");
        set_template_generation(new, template_generation(old) + i64::from(is_new));
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        set_template_generation(new, template_generation(old));
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        if old.is_none_or(|old| template_generation(old) != template_generation(new)) {
            pods::of_pod(new.view().path("spec.template"), "spec.template.", warnings);
        }
    }
}

/// Where it is said how often the template has changed. It was a field of the `spec` once, and is still kept, and set by
/// the server alone.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn template_generation(object: &Object) -> i64 {
    let annotation = object.view().path("metadata.annotations").key(TEMPLATE_GENERATION);
    annotation.text().parse().unwrap_or_default()
}

fn set_template_generation(object: &mut Object, generation: i64) {
    let mut object = Edit::object(object);
    let text = generation.to_string();
    object.made("metadata").map("annotations").set(TEMPLATE_GENERATION, text.as_str().into());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn object(image: &str, generation: &str, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{{"name":"a","creationTimestamp":"2029-12-31T23:00:00Z"{generation}}},"spec":{{"selector":{{"matchLabels":{{"a":"b"}}}},"template":{{"metadata":{{"labels":{{"a":"b"}}}},"spec":{{"nodeSelector":{{"x":"1","y":"2"}},"containers":[{{"name":"c","image":"{image}"}},{{"name":"d","image":"e"}}]}}}}}},"status":{{{status}}}}}"#
        )
    }

    fn generation(number: u8) -> String {
        format!(r#","annotations":{{"{TEMPLATE_GENERATION}":"{number}"}}"#)
    }

    const STATUS: &str = r#""desiredNumberScheduled":5,"currentNumberScheduled":4,"numberReady":3,"updatedNumberScheduled":2,"numberAvailable":1,"numberMisscheduled":0"#;

    #[test]
    fn cells() {
        check::cells(
            &DaemonSets,
            &object("i:1", "", STATUS),
            json!(["a", 5, 4, 3, 2, 1, "x=1,y=2", "60m", "c,d", "i:1,e", "a=b"]),
        );
    }

    #[test]
    fn changes_of_the_template_are_counted_by_the_server() {
        check::create(&DaemonSets, &object("i:1", "", STATUS), &object("i:1", &generation(1), ""));
        let old = object("i:1", &generation(4), STATUS);
        check::update(&DaemonSets, "", &old, &object("i:1", "", ""), &old);
        check::update(&DaemonSets, "", &old, &object("i:2", "", ""), &object("i:2", &generation(5), STATUS));
        check::update(
            &DaemonSets,
            "status",
            &old,
            &object("i:2", "", ""),
            &object("i:1", &generation(4), ""),
        );
    }

    #[test]
    fn updates_roll() {
        let mut object =
            check::object(r#"{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"a"},"spec":{}}"#);
        DaemonSets.default(&mut object);
        let json = check::json(&object);
        assert_eq!(
            json["spec"]["updateStrategy"],
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}})
        );
        assert_eq!(json["spec"]["revisionHistoryLimit"], 10);
        assert_eq!(json["spec"]["template"]["spec"]["dnsPolicy"], "ClusterFirst");
    }
}
