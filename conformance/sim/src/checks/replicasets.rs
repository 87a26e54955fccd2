//! A ReplicaSet has no more pods made than it asks for, and none taken away that it still asks for.

use std::collections::BTreeMap;

use super::{Check, STALE_MILLIS, Write};
use crate::world::{Object, World};

#[derive(Default)]
pub(super) struct ReplicaSets {
    /// By uid: sizes by generation, as far as the controller may not have seen a later one.
    sizes: BTreeMap<String, BTreeMap<i64, i64>>,
    /// By uid: when pods stopped counting that the controller has not taken away.
    lost: BTreeMap<String, Vec<u64>>,
}

impl Check for ReplicaSets {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        match write.resource {
            "replicasets.apps" => self.keep(write),
            "pods" => {
                self.lose(write);
                return self.judge(world, write).into_iter().collect();
            }
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

    fn lose(&mut self, write: &Write<'_>) {
        let Some(old) = write.old.filter(|old| old.is_active()) else { return };
        let still = write.new.is_some_and(|new| new.uid() == old.uid() && new.is_active());
        if !still && !write.is_by("replicaset-controller") {
            self.lost.entry(old.owner("ReplicaSet").to_owned()).or_default().push(write.now);
        }
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
        // Those that it may not know yet to be gone are there for all that it knows.
        let lost = self.lost.get(uid).into_iter().flatten().filter(|at| write.now < **at + STALE_MILLIS);
        let known = there + i64::try_from(lost.count()).unwrap_or(i64::MAX);
        (known < *least && pod.is_active()).then(|| {
            let name = pod.controller().map_or("", |owner| owner.text("name"));
            format!(
                "pod {} was taken away: {name} has {there} left, and asks for {least} at least",
                write.path
            )
        })
    }
}
