//! Patches: JSON, merge, strategic merge, with what each can be told and what it refuses.

use serde_json::{Value as Json, json};

use crate::fixed;
use crate::script::Script;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/$(ns)/deployments";
const SERVICES: &str = "/api/v1/namespaces/$(ns)/services";

pub(super) fn scripts() -> Vec<Script> {
    vec![json_patches(), merges(), strategic(), services(), raw()]
}

fn deployment() -> Json {
    let container = |name: &str| {
        json!({"name": name, "image": "i:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"containerPort": 80}, {"containerPort": 81, "name": "x"}], "args": ["a", "b", "c"]})
    };
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one", "labels": {"a": "b"}, "finalizers": ["a.b/c", "d.e/f"]},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [container("c"), container("d")], "volumes": [{"name": "v", "emptyDir": {}}],
                "tolerations": [{"key": "k", "operator": "Exists"}], "imagePullSecrets": [{"name": "s"}]}}}})
}

fn new(name: &str) -> Script {
    let mut script = Script::with_namespace("patches", name);
    script.post("create", format!("{DEPLOYMENTS}?fieldManager=differ"), &deployment()).silent();
    script
}

/// Each patch is tried dry, so that none finds what another left.
fn dry(script: &mut Script, kind: &str, name: &str, body: &Json) {
    script.patch(name, format!("{DEPLOYMENTS}/one?dryRun=All&fieldManager=p"), kind, body);
}

