//! Pods are bound once, to nodes that have room for them; what has ended stays so; and nobody but its node says of a pod
//! that runs that it is gone.

use serde_json::Value;

use super::{Check, Write};
use crate::world::{Object, World, amount};

pub(super) struct Pods;

impl Check for Pods {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        if write.resource != "pods" {
            return Vec::new();
        }
        let mut wrongs = Vec::new();
        let before = write.old.filter(|old| write.new.is_none_or(|new| new.uid() == old.uid()));
        let node_before = before.map_or("", |old| old.text("spec/nodeName"));
        if let Some(new) = write.new {
            let node = new.text("spec/nodeName");
            if !node_before.is_empty() && node != node_before {
                wrongs.push(format!("pod {} moved from {node_before} to {node:?}", write.path));
            }
            if node_before.is_empty() && !node.is_empty() {
                wrongs.extend(room(world, write.path, node));
            }
            let ended = before.filter(|old| old.has_ended());
            if ended.is_some_and(|old| old.text("status/phase") != new.text("status/phase")) {
                wrongs.push(format!("pod {} had ended and is {} now", write.path, new["status"]["phase"]));
            }
        }
        if let (Some(old), None) = (before, write.new) {
            let by_its_node = write.by.iter().any(|by| by.starts_with("node:"));
            let runs = !node_before.is_empty() && !old.has_ended();
            if runs && !by_its_node && world.get("nodes", node_before).is_some() {
                wrongs.push(format!("pod {} is gone while {node_before} may run it", write.path));
            }
        }
        wrongs
    }
}

/// What pods ask for that are on a node, against what it has.
fn room(world: &World, path: &str, name: &str) -> Option<String> {
    let node = world.get("nodes", name)?;
    let on = |pod: &Value| pod.text("spec/nodeName") == name && !pod.has_ended();
    let pods: Vec<_> = world.all("pods").filter(|(_, pod)| on(pod)).map(|(_, pod)| pod).collect();
    for resource in ["cpu", "memory"] {
        let has = amount(node.at("status/allocatable").get(resource)?);
        let asked: i64 = pods.iter().map(|pod| needs(pod, resource)).sum();
        if asked > has {
            return Some(format!(
                "with pod {path}, {asked} of {has} {resource} of node {name} are asked for"
            ));
        }
    }
    let most = amount(node.at("status/allocatable").get("pods")?) / 1000;
    (i64::try_from(pods.len()).unwrap_or(i64::MAX) > most)
        .then(|| format!("with pod {path}, there are {} pods on node {name}, which has {most}", pods.len()))
}

fn needs(pod: &Value, resource: &str) -> i64 {
    let of = |container: &Value| amount(container.at(&format!("resources/requests/{resource}")));
    pod.list("spec/containers").iter().map(of).sum()
}
