//! Metadata: names, labels, annotations, finalizers, owners, generated names.

use serde_json::{Value as Json, json};

use super::kinds;
use crate::fixed;
use crate::script::Script;

/// One resource of each rule of names.
const NAMED: &[(&str, &str)] = &[
    ("v1", "configmaps"),
    ("v1", "services"),
    ("v1", "namespaces"),
    ("apps/v1", "deployments"),
    ("batch/v1", "cronjobs"),
    ("batch/v1", "jobs"),
    ("rbac.authorization.k8s.io/v1", "roles"),
    ("networking.k8s.io/v1", "ipaddresses"),
    ("v1", "persistentvolumeclaims"),
    ("v1", "secrets"),
    ("apiregistration.k8s.io/v1", "apiservices"),
    ("apps/v1", "statefulsets"),
    ("scheduling.k8s.io/v1", "priorityclasses"),
    ("storage.k8s.io/v1", "csidrivers"),
    ("apps/v1", "controllerrevisions"),
    ("flowcontrol.apiserver.k8s.io/v1", "flowschemas"),
];

pub(super) fn scripts() -> Vec<Script> {
    let mut scripts = vec![keys(), values(), owners(), namespaces(), updates()];
    scripts.extend(NAMED.iter().map(|(version, resource)| names(version, resource)));
    scripts
}

fn create(script: &mut Script, name: String, metadata: &Json) {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    script.post(name, "/api/v1/namespaces/$(ns)/configmaps?dryRun=All", &object);
}

/// Names of every length and alphabet.
fn names(version: &str, resource: &str) -> Script {
    let mut script = Script::with_namespace("names", format!("of {resource}"));
    let long = |count: usize| "a".repeat(count);
    let names = [
        "a", "-a", "a-", "A", "a.b", "a..b", ".a", "a_b", "a b", "a/b", "é", "1", "1a", "a:b", "%", "..",
        ".", "a%b", "a--b", "a,b",
    ];
    let mut names: Vec<String> = names.map(str::to_owned).into();
    names.extend([53, 58, 63, 64, 253, 254].map(long));
    names.push(vec![long(63); 3].join("."));
    names.push(format!("{}.a", long(64)));
    let kind = kinds::one(4, version, resource);
    for name in &names {
        let shown: String = name.chars().take(12).collect();
        let path = format!("{}?dryRun=All", kind.collection());
        script.post(format!("{shown} {}", name.len()), path, &kind.with(&json!({"name": name})));
    }
    script
}

fn keys() -> Script {
    let mut script = Script::with_namespace("names", "keys");
    let long = "a".repeat(64);
    let prefixed = [format!("{}/b", "a".repeat(253)), format!("{}/b", "a".repeat(254)), format!("a/{long}")];
    for key in [
        "",
        "a",
        "-a",
        "a-",
        "A",
        "a/b",
        "a/b/c",
        "/a",
        "a/",
        "A/b",
        "a_b/c",
        "é",
        "a b",
        "a.b_c-d",
        long.as_str(),
    ]
    .into_iter()
    .chain(prefixed.iter().map(String::as_str))
    {
        let shown: String = key.chars().take(12).collect();
        for field in ["labels", "annotations"] {
            create(
                &mut script,
                format!("{field} {shown} {}", key.len()),
                &json!({"name": "a", field: {key: "v"}}),
            );
        }
        create(
            &mut script,
            format!("finalizer {shown} {}", key.len()),
            &json!({"name": "a", "finalizers": [key]}),
        );
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {key: "v"}});
        script.post(
            format!("data {shown} {}", key.len()),
            "/api/v1/namespaces/$(ns)/configmaps?dryRun=All",
            &object,
        );
    }
    script
}

