//! What is still to be done: what keeps a cluster whose users have gone from being as it was declared.

use std::collections::BTreeSet;

use serde_json::Value;

use super::budgets::healthy;
use super::owners::find;
use crate::world::{Object, World, selects};

/// Everything that is not yet as it is to be, in words; nothing where all is done.
pub(crate) fn undone(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    let mut add = |what: &str, path: &str, why: Option<String>| {
        all.extend(why.map(|why| format!("{what} {path}: {why}")));
    };
    for (path, object) in world.all("deployments.apps") {
        add("deployment", path, deployment(world, object));
    }
    for (path, object) in world.all("replicasets.apps") {
        add("replicaset", path, replicaset(world, object));
    }
    for (path, object) in world.all("statefulsets.apps") {
        add("statefulset", path, statefulset(world, object));
    }
    for (path, object) in world.all("daemonsets.apps") {
        add("daemonset", path, daemonset(world, object));
    }
    for (path, object) in world.all("jobs.batch") {
        add("job", path, job(world, object));
    }
    for (path, object) in world.all("poddisruptionbudgets.policy") {
        add("budget", path, budget(world, object));
    }
    for (path, object) in world.all("services") {
        add("service", path, service(world, object));
    }
    for (path, object) in world.all("nodes") {
        let ready = object.condition("Ready") == "True" && object.list("spec/taints").is_empty();
        add("node", path, (!ready).then(|| "not ready, or tainted".to_owned()));
    }
    for (path, object) in world.all("pods") {
        add("pod", path, pod(world, object));
    }
    for (path, object) in world.all("namespaces") {
        add("namespace", path, object.is_deleting().then(|| "still going".to_owned()));
    }
    for (resource, objects) in &world.by_resource {
        for (path, seen) in objects {
            add(resource, path, whole(world, path, &seen.object));
        }
    }
    all
}

fn count(all: usize) -> i64 {
    i64::try_from(all).unwrap_or(i64::MAX)
}

