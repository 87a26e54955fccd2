//! `NodeResourcesBalancedAllocation`: nodes are liked whose resources become used alike.

use std::sync::Arc;

use compact_str::CompactString;
use smallvec::SmallVec;

use crate::event::Event;
use crate::framework::{Liking, Plugin, Prepared, SCORE_MAX, Scale};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::resources::is_everywhere;
use crate::snapshot::Snapshot;

/// The plugin: which resources are to be used alike.
#[derive(Clone, Debug)]
pub struct BalancedAllocation(pub Vec<CompactString>);

impl Default for BalancedAllocation {
    fn default() -> Self {
        Self(vec!["cpu".into(), "memory".into()])
    }
}

/// 100 if the parts used of all resources are the same, less the more they differ. Resources are pairs: used, had.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream's arithmetic")]
fn balance(resources: impl Iterator<Item = (i64, i64)>) -> i64 {
    let parts: SmallVec<[f64; 4]> = resources
        .filter(|(_, has)| *has != 0)
        .map(|(used, has)| (used as f64 / has as f64).min(1.0))
        .collect();
    let deviation = match parts.as_slice() {
        [] | [_] => 0.0,
        [one, other] => ((one - other) / 2.0).abs(),
        several => {
            let mean = several.iter().sum::<f64>() / several.len() as f64;
            let squares: f64 = several.iter().map(|part| (part - mean) * (part - mean)).sum();
            (squares / several.len() as f64).sqrt()
        }
    };
    ((1.0 - deviation) * SCORE_MAX as f64) as i64
}

impl Plugin for BalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn filter(&self, _pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Prepared {
        Prepared::Skip
    }

    fn score(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Liking {
        let asked: Vec<_> = self.0.iter().map(|name| (name.clone(), pod.requests.get(name))).collect();
        // Pods that ask for nothing would all go to the node that is balanced best.
        if asked.iter().all(|(_, asked)| *asked == 0) {
            return Liking::Same;
        }
        // What not every node has counts only if it is asked for.
        let asked: Vec<_> =
            asked.into_iter().filter(|(name, asked)| *asked != 0 || is_everywhere(name)).collect();
        Liking::local(Scale::Absolute, move |node: &NodeInfo| {
            let (has, used) = (&node.node.allocatable, &node.requested);
            let before = asked.iter().map(|(name, _)| (used.get(name), has.get(name)));
            let after = asked.iter().map(|(name, asked)| (used.get(name) + asked, has.get(name)));
            SCORE_MAX / 2 + (SCORE_MAX / 2 + balance(after) - balance(before)) / 2
        })
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
        let check = |cpu: &str, memory: &str| {
            scores(&BalancedAllocation::default(), &asking("p", cpu, memory, ""), &snapshot)
        };
        assert_eq!(check("4", "0"), [65, 85]);
        assert_eq!(check("1", "100"), [75, 75]);
        assert!(check("0", "0").is_empty());
    }
}
