//! Subresources that are more than a part of the object: scale, binding, eviction, tokens, approval, what nodes answer.

use serde_json::{Value as Json, json};

use super::kinds;
use crate::fixed;
use crate::script::Script;

const PODS: &str = "/api/v1/namespaces/$(ns)/pods";

pub(super) fn scripts() -> Vec<Script> {
    let mut scripts = vec![bindings(), evictions(), tokens(), approvals(), nodes(), containers(), finalize()];
    scripts.extend(
        [
            ("v1", "replicationcontrollers"),
            ("apps/v1", "deployments"),
            ("apps/v1", "replicasets"),
            ("apps/v1", "statefulsets"),
        ]
        .map(|(version, resource)| scale(version, resource)),
    );
    scripts
}

fn pod(name: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}}]}})
}

fn scale(version: &str, resource: &str) -> Script {
    let kind = kinds::one(5, version, resource);
    let mut script = Script::with_namespace("parts", format!("scale.{}", kind.script()));
    let path = format!("{}/scale", kind.path());
    let to = |count: Json| json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": kind.name()}, "spec": {"replicas": count}});
    script.get("absent", &path);
    script.put("update absent", &path, &to(fixed!(2)));
    script.post("create", format!("{}?fieldManager=differ", kind.collection()), &kind.object()).silent();
    script.get("get", &path);
    script.get("get table", &path).accept("application/json;as=Table;v=v1;g=meta.k8s.io");
    script.get("get metadata", &path).accept("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
    script.get("get protobuf", &path).accept("application/vnd.kubernetes.protobuf");
    script.get("get yaml", &path).accept("application/yaml");
    script.put("update dry", format!("{path}?dryRun=All"), &to(fixed!(5)));
    script.put("update", format!("{path}?fieldManager=scaler"), &to(fixed!(2)));
    script.put("update same", format!("{path}?fieldManager=scaler"), &to(fixed!(2)));
    script.put("update below zero", &path, &to(fixed!(-1)));
    script.put("update text", &path, &to(fixed!("x")));
    script.put(
        "update none",
        &path,
        &json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": kind.name()}}),
    );
    script.put(
        "update other name",
        &path,
        &fixed!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "other"}}),
    );
    script.put("update other kind", &path, &kind.object());
    script.put("update stale", &path,
        &json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": kind.name(), "resourceVersion": "1"}, "spec": {"replicas": 3}}));
    script.put("update other uid", &path,
        &json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": kind.name(), "uid": "x"}, "spec": {"replicas": 3}}));
    script.patch("merge", &path, "merge", &fixed!({"spec": {"replicas": 4}}));
    script.patch("json", &path, "json", &fixed!([{"op": "replace", "path": "/spec/replicas", "value": 5}]));
    script.patch("strategic", &path, "strategic-merge", &fixed!({"spec": {"replicas": 6}}));
    script.patch("merge bad", &path, "merge", &fixed!({"spec": {"replicas": -6}}));
    script.patch("apply", format!("{path}?fieldManager=a"), "apply", &to(fixed!(7)));
    script.patch("apply by force", format!("{path}?fieldManager=a&force=true"), "apply", &to(fixed!(7)));
    script.delete("delete", &path);
    script.post("post", &path, &to(fixed!(1)));
    script.get("after", kind.path());
    script
}

fn bindings() -> Script {
    let mut script = Script::with_namespace("parts", "binding");
    for name in ["p", "q", "gated"] {
        let mut pod = pod(name);
        if name == "gated" {
            pod["spec"]["schedulingGates"] = fixed!([{"name": "a.b/c"}]);
        }
        script.post(format!("create {name}"), PODS, &pod);
    }
    let to = |name: &str, target: Json| json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "labels": {"x": "y"}, "annotations": {"x": "y"}}, "target": target});
    let node = fixed!({"kind": "Node", "name": "n"});
    script.post("absent", format!("{PODS}/none/binding"), &to("none", node.clone()));
    script.post("no target", format!("{PODS}/p/binding"), &to("p", fixed!({})));
    script.post("bad target", format!("{PODS}/p/binding"), &to("p", fixed!({"kind": "Pod", "name": "n"})));
    script.post("other name", format!("{PODS}/p/binding"), &to("q", node.clone()));
    script.post("gates", format!("{PODS}/gated/binding"), &to("gated", node.clone()));
    script.post("dry", format!("{PODS}/p/binding?dryRun=All"), &to("p", node.clone()));
    script.post("bind", format!("{PODS}/p/binding?fieldManager=s"), &to("p", node.clone()));
    script.post("bind again", format!("{PODS}/p/binding"), &to("p", node.clone()));
    script.post("bind by the old path", "/api/v1/namespaces/$(ns)/bindings", &to("q", node));
    script.post("other kind", format!("{PODS}/q/binding"), &pod("q"));
    script.get("bound", format!("{PODS}/p"));
    script
        .get("bound by the old path", format!("{PODS}/q"))
        .accept("application/json;as=Table;v=v1;g=meta.k8s.io");
    script.get("get", format!("{PODS}/p/binding"));
    script.delete("delete gracefully", format!("{PODS}/p"));
    script.get("goes", format!("{PODS}/p"));
    script.get("goes, as table", format!("{PODS}/p")).accept("application/json;as=Table;v=v1;g=meta.k8s.io");
    script.delete("delete sooner", format!("{PODS}/p?gracePeriodSeconds=5"));
    script.delete("delete later", format!("{PODS}/p?gracePeriodSeconds=50"));
    script.delete("delete now", format!("{PODS}/p?gracePeriodSeconds=0"));
    script.get("gone", format!("{PODS}/p"));
    script
}

