//! A StatefulSet's pods come and go one after the other, in order, unless it asks for something else; and no pod is made
//! that is not one of its numbers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Check, STALE_MILLIS, Write};
use crate::world::{Object, World};

#[derive(Default)]
pub(super) struct StatefulSets {
    /// By uid: sizes by generation, as far as the controller may not have seen a later one.
    sizes: BTreeMap<String, BTreeMap<i64, i64>>,
    /// By path of a pod: when it was last there and ready.
    ready: BTreeMap<String, u64>,
    /// Uids of pods that the controller has begun to delete.
    deleted: BTreeSet<String>,
}

impl Check for StatefulSets {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        match write.resource {
            "statefulsets.apps" => {
                if let Some(new) = write.new {
                    let sizes = self.sizes.entry(new.uid().to_owned()).or_default();
                    sizes.insert(new.number("metadata/generation"), new.replicas());
                    let observed = new.number("status/observedGeneration");
                    sizes.retain(|generation, _| *generation >= observed);
                }
                Vec::new()
            }
            "pods" => {
                let wrong = self.made(world, write).or_else(|| self.gone(world, write));
                if let Some(old) = write.old.filter(|old| old.is_ready()) {
                    self.ready.insert(format!("{}/{}", old.space(), old.name()), write.now);
                }
                wrong.into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

fn ordinal(pod: &Value) -> Option<i64> {
    pod.name().rsplit_once('-')?.1.parse().ok()
}

fn set_of<'a>(world: &'a World, pod: &Value) -> Option<&'a Value> {
    let uid = pod.owner("StatefulSet");
    if uid.is_empty() {
        return None;
    }
    world.by_uid("statefulsets.apps", pod.space(), uid).map(AsRef::as_ref)
}

fn is_ordered(set: &Value) -> bool {
    set.text("spec/podManagementPolicy") != "Parallel"
}

impl StatefulSets {
    fn made(&self, world: &World, write: &Write<'_>) -> Option<String> {
        let pod = write.made()?;
        let set = set_of(world, pod)?;
        let (number, first) = (ordinal(pod)?, set.number("spec/ordinals/start"));
        let most = first + self.sizes.get(set.uid())?.values().max()?;
        if number < first || number >= most {
            return Some(format!("pod {} is none of {first} to {most} of its set", write.path));
        }
        let lately = |path: &str| self.ready.get(path).is_some_and(|at| write.now < at + STALE_MILLIS);
        let missing = (first..number).find(|lower| {
            let path = format!("{}/{}-{lower}", pod.space(), set.name());
            !lately(&path) && !world.get("pods", &path).is_some_and(|pod| pod.is_ready())
        });
        missing
            .filter(|_| is_ordered(set))
            .map(|lower| format!("pod {} was made while number {lower} before it is not ready", write.path))
    }

    fn gone(&mut self, world: &World, write: &Write<'_>) -> Option<String> {
        let pod = write.deleted().filter(|_| write.is_by("statefulset-controller"))?;
        self.deleted.insert(pod.uid().to_owned());
        if pod.has_ended() {
            return None;
        }
        let set = set_of(world, pod).filter(|set| is_ordered(set))?;
        let pods = world.of("pods", set.uid());
        let going = pods.iter().find(|other| {
            other.uid() != pod.uid()
                && other.is_deleting()
                && !other.has_ended()
                && self.deleted.contains(other.uid())
        });
        if let Some(going) = going {
            return Some(format!("pod {} goes while {} is still going", write.path, going.name()));
        }
        let number = ordinal(pod)?;
        let end = set.number("spec/ordinals/start") + self.sizes.get(set.uid())?.values().min()?;
        let higher = pods.iter().filter_map(|other| ordinal(other)).find(|other| *other > number);
        // What is too many goes from the end.
        higher
            .filter(|_| number >= end && self.sizes[set.uid()].len() == 1)
            .map(|higher| format!("pod {} goes while number {higher} behind it is still there", write.path))
    }
}
