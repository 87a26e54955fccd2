//! The two versions of an autoscaler. What the older one has no fields for, it says in annotations, so that nothing is
//! lost on the way there and back; in the newer one those annotations do not exist.
//!
//! The forms of metrics in the annotations are given as tables of members: what each is called there, and where it is in
//! the newer version.

use std::fmt::Write as _;

use keelson_api::golang::JsonText;
use keelson_api::quantity::Quantity;
use keelson_schema::arena::Schema;
use keelson_schema::tree::{Object, Value, View};
use keelson_schema::{json, normal};
use serde_json::{Map, Value as Json};

use crate::edit::Edit;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
/// All annotations that stand for fields, those of earlier servers included.
const ANNOTATIONS: [&str; 6] = [
    METRICS,
    CURRENT_METRICS,
    CONDITIONS,
    BEHAVIOR,
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance",
    "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
];

/// Fields of the same name and form in both versions.
const SPEC: [&str; 3] = ["scaleTargetRef", "minReplicas", "maxReplicas"];
const STATUS: [&str; 4] = ["observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas"];

/// A member of a metric in an annotation.
struct Member {
    name: &'static str,
    /// Where it is in the newer version.
    path: &'static str,
    /// What stands there if there is nothing; otherwise it is left out.
    absent: Option<&'static str>,
}

const fn may(name: &'static str, path: &'static str) -> Member {
    Member { name, path, absent: None }
}

const fn must(name: &'static str, path: &'static str, absent: &'static str) -> Member {
    Member { name, path, absent: Some(absent) }
}

const NOTHING: &str = r#""""#;
const ZERO: &str = r#""0""#;
const NOBODY: &str = r#"{"kind":"","name":""}"#;

/// How metrics of a sort are written.
struct Form {
    /// Whether they have targets, whose type is not written.
    has_targets: bool,
    /// The sources of a metric and their members, in the order in which they are written.
    sources: [(&'static str, &'static [Member]); 5],
}

const WANTED: Form = Form {
    has_targets: true,
    sources: [
        (
            "object",
            &[
                must("target", "describedObject", NOBODY),
                must("metricName", "metric.name", NOTHING),
                must("targetValue", "target.value", ZERO),
                may("selector", "metric.selector"),
                may("averageValue", "target.averageValue"),
            ],
        ),
        (
            "pods",
            &[
                must("metricName", "metric.name", NOTHING),
                must("targetAverageValue", "target.averageValue", ZERO),
                may("selector", "metric.selector"),
            ],
        ),
        (
            "resource",
            &[
                must("name", "name", NOTHING),
                may("targetAverageUtilization", "target.averageUtilization"),
                may("targetAverageValue", "target.averageValue"),
            ],
        ),
        (
            "containerResource",
            &[
                must("name", "name", NOTHING),
                may("targetAverageUtilization", "target.averageUtilization"),
                may("targetAverageValue", "target.averageValue"),
                must("container", "container", NOTHING),
            ],
        ),
        (
            "external",
            &[
                must("metricName", "metric.name", NOTHING),
                may("metricSelector", "metric.selector"),
                may("targetValue", "target.value"),
                may("targetAverageValue", "target.averageValue"),
            ],
        ),
    ],
};

const MEASURED: Form = Form {
    has_targets: false,
    sources: [
        (
            "object",
            &[
                must("target", "describedObject", NOBODY),
                must("metricName", "metric.name", NOTHING),
                must("currentValue", "current.value", ZERO),
                may("selector", "metric.selector"),
                may("averageValue", "current.averageValue"),
            ],
        ),
        (
            "pods",
            &[
                must("metricName", "metric.name", NOTHING),
                must("currentAverageValue", "current.averageValue", ZERO),
                may("selector", "metric.selector"),
            ],
        ),
        (
            "resource",
            &[
                must("name", "name", NOTHING),
                may("currentAverageUtilization", "current.averageUtilization"),
                must("currentAverageValue", "current.averageValue", ZERO),
            ],
        ),
        (
            "containerResource",
            &[
                must("name", "name", NOTHING),
                may("currentAverageUtilization", "current.averageUtilization"),
                must("currentAverageValue", "current.averageValue", ZERO),
                must("container", "container", NOTHING),
            ],
        ),
        (
            "external",
            &[
                must("metricName", "metric.name", NOTHING),
                may("metricSelector", "metric.selector"),
                must("currentValue", "current.value", ZERO),
                may("currentAverageValue", "current.averageValue"),
            ],
        ),
    ],
};