fn evictions() -> Script {
    let mut script = Script::with_namespace("parts", "eviction");
    let evict = |name: &str, more: Json| {
        let mut eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
        if let (Json::Object(eviction), Json::Object(more)) = (&mut eviction, more) {
            eviction.extend(more);
        }
        eviction
    };
    script.post("create p", PODS, &pod("p")).silent();
    script.post("create q", PODS, &pod("q")).silent();
    let bind = |name: &str| json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"kind": "Node", "name": "n"}});
    script.post("bind q", format!("{PODS}/q/binding"), &bind("q")).silent();
    let running =
        fixed!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    script.patch("run q", format!("{PODS}/q/status"), "merge", &running).silent();
    script.post("absent", format!("{PODS}/none/eviction"), &evict("none", fixed!({})));
    script.post("other name", format!("{PODS}/p/eviction"), &evict("q", fixed!({})));
    script.post("other kind", format!("{PODS}/p/eviction"), &pod("p"));
    script.post("beta", format!("{PODS}/p/eviction"), &evict("p", fixed!({"apiVersion": "policy/v1beta1"})));
    script.post(
        "bad options",
        format!("{PODS}/p/eviction"),
        &evict("p", fixed!({"deleteOptions": {"propagationPolicy": "x"}})),
    );
    script.post(
        "other uid",
        format!("{PODS}/p/eviction"),
        &evict("p", fixed!({"deleteOptions": {"preconditions": {"uid": "x"}}})),
    );
    script.post("dry", format!("{PODS}/p/eviction?dryRun=All"), &evict("p", fixed!({})));
    script.post(
        "dry in options",
        format!("{PODS}/p/eviction"),
        &evict("p", fixed!({"deleteOptions": {"dryRun": ["All"]}})),
    );
    let budget = fixed!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}});
    script.post("budget", "/apis/policy/v1/namespaces/$(ns)/poddisruptionbudgets", &budget).silent();
    script.post("of a running pod, too early", format!("{PODS}/q/eviction"), &evict("q", fixed!({})));
    let allowed = |count: u8| json!({"status": {"observedGeneration": 1, "disruptionsAllowed": count, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}});
    let status = "/apis/policy/v1/namespaces/$(ns)/poddisruptionbudgets/b/status";
    script.patch("none allowed", status, "merge", &allowed(0)).silent();
    script.post("of a running pod, not allowed", format!("{PODS}/q/eviction"), &evict("q", fixed!({})));
    script.patch("one allowed", status, "merge", &allowed(1)).silent();
    script.post("of a running pod, dry", format!("{PODS}/q/eviction?dryRun=All"), &evict("q", fixed!({})));
    script.post("of a running pod", format!("{PODS}/q/eviction"), &evict("q", fixed!({})));
    script.get("evicted", format!("{PODS}/q"));
    script.get("budget after", "/apis/policy/v1/namespaces/$(ns)/poddisruptionbudgets/b");
    script.post("of a pending pod", format!("{PODS}/p/eviction"), &evict("p", fixed!({})));
    script.get("pending after", format!("{PODS}/p"));
    script.get("get", format!("{PODS}/p/eviction"));
    script
}

