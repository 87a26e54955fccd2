//! Server-side apply: who owns what, conflicts, removal, lists by their keys.

use serde_json::{Value as Json, json};

use crate::fixed;
use crate::script::Script;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/$(ns)/deployments";
const MAPS: &str = "/api/v1/namespaces/$(ns)/configmaps";

pub(super) fn scripts() -> Vec<Script> {
    vec![maps(), conflicts(), lists(), mixed(), refused(), versions()]
}

fn map(data: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": data})
}

fn apply(script: &mut Script, name: &str, path: &str, body: &Json) {
    script.patch(name, path, "apply", body);
}

fn maps() -> Script {
    let mut script = Script::with_namespace("applies", "maps");
    let by = |manager: &str, more: &str| format!("{MAPS}/one?fieldManager={manager}{more}");
    apply(&mut script, "make", &by("a", ""), &map(&fixed!({"x": "1", "y": "1"})));
    apply(&mut script, "remove one", &by("a", ""), &map(&fixed!({"x": "1"})));
    apply(&mut script, "share", &by("b", ""), &map(&fixed!({"x": "1", "z": "1"})));
    apply(&mut script, "leave shared", &by("a", ""), &map(&fixed!({})));
    apply(
        &mut script,
        "leave all",
        &by("a", ""),
        &fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}),
    );
    apply(&mut script, "null", &by("b", ""), &map(&fixed!({"x": null, "z": "1"})));
    apply(&mut script, "null data", &by("b", ""), &map(&fixed!(null)));
    apply(
        &mut script,
        "labels",
        &by("b", ""),
        &fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {"l": "m"}, "annotations": {"a": "b"}}, "data": {"z": "1"}}),
    );
    apply(
        &mut script,
        "owner",
        &by("b", ""),
        &fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}], "finalizers": ["a.b/c"]}}),
    );
    apply(
        &mut script,
        "binary",
        &by("b", ""),
        &fixed!({"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"q": "eA=="}, "immutable": false}),
    );
    script.get("after", format!("{MAPS}/one"));
    script.patch(
        "forget owners",
        format!("{MAPS}/one"),
        "merge",
        &fixed!({"metadata": {"managedFields": [{}]}}),
    );
    apply(&mut script, "after forgetting", &by("c", ""), &map(&fixed!({"z": "2"})));
    script
}

fn conflicts() -> Script {
    let mut script = Script::with_namespace("applies", "conflicts");
    let by = |manager: &str, more: &str| format!("{MAPS}/one?fieldManager={manager}{more}");
    apply(&mut script, "make", &by("a", ""), &map(&fixed!({"x": "1", "y": "1", "z": "1"})));
    apply(&mut script, "another value", &by("b", ""), &map(&fixed!({"x": "2"})));
    apply(&mut script, "two other values", &by("b", ""), &map(&fixed!({"x": "2", "y": "2"})));
    apply(&mut script, "dry force", &by("b", "&force=true&dryRun=All"), &map(&fixed!({"x": "2"})));
    apply(&mut script, "force", &by("b", "&force=true"), &map(&fixed!({"x": "2"})));
    apply(&mut script, "back", &by("a", ""), &map(&fixed!({"x": "1", "y": "1"})));
    script.patch("update by a third", by("c", ""), "merge", &fixed!({"data": {"y": "3"}}));
    apply(&mut script, "against an update", &by("a", ""), &map(&fixed!({"y": "1"})));
    script.edit(
        "update by a fourth",
        by("d", ""),
        "force",
        &fixed!({"metadata": {"resourceVersion": null, "managedFields": null}, "data": {"x": "4", "y": "4"}}),
    );
    apply(&mut script, "against two", &by("e", ""), &map(&fixed!({"x": "5", "y": "5"})));
    apply(&mut script, "same manager, other verb", &by("c", ""), &map(&fixed!({"y": "9"})));
    script.get("after", format!("{MAPS}/one"));
    script
}

fn lists() -> Script {
    let mut script = Script::with_namespace("applies", "lists");
    let deployment = |containers: Json, more: Json| {
        let mut deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one"},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}}});
        if let (Some(Json::Object(spec)), Json::Object(more)) = (deployment.get_mut("spec"), more) {
            spec.extend(more);
        }
        deployment
    };
    let by = |manager: &str, more: &str| format!("{DEPLOYMENTS}/one?fieldManager={manager}{more}");
    let c = fixed!({"name": "c", "image": "i", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}], "args": ["x", "y"]});
    apply(&mut script, "make", &by("a", ""), &deployment(json!([c]), fixed!({"replicas": 2})));
    apply(
        &mut script,
        "second container",
        &by("b", ""),
        &deployment(fixed!([{"name": "d", "image": "j"}]), fixed!({})),
    );
    apply(
        &mut script,
        "same port, other name",
        &by("b", ""),
        &deployment(
            fixed!([{"name": "c", "ports": [{"containerPort": 80, "protocol": "TCP", "name": "w"}]}, {"name": "d", "image": "j"}]),
            fixed!({}),
        ),
    );
    apply(
        &mut script,
        "other order",
        &by("a", ""),
        &deployment(json!([c, {"name": "b", "image": "k"}]), fixed!({"replicas": 2})),
    );
    apply(&mut script, "without key", &by("a", ""), &deployment(fixed!([{"image": "i"}]), fixed!({})));
    apply(
        &mut script,
        "twice a key",
        &by("a", ""),
        &deployment(fixed!([{"name": "c", "image": "i"}, {"name": "c", "image": "j"}]), fixed!({})),
    );
    apply(
        &mut script,
        "atomic list",
        &by("b", ""),
        &deployment(fixed!([{"name": "c", "args": ["z"]}, {"name": "d", "image": "j"}]), fixed!({})),
    );
    apply(
        &mut script,
        "atomic selector",
        &by("b", ""),
        &deployment(fixed!([{"name": "d", "image": "j"}]), fixed!({"selector": {"matchLabels": {"x": "y"}}})),
    );
    apply(&mut script, "remove container", &by("b", ""), &deployment(fixed!([]), fixed!({})));
    apply(&mut script, "wrong type", &by("a", ""), &deployment(fixed!("x"), fixed!({})));
    apply(&mut script, "wrong type inside", &by("a", ""), &deployment(fixed!([{"name": 5}]), fixed!({})));
    apply(&mut script, "leave replicas", &by("a", ""), &deployment(json!([c]), fixed!({})));
    script.put("scale", format!("{DEPLOYMENTS}/one/scale?fieldManager=s"), &fixed!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "one"}, "spec": {"replicas": 7}}));
    apply(&mut script, "after scale", &by("a", ""), &deployment(json!([c]), fixed!({"replicas": 2})));
    script.patch("status", format!("{DEPLOYMENTS}/one/status?fieldManager=t"), "apply",
        &fixed!({"apiVersion": "apps/v1", "kind": "Deployment", "status": {"conditions": [{"type": "X", "status": "True"}]}}));
    script.get("after", format!("{DEPLOYMENTS}/one"));
    script
}

