//! The life of an object of every resource: made, read in every form, changed by every verb, removed in every way.

use serde_json::{Value as Json, json};

use super::kinds::{self, Kind};
use crate::fixed;
use crate::script::Script;

/// A name that is not used and could not be.
const OTHER_UID: &str = "11111111-2222-3333-4444-555555555555";
/// Resources whose objects an update makes.
const MADE_BY_UPDATE: &[&str] = &["leases", "events", "endpoints", "endpointslices", "csinodes"];

pub(super) fn scripts() -> Vec<Script> {
    let kinds = kinds::all(1).into_iter();
    kinds
        .flat_map(|kind| {
            let mut read = new(&kind, "made");
            making(&mut read, &kind);
            reading(&mut read, &kind);
            removing(&mut read, &kind);
            let kind = kinds::one(2, &kind.version, &kind.resource);
            let mut written = new(&kind, "changed");
            written.post("create", format!("{}?fieldManager=differ", kind.collection()), &kind.object());
            updating(&mut written, &kind);
            patching(&mut written, &kind);
            status(&mut written, &kind);
            let kind = kinds::one(3, &kind.version, &kind.resource);
            let mut applied = new(&kind, "applied");
            applying(&mut applied, &kind);
            cascades(&mut applied, &kind);
            [read, written, applied]
        })
        .collect()
}

fn new(kind: &Kind, what: &str) -> Script {
    let name = format!("{what}.{}", kind.script());
    if kind.namespaced { Script::with_namespace("life", name) } else { Script::new("life", name) }
}

/// Only its object, among all that are in the cluster.
fn alone(kind: &Kind) -> String {
    format!("{}?fieldSelector=metadata.name%3D{}", kind.collection(), kind.name())
}

fn making(script: &mut Script, kind: &Kind) {
    let (all, one) = (kind.collection(), kind.path());
    let with = |field: &str, value: Json| {
        let mut object = kind.object();
        object[field] = value;
        object
    };
    script.get("get absent", &one);
    script.patch("patch absent", &one, "merge", &fixed!({"metadata": {"labels": {"a": "b"}}}));
    script.delete("delete absent", &one);
    script.post("create dry", format!("{all}?dryRun=All"), &kind.object());
    script.get("get after dry", &one);
    script.post("create empty", &all, &fixed!({}));
    script.post("create of type alone", &all, &json!({"apiVersion": kind.version, "kind": kind.kind}));
    script.post("create without name", &all, &kind.with(&fixed!({})));
    script.post("create with bad name", &all, &kind.with(&fixed!({"name": "Not_Valid!"})));
    script.post(
        "create with bad prefix",
        format!("{all}?dryRun=All"),
        &kind.with(&fixed!({"generateName": "gen_"})),
    );
    script.post(
        "create with prefix",
        format!("{all}?dryRun=All"),
        &kind.with(&fixed!({"generateName": "gen-"})),
    );
    script.post(
        "create with revision",
        &all,
        &kind.with(&json!({"name": kind.name(), "resourceVersion": "5"})),
    );
    script.post(
        "create in other namespace",
        &all,
        &kind.with(&json!({"name": kind.name(), "namespace": "other"})),
    );
    script.post("create unknown strict", format!("{all}?fieldValidation=Strict"), &with("bogus", fixed!(1)));
    script.post("create unknown warned", format!("{all}?dryRun=All"), &with("bogus", fixed!({"a": []})));
    script.post(
        "create unknown ignored",
        format!("{all}?dryRun=All&fieldValidation=Ignore"),
        &with("bogus", fixed!(1)),
    );
    script.post("create of other kind", &all, &with("kind", fixed!("Binding")));
    script.post("create of other version", &all, &with("apiVersion", fixed!("v9")));
    for field in ["spec", "data", "status", "metadata"] {
        script.post(
            format!("create with text as {field}"),
            format!("{all}?dryRun=All"),
            &with(field, fixed!("x")),
        );
    }
    let spoilt = json!({"name": kind.name(), "labels": {"a b": "c d"}, "annotations": {"a b": "c"}, "finalizers": ["x y"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "", "uid": ""}]});
    script.post("create with bad metadata", format!("{all}?dryRun=All"), &kind.with(&spoilt));
    script.post("create", format!("{all}?fieldManager=differ"), &kind.object());
    script.post("create again", &all, &kind.object());
}

