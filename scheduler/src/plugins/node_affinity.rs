//! `NodeAffinity`: nodes that a pod asks for by their labels, and those that it would like.

use std::sync::Arc;

use compact_str::CompactString;

use crate::event::{Event, begins};
use crate::framework::{Check, Liking, Plugin, Prepared, Rejection, Scale};
use crate::node::{Node, NodeInfo};
use crate::pod::PodInfo;
use crate::selectors::NodeTerm;
use crate::snapshot::Snapshot;

/// The plugin, with what it asks and likes for all pods.
#[derive(Clone, Debug, Default)]
pub struct NodeAffinity {
    pub(crate) required: Option<Arc<[NodeTerm]>>,
    pub(crate) preferred: Arc<[(i64, NodeTerm)]>,
}

/// The only names that some term allows, if all terms name names.
fn only_names(pod: &PodInfo) -> Option<Vec<CompactString>> {
    let mut names: Vec<CompactString> = Vec::new();
    for term in pod.node_terms.as_ref().filter(|terms| !terms.is_empty())? {
        names.extend(term.only_names()?.into_iter().map(CompactString::from));
    }
    names.sort_unstable();
    names.dedup();
    Some(names)
}

fn liked(terms: &[(i64, NodeTerm)], node: &Node) -> i64 {
    let liked = terms.iter().filter(|(_, term)| term.holds(node.name(), node.labels()));
    liked.map(|(weight, _)| weight).sum()
}

impl NodeAffinity {
    fn enforced(&self, node: &Node) -> bool {
        let required = self.required.as_ref();
        required.is_none_or(|terms| terms.iter().any(|term| term.holds(node.name(), node.labels())))
    }

    fn check(&self, pod: &PodInfo, node: &Node) -> Result<(), Rejection> {
        if !self.enforced(node) {
            return Err(Rejection::final_one("node(s) didn't match scheduler-enforced node affinity"));
        }
        if !pod.accepts(node.name(), node.labels()) {
            return Err(Rejection::final_one("node(s) didn't match Pod's node affinity/selector"));
        }
        Ok(())
    }
}

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn filter(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Prepared {
        if pod.node_terms.is_none() && pod.node_selector.is_empty() && self.required.is_none() {
            return Prepared::Skip;
        }
        let (asking, plugin) = (Arc::clone(pod), self.clone());
        let check: Check = Box::new(move |node, _| plugin.check(&asking, &node.node));
        match only_names(pod) {
            None => Prepared::Local(check),
            Some(names) if names.is_empty() => {
                Prepared::Rejected(Rejection::final_one("pod affinity terms conflict"))
            }
            Some(names) => Prepared::Only(names, check),
        }
    }

    fn score(&self, pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Liking {
        if pod.preferred_nodes.is_empty() && self.preferred.is_empty() {
            return Liking::Same;
        }
        let (pod, added) = (Arc::clone(pod), Arc::clone(&self.preferred));
        Liking::local(Scale::Proportional, move |node: &NodeInfo| {
            liked(&pod.preferred_nodes, &node.node) + liked(&added, &node.node)
        })
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        begins(event, |node| self.check(pod, node).is_ok())
            || matches!(event, Event::ItselfChanged { old }
                if old.node_terms != pod.node_terms || old.node_selector != pod.node_selector)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cases::{cluster, node, pod, scores, verdicts, within};

    fn zones() -> Snapshot {
        let zone = |name: &str, zone: &str| node(name, json!({"metadata": {"labels": {"zone": zone}}}));
        cluster([zone("a", "x"), zone("b", "y")], [])
    }

    fn required(terms: Value) -> Value {
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        within(&format!("spec/affinity/nodeAffinity/{required}/nodeSelectorTerms"), terms)
    }

    #[test]
    fn nodes_are_asked_for_by_label_and_name() {
        let no = "node(s) didn't match Pod's node affinity/selector!";
        let label = |value: &str| json!({"key": "zone", "operator": "In", "values": [value]});
        let name = |value: &str| json!({"key": "metadata.name", "operator": "In", "values": [value]});
        let cases = [
            (json!({}), "skip".to_owned()),
            (json!({"spec": {"nodeSelector": {"zone": "y"}}}), format!("a: {no}; b: ok")),
            (required(json!([{"matchExpressions": [label("x")]}])), format!("a: ok; b: {no}")),
            (
                required(json!([{"matchExpressions": [label("x")]}, {"matchFields": [name("b")]}])),
                "a: ok; b: ok".to_owned(),
            ),
            (required(json!([])), format!("a: {no}; b: {no}")),
            (required(json!([{"matchFields": [name("a")]}])), format!("a: ok; b: {no}")),
            (
                required(json!([{"matchFields": [name("a"), name("b")]}])),
                "all: pod affinity terms conflict!".to_owned(),
            ),
        ];
        for (with, expected) in cases {
            assert_eq!(
                verdicts(&NodeAffinity::default(), &pod("p", with.clone()), &zones()),
                expected,
                "{with}"
            );
        }
    }

    #[test]
    fn weights_of_what_holds_are_summed() {
        let term = |weight: i64, operator: &str, value: &str| {
            json!({"weight": weight, "preference": {"matchExpressions": [
                {"key": "zone", "operator": operator, "values": [value]}]}})
        };
        let pod = pod(
            "p",
            json!({"spec": {"affinity": {"nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution":
                [term(30, "In", "x"), term(10, "In", "y"), term(20, "NotIn", "z")]}}}}),
        );
        assert_eq!(scores(&NodeAffinity::default(), &pod, &zones()), [100, 60]);
    }
}
