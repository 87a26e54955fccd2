use super::*;

fn amounts(text: &str) -> Amounts {
    let pairs = text.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, amount)| (name.to_owned(), amount.parse().unwrap())).collect()
}

fn shown(amounts: &Amounts) -> String {
    let all: Vec<String> = amounts.iter().map(|(name, amount)| format!("{name}={amount}")).collect();
    all.join(" ")
}

fn container(requests: &str, limits: &str) -> Container {
    Container { requests: amounts(requests), limits: amounts(limits), ..Container::default() }
}

#[test]
fn pods_use_what_they_need_at_any_one_time() {
    let stays = |requests: &str| Container { stays: true, ..container(requests, "") };
    let pod =
        |containers: Vec<Container>, initial: Vec<Container>| Pod { containers, initial, ..Pod::default() };
    let mut resized = container("cpu=1", "");
    resized.given.allocated = Some(amounts("cpu=2"));
    resized.given.requests = Some(amounts("cpu=1500m"));
    let whole = Pod {
        requests: amounts("cpu=5 example.com/x=1"),
        overhead: amounts("cpu=250m memory=1Mi"),
        ..pod(vec![container("cpu=1 memory=1Mi", "cpu=2")], Vec::new())
    };
    let cases = [
        (
            pod(
                vec![container("cpu=1", "memory=1Gi"), container("cpu=500m", "")],
                vec![container("cpu=2", "")],
            ),
            "count/pods=1 cpu=2 limits.memory=1Gi pods=1 requests.cpu=2",
        ),
        (
            pod(
                vec![container("cpu=1", "")],
                vec![stays("cpu=1"), container("cpu=1500m", ""), stays("cpu=100m")],
            ),
            "count/pods=1 cpu=2500m pods=1 requests.cpu=2500m",
        ),
        (
            pod(
                vec![container("example.com/x=2 hugepages-2Mi=4Mi ephemeral-storage=1Gi", "example.com/x=2")],
                vec![],
            ),
            "count/pods=1 ephemeral-storage=1Gi hugepages-2Mi=4Mi pods=1 requests.ephemeral-storage=1Gi requests.example.com/x=2 requests.hugepages-2Mi=4Mi",
        ),
        (
            whole,
            "count/pods=1 cpu=5250m limits.cpu=2250m memory=2Mi pods=1 requests.cpu=5250m requests.memory=2Mi",
        ),
        (pod(vec![resized.clone()], vec![]), "count/pods=1 cpu=2 pods=1 requests.cpu=2"),
        (
            Pod {
                is_refused: true,
                ..pod(vec![Container { requests: amounts("cpu=9"), ..resized }], vec![])
            },
            "count/pods=1 cpu=2 pods=1 requests.cpu=2",
        ),
        (Pod { is_over: true, ..pod(vec![container("cpu=1", "")], vec![]) }, "count/pods=1"),
    ];
    for (pod, expected) in cases {
        assert_eq!(shown(&pod.amounts()), expected, "{pod:?}");
    }
}

#[test]
fn each_kind_has_its_names() {
    let of = |group: &str, plural: &str| Measure::of(group, plural).unwrap();
    let cases = [
        (of("", "pods"), "requests.example.com/x", true),
        (of("", "pods"), "requests.deviceclass.resource.kubernetes.io/x", true),
        (of("", "pods"), "limits.example.com/x", false),
        (of("", "pods"), "requests.storage", false),
        (of("", "persistentvolumeclaims"), "requests.storage", true),
        (of("", "persistentvolumeclaims"), "gold.storageclass.storage.k8s.io/requests.storage", true),
        (of("", "persistentvolumeclaims"), "gold.storageclass.storage.k8s.io/pods", false),
        (of("", "services"), "services.nodeports", true),
        (of("resource.k8s.io", "resourceclaims"), "gpu.deviceclass.resource.k8s.io/devices", true),
        (of("", "secrets"), "secrets", true),
        (of("", "secrets"), "count/secrets", true),
        (of("apps", "deployments"), "count/deployments.apps", true),
        (of("apps", "deployments"), "deployments", false),
    ];
    for (measure, name, expected) in cases {
        assert_eq!(measure.counts(name), expected, "{measure:?} {name}");
    }
    assert_eq!(Measure::of("events.k8s.io", "events"), None);
    assert_eq!(shown(&of("", "secrets").one_each()), "count/secrets=1 secrets=1");
}

#[test]
fn services_and_claims_are_measured() {
    let service = |kind: &str, gets_node_ports: bool| {
        let used = Service { kind: kind.into(), ports: 3, chosen: 1, gets_node_ports }.amounts();
        (used["services.nodeports"].value(), used["services.loadbalancers"].value())
    };
    assert_eq!(service("ClusterIP", true), (0, 0));
    assert_eq!(service("NodePort", true), (3, 0));
    assert_eq!((service("LoadBalancer", true), service("LoadBalancer", false)), ((3, 1), (1, 1)));
    let claim = Claim {
        class: "gold".into(),
        asked: Some("1500m".parse().unwrap()),
        given: Some("1Gi".parse().unwrap()),
        attributes: Vec::new(),
    };
    let storage =
        |claim: &Claim| claim.amounts()["gold.storageclass.storage.k8s.io/requests.storage"].to_string();
    assert_eq!(
        (storage(&claim), storage(&Claim { given: None, ..claim.clone() })),
        ("1Gi".into(), "2".into())
    );
    let devices = DeviceClaim {
        requests: vec![
            vec![("a".into(), 2), ("b".into(), 1), ("a".into(), 1)],
            vec![("a".into(), DEVICES_MAX)],
        ],
    };
    assert_eq!(
        shown(&devices.amounts()),
        "a.deviceclass.resource.k8s.io/devices=34 b.deviceclass.resource.k8s.io/devices=1 count/resourceclaims.resource.k8s.io=1"
    );
}

#[test]
fn scopes_say_who_is_meant() {
    let asks = |scope: &str, operator: &str, values: &[&str]| Requirement {
        scope: scope.into(),
        operator: operator.into(),
        values: values.iter().map(ToString::to_string).collect(),
    };
    let pod = Pod { priority_class: "high".into(), has_deadline: true, ..Pod::default() };
    let claim = Claim { attributes: vec!["gold".into(), "silver".into()], ..Claim::default() };
    let attributes = "VolumeAttributesClass";
    let cases = [
        (Requirement::named("Terminating"), true, false),
        (Requirement::named("NotTerminating"), false, false),
        (Requirement::named("NotBestEffort"), true, false),
        (Requirement::named("PriorityClass"), true, false),
        (asks("PriorityClass", "In", &["high", "low"]), true, false),
        (asks("PriorityClass", "NotIn", &["high"]), false, false),
        (asks("PriorityClass", "DoesNotExist", &[]), false, false),
        (asks(attributes, "In", &["gold"]), false, true),
        (asks(attributes, "NotIn", &["gold"]), false, true),
        (asks(attributes, "NotIn", &["gold", "silver"]), false, false),
        (asks(attributes, "Exists", &[]), false, true),
    ];
    for (asked, of_pod, of_claim) in cases {
        let scopes = Scopes(vec![asked]);
        assert_eq!((scopes.have_pod(&pod), scopes.have_claim(&claim)), (of_pod, of_claim), "{scopes:?}");
        assert!(!scopes.have_others());
    }
    let without = Scopes(vec![asks("PriorityClass", "NotIn", &["high"])]);
    assert!(without.have_pod(&Pod::default()) && Scopes::default().have_others());
}