/// From client-side writes to applies.
fn mixed() -> Script {
    let mut script = Script::with_namespace("applies", "mixed");
    let by = |manager: &str, more: &str| format!("{MAPS}/one?fieldManager={manager}{more}");
    script.post(
        "create",
        format!("{MAPS}?fieldManager=kubectl-client-side-apply"),
        &map(&fixed!({"x": "1", "y": "1"})),
    );
    apply(&mut script, "same", &by("kubectl", ""), &map(&fixed!({"x": "1", "y": "1"})));
    apply(&mut script, "other", &by("kubectl", ""), &map(&fixed!({"x": "2", "y": "1"})));
    apply(&mut script, "fewer by force", &by("kubectl", "&force=true"), &map(&fixed!({"x": "2"})));
    script.patch("merge away", by("m", ""), "merge", &fixed!({"data": {"x": null}}));
    apply(&mut script, "again", &by("kubectl", ""), &map(&fixed!({"x": "2"})));
    script.edit("update nothing", by("u", ""), "again", &fixed!({"metadata": {"resourceVersion": null}}));
    script.edit(
        "update owners",
        by("u", ""),
        "again",
        &fixed!({"metadata": {"resourceVersion": null, "managedFields": []}}),
    );
    script.get("after", format!("{MAPS}/one"));
    script
}