fn json_patches() -> Script {
    let mut script = new("json");
    let image = "/spec/template/spec/containers/0/image";
    for (name, body) in [
        ("replace", json!([{"op": "replace", "path": image, "value": "j"}])),
        ("add to a list", fixed!([{"op": "add", "path": "/metadata/finalizers/-", "value": "g.h/i"}])),
        ("insert", fixed!([{"op": "add", "path": "/metadata/finalizers/0", "value": "g.h/i"}])),
        ("insert beyond", fixed!([{"op": "add", "path": "/metadata/finalizers/9", "value": "g.h/i"}])),
        ("insert from the end", fixed!([{"op": "add", "path": "/metadata/finalizers/-1", "value": "g.h/i"}])),
        ("remove", fixed!([{"op": "remove", "path": "/metadata/labels/a"}])),
        ("remove absent", fixed!([{"op": "remove", "path": "/metadata/labels/x"}])),
        ("remove below absent", fixed!([{"op": "remove", "path": "/metadata/x/y"}])),
        ("remove beyond", fixed!([{"op": "remove", "path": "/metadata/finalizers/7"}])),
        ("replace absent", fixed!([{"op": "replace", "path": "/metadata/labels/x", "value": "y"}])),
        ("replace beyond", fixed!([{"op": "replace", "path": "/metadata/finalizers/7", "value": "y"}])),
        ("add below absent", fixed!([{"op": "add", "path": "/metadata/annotations/x", "value": "y"}])),
        ("add object", fixed!([{"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}}])),
        ("copy", fixed!([{"op": "copy", "from": "/metadata/labels/a", "path": "/metadata/labels/z"}])),
        ("copy absent", fixed!([{"op": "copy", "from": "/metadata/labels/x", "path": "/metadata/labels/z"}])),
        ("move", fixed!([{"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/z"}])),
        (
            "move into itself",
            fixed!([{"op": "move", "from": "/metadata/labels", "path": "/metadata/labels/z"}]),
        ),
        ("move absent", fixed!([{"op": "move", "from": "/metadata/x", "path": "/metadata/y"}])),
        ("test", json!([{"op": "test", "path": image, "value": "i:1"}])),
        ("test fails", json!([{"op": "test", "path": image, "value": "x"}])),
        ("test absent", fixed!([{"op": "test", "path": "/metadata/labels/x", "value": "y"}])),
        ("test absent for null", fixed!([{"op": "test", "path": "/metadata/labels/x", "value": null}])),
        ("test object", fixed!([{"op": "test", "path": "/metadata/labels", "value": {"a": "b"}}])),
        ("unknown op", fixed!([{"op": "bogus", "path": "/a"}])),
        ("no op", fixed!([{"path": "/a"}])),
        ("no path", fixed!([{"op": "remove"}])),
        ("no value", fixed!([{"op": "add", "path": "/metadata/labels/x"}])),
        ("no from", fixed!([{"op": "copy", "path": "/metadata/labels/x"}])),
        ("path without slash", fixed!([{"op": "add", "path": "metadata", "value": 1}])),
        ("empty path", fixed!([{"op": "replace", "path": "", "value": {}}])),
        ("escapes", fixed!([{"op": "add", "path": "/metadata/labels/a~1b", "value": "c"}])),
        ("bad escapes", fixed!([{"op": "add", "path": "/metadata/labels/a~2b", "value": "c"}])),
        ("nothing", fixed!([])),
        ("an object", fixed!({"op": "add"})),
        ("number in the list", fixed!([1])),
        ("null in the list", fixed!([null])),
        ("wrong type", fixed!([{"op": "replace", "path": "/spec/replicas", "value": "x"}])),
        ("name", fixed!([{"op": "replace", "path": "/metadata/name", "value": "x"}])),
        ("kind", fixed!([{"op": "replace", "path": "/kind", "value": "Pod"}])),
        ("version", fixed!([{"op": "replace", "path": "/apiVersion", "value": "v1"}])),
        ("no kind", fixed!([{"op": "remove", "path": "/kind"}])),
        ("revision", fixed!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}])),
        ("unknown field", fixed!([{"op": "add", "path": "/spec/bogus", "value": 1}])),
        ("below text", fixed!([{"op": "add", "path": "/kind/x", "value": 1}])),
        ("list as index", fixed!([{"op": "add", "path": "/metadata/finalizers/x", "value": "a"}])),
        ("leading zero", fixed!([{"op": "replace", "path": "/metadata/finalizers/00", "value": "a.b/c"}])),
        (
            "two",
            fixed!([{"op": "add", "path": "/metadata/labels/p", "value": "1"}, {"op": "remove", "path": "/metadata/labels/p"}]),
        ),
        (
            "second fails",
            fixed!([{"op": "add", "path": "/metadata/labels/p", "value": "1"}, {"op": "remove", "path": "/metadata/labels/q"}]),
        ),
        ("null", fixed!([{"op": "add", "path": "/metadata/labels", "value": null}])),
        ("number as op", fixed!([{"op": 1, "path": "/a"}])),
        ("more fields", fixed!([{"op": "add", "path": "/metadata/labels/x", "value": "y", "bogus": 1}])),
        ("op in other case", fixed!([{"op": "Add", "path": "/metadata/labels/x", "value": "y"}])),
    ] {
        dry(&mut script, "json", name, &body);
    }
    script
}

fn merges() -> Script {
    let mut script = new("merge");
    for (name, body) in [
        ("labels", fixed!({"metadata": {"labels": {"x": "y", "a": null}}})),
        ("lists", fixed!({"spec": {"template": {"spec": {"containers": [{"name": "e", "image": "j"}]}}}})),
        ("null list", fixed!({"spec": {"template": {"spec": {"volumes": null}}}})),
        ("wrong type", fixed!({"spec": {"replicas": "x"}})),
        ("object for list", fixed!({"metadata": {"finalizers": {"a": "b"}}})),
        ("list for object", fixed!({"metadata": {"labels": ["a"]}})),
        ("text for object", fixed!({"spec": "x"})),
        ("null spec", fixed!({"spec": null})),
        ("null metadata", fixed!({"metadata": null})),
        ("unknown", fixed!({"spec": {"bogus": 1}})),
        ("selector", fixed!({"spec": {"selector": {"matchLabels": {"x": "y"}}}})),
        ("kind", fixed!({"kind": "Pod"})),
        ("version", fixed!({"apiVersion": "v1"})),
        ("both", fixed!({"kind": "Pod", "apiVersion": "v1"})),
        ("other namespace", fixed!({"metadata": {"namespace": "x"}})),
        ("revision", fixed!({"metadata": {"resourceVersion": "$(rv create)"}})),
        ("stale revision", fixed!({"metadata": {"resourceVersion": "1"}})),
        ("bad revision", fixed!({"metadata": {"resourceVersion": "x"}})),
        ("uid", fixed!({"metadata": {"uid": "$(uid create)"}})),
        ("other uid", fixed!({"metadata": {"uid": "x"}})),
        ("list", fixed!([])),
        ("text", fixed!("x")),
        ("number", fixed!(1)),
        ("null", fixed!(null)),
        ("nothing", fixed!({})),
        ("status", fixed!({"status": {"replicas": 5}})),
        ("generation", fixed!({"metadata": {"generation": 9}})),
        ("fraction", fixed!({"spec": {"replicas": 1.5}})),
        ("fraction of nothing", fixed!({"spec": {"replicas": 2.0}})),
        ("large number", json!({"spec": {"replicas": 99_999_999_999_u64}})),
        ("below zero", fixed!({"spec": {"replicas": -1}})),
        ("directive", fixed!({"metadata": {"labels": {"$patch": "delete"}}})),
    ] {
        dry(&mut script, "merge", name, &body);
        script.patch(
            format!("{name}, strict"),
            format!("{DEPLOYMENTS}/one?dryRun=All&fieldValidation=Strict"),
            "merge",
            &body,
        );
    }
    script
}

fn strategic() -> Script {
    let mut script = new("strategic");
    let spec = |spec: Json| json!({"spec": {"template": {"spec": spec}}});
    let containers = |containers: Json| json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let c = |more: Json| {
        let mut container = fixed!({"name": "c"});
        if let (Json::Object(container), Json::Object(more)) = (&mut container, more) {
            container.extend(more);
        }
        json!({"spec": {"template": {"spec": {"containers": [container]}}}})
    };
    for (name, body) in [
        ("merge by name", c(fixed!({"image": "j"}))),
        ("add", containers(fixed!([{"name": "e", "image": "j"}]))),
        ("without key", containers(fixed!([{"image": "j"}]))),
        ("delete item", containers(fixed!([{"name": "d", "$patch": "delete"}]))),
        ("delete absent item", containers(fixed!([{"name": "x", "$patch": "delete"}]))),
        ("replace item", c(fixed!({"$patch": "replace", "image": "j"}))),
        ("replace list", containers(fixed!([{"name": "e", "image": "j"}, {"$patch": "replace"}]))),
        ("merge directive", c(fixed!({"$patch": "merge", "image": "k"}))),
        ("bad directive", c(fixed!({"$patch": "bogus"}))),
        ("number as directive", c(fixed!({"$patch": 1}))),
        ("env", c(fixed!({"env": [{"name": "A", "value": "9"}, {"name": "C", "value": "3"}]}))),
        ("delete env", c(fixed!({"env": [{"name": "A", "$patch": "delete"}]}))),
        ("null env", c(fixed!({"env": null}))),
        ("ports", c(fixed!({"ports": [{"containerPort": 80, "name": "w"}]}))),
        ("args", c(fixed!({"args": ["z"]}))),
        ("no args", c(fixed!({"args": []}))),
        (
            "order",
            fixed!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "d"}, {"name": "c"}], "containers": [{"name": "c", "image": "j"}]}}}}),
        ),
        (
            "order of others",
            fixed!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "x"}], "containers": [{"name": "c", "image": "j"}]}}}}),
        ),
        (
            "order without key",
            fixed!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"x": "y"}]}}}}),
        ),
        ("order as text", fixed!({"spec": {"template": {"spec": {"$setElementOrder/containers": "x"}}}})),
        ("delete of primitives", fixed!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}})),
        ("order of primitives", fixed!({"metadata": {"$setElementOrder/finalizers": ["d.e/f", "a.b/c"]}})),
        ("delete of primitives as text", fixed!({"metadata": {"$deleteFromPrimitiveList/finalizers": "x"}})),
        ("finalizers", fixed!({"metadata": {"finalizers": ["g.h/i", "a.b/c"]}})),
        ("retain keys", fixed!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})),
        (
            "retain other keys",
            fixed!({"spec": {"strategy": {"$retainKeys": ["rollingUpdate"], "type": "Recreate"}}}),
        ),
        ("retain keys as text", fixed!({"spec": {"strategy": {"$retainKeys": "x"}}})),
        ("without retain keys", fixed!({"spec": {"strategy": {"type": "Recreate"}}})),
        ("volume", spec(fixed!({"volumes": [{"name": "v", "emptyDir": null, "hostPath": {"path": "/x"}}]}))),
        (
            "volume retained",
            spec(
                fixed!({"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}),
            ),
        ),
        ("tolerations", spec(fixed!({"tolerations": [{"key": "q"}]}))),
        ("secrets", spec(fixed!({"imagePullSecrets": [{"name": "t"}]}))),
        ("delete map", fixed!({"metadata": {"labels": {"$patch": "delete"}}})),
        ("replace map", fixed!({"metadata": {"labels": {"$patch": "replace", "n": "1"}}})),
        ("replace all", fixed!({"$patch": "replace", "metadata": {"name": "one"}})),
        ("delete all", fixed!({"$patch": "delete"})),
        ("list for map", fixed!({"metadata": {"labels": ["a"]}})),
        ("map for list", containers(fixed!({"name": "c"}))),
        ("text for list", containers(fixed!("x"))),
        ("text in list", containers(fixed!(["x"]))),
        ("null in list", containers(fixed!([null]))),
        ("number for text", c(fixed!({"image": 5}))),
        ("unknown", fixed!({"spec": {"bogus": {"a": 1}}})),
        ("unknown list", fixed!({"spec": {"bogus": [1]}})),
        ("null labels", fixed!({"metadata": {"labels": null}})),
        ("node selector", spec(fixed!({"nodeSelector": {"a": "b"}}))),
        ("two of one key", containers(fixed!([{"name": "c", "image": "1"}, {"name": "c", "image": "2"}]))),
        ("kind", fixed!({"kind": "Pod"})),
        ("nothing", fixed!({})),
        ("a list", fixed!([])),
        ("text", fixed!("x")),
        (
            "owner",
            fixed!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]}}),
        ),
        ("condition", fixed!({"status": {"conditions": [{"type": "X", "status": "True"}]}})),
    ] {
        dry(&mut script, "strategic-merge", name, &body);
    }
    for (name, body) in [
        (
            "order kept",
            fixed!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "d"}, {"name": "c"}]}}}}),
        ),
        ("delete kept", containers(fixed!([{"name": "c", "$patch": "delete"}]))),
    ] {
        script.patch(name, format!("{DEPLOYMENTS}/one?fieldManager=kept"), "strategic-merge", &body);
    }
    script.get("after", format!("{DEPLOYMENTS}/one"));
    script
}

