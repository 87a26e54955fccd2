//! `NodePorts`: a port of a node is given once.

use std::sync::Arc;

use crate::event::Event;
use crate::framework::{Plugin, Prepared, Rejection};
use crate::pod::{HostPort, PodInfo};
use crate::snapshot::Snapshot;

pub(super) struct NodePorts;

fn collide(wanted: &[HostPort], used: &[HostPort]) -> bool {
    wanted.iter().any(|port| used.iter().any(|used| port.collides(used)))
}

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn filter(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Prepared {
        if pod.ports.is_empty() {
            return Prepared::Skip;
        }
        let pod = Arc::clone(pod);
        Prepared::local(move |node, _| {
            if collide(&pod.ports, &node.ports) {
                return Err(Rejection::resolvable(
                    "node(s) didn't have free ports for the requested pod ports",
                ));
            }
            Ok(())
        })
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        match event {
            Event::NodeCame(_) => true,
            Event::PodGone(gone) => collide(&pod.ports, &gone.ports),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{cluster, node, pod, verdicts};

    #[test]
    fn ports_are_given_once() {
        let ports =
            |ports: Value, node: &str| json!({"spec": {"nodeName": node, "containers": [{"ports": ports}]}});
        let free = "a: ok";
        let taken = "a: node(s) didn't have free ports for the requested pod ports";
        let cases = [
            (json!([{"hostPort": 80}]), json!([{"hostPort": 80}]), taken),
            (json!([{"hostPort": 80}]), json!([{"hostPort": 81}]), free),
            (json!([{"hostPort": 80}]), json!([{"hostPort": 80, "protocol": "UDP"}]), free),
            (json!([{"hostPort": 80, "hostIP": "10.0.0.1"}]), json!([{"hostPort": 80}]), taken),
            (
                json!([{"hostPort": 80, "hostIP": "10.0.0.1"}]),
                json!([{"hostPort": 80, "hostIP": "10.0.0.2"}]),
                free,
            ),
            (
                json!([{"hostPort": 80, "hostIP": "0.0.0.0"}]),
                json!([{"hostPort": 80, "hostIP": "10.0.0.2"}]),
                taken,
            ),
            (json!([{"containerPort": 80}]), json!([{"hostPort": 80}]), free),
            (json!([{"hostPort": 80}]), json!([{"containerPort": 80}]), "skip"),
        ];
        for (used, wanted, expected) in cases {
            let there = [pod("there", ports(used.clone(), "a"))];
            let snapshot = cluster([node("a", json!({}))], there);
            let pod = pod("p", ports(wanted.clone(), ""));
            assert_eq!(verdicts(&NodePorts, &pod, &snapshot), expected, "{used} {wanted}");
        }
    }
}
