//! API services: which group versions there are, and who serves them.

use keelson_api::field::{Error, Errors, Path};
use keelson_api::golang::Quoted;
use keelson_api::names::object::{self, Rule};
use keelson_api::names::{self, dns, number};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell};
use crate::condition::Condition;
use crate::defaults::webhook;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::At;

/// The resource.
#[derive(Debug)]
pub(crate) struct APIServices;

const FACTS: Facts = Facts {
    group: "apiregistration.k8s.io",
    versions: &["v1"],
    stored_as: ("apiregistration.k8s.io", "v1"),
    kind: "APIService",
    plural: "apiservices",
    singular: "apiservice",
    short_names: &[],
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "APIService",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[Column::NAME, Column::text("Service"), Column::text("Available"), Column::text("Age")],
};

impl Resource for APIServices {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    /// That the name is of the version and the group is a matter of validation.
    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let service = object.view().path("spec.service");
        let place = if service.is_present() {
            format!("{}/{}", service.field("namespace").text(), service.field("name").text())
        } else {
            "Local".into()
        };
        let available = available(object.view().field("status"));
        vec![cells::name(object), place.into(), available.into(), cells::age_of(object, now)]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let Some(mut spec) = object.part("spec") else { return };
        if let Some(mut service) = spec.part("service") {
            webhook::service(&mut service);
        }
    }

    /// What this server serves itself is there at once.
    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        if !new.view().path("spec.service").is_present() {
            let mut object = Edit::object(new);
            let mut status = object.made("status");
            let available = Condition {
                kind: "Available",
                holds: true,
                reason: "Local",
                message: "Local APIServices are always available",
                ..Condition::default()
            };
            available.say(&mut status, write.now);
        }
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, _: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_status(&self, new: &Object, _: &Object, errors: &mut Errors) {
        let status = At::root(new, "status");
        for condition in status.field("conditions").items() {
            condition.field("status").one_of(&["True", "False", "Unknown"], errors);
        }
    }
}

fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let (group, version) = (spec.field("group"), spec.field("version"));
    let (name, wanted) = (meta(new).name(), format!("{}.{}", version.text(), group.text()));
    if name != wanted && !name.is_empty() && names::path::segment(name).is_empty() {
        let words = format!("must be `spec.version+\".\"+spec.group`: {}", Quoted(&wanted));
        errors.push(Error::invalid(&Path::new("metadata.name"), name, words));
    }
    if !group.is_empty() {
        group.keep_to(dns::subdomain, errors);
    } else if version.text() != "v1" {
        group.missing("only v1 may have an empty group and it better be legacy kube", errors);
    }
    version.keep_to(dns::rfc_1035_label, errors);
    for (name, max) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1000)] {
        let field = spec.field(name);
        if !(1..=max).contains(&field.int().unwrap_or(0)) {
            field.invalid(format!("must be positive and less than {max}"), errors);
        }
    }
    let (service, bundle) = (spec.field("service"), spec.field("caBundle"));
    let is_insecure = spec.field("insecureSkipTLSVerify");
    let bytes = bundle.view.value().and_then(Value::as_bytes).map_or(0, <[u8]>::len);
    if !service.is_present() {
        if bytes > 0 {
            let words = "local APIServices may not have a caBundle";
            let shown = format!("{bytes} bytes");
            errors.push(Error::invalid(&bundle.path, shown.as_str(), words));
        }
        if is_insecure.is_true() {
            is_insecure.invalid("local APIServices may not have insecureSkipTLSVerify", errors);
        }
        return;
    }
    service.field("namespace").require(errors);
    service.field("name").require(errors);
    let port = service.field("port");
    let reasons = number::port(port.int().unwrap_or(0));
    if !reasons.is_empty() {
        port.invalid(format!("port is not valid: {}", reasons.join(", ")), errors);
    }
    if is_insecure.is_true() && bytes > 0 {
        is_insecure.invalid("may not be true if caBundle is present", errors);
    }
}

fn available(status: View<'_>) -> String {
    let mut conditions = status.field("conditions").items();
    let Some(condition) = conditions.find(|one| one.field("type").text() == "Available") else {
        return "Unknown".into();
    };
    match (condition.field("status").text(), condition.field("reason").text()) {
        (status @ "True", _) | (status, "") => status.to_owned(),
        (status, reason) => format!("{status} ({reason})"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn service(service: &str, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"apiregistration.k8s.io/v1","kind":"APIService","metadata":{{"name":"v1.e.com","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{{service}"group":"e.com","version":"v1","groupPriorityMinimum":1,"versionPriority":1}},"status":{{{status}}}}}"#
        )
    }

    const REMOTE: &str = r#""service":{"namespace":"n","name":"s","port":443},"#;

    fn condition(status: &str, reason: &str) -> String {
        format!(
            r#""conditions":[{{"type":"Available","status":"{status}","lastTransitionTime":null,"reason":"{reason}"}}]"#
        )
    }

    #[test]
    fn cells() {
        let check = |place: &str, status: &str, expected: [&str; 2]| {
            let [place_shown, available] = expected;
            check::cells(
                &APIServices,
                &service(place, status),
                json!(["v1.e.com", place_shown, available, "10s"]),
            );
        };
        check("", "", ["Local", "Unknown"]);
        check(REMOTE, &condition("True", "Passed"), ["n/s", "True"]);
        check(REMOTE, &condition("False", "MissingEndpoints"), ["n/s", "False (MissingEndpoints)"]);
        check(REMOTE, &condition("False", ""), ["n/s", "False"]);
    }

    #[test]
    fn what_is_served_here_is_there_at_once() {
        let local = r#""conditions":[{"type":"Available","status":"True","lastTransitionTime":"2030-01-01T00:00:00Z","reason":"Local","message":"Local APIServices are always available"}]"#;
        check::create(&APIServices, &service("", &condition("False", "x")), &service("", local));
        check::create(&APIServices, &service(REMOTE, &condition("True", "x")), &service(REMOTE, ""));
        let open = REMOTE.replace(r#","port":443"#, "");
        check::default(&APIServices, &service(&open, ""), &service(REMOTE, ""));
    }
}
