use keelson_api::quota::Measure;
use keelson_api::time::UnixMillis;
use keelson_client::{Resource, Time};
use serde_json::{Value, json};

use super::measured::{Measured, One, OneClaim, OneDeviceClaim, OnePod, OneService};
use super::plan::{Counted, kinds, status};
use crate::views::quota::Quota;

fn now() -> UnixMillis {
    Time::parse("2026-01-01T00:01:00Z").unwrap().millis()
}

fn quota(spec: &Value, status: &Value) -> Quota {
    let metadata = json!({"name": "q", "namespace": "a", "uid": "u", "resourceVersion": "7"});
    serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).unwrap()
}

/// What is used, of a quota that was never counted.
fn used<V: Measured>(spec: &Value, plural: &str, objects: &[Value]) -> Value {
    let quota = quota(spec, &json!({}));
    let objects: Vec<V> =
        objects.iter().map(|object| serde_json::from_value(object.clone()).unwrap()).collect();
    let group = if plural == "resourceclaims" { "resource.k8s.io" } else { "" };
    let mut counted = Counted::default();
    counted.add(&quota, &Measure::of(group, plural).unwrap(), &objects, now());
    status(&quota, &counted).unwrap()["status"]["used"].take()
}

fn pod(special: &Value) -> Value {
    let requests =
        |cpu: &str| json!({"requests": {"cpu": cpu, "memory": "1Gi"}, "limits": {"memory": "1Gi"}});
    let mut pod = json!({
        "metadata": {"name": "p"},
        "spec": {
            "containers": [{"name": "c", "resources": requests("500m")}],
            "initContainers": [
                {"name": "s", "restartPolicy": "Always", "resources": requests("100m")},
                {"name": "i", "resources": {"requests": {"cpu": "1"}}},
            ],
            "overhead": {"cpu": "10m"},
        },
        "status": {"phase": "Running", "qosClass": "Burstable"},
    });
    merge(&mut pod, special);
    pod
}

fn merge(base: &mut Value, with: &Value) {
    match with {
        Value::Object(with) => with.iter().for_each(|(key, value)| merge(&mut base[key], value)),
        with => *base = with.clone(),
    }
}

#[test]
fn pods_count_while_they_run() {
    let hard = json!({"hard": {"pods": "5", "count/pods": "9", "requests.cpu": "4", "limits.memory": "8Gi"}});
    let count = |pods: &[Value]| used::<OnePod>(&hard, "pods", pods);
    let expected = |pods: &str, all: &str, cpu: &str, memory: &str| json!({"pods": pods, "count/pods": all, "requests.cpu": cpu, "limits.memory": memory});
    assert_eq!(count(&[]), expected("0", "0", "0", "0"));
    assert_eq!(count(&[pod(&json!({})), pod(&json!({}))]), expected("2", "2", "2220m", "4Gi"));
    let ended = pod(&json!({"status": {"phase": "Succeeded"}}));
    assert_eq!(count(&[pod(&json!({})), ended]), expected("1", "2", "1110m", "2Gi"));
    let going = |grace: i64| {
        pod(
            &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": grace}}),
        )
    };
    assert_eq!(count(&[going(20), going(31)]), expected("1", "2", "1110m", "2Gi"));
    let resized = json!([{"name": "c", "allocatedResources": {"cpu": "2"}, "resources": {"limits": {"memory": "3Gi"}}}]);
    let resized = pod(&json!({"status": {"containerStatuses": resized}}));
    assert_eq!(count(&[resized]), expected("1", "1", "2110m", "4Gi"));
}

#[test]
fn a_pod_that_should_be_gone_is_looked_at_when_it_should_be() {
    let going = pod(
        &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 40}}),
    );
    let pod: OnePod = serde_json::from_value(going).unwrap();
    let mut counted = Counted::default();
    let quota = quota(&json!({"hard": {"pods": "1"}}), &json!({}));
    counted.add(&quota, &Measure::Pods, &[pod], now());
    assert_eq!(counted.less_in.unwrap().as_millis(), 10_001);
}

