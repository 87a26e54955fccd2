//! Endpoint slices: where a service is reachable, in parts.

mod rules;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::meta::{meta, meta_mut};
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::warnings::address;

/// The resource.
#[derive(Debug)]
pub(crate) struct EndpointSlices;

const FACTS: Facts = Facts {
    group: "discovery.k8s.io",
    versions: &["v1"],
    stored_as: ("discovery.k8s.io", "v1"),
    kind: "EndpointSlice",
    plural: "endpointslices",
    singular: "endpointslice",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfContent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("AddressType"),
        Column::text("Ports"),
        Column::text("Endpoints"),
        Column::text("Age"),
    ],
};

impl Resource for EndpointSlices {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let ports = view.field("ports").items().map(port);
        let addresses = view.field("endpoints").items().flat_map(|one| one.field("addresses").items());
        vec![
            cells::name(object),
            view.field("addressType").text().into(),
            shown(ports).into(),
            shown(addresses.map(|address| address.text().to_owned())).into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        for mut port in Edit::object(object).items("ports") {
            port.default("name", "");
            port.default("protocol", "TCP");
        }
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        drop_topology(new);
    }

    /// Labels count as content: they say which service the endpoints are of.
    fn prepare_update(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        drop_topology(new);
        if new.get("metadata.labels") != old.get("metadata.labels") {
            meta_mut(new).set_generation(meta(old).generation() + 1);
        }
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        let view = new.view();
        if old.is_none() && view.field("addressType").text() == "FQDN" {
            warnings.push("spec.addressType: FQDN endpoints are deprecated".into());
        }
        // The controllers write addresses as they should be.
        let author = view.path("metadata.labels").key(MANAGED_BY).text();
        if !CONTROLLERS.contains(&author) {
            for (at, endpoint) in view.field("endpoints").items().enumerate() {
                address::of_ips(endpoint.field("addresses"), &format!("endpoints[{at}].addresses"), warnings);
            }
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check(new, Some(old), errors);
    }
}

/// Says who takes care of a slice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLERS: [&str; 2] =
    ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];
/// How many ports and addresses are shown.
const SHOWN_MAX: usize = 3;

fn port(port: View<'_>) -> String {
    let name = port.field("name");
    match (port.field("port").int(), name.is_present()) {
        (Some(number), _) => number.to_string(),
        (None, true) => name.text().to_owned(),
        (None, false) => "*".into(),
    }
}

fn shown(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<String> = texts.collect();
    let shown = texts.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(",");
    match texts.len() {
        count if count > SHOWN_MAX => format!("{shown} + {} more...", count - SHOWN_MAX),
        _ if shown.is_empty() => cells::UNSET.into(),
        _ => shown,
    }
}

/// A field of an earlier version, which this one does not take.
fn drop_topology(new: &mut Object) {
    for mut endpoint in Edit::object(new).items("endpoints") {
        endpoint.remove("deprecatedTopology");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn slice(metadata: &str, content: &str) -> String {
        format!(
            r#"{{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{{"name":"x","generation":3,"creationTimestamp":"2029-12-31T23:59:50Z"{metadata}}},"addressType":"IPv4",{content}}}"#
        )
    }

    #[test]
    fn cells_and_defaults() {
        let none = slice("", r#""endpoints":[],"ports":[]"#);
        check::cells(&EndpointSlices, &none, json!(["x", "IPv4", "<unset>", "<unset>", "10s"]));
        let some = slice(
            "",
            r#""endpoints":[{"addresses":["10.0.0.1","10.0.0.2"]},{"addresses":["10.0.0.3","10.0.0.4"]}],"ports":[{"port":80,"name":"p"},{"name":"q"},{}]"#,
        );
        check::cells(
            &EndpointSlices,
            &some,
            json!(["x", "IPv4", "80,q,*", "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...", "10s"]),
        );
        check::default(
            &EndpointSlices,
            &slice("", r#""endpoints":[],"ports":[{"port":80},{"protocol":"UDP","name":"q"}]"#),
            &slice(
                "",
                r#""endpoints":[],"ports":[{"name":"","protocol":"TCP","port":80},{"protocol":"UDP","name":"q"}]"#,
            ),
        );
    }

    #[test]
    fn labels_count_as_content_and_topology_is_dropped() {
        let old = slice("", r#""endpoints":[],"ports":null"#);
        let topology = |topology: &str| {
            slice("", &format!(r#""endpoints":[{{"addresses":["10.0.0.1"]{topology}}}],"ports":null"#))
        };
        let with = topology(r#","deprecatedTopology":{"kubernetes.io/hostname":"n"}"#);
        check::create(&EndpointSlices, &with, &topology(""));
        check::update(&EndpointSlices, "", &old, &with, &topology(""));
        let labelled = slice(r#","labels":{"a":"b"}"#, r#""endpoints":[],"ports":null"#);
        check::update(&EndpointSlices, "", &old, &labelled, &labelled.replace(":3,", ":4,"));
    }

    #[test]
    fn warnings() {
        let content = r#""endpoints":[{"addresses":["10.0.0.1","010.0.0.2"]}],"ports":null"#;
        let warning =
            r#"endpoints[0].addresses[1]: non-standard IP address "010.0.0.2" is invalid: use "10.0.0.2""#;
        assert_eq!(check::warnings(&EndpointSlices, &slice("", content), None), [warning]);
        let label = format!(r#","labels":{{"{MANAGED_BY}":"{}"}}"#, CONTROLLERS[0]);
        assert!(check::warnings(&EndpointSlices, &slice(&label, content), None).is_empty());
        let names = slice("", r#""endpoints":[],"ports":null"#).replace("IPv4", "FQDN");
        assert_eq!(
            check::warnings(&EndpointSlices, &names, None),
            ["spec.addressType: FQDN endpoints are deprecated"]
        );
        assert!(check::warnings(&EndpointSlices, &names, Some(&names)).is_empty());
    }
}