/// The newer version.
pub(super) fn v2() -> Schema {
    Schema::builtin("autoscaling", "v2", "HorizontalPodAutoscaler").expect("it is a built-in kind")
}

/// Whether objects of that type are of the older version.
pub(super) fn is_v1(schema: &Schema) -> bool {
    schema.ty().name().contains(".v1.")
}

/// Whether an object of the older version has metrics, which it says in an annotation.
pub(super) fn has_metrics(object: &Object) -> bool {
    !object.view().path("metadata.annotations").key(METRICS).text().is_empty()
}

/// Takes away the annotations that stand for fields.
pub(super) fn drop_annotations(object: &mut Object) {
    let mut object = Edit::object(object);
    let Some(mut metadata) = object.part("metadata") else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_map_mut) else { return };
    annotations.retain(|name, _| !ANNOTATIONS.contains(&name));
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// An object of the type `to` with what both versions have in common, and no annotations that stand for fields.
fn in_common(object: &Object, to: &Schema, version: &str) -> Object {
    let view = object.view();
    let mut out = Object::new(to.clone());
    {
        let mut new = Edit::object(&mut out);
        let api_version = view.field("apiVersion").is_present().then(|| Value::from(version));
        new.put("apiVersion", api_version);
        new.put("kind", view.field("kind").value().cloned());
        new.put("metadata", view.field("metadata").value().cloned());
        for (part, names) in [("spec", &SPEC[..]), ("status", &STATUS[..])] {
            let mut made = new.made(part);
            for name in names {
                made.put(name, view.field(part).field(name).value().cloned());
            }
        }
    }
    drop_annotations(&mut out);
    out
}

/// An object of the newer version in the older one.
pub(super) fn to_v1(object: &Object, to: &Schema) -> Object {
    let (spec, status) = (object.view().field("spec"), object.view().field("status"));
    let mut out = in_common(object, to, "autoscaling/v1");
    {
        let mut new = Edit::object(&mut out);
        let wanted = spec.field("metrics").items().find_map(|metric| cpu(metric, "target"));
        new.made("spec").put("targetCPUUtilizationPercentage", wanted.map(Value::Int));
        let measured =
            status.field("currentMetrics").items().filter_map(|metric| cpu(metric, "current")).last();
        new.made("status").put("currentCPUUtilizationPercentage", measured.map(Value::Int));
        let mut metadata = new.made("metadata");
        for (name, text) in annotations(spec, status) {
            metadata.map("annotations").set(name, Value::from(text.as_str()));
        }
    }
    normal::normalize(to.ty().as_struct().expect("objects are structs"), out.root_mut());
    out
}

/// How much of a processor's time is used, or to be used, if that is what the metric is about.
fn cpu(metric: View<'_>, part: &str) -> Option<i64> {
    let resource = metric.field("resource");
    let is_cpu = metric.field("type").text() == "Resource" && resource.field("name").text() == "cpu";
    resource.field(part).field("averageUtilization").int().filter(|_| is_cpu)
}

/// What the older version has no fields for.
fn annotations(spec: View<'_>, status: View<'_>) -> impl Iterator<Item = (&'static str, String)> {
    let others = spec.field("metrics").items().filter(|metric| cpu(*metric, "target").is_none());
    let conditions = status.field("conditions");
    let behavior = spec.field("behavior");
    let texts = [
        (METRICS, write_metrics(others, &WANTED)),
        // What the CPU uses is also an amount, which the field does not say.
        (CURRENT_METRICS, write_metrics(status.field("currentMetrics").items(), &MEASURED)),
        (BEHAVIOR, behavior.is_present().then(|| write_behavior(behavior))),
        (CONDITIONS, (conditions.items().len() > 0).then(|| text_of(conditions))),
    ];
    texts.into_iter().filter_map(|(name, text)| Some((name, text?)))
}