fn values() -> Script {
    let mut script = Script::with_namespace("names", "values");
    let long = "a".repeat(64);
    for value in ["", "a", "-a", "a-", "A.b", "a/b", "a b", "é", "a_b", long.as_str()] {
        let shown: String = value.chars().take(12).collect();
        create(
            &mut script,
            format!("label {shown} {}", value.len()),
            &json!({"name": "a", "labels": {"k": value}}),
        );
    }
    let annotation = |count: usize| json!({"name": "a", "annotations": {"k": "a".repeat(count)}});
    create(&mut script, "annotations as long as may be".to_owned(), &annotation(262_143));
    create(&mut script, "annotations longer".to_owned(), &annotation(262_144));
    for prefix in ["gen-", "gen_", "Gen-", "gen.", "gen", "-gen-", "gen-.", "gen/"] {
        create(&mut script, format!("prefix {prefix}"), &json!({"generateName": prefix}));
        create(
            &mut script,
            format!("prefix {prefix} and name"),
            &json!({"generateName": prefix, "name": "a"}),
        );
    }
    create(&mut script, "long prefix".to_owned(), &json!({"name": "a", "generateName": "a".repeat(300)}));
    for (name, metadata) in [
        ("grace", fixed!({"name": "a", "deletionGracePeriodSeconds": 5})),
        ("generation", fixed!({"name": "a", "generation": -1})),
        ("link", fixed!({"name": "a", "selfLink": "/x"})),
        ("finalizers twice", fixed!({"name": "a", "finalizers": ["a/b", "a/b"]})),
        (
            "well-known finalizers",
            fixed!({"name": "a", "finalizers": ["orphan", "foregroundDeletion", "kubernetes"]}),
        ),
        ("both cascades", fixed!({"name": "a", "finalizers": ["orphan", "foregroundDeletion"]})),
        (
            "null labels",
            fixed!({"name": "a", "labels": null, "annotations": null, "finalizers": null, "ownerReferences": null}),
        ),
        (
            "empty labels",
            fixed!({"name": "a", "labels": {}, "annotations": {}, "finalizers": [], "ownerReferences": [], "managedFields": []}),
        ),
        ("old times", fixed!({"name": "a", "creationTimestamp": "2020-01-01T00:00:00+02:00"})),
    ] {
        create(&mut script, name.to_owned(), &metadata);
    }
    script
}

fn owners() -> Script {
    let mut script = Script::with_namespace("names", "owners");
    let owner = |change: Json| {
        let mut owner = fixed!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"});
        if let (Json::Object(owner), Json::Object(change)) = (&mut owner, change) {
            owner.extend(change);
        }
        owner
    };
    for (name, owners) in [
        ("one", vec![owner(fixed!({}))]),
        ("no uid", vec![owner(fixed!({"uid": ""}))]),
        ("no name", vec![owner(fixed!({"name": ""}))]),
        ("no kind", vec![owner(fixed!({"kind": ""}))]),
        ("no version", vec![owner(fixed!({"apiVersion": ""}))]),
        ("bad version", vec![owner(fixed!({"apiVersion": "a/b/c"}))]),
        ("event", vec![owner(fixed!({"kind": "Event"}))]),
        ("controller", vec![owner(fixed!({"controller": true}))]),
        ("blocking", vec![owner(fixed!({"controller": true, "blockOwnerDeletion": true}))]),
        (
            "two controllers",
            vec![owner(fixed!({"controller": true})), owner(fixed!({"uid": "v", "controller": true}))],
        ),
        ("twice", vec![owner(fixed!({})), owner(fixed!({}))]),
        ("twice, not quite", vec![owner(fixed!({})), owner(fixed!({"name": "q"}))]),
    ] {
        create(&mut script, name.to_owned(), &json!({"name": "a", "ownerReferences": owners}));
    }
    script
}

