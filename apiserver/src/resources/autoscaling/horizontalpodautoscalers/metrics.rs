//! What an autoscaler goes by, as the text that stands in a cell: `cpu: 40%/55%, memory: 5Mi/1Gi + 4 more...`.

use keelson_schema::tree::View;

use crate::cells;

/// How many metrics are shown.
const SHOWN_MAX: usize = 2;

/// What is measured of each metric, and what is wanted.
pub(super) fn shown(specs: View<'_>, statuses: View<'_>) -> String {
    let count = specs.items().len();
    if count == 0 {
        return cells::NONE.into();
    }
    let metrics: Vec<String> =
        specs.items().take(SHOWN_MAX).enumerate().map(|(at, spec)| metric(spec, statuses.item(at))).collect();
    let shown = metrics.join(", ");
    if count > SHOWN_MAX { format!("{shown} + {} more...", count - SHOWN_MAX) } else { shown }
}

fn metric(spec: View<'_>, status: View<'_>) -> String {
    match spec.field("type").text() {
        "External" => of_value(spec.field("external"), status.field("external")),
        "Object" => of_value(spec.field("object"), status.field("object")),
        "Pods" => {
            let status = status.field("pods");
            let current =
                if status.is_present() { quantity(status, "current.averageValue") } else { unknown() };
            format!("{current}/{}", quantity(spec.field("pods"), "target.averageValue"))
        }
        "Resource" => of_resource(spec.field("resource"), status.field("resource")),
        "ContainerResource" => {
            of_resource(spec.field("containerResource"), status.field("containerResource"))
        }
        _ => "<unknown type>".into(),
    }
}

/// A metric that is wanted on average, or as a whole.
fn of_value(spec: View<'_>, status: View<'_>) -> String {
    if spec.path("target.averageValue").is_present() {
        let current = Some(status.path("current.averageValue").text()).filter(|text| !text.is_empty());
        return format!(
            "{}/{} (avg)",
            current.unwrap_or(cells::UNKNOWN),
            quantity(spec, "target.averageValue")
        );
    }
    let current = if status.is_present() { quantity(status, "current.value") } else { unknown() };
    format!("{current}/{}", quantity(spec, "target.value"))
}

/// A resource of pods or of containers, as an amount or in percent of what they request.
fn of_resource(spec: View<'_>, status: View<'_>) -> String {
    let name = spec.field("name").text();
    if spec.path("target.averageValue").is_present() {
        let current = if status.is_present() { quantity(status, "current.averageValue") } else { unknown() };
        return format!("{name}: {current}/{}", quantity(spec, "target.averageValue"));
    }
    let percent = |view: View<'_>, otherwise: &str| {
        view.int().map_or_else(|| otherwise.to_owned(), |percent| format!("{percent}%"))
    };
    let current = percent(status.path("current.averageUtilization"), cells::UNKNOWN);
    format!("{name}: {current}/{}", percent(spec.path("target.averageUtilization"), "<auto>"))
}

/// The amount at `path`, in upstream's word if there is none.
fn quantity(view: View<'_>, path: &str) -> String {
    cells::text_or(view.path(path), "<nil>").to_owned()
}

fn unknown() -> String {
    cells::UNKNOWN.into()
}

#[cfg(test)]
mod tests {
    use crate::resource::check::object;

    fn check(specs: &str, statuses: &str, expected: &str) {
        let object = object(&format!(
            r#"{{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{{"name":"h"}},"spec":{{"scaleTargetRef":{{"kind":"D","name":"d"}},"maxReplicas":1,"metrics":[{specs}]}},"status":{{"currentMetrics":[{statuses}],"desiredReplicas":0}}}}"#
        ));
        let view = object.view();
        assert_eq!(super::shown(view.path("spec.metrics"), view.path("status.currentMetrics")), expected);
    }

    #[test]
    fn metrics_are_shown_as_measured_and_wanted() {
        check("", "", "<none>");
        let cpu = r#"{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":55}}}"#;
        let memory = r#"{"type":"ContainerResource","containerResource":{"name":"memory","container":"c","target":{"type":"AverageValue","averageValue":"1Gi"}}}"#;
        check(cpu, "", "cpu: <unknown>/55%");
        check(
            &format!("{cpu},{memory}"),
            r#"{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":40}}},{"type":"ContainerResource","containerResource":{"name":"memory","container":"c","current":{"averageValue":"5Mi"}}}"#,
            "cpu: 40%/55%, memory: 5Mi/1Gi",
        );
        check(
            &format!("{cpu},{memory},{cpu},{cpu}"),
            "",
            "cpu: <unknown>/55%, memory: <unknown>/1Gi + 2 more...",
        );
        let pods = r#"{"type":"Pods","pods":{"metric":{"name":"p"},"target":{"type":"AverageValue","averageValue":"10"}}}"#;
        let external = r#"{"type":"External","external":{"metric":{"name":"e"},"target":{"type":"AverageValue","averageValue":"100m"}}}"#;
        check(
            &format!("{pods},{external}"),
            r#"{"type":"Pods","pods":{"metric":{"name":"p"},"current":{"averageValue":"9"}}}"#,
            "9/10, <unknown>/100m (avg)",
        );
        let object = r#"{"type":"Object","object":{"describedObject":{"kind":"S","name":"s"},"metric":{"name":"m"},"target":{"type":"Value","value":"2k"}}}"#;
        check(
            object,
            r#"{"type":"Object","object":{"describedObject":{"kind":"S","name":"s"},"metric":{"name":"m"},"current":{"value":"1k"}}}"#,
            "1k/2k",
        );
    }
}
