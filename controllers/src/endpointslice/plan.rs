//! What is to be done about a service's slices: as few writes as possible, and slices as full as that allows.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::{Labels, OwnerReference, Time};
use serde_json::{Value, json};

use super::{MANAGED_BY, MANAGER, SERVICE_NAME, TRIGGER_TIME, find_port, has_endpoint, hostname};
use crate::plan::{Action, Plan, prefix};
use crate::pods::is_ready;
use crate::views::endpoints::{Conditions, Endpoint, Hints, Named, Port, SLICES, Slice, Target};
use crate::views::node::Node;
use crate::views::pod::Pod;
use crate::views::service::{Family, Preference, SERVICES, Service};

/// Endpoints in one slice; more make another. Upstream's default.
const ENDPOINTS_MAX: usize = 100;
/// What says that a service has no address of its own.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// What the decision rests on.
pub(super) struct View<'a> {
    pub(super) service: &'a Service,
    /// Those that it selects.
    pub(super) pods: Vec<Arc<Pod>>,
    /// Those that are ours.
    pub(super) slices: Vec<Arc<Slice>>,
    pub(super) node: &'a dyn Fn(&str) -> Option<Arc<Node>>,
    /// When that happened which leads to a change now.
    pub(super) trigger: Option<Time>,
}

/// What is to become of slices.
#[derive(Default)]
struct Changes {
    made: Vec<(Vec<Endpoint>, Vec<Port>)>,
    /// With the endpoints and ports that it is to have.
    changed: Vec<(Arc<Slice>, Vec<Endpoint>, Vec<Port>)>,
    gone: Vec<Arc<Slice>>,
}

/// Decides.
pub(super) fn plan(view: &View<'_>) -> Plan {
    let (mut actions, families) = (Vec::new(), view.service.families());
    for family in &families {
        let (own, foreign): (Vec<_>, Vec<_>) = view
            .slices
            .iter()
            .filter(|slice| slice.address_type == Some(*family))
            .cloned()
            .partition(|slice| is_owned(slice, view.service));
        let mut changes = of_family(view, *family, own.clone());
        let kept = own.len() - changes.gone.len();
        changes.gone.extend(foreign);
        if kept == 0 && changes.made.is_empty() {
            place_holder(&own, &mut changes);
        }
        write(view, *family, changes, &mut actions);
    }
    let unserved = |slice: &&Arc<Slice>| !slice.address_type.is_some_and(|family| families.contains(&family));
    actions.extend(view.slices.iter().filter(unserved).map(|slice| Action::delete(&SLICES, &slice.metadata)));
    Plan::of(actions)
}

fn is_owned(slice: &Slice, service: &Service) -> bool {
    slice
        .metadata
        .owner_references
        .iter()
        .any(|owner| owner.uid == service.metadata.uid && owner.kind == "Service")
}

/// A service that nobody serves has one empty slice, so that it can be told from one that was not looked at.
fn place_holder(own: &[Arc<Slice>], changes: &mut Changes) {
    let is_one = |slice: &Arc<Slice>| slice.endpoints.is_empty() && slice.ports.is_empty();
    match own.iter().find(|slice| is_one(slice)) {
        Some(holder) => changes.gone.retain(|slice| !Arc::ptr_eq(slice, holder)),
        None => changes.made.push((Vec::new(), Vec::new())),
    }
}

fn of_family(view: &View<'_>, family: Family, own: Vec<Arc<Slice>>) -> Changes {
    let mut wanted: BTreeMap<Vec<Port>, Vec<Endpoint>> = BTreeMap::new();
    for pod in view.pods.iter().filter(|pod| has_endpoint(pod)) {
        let node = (view.node)(&pod.spec.node_name);
        if node.is_none() && !view.service.spec.publish_not_ready_addresses {
            continue;
        }
        let endpoints = wanted.entry(ports(view.service, pod)).or_default();
        let endpoint = endpoint(view.service, pod, node.as_deref(), family);
        if !endpoint.addresses.is_empty() {
            endpoints.push(endpoint);
        }
    }
    let mut there: BTreeMap<Vec<Port>, Vec<Arc<Slice>>> = BTreeMap::new();
    for slice in own {
        let mut ports = slice.ports.clone();
        ports.sort_unstable();
        there.entry(ports).or_default().push(slice);
    }
    let mut changes = Changes::default();
    for (ports, endpoints) in wanted {
        let slices = there.remove(&ports).unwrap_or_default();
        of_ports(view.service, &ports, endpoints, slices, &mut changes);
    }
    changes.gone.extend(there.into_values().flatten());
    changes
}

