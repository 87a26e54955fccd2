//! Nodes: machines that pods run on.

mod rules;

use std::collections::BTreeSet;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell};
use crate::defaults::gated::{self, Gate};
use crate::defaults::quantity::round_up;
use crate::edit::Edit;
use crate::features::Features;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Subresource, Verb};
use crate::warnings::address;

/// The resource.
#[derive(Debug)]
pub(crate) struct Nodes;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "Node",
    plural: "nodes",
    singular: "node",
    short_names: &["no"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[
        Subresource {
            name: "proxy",
            kind: "NodeProxyOptions",
            group_version: None,
            verbs: &[Verb::Create, Verb::Delete, Verb::Get, Verb::Patch, Verb::Update],
        },
        Subresource { name: "status", kind: "Node", group_version: None, verbs: Verb::OF_A_PART },
    ],
    fields: &[Field::new("spec.unschedulable").or("false")],
    columns: &[
        Column::NAME,
        Column::text("Status"),
        Column::text("Roles"),
        Column::text("Age"),
        Column::text("Version"),
        Column::text("Internal-IP").wide(),
        Column::text("External-IP").wide(),
        Column::text("OS-Image").wide(),
        Column::text("Kernel-Version").wide(),
        Column::text("Container-Runtime").wide(),
    ],
};

impl Resource for Nodes {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let view = object.view();
        let info = view.path("status.nodeInfo");
        let mut kernel = cells::text_or(info.field("kernelVersion"), cells::UNKNOWN).to_owned();
        let architecture = info.field("architecture").text();
        if !architecture.is_empty() {
            kernel = format!("{kernel} ({architecture})");
        }
        vec![
            cells::name(object),
            state(view).into(),
            roles(object).into(),
            cells::age_of(object, now),
            info.field("kubeletVersion").text().into(),
            address(view, "InternalIP").into(),
            address(view, "ExternalIP").into(),
            cells::text_or(info.field("osImage"), cells::UNKNOWN).into(),
            kernel.into(),
            cells::text_or(info.field("containerRuntimeVersion"), cells::UNKNOWN).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut node = Edit::object(object);
        if let Some(mut spec) = node.part("spec") {
            settle_ranges(&mut spec);
        }
        let Some(mut status) = node.part("status") else { return };
        // What a node has can be given away unless it says otherwise.
        let is_open = status.view().field("allocatable").value().is_none_or(Value::is_empty);
        if let Some(capacity) = status.get("capacity").cloned().filter(|_| is_open) {
            status.set("allocatable", capacity);
        }
        round_up(&mut status, "capacity");
        round_up(&mut status, "allocatable");
    }

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[OF_SPEC]
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        // A node says of itself how it is from the beginning.
        drop_gated(write.features, new, None);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        drop_gated(write.features, new, Some(old));
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_content(new, old);
        drop_gated(write.features, new, Some(old));
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        let spec = new.view().field("spec");
        if spec.field("configSource").value().is_some() {
            warnings.push("spec.configSource: the feature is removed".into());
        }
        if !spec.field("externalID").text().is_empty() {
            warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes".into());
        }
        address::of_cidrs(spec.field("podCIDRs"), "spec.podCIDRs", warnings);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check_create(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_create(new, errors);
        rules::check_update(new, old, errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_update(new, old, errors);
    }
}

/// Brings the one range of pods' addresses and the list of them into line: the one is the first of the list, and counts
/// if they differ.
fn settle_ranges(spec: &mut Edit<'_>) {
    let one = spec.text("podCIDR").to_owned();
    let first = spec.view().field("podCIDRs").item(0).text().to_owned();
    if one.is_empty() {
        spec.set("podCIDR", first.as_str());
    } else if first != one {
        spec.set("podCIDRs", Value::List([Value::from(one.as_str())].into_iter().collect()));
    }
}

/// What belongs to features that are off.
const OF_SPEC: &[Gate] = &[
    Gate::gone(&["configSource"]),
    Gate::off("InPlacePodVerticalScalingSchedulerPreemption", &["podPreemptionPolicy"]),
];
/// What belongs to features that are off.
const OF_STATUS: &[Gate] = &[Gate::gone(&["config"])];

fn drop_gated(features: &Features, new: &mut Object, old: Option<&Object>) {
    let old = |part| old.map(|old| old.view().field(part));
    let mut node = Edit::object(new);
    for (part, gates) in [("spec", OF_SPEC), ("status", OF_STATUS)] {
        if let Some(mut part_of) = node.part(part) {
            gated::drop(features, &mut part_of, old(part), gates);
        }
    }
}

/// Whether the node is ready, and takes new pods.
fn state(node: View<'_>) -> String {
    let conditions = node.path("status.conditions");
    // Of several the last one counts.
    let ready = conditions.items().filter(|one| one.field("type").text() == "Ready").last();
    let ready = match ready.map(|ready| ready.field("status").text()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let takes_none = node.path("spec.unschedulable").is_true();
    if takes_none { format!("{ready},SchedulingDisabled") } else { ready.into() }
}

/// The parts that the node's labels say it plays.
fn roles(node: &Object) -> String {
    let roles: BTreeSet<&str> = meta(node)
        .labels()
        .filter_map(|(key, value)| match key {
            "kubernetes.io/role" => Some(value),
            _ => key.strip_prefix("node-role.kubernetes.io/"),
        })
        .filter(|role| !role.is_empty())
        .collect();
    cells::joined_or(roles, cells::NONE)
}

/// The first address of a kind.
fn address<'a>(node: View<'a>, kind: &str) -> &'a str {
    let addresses = node.path("status.addresses");
    let found = addresses.items().find(|address| address.field("type").text() == kind);
    found.map_or(cells::NONE, |address| address.field("address").text())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Nodes;
    use crate::resource::check;

