//! `NodeName`: a pod that names a node goes nowhere else.

use std::sync::Arc;

use crate::event::{Event, begins};
use crate::framework::{Plugin, Prepared, Rejection};
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

pub(super) struct NodeName;

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn filter(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Prepared {
        if pod.node_name.is_empty() {
            return Prepared::Skip;
        }
        let pod = Arc::clone(pod);
        Prepared::local(move |node, _| {
            if pod.node_name == node.node.name() {
                return Ok(());
            }
            Err(Rejection::final_one("node(s) didn't match the requested node name"))
        })
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        begins(event, |node| pod.node_name == node.name())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases::{cluster, node, pod, verdicts};

    #[test]
    fn only_the_node_of_that_name() {
        let snapshot = cluster([node("a", json!({})), node("b", json!({}))], []);
        let check = |pod: &Arc<PodInfo>| verdicts(&NodeName, pod, &snapshot);
        assert_eq!(check(&pod("p", json!({}))), "skip");
        assert_eq!(
            check(&pod("p", json!({"spec": {"nodeName": "b"}}))),
            "a: node(s) didn't match the requested node name!; b: ok"
        );
    }
}