fn of_ports(
    service: &Service,
    ports: &[Port],
    mut left: Vec<Endpoint>,
    slices: Vec<Arc<Slice>>,
    changes: &mut Changes,
) {
    let (mut changed, mut same): (Vec<(Arc<Slice>, Vec<Endpoint>)>, Vec<Arc<Slice>>) = Default::default();
    for slice in slices {
        let mut kept = Vec::new();
        for old in &slice.endpoints {
            if let Some(at) = left.iter().position(|new| new.is(old)) {
                kept.push(left.remove(at));
            }
        }
        let labels_differ = !has_labels(&slice, service);
        if kept == slice.endpoints && !labels_differ {
            same.push(slice);
        } else if kept.is_empty() && !slice.endpoints.is_empty() {
            changes.gone.push(slice);
        } else {
            changed.push((slice, kept));
        }
    }
    // Those that are written anyway are filled first, the fullest before the others.
    changed.sort_by_key(|(_, endpoints)| std::cmp::Reverse(endpoints.len()));
    for (_, endpoints) in &mut changed {
        let room = ENDPOINTS_MAX.saturating_sub(endpoints.len()).min(left.len());
        endpoints.extend(left.drain(..room));
    }
    while !left.is_empty() {
        // Then one that all the rest fits into, the fullest such, and else a new one.
        let fits = |slice: &&Arc<Slice>| slice.endpoints.len() + left.len() <= ENDPOINTS_MAX;
        let best = same.iter().filter(fits).max_by_key(|slice| slice.endpoints.len()).cloned();
        let batch: Vec<Endpoint> = left.drain(..left.len().min(ENDPOINTS_MAX)).collect();
        match best {
            Some(slice) => {
                same.retain(|other| !Arc::ptr_eq(other, &slice));
                let endpoints = [slice.endpoints.clone(), batch].concat();
                changed.push((slice, endpoints));
            }
            None => changes.made.push((batch, ports.to_vec())),
        }
    }
    let ports = ports.to_vec();
    changes.changed.extend(changed.into_iter().map(|(slice, endpoints)| (slice, endpoints, ports.clone())));
}

fn ports(service: &Service, pod: &Pod) -> Vec<Port> {
    let mut ports: Vec<Port> = service
        .spec
        .ports
        .iter()
        .filter_map(|port| {
            Some(Port {
                name: Some(port.name.clone()),
                port: find_port(pod, port)?,
                protocol: port.protocol.clone(),
                app_protocol: port.app_protocol.clone(),
            })
        })
        .collect();
    ports.sort_unstable();
    ports
}

/// Whose traffic an endpoint should take, if its service says how near that should come from.
fn hints(service: &Service, node: &str, zone: Option<&CompactString>) -> Option<Box<Hints>> {
    let preference = service.preference()?;
    let named = |name: &str| Named { name: name.into() };
    let near = preference == Preference::SameNode && !node.is_empty();
    let for_nodes = near.then(|| named(node)).into_iter().collect();
    let hints = Hints { for_zones: zone.map(|zone| named(zone)).into_iter().collect(), for_nodes };
    (hints != Hints::default()).then(|| Box::new(hints))
}