/// The JSON of a value; `null` if there is none.
fn text_of(view: View<'_>) -> String {
    let mut out = Vec::new();
    if let (Some(ty), Some(value)) = (view.ty(), view.value()) {
        json::encode_value(ty, value, &mut out).expect("what has been decoded can be encoded");
        return String::from_utf8(out).expect("JSON is text");
    }
    "null".into()
}

fn write_metrics<'a>(metrics: impl Iterator<Item = View<'a>>, form: &Form) -> Option<String> {
    let metrics: Vec<String> = metrics.map(|metric| write_metric(metric, form)).collect();
    (!metrics.is_empty()).then(|| format!("[{}]", metrics.join(",")))
}

fn write_metric(metric: View<'_>, form: &Form) -> String {
    let mut out = format!(r#"{{"type":{}"#, JsonText(metric.field("type").text()));
    for (name, members) in &form.sources {
        let source = metric.field(name);
        if !source.is_present() {
            continue;
        }
        let members = members.iter().filter_map(|member| {
            let value = source.path(member.path);
            let text = if value.is_present() { text_of(value) } else { member.absent?.to_owned() };
            Some(format!(r#""{}":{text}"#, member.name))
        });
        let members: Vec<String> = members.collect();
        write!(out, r#","{name}":{{{}}}"#, members.join(",")).expect("a string can be written to");
    }
    out.push('}');
    out
}

/// How to scale, as a type of upstream's that was never meant to be written: by the names of its Go fields, all of them.
fn write_behavior(behavior: View<'_>) -> String {
    let policy = |policy: View<'_>| {
        let number = |name: &str| policy.field(name).int().unwrap_or_default();
        let kind = JsonText(policy.field("type").text());
        format!(
            r#"{{"Type":{kind},"Value":{},"PeriodSeconds":{}}}"#,
            number("value"),
            number("periodSeconds")
        )
    };
    let rules = |rules: View<'_>| {
        if !rules.is_present() {
            return "null".to_owned();
        }
        let policies = rules.field("policies");
        let policies = if policies.is_present() {
            format!("[{}]", policies.items().map(policy).collect::<Vec<_>>().join(","))
        } else {
            "null".into()
        };
        format!(
            r#"{{"StabilizationWindowSeconds":{},"SelectPolicy":{},"Policies":{policies},"Tolerance":{}}}"#,
            text_of(rules.field("stabilizationWindowSeconds")),
            text_of(rules.field("selectPolicy")),
            text_of(rules.field("tolerance")),
        )
    };
    let (up, down) = (rules(behavior.field("scaleUp")), rules(behavior.field("scaleDown")));
    format!(r#"{{"ScaleUp":{up},"ScaleDown":{down}}}"#)
}

/// An object of the older version in the newer one. Annotations that cannot be read are as good as none.
pub(super) fn to_v2(object: &Object, to: &Schema) -> Object {
    let view = object.view();
    let annotation = |name: &str| {
        let text = view.path("metadata.annotations").key(name).text();
        serde_json::from_str::<Json>(text).ok()
    };
    let mut out = in_common(object, to, "autoscaling/v2");
    let wanted = view.path("spec.targetCPUUtilizationPercentage").int().map(cpu_wanted);
    let others = annotation(METRICS).and_then(|metrics| read_metrics(&metrics, &WANTED));
    let others = others.filter(|metrics| decoded(to, "spec.metrics", metrics).is_some()).unwrap_or_default();
    let mut metrics: Vec<Json> = others.into_iter().chain(wanted).collect();
    if metrics.is_empty() {
        metrics.push(cpu_wanted(super::CPU_UTILIZATION));
    }
    let measured = annotation(CURRENT_METRICS)
        .and_then(|metrics| read_metrics(&metrics, &MEASURED))
        .and_then(|metrics| decoded(to, "status.currentMetrics", &metrics))
        .or_else(|| {
            let cpu = view.path("status.currentCPUUtilizationPercentage").int()?;
            decoded(to, "status.currentMetrics", &[cpu_measured(cpu)])
        });
    let behavior =
        annotation(BEHAVIOR).map(read_behavior).and_then(|json| decode(to, "spec.behavior", &json));
    let behavior = behavior.filter(|value| value.as_fields().is_some_and(|fields| !fields.is_empty()));
    let conditions = annotation(CONDITIONS).and_then(|json| decode(to, "status.conditions", &json));
    {
        let mut new = Edit::object(&mut out);
        let mut spec = new.made("spec");
        spec.put("metrics", decoded(to, "spec.metrics", &metrics));
        spec.put("behavior", behavior);
        let mut status = new.made("status");
        status.put("currentMetrics", measured);
        status.put("conditions", conditions);
    }
    normal::normalize(to.ty().as_struct().expect("objects are structs"), out.root_mut());
    out
}

fn cpu_wanted(percent: i64) -> Json {
    serde_json::json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}})
}

