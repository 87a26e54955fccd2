//! A ReplicaSet has no more pods made than it asks for, and none taken away that it still asks for.

use std::collections::BTreeMap;

use super::{Check, Write};
use crate::world::{Object, World};

/// By uid: sizes by generation, as far as the controller may not have seen a later one.
#[derive(Default)]
pub(super) struct ReplicaSets {
    sizes: BTreeMap<String, BTreeMap<i64, i64>>,
}

impl Check for ReplicaSets {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        match write.resource {
            "replicasets.apps" => self.keep(write),
            "pods" => return self.judge(world, write).into_iter().collect(),
            _ => {}
        }
        Vec::new()
    }
}

impl ReplicaSets {
    fn keep(&mut self, write: &Write<'_>) {
        let Some(new) = write.new else { return };
        let sizes = self.sizes.entry(new.uid().to_owned()).or_default();
        sizes.insert(new.number("metadata/generation"), new.replicas());
        let observed = new.number("status/observedGeneration");
        sizes.retain(|generation, _| *generation >= observed);
    }

    fn judge(&self, world: &World, write: &Write<'_>) -> Option<String> {
        let count = |uid: &str| {
            let pods = world.of("pods", uid);
            i64::try_from(pods.iter().filter(|pod| pod.is_active()).count()).unwrap_or(i64::MAX)
        };
        if let Some(pod) = write.made() {
            let uid = pod.owner("ReplicaSet");
            let most = self.sizes.get(uid)?.values().max()?;
            let there = count(uid);
            return (there > *most).then(|| {
                let name = pod.controller().map_or("", |owner| owner.text("name"));
                format!("pod {} is one too many: {name} has {there}, and asks for {most} at most", write.path)
            });
        }
        let pod = write.deleted().filter(|_| write.is_by("replicaset-controller"))?;
        let uid = pod.owner("ReplicaSet");
        let least = self.sizes.get(uid)?.values().min()?;
        let there = count(uid);
        (there < *least && pod.is_active()).then(|| {
            let name = pod.controller().map_or("", |owner| owner.text("name"));
            format!(
                "pod {} was taken away: {name} has {there} left, and asks for {least} at least",
                write.path
            )
        })
    }
}