fn services() -> Script {
    let mut script = Script::with_namespace("patches", "services");
    let service = fixed!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "one"},
        "spec": {"selector": {"a": "b"}, "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81, "protocol": "UDP"}]}});
    script.post("create", format!("{SERVICES}?fieldManager=differ"), &service);
    let one = format!("{SERVICES}/one");
    for (name, body) in [
        ("port", fixed!({"spec": {"ports": [{"port": 80, "targetPort": 8080}]}})),
        ("new port", fixed!({"spec": {"ports": [{"name": "c", "port": 82}]}})),
        ("delete port", fixed!({"spec": {"ports": [{"port": 81, "$patch": "delete"}]}})),
        ("type", fixed!({"spec": {"type": "NodePort"}})),
        ("back", fixed!({"spec": {"type": "ClusterIP"}})),
        ("headless", fixed!({"spec": {"clusterIP": "None"}})),
        ("external", fixed!({"spec": {"type": "ExternalName", "externalName": "a.b"}})),
        ("families", fixed!({"spec": {"ipFamilyPolicy": "PreferDualStack"}})),
        ("other address", fixed!({"spec": {"clusterIP": "10.96.7.7", "clusterIPs": ["10.96.7.7"]}})),
        ("no address", fixed!({"spec": {"clusterIP": null, "clusterIPs": null}})),
    ] {
        script.patch(name, one.as_str(), "strategic-merge", &body);
    }
    script.get("after", one);
    for (name, spec) in [
        ("headless", fixed!({"clusterIP": "None", "selector": {"a": "b"}})),
        ("external", fixed!({"type": "ExternalName", "externalName": "a.b.c"})),
        ("node port", fixed!({"type": "NodePort", "ports": [{"port": 80}]})),
        (
            "balanced",
            fixed!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]}),
        ),
        ("dual", fixed!({"ipFamilyPolicy": "RequireDualStack", "ports": [{"port": 80}]})),
        ("outside the range", fixed!({"clusterIP": "192.0.2.1", "ports": [{"port": 80}]})),
        ("no address", fixed!({"clusterIP": "x", "ports": [{"port": 80}]})),
        ("port outside the range", fixed!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]})),
        ("v6", fixed!({"ipFamilies": ["IPv6"], "ports": [{"port": 80}]})),
        ("the first", fixed!({"clusterIP": "10.96.0.1", "ports": [{"port": 80}]})),
    ] {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name.replace(' ', "-")}, "spec": spec});
        script.post(format!("create {name}"), SERVICES, &service);
    }
    script.get("table", SERVICES).accept("application/json;as=Table;v=v1;g=meta.k8s.io");
    script
}

/// Bodies that are no patches.
fn raw() -> Script {
    let mut script = new("raw");
    for (name, body) in [
        ("empty", ""),
        ("cut", "{\"a\":"),
        ("garbage", "asdf"),
        ("yaml", "metadata:\n  labels:\n    y: z\n"),
        ("twice", "{\"metadata\":{\"labels\":{\"x\":\"1\",\"x\":\"2\"}}}"),
        ("trailing", "{}x"),
    ] {
        for kind in [
            "json-patch+json",
            "merge-patch+json",
            "strategic-merge-patch+json",
            "apply-patch+yaml",
            "apply-patch+json",
            "patch+json",
            "json",
        ] {
            let path = format!("{DEPLOYMENTS}/one?dryRun=All&fieldManager=p");
            script.ask(format!("{kind} {name}"), "PATCH", path).bytes(&format!("application/{kind}"), body);
        }
    }
    script
}
