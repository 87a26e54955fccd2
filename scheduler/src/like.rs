//! Pods that are alike in all that placing looks at: what is found out for one of them holds for all.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::pod::PodInfo;

/// A pod that stands for all that are like it.
#[derive(Clone, Debug)]
pub(crate) struct Like(pub(crate) Arc<PodInfo>);

impl Hash for Like {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let pod = &self.0;
        pod.scheduler_name.hash(state);
        pod.meta.namespace.hash(state);
        pod.meta.labels.hash(state);
        pod.priority.hash(state);
        pod.requests.hash(state);
        pod.node_selector.hash(state);
        pod.ports.hash(state);
        pod.images.hash(state);
        pod.claims.len().hash(state);
    }
}

impl PartialEq for Like {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        Arc::ptr_eq(one, other) || are_alike(one, other) && want_alike(one, other)
    }
}

impl Eq for Like {}

/// Whether two pods are the same to nodes and to other pods.
pub(crate) fn are_alike(one: &PodInfo, other: &PodInfo) -> bool {
    one.meta.namespace == other.meta.namespace
        && one.meta.labels == other.meta.labels
        && one.meta.is_deleting() == other.meta.is_deleting()
        && one.priority == other.priority
        && one.requests == other.requests
        && one.presumed == other.presumed
        && one.affinity == other.affinity
        && one.anti_affinity == other.anti_affinity
        && one.preferred_pods == other.preferred_pods
        && one.ports == other.ports
        && one.claims == other.claims
        && one.disks == other.disks
}

/// Whether they ask for the same besides.
fn want_alike(one: &PodInfo, other: &PodInfo) -> bool {
    one.scheduler_name == other.scheduler_name
        && one.never_preempts == other.never_preempts
        && one.node_selector == other.node_selector
        && one.node_terms == other.node_terms
        && one.preferred_nodes == other.preferred_nodes
        && one.tolerations == other.tolerations
        && one.spread == other.spread
        && one.images == other.images
        && one.drivers == other.drivers
        && owner(one) == owner(other)
}

/// Whoever it belongs to says which pods it is spread with.
fn owner(pod: &PodInfo) -> Option<(&str, &str, &str)> {
    pod.meta.controller().map(|owner| (owner.api_version.as_str(), owner.kind.as_str(), owner.name.as_str()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;
    use crate::cases::pod;

    #[test]
    fn a_name_makes_no_difference_and_a_wish_does() {
        let labelled = |name: &str, app: &str| pod(name, json!({"metadata": {"labels": {"app": app}}}));
        let tolerant = json!({"metadata": {"labels": {"app": "a"}},
            "spec": {"tolerations": [{"operator": "Exists"}]}});
        let all = [labelled("p", "a"), labelled("q", "a"), labelled("r", "b"), pod("s", tolerant)];
        assert_eq!(all.into_iter().map(Like).collect::<HashSet<_>>().len(), 3);
    }
}
