//! Services and what they take, through the in-process door. Words and values are those of an upstream server that was
//! asked the same.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::object_life::tests::World;

const SERVICES: &str = "/api/v1/namespaces/default/services";
const ADDRESSES: &str = "/apis/networking.k8s.io/v1/ipaddresses";

async fn world(range: &str) -> World {
    let world = World::new().await;
    world.server.bootstrap(range, "127.0.0.1:6443".parse().unwrap()).await.unwrap();
    world
}

fn service(name: &str, mut spec: Value) -> Value {
    if spec["type"] != json!("ExternalName") && spec["ports"].is_null() {
        spec["ports"] = json!([{"port": 80}]);
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

async fn make(world: &World, name: &str, spec: Value) -> Value {
    world.make(SERVICES, service(name, spec)).await["spec"].take()
}

async fn put(world: &World, name: &str, spec: Value) -> Value {
    let (code, mut answer) = world.ask(Method::PUT, &format!("{SERVICES}/{name}"), service(name, spec)).await;
    assert_eq!(code, 200, "{answer}");
    answer["spec"].take()
}

async fn refused(world: &World, method: Method, path: &str, name: &str, spec: Value) -> (u16, String) {
    let (code, answer) = world.ask(method, path, service(name, spec)).await;
    (code, answer["message"].as_str().unwrap_or_default().to_owned())
}

async fn addresses(world: &World) -> BTreeSet<String> {
    let (_, list) = world.get(ADDRESSES).await;
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
    list["items"].as_array().unwrap().iter().map(name).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_service_gets_an_address_and_gives_it_back() {
    let world = world("10.96.0.0/16").await;
    assert_eq!(addresses(&world).await, ["10.96.0.1".to_owned()].into());
    let spec = make(&world, "a", json!({})).await;
    let ip = text(&spec["clusterIP"]);
    assert!(ip.starts_with("10.96.") && !ip.starts_with("10.96.0."), "{ip} is of the upper part");
    assert_eq!(
        spec,
        json!({
            "ports": [{"protocol": "TCP", "port": 80, "targetPort": 80}], "clusterIP": ip, "clusterIPs": [ip],
            "type": "ClusterIP", "sessionAffinity": "None", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        })
    );
    let (_, address) = world.get(&format!("{ADDRESSES}/{ip}")).await;
    let parent = json!({"resource": "services", "namespace": "default", "name": "a"});
    assert_eq!(address["spec"], json!({"parentRef": parent}));
    let labels = json!({"ipaddress.kubernetes.io/ip-family": "IPv4", "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"});
    assert_eq!(address["metadata"]["labels"], labels);
    assert_eq!(address["metadata"]["managedFields"][0]["manager"], json!("kube-apiserver"));

    assert_eq!(put(&world, "a", json!({})).await["clusterIP"], json!(ip), "who leaves it out keeps it");
    world.ask(Method::DELETE, &format!("{SERVICES}/a"), Value::Null).await;
    assert_eq!(addresses(&world).await, ["10.96.0.1".to_owned()].into());
    make(&world, "b", json!({"clusterIP": ip})).await;
}

#[tokio::test]
async fn addresses_that_are_named_must_be_free_and_in_range() {
    let world = world("10.96.0.0/16").await;
    make(&world, "a", json!({"clusterIP": "10.96.0.77"})).await;
    let failed = |ip: &str, why: &str| {
        (
            422,
            format!(
                "Service \"b\" is invalid: spec.clusterIPs: Invalid value: [\"{ip}\"]: failed to allocate IP {ip}: {why}"
            ),
        )
    };
    let outside = "the provided network does not match the current range";
    for (ip, expected) in [
        ("10.96.0.77", failed("10.96.0.77", "provided IP is already allocated")),
        ("10.97.0.77", failed("10.97.0.77", outside)),
        ("10.96.0.0", failed("10.96.0.0", outside)),
        ("fd00::1", (422, "Service \"b\" is invalid: spec.clusterIPs[0]: Invalid value: [\"fd00::1\"]: IPv6 is not configured on this cluster".into())),
        ("bad", (422, "Service \"b\" is invalid: spec.clusterIPs[0]: Invalid value: \"bad\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".into())),
        ("10.96.0.099", (422, "Service \"b\" is invalid: spec.clusterIPs[0]: Invalid value: \"10.96.0.099\": must not have leading 0s".into())),
    ] {
        assert_eq!(refused(&world, Method::POST, SERVICES, "b", json!({"clusterIP": ip})).await, expected);
    }
    let path = format!("{SERVICES}/a");
    for ip in ["10.96.0.78", "None"] {
        let words = format!(
            "Service \"a\" is invalid: spec.clusterIPs[0]: Invalid value: [\"{ip}\"]: may not change once set"
        );
        assert_eq!(refused(&world, Method::PUT, &path, "a", json!({"clusterIP": ip})).await, (422, words));
    }
    assert_eq!(addresses(&world).await.len(), 2, "nothing is left behind");
}

#[tokio::test]
async fn what_is_only_tried_takes_nothing() {
    let world = world("10.96.0.0/16").await;
    let path = format!("{SERVICES}?dryRun=All");
    let spec = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"});
    let tried = world.make(&path, service("a", spec)).await;
    let spec = &tried["spec"];
    assert_eq!(
        (&spec["clusterIP"], &spec["ports"][0]["nodePort"], &spec["healthCheckNodePort"]),
        (&json!("10.96.0.0"), &json!(32769), &json!(32770))
    );
    assert_eq!(addresses(&world).await.len(), 1);
    make(&world, "b", json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30500}]})).await;
    let (code, words) = refused(
        &world,
        Method::POST,
        &path,
        "a",
        json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30500}]}),
    )
    .await;
    assert!(code == 422 && words.ends_with("provided port is already allocated"), "{words}");
}

