//! A deployment's sets ask together for no more pods than its size and surge allow, and, as far as their pods are there,
//! for no fewer than have to be available. Where pods fail by themselves there may be fewer.
//!
//! Upstream promises it of what the sets ask for: pods of a set that was just made smaller may still be there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Check, STALE_MILLIS, Write};
use crate::world::{Object, World};

#[derive(Default)]
pub(super) struct Deployments {
    /// By uid: bounds by generation, as far as the controller may not have seen a later one.
    bounds: BTreeMap<String, BTreeMap<i64, Bounds>>,
    /// By uid: when a pod stopped being available by itself.
    lost: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    most: i64,
    least: i64,
    /// Whether it can be told here who is available: pods that are ready, and not only ready for long enough.
    is_clear: bool,
}

impl Check for Deployments {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        match write.resource {
            "deployments.apps" => self.keep(write),
            "pods" => self.pod(world, write),
            "replicasets.apps" if write.is_by("deployment-controller") => {
                return self.judge(world, write).into_iter().collect();
            }
            _ => {}
        }
        Vec::new()
    }
}

fn bounds(deployment: &Value) -> Bounds {
    let replicas = deployment.replicas();
    let strategy =
        |name: &str| deployment.at("spec/strategy/rollingUpdate").get(name).cloned().unwrap_or_default();
    let share = |value: &Value, round: i64| match value.as_str().and_then(|text| text.strip_suffix('%')) {
        Some(percent) => (percent.parse::<i64>().unwrap_or(0) * replicas + round).div_euclid(100),
        None => value.as_i64().unwrap_or(0),
    };
    let (surge, mut fewer) = (share(&strategy("maxSurge"), 99), share(&strategy("maxUnavailable"), 0));
    if surge == 0 && fewer == 0 {
        fewer = 1;
    }
    if deployment.text("spec/strategy/type") == "Recreate" {
        return Bounds { most: replicas, least: 0, is_clear: false };
    }
    let is_clear = deployment.number("spec/minReadySeconds") == 0;
    Bounds { most: replicas + surge, least: (replicas - fewer).max(0), is_clear }
}

impl Deployments {
    fn keep(&mut self, write: &Write<'_>) {
        let Some(new) = write.new else { return };
        let known = self.bounds.entry(new.uid().to_owned()).or_default();
        known.insert(new.number("metadata/generation"), bounds(new));
        let observed = new.number("status/observedGeneration");
        known.retain(|generation, _| *generation >= observed);
    }

    /// Notes when a pod stops being available, and no set's controller asked for that.
    fn pod(&mut self, world: &World, write: &Write<'_>) {
        let Some(old) = write.old.filter(|old| old.is_ready()) else { return };
        let still = write.new.is_some_and(|new| new.uid() == old.uid() && new.is_ready());
        if still || write.is_by("replicaset-controller") {
            return;
        }
        let set = world.by_uid("replicasets.apps", old.space(), old.owner("ReplicaSet"));
        if let Some(set) = set {
            self.lost.insert(set.owner("Deployment").to_owned(), write.now);
        }
    }

    fn judge(&self, world: &World, write: &Write<'_>) -> Option<String> {
        let new = write.new?;
        let uid = new.owner("Deployment");
        let known = self.bounds.get(uid)?;
        let sets = world.of("replicasets.apps", uid);
        let before = write.made().map_or_else(|| write.old.map_or(0, Object::replicas), |_| 0);
        let name = || new.controller().map_or("", |owner| owner.text("name"));
        if new.replicas() > before {
            let asked: i64 = sets.iter().map(|set| set.replicas()).sum();
            let most = known.values().map(|bounds| bounds.most).max()?;
            return (asked > most).then(|| {
                format!("the sets of deployment {} ask for {asked} pods, {most} at most are allowed", name())
            });
        }
        let lost_lately = self.lost.get(uid).is_some_and(|at| write.now < at + STALE_MILLIS);
        if new.replicas() == before || lost_lately || known.values().any(|bounds| !bounds.is_clear) {
            return None;
        }
        let left: i64 = sets.iter().map(|set| available(world, set).min(set.replicas())).sum();
        let least = known.values().map(|bounds| bounds.least).min()?;
        // One set may have been larger than it had to be for all that anybody knew.
        let had: i64 = sets
            .iter()
            .map(|set| {
                let asked = if set.uid() == new.uid() { before } else { set.replicas() };
                available(world, set).min(asked)
            })
            .sum();
        (left < least && left < had).then(|| {
            format!("deployment {} will have {left} available pods of {least} at least: had {had}", name())
        })
    }
}

fn available(world: &World, set: &Value) -> i64 {
    let pods = world.of("pods", set.uid());
    i64::try_from(pods.iter().filter(|pod| pod.is_ready()).count()).unwrap_or(i64::MAX)
}
