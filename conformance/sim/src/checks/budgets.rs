//! Who is evicted leaves as many ready pods behind as the budgets ask for, unless pods fail by themselves.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Check, STALE_MILLIS, Write};
use crate::world::{Object, World, selects};

/// By path of a budget: when one of its pods stopped being ready other than by an eviction.
#[derive(Default)]
pub(super) struct Budgets {
    lost: BTreeMap<String, u64>,
}

/// Who evicts.
pub(crate) const DRAINER: &str = "drainer";

impl Check for Budgets {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        let Some(old) = write.old.filter(|old| write.resource == "pods" && old.is_ready()) else {
            return Vec::new();
        };
        if write.new.is_some_and(|new| new.uid() == old.uid() && new.is_ready()) {
            return Vec::new();
        }
        let evicted = write.is_by(DRAINER);
        let budgets = world.within("poddisruptionbudgets.policy", old.space());
        let concerned =
            budgets.filter(|budget| selects(budget.at("spec/selector"), old.at("metadata/labels")));
        let mut wrongs = Vec::new();
        for budget in concerned {
            let path = format!("{}/{}", budget.space(), budget.name());
            if !evicted {
                self.lost.insert(path, write.now);
                continue;
            }
            let lately = self.lost.get(&path).is_some_and(|at| write.now < at + STALE_MILLIS);
            let made = world.seen("poddisruptionbudgets.policy", &path).map_or(0, |seen| seen.made);
            let changed = budget.number("metadata/generation") != budget.number("status/observedGeneration");
            let (left, least) = (healthy(world, budget), budget.number("spec/minAvailable"));
            if left < least && !lately && !changed && write.now > made + STALE_MILLIS {
                wrongs.push(format!(
                    "pod {} was evicted: {left} are left of {least} that budget {path} asks for",
                    write.path
                ));
            }
        }
        wrongs
    }
}

/// How many pods of a budget are ready.
pub(super) fn healthy(world: &World, budget: &Value) -> i64 {
    let pods = world.within("pods", budget.space());
    let its =
        pods.filter(|pod| selects(budget.at("spec/selector"), pod.at("metadata/labels")) && pod.is_ready());
    i64::try_from(its.count()).unwrap_or(i64::MAX)
}