    #[test]
    fn a_node_shows_its_state_and_roles() {
        check::cells(
            &Nodes,
            r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"a","labels":{"node-role.kubernetes.io/worker":"","node-role.kubernetes.io/control-plane":"","kubernetes.io/role":"edge","node-role.kubernetes.io/":""}},
            "spec":{"unschedulable":true},
            "status":{"conditions":[{"type":"MemoryPressure","status":"True"},{"type":"Ready","status":"True"}],"addresses":[{"type":"Hostname","address":"a"},{"type":"InternalIP","address":"10.0.0.1"},{"type":"InternalIP","address":"10.0.0.2"}],
            "nodeInfo":{"kubeletVersion":"v1.37.1","osImage":"Linux","kernelVersion":"6.1","containerRuntimeVersion":"","architecture":"arm64"}}}"#,
            json!([
                "a",
                "Ready,SchedulingDisabled",
                "control-plane,edge,worker",
                "<unknown>",
                "v1.37.1",
                "10.0.0.1",
                "<none>",
                "Linux",
                "6.1 (arm64)",
                "<unknown>"
            ]),
        );
        let state = |status: &str| {
            let text = format!(
                r#"{{"kind":"Node","apiVersion":"v1","metadata":{{"name":"a"}},"status":{{"conditions":[{{"type":"Ready","status":"{status}"}}]}}}}"#
            );
            super::state(check::object(&text).view())
        };
        assert_eq!((state("Unknown"), state("False")), ("NotReady".into(), "NotReady".into()));
        let bare = r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"a"}}"#;
        check::cells(
            &Nodes,
            bare,
            json!([
                "a",
                "Unknown",
                "<none>",
                "<unknown>",
                "",
                "<none>",
                "<none>",
                "<unknown>",
                "<unknown>",
                "<unknown>"
            ]),
        );
    }

    #[test]
    fn a_new_node_has_its_status() {
        let text = r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"a"},"status":{"capacity":{"cpu":"4"},"phase":"Running"}}"#;
        check::create(&Nodes, text, text);
        check::default(
            &Nodes,
            text,
            r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"a"},"status":{"capacity":{"cpu":"4"},"allocatable":{"cpu":"4"},"phase":"Running","daemonEndpoints":{"kubeletEndpoint":{"Port":0}},"nodeInfo":{"machineID":"","systemUUID":"","bootID":"","kernelVersion":"","osImage":"","containerRuntimeVersion":"","kubeletVersion":"","kubeProxyVersion":"","operatingSystem":"","architecture":""}}}"#,
        );
    }

    #[test]
    fn features_that_are_off_stay_off() {
        let text = r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"a"},"spec":{"podCIDR":"10.0.0.0/24","configSource":{"configMap":{"namespace":"n","name":"c","kubeletConfigKey":"k"}}}}"#;
        let without =
            r#"{"kind":"Node","apiVersion":"v1","metadata":{"name":"a"},"spec":{"podCIDR":"10.0.0.0/24"}}"#;
        check::create(&Nodes, text, without);
        check::update(&Nodes, "", without, text, without);
        check::update(&Nodes, "", text, text, text);
    }
}