#[tokio::test]
async fn families_follow_from_the_cluster() {
    let world = world("10.96.0.0/16").await;
    let shown =
        |spec: Value| (spec["clusterIP"].clone(), spec["ipFamilies"].clone(), spec["ipFamilyPolicy"].clone());
    let headless = make(&world, "a", json!({"clusterIP": "None"})).await;
    assert_eq!(shown(headless), (json!("None"), json!(["IPv4", "IPv6"]), json!("RequireDualStack")));
    let selecting = make(&world, "b", json!({"clusterIP": "None", "selector": {"a": "b"}})).await;
    assert_eq!(shown(selecting), (json!("None"), json!(["IPv4"]), json!("SingleStack")));
    let preferring = shown(make(&world, "c", json!({"ipFamilyPolicy": "PreferDualStack"})).await);
    assert_eq!((preferring.1, preferring.2), (json!(["IPv4"]), json!("PreferDualStack")));
    let elsewhere = make(&world, "d", json!({"type": "ExternalName", "externalName": "a.b"})).await;
    assert_eq!(elsewhere, json!({"type": "ExternalName", "sessionAffinity": "None", "externalName": "a.b"}));
    for (spec, words) in [
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services",
        ),
        (
            json!({"ipFamilies": ["IPv6"]}),
            "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster",
        ),
        (
            json!({"ipFamilies": ["IPv6", "IPv6", "x"], "ipFamilyPolicy": "y"}),
            "[spec.ipFamilies[1]: Duplicate value: \"IPv6\", spec.ipFamilies[2]: Unsupported value: \"x\": supported values: \"IPv4\", \"IPv6\", spec.ipFamilyPolicy: Unsupported value: \"y\": supported values: \"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"]",
        ),
        (
            json!({"type": "ExternalName", "externalName": "a.b", "clusterIP": "10.96.0.9"}),
            "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
        ),
    ] {
        let expected = format!("Service \"e\" is invalid: {words}");
        assert_eq!(refused(&world, Method::POST, SERVICES, "e", spec).await, (422, expected));
    }
    assert_eq!(addresses(&world).await.len(), 2);
}