/// A namespace that is not there, and one that goes.
fn namespaces() -> Script {
    let mut script = Script::with_namespace("names", "namespaces");
    let map = fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    script.post("into none", "/api/v1/namespaces/none/configmaps", &map);
    script.post("into default", "/api/v1/namespaces/default/configmaps?dryRun=All", &map);
    script.post("into bad", "/api/v1/namespaces/A_b/configmaps", &map);
    script.put("update in none", "/api/v1/namespaces/none/configmaps/a", &map);
    script.patch("apply in none", "/api/v1/namespaces/none/configmaps/a?fieldManager=m", "apply", &map);
    script.delete("delete in none", "/api/v1/namespaces/none/configmaps/a");
    script.get("list in none", "/api/v1/namespaces/none/configmaps");
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        script.delete(format!("delete {name}"), format!("/api/v1/namespaces/{name}?dryRun=All"));
        script.get(format!("get {name}"), format!("/api/v1/namespaces/{name}"));
    }
    let maps = "/api/v1/namespaces/$(ns)/configmaps";
    script.post(
        "before",
        maps,
        &fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}),
    );
    script.delete("delete it", "/api/v1/namespaces/$(ns)");
    script.delete("delete it again", "/api/v1/namespaces/$(ns)");
    script.get("gone", "/api/v1/namespaces/$(ns)").accept("application/json;as=Table;v=v1;g=meta.k8s.io");
    script.post("into it", maps, &map);
    script.patch("apply into it", format!("{maps}/a?fieldManager=m"), "apply", &map);
    script.patch("change in it", format!("{maps}/b"), "merge", &fixed!({"data": {"a": "b"}}));
    script.delete("delete in it", format!("{maps}/b"));
    let finalize = fixed!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$(ns)"}, "spec": {"finalizers": []}});
    script.put("finalize", "/api/v1/namespaces/$(ns)/finalize", &finalize);
    script.get("finalized", "/api/v1/namespaces/$(ns)");
    script
}

fn updates() -> Script {
    let mut script = Script::with_namespace("names", "updates");
    let maps = "/api/v1/namespaces/$(ns)/configmaps";
    let map = fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "generateName": "Gen_", "labels": {"a": "b"}}});
    script.post("create", format!("{maps}?fieldManager=differ"), &map);
    let one = format!("{maps}/a");
    let merge = |script: &mut Script, name: &str, metadata: Json| {
        script.patch(name, format!("{maps}/a"), "merge", &json!({"metadata": metadata}));
    };
    merge(&mut script, "prefix", fixed!({"generateName": "x_"}));
    merge(&mut script, "bad prefix", fixed!({"generateName": "X/"}));
    merge(&mut script, "no prefix", fixed!({"generateName": null}));
    merge(&mut script, "bad label", fixed!({"labels": {"a b": "c"}}));
    merge(&mut script, "bad finalizer", fixed!({"finalizers": ["x"]}));
    merge(&mut script, "finalizer", fixed!({"finalizers": ["a.b/c"]}));
    merge(&mut script, "bad owner", fixed!({"ownerReferences": [{"apiVersion": "v1"}]}));
    merge(&mut script, "time", fixed!({"creationTimestamp": "2020-01-01T00:00:00Z"}));
    merge(&mut script, "no time", fixed!({"creationTimestamp": null}));
    merge(&mut script, "uid", fixed!({"uid": "x"}));
    merge(&mut script, "no uid", fixed!({"uid": null}));
    merge(&mut script, "generation", fixed!({"generation": 9}));
    merge(
        &mut script,
        "deletion",
        fixed!({"deletionTimestamp": "2020-01-01T00:00:00Z", "deletionGracePeriodSeconds": 9}),
    );
    merge(&mut script, "owners of fields", fixed!({"managedFields": []}));
    merge(&mut script, "owners of fields, one empty", fixed!({"managedFields": [{}]}));
    merge(
        &mut script,
        "owners of fields, bad",
        fixed!({"managedFields": [{"manager": "x", "operation": "Bogus"}]}),
    );
    script.delete("delete", &one);
    merge(&mut script, "finalizer more", fixed!({"finalizers": ["a.b/c", "d.e/f"]}));
    merge(&mut script, "label meanwhile", fixed!({"labels": {"a": "c"}}));
    script.delete("delete again", format!("{one}?gracePeriodSeconds=5"));
    script.delete("delete by policy", format!("{one}?propagationPolicy=Foreground"));
    merge(&mut script, "finalizers gone", fixed!({"finalizers": null}));
    script.get("gone", &one);
    script
}