fn reading(script: &mut Script, kind: &Kind) {
    let (one, alone) = (kind.path(), alone(kind));
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let metadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let metadata_list = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let protobuf = "application/vnd.kubernetes.protobuf";
    script.get("get", &one);
    script.ask("head", "HEAD", &one);
    script.get("get pretty", format!("{one}?pretty=true"));
    script.get("get cached", format!("{one}?resourceVersion=0"));
    script.get("get yaml", &one).accept("application/yaml");
    script.get("get table", &one).accept(table);
    script.get("get table whole", format!("{one}?includeObject=Object")).accept(table);
    script.get("get metadata", &one).accept(metadata);
    script.get("get protobuf", &one).accept(protobuf);
    script.get("get metadata protobuf", &one).accept(metadata.replace("application/json", protobuf));
    script.get("list", &alone);
    script.get("list cached", format!("{alone}&resourceVersion=0"));
    script.get("list page", format!("{alone}&limit=1"));
    script.get("list yaml", &alone).accept("application/yaml");
    script.get("list table", &alone).accept(table);
    script.get("list table bare", format!("{alone}&includeObject=None")).accept(table);
    script.get("list metadata", &alone).accept(metadata_list);
    script.get("list protobuf", &alone).accept(protobuf);
    script.get("list by bad field", format!("{}?fieldSelector=spec.bogus%3D1", kind.collection()));
    script.get("watch", format!("{alone}&watch=1&timeoutSeconds=1")).events();
    script.get("watch table", format!("{alone}&watch=1&timeoutSeconds=1")).accept(table).events();
}

fn removing(script: &mut Script, kind: &Kind) {
    let (one, alone) = (kind.path(), alone(kind));
    let options = |name: &str, value: Json| {
        let mut options = fixed!({"kind": "DeleteOptions", "apiVersion": "v1"});
        options[name] = value;
        options
    };
    script.delete("delete dry", format!("{one}?dryRun=All"));
    script.delete("delete other uid", &one).json(&options("preconditions", json!({"uid": OTHER_UID})));
    script
        .delete("delete other revision", &one)
        .json(&options("preconditions", fixed!({"resourceVersion": "1"})));
    script.delete("delete with bad policy", format!("{one}?propagationPolicy=Foo"));
    script.delete("delete with bad body", &one).json(&fixed!({"kind": "Foo", "apiVersion": "v1"}));
    script.delete("delete", format!("{one}?gracePeriodSeconds=0"));
    script.get("get deleted", &one);
    script.delete("delete again", format!("{one}?gracePeriodSeconds=0"));
    if kind.resource != "namespaces" {
        script.post("create for collection", kind.collection(), &kind.object());
        script.delete("delete collection dry", format!("{alone}&dryRun=All"));
    }
    // Upstream has no such verb for a few.
    script.delete("delete collection", format!("{alone}&gracePeriodSeconds=0"));
}

fn updating(script: &mut Script, kind: &Kind) {
    let one = kind.path();
    script.edit("update nothing", &one, "create", &fixed!({}));
    script.edit("update labels", &one, "create", &fixed!({"metadata": {"labels": {"x": "y"}}}));
    script.edit("update stale", &one, "create", &fixed!({"metadata": {"labels": {"x": "z"}}}));
    script.edit(
        "update without revision",
        &one,
        "create",
        &fixed!({"metadata": {"resourceVersion": null, "labels": {"x": "q"}}}),
    );
    script.edit(
        "update with bad revision",
        &one,
        "create",
        &fixed!({"metadata": {"resourceVersion": "abc"}}),
    );
    let unconditional = |change: Json| {
        let mut change = change;
        change["metadata"]["resourceVersion"] = Json::Null;
        change
    };
    script.edit("update other uid", &one, "create", &unconditional(json!({"metadata": {"uid": OTHER_UID}})));
    script.edit("update other name", &one, "create", &unconditional(fixed!({"metadata": {"name": "other"}})));
    script.edit(
        "update other namespace",
        &one,
        "create",
        &unconditional(fixed!({"metadata": {"namespace": "other"}})),
    );
    script.edit(
        "update dry",
        format!("{one}?dryRun=All"),
        "create",
        &unconditional(fixed!({"metadata": {"labels": {"x": "d"}}})),
    );
    script.edit(
        "update unknown",
        format!("{one}?fieldValidation=Strict"),
        "create",
        &unconditional(fixed!({"bogus": 1})),
    );
    script.edit("update owned by the server", &one, "create",
        &unconditional(fixed!({"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z", "generation": 7, "selfLink": "x", "deletionTimestamp": "2020-01-01T00:00:00Z"}})));
    script.edit("update spec", &one, "create", &unconditional(kind.change.clone()));
    script.get("get updated", &one);
    let absent = if MADE_BY_UPDATE.contains(&kind.resource.as_str()) { "Bad_name" } else { "absent" };
    script.put(
        "update absent",
        format!("{}/{absent}", kind.collection()),
        &kind.with(&json!({"name": absent})),
    );
}

