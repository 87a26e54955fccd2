//! Random clusters: what must hold whatever comes, checked outside the code that decides.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use keelson_client::Change;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cases::{node, pod};
use crate::chance::Chance;
use crate::figures::Figures;
use crate::pod::PodInfo;
use crate::state::{Settings, State, Step};

const ZONES: usize = 3;

/// What the test itself knows of a pod: it reads nothing back from the code under test.
#[derive(Clone)]
struct Said {
    cpu: usize,
    port: Option<usize>,
    app: usize,
    spread: bool,
    apart: bool,
}

fn draw(chance: &mut Chance) -> Said {
    let kind = chance.below(6);
    Said {
        cpu: 1 + chance.below(8),
        port: (kind == 0).then(|| 8000 + chance.below(2)),
        app: chance.below(3),
        spread: kind == 1 || kind == 2,
        apart: kind == 3,
    }
}

fn written(name: &str, said: &Said) -> Arc<PodInfo> {
    let app = format!("app{}", said.app);
    let selector = json!({"matchLabels": {"app": app}});
    let ports: Vec<Value> = said.port.iter().map(|port| json!({"hostPort": port})).collect();
    let mut spec = json!({"containers": [{"ports": ports,
        "resources": {"requests": {"cpu": format!("{}00m", said.cpu)}}}]});
    if said.spread {
        spec["topologySpreadConstraints"] = json!([{"maxSkew": 1, "topologyKey": "zone",
            "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}]);
    }
    if said.apart {
        spec["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            [{"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}]}});
    }
    pod(name, json!({"metadata": {"labels": {"app": app}}, "spec": spec}))
}

fn with_nodes(count: usize, cpu: usize, pods: usize, seed: u64) -> State {
    let mut state = State::new(Settings::default(), Figures::default(), seed);
    for number in 0..count {
        let zone = format!("z{}", number % ZONES);
        let name = format!("n{number}");
        let with = json!({"metadata": {"labels": {"zone": zone, "topology.kubernetes.io/zone": zone}},
            "status": {"allocatable": {"cpu": cpu.to_string(), "memory": "64Gi", "pods": pods.to_string()}}});
        let node = node(&name, with);
        state.node_changed(&Change { old: None, new: Some(&node) }, Instant::now());
    }
    state
}

/// What must hold when a pod was put on a node, by what is on all nodes.
fn must_hold(there: &HashMap<String, (usize, Said)>, new: &Said, on: usize) {
    let here = || there.values().filter(|(node, _)| *node == on).map(|(_, said)| said);
    let used: usize = here().map(|said| said.cpu).sum();
    assert!(used <= 40, "node {on} has 4 CPUs, {used}00m are asked for");
    assert!(here().count() <= 10, "node {on} takes ten pods");
    if let Some(port) = new.port {
        assert_eq!(here().filter(|said| said.port == Some(port)).count(), 1, "port {port} of node {on}");
    }
    let alike = here().filter(|said| said.app == new.app);
    let (apart, alike): (Vec<_>, Vec<_>) = alike.partition(|said| said.apart);
    // Whoever wants to be apart is alone of its kind.
    assert!(apart.is_empty() || apart.len() + alike.len() == 1, "pods of node {on} want to be apart");
    if new.spread {
        let mut zones: BTreeMap<usize, usize> = (0..ZONES).map(|zone| (zone, 0)).collect();
        for (node, _) in there.values().filter(|(_, said)| said.app == new.app) {
            *zones.entry(node % ZONES).or_default() += 1;
        }
        let least = zones.values().min().copied().unwrap_or(0);
        assert!(zones[&(on % ZONES)] - least <= 1, "zones have {zones:?}");
    }
}

fn live(seed: u64) -> (usize, usize) {
    let mut chance = Chance::new(seed);
    let mut state = with_nodes(4 + chance.below(6), 4, 10, seed);
    let mut now = Instant::now();
    let mut all: BTreeMap<String, (Arc<PodInfo>, Said)> = BTreeMap::new();
    let mut there: HashMap<String, (usize, Said)> = HashMap::new();
    let mut refused = 0;
    for number in 0..150 {
        if chance.below(4) == 0 && !all.is_empty() {
            let at = chance.below(all.len());
            let name = all.keys().nth(at).cloned().expect("one of them");
            let (gone, _) = all.remove(&name).expect("it is there");
            there.remove(&name);
            state.pod_changed(&Change { old: Some(&gone), new: None }, now);
        } else {
            let (name, said) = (format!("p{number}"), draw(&mut chance));
            let pod = written(&name, &said);
            state.pod_changed(&Change { old: None, new: Some(&pod) }, now);
            all.insert(name, (pod, said));
        }
        loop {
            match state.step(now) {
                Step::Bind(pod, node, _) => {
                    let on: usize = node[1..].parse().expect("a number");
                    let said = all[pod.meta.name.as_str()].1.clone();
                    there.insert(pod.meta.name.to_string(), (on, said.clone()));
                    must_hold(&there, &said, on);
                    // Half of all bindings are seen later.
                    if chance.below(2) == 0 {
                        let bound = pod.placed_on(&node);
                        state.pod_changed(&Change { old: Some(&pod), new: Some(&bound) }, now);
                    }
                }
                Step::Tell(_) => refused += 1,
                Step::Wait(_) => break,
            }
        }
        now += std::time::Duration::from_secs(chance.below(5) as u64);
    }
    (there.len(), refused)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promised_that_is_not_there() {
    let (mut placed, mut refused) = (0, 0);
    for seed in 0..100 {
        let ended = live(seed);
        placed += ended.0;
        refused += ended.1;
    }
    // Both must have been tried, or nothing was.
    assert!(placed > 1000 && refused > 1000, "{placed} placed, {refused} refused");
}

#[tokio::test(start_paused = true)]
async fn one_seed_is_one_run() {
    let run = |seed: u64| -> Vec<String> {
        let mut state = with_nodes(150, 4, 10, seed);
        let now = Instant::now();
        let mut chance = Chance::new(7);
        for number in 0..200 {
            let pod = written(&format!("p{number}"), &draw(&mut chance));
            state.pod_changed(&Change { old: None, new: Some(&pod) }, now);
        }
        let mut placed = Vec::new();
        while let Step::Bind(_, node, _) = state.step(now) {
            placed.push(node.to_string());
        }
        placed
    };
    assert_eq!(run(1), run(1));
    assert!(run(1) != run(2) && run(1).len() > 20);
}
