//! Services: a stable address and name for a changing set of pods.

mod addresses;
mod claims;
mod defaults;
mod families;
mod linked;
mod ports;
mod rules;

#[cfg(test)]
mod stock;

use keelson_api::field::Errors;
use keelson_api::names::object::{self, Rule};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};
use std::collections::BTreeSet;

use crate::cells::selector;
use crate::cells::{self, Cell};
use crate::claims::Claims;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Subresource, Verb};
use crate::warnings::address;

/// The kinds of services.
mod kind {
    pub(super) const CLUSTER_IP: &str = "ClusterIP";
    pub(super) const NODE_PORT: &str = "NodePort";
    pub(super) const LOAD_BALANCER: &str = "LoadBalancer";
    pub(super) const EXTERNAL_NAME: &str = "ExternalName";
}

/// The resource.
#[derive(Debug)]
pub(crate) struct Services;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "Service",
    plural: "services",
    singular: "service",
    short_names: &["svc"],
    categories: &["all"],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: true,
    subresources: &[
        Subresource {
            name: "proxy",
            kind: "ServiceProxyOptions",
            group_version: None,
            verbs: &[Verb::Create, Verb::Delete, Verb::Get, Verb::Patch, Verb::Update],
        },
        Subresource { name: "status", kind: "Service", group_version: None, verbs: Verb::OF_A_PART },
    ],
    fields: &[Field::new("spec.clusterIP"), Field::new("spec.type")],
    columns: &[
        Column::NAME,
        Column::text("Type"),
        Column::text("Cluster-IP"),
        Column::text("External-IP"),
        Column::text("Port(s)"),
        Column::text("Age"),
        Column::text("Selector").wide(),
    ],
};