fn patching(script: &mut Script, kind: &Kind) {
    let one = kind.path();
    script.patch("merge", &one, "merge", &fixed!({"metadata": {"annotations": {"a": "b"}}}));
    script.patch("merge nothing", &one, "merge", &fixed!({}));
    script.patch("merge change", &one, "merge", &kind.change);
    script.patch("merge stale", &one, "merge", &fixed!({"metadata": {"resourceVersion": "1"}}));
    script.patch("merge name", &one, "merge", &fixed!({"metadata": {"name": "other"}}));
    script.patch("merge unknown", format!("{one}?fieldValidation=Strict"), "merge", &fixed!({"bogus": 1}));
    script.patch("merge kind", &one, "merge", &fixed!({"kind": "Foo"}));
    script.patch("json", &one, "json", &fixed!([{"op": "add", "path": "/metadata/labels/q", "value": "r"}]));
    script.patch(
        "json test",
        &one,
        "json",
        &fixed!([{"op": "test", "path": "/metadata/name", "value": "x"}]),
    );
    script.patch("json absent", &one, "json", &fixed!([{"op": "remove", "path": "/spec/bogus"}]));
    script.patch(
        "strategic",
        &one,
        "strategic-merge",
        &fixed!({"metadata": {"labels": {"q": null, "t": "u"}}}),
    );
    script.patch("strategic change", &one, "strategic-merge", &kind.change);
    script.patch(
        "strategic replace",
        &one,
        "strategic-merge",
        &fixed!({"metadata": {"labels": {"$patch": "replace", "z": "1"}}}),
    );
    script.patch("strategic wrong type", &one, "strategic-merge", &fixed!({"metadata": {"labels": ["a"]}}));
    script.get("get patched", &one);
}

fn status(script: &mut Script, kind: &Kind) {
    let path = format!("{}/status", kind.path());
    script.get("status get", &path);
    script.ask("status post", "POST", &path).json(&fixed!({}));
    script.delete("status delete", &path);
    let Some(status) = &kind.status else { return };
    let change = json!({"status": status, "metadata": {"resourceVersion": null, "labels": {"status": "1"}}});
    script.edit("status update", &path, "create", &change);
    script.patch(
        "status merge",
        &path,
        "merge",
        &json!({"status": status, "metadata": {"annotations": {"s": "t"}}}),
    );
    script.patch("status strategic", &path, "strategic-merge", &json!({"status": status}));
    script.patch("status change of spec", &path, "merge", &kind.change);
    script.patch("status wrong type", &path, "merge", &fixed!({"status": "x"}));
    let applied = json!({"apiVersion": kind.version, "kind": kind.kind, "status": status});
    script.patch("status apply", format!("{path}?fieldManager=s"), "apply", &applied);
    script.get("status after", kind.path());
}

fn applying(script: &mut Script, kind: &Kind) {
    let one = kind.path();
    let changed = |change: &Json| {
        let object = crate::value::Value::from(&kind.object()).merged(&change.into());
        serde_json::from_str(&object.to_string()).unwrap_or(Json::Null)
    };
    let labelled = changed(&fixed!({"metadata": {"labels": {"a": "b"}}}));
    script.patch("apply without manager", &one, "apply", &kind.object());
    script.patch("apply dry", format!("{one}?fieldManager=m&dryRun=All"), "apply", &kind.object());
    script.patch("apply", format!("{one}?fieldManager=m"), "apply", &kind.object());
    script.patch("apply again", format!("{one}?fieldManager=m"), "apply", &kind.object());
    script.patch("apply labels", format!("{one}?fieldManager=m"), "apply", &labelled);
    script.patch("apply without labels", format!("{one}?fieldManager=m"), "apply", &kind.object());
    script.patch("apply change", format!("{one}?fieldManager=m"), "apply", &changed(&kind.change));
    script.patch("apply of another", format!("{one}?fieldManager=n"), "apply", &kind.object());
    script.patch("apply by force", format!("{one}?fieldManager=n&force=true"), "apply", &labelled);
    script.patch("apply unknown", format!("{one}?fieldManager=m"), "apply", &changed(&fixed!({"bogus": 1})));
    script.patch(
        "apply other name",
        format!("{one}?fieldManager=m"),
        "apply",
        &changed(&fixed!({"metadata": {"name": "other"}})),
    );
    script.get("get applied", &one);
}

fn cascades(script: &mut Script, kind: &Kind) {
    let one = kind.path();
    for policy in ["Orphan", "Foreground", "Background"] {
        script.delete(format!("delete {policy}"), format!("{one}?propagationPolicy={policy}"));
        script.get(format!("get after {policy}"), &one);
        if policy == "Background" || kind.resource == "namespaces" {
            return;
        }
        let free = fixed!([{"op": "replace", "path": "/metadata/finalizers", "value": []}]);
        script.patch(format!("free after {policy}"), &one, "json", &free);
        script
            .delete(format!("delete at once after {policy}"), format!("{one}?gracePeriodSeconds=0"))
            .silent();
        script.post(format!("create after {policy}"), kind.collection(), &kind.object());
    }
}