#[tokio::test]
async fn a_cluster_of_two_families_gives_addresses_of_both() {
    let world = world("10.96.0.0/16,fd00::/108").await;
    let (_, own) = world.get(&format!("{SERVICES}/kubernetes")).await;
    assert_eq!(
        (&own["spec"]["clusterIPs"], &own["spec"]["ipFamilies"]),
        (&json!(["10.96.0.1"]), &json!(["IPv4"]))
    );
    let families = |spec: &Value| (spec["ipFamilies"].clone(), spec["ipFamilyPolicy"].clone());
    let one = make(&world, "one", json!({})).await;
    assert_eq!(families(&one), (json!(["IPv4"]), json!("SingleStack")));
    let other = make(&world, "other", json!({"ipFamilies": ["IPv6"]})).await;
    assert!(text(&other["clusterIP"]).starts_with("fd00::"), "{other}");
    let both =
        make(&world, "both", json!({"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]})).await;
    assert_eq!(families(&both), (json!(["IPv6", "IPv4"]), json!("RequireDualStack")));
    let ips: Vec<String> = both["clusterIPs"].as_array().unwrap().iter().map(text).collect();
    assert!(
        ips[0].starts_with("fd00::") && ips[1].starts_with("10.96.") && both["clusterIP"] == json!(ips[0]),
        "{ips:?}"
    );
    let (_, address) = world.get(&format!("{ADDRESSES}/{}", ips[0])).await;
    assert_eq!(address["metadata"]["labels"]["ipaddress.kubernetes.io/ip-family"], "IPv6");

    let wide = put(&world, "one", json!({"ipFamilyPolicy": "PreferDualStack"})).await;
    assert_eq!((&wide["clusterIP"], &wide["ipFamilies"]), (&one["clusterIP"], &json!(["IPv4", "IPv6"])));
    let second = text(&wide["clusterIPs"][1]);
    assert!(addresses(&world).await.contains(&second));
    let narrow = json!({"ipFamilyPolicy": "SingleStack", "clusterIPs": [one["clusterIP"]], "clusterIP": one["clusterIP"],
        "ipFamilies": ["IPv4"]});
    assert_eq!(put(&world, "one", narrow).await["clusterIPs"], json!([one["clusterIP"]]));
    assert!(!addresses(&world).await.contains(&second), "what is not needed any more is given back");
}

#[tokio::test]
async fn ports_on_nodes_are_there_once() {
    let world = world("10.96.0.0/16").await;
    let ports = json!([
        {"name": "a", "port": 80, "nodePort": 30500}, {"name": "b", "port": 80, "protocol": "UDP"}, {"name": "c", "port": 81},
    ]);
    let spec = make(&world, "a", json!({"type": "NodePort", "ports": ports})).await;
    let given: Vec<i64> =
        spec["ports"].as_array().unwrap().iter().map(|port| port["nodePort"].as_i64().unwrap()).collect();
    assert_eq!((given[0], given[1]), (30500, 30500), "protocols of one port share one on the nodes");
    assert!((30086..=32767).contains(&given[2]), "{given:?}");
    let ports = |numbers: &[(i64, i64)]| -> Value {
        let port = |(i, (port, node)): (usize, &(i64, i64))| json!({"name": format!("p{i}"), "port": port, "nodePort": node});
        numbers.iter().enumerate().map(port).collect()
    };
    let taken = "provided port is already allocated";
    for (numbers, at, port, why) in [
        (
            &[(80, 80)][..],
            0,
            80,
            "provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
        (
            &[(80, -1)][..],
            0,
            -1,
            "provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
        (&[(80, 30500)], 0, 30500, taken),
        (&[(80, 30501), (81, 30501)], 1, 30501, taken),
    ] {
        let expected =
            format!("Service \"b\" is invalid: spec.ports[{at}].nodePort: Invalid value: {port}: {why}");
        let spec = json!({"type": "NodePort", "ports": ports(numbers)});
        assert_eq!(refused(&world, Method::POST, SERVICES, "b", spec).await, (422, expected));
    }
    let spec =
        json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30500});
    let words =
        format!("Internal error occurred: failed to allocate requested HealthCheck NodePort 30500: {taken}");
    assert_eq!(refused(&world, Method::POST, SERVICES, "b", spec).await, (500, words));
    let spec = json!({"type": "NodePort", "ports": ports(&[(80, 30500), (81, 30500)])});
    let path = format!("{SERVICES}/a");
    assert_eq!(
        refused(&world, Method::PUT, &path, "a", spec).await,
        (500, "duplicate nodePort: {TCP 30500}".into())
    );
    // Nothing of all that has taken anything.
    make(&world, "b", json!({"type": "NodePort", "ports": ports(&[(80, 30501)])})).await;
    world.ask(Method::DELETE, &path, Value::Null).await;
    make(&world, "a", json!({"type": "NodePort", "ports": ports(&[(80, 30500), (81, given[2])])})).await;
}

#[tokio::test]
async fn another_type_takes_and_gives_back() {
    let world = world("10.96.0.0/16").await;
    let balanced = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000, "ports": [{"port": 80, "nodePort": 31001}]});
    let first = make(&world, "a", balanced.clone()).await;
    let plain = put(&world, "a", json!({"type": "ClusterIP"})).await;
    assert_eq!(
        (&plain["clusterIP"], &plain["healthCheckNodePort"], &plain["ports"][0]["nodePort"]),
        (&first["clusterIP"], &Value::Null, &Value::Null)
    );
    make(&world, "b", json!({"type": "NodePort", "ports": [{"name": "x", "port": 80, "nodePort": 31000}, {"name": "y", "port": 81, "nodePort": 31001}]})).await;
    let words = "Service \"a\" is invalid: spec.ports[0].nodePort: Invalid value: 31001: provided port is already allocated";
    assert_eq!(
        refused(&world, Method::PUT, &format!("{SERVICES}/a"), "a", balanced).await,
        (422, words.into())
    );
    let given = put(&world, "a", json!({"type": "NodePort"})).await;
    assert!(given["ports"][0]["nodePort"].as_i64().unwrap() >= 30086, "{given}");
    assert_eq!(given["clusterIP"], first["clusterIP"]);

    let elsewhere = put(&world, "a", json!({"type": "ExternalName", "externalName": "x"})).await;
    assert_eq!(elsewhere, json!({"type": "ExternalName", "sessionAffinity": "None", "externalName": "x"}));
    assert!(!addresses(&world).await.contains(first["clusterIP"].as_str().unwrap()));
    let back = put(&world, "a", json!({"type": "ClusterIP"})).await;
    assert!(addresses(&world).await.contains(back["clusterIP"].as_str().unwrap()), "{back}");
}

#[tokio::test]
async fn nothing_is_given_twice_and_everything_is_given() {
    let world = world("10.96.0.0/27").await;
    let names: Vec<String> = (0..29).map(|i| format!("s{i}")).collect();
    let make = |name: &String| {
        let (world, service) = (&world, service(name, json!({"type": "NodePort"})));
        async move { world.ask(Method::POST, SERVICES, service).await }
    };
    let made = futures::future::join_all(names.iter().map(make)).await;
    let mut ips = BTreeSet::new();
    let mut ports = BTreeSet::new();
    for (code, made) in made {
        assert_eq!(code, 201, "{made}");
        assert!(ips.insert(text(&made["spec"]["clusterIP"])), "{made}");
        assert!(ports.insert(made["spec"]["ports"][0]["nodePort"].as_i64().unwrap()), "{made}");
    }
    assert_eq!(ips.len(), 29);
    let words = "Internal error occurred: failed to allocate a serviceIP for Service \"more\": range is full";
    assert_eq!(refused(&world, Method::POST, SERVICES, "more", json!({})).await, (500, words.into()));
    let going = names.iter().map(|name| {
        let (world, path) = (&world, format!("{SERVICES}/{name}"));
        async move { world.ask(Method::DELETE, &path, Value::Null).await.0 }
    });
    assert_eq!(futures::future::join_all(going).await, [200; 29]);
    assert_eq!(addresses(&world).await.len(), 1);
}
