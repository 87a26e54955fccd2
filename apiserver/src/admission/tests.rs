//! What writes are given and refused because of other objects. The words are those of an upstream server that was asked
//! the same.

use http::Method;
use serde_json::{Value, json};

use crate::object_life::tests::World;

const PODS: &str = "/api/v1/namespaces/a/pods";
const CLAIMS: &str = "/api/v1/namespaces/a/persistentvolumeclaims";

async fn world() -> World {
    let world = World::new().await;
    world.make("/api/v1/namespaces", json!({"metadata": {"name": "a"}})).await;
    world
}

pub(super) fn pod(name: &str, spec: &Value) -> Value {
    let mut pod = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    for (field, value) in spec.as_object().unwrap() {
        pod["spec"][field] = value.clone();
    }
    pod
}

fn claim(name: &str, storage: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage}}}})
}

async fn refused(world: &World, path: &str, body: Value) -> String {
    let (code, status) = world.ask(Method::POST, path, body).await;
    assert_eq!((code, &status["reason"]), (403, &json!("Forbidden")), "{status}");
    status["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_pod_matters_as_much_as_its_class_says() {
    let world = world().await;
    let made = world.make(PODS, pod("plain", &json!({}))).await;
    let spec = &made["spec"];
    assert_eq!((&spec["priority"], &spec["preemptionPolicy"]), (&json!(0), &json!("PreemptLowerPriority")));
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    world.make(classes, json!({"metadata": {"name": "high"}, "value": 7, "preemptionPolicy": "Never"})).await;
    let usual = json!({"metadata": {"name": "usual"}, "value": 3, "globalDefault": true});
    world.make(classes, usual.clone()).await;
    let made = world.make(PODS, pod("high", &json!({"priorityClassName": "high"}))).await;
    let spec = &made["spec"];
    assert_eq!((&spec["priority"], &spec["preemptionPolicy"]), (&json!(7), &json!("Never")));
    let made = world.make(PODS, pod("usual", &json!({}))).await;
    assert_eq!((&made["spec"]["priority"], &made["spec"]["priorityClassName"]), (&json!(3), &json!("usual")));
    assert_eq!(
        refused(&world, PODS, pod("p", &json!({"priorityClassName": "none"}))).await,
        "pods \"p\" is forbidden: no PriorityClass with name none was found"
    );
    assert_eq!(
        refused(&world, PODS, pod("p", &json!({"priorityClassName": "high", "priority": 8}))).await,
        "pods \"p\" is forbidden: the integer value of priority (8) must not be provided in pod spec; priority admission controller computed 7 from the given PriorityClass name"
    );
    let other = json!({"metadata": {"name": "other"}, "value": 4, "globalDefault": true});
    assert_eq!(
        refused(&world, classes, other).await,
        "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass usual is already marked as default. Only one default can exist"
    );
    // The one that is marked may be written again.
    let (_, present) = world.get(&format!("{classes}/usual")).await;
    let (code, again) = world.ask(Method::PUT, &format!("{classes}/usual"), present).await;
    assert_eq!(code, 200, "{again}");
}

#[tokio::test]
async fn a_pod_bears_for_a_while_that_its_node_fails() {
    let world = world().await;
    let made = world.make(PODS, pod("p", &json!({}))).await;
    let toleration = |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    let both =
        json!([toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")]);
    assert_eq!(made["spec"]["tolerations"], both);
    let own = json!([{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]);
    let made = world.make(PODS, pod("own", &json!({"tolerations": own}))).await;
    let tolerations = made["spec"]["tolerations"].as_array().unwrap();
    assert_eq!((tolerations.len(), &tolerations[1]["key"]), (2, &json!("node.kubernetes.io/unreachable")));
    let made = world.make(PODS, pod("all", &json!({"tolerations": [{"operator": "Exists"}]}))).await;
    assert_eq!(made["spec"]["tolerations"].as_array().unwrap().len(), 1);
    // What was filled in belongs to nobody.
    assert!(!made["metadata"]["managedFields"].to_string().contains("f:priority"));
}

#[tokio::test]
async fn limits_of_a_namespace_hold_for_what_is_made_there() {
    let world = world().await;
    let limits = json!({"metadata": {"name": "l"}, "spec": {"limits": [
        {"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "100m"},
         "min": {"cpu": "50m"}, "max": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "4"}},
        {"type": "Pod", "max": {"cpu": "1500m"}},
        {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}},
    ]}});
    world.make("/api/v1/namespaces/a/limitranges", limits).await;
    let made = world.make(PODS, pod("open", &json!({}))).await;
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({"limits": {"cpu": "200m"}, "requests": {"cpu": "100m"}})
    );
    assert_eq!(
        made["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    );
    let asks = |name: &str, requests: &str, limits: &str| {
        let resources = json!({"requests": {"cpu": requests}, "limits": {"cpu": limits}});
        pod("p", &json!({"containers": [{"name": name, "image": "i", "resources": resources}]}))
    };
    for (body, words) in [
        (asks("c", "10m", "40m"), "minimum cpu usage per Container is 50m, but request is 10m"),
        (
            asks("c", "10m", "60m"),
            "[minimum cpu usage per Container is 50m, but request is 10m, cpu max limit to request ratio per Container is 4, but provided ratio is 6.000000]",
        ),
        (asks("c", "900m", "1100m"), "maximum cpu usage per Container is 1, but limit is 1100m"),
        (
            asks("c", "100m", "500m"),
            "cpu max limit to request ratio per Container is 4, but provided ratio is 5.000000",
        ),
    ] {
        assert_eq!(refused(&world, PODS, body).await, format!("pods \"p\" is forbidden: {words}"));
    }
    let two = json!({"containers": [
        {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}},
        {"name": "d", "image": "i", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}}]});
    assert_eq!(
        refused(&world, PODS, pod("p", &two)).await,
        "pods \"p\" is forbidden: maximum cpu usage per Pod is 1500m, but limit is 2"
    );
    assert_eq!(
        refused(&world, CLAIMS, claim("v", "1Mi")).await,
        "persistentvolumeclaims \"v\" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"
    );
    assert_eq!(
        refused(&world, CLAIMS, claim("v", "3Gi")).await,
        "persistentvolumeclaims \"v\" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
    );
}

#[tokio::test]
async fn a_class_of_runtimes_says_what_they_cost_and_where_they_are() {
    let world = world().await;
    let class = json!({"metadata": {"name": "r"}, "handler": "h", "overhead": {"podFixed": {"cpu": "1"}},
        "scheduling": {"nodeSelector": {"k": "v"}, "tolerations": [{"key": "t", "operator": "Exists"}]}});
    world.make("/apis/node.k8s.io/v1/runtimeclasses", class).await;
    let made =
        world.make(PODS, pod("p", &json!({"runtimeClassName": "r", "nodeSelector": {"own": "x"}}))).await;
    let spec = &made["spec"];
    assert_eq!(
        (&spec["overhead"], &spec["nodeSelector"]),
        (&json!({"cpu": "1"}), &json!({"k": "v", "own": "x"}))
    );
    assert_eq!(spec["tolerations"].as_array().unwrap().len(), 3);
    for (spec, words) in [
        (json!({"runtimeClassName": "none"}), "pod rejected: RuntimeClass \"none\" not found"),
        (
            json!({"runtimeClassName": "r", "nodeSelector": {"k": "other"}}),
            "conflict: runtimeClass.scheduling.nodeSelector[k] = v; pod.spec.nodeSelector[k] = other",
        ),
        (
            json!({"overhead": {"cpu": "1"}}),
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ),
        (
            json!({"runtimeClassName": "r", "overhead": {"cpu": "2"}}),
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
    ] {
        assert_eq!(refused(&world, PODS, pod("q", &spec)).await, format!("pods \"q\" is forbidden: {words}"));
    }
}

#[tokio::test]
async fn storage_has_a_class_is_held_and_grows_where_its_class_lets_it() {
    let world = world().await;
    let classes = "/apis/storage.k8s.io/v1/storageclasses";
    let class = |name: &str, grows: bool, marked: bool| {
        json!({"metadata": {"name": name, "annotations":
            {"storageclass.kubernetes.io/is-default-class": marked.to_string()}},
            "provisioner": "p", "allowVolumeExpansion": grows})
    };
    let made = world.make(CLAIMS, claim("bare", "1Gi")).await;
    assert_eq!(made["spec"]["storageClassName"], Value::Null);
    assert_eq!(made["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    world.make(classes, class("old", true, true)).await;
    world.make(classes, class("unmarked", true, false)).await;
    world.pass(1);
    world.make(classes, class("new", true, true)).await;
    let made = world.make(CLAIMS, claim("usual", "1Gi")).await;
    assert_eq!(made["spec"]["storageClassName"], "new");

    let path = format!("{CLAIMS}/usual");
    let bound = async |path: &str| {
        let (_, mut bound) = world.get(path).await;
        bound["status"] = json!({"phase": "Bound"});
        let (code, bound) = world.ask(Method::PUT, &format!("{path}/status"), bound).await;
        assert_eq!(code, 200, "{bound}");
        bound
    };
    let grown = async |path: &str, mut claim: Value| {
        claim["spec"]["resources"]["requests"]["storage"] = json!("2Gi");
        let (code, answer) = world.ask(Method::PUT, path, claim).await;
        (code, answer["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(grown(&path, made).await.0, 422, "what is not bound cannot be changed");
    let claim_of_new = bound(&path).await;
    assert_eq!(grown(&path, claim_of_new).await.0, 200);
    let path = format!("{CLAIMS}/bare");
    let claim_of_none = bound(&path).await;
    let words = "persistentvolumeclaims \"bare\" is forbidden: only dynamically provisioned pvc can be resized and \
        the storageclass that provisions the pvc must support resize";
    assert_eq!(grown(&path, claim_of_none).await, (403, words.to_owned()));
}

#[tokio::test]
async fn a_new_node_is_not_ready_and_an_ingress_has_a_class() {
    let world = world().await;
    let node = world.make("/api/v1/nodes", json!({"metadata": {"name": "n"}})).await;
    assert_eq!(
        node["spec"]["taints"],
        json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}])
    );
    let class = json!({"metadata": {"name": "web", "annotations":
        {"ingressclass.kubernetes.io/is-default-class": "true"}}, "spec": {"controller": "example.com/c"}});
    world.make("/apis/networking.k8s.io/v1/ingressclasses", class).await;
    let spec = json!({"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}});
    let ingresses = "/apis/networking.k8s.io/v1/namespaces/a/ingresses";
    let made = world.make(ingresses, json!({"metadata": {"name": "i"}, "spec": spec})).await;
    assert_eq!(made["spec"]["ingressClassName"], "web");
}

#[tokio::test]
async fn nothing_new_comes_into_a_namespace_that_goes() {
    let world = world().await;
    let (_, going) =
        world.ask(Method::DELETE, "/api/v1/namespaces/a?propagationPolicy=Orphan", Value::Null).await;
    let (phase, finalizers) = (&going["status"]["phase"], &going["metadata"]["finalizers"]);
    assert_eq!((phase, finalizers), (&json!("Terminating"), &json!(["orphan"])));
    for (metadata, name) in [(json!({"name": "x"}), "x"), (json!({"generateName": "x-"}), "x-")] {
        let uri = "/api/v1/namespaces/a/configmaps";
        let (_, refused) = world.ask(Method::POST, uri, json!({"metadata": metadata})).await;
        let words = format!(
            "configmaps \"{name}\" is forbidden: unable to create new content in namespace a because it is being terminated"
        );
        assert_eq!((&refused["message"], &refused["details"]["name"]), (&json!(words), &json!(name)));
    }
}
