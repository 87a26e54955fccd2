//! Stories of pods that come, wait and are placed, without a server.

use serde_json::{Value, json};

use super::*;
use crate::cases::{node, pod};

struct Story {
    state: State,
    now: Instant,
}

impl Story {
    fn begin(nodes: &[(&str, Value)]) -> Self {
        let mut story =
            Self { state: State::new(Settings::default(), Figures::default(), 1), now: Instant::now() };
        for (name, with) in nodes {
            let node = node(name, with.clone());
            story.state.node_changed(&Change { old: None, new: Some(&node) }, story.now);
        }
        story
    }

    fn comes(&mut self, pod: &Arc<PodInfo>) {
        self.state.pod_changed(&Change { old: None, new: Some(pod) }, self.now);
    }

    fn goes(&mut self, pod: &Arc<PodInfo>) {
        self.state.pod_changed(&Change { old: Some(pod), new: None }, self.now);
    }

    /// `NAME -> NODE`, or `NAME: why not`.
    fn step(&mut self) -> String {
        match self.state.step(self.now) {
            Step::Bind(pod, node, _) => format!("{} -> {node}", pod.meta.name),
            Step::Tell(untold) => format!("{}: {}", untold.pod.meta.name, untold.failure.message),
            Step::Wait(_) => "wait".into(),
        }
    }
}

fn asking(name: &str, cpu: &str, with: Value) -> Arc<PodInfo> {
    let mut spec = json!({"containers": [{"resources": {"requests": {"cpu": cpu}}}]});
    let Value::Object(with) = with else { panic!("fields of a spec") };
    for (key, value) in with {
        spec[key] = value;
    }
    pod(name, json!({"spec": spec}))
}

#[tokio::test(start_paused = true)]
async fn pods_get_the_emptiest_node_and_then_none() {
    let mut story = Story::begin(&[("a", json!({})), ("b", json!({}))]);
    story.comes(&asking("there", "1", json!({"nodeName": "a"})));
    story.comes(&asking("p", "3", json!({})));
    story.comes(&asking("q", "3", json!({})));
    story.comes(&asking("r", "3", json!({})));
    assert_eq!(story.step(), "p -> b");
    assert_eq!(story.step(), "q -> a");
    assert_eq!(
        story.step(),
        "r: 0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: \
         2 No preemption victims found for incoming pod."
    );
    assert_eq!(story.step(), "wait");
}

#[tokio::test(start_paused = true)]
async fn reasons_are_counted() {
    let taint = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
    let mut story =
        Story::begin(&[("a", taint), ("b", json!({"spec": {"unschedulable": true}})), ("c", json!({}))]);
    story.comes(&asking("p", "5", json!({})));
    assert_eq!(
        story.step(),
        "p: 0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), \
         1 node(s) were unschedulable. preemption: 0/3 nodes are available: \
         3 Preemption is not helpful for scheduling."
    );
}

#[tokio::test(start_paused = true)]
async fn without_nodes_there_is_no_place() {
    let mut story = Story::begin(&[]);
    story.comes(&asking("p", "1", json!({})));
    assert_eq!(story.step(), "p: no nodes available to schedule pods");
    assert_eq!(story.step(), "wait");
    let node = node("n", json!({}));
    story.state.node_changed(&Change { old: None, new: Some(&node) }, story.now);
    story.now += Duration::from_secs(1);
    assert_eq!(story.step(), "p -> n");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_bound_is_tried_again() {
    let mut story = Story::begin(&[("a", json!({}))]);
    let (p, q) = (asking("p", "4", json!({})), asking("q", "4", json!({})));
    story.comes(&p);
    assert_eq!(story.step(), "p -> a");
    story.comes(&q);
    assert!(story.step().starts_with("q: 0/1 nodes are available: 1 Insufficient cpu."));
    story.state.unbound(&p, story.now);
    assert_eq!(story.step(), "wait");
    story.now += Duration::from_secs(1);
    assert_eq!(story.step(), "p -> a");
    story.goes(&p);
    story.now += Duration::from_secs(10);
    assert_eq!(story.step(), "q -> a");
}

#[tokio::test(start_paused = true)]
async fn the_least_important_go_for_the_more_important() {
    let mut story = Story::begin(&[("a", json!({})), ("b", json!({}))]);
    let victim = asking("low", "3", json!({"nodeName": "a", "priority": 1}));
    story.comes(&victim);
    story.comes(&asking("mid", "3", json!({"nodeName": "b", "priority": 5})));
    story.comes(&asking("high", "2", json!({"priority": 10})));
    assert_eq!(
        story.step(),
        "high: 0/2 nodes are available: 2 Insufficient cpu. preemption: found a potential placement for pod on \
         node a, preempting 1 victims"
    );
    // Room that is being made is nobody else's.
    story.goes(&victim);
    story.comes(&asking("low2", "3", json!({"priority": 1})));
    assert!(story.step().starts_with("low2: 0/2 nodes are available: 2 Insufficient cpu."));
    story.now += Duration::from_secs(1);
    assert_eq!(story.step(), "high -> a");
}

#[tokio::test(start_paused = true)]
async fn who_never_preempts_waits() {
    let mut story = Story::begin(&[("a", json!({}))]);
    story.comes(&asking("low", "3", json!({"nodeName": "a"})));
    story.comes(&asking("high", "2", json!({"priority": 10, "preemptionPolicy": "Never"})));
    assert_eq!(
        story.step(),
        "high: 0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never."
    );
}

#[tokio::test(start_paused = true)]
async fn budgets_are_kept_where_they_can_be() {
    let mut story = Story::begin(&[("a", json!({})), ("b", json!({}))]);
    let there = |name: &str, node: &str| {
        let mut pod = PodInfo::clone(&asking(name, "3", json!({"nodeName": node})));
        pod.meta.labels = [("app", name)].into_iter().collect();
        Arc::new(pod)
    };
    story.comes(&there("x", "a"));
    story.comes(&there("y", "b"));
    let budget = json!({"metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "x"}}}, "status": {"disruptionsAllowed": 0}});
    story.state.snapshot.set_budgets(vec![Arc::new(serde_json::from_value(budget).unwrap())]);
    story.comes(&asking("high", "2", json!({"priority": 10})));
    assert!(story.step().ends_with("on node b, preempting 1 victims"));
}

#[tokio::test(start_paused = true)]
async fn pods_of_others_and_gated_ones_are_left_alone() {
    let mut story = Story::begin(&[("a", json!({}))]);
    story.comes(&asking("p", "1", json!({"schedulerName": "mine"})));
    story.comes(&asking("q", "1", json!({"schedulingGates": [{"name": "g"}]})));
    assert_eq!(story.step(), "wait");
}

#[tokio::test(start_paused = true)]
async fn only_named_nodes_are_looked_at() {
    let names = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}]}}});
    let mut story = Story::begin(&[("a", json!({})), ("b", json!({}))]);
    story.comes(&asking("p", "1", json!({"affinity": names})));
    story.comes(&asking("q", "4", json!({"affinity": names})));
    assert_eq!(story.step(), "p -> a");
    assert_eq!(
        story.step(),
        "q: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. \
         preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, \
         1 Preemption is not helpful for scheduling."
    );
}