/// Says in words which figures are not as wanted.
fn figures(object: &Value, wanted: &[(&str, i64)]) -> Option<String> {
    let wrong: Vec<_> = wanted
        .iter()
        .filter(|(path, wanted)| object.number(path) != *wanted)
        .map(|(path, wanted)| format!("{path} is {} and not {wanted}", object.at(path)))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

fn observed(object: &Value) -> (&'static str, i64) {
    ("status/observedGeneration", object.number("metadata/generation"))
}

fn deployment(world: &World, object: &Value) -> Option<String> {
    let replicas = object.replicas();
    let wanted = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"];
    let paths =
        ["status/replicas", "status/updatedReplicas", "status/readyReplicas", "status/availableReplicas"];
    let mut all: Vec<_> = paths.into_iter().zip(wanted).map(|(path, _)| (path, replicas)).collect();
    all.push(observed(object));
    all.push(("status/unavailableReplicas", 0));
    let sets = world.of("replicasets.apps", object.uid());
    let asked: i64 = sets.iter().map(|set| set.replicas()).sum();
    let old = sets.iter().filter(|set| set.replicas() == 0).count();
    let kept = object.number("spec/revisionHistoryLimit");
    figures(object, &all)
        .or_else(|| (asked != replicas).then(|| format!("its sets ask for {asked} pods and not {replicas}")))
        .or_else(|| {
            (replicas > 0 && count(old) > kept).then(|| format!("{old} old sets are kept and not {kept}"))
        })
}

fn active(world: &World, uid: &str) -> i64 {
    count(world.of("pods", uid).iter().filter(|pod| pod.is_active()).count())
}

fn replicaset(world: &World, object: &Value) -> Option<String> {
    let replicas = object.replicas();
    let there = active(world, object.uid());
    let wanted = [
        ("status/replicas", replicas),
        ("status/readyReplicas", replicas),
        ("status/availableReplicas", replicas),
    ];
    (there != replicas)
        .then(|| format!("{there} pods are there and not {replicas}"))
        .or_else(|| figures(object, &wanted))
        .or_else(|| figures(object, &[observed(object)]))
}

fn statefulset(world: &World, object: &Value) -> Option<String> {
    let replicas = object.replicas();
    let start = object.number("spec/ordinals/start");
    let names: BTreeSet<_> =
        (start..start + replicas).map(|number| format!("{}-{number}", object.name())).collect();
    let pods = world.of("pods", object.uid());
    let there: BTreeSet<_> = pods.iter().map(|pod| pod.name().to_owned()).collect();
    if names != there {
        return Some(format!("its pods are {there:?} and not {names:?}"));
    }
    let revision = object.text("status/updateRevision");
    let old = pods.iter().find(|pod| pod.at("metadata/labels")["controller-revision-hash"] != revision);
    if let Some(old) = old {
        return Some(format!("{} is not of the revision {revision}", old.name()));
    }
    let unbound = object.list("spec/volumeClaimTemplates").iter().flat_map(|claim| {
        names.iter().map(move |name| format!("{}/{}-{name}", object.space(), claim.name()))
    });
    let unbound = unbound.clone().find(|path| {
        world.get("persistentvolumeclaims", path).is_none_or(|claim| claim.text("status/phase") != "Bound")
    });
    let wanted = [
        ("status/replicas", replicas),
        ("status/readyReplicas", replicas),
        ("status/availableReplicas", replicas),
        observed(object),
    ];
    unbound.map(|path| format!("its claim {path} is not bound")).or_else(|| figures(object, &wanted)).or_else(
        || {
            (object.text("status/currentRevision") != revision)
                .then(|| "its current revision is not the newest".to_owned())
        },
    )
}

fn daemonset(world: &World, object: &Value) -> Option<String> {
    let nodes: BTreeSet<_> = world.all("nodes").map(|(name, _)| name.to_owned()).collect();
    let pods = world.of("pods", object.uid());
    let places: Vec<_> = pods.iter().map(|pod| pod.text("spec/nodeName").to_owned()).collect();
    if nodes.len() != places.len() || places.iter().cloned().collect::<BTreeSet<_>>() != nodes {
        return Some(format!("its pods are on {places:?} and not on {nodes:?}"));
    }
    let all = count(nodes.len());
    let wanted = [
        ("status/desiredNumberScheduled", all),
        ("status/currentNumberScheduled", all),
        ("status/updatedNumberScheduled", all),
        ("status/numberAvailable", all),
        ("status/numberReady", all),
        ("status/numberMisscheduled", 0),
        observed(object),
    ];
    figures(object, &wanted)
}

fn job(world: &World, object: &Value) -> Option<String> {
    let pods = world.of("pods", object.uid());
    let left = pods.iter().find(|pod| pod.has_finalizer("batch.kubernetes.io/job-tracking"));
    if let Some(left) = left {
        return Some(format!("{} is still kept by its finalizer", left.name()));
    }
    let running = pods.iter().filter(|pod| !pod.has_ended()).count();
    let (complete, failed) = (object.condition("Complete") == "True", object.condition("Failed") == "True");
    if complete && failed {
        return Some("it is complete, and has failed".to_owned());
    }
    let over = complete || failed || object.at("spec/suspend") == &Value::Bool(true);
    (!over)
        .then(|| "it is not over".to_owned())
        .or_else(|| (running > 0).then(|| format!("{running} of its pods have not ended")))
        .or_else(|| figures(object, &[("status/active", 0), ("status/terminating", 0)]))
}

fn budget(world: &World, object: &Value) -> Option<String> {
    let there = healthy(world, object);
    let wanted = [
        ("status/currentHealthy", there),
        ("status/disruptionsAllowed", (there - object.number("status/desiredHealthy")).max(0)),
        observed(object),
    ];
    figures(object, &wanted)
}

fn service(world: &World, object: &Value) -> Option<String> {
    let selector = object.at("spec/selector");
    if selector.is_null() {
        return None;
    }
    let pods = world.within("pods", object.space());
    let wanted: BTreeSet<_> = pods
        .filter(|pod| selects(selector, pod.at("metadata/labels")) && pod.is_ready())
        .map(|pod| pod.text("status/podIP").to_owned())
        .collect();
    let slices = world.within("endpointslices.discovery.k8s.io", object.space());
    let own =
        slices.filter(|slice| slice.at("metadata/labels")["kubernetes.io/service-name"] == object.name());
    let told: BTreeSet<_> = own
        .flat_map(|slice| slice.list("endpoints"))
        .filter(|endpoint| endpoint.at("conditions/ready") == &Value::Bool(true))
        .flat_map(|endpoint| endpoint.list("addresses"))
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    (wanted != told).then(|| format!("its slices say {told:?} and not {wanted:?}"))
}

fn pod(world: &World, object: &Value) -> Option<String> {
    if object.is_deleting() {
        return Some("still going".to_owned());
    }
    if object.has_ended() {
        return None;
    }
    let node = object.text("spec/nodeName");
    (node.is_empty())
        .then(|| "on no node".to_owned())
        .or_else(|| world.get("nodes", node).is_none().then(|| format!("its node {node} is gone")))
        .or_else(|| (!object.is_ready()).then(|| "not ready".to_owned()))
}

/// What holds of every object: its namespace is there, and one of its owners, if it ever had any.
fn whole(world: &World, path: &str, object: &Value) -> Option<String> {
    let space = object.space();
    if !space.is_empty() && path.starts_with(space) && world.get("namespaces", space).is_none() {
        return Some("its namespace is gone".to_owned());
    }
    let owners = object.list("metadata/ownerReferences");
    let gone: Vec<_> = owners
        .iter()
        .filter(|owner| find(world, space, owner).is_none())
        .map(|owner| owner.text("name"))
        .collect();
    (!gone.is_empty()).then(|| format!("its owners {gone:?} are gone"))
}
