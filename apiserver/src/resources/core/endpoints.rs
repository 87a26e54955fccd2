//! Endpoints: where a service is reachable, all in one object; kept for old clients.

use keelson_api::field::Errors;
use keelson_api::names::address::{Strictness, check_legacy_ip};
use keelson_api::names::{dns, label, number, object};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::{At, PROTOCOLS, address};

/// The resource.
#[derive(Debug)]
pub(crate) struct Endpoints;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "Endpoints",
    plural: "endpoints",
    singular: "endpoints",
    short_names: &["ep"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Endpoints"), Column::text("Age")],
};

impl Resource for Endpoints {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn deprecation(&self) -> Option<&'static str> {
        Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        vec![cells::name(object), shown(object.view()).into(), cells::age_of(object, now)]
    }

    fn default(&self, object: &mut Object) {
        for mut subset in Edit::object(object).items("subsets") {
            subset.items("ports").for_each(|mut port| port.default("protocol", "TCP"));
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        for subset in At::root(new, "subsets").items() {
            check_subset(&subset, errors);
        }
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        if new.view().field("subsets").value() != old.view().field("subsets").value() {
            self.validate_create(new, errors);
        }
    }
}

fn check_subset(subset: &At<'_, '_>, errors: &mut Errors) {
    let (ready, others) = (subset.field("addresses"), subset.field("notReadyAddresses"));
    if ready.len() + others.len() == 0 {
        subset.missing("must specify `addresses` or `notReadyAddresses`", errors);
    }
    for address in ready.items().chain(others.items()) {
        check_address(&address, errors);
    }
    let ports = subset.field("ports");
    for port in ports.items() {
        check_port(&port, ports.len() > 1, errors);
    }
}

fn check_address(address: &At<'_, '_>, errors: &mut Errors) {
    let ip = address.field("ip");
    check_legacy_ip(&ip.path, ip.text(), Strictness::Strict, &[], errors);
    let hostname = address.field("hostname");
    if !hostname.is_empty() {
        hostname.keep_to(dns::label, errors);
    }
    let node = address.field("nodeName");
    if node.is_present() {
        node.name_of(object::subdomain, errors);
    }
    address::reachable(&ip, errors);
}

fn check_port(port: &At<'_, '_>, needs_name: bool, errors: &mut Errors) {
    let name = port.field("name");
    if needs_name && name.is_empty() {
        name.missing("", errors);
    } else if !name.is_empty() {
        name.keep_to(dns::label, errors);
    }
    let number = port.field("port");
    for reason in number::port(number.int().unwrap_or(0)) {
        number.invalid(reason, errors);
    }
    let protocol = port.field("protocol");
    if protocol.require(errors) {
        protocol.one_of(&PROTOCOLS, errors);
    }
    let application = port.field("appProtocol");
    if application.is_present() {
        application.keep_to(label::key, errors);
    }
}

/// How many addresses are shown.
const SHOWN_MAX: usize = 3;

/// Where the endpoints are, each with each of its ports; the first few of them.
fn shown(endpoints: View<'_>) -> String {
    let subsets = endpoints.field("subsets");
    if subsets.items().len() == 0 {
        return cells::NONE.into();
    }
    let mut places = Vec::new();
    for subset in subsets.items() {
        let addresses = || subset.field("addresses").items().map(|address| address.field("ip").text());
        let ports = subset.field("ports");
        if ports.items().len() == 0 {
            places.extend(addresses().map(str::to_owned));
        }
        for port in ports.items() {
            let number = cells::integer(port.field("port"));
            places.extend(addresses().map(|ip| with_port(ip, number)));
        }
    }
    let shown = places[..places.len().min(SHOWN_MAX)].join(",");
    match places.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

fn with_port(ip: &str, port: i64) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Endpoints;
    use crate::resource::check;

    fn check(subsets: &Value, expected: &str) {
        let text =
            json!({"kind": "Endpoints", "apiVersion": "v1", "metadata": {"name": "a"}, "subsets": subsets});
        check::cells(&Endpoints, &text.to_string(), json!(["a", expected, "<unknown>"]));
    }

    #[test]
    fn three_addresses_are_shown() {
        let addresses = |last: &[u8]| -> Vec<Value> {
            last.iter().map(|last| json!({"ip": format!("10.0.0.{last}")})).collect()
        };
        check(&json!(null), "<none>");
        check(&json!([{}]), "");
        check(&json!([{"addresses": addresses(&[1, 2])}]), "10.0.0.1,10.0.0.2");
        check(&json!([{"addresses": [{"ip": "fd00::1"}], "ports": [{"port": 53}]}]), "[fd00::1]:53");
        check(
            &json!([{"addresses": addresses(&[1, 2]), "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}]),
            "10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...",
        );
        check(&json!([{"addresses": addresses(&[1, 2, 3, 4, 5])}]), "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...");
    }

    #[test]
    fn ports_are_of_tcp() {
        check::default(
            &Endpoints,
            r#"{"kind":"Endpoints","apiVersion":"v1","metadata":{"name":"a"},"subsets":[{"ports":[{"port":1},{"port":2,"protocol":"UDP"}]}]}"#,
            r#"{"kind":"Endpoints","apiVersion":"v1","metadata":{"name":"a"},"subsets":[{"ports":[{"port":1,"protocol":"TCP"},{"port":2,"protocol":"UDP"}]}]}"#,
        );
    }
}