fn cpu_measured(percent: i64) -> Json {
    serde_json::json!({"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": percent}}})
}

fn decoded(to: &Schema, path: &str, items: &[Json]) -> Option<Value> {
    decode(to, path, &Json::Array(items.to_vec()))
}

/// The value that JSON stands for at `path` of an object of type `to`.
fn decode(to: &Schema, path: &str, text: &Json) -> Option<Value> {
    let empty = Object::new(to.clone());
    let ty = empty.view().path(path).ty()?;
    json::decode_value(text.to_string().as_bytes(), ty).ok().flatten()
}

/// The metrics of an annotation in the form of the newer version.
fn read_metrics(metrics: &Json, form: &Form) -> Option<Vec<Json>> {
    metrics.as_array()?.iter().map(|metric| read_metric(metric.as_object()?, form)).collect()
}

fn read_metric(metric: &Map<String, Json>, form: &Form) -> Option<Json> {
    let mut out = Map::new();
    out.extend(metric.get("type").map(|kind| ("type".to_owned(), kind.clone())));
    for (name, members) in &form.sources {
        let source = match metric.get(*name) {
            None | Some(Json::Null) => continue,
            Some(source) => source.as_object()?,
        };
        let mut made = Json::Object(Map::new());
        for member in *members {
            let value = source.get(member.name).filter(|value| !value.is_null());
            // An amount that had to be written is there even if it is zero.
            let value = value.cloned().or_else(|| (member.absent == Some(ZERO)).then(|| "0".into()));
            if let Some(value) = value.filter(|value| !is_only_written(source, member, value)) {
                set(&mut made, member.path, value);
            }
        }
        if form.has_targets {
            set(&mut made, "target.type", target_type(name, source).into());
        }
        out.insert((*name).to_owned(), made);
    }
    Some(Json::Object(out))
}

/// Whether an amount is only there because the annotation's form has to have it: a zero beside an average.
fn is_only_written(source: &Map<String, Json>, member: &Member, value: &Json) -> bool {
    let is_zero =
        || value.as_str().and_then(|text| text.parse::<Quantity>().ok()).is_some_and(|it| it.is_zero());
    member.name == "targetValue" && source.get("averageValue").is_some_and(|it| !it.is_null()) && is_zero()
}

/// What sort of target it is; the annotations leave it to be told from what there is.
fn target_type(name: &str, source: &Map<String, Json>) -> &'static str {
    let has = |name: &str| source.get(name).is_some_and(|value| !value.is_null());
    match name {
        "object" if !has("averageValue") => "Value",
        "external" if has("targetValue") => "Value",
        "resource" | "containerResource" if has("targetAverageUtilization") => "Utilization",
        _ => "AverageValue",
    }
}

/// Sets what lies at a path of one or two names.
fn set(json: &mut Json, path: &str, value: Json) {
    match path.split_once('.') {
        None => json[path] = value,
        Some((first, rest)) => json[first][rest] = value,
    }
}

