//! On which nodes a daemon set's pods are to be.

use keelson_api::selector::label::{Operator, Requirement};
use serde_json::Value;

use crate::views::daemonset::Placing;
use crate::views::node::Node;
use crate::views::taint::{Toleration, are_tolerated};

/// What is wrong with nodes, and no reason for a daemon's pod to leave, or to stay away.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];
/// The same, for pods that need no network.
const WITHOUT_NETWORK: &str = "node.kubernetes.io/network-unavailable";

/// Where pods may be, read once for all nodes.
pub(super) struct Eligibility<'a> {
    node_name: &'a str,
    labels: Vec<Requirement>,
    /// One of these has to hold, if there are any; one that cannot be read never does.
    terms: Option<Vec<Option<Term>>>,
    tolerations: Vec<Toleration>,
}

struct Term {
    labels: Vec<Requirement>,
    names: Vec<(bool, Vec<String>)>,
}

/// Whether a pod of the set is to be on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// One is to be there.
    Wanted,
    /// One that is there may stay.
    Tolerated,
    Unwanted,
}

/// What daemons' pods put up with, whatever they say.
pub(super) fn added(placing: &Placing) -> impl Iterator<Item = Toleration> {
    let network = placing.host_network.then_some((WITHOUT_NETWORK, "NoSchedule"));
    TOLERATED.into_iter().chain(network).map(|(key, effect)| Toleration::of(key, effect))
}

impl<'a> Eligibility<'a> {
    pub(super) fn of(placing: &'a Placing) -> Self {
        let pairs = placing.node_selector.as_object().into_iter().flatten();
        let labels = pairs.filter_map(|(key, value)| {
            Requirement::new(key, Operator::In, &[value.as_str().unwrap_or_default()]).ok()
        });
        let required = &placing.affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        let terms = required.is_object().then(|| {
            let terms = required["nodeSelectorTerms"].as_array().into_iter().flatten();
            terms.map(Term::read).collect()
        });
        Self {
            node_name: &placing.node_name,
            labels: labels.collect(),
            terms,
            tolerations: placing.tolerations.iter().cloned().chain(added(placing)).collect(),
        }
    }

    pub(super) fn verdict(&self, node: &Node) -> Verdict {
        let meta = &node.metadata;
        let holds = |all: &[Requirement]| all.iter().all(|one| one.matches(meta.labels.get(one.key())));
        let is_named = self.node_name.is_empty() || self.node_name == meta.name;
        let fits = |term: &Term| {
            let named = |(is_in, names): &(bool, Vec<String>)| {
                names.iter().any(|name| meta.name == name.as_str()) == *is_in
            };
            holds(&term.labels) && term.names.iter().all(named)
        };
        let fits_any = self.terms.as_ref().is_none_or(|terms| terms.iter().flatten().any(fits));
        if !is_named || !holds(&self.labels) || !fits_any {
            Verdict::Unwanted
        } else if are_tolerated(&node.spec.taints, &["NoExecute", "NoSchedule"], &self.tolerations) {
            Verdict::Wanted
        } else if are_tolerated(&node.spec.taints, &["NoExecute"], &self.tolerations) {
            Verdict::Tolerated
        } else {
            Verdict::Unwanted
        }
    }
}

impl Term {
    /// Reads a term; one that says nothing fits nothing.
    fn read(written: &Value) -> Option<Self> {
        let parts = |name: &str| written[name].as_array().cloned().unwrap_or_default();
        let (expressions, fields) = (parts("matchExpressions"), parts("matchFields"));
        if expressions.is_empty() && fields.is_empty() {
            return None;
        }
        let labels = expressions.iter().map(|one| {
            let values = values(one);
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let operator = match one["operator"].as_str()? {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                "Gt" => Operator::GreaterThan,
                "Lt" => Operator::LessThan,
                _ => return None,
            };
            Requirement::new(one["key"].as_str()?, operator, &values).ok()
        });
        let names = fields.iter().map(|one| match (one["key"].as_str()?, one["operator"].as_str()?) {
            ("metadata.name", "In") => Some((true, values(one))),
            ("metadata.name", "NotIn") => Some((false, values(one))),
            _ => None,
        });
        Some(Self { labels: labels.collect::<Option<_>>()?, names: names.collect::<Option<_>>()? })
    }
}

fn values(written: &Value) -> Vec<String> {
    let all = written["values"].as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_are_chosen_by_labels_names_and_taints() {
        let node = |taint: Value| -> Node {
            let taints: Vec<Value> = if taint.is_null() { Vec::new() } else { vec![taint] };
            let node = json!({"metadata": {"name": "n", "labels": {"zone": "a", "cores": "8"}}, "spec": {"taints": taints}});
            serde_json::from_value(node).unwrap()
        };
        let required = |term: Value| json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}});
        let label = |operator: &str, value: &str| {
            required(json!({"matchExpressions": [{"key": "cores", "operator": operator, "values": [value]}]}))
        };
        let named = |operator: &str| {
            required(
                json!({"matchFields": [{"key": "metadata.name", "operator": operator, "values": ["n"]}]}),
            )
        };
        let taint = |key: &str, effect: &str| json!({"key": key, "effect": effect});
        use Verdict::{Tolerated, Unwanted, Wanted};
        for (placing, with, expected) in [
            (json!({}), Value::Null, Wanted),
            (json!({"nodeName": "other"}), Value::Null, Unwanted),
            (json!({"nodeSelector": {"zone": "a"}}), Value::Null, Wanted),
            (json!({"nodeSelector": {"zone": "b"}}), Value::Null, Unwanted),
            (label("Gt", "7"), Value::Null, Wanted),
            (label("Gt", "8"), Value::Null, Unwanted),
            (label("NotIn", "8"), Value::Null, Unwanted),
            (named("In"), Value::Null, Wanted),
            (named("NotIn"), Value::Null, Unwanted),
            (required(json!({})), Value::Null, Unwanted),
            (json!({}), taint("k", "NoSchedule"), Tolerated),
            (json!({}), taint("k", "NoExecute"), Unwanted),
            (json!({}), taint("k", "PreferNoSchedule"), Wanted),
            (json!({}), taint("node.kubernetes.io/unreachable", "NoExecute"), Wanted),
            (json!({}), taint("node.kubernetes.io/network-unavailable", "NoSchedule"), Tolerated),
            (
                json!({"hostNetwork": true}),
                taint("node.kubernetes.io/network-unavailable", "NoSchedule"),
                Wanted,
            ),
            (json!({"tolerations": [{"operator": "Exists"}]}), taint("k", "NoExecute"), Wanted),
        ] {
            let read: Placing = serde_json::from_value(placing.clone()).unwrap();
            assert_eq!(Eligibility::of(&read).verdict(&node(with.clone())), expected, "{placing} {with}");
        }
    }
}
