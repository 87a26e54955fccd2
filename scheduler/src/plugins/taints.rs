//! `TaintToleration`: nodes with taints take who tolerates them; taints that are only to be avoided count as scores.

use std::sync::Arc;

use crate::event::{Event, begins};
use crate::framework::{Liking, Plugin, Prepared, Rejection, Scale};
use crate::node::NodeInfo;
use crate::pod::{PodInfo, Toleration};
use crate::snapshot::Snapshot;

pub(super) struct TaintToleration;

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Prepared {
        let pod = Arc::clone(pod);
        Prepared::local(move |node, _| match pod.first_untolerated(&node.node.taints) {
            None => Ok(()),
            Some(_) => Err(Rejection::final_one("node(s) had untolerated taint(s)")),
        })
    }

    fn score(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Liking {
        // Where there is nothing to avoid, all nodes are liked the same.
        if !snapshot.has_soft_taints() {
            return Liking::Same;
        }
        let soft: Vec<Toleration> = pod.tolerations.iter().filter(|one| one.is_soft()).cloned().collect();
        Liking::local(Scale::Reversed, move |node: &NodeInfo| {
            let taints = node.node.taints.iter().filter(|taint| taint.is_soft());
            let open = taints.filter(|taint| !soft.iter().any(|toleration| toleration.tolerates(taint)));
            i64::try_from(open.count()).unwrap_or(i64::MAX)
        })
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        begins(event, |node| pod.first_untolerated(&node.taints).is_none())
            || matches!(event, Event::ItselfChanged { old } if old.tolerations != pod.tolerations)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{cluster, node, pod, scores, verdicts};

    fn tainted(name: &str, taints: &[(&str, &str, &str)]) -> Arc<crate::node::Node> {
        let taints: Vec<Value> = taints
            .iter()
            .map(|(key, value, effect)| json!({"key": key, "value": value, "effect": effect}))
            .collect();
        node(name, json!({"spec": {"taints": taints}}))
    }

    #[test]
    fn hard_taints_keep_away_who_does_not_tolerate_them() {
        let no = "a: node(s) had untolerated taint(s)!";
        let cases = [
            (("k", "v", "NoSchedule"), json!([]), no),
            (("k", "v", "NoExecute"), json!([]), no),
            (("k", "v", "PreferNoSchedule"), json!([]), "a: ok"),
            (("k", "v", "NoSchedule"), json!([{"key": "k", "operator": "Equal", "value": "v"}]), "a: ok"),
            (("k", "v", "NoSchedule"), json!([{"key": "k", "value": "w"}]), no),
            (
                ("k", "v", "NoSchedule"),
                json!([{"key": "k", "operator": "Exists", "effect": "NoExecute"}]),
                no,
            ),
            (("k", "v", "NoSchedule"), json!([{"operator": "Exists"}]), "a: ok"),
            (("k", "5", "NoSchedule"), json!([{"key": "k", "operator": "Gt", "value": "4"}]), "a: ok"),
            (("k", "5", "NoSchedule"), json!([{"key": "k", "operator": "Lt", "value": "5"}]), no),
        ];
        for (taint, tolerations, expected) in cases {
            let snapshot = cluster([tainted("a", &[taint])], []);
            let pod = pod("p", json!({"spec": {"tolerations": tolerations}}));
            assert_eq!(verdicts(&TaintToleration, &pod, &snapshot), expected, "{taint:?} {pod:?}");
        }
    }

    #[test]
    fn soft_taints_count() {
        let nodes = [
            tainted("a", &[]),
            tainted("b", &[("k", "v", "PreferNoSchedule")]),
            tainted("c", &[("k", "v", "PreferNoSchedule"), ("l", "v", "PreferNoSchedule")]),
        ];
        let snapshot = cluster(nodes, []);
        let check = |tolerations: Value| {
            scores(&TaintToleration, &pod("p", json!({"spec": {"tolerations": tolerations}})), &snapshot)
        };
        assert_eq!(check(json!([])), [100, 50, 0]);
        assert_eq!(check(json!([{"key": "k", "operator": "Exists"}])), [100, 100, 0]);
    }
}