/// How to scale, by the names of the newer version; upstream does not mind how they are capitalized.
fn read_behavior(json: Json) -> Json {
    const NAMES: [&str; 9] = [
        "scaleUp",
        "scaleDown",
        "stabilizationWindowSeconds",
        "selectPolicy",
        "policies",
        "tolerance",
        "type",
        "value",
        "periodSeconds",
    ];
    match json {
        Json::Array(items) => items.into_iter().map(read_behavior).collect(),
        Json::Object(members) => {
            let members = members.into_iter().filter_map(|(name, value)| {
                let known = NAMES.iter().find(|known| known.eq_ignore_ascii_case(&name))?;
                Some(((*known).to_owned(), read_behavior(value)))
            });
            Json::Object(members.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Resource, check};

    /// As an upstream server of this version has shown the same object in both versions.
    const V2: &str = r#"{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v2","metadata":{"name":"h2","creationTimestamp":"2026-11-20T20:16:34Z"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"},"minReplicas":1,"maxReplicas":7,"metrics":[{"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}},{"type":"Object","object":{"describedObject":{"kind":"Service","name":"s","apiVersion":"v1"},"target":{"type":"Value","value":"2k"},"metric":{"name":"q<ps","selector":{"matchLabels":{"a":"b"}}}}},{"type":"Pods","pods":{"metric":{"name":"pp"},"target":{"type":"AverageValue","averageValue":"10"}}},{"type":"ContainerResource","containerResource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":5},"container":"cc"}},{"type":"External","external":{"metric":{"name":"ee"},"target":{"type":"AverageValue","averageValue":"100m"}}},{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":55}}}],"behavior":{"scaleUp":{"stabilizationWindowSeconds":0,"selectPolicy":"Max","policies":[{"type":"Pods","value":4,"periodSeconds":15},{"type":"Percent","value":100,"periodSeconds":15}],"tolerance":"50m"},"scaleDown":{"selectPolicy":"Max","policies":[{"type":"Percent","value":100,"periodSeconds":15}]}}},"status":{"observedGeneration":1,"lastScaleTime":"2029-12-31T23:00:00Z","currentReplicas":3,"desiredReplicas":4,"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageValue":"400m","averageUtilization":40}}},{"type":"Resource","resource":{"name":"memory","current":{"averageValue":"5Mi"}}},{"type":"Object","object":{"metric":{"name":"q<ps"},"current":{"value":"1k"},"describedObject":{"kind":"Service","name":"s","apiVersion":"v1"}}},{"type":"Pods","pods":{"metric":{"name":"pp"},"current":{"averageValue":"9"}}},{"type":"ContainerResource","containerResource":{"name":"cpu","current":{"averageValue":"1m","averageUtilization":4},"container":"cc"}},{"type":"External","external":{"metric":{"name":"ee"},"current":{"value":"0","averageValue":"50m"}}}],"conditions":[{"type":"AbleToScale","status":"True","lastTransitionTime":"2029-12-31T23:00:00Z","reason":"R","message":"m & m"}]}}"#;
    const V1: &str = r#"{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v1","metadata":{"name":"h2","creationTimestamp":"2026-11-20T20:16:34Z","annotations":{"autoscaling.alpha.kubernetes.io/behavior":"{\"ScaleUp\":{\"StabilizationWindowSeconds\":0,\"SelectPolicy\":\"Max\",\"Policies\":[{\"Type\":\"Pods\",\"Value\":4,\"PeriodSeconds\":15},{\"Type\":\"Percent\",\"Value\":100,\"PeriodSeconds\":15}],\"Tolerance\":\"50m\"},\"ScaleDown\":{\"StabilizationWindowSeconds\":null,\"SelectPolicy\":\"Max\",\"Policies\":[{\"Type\":\"Percent\",\"Value\":100,\"PeriodSeconds\":15}],\"Tolerance\":null}}","autoscaling.alpha.kubernetes.io/conditions":"[{\"type\":\"AbleToScale\",\"status\":\"True\",\"lastTransitionTime\":\"2029-12-31T23:00:00Z\",\"reason\":\"R\",\"message\":\"m \\u0026 m\"}]","autoscaling.alpha.kubernetes.io/current-metrics":"[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"currentAverageUtilization\":40,\"currentAverageValue\":\"400m\"}},{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"currentAverageValue\":\"5Mi\"}},{\"type\":\"Object\",\"object\":{\"target\":{\"kind\":\"Service\",\"name\":\"s\",\"apiVersion\":\"v1\"},\"metricName\":\"q\\u003cps\",\"currentValue\":\"1k\"}},{\"type\":\"Pods\",\"pods\":{\"metricName\":\"pp\",\"currentAverageValue\":\"9\"}},{\"type\":\"ContainerResource\",\"containerResource\":{\"name\":\"cpu\",\"currentAverageUtilization\":4,\"currentAverageValue\":\"1m\",\"container\":\"cc\"}},{\"type\":\"External\",\"external\":{\"metricName\":\"ee\",\"currentValue\":\"0\",\"currentAverageValue\":\"50m\"}}]","autoscaling.alpha.kubernetes.io/metrics":"[{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"targetAverageValue\":\"1Gi\"}},{\"type\":\"Object\",\"object\":{\"target\":{\"kind\":\"Service\",\"name\":\"s\",\"apiVersion\":\"v1\"},\"metricName\":\"q\\u003cps\",\"targetValue\":\"2k\",\"selector\":{\"matchLabels\":{\"a\":\"b\"}}}},{\"type\":\"Pods\",\"pods\":{\"metricName\":\"pp\",\"targetAverageValue\":\"10\"}},{\"type\":\"ContainerResource\",\"containerResource\":{\"name\":\"cpu\",\"targetAverageUtilization\":5,\"container\":\"cc\"}},{\"type\":\"External\",\"external\":{\"metricName\":\"ee\",\"targetAverageValue\":\"100m\"}}]"}},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"},"minReplicas":1,"maxReplicas":7,"targetCPUUtilizationPercentage":55},"status":{"observedGeneration":1,"lastScaleTime":"2029-12-31T23:00:00Z","currentReplicas":3,"desiredReplicas":4,"currentCPUUtilizationPercentage":40}}"#;

    fn v1() -> Schema {
        Schema::builtin("autoscaling", "v1", "HorizontalPodAutoscaler").unwrap()
    }

    fn check(from: &str, to: &Schema, expected: &str) {
        let converted = super::super::HorizontalPodAutoscalers.convert(check::object(from), to);
        assert_eq!(check::json(&converted), check::json(&check::object(expected)), "{from}");
    }

    #[test]
    fn nothing_is_lost_on_the_way_there_and_back() {
        check(V2, &v1(), V1);
        check(V1, &v2(), V2);
        // Of several that the older version has one field for, the first counts.
        let first = V2.replacen(r#""metrics":["#, r#""metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":66}}},"#, 1);
        check(&first, &v1(), &V1.replace(r#"Percentage":55"#, r#"Percentage":66"#));
    }

    #[test]
    fn what_is_not_said_or_not_readable_is_filled_in() {
        let old = |annotations: &str, spec: &str| {
            format!(
                r#"{{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v1","metadata":{{"annotations":{{"keep":"me"{annotations}}}}},"spec":{{"scaleTargetRef":{{"kind":"D","name":"d"}},"maxReplicas":7{spec}}}}}"#
            )
        };
        let new = |percent: u8| {
            format!(
                r#"{{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v2","metadata":{{"annotations":{{"keep":"me"}}}},"spec":{{"scaleTargetRef":{{"kind":"D","name":"d"}},"maxReplicas":7,"metrics":[{{"type":"Resource","resource":{{"name":"cpu","target":{{"type":"Utilization","averageUtilization":{percent}}}}}}}]}}}}"#
            )
        };
        check(&old("", r#","targetCPUUtilizationPercentage":33"#), &v2(), &new(33));
        check(&old("", ""), &v2(), &new(80));
        for junk in ["junk", "{}", r#"[{\"type\":1}]"#, "7"] {
            let names = [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR];
            let annotations: String = names.iter().map(|name| format!(r#","{name}":"{junk}""#)).collect();
            check(&old(&annotations, ""), &v2(), &new(80));
        }
    }

    #[test]
    fn zeros_that_had_to_be_written_are_not_read() {
        let read = |object: &str| {
            let metrics: Json =
                serde_json::from_str(&format!(r#"[{{"type":"Object","object":{object}}}]"#)).unwrap();
            read_metrics(&metrics, &WANTED).unwrap()[0]["object"]["target"].clone()
        };
        let check = |object: &str, expected: &str| {
            assert_eq!(read(object), serde_json::from_str::<Json>(expected).unwrap(), "{object}");
        };
        check(r#"{"targetValue":"0"}"#, r#"{"type":"Value","value":"0"}"#);
        check(r#"{}"#, r#"{"type":"Value","value":"0"}"#);
        check(r#"{"targetValue":"0","averageValue":"1"}"#, r#"{"type":"AverageValue","averageValue":"1"}"#);
        check(
            r#"{"targetValue":"2","averageValue":"1"}"#,
            r#"{"type":"AverageValue","averageValue":"1","value":"2"}"#,
        );
    }
}
