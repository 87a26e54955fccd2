//! Events: what components have to report about objects.

pub(crate) mod rules;

use keelson_api::field::Errors;
use keelson_api::names::object::{self, Rule};
use keelson_api::options::Propagation;
use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct Events;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[],
    fields: &[
        Field::new("involvedObject.apiVersion"),
        Field::new("involvedObject.fieldPath"),
        Field::new("involvedObject.kind"),
        Field::new("involvedObject.name"),
        Field::new("involvedObject.namespace"),
        Field::new("involvedObject.resourceVersion"),
        Field::new("involvedObject.uid"),
        Field::new("reason"),
        Field::new("reportingComponent"),
        Field::new("source").standing_at(&["source.component", "reportingComponent"]),
        Field::new("type"),
    ],
    columns: &[
        Column::text("Last Seen"),
        Column::text("Type"),
        Column::text("Reason"),
        Column::text("Object"),
        Column::text("Subobject").wide(),
        Column::text("Source").wide(),
        Column::text("Message"),
        Column::text("First Seen").wide(),
        Column::text("Count").wide(),
        Column { format: "name", ..Column::text("Name") }.wide(),
    ],
};

impl Resource for Events {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    /// Names that programs have given for long are not looked at closely.
    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn looks_at_metadata_last(&self) -> bool {
        true
    }

    fn default_propagation(&self) -> Option<Propagation> {
        None
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let text = |field| Cell::from(view.field(field).text());
        let (first, last) = seen(view, now);
        vec![
            last.into(),
            text("type"),
            text("reason"),
            subject(view.field("involvedObject")).into(),
            view.path("involvedObject.fieldPath").text().into(),
            source(view).into(),
            view.field("message").text().trim().into(),
            first.into(),
            count(view).into(),
            cells::name(object),
        ]
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, "reportingComponent", errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        rules::check(new, "reportingComponent", errors);
    }
}

/// When it was first and last seen.
fn seen(event: View<'_>, now: UnixMillis) -> (String, String) {
    let is_said =
        |view: View<'_>| view.value().and_then(Value::as_time).is_some_and(|time| time != Time::ZERO);
    let first = event.field("firstTimestamp");
    let first = if is_said(first) { first } else { event.field("eventTime") };
    let series = event.field("series");
    let last = if series.value().is_some() {
        series.field("lastObservedTime")
    } else {
        event.field("lastTimestamp")
    };
    let last = if is_said(last) || series.value().is_some() { last } else { first };
    (cells::since(first, now), cells::since(last, now))
}

/// How often it was seen.
fn count(event: View<'_>) -> i64 {
    let series = event.field("series");
    match series.value() {
        Some(_) => cells::integer(series.field("count")),
        // One that is reported the newer way, and once, does not say so.
        None => match cells::integer(event.field("count")) {
            0 => 1,
            count => count,
        },
    }
}

/// What it is about.
fn subject(object: View<'_>) -> String {
    let kind = object.field("kind").text().to_lowercase();
    match object.field("name").text() {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

/// Who says so, and where.
fn source(event: View<'_>) -> String {
    let said = event.field("source");
    let component = cells::text_or(said.field("component"), event.field("reportingComponent").text());
    match cells::text_or(said.field("host"), event.field("reportingInstance").text()) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Events;
    use crate::resource::check;

    fn check(event: Value, expected: Value) {
        let mut event = event;
        event["kind"] = json!("Event");
        event["apiVersion"] = json!("v1");
        event["metadata"] = json!({"name": "a"});
        event.as_object_mut().unwrap().entry("involvedObject").or_insert(json!({}));
        check::cells(&Events, &event.to_string(), expected);
    }

    #[test]
    fn both_sorts_of_events_are_shown() {
        check(
            json!({
                "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"},
                "type": "Warning", "reason": "BackOff", "message": " back-off \n", "count": 7,
                "source": {"component": "kubelet", "host": "n"}, "reportingComponent": "other", "reportingInstance": "m",
                "firstTimestamp": "2029-12-31T23:00:00Z", "lastTimestamp": "2029-12-31T23:59:50Z",
            }),
            json!([
                "10s",
                "Warning",
                "BackOff",
                "pod/p",
                "spec.containers{c}",
                "kubelet, n",
                "back-off",
                "60m",
                7,
                "a"
            ]),
        );
        check(
            json!({
                "involvedObject": {"kind": "Node"}, "reportingComponent": "scheduler", "reportingInstance": "s-0",
                "eventTime": "2029-12-31T23:59:00.000000Z",
            }),
            json!(["60s", "", "", "node", "", "scheduler, s-0", "", "60s", 1, "a"]),
        );
        check(
            json!({
                "reportingComponent": "scheduler", "eventTime": "2029-12-31T23:59:00.000000Z",
                "series": {"count": 4, "lastObservedTime": "2029-12-31T23:59:30.000000Z"},
            }),
            json!(["30s", "", "", "", "", "scheduler", "", "60s", 4, "a"]),
        );
        check(json!({}), json!(["<unknown>", "", "", "", "", "", "", "<unknown>", 1, "a"]));
    }
}
