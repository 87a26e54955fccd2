//! What events keep to, in both groups that serve them. What the older group takes is looked at less closely, for
//! programs have written it for long.

use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::label;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Object, Value, View};

use crate::meta::meta;
use crate::rules::{At, IMMUTABLE, internal};

/// How many characters some texts may have, by field.
const CHARACTERS_MAX: [(&str, usize); 4] =
    [("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024)];
const ELSEWHERE: &str = "does not match event.namespace";

fn is_said(time: View<'_>) -> bool {
    time.value().and_then(Value::as_time).is_some_and(|time| time != Time::ZERO)
}

/// What is wrong with an event; `reporter` is what the group calls whoever reports it.
pub(crate) fn check(new: &Object, reporter: &str, errors: &mut Errors) {
    let (namespace, view) = (meta(new).namespace(), new.view());
    let of = view.path("involvedObject.namespace").text();
    let is_elsewhere = match (is_said(view.field("eventTime")), of) {
        (false, "") => !matches!(namespace, "" | "default"),
        (false, _) => of != namespace,
        (true, _) => of.is_empty() && !matches!(namespace, "default" | "kube-system"),
    };
    if is_elsewhere {
        errors.push(Error::invalid(&Path::new("involvedObject.namespace"), of, ELSEWHERE));
    }
    if !is_said(view.field("eventTime")) {
        return;
    }
    let controller = At { view: view.field("reportingComponent"), path: Path::new(reporter) };
    controller.require(errors);
    controller.keep_to(label::key, errors);
    for (name, max) in CHARACTERS_MAX {
        let field = At::root(new, name);
        if name != "message" {
            field.require(errors);
        }
        if field.text().len() > max {
            errors.push(Error::invalid(&field.path, "", format!("can have at most {max} characters")));
        }
    }
}

/// What is wrong with a new event of the newer group.
pub(crate) fn check_new(new: &Object, errors: &mut Errors) {
    check_series(new, errors);
    let time = At::root(new, "eventTime");
    if !is_said(time.view) {
        time.missing("", errors);
    }
    let kind = new.view().field("type").text();
    if !matches!(kind, "Normal" | "Warning") {
        errors.push(Error::invalid(&Path::new("type"), "", format!("has invalid value: {kind}")));
    }
    let view = new.view();
    for (name, is_set) in [
        ("firstTimestamp", is_said(view.field("firstTimestamp"))),
        ("lastTimestamp", is_said(view.field("lastTimestamp"))),
        ("count", view.field("count").int().unwrap_or(0) != 0),
        (
            "source",
            ["component", "host"].iter().any(|name| !view.field("source").field(name).text().is_empty()),
        ),
    ] {
        if is_set {
            errors.push(Error::invalid(&Path::new(name), "", "needs to be unset"));
        }
    }
}

fn check_series(new: &Object, errors: &mut Errors) {
    let series = At::root(new, "series");
    if !series.is_present() {
        return;
    }
    if series.view.field("count").int().unwrap_or(0) < 2 {
        errors.push(Error::invalid(&Path::new("series.count"), "", "should be at least 2"));
    }
    if !is_said(series.view.field("lastObservedTime")) {
        series.field("lastObservedTime").missing("", errors);
    }
}

/// An event of the newer group stays what it is; only its series grows.
pub(crate) fn keep(new: &Object, old: &Object, errors: &mut Errors) {
    const FIELDS: [(&str, &str); 13] = [
        ("involvedObject", "involvedObject"),
        ("reason", "reason"),
        ("message", "message"),
        ("source", "source"),
        ("firstTimestamp", "firstTimestamp"),
        ("lastTimestamp", "lastTimestamp"),
        ("count", "count"),
        ("type", "type"),
        ("eventTime", "eventTime"),
        ("action", "action"),
        ("related", "related"),
        ("reportingComponent", "reportingController"),
        ("reportingInstance", "reportingInstance"),
    ];
    let changes = |name: &str| new.view().field(name).value() != old.view().field(name).value();
    if changes("series") {
        check_series(new, errors);
    }
    for (name, shown) in FIELDS.into_iter().filter(|(name, _)| changes(name)) {
        let field = At { view: new.view().field(name), path: Path::new(shown) };
        let is_struct = matches!(field.view.value(), Some(Value::Struct(_)))
            || matches!(name, "involvedObject" | "source");
        let value: Shown<'_> = if is_struct { internal::shown_struct(field.view) } else { field.shown() };
        errors.push(Error::invalid(&field.path, value, IMMUTABLE));
    }
}
