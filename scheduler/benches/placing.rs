//! How many pods per second the loop alone places: everything in memory, and decisions seen at once, as they would be by
//! a server that needs no time. `cargo bench -p keelson-scheduler -- [NODES] [MIX ...]`

use std::sync::Arc;
use std::time::Duration;

use keelson_client::Change;
use keelson_scheduler::figures::Figures;
use keelson_scheduler::node::Node;
use keelson_scheduler::pod::PodInfo;
use keelson_scheduler::state::{Settings, State, Step};
use serde_json::{Value, json};
use tokio::time::Instant;

const ZONES: usize = 10;
const PODS: usize = 20_000;
const NODES: usize = 5000;
/// Who waits longer waits for something that does not come.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);
/// Like pods come in so many kinds, one after the other, as if so many Deployments grew at the same time.
const KINDS: usize = 20;

const MIXES: [(&str, Mix); 7] = [
    ("plain", Mix::Plain),
    ("service", Mix::Service),
    ("spread", Mix::Spread),
    ("affinity", Mix::Affinity),
    ("anti-affinity", Mix::AntiAffinity),
    ("preemption", Mix::Preemption),
    ("full", Mix::Full),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mix {
    /// Pods that ask for CPU and memory.
    Plain,
    /// The same, spread over zones and nodes because a service has them.
    Service,
    /// Spread over zones because they say so.
    Spread,
    /// Near others of their kind.
    Affinity,
    /// Apart from others of their kind.
    AntiAffinity,
    /// On a full cluster, each for one of those that are there.
    Preemption,
    /// On a full cluster, where nobody goes.
    Full,
}

fn read<T: serde::de::DeserializeOwned>(object: Value) -> Arc<T> {
    Arc::new(serde_json::from_value(object).expect("an object as it should be"))
}

fn node(number: usize) -> Arc<Node> {
    let (name, zone) = (format!("node-{number}"), format!("zone-{}", number % ZONES));
    read(json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}},
        "status": {"allocatable": {"cpu": "32", "memory": "64Gi", "pods": "110"}},
    }))
}

fn pod(name: &str, kind: usize, mut spec: Value) -> Arc<PodInfo> {
    spec["schedulerName"] = json!("default-scheduler");
    read(json!({
        "metadata": {"name": name, "namespace": "default", "uid": format!("uid-{name}"), "resourceVersion": "1",
            "labels": {"app": format!("app-{kind}")}},
        "spec": spec,
    }))
}

fn asking(cpu: &str) -> Value {
    json!({"containers": [{"image": "registry.example.com/app", "resources": {"requests": {"cpu": cpu, "memory": "100Mi"}}}]})
}

fn wanted(mix: Mix, number: usize) -> Arc<PodInfo> {
    let kind = number % KINDS;
    let selector = json!({"matchLabels": {"app": format!("app-{kind}")}});
    let mut spec = asking("100m");
    let near = |key: &str| json!([{"labelSelector": selector, "topologyKey": key}]);
    let must = "requiredDuringSchedulingIgnoredDuringExecution";
    match mix {
        Mix::Plain | Mix::Service => {}
        Mix::Spread => {
            spec["topologySpreadConstraints"] = json!([{"maxSkew": 5, "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}]);
        }
        Mix::Affinity => {
            spec["affinity"] = json!({"podAffinity": {must: near("topology.kubernetes.io/zone")}});
        }
        Mix::AntiAffinity => {
            spec["affinity"] = json!({"podAntiAffinity": {must: near("kubernetes.io/hostname")}});
        }
        Mix::Preemption => {
            spec = asking("8");
            spec["priority"] = json!(100);
        }
        Mix::Full => spec = asking("8"),
    }
    pod(&format!("pod-{number}"), kind, spec)
}

/// So many nodes, and on each what there is before.
fn cluster(mix: Mix, nodes: usize) -> State {
    let mut state = State::new(Settings::default(), Figures::default(), 1);
    let now = Instant::now();
    for number in 0..nodes {
        let node = node(number);
        state.node_changed(&Change { old: None, new: Some(&node) }, now);
        if matches!(mix, Mix::Preemption | Mix::Full) {
            for place in 0..4 {
                let there = pod(&format!("there-{number}-{place}"), place, asking("8"));
                state.pod_changed(&Change { old: None, new: Some(&there.placed_on(node.name())) }, now);
            }
        }
    }
    if mix == Mix::Service {
        for kind in 0..KINDS {
            let labels = [("app", format!("app-{kind}"))];
            let labels = labels.iter().map(|(key, value)| (*key, value.as_str())).collect();
            state.set_service("default", &format!("service-{kind}"), Some(&labels));
        }
    }
    state
}

/// How many pods had a place in the end, and after how many decisions. Nobody is waited for: the time that pods wait after
/// a failure passes at once.
fn place(state: &mut State) -> (usize, usize) {
    let (mut placed, mut decisions, mut skipped) = (0, 0, Duration::ZERO);
    loop {
        let now = Instant::now() + skipped;
        match state.step(now) {
            Step::Bind(pod, node, _) => {
                (placed, decisions) = (placed + 1, decisions + 1);
                state.pod_changed(&Change { old: Some(&pod), new: Some(&pod.placed_on(&node)) }, now);
            }
            Step::Tell(untold) => {
                decisions += 1;
                for victim in untold.failure.preemption.iter().flat_map(|found| &found.victims) {
                    state.pod_changed(&Change { old: Some(victim), new: None }, now);
                }
            }
            Step::Wait(Some(due)) if due < now + BACK_OFF_MAX => skipped += due - now,
            Step::Wait(_) => return (placed, decisions),
        }
    }
}

fn measure(name: &str, mix: Mix, nodes: usize) {
    let mut state = cluster(mix, nodes);
    let count = match mix {
        Mix::Preemption | Mix::Full => nodes,
        // One of a kind on each node is all there can be.
        Mix::AntiAffinity => PODS.min(nodes * KINDS / 2),
        _ => PODS,
    };
    let pods: Vec<Arc<PodInfo>> = (0..count).map(|number| wanted(mix, number)).collect();
    let now = Instant::now();
    for pod in &pods {
        state.pod_changed(&Change { old: None, new: Some(pod) }, now);
    }
    let began = Instant::now();
    let (placed, looks) = place(&mut state);
    let took = began.elapsed();
    let rate = looks as u128 * 1_000_000 / took.as_micros().max(1);
    println!(
        "{name:>14}: {nodes} nodes, {placed} of {count} pods placed, {looks} decisions, {took:.1?}: {rate}/s"
    );
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _inside = runtime.enter();
    let said: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let nodes = said.iter().find_map(|argument| argument.parse().ok()).unwrap_or(NODES);
    for (name, mix) in MIXES {
        let named = said.iter().any(|argument| argument == name);
        if named || said.iter().all(|argument| argument.parse::<usize>().is_ok()) {
            measure(name, mix, nodes);
        }
    }
}
