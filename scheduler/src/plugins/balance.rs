//! `NodeResourcesBalancedAllocation`: nodes are liked whose resources become used alike.

use crate::event::Event;
use crate::framework::{Plain, Plugin, Prepared, SCORE_MAX, Score};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

pub(super) struct BalancedAllocation;

/// 100 if the parts used of CPU and memory are the same, less the more they differ.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream's arithmetic")]
fn balance(used: [i64; 2], has: [i64; 2]) -> i64 {
    if has.contains(&0) {
        return SCORE_MAX;
    }
    let part = |at: usize| (used[at] as f64 / has[at] as f64).min(1.0);
    let deviation = ((part(0) - part(1)) / 2.0).abs();
    ((1.0 - deviation) * SCORE_MAX as f64) as i64
}

impl Plugin for BalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn filter<'a>(&'a self, _pod: &'a PodInfo, _snapshot: &'a Snapshot) -> Prepared<'a> {
        Prepared::Skip
    }

    fn score<'a>(
        &'a self,
        pod: &'a PodInfo,
        _snapshot: &'a Snapshot,
        _feasible: &[&'a NodeInfo],
    ) -> Option<Box<dyn Score + 'a>> {
        let asked = [pod.requests.milli_cpu, pod.requests.memory];
        // Pods that ask for nothing would all go to the node that is balanced best.
        if asked == [0, 0] {
            return None;
        }
        Some(Box::new(Plain(move |node: &NodeInfo| {
            let has = [node.node.allocatable.milli_cpu, node.node.allocatable.memory];
            let before = [node.requested.milli_cpu, node.requested.memory];
            let after = [before[0] + asked[0], before[1] + asked[1]];
            SCORE_MAX / 2 + (SCORE_MAX / 2 + balance(after, has) - balance(before, has)) / 2
        })))
    }

    fn wakes(&self, _event: &Event<'_>, _pod: &PodInfo) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases::{cluster, node, pod, scores};

    #[test]
    fn what_makes_use_more_even_is_liked() {
        let sized =
            |name: &str| node(name, json!({"status": {"allocatable": {"cpu": "10", "memory": "1000"}}}));
        let asking = |name: &str, cpu: &str, memory: &str, node: &str| {
            pod(
                name,
                json!({"spec": {"nodeName": node,
                "containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]}}),
            )
        };
        let there = asking("there", "0", "400", "b");
        let snapshot = cluster([sized("a"), sized("b")], [there]);
        let check =
            |cpu: &str, memory: &str| scores(&BalancedAllocation, &asking("p", cpu, memory, ""), &snapshot);
        assert_eq!(check("4", "0"), [65, 85]);
        assert_eq!(check("1", "100"), [75, 75]);
        assert!(check("0", "0").is_empty());
    }
}
