//! Clusters by chance: one seed, one cluster. Nodes differ in size, so that few places are equally good.

use serde_json::{Value, json};

/// Chance.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    /// Whether it is one of so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

const ZONES: [&str; 3] = ["za", "zb", "zc"];
const APPS: [&str; 3] = ["web", "db", "job"];
const KEYS: [&str; 2] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];
const MUST: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const WOULD: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// What is there besides nodes and pods: path of the collection, and the object.
pub(crate) fn surroundings() -> Vec<(&'static str, Value)> {
    let class = |name: &str, value: i64| json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "db"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}});
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    vec![
        (classes, class("low", -10)),
        (classes, class("high", 1000)),
        (classes, class("higher", 2000)),
        ("/api/v1/namespaces/default/services", service),
        ("/apis/policy/v1/namespaces/default/poddisruptionbudgets", budget),
    ]
}

/// The nodes.
pub(crate) fn nodes(chance: &mut Chance) -> Vec<Value> {
    let count = 3 + chance.below(8);
    (0..count).map(|number| node(number, chance)).collect()
}

fn node(number: u64, chance: &mut Chance) -> Value {
    let name = format!("n{number}");
    let mut labels = json!({"kubernetes.io/hostname": name, "disk": chance.one_of(&["fast", "slow"]),
        "cores": (1 + chance.below(9)).to_string()});
    if !chance.once_in(8) {
        labels["topology.kubernetes.io/zone"] = json!(chance.one_of(&ZONES));
    }
    let amounts = json!({
        "cpu": format!("{}m", 1500 + 317 * number + chance.below(200)),
        "memory": format!("{}Mi", 2000 + 411 * chance.below(9) + 13 * number),
        "pods": (4 + chance.below(6)).to_string(),
        "example.com/gpu": chance.below(3).to_string(),
        "ephemeral-storage": "10Gi",
    });
    let mut taints = Vec::new();
    if chance.once_in(5) {
        taints.push(json!({"key": "team", "value": chance.one_of(&["a", "b"]), "effect": "NoSchedule"}));
    }
    if chance.once_in(4) {
        taints.push(json!({"key": "soft", "value": "x", "effect": "PreferNoSchedule"}));
    }
    let images = match chance.below(3) {
        0 => json!([{"names": ["registry.example.com/large:v1"], "sizeBytes": 700 << 20}]),
        1 => {
            json!([{"names": ["registry.example.com/large:v1", "registry.example.com/small:latest"], "sizeBytes": 90 << 20}])
        }
        _ => json!([]),
    };
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "spec": {"taints": taints, "unschedulable": chance.once_in(9)},
        "status": {"capacity": amounts, "allocatable": amounts, "images": images,
            "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// A pod without a name, and without anybody who is to place it.
pub(crate) fn pod(chance: &mut Chance) -> Value {
    let app = chance.one_of(&APPS);
    let mut requests = json!({});
    if !chance.once_in(6) {
        requests["cpu"] = json!(format!("{}m", 100 + 50 * chance.below(20)));
    }
    if !chance.once_in(4) {
        requests["memory"] = json!(format!("{}Mi", 50 + 70 * chance.below(20)));
    }
    if chance.once_in(8) {
        requests["example.com/gpu"] = json!("1");
    }
    let resources = json!({"requests": requests, "limits": requests.get("example.com/gpu").map_or(json!({}), |gpu| json!({"example.com/gpu": gpu}))});
    let image = chance.one_of(&["registry.example.com/large:v1", "registry.example.com/small", "other"]);
    let mut spec = json!({
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": image, "resources": resources}],
    });
    if chance.once_in(6) {
        let port = 8000 + chance.below(2);
        spec["containers"][0]["ports"] = json!([{"containerPort": port, "hostPort": port}]);
    }
    if chance.once_in(9) {
        spec["initContainers"] = json!([{"name": "i", "image": "other", "restartPolicy": "Always",
            "resources": {"requests": {"cpu": "150m"}}}]);
    }
    match chance.below(6) {
        0 => spec["priorityClassName"] = json!("high"),
        1 => spec["priorityClassName"] = json!("low"),
        2 if chance.once_in(2) => {
            spec["priorityClassName"] = json!("higher");
            spec["preemptionPolicy"] = json!(chance.one_of(&["Never", "PreemptLowerPriority"]));
        }
        _ => {}
    }
    if chance.once_in(3) {
        spec["tolerations"] = tolerations(chance);
    }
    wishes(&mut spec, app, chance);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"app": app}}, "spec": spec})
}

fn tolerations(chance: &mut Chance) -> Value {
    match chance.below(3) {
        0 => json!([{"operator": "Exists"}]),
        1 => json!([{"key": "team", "operator": "Equal", "value": "a", "effect": "NoSchedule"}]),
        _ => json!([{"key": "soft", "operator": "Exists", "effect": "PreferNoSchedule"}]),
    }
}

/// What a pod wishes of nodes and of other pods.
fn wishes(spec: &mut Value, app: &str, chance: &mut Chance) {
    let term = |chance: &mut Chance| json!({"topologyKey": chance.one_of(&KEYS), "labelSelector": {"matchLabels": {"app": chance.one_of(&APPS)}}});
    let weighted =
        |chance: &mut Chance| json!([{"weight": 1 + chance.below(100), "podAffinityTerm": term(chance)}]);
    match chance.below(14) {
        0 => spec["nodeSelector"] = json!({"disk": chance.one_of(&["fast", "slow"])}),
        1 => spec["affinity"] = json!({"podAffinity": {MUST: [term(chance)]}}),
        2 => spec["affinity"] = json!({"podAntiAffinity": {MUST: [term(chance)]}}),
        3 => spec["affinity"] = json!({"podAffinity": {WOULD: weighted(chance)}}),
        4 => spec["affinity"] = json!({"podAntiAffinity": {WOULD: weighted(chance)}}),
        5 => {
            let terms = json!([{"matchExpressions": [{"key": "cores", "operator": chance.one_of(&["Gt", "Lt"]), "values": ["4"]}]}]);
            spec["affinity"] = json!({"nodeAffinity": {MUST: {"nodeSelectorTerms": terms}}});
        }
        6 => {
            let preference =
                json!({"matchExpressions": [{"key": "disk", "operator": "In", "values": ["fast"]}]});
            spec["affinity"] = json!({"nodeAffinity": {WOULD: [{"weight": 1 + chance.below(100), "preference": preference}]}});
        }
        7 => {
            let names = json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [format!("n{}", chance.below(4))]}]}]);
            spec["affinity"] = json!({"nodeAffinity": {MUST: {"nodeSelectorTerms": names}}});
        }
        8..=10 => {
            let mut constraint = json!({"maxSkew": 1 + chance.below(2), "topologyKey": chance.one_of(&KEYS),
                "whenUnsatisfiable": chance.one_of(&["DoNotSchedule", "ScheduleAnyway"]),
                "labelSelector": {"matchLabels": {"app": app}}});
            if chance.once_in(3) {
                constraint["nodeTaintsPolicy"] = json!("Honor");
            }
            spec["topologySpreadConstraints"] = json!([constraint]);
        }
        _ => {}
    }
}