impl Resource for Services {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::label
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let spec = view.field("spec");
        vec![
            cells::name(object),
            spec.field("type").text().into(),
            cells::text_or(spec.field("clusterIPs").item(0), cells::NONE).into(),
            external_ip(view).into(),
            ports(spec).into(),
            cells::age_of(object, now),
            selector::labels(spec.field("selector")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut service = Edit::object(object);
        defaults::spec(&mut service.made("spec"));
        let is_balanced = service.view().path("spec.type").text() == kind::LOAD_BALANCER;
        if let Some(mut balancer) =
            service.part("status").as_mut().and_then(|status| status.part("loadBalancer"))
            && is_balanced
        {
            for mut ingress in balancer.items("ingress").filter(|ingress| ingress.has("ip")) {
                ingress.default("ipMode", "VIP");
            }
        }
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        linked::begin(&mut Edit::object(new).made("spec"));
    }

    fn complete(&self, new: &mut Object) {
        linked::forget_inside(&mut Edit::object(new).made("spec"));
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        let mut service = Edit::object(new);
        linked::keep_allocated(&mut service.made("spec"), old.view().field("spec"));
        linked::drop_unneeded(&mut service, old.view());
        linked::forget_inside(&mut service.made("spec"));
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check(new, Some(old), errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_status(new, old, errors);
    }

    fn claims(&self) -> Option<&'static dyn Claims> {
        Some(&claims::OfServices)
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        warn(new, warnings);
    }
}

/// Addresses from outside, as far as they are known.
fn external_ip(service: View<'_>) -> String {
    let spec = service.field("spec");
    let own = || spec.field("externalIPs").items().map(View::text);
    match spec.field("type").text() {
        kind::CLUSTER_IP | kind::NODE_PORT => cells::joined_or(own(), cells::NONE),
        kind::LOAD_BALANCER => {
            let ingress = service.path("status.loadBalancer.ingress");
            let given: BTreeSet<&str> = ingress
                .items()
                .map(|one| cells::text_or(one.field("ip"), one.field("hostname").text()))
                .filter(|place| !place.is_empty())
                .collect();
            cells::joined_or(given.into_iter().chain(own()), "<pending>")
        }
        kind::EXTERNAL_NAME => spec.field("externalName").text().to_owned(),
        _ => cells::UNKNOWN.to_owned(),
    }
}

fn ports(spec: View<'_>) -> String {
    let ports: Vec<String> = spec
        .field("ports")
        .items()
        .map(|port| {
            let (number, protocol) = (cells::integer(port.field("port")), port.field("protocol").text());
            match cells::integer(port.field("nodePort")) {
                1.. => format!("{number}:{}/{protocol}", cells::integer(port.field("nodePort"))),
                _ => format!("{number}/{protocol}"),
            }
        })
        .collect();
    if ports.is_empty() { cells::NONE.into() } else { ports.join(",") }
}

fn warn(new: &Object, warnings: &mut Vec<String>) {
    const OLD_HINTS: &str = "service.kubernetes.io/topology-aware-hints";
    let spec = new.view().field("spec");
    let kind = spec.field("type").text();
    if meta(new).annotations().any(|(key, _)| key == OLD_HINTS) {
        warnings.push(format!(
            "annotation {OLD_HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead"
        ));
    }
    let is_headless = kind == kind::CLUSTER_IP && spec.field("clusterIP").text() == linked::HEADLESS;
    if !matches!(spec.field("clusterIP").text(), "" | linked::HEADLESS) {
        address::of_ips(spec.field("clusterIPs"), "spec.clusterIPs", warnings);
    }
    let external = spec.field("externalIPs");
    let has_external = external.items().len() > 0;
    let mut say = |words: &str, is_so: bool| {
        if is_so {
            warnings.push(words.into());
        }
    };
    let balancer = spec.field("loadBalancerIP");
    say("spec.loadBalancerIP is ignored for headless services", is_headless && !balancer.text().is_empty());
    say("spec.externalIPs is ignored for headless services", is_headless && has_external);
    let has_affinity = spec.field("sessionAffinity").text() != "None";
    say("spec.SessionAffinity is ignored for headless services", is_headless && has_affinity);
    address::of_ips(external, "spec.externalIPs", warnings);
    let is_name = kind == kind::EXTERNAL_NAME;
    if has_external && !is_headless && !is_name {
        warnings
            .push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".into());
    }
    address::of_ip(balancer, "spec.loadBalancerIP", warnings);
    address::of_cidrs(spec.field("loadBalancerSourceRanges"), "spec.loadBalancerSourceRanges", warnings);
    if is_name && has_external {
        warnings.push(r#"spec.externalIPs is ignored when spec.type is "ExternalName""#.into());
    }
    if !is_name && !spec.field("externalName").text().is_empty() {
        warnings.push(r#"spec.externalName is ignored when spec.type is not "ExternalName""#.into());
    }
    if spec.field("trafficDistribution").text() == "PreferClose" {
        warnings
            .push(r#"spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone""#.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Services;
    use crate::resource::check;

    fn service(spec: &Value, status: &Value) -> String {
        json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": spec, "status": status}).to_string()
    }

    fn cells(spec: &Value, expected: &[&str; 4]) {
        let status = json!({"loadBalancer": {"ingress": [{"ip": "2.2.2.2"}, {"hostname": "a.example.com"}, {"ip": "2.2.2.2"}]}});
        let [kind, cluster, external, ports] = expected;
        let expected = json!(["a", kind, cluster, external, ports, "<unknown>", "<none>"]);
        check::cells(&Services, &service(spec, &status), expected);
    }

    #[test]
    fn a_service_shows_where_it_is() {
        cells(
            &json!({"type": "ClusterIP", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}),
            &["ClusterIP", "10.0.0.1", "<none>", "80/TCP,53/UDP"],
        );
        cells(
            &json!({"type": "NodePort", "clusterIPs": ["10.0.0.1"], "externalIPs": ["1.1.1.1", "1.1.1.2"], "ports": [{"port": 80, "nodePort": 31080, "protocol": "TCP"}]}),
            &["NodePort", "10.0.0.1", "1.1.1.1,1.1.1.2", "80:31080/TCP"],
        );
        cells(
            &json!({"type": "ExternalName", "externalName": "example.com"}),
            &["ExternalName", "<none>", "example.com", "<none>"],
        );
        cells(
            &json!({"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"], "externalIPs": ["1.1.1.1"]}),
            &["LoadBalancer", "10.0.0.1", "2.2.2.2,a.example.com,1.1.1.1", "<none>"],
        );
        cells(&json!({}), &["", "<none>", "<unknown>", "<none>"]);
        let pending = service(
            &json!({"type": "LoadBalancer", "clusterIPs": ["None"], "selector": {"b": "2", "a": "1"}}),
            &json!({}),
        );
        check::cells(
            &Services,
            &pending,
            json!(["a", "LoadBalancer", "None", "<pending>", "<none>", "<unknown>", "a=1,b=2"]),
        );
    }

    #[test]
    fn what_a_kind_of_service_ignores_is_warned_of() {
        let warnings = |spec: Value| check::warnings(&Services, &service(&spec, &json!({})), None);
        assert_eq!(
            warnings(
                json!({"type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"], "sessionAffinity": "ClientIP", "externalIPs": ["1.1.1.1"]})
            ),
            [
                "spec.externalIPs is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services"
            ]
        );
        assert_eq!(
            warnings(
                json!({"type": "ClusterIP", "clusterIP": "10.0.0.01", "clusterIPs": ["10.0.0.01"], "externalName": "a", "trafficDistribution": "PreferClose"})
            ),
            [
                r#"spec.clusterIPs[0]: non-standard IP address "10.0.0.01" is invalid: use "10.0.0.1""#,
                r#"spec.externalName is ignored when spec.type is not "ExternalName""#,
                r#"spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone""#,
            ]
        );
    }
}