#[test]
fn quotas_count_what_they_are_meant_for() {
    let deadline = pod(&json!({"spec": {"activeDeadlineSeconds": 9, "priorityClassName": "high"}}));
    let light = pod(&json!({"status": {"qosClass": "BestEffort"}}));
    let term = json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "t", "namespaceSelector": {}}]});
    let elsewhere = pod(&json!({"spec": {"affinity": {"podAntiAffinity": term}}}));
    let pods = [deadline, light, elsewhere];
    let high = |operator: &str| json!({"matchExpressions": [{"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}]});
    for (spec, expected) in [
        (json!({}), "3"),
        (json!({"scopes": ["Terminating"]}), "1"),
        (json!({"scopes": ["NotTerminating"]}), "2"),
        (json!({"scopes": ["NotTerminating", "NotBestEffort"]}), "1"),
        (json!({"scopes": ["BestEffort"]}), "1"),
        (json!({"scopes": ["CrossNamespacePodAffinity"]}), "1"),
        (json!({"scopeSelector": high("In")}), "1"),
        (json!({"scopeSelector": high("NotIn")}), "2"),
    ] {
        let mut spec = spec;
        spec["hard"] = json!({"pods": "5"});
        assert_eq!(used::<OnePod>(&spec, "pods", &pods), json!({"pods": expected}), "{spec}");
    }
    let spec = json!({"hard": {"services": "5"}, "scopes": ["BestEffort"]});
    assert_eq!(
        used::<OneService>(&spec, "services", &[json!({"metadata": {"name": "s"}})]),
        json!({"services": "0"})
    );
}

#[test]
fn everything_else_is_counted() {
    let services = [
        json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 1}, {"port": 2, "nodePort": 30000}], "allocateLoadBalancerNodePorts": false}}),
        json!({"spec": {"type": "NodePort", "ports": [{"port": 1}]}}),
    ];
    let hard = json!({"hard": {"services": "9", "services.nodeports": "9", "services.loadbalancers": "9"}});
    assert_eq!(
        used::<OneService>(&hard, "services", &services),
        json!({"services": "2", "services.nodeports": "2", "services.loadbalancers": "1"})
    );
    let claim = json!({
        "spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}, "volumeAttributesClassName": "fast"},
        "status": {"allocatedResources": {"storage": "2Gi"}},
    });
    let gold = "gold.storageclass.storage.k8s.io/requests.storage";
    let other = "other.storageclass.storage.k8s.io/persistentvolumeclaims";
    let mut hard = json!({"hard": {"persistentvolumeclaims": "9", gold: "9Gi", other: "9"}});
    assert_eq!(
        used::<OneClaim>(&hard, "persistentvolumeclaims", std::slice::from_ref(&claim)),
        json!({"persistentvolumeclaims": "1", gold: "2Gi", other: "0"})
    );
    let slow = json!([{"scopeName": "VolumeAttributesClass", "operator": "In", "values": ["slow"]}]);
    hard["scopeSelector"] = json!({"matchExpressions": slow});
    assert_eq!(used::<OneClaim>(&hard, "persistentvolumeclaims", &[claim])[gold], "0");
    let devices = json!({"spec": {"devices": {"requests": [
        {"exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 2}},
        {"firstAvailable": [{"deviceClassName": "gpu", "allocationMode": "All"}]},
    ]}}});
    let hard = json!({"hard": {"gpu.deviceclass.resource.k8s.io/devices": "99"}});
    assert_eq!(
        used::<OneDeviceClaim>(&hard, "resourceclaims", &[devices]),
        json!({"gpu.deviceclass.resource.k8s.io/devices": "34"})
    );
    let secret = json!({"metadata": {"name": "s"}});
    let hard = json!({"hard": {"secrets": "1", "count/secrets": "2"}});
    assert_eq!(used::<One>(&hard, "secrets", &[secret]), json!({"secrets": "1", "count/secrets": "1"}));
}

#[test]
fn a_status_changes_when_it_is_wrong() {
    let change = |spec: Value, old: Value, pods: usize| {
        let quota = quota(&json!({"hard": spec}), &old);
        let pods: Vec<OnePod> = (0..pods).map(|_| serde_json::from_value(pod(&json!({}))).unwrap()).collect();
        let mut counted = Counted::default();
        counted.add(&quota, &Measure::Pods, &pods, now());
        status(&quota, &counted)
    };
    let of = |hard: Value, used: Value| json!({"hard": hard, "used": used});
    let right = of(json!({"pods": "5", "cpu": "2000m"}), json!({"pods": "1", "cpu": "1110m"}));
    assert_eq!(change(json!({"pods": "5", "cpu": "2"}), right.clone(), 1), None);
    let changed = change(json!({"pods": "5", "count/widgets.example.com": "3"}), right, 2).unwrap();
    assert_eq!(
        changed["status"],
        of(
            json!({"pods": "5", "count/widgets.example.com": "3", "cpu": null}),
            json!({"pods": "2", "cpu": null})
        )
    );
    assert_eq!(changed["metadata"], json!({"uid": "u", "resourceVersion": "7"}));
    assert!(change(json!({}), json!({}), 0).is_some(), "a quota that was never counted says that it was");
}

#[test]
fn kinds_answer_to_names() {
    let served: Vec<(Measure, Resource)> = [("", "pods"), ("apps", "deployments"), ("", "secrets")]
        .into_iter()
        .map(|(group, plural)| {
            (Measure::of(group, plural).unwrap(), Resource::namespaced(group, "v1", plural, "K"))
        })
        .collect();
    let hard = json!({"hard": {"cpu": "1", "count/deployments.apps": "1", "count/widgets.example.com": "1"}});
    let quota = quota(&hard, &json!({}));
    let (known, unknown) = kinds(&quota, &served);
    let known: Vec<&str> = known.iter().map(|(_, resource)| &*resource.plural).collect();
    assert_eq!((known, unknown), (vec!["pods", "deployments"], vec!["count/widgets.example.com"]));
}