fn tokens() -> Script {
    let mut script = Script::with_namespace("parts", "token");
    let path = "/api/v1/namespaces/$(ns)/serviceaccounts/default/token";
    let request =
        |spec: Json| json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    script.post("create p", PODS, &pod("p")).silent();
    script.post("absent", "/api/v1/namespaces/$(ns)/serviceaccounts/none/token", &request(fixed!({})));
    for (name, spec) in [
        ("plain", fixed!({})),
        ("an hour", fixed!({"expirationSeconds": 3600})),
        ("short", fixed!({"expirationSeconds": 5})),
        ("long", json!({"expirationSeconds": 99_999_999})),
        ("longer than may be", json!({"expirationSeconds": 4_294_967_297_u64})),
        ("audience", fixed!({"audiences": ["a", "b"]})),
        ("pod", fixed!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}})),
        ("absent pod", fixed!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none"}})),
        (
            "other uid",
            fixed!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "x"}}),
        ),
        ("bad kind", fixed!({"boundObjectRef": {"kind": "Foo", "apiVersion": "v1", "name": "p"}})),
        ("secret", fixed!({"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "none"}})),
        ("node", fixed!({"boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": "none"}})),
    ] {
        script.post(name, path, &request(spec));
    }
    script.post("dry", format!("{path}?dryRun=All"), &request(fixed!({})));
    script.post("other kind", path, &pod("p"));
    script.post("empty", path, &fixed!({}));
    script.get("get", path);
    script
}

fn approvals() -> Script {
    let kind = kinds::one(5, "certificates.k8s.io/v1", "certificatesigningrequests");
    let mut script = Script::new("parts", "approval");
    script.post("create", format!("{}?fieldManager=differ", kind.collection()), &kind.object());
    let (path, status) = (format!("{}/approval", kind.path()), format!("{}/status", kind.path()));
    let condition =
        |of: &str, status: &str| json!({"type": of, "status": status, "reason": "r", "message": "m"});
    script.get("get", &path);
    let mut edit = |name: &str, path: &str, conditions: Json, more: Json| {
        let mut change = json!({"metadata": {"resourceVersion": null}, "status": {"conditions": conditions}});
        if let (Json::Object(change), Json::Object(more)) = (&mut change, more) {
            change.extend(more);
        }
        script.edit(name, path, "create", &change);
    };
    edit("without status", &path, fixed!([{"type": "Approved"}]), fixed!({}));
    edit("false", &path, json!([condition("Approved", "False")]), fixed!({}));
    edit("failed", &path, json!([condition("Failed", "True")]), fixed!({}));
    edit("both", &path, json!([condition("Approved", "True"), condition("Denied", "True")]), fixed!({}));
    edit("dry", &format!("{path}?dryRun=All"), json!([condition("Approved", "True")]), fixed!({}));
    edit("approve through status", &status, json!([condition("Approved", "True")]), fixed!({}));
    edit("approve", &path, json!([condition("Approved", "True")]), fixed!({}));
    edit("approve again", &path, json!([condition("Approved", "True")]), fixed!({}));
    edit("take back", &path, fixed!([]), fixed!({}));
    edit("deny", &path, json!([condition("Approved", "True"), condition("Denied", "True")]), fixed!({}));
    edit(
        "bad certificate",
        &status,
        json!([condition("Approved", "True")]),
        fixed!({"status": {"certificate": "eA=="}}),
    );
    script.patch("merge", &path, "merge", &fixed!({"metadata": {"labels": {"a": "b"}}}));
    script.get("after", kind.path());
    script.delete("delete", kind.path());
    script
}

/// What the server asks nodes for: there are none.
fn nodes() -> Script {
    let mut script = Script::with_namespace("parts", "nodes");
    script.post("create p", PODS, &pod("p")).silent();
    script.post("create q", PODS, &pod("q")).silent();
    let bind = fixed!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "q"}, "target": {"kind": "Node", "name": "none"}});
    script.post("bind q", format!("{PODS}/q/binding"), &bind).silent();
    for pod in ["p", "q", "none"] {
        for (part, query) in [
            ("log", ""),
            ("log", "?container=c"),
            ("log", "?container=x"),
            ("log", "?tailLines=-1"),
            ("log", "?sinceSeconds=0"),
            ("log", "?limitBytes=0"),
            ("log", "?sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z"),
            ("log", "?tailLines=x"),
            ("log", "?stream=Bogus"),
            ("log", "?previous=true"),
            ("exec", ""),
            ("exec", "?command=ls"),
            ("exec", "?command=ls&stdout=true&container=x"),
            ("exec", "?command=ls&stdout=true"),
            ("attach", ""),
            ("attach", "?stdout=true"),
            ("attach", "?stdout=true&tty=true&stderr=true"),
            ("portforward", ""),
            ("portforward", "?ports=80"),
            ("portforward", "?ports=x"),
            ("proxy", ""),
            ("proxy", "/a/b?c=d"),
        ] {
            let path = format!("{PODS}/{pod}/{part}{query}");
            script.get(format!("{part} of {pod} {query}"), path.as_str());
            if part != "log" {
                script.ask(format!("{part} of {pod} {query}, post"), "POST", path);
            }
        }
    }
    let service = fixed!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"name": "web", "port": 80}]}});
    script.post("service", "/api/v1/namespaces/$(ns)/services", &service).silent();
    for name in ["s", "none", "s:web", "s:x", "http:s:", "https:s:web", "bogus:s:web", "a:b:c:d", "s:80"] {
        script.get(format!("service {name}"), format!("/api/v1/namespaces/$(ns)/services/{name}/proxy"));
        script.get(
            format!("service {name} below"),
            format!("/api/v1/namespaces/$(ns)/services/{name}/proxy/a?b=c"),
        );
    }
    for name in ["none", "none:10250", "https:none:10250", "none:x"] {
        script.get(format!("node {name}"), format!("/api/v1/nodes/{name}/proxy/"));
    }
    script
}

