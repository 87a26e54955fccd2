//! `NodeUnschedulable`: a node that is cordoned takes only pods that tolerate that.

use std::sync::Arc;

use crate::event::{Event, begins};
use crate::framework::{Plugin, Prepared, Rejection};
use crate::node::Taint;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

pub(super) struct NodeUnschedulable;

fn tolerates(pod: &PodInfo) -> bool {
    let taint = Taint::unschedulable();
    pod.tolerations.iter().any(|toleration| toleration.tolerates(&taint))
}

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn filter(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Prepared {
        let tolerated = tolerates(pod);
        Prepared::local(move |node, _| {
            if tolerated || !node.node.unschedulable {
                return Ok(());
            }
            Err(Rejection::final_one("node(s) were unschedulable"))
        })
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        begins(event, |node| !node.unschedulable)
            || matches!(event, Event::ItselfChanged { .. }) && tolerates(pod)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases::{cluster, node, pod, verdicts};

    #[test]
    fn cordoned_nodes_take_who_tolerates_it() {
        let nodes = [node("a", json!({"spec": {"unschedulable": true}})), node("b", json!({}))];
        let snapshot = cluster(nodes, []);
        let check = |pod: &Arc<PodInfo>| verdicts(&NodeUnschedulable, pod, &snapshot);
        assert_eq!(check(&pod("p", json!({}))), "a: node(s) were unschedulable!; b: ok");
        let tolerant = json!({"spec": {"tolerations": [{"key": "node.kubernetes.io/unschedulable",
            "operator": "Exists", "effect": "NoSchedule"}]}});
        assert_eq!(check(&pod("p", tolerant)), "a: ok; b: ok");
    }
}