fn endpoint(service: &Service, pod: &Pod, node: Option<&Node>, family: Family) -> Endpoint {
    let (serving, terminating) = (is_ready(pod), pod.metadata.is_deleting());
    let ready = service.spec.publish_not_ready_addresses || (serving && !terminating);
    let addresses = pod.status.pod_ips.iter().map(|address| address.ip.clone());
    let zone = node.and_then(Node::zone);
    Endpoint {
        hints: if ready { hints(service, &pod.spec.node_name, zone.as_ref()) } else { None },
        addresses: addresses.filter(|address| family.has(address)).collect(),
        conditions: Conditions { ready: Some(ready), serving: Some(serving), terminating: Some(terminating) },
        hostname: hostname(pod, service),
        target_ref: Some(Target::pod(&pod.metadata)),
        node_name: Some(pod.spec.node_name.clone()).filter(|name| !name.is_empty()),
        zone,
    }
}

fn is_reserved(key: &str) -> bool {
    matches!(key, SERVICE_NAME | MANAGED_BY | HEADLESS)
}

fn labels(service: &Service) -> Labels {
    let own = service.metadata.labels.iter().filter(|(key, _)| !is_reserved(key));
    let headless = (!service.has_address()).then_some((HEADLESS, ""));
    let name = (SERVICE_NAME, service.metadata.name.as_str());
    own.chain(headless).chain([name, (MANAGED_BY, MANAGER)]).collect()
}

fn has_labels(slice: &Slice, service: &Service) -> bool {
    let copied = |labels: &Labels| -> Labels { labels.iter().filter(|(key, _)| !is_reserved(key)).collect() };
    copied(&slice.metadata.labels) == copied(&service.metadata.labels)
}

fn write(view: &View<'_>, family: Family, mut changes: Changes, actions: &mut Vec<Action>) {
    let service = view.service;
    // What goes makes place for what comes: one write for two.
    while !changes.made.is_empty() {
        let Some(at) = changes.gone.iter().position(|slice| is_owned(slice, service)) else { break };
        let slice = changes.gone.remove(at);
        if let Some((endpoints, ports)) = changes.made.pop() {
            changes.changed.push((slice, endpoints, ports));
        }
    }
    let failed = |verb: &str| {
        let meta = &service.metadata;
        let note = format!(
            "Error updating Endpoint Slices for Service {}/{}: failed to {verb} EndpointSlice for Service {}/{}: {{error}}",
            meta.namespace, meta.name, meta.namespace, meta.name
        );
        Some(crate::plan::Word::new("FailedToUpdateEndpointSlices", "Update", note))
    };
    let about = (&SERVICES, &service.metadata);
    if !service.metadata.is_deleting() {
        for (endpoints, ports) in &changes.made {
            let mut slice = made(service, family, endpoints, ports);
            if let Some(trigger) = view.trigger {
                slice["metadata"]["annotations"] = json!({TRIGGER_TIME: trigger});
            }
            let create = Action::create(&SLICES, &service.metadata.namespace, slice);
            actions.push(create.telling(about, Vec::new(), failed("create")));
        }
    }
    for (slice, endpoints, ports) in &changes.changed {
        let mut wanted: BTreeMap<CompactString, Value> =
            labels(service).iter().map(|(key, value)| (key.into(), json!(value))).collect();
        for (key, _) in slice.metadata.labels.iter() {
            wanted.entry(key.into()).or_insert(Value::Null);
        }
        let mut change = json!({"metadata": {"labels": wanted}, "endpoints": endpoints, "ports": ports});
        if view.trigger.is_some() || slice.metadata.annotation(TRIGGER_TIME).is_some() {
            change["metadata"]["annotations"] = json!({TRIGGER_TIME: view.trigger});
        }
        let update = Action::merge(&SLICES, &slice.metadata, "", change);
        actions.push(update.telling(about, Vec::new(), failed("update")));
    }
    actions.extend(changes.gone.iter().map(|slice| Action::delete(&SLICES, &slice.metadata)));
}

fn made(service: &Service, family: Family, endpoints: &[Endpoint], ports: &[Port]) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": prefix(&service.metadata.name),
            "namespace": service.metadata.namespace,
            "labels": labels(service),
            "ownerReferences": [OwnerReference::controller(&SERVICES, &service.metadata)],
        },
        "addressType": family,
        "endpoints": endpoints,
        "ports": ports,
    })
}