fn containers() -> Script {
    let mut script = Script::with_namespace("parts", "containers");
    script.post("create", format!("{PODS}?fieldManager=differ"), &pod("p"));
    let path = format!("{PODS}/p/ephemeralcontainers");
    script.get("ephemeral get", &path);
    let one = fixed!({"spec": {"ephemeralContainers": [{"name": "d", "image": "i"}]}});
    script.patch(
        "ephemeral without image",
        &path,
        "strategic-merge",
        &fixed!({"spec": {"ephemeralContainers": [{"name": "d"}]}}),
    );
    script.patch("ephemeral with ports", &path, "strategic-merge", &fixed!({"spec": {"ephemeralContainers": [{"name": "d", "image": "i", "ports": [{"containerPort": 80}]}]}}));
    script.patch("ephemeral", &path, "strategic-merge", &one);
    script.patch("ephemeral again", &path, "strategic-merge", &one);
    script.patch(
        "ephemeral changed",
        &path,
        "strategic-merge",
        &fixed!({"spec": {"ephemeralContainers": [{"name": "d", "image": "j"}]}}),
    );
    script.patch(
        "ephemeral and more",
        &path,
        "merge",
        &fixed!({"spec": {"nodeName": "x"}, "metadata": {"labels": {"q": "r"}}}),
    );
    script.patch("ephemeral removed", &path, "merge", &fixed!({"spec": {"ephemeralContainers": []}}));
    let path = format!("{PODS}/p/resize");
    script.get("resize get", &path);
    let resources =
        |cpu: &str| json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}});
    script.patch("resize", &path, "strategic-merge", &resources("1500m"));
    script.patch("resize beyond", &path, "strategic-merge", &resources("5"));
    script.patch("resize nothing", &path, "strategic-merge", &fixed!({}));
    script.patch(
        "resize image",
        &path,
        "strategic-merge",
        &fixed!({"spec": {"containers": [{"name": "c", "image": "j"}]}}),
    );
    script.patch(
        "resize away",
        &path,
        "strategic-merge",
        &fixed!({"spec": {"containers": [{"name": "c", "resources": {"$patch": "replace"}}]}}),
    );
    script.patch("resize past the part", format!("{PODS}/p"), "strategic-merge", &resources("1600m"));
    script.delete("resize delete", &path);
    script.get("after", format!("{PODS}/p"));
    script
}

fn finalize() -> Script {
    let mut script = Script::with_namespace("parts", "finalize");
    let path = "/api/v1/namespaces/$(ns)/finalize";
    let namespace = |finalizers: Json| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$(ns)"}, "spec": {"finalizers": finalizers}});
    script.get("get", path);
    script.put("bad", path, &namespace(fixed!(["x y"])));
    script.put("another", path, &namespace(fixed!(["kubernetes", "a.b/c"])));
    script.put(
        "other name",
        path,
        &fixed!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}),
    );
    script.patch("merge", path, "merge", &fixed!({"spec": {"finalizers": []}}));
    script.patch("by the object", "/api/v1/namespaces/$(ns)", "merge", &fixed!({"spec": {"finalizers": []}}));
    script.delete("delete", "/api/v1/namespaces/$(ns)?propagationPolicy=Foreground");
    script.patch(
        "status",
        "/api/v1/namespaces/$(ns)/status",
        "merge",
        &fixed!({"status": {"phase": "Active"}}),
    );
    script.put("none", path, &namespace(fixed!([])));
    script.get("gone", "/api/v1/namespaces/$(ns)");
    script
}
