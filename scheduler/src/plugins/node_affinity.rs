//! `NodeAffinity`: nodes that a pod asks for by their labels, and those that it would like.

use crate::event::{Event, begins};
use crate::framework::{Filter, Local, Plugin, Prepared, Proportional, Rejection, Score};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

pub(super) struct NodeAffinity;

/// The only names that some term allows, if all terms name names.
fn only_names(pod: &PodInfo) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    for term in pod.node_terms.as_ref().filter(|terms| !terms.is_empty())? {
        names.extend(term.only_names()?);
    }
    names.sort_unstable();
    names.dedup();
    Some(names)
}

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn filter<'a>(&'a self, pod: &'a PodInfo, _snapshot: &'a Snapshot) -> Prepared<'a> {
        if pod.node_terms.is_none() && pod.node_selector.is_empty() {
            return Prepared::Skip;
        }
        let check = |node: &NodeInfo| {
            if pod.accepts(node.node.name(), node.node.labels()) {
                return Ok(());
            }
            Err(Rejection::final_one("node(s) didn't match Pod's node affinity/selector"))
        };
        let filter: Box<dyn Filter + 'a> = Box::new(Local(check));
        match only_names(pod) {
            None => Prepared::Filter(filter),
            Some(names) if names.is_empty() => {
                Prepared::Rejected(Rejection::final_one("pod affinity terms conflict"))
            }
            Some(names) => Prepared::Only(names, filter),
        }
    }

    fn score<'a>(
        &'a self,
        pod: &'a PodInfo,
        _snapshot: &'a Snapshot,
        _feasible: &[&'a NodeInfo],
    ) -> Option<Box<dyn Score + 'a>> {
        if pod.preferred_nodes.is_empty() {
            return None;
        }
        let of = |node: &NodeInfo| {
            let (name, labels) = (node.node.name(), node.node.labels());
            let liked = pod.preferred_nodes.iter().filter(|(_, term)| term.holds(name, labels));
            liked.map(|(weight, _)| weight).sum()
        };
        Some(Box::new(Proportional { of, reversed: false }))
    }

    fn wakes(&self, event: &Event<'_>, pod: &PodInfo) -> bool {
        begins(event, |node| pod.accepts(node.name(), node.labels()))
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
            assert_eq!(verdicts(&NodeAffinity, &pod("p", with.clone()), &zones()), expected, "{with}");
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
        assert_eq!(scores(&NodeAffinity, &pod, &zones()), [100, 60]);
    }
}
