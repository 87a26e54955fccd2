//! The pods of a daemon set: how one is made for a node, which of several is the one.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use serde_json::{Value, json};

use super::eligibility::added;
use crate::making;
use crate::plan::{Action, prefix};
use crate::pods::is_terminal;
use crate::views::daemonset::{DAEMONSETS, DaemonSet};
use crate::views::pod::Pod;

/// The label that says of which revision a pod or a revision is.
pub(super) const HASH_LABEL: &str = "controller-revision-hash";
/// The same, as it was long ago.
const GENERATION_LABEL: &str = "pod-template-generation";
const GENERATION: &str = "deprecated.daemonset.template.generation";

/// Pods by the node that they are on, or are for.
pub(super) type OnNodes = BTreeMap<CompactString, Vec<Arc<Pod>>>;

/// Sorts pods by nodes, those of a node by age. Those that have ended and are on their way out are nobody's concern.
pub(super) fn by_node(pods: &[Arc<Pod>]) -> OnNodes {
    let mut all = OnNodes::new();
    for pod in pods.iter().filter(|pod| !is_terminal(pod) || !pod.metadata.is_deleting()) {
        let spec = &pod.spec;
        let node = if spec.node_name.is_empty() { &spec.only_node } else { &spec.node_name };
        if !node.is_empty() {
            all.entry(node.clone()).or_default().push(Arc::clone(pod));
        }
    }
    for pods in all.values_mut() {
        pods.sort_by(|a, b| {
            let order = |pod: &Pod| (pod.spec.node_name.is_empty(), pod.metadata.creation_timestamp);
            order(a).cmp(&order(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
        });
    }
    all
}

fn generation(set: &DaemonSet) -> Option<i64> {
    set.metadata.annotation(GENERATION)?.parse().ok()
}

/// Whether a pod is of the newest revision.
pub(super) fn is_updated(set: &DaemonSet, pod: &Pod, hash: &str) -> bool {
    let labels = &pod.metadata.labels;
    let of_generation =
        generation(set).is_some_and(|number| labels.get(GENERATION_LABEL) == Some(&number.to_string()));
    labels.get(HASH_LABEL) == Some(hash) || of_generation
}

/// Makes the pod of a node.
pub(super) fn create(set: &DaemonSet, node: &str, hash: &str) -> Action {
    let (meta, template) = (&set.metadata, &set.spec.template.template);
    let mut pod = making::of_template(template.with_labels(&template.labels), &prefix(&meta.name));
    if let Some(generation) = generation(set) {
        pod["metadata"]["labels"][GENERATION_LABEL] = json!(generation.to_string());
    }
    pod["metadata"]["labels"][HASH_LABEL] = json!(hash);
    let only = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]});
    let required =
        &mut pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    required["nodeSelectorTerms"] = json!([only]);
    let mut tolerations = pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    for new in added(&set.spec.template.placing) {
        let new = json!(new);
        let same = |known: &&mut Value| {
            ["key", "operator", "effect", "value"].iter().all(|part| known[part] == new[part])
        };
        match tolerations.iter_mut().find(same) {
            Some(known) => *known = new,
            None => tolerations.push(new),
        }
    }
    pod["spec"]["tolerations"] = json!(tolerations);
    making::create((&DAEMONSETS, meta), pod)
}