fn refused() -> Script {
    let mut script = Script::with_namespace("applies", "refused");
    let path = format!("{MAPS}/one?fieldManager=m");
    apply(&mut script, "no manager", &format!("{MAPS}/one"), &map(&fixed!({})));
    apply(&mut script, "empty manager", &format!("{MAPS}/one?fieldManager="), &map(&fixed!({})));
    for (name, body) in [
        ("empty", fixed!({})),
        ("no version", fixed!({"kind": "ConfigMap"})),
        ("no kind", fixed!({"apiVersion": "v1"})),
        ("other kind", fixed!({"apiVersion": "v1", "kind": "Secret"})),
        ("unknown kind", fixed!({"apiVersion": "v1", "kind": "Foo"})),
        ("other version", fixed!({"apiVersion": "v9", "kind": "ConfigMap"})),
        ("other name", fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})),
        (
            "other namespace",
            fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "x"}}),
        ),
        (
            "owners",
            fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": [{"manager": "x"}]}}),
        ),
        ("no owners", fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": []}})),
        ("uid", fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"uid": "x"}})),
        ("revision", fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"resourceVersion": "1"}})),
        ("prefix", fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "gen-"}})),
        ("unknown", fixed!({"apiVersion": "v1", "kind": "ConfigMap", "bogus": 1})),
        ("unknown in metadata", fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"bogus": 1}})),
        ("number", fixed!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 5}})),
        ("list", fixed!([])),
        ("text", fixed!("x")),
        ("null", fixed!(null)),
        (
            "bad label",
            fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {"a b": "c"}}}),
        ),
    ] {
        apply(&mut script, name, &path, &body);
        apply(&mut script, &format!("{name}, strict"), &format!("{path}&fieldValidation=Strict"), &body);
    }
    let other = format!("{MAPS}/one?fieldManager=m");
    script.ask("cbor", "PATCH", other.as_str()).bytes("application/apply-patch+cbor", "{}");
    script
        .ask("two keys", "PATCH", other)
        .bytes("application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n  a: c\n");
    script.patch(
        "into an absent status",
        format!("{DEPLOYMENTS}/none/status?fieldManager=m"),
        "apply",
        &fixed!({"apiVersion": "apps/v1", "kind": "Deployment"}),
    );
    script.patch(
        "of a part that has none",
        format!("{MAPS}/one/status?fieldManager=m"),
        "apply",
        &map(&fixed!({})),
    );
    script
}

/// One resource in two versions.
fn versions() -> Script {
    let mut script = Script::with_namespace("applies", "versions");
    let path = |version: &str| {
        format!("/apis/autoscaling/{version}/namespaces/$(ns)/horizontalpodautoscalers/one?fieldManager=m")
    };
    let scaler = |version: &str, more: Json| {
        let mut scaler = json!({"apiVersion": format!("autoscaling/{version}"), "kind": "HorizontalPodAutoscaler", "metadata": {"name": "one"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "x", "apiVersion": "apps/v1"}}});
        if let (Some(Json::Object(spec)), Json::Object(more)) = (scaler.get_mut("spec"), more) {
            spec.extend(more);
        }
        scaler
    };
    apply(&mut script, "first", &path("v1"), &scaler("v1", fixed!({"targetCPUUtilizationPercentage": 50})));
    apply(&mut script, "second", &path("v2"), &scaler("v2", fixed!({"minReplicas": 2})));
    apply(
        &mut script,
        "second by another",
        &path("v2").replace("=m", "=n"),
        &scaler(
            "v2",
            fixed!({"metrics": [{"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 60}}}]}),
        ),
    );
    for version in ["v1", "v2"] {
        script.get(format!("as {version}"), path(version));
        script
            .get(format!("as {version} table"), path(version))
            .accept("application/json;as=Table;v=v1;g=meta.k8s.io");
    }
    apply(&mut script, "of another version", &path("v2"), &scaler("v1", fixed!({})));
    script
}
