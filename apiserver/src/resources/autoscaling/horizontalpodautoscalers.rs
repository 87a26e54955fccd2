//! Horizontal pod autoscalers: how many pods there should be, by what they are doing.

mod rules;

mod metrics;
mod version;

use std::borrow::Cow;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::arena::Schema;
use keelson_schema::tree::{Object, Value};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct HorizontalPodAutoscalers;

const FACTS: Facts = Facts {
    group: "autoscaling",
    versions: &["v2", "v1"],
    stored_as: ("autoscaling", "v2"),
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    singular: "horizontalpodautoscaler",
    short_names: &["hpa"],
    categories: &["all"],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "HorizontalPodAutoscaler",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Reference"),
        Column::text("Targets"),
        Column::text("MinPods"),
        Column::text("MaxPods"),
        Column::text("Replicas"),
        Column::text("Age"),
    ],
};

impl Resource for HorizontalPodAutoscalers {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn convert(&self, object: Object, to: &Schema) -> Object {
        match (version::is_v1(object.schema()), version::is_v1(to)) {
            (false, true) => version::to_v1(&object, to),
            (true, false) => {
                let mut object = version::to_v2(&object, to);
                default_behavior(&mut object);
                object
            }
            _ => Object::with_root(to.clone(), object.into_root()),
        }
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        if version::is_v1(object.schema()) {
            return self.cells(&version::to_v2(object, &version::v2()), now);
        }
        let (spec, status) = (object.view().field("spec"), object.view().field("status"));
        let target = spec.field("scaleTargetRef");
        let at_least = spec.field("minReplicas").int();
        vec![
            cells::name(object),
            format!("{}/{}", target.field("kind").text(), target.field("name").text()).into(),
            metrics::shown(spec.field("metrics"), status.field("currentMetrics")).into(),
            at_least.map_or(cells::UNSET.into(), |number| number.to_string()).into(),
            cells::integer(spec.field("maxReplicas")).into(),
            cells::integer(status.field("currentReplicas")).into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        let is_v1 = version::is_v1(object.schema());
        let has_metrics = version::has_metrics(object);
        {
            let mut object = Edit::object(object);
            let mut spec = object.made("spec");
            spec.default("minReplicas", 1_i64);
            if is_v1 && !has_metrics {
                spec.default("targetCPUUtilizationPercentage", CPU_UTILIZATION);
            }
            if !is_v1 && cells::count(spec.view().field("metrics")) == 0 {
                let metrics = Value::List([cpu_utilization(&spec)].into_iter().collect());
                spec.set("metrics", metrics);
            }
        }
        if !is_v1 {
            default_behavior(object);
        }
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        version::drop_annotations(new);
        parts::forget_status(&FACTS, new);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        version::drop_annotations(new);
        parts::keep_status(&FACTS, new, old);
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        version::drop_annotations(new);
        parts::keep_content(new, old);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(&as_v2(new), None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check(&as_v2(new), Some(&as_v2(old)), errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check_status(&as_v2(new), errors);
    }
}

/// The object in the version that can say everything, in which its rules are written.
fn as_v2(object: &Object) -> Cow<'_, Object> {
    if version::is_v1(object.schema()) {
        Cow::Owned(version::to_v2(object, &version::v2()))
    } else {
        Cow::Borrowed(object)
    }
}

/// The part of a processor's time that pods are to use where nobody says anything else, in percent.
const CPU_UTILIZATION: i64 = 80;
/// How many pods, and how much of them in percent, may come in so many seconds.
const PODS: i64 = 4;
const PERCENT: i64 = 100;
const PERIOD_SECONDS: i64 = 15;

fn cpu_utilization(spec: &Edit<'_>) -> Value {
    spec.item("metrics", |metric| {
        metric.set("type", "Resource");
        let mut resource = metric.made("resource");
        resource.set("name", "cpu");
        let mut target = resource.made("target");
        target.set("type", "Utilization");
        target.set("averageUtilization", CPU_UTILIZATION);
    })
}

/// If it is said how to scale, that is said in full: up at once, down by what is still the controller's to say.
fn default_behavior(object: &mut Object) {
    let mut object = Edit::object(object);
    let Some(mut spec) = object.part("spec") else { return };
    let Some(mut behavior) = spec.part("behavior") else { return };
    behavior.made("scaleUp").default("stabilizationWindowSeconds", 0_i64);
    for (name, policies) in
        [("scaleUp", &[("Pods", PODS), ("Percent", PERCENT)][..]), ("scaleDown", &[("Percent", PERCENT)])]
    {
        let mut rules = behavior.made(name);
        rules.default("selectPolicy", "Max");
        if rules.has("policies") {
            continue;
        }
        let policy = |(kind, amount): &(&str, i64)| {
            rules.item("policies", |policy| {
                policy.set("type", *kind);
                policy.set("value", *amount);
                policy.set("periodSeconds", PERIOD_SECONDS);
            })
        };
        let policies = policies.iter().map(policy).collect();
        rules.set("policies", Value::List(policies));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn object(spec: &str) -> String {
        format!(
            r#"{{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{{"name":"h","creationTimestamp":"2029-12-31T23:59:50Z","annotations":{{"keep":"me"}}}},"spec":{{"scaleTargetRef":{{"kind":"Deployment","name":"d"}},"maxReplicas":7{spec}}}}}"#
        )
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        let cpu = r#""metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]"#;
        check::default(
            &HorizontalPodAutoscalers,
            &object(""),
            &object(&format!(r#","minReplicas":1,{cpu}"#)),
        );
        let down = r#""scaleDown":{"selectPolicy":"Max","policies":[{"type":"Percent","value":100,"periodSeconds":15}]}"#;
        check::default(
            &HorizontalPodAutoscalers,
            &object(&format!(r#","minReplicas":0,{cpu},"behavior":{{"scaleUp":{{"tolerance":"50m"}}}}"#)),
            &object(&format!(
                r#","minReplicas":0,{cpu},"behavior":{{"scaleUp":{{"stabilizationWindowSeconds":0,"selectPolicy":"Max","policies":[{{"type":"Pods","value":4,"periodSeconds":15}},{{"type":"Percent","value":100,"periodSeconds":15}}],"tolerance":"50m"}},{down}}}"#
            )),
        );
    }

    #[test]
    fn cells() {
        check::cells(
            &HorizontalPodAutoscalers,
            &object(r#","minReplicas":2"#),
            json!(["h", "Deployment/d", "<none>", "2", 7, 0, "10s"]),
        );
        let v1 = object(r#","targetCPUUtilizationPercentage":33"#).replace("/v2", "/v1");
        check::cells(
            &HorizontalPodAutoscalers,
            &v1,
            json!(["h", "Deployment/d", "cpu: <unknown>/33%", "<unset>", 7, 0, "10s"]),
        );
    }

    #[test]
    fn annotations_that_stand_for_fields_are_not_kept() {
        let with = object("")
            .replace(r#""keep":"me""#, r#""keep":"me","autoscaling.alpha.kubernetes.io/metrics":"junk""#);
        check::create(&HorizontalPodAutoscalers, &with, &object(""));
        check::update(&HorizontalPodAutoscalers, "", &object(""), &with, &object(""));
    }
}
