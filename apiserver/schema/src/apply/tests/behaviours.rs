//! Behaviours, as transcripts: what is done to an object, and what it and its owners are afterwards.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::apply::managed::take;
use crate::apply::{
    ApplyError, Configuration, Entry, FieldPath, Filter, Identity, Managed, OneVersion, Operation, Scale,
    Set, Target, Writer, apply, keep_times, update,
};
use crate::arena::builder::{Builder, FieldSpec, Member};
use crate::arena::{Arena, Flags, Kind, ListShape, Schema};
use crate::json;
use crate::scalar::time::Time;
use crate::tree::{Entries, Object, Value};

/// One write. The time of a write is the number of those before it, in seconds.
#[derive(Clone, Copy)]
enum Write<'a> {
    /// Who applies what.
    Apply(&'a str, &'a str),
    /// The same, forced.
    Force(&'a str, &'a str),
    /// Who applies what to the status.
    ApplyStatus(&'a str, &'a str),
    /// Who merges what patch.
    Merge(&'a str, &'a str),
    /// The same on the status.
    MergeStatus(&'a str, &'a str),
}
use Write::{Apply, ApplyStatus, Force, Merge, MergeStatus};

fn read(text: &str) -> Value {
    json::decode_any(text.as_bytes()).unwrap()
}

/// RFC 7386, which is enough to write any object here.
fn merged(value: Value, patch: &Value) -> Value {
    let Value::Map(patch) = patch else { return patch.clone() };
    let mut entries = match value {
        Value::Map(entries) => entries,
        _ => Entries::new(),
    };
    for (name, part) in patch.iter() {
        match part {
            Value::Null => drop(entries.remove(name)),
            part => {
                let before = entries.remove(name).unwrap_or(Value::Null);
                entries.set(name, merged(before, part));
            }
        }
    }
    Value::Map(entries)
}

fn shown(object: &Object) -> String {
    let mut text = Vec::new();
    json::encode(object.ty(), object.root(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn object(schema: &Schema, text: &str) -> Object {
    Object::with_root(schema.clone(), json::decode(text.as_bytes(), schema.ty(), false).unwrap().root)
}

/// What the object is, without its kind and its owners, and then a line per owner.
fn described(object: &Object) -> String {
    let mut bare = object.clone();
    take(&mut bare);
    let mut text = String::new();
    if let Value::Map(mut entries) = read(&shown(&bare)) {
        entries.retain(|name, _| name != "apiVersion" && name != "kind");
        let mut out = Vec::new();
        json::encode_value(object.ty(), &Value::Map(entries), &mut out).unwrap();
        text = String::from_utf8(out).unwrap();
    }
    for entry in &Managed::of(object).unwrap().entries {
        let Identity { manager, operation, subresource, .. } = &entry.identity;
        let sub = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
        let time = entry.time.map_or("-".to_owned(), |time| time.seconds.to_string());
        let paths: Vec<String> = entry.set().paths().iter().map(ToString::to_string).collect();
        write!(text, "\n{manager}{sub} {} {time}: {}", operation.as_str(), paths.join(" ")).unwrap();
    }
    text
}

struct Stage<'a> {
    api_version: &'a str,
    kind: &'a str,
    schema: Schema,
    live: Option<Object>,
    seconds: i64,
}

impl<'a> Stage<'a> {
    fn new(api_version: &'a str, kind: &'a str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let schema = Schema::builtin(group, version, kind).unwrap();
        Self { api_version, kind, schema, live: None, seconds: 0 }
    }

    /// Does it; what comes of it.
    fn write(&mut self, write: Write<'_>) -> String {
        let head = format!(
            "{{\"apiVersion\":\"{}\",\"kind\":\"{}\",\"metadata\":{{\"name\":\"n\"}}}}",
            self.api_version, self.kind
        );
        let set = |json: &str| Filter::Exclude(Set::from_json(json.as_bytes()).unwrap());
        let main = [(self.api_version, set(r#"{"f:status":{}}"#))];
        let status = [(self.api_version, set(r#"{"f:spec":{},"f:metadata":{"f:labels":{}}}"#))];
        let (Apply(manager, text)
        | Force(manager, text)
        | ApplyStatus(manager, text)
        | Merge(manager, text)
        | MergeStatus(manager, text)) = write;
        let is_status = matches!(write, ApplyStatus(..) | MergeStatus(..));
        let target = Target {
            api_version: self.api_version,
            kind: self.kind,
            subresource: if is_status { "status" } else { "" },
            filters: if is_status { &status } else { &main },
            versions: &OneVersion,
        };
        let writer = Writer { manager, now: Time { seconds: self.seconds, nanos: 5 } };
        self.seconds += 1;
        let written = match write {
            Merge(..) | MergeStatus(..) => {
                let before = self.live.as_ref().map_or(head.clone(), shown);
                let after = merged(read(&before), &read(text));
                let mut out = Vec::new();
                json::encode_value(self.schema.ty(), &after, &mut out).unwrap();
                let mut new = object(&self.schema, &String::from_utf8(out).unwrap());
                update(self.live.as_ref(), &mut new, &writer, &target).map(|()| Some(new)).unwrap()
            }
            _ => {
                let config = Configuration::new(merged(read(&head), &read(text)), self.schema.clone());
                let force = matches!(write, Force(..));
                match apply(self.live.as_ref(), &config, &writer, force, &target) {
                    Ok(written) => written,
                    Err(error) => return error.to_string(),
                }
            }
        };
        match written {
            Some(object) => described(self.live.insert(object)),
            None => "nothing to write".to_owned(),
        }
    }
}

/// Does one write after the other, and compares what comes of each.
fn check(api_version: &str, kind: &str, writes: &[(Write<'_>, &str)]) {
    let mut stage = Stage::new(api_version, kind);
    for (at, (write, expected)) in writes.iter().enumerate() {
        let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
        assert_eq!(stage.write(*write), expected.join("\n"), "write {at}");
    }
}

#[test]
fn fields_are_shared_taken_and_given_up() {
    check(
        "v1",
        "ConfigMap",
        &[
            (
                Apply("alice", r#"{"data":{"a":"1","b":"2"}}"#),
                r#"{"data":{"a":"1","b":"2"},"metadata":{"name":"n"}}
                alice Apply 0: .data.a .data.b"#,
            ),
            (Apply("alice", r#"{"data":{"a":"1","b":"2"}}"#), "nothing to write"),
            (
                Apply("bob", r#"{"data":{"b":"2","c":"3"}}"#),
                r#"{"data":{"a":"1","b":"2","c":"3"},"metadata":{"name":"n"}}
                alice Apply 0: .data.a .data.b
                bob Apply 2: .data.b .data.c"#,
            ),
            (
                Apply("alice", r#"{"data":{"a":"1"}}"#),
                r#"{"data":{"a":"1","b":"2","c":"3"},"metadata":{"name":"n"}}
                alice Apply 0: .data.a
                bob Apply 2: .data.b .data.c"#,
            ),
            (
                Apply("carol", r#"{"data":{"b":"x"}}"#),
                r#"Apply failed with 1 conflict: conflict with "bob": .data.b"#,
            ),
            (
                Apply("carol", r#"{"data":{"a":"x","b":"x","c":"x"}}"#),
                r#"Apply failed with 3 conflicts: conflicts with "alice":
                - .data.a
                conflicts with "bob":
                - .data.b
                - .data.c"#,
            ),
            (
                Force("carol", r#"{"data":{"b":"x"}}"#),
                r#"{"data":{"a":"1","b":"x","c":"3"},"metadata":{"name":"n"}}
                alice Apply 0: .data.a
                bob Apply 2: .data.c
                carol Apply 6: .data.b"#,
            ),
            (
                Apply("carol", "{}"),
                r#"{"data":{"a":"1","c":"3"},"metadata":{"name":"n"}}
                alice Apply 0: .data.a
                bob Apply 2: .data.c"#,
            ),
            (
                Merge(
                    "dan",
                    r#"{"data":{"a":"9","d":"4"},"metadata":{"generateName":"g","uid":"u","generation":3}}"#,
                ),
                r#"{"data":{"a":"9","c":"3","d":"4"},"metadata":{"generateName":"g","generation":3,"name":"n","uid":"u"}}
                bob Apply 2: .data.c
                dan Update 8: .data.a .data.d .metadata.generateName"#,
            ),
            (
                Merge("", r#"{"data":{"c":null,"d":null}}"#),
                r#"{"data":{"a":"9"},"metadata":{"generateName":"g","generation":3,"name":"n","uid":"u"}}
                dan Update 8: .data.a .metadata.generateName"#,
            ),
            (
                Merge("", r#"{"data":null}"#),
                r#"{"metadata":{"generateName":"g","generation":3,"name":"n","uid":"u"}}
                dan Update 8: .metadata.generateName"#,
            ),
            (
                Merge("", r#"{"data":{"z":"1"}}"#),
                r#"{"data":{"z":"1"},"metadata":{"generateName":"g","generation":3,"name":"n","uid":"u"}}
                dan Update 8: .metadata.generateName
                unknown Update 11: .data .data.z"#,
            ),
        ],
    );
}

#[test]
fn lists_are_merged_by_their_keys_and_defaults_of_keys_count() {
    check(
        "v1",
        "Service",
        &[
            (
                Apply(
                    "alice",
                    r#"{"spec":{"selector":{"a":"b"},"ports":[{"port":53},{"port":53,"protocol":"UDP"}]}}"#,
                ),
                r#"{"metadata":{"name":"n"},"spec":{"ports":[{"port":53,"targetPort":0},{"port":53,"protocol":"UDP","targetPort":0}],"selector":{"a":"b"}},"status":{"loadBalancer":{}}}
                alice Apply 0: .spec.selector .spec.ports[port=53,protocol="TCP"] .spec.ports[port=53,protocol="UDP"] .spec.ports[port=53,protocol="TCP"].port .spec.ports[port=53,protocol="UDP"].port .spec.ports[port=53,protocol="UDP"].protocol"#,
            ),
            (
                Apply(
                    "bob",
                    r#"{"spec":{"selector":{"c":"d"},"ports":[{"port":53,"protocol":"TCP","name":"dns"}]}}"#,
                ),
                r#"Apply failed with 1 conflict: conflict with "alice": .spec.selector"#,
            ),
            (
                Apply("bob", r#"{"spec":{"ports":[{"port":80},{"port":53,"protocol":"TCP","name":"dns"}]}}"#),
                r#"{"metadata":{"name":"n"},"spec":{"ports":[{"port":80,"targetPort":0},{"name":"dns","port":53,"protocol":"TCP","targetPort":0},{"port":53,"protocol":"UDP","targetPort":0}],"selector":{"a":"b"}},"status":{"loadBalancer":{}}}
                alice Apply 0: .spec.selector .spec.ports[port=53,protocol="TCP"] .spec.ports[port=53,protocol="UDP"] .spec.ports[port=53,protocol="TCP"].port .spec.ports[port=53,protocol="UDP"].port .spec.ports[port=53,protocol="UDP"].protocol
                bob Apply 2: .spec.ports[port=53,protocol="TCP"] .spec.ports[port=80,protocol="TCP"] .spec.ports[port=53,protocol="TCP"].name .spec.ports[port=53,protocol="TCP"].port .spec.ports[port=53,protocol="TCP"].protocol .spec.ports[port=80,protocol="TCP"].port"#,
            ),
            (
                Apply("alice", r#"{"spec":{"selector":{"a":"b"}}}"#),
                r#"{"metadata":{"name":"n"},"spec":{"ports":[{"port":80,"targetPort":0},{"name":"dns","port":53,"protocol":"TCP","targetPort":0}],"selector":{"a":"b"}},"status":{"loadBalancer":{}}}
                bob Apply 2: .spec.ports[port=53,protocol="TCP"] .spec.ports[port=80,protocol="TCP"] .spec.ports[port=53,protocol="TCP"].name .spec.ports[port=53,protocol="TCP"].port .spec.ports[port=53,protocol="TCP"].protocol .spec.ports[port=80,protocol="TCP"].port
                alice Apply 3: .spec.selector"#,
            ),
            (
                Apply("bob", r#"{"spec":{"ports":[{"port":80},{"port":80,"protocol":"TCP"}]}}"#),
                r#"failed to create typed patch object (/n; /v1, Kind=Service): .spec.ports: duplicate entries for key [port=80,protocol="TCP"]"#,
            ),
        ],
    );
}

#[test]
fn what_is_empty_zero_or_null_is_still_said() {
    check(
        "apps/v1",
        "Deployment",
        &[
            (
                Merge(
                    "creator",
                    r#"{"spec":{"paused":true,"minReadySeconds":5},"metadata":{"labels":{"a":"b"}}}"#,
                ),
                r#"{"metadata":{"labels":{"a":"b"},"name":"n"},"spec":{"minReadySeconds":5,"paused":true,"selector":null,"strategy":{},"template":{"metadata":{},"spec":{"containers":null}}},"status":{}}
                creator Update 0: .metadata.labels .metadata.labels.a .spec.minReadySeconds .spec.paused"#,
            ),
            (
                Apply("alice", r#"{"spec":{"paused":false}}"#),
                r#"Apply failed with 1 conflict: conflict with "creator" using apps/v1: .spec.paused"#,
            ),
            (
                Force(
                    "alice",
                    r#"{"spec":{"paused":false,"minReadySeconds":5,"strategy":{},"template":{"spec":{"containers":[{"name":"c","resources":{}}]}}},"status":{}}"#,
                ),
                r#"{"metadata":{"labels":{"a":"b"},"name":"n"},"spec":{"minReadySeconds":5,"selector":null,"strategy":{},"template":{"metadata":{},"spec":{"containers":[{"name":"c","resources":{}}]}}},"status":{}}
                alice Apply 2: .spec.minReadySeconds .spec.paused .spec.strategy .spec.template.spec.containers[name="c"] .spec.template.spec.containers[name="c"].name .spec.template.spec.containers[name="c"].resources
                creator Update 0: .metadata.labels .metadata.labels.a .spec.minReadySeconds"#,
            ),
        ],
    );
}

#[test]
fn a_subresource_has_owners_and_fields_of_its_own() {
    check(
        "v1",
        "Node",
        &[
            (
                Merge("kubelet", r#"{"metadata":{"labels":{"a":"b"}},"status":{"capacity":{"cpu":"4"}}}"#),
                r#"{"metadata":{"labels":{"a":"b"},"name":"n"},"spec":{},"status":{"capacity":{"cpu":"4"},"daemonEndpoints":{"kubeletEndpoint":{"Port":0}},"nodeInfo":{"architecture":"","bootID":"","containerRuntimeVersion":"","kernelVersion":"","kubeProxyVersion":"","kubeletVersion":"","machineID":"","operatingSystem":"","osImage":"","systemUUID":""}}}
                kubelet Update 0: .metadata.labels .metadata.labels.a"#,
            ),
            (
                MergeStatus("kubelet", r#"{"spec":{"podCIDR":"x"},"status":{"capacity":{"cpu":"8"}}}"#),
                r#"{"metadata":{"labels":{"a":"b"},"name":"n"},"spec":{"podCIDR":"x"},"status":{"capacity":{"cpu":"8"},"daemonEndpoints":{"kubeletEndpoint":{"Port":0}},"nodeInfo":{"architecture":"","bootID":"","containerRuntimeVersion":"","kernelVersion":"","kubeProxyVersion":"","kubeletVersion":"","machineID":"","operatingSystem":"","osImage":"","systemUUID":""}}}
                kubelet Update 0: .metadata.labels .metadata.labels.a
                kubelet/status Update 1: .status.capacity.cpu"#,
            ),
            (
                ApplyStatus("op", r#"{"status":{"capacity":{"cpu":"8000m"}}}"#),
                r#"Apply failed with 1 conflict: conflict with "kubelet" with subresource "status" using v1: .status.capacity.cpu"#,
            ),
        ],
    );
}

#[test]
fn track_is_lost_on_request_and_found_again_by_applying() {
    check(
        "v1",
        "ConfigMap",
        &[
            (
                Merge("creator", r#"{"data":{"a":"1"}}"#),
                r#"{"data":{"a":"1"},"metadata":{"name":"n"}}
                creator Update 0: .data .data.a"#,
            ),
            (
                Merge("x", r#"{"metadata":{"managedFields":[{}]},"data":{"b":"2"}}"#),
                r#"{"data":{"a":"1","b":"2"},"metadata":{"name":"n"}}"#,
            ),
            (Merge("x", r#"{"data":{"b":"3"}}"#), r#"{"data":{"a":"1","b":"3"},"metadata":{"name":"n"}}"#),
            (
                Apply("alice", r#"{"data":{"b":"4"}}"#),
                r#"Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.b"#,
            ),
            (
                Apply("alice", r#"{"data":{"b":"3"}}"#),
                r#"{"data":{"a":"1","b":"3"},"metadata":{"name":"n"}}
                alice Apply -: .data.b
                before-first-apply Update 4: .data .data.a .data.b"#,
            ),
            (
                // What a client sends counts if it is well formed; the order is the server's.
                Merge(
                    "x",
                    r#"{"metadata":{"managedFields":[{"manager":"zed","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:b":{},".":{}}}},{"manager":"ann","operation":"Update","apiVersion":"gone.example/v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}},{"manager":"amy","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}}]}}"#,
                ),
                r#"{"data":{"a":"1","b":"3"},"metadata":{"name":"n"}}
                amy Apply -: .data.a
                zed Update -: .data .data.b"#,
            ),
            (
                Merge(
                    "x",
                    r#"{"metadata":{"managedFields":[{"manager":"zed","operation":"Own"}]},"data":{"a":"5"}}"#,
                ),
                r#"{"data":{"a":"5","b":"3"},"metadata":{"name":"n"}}
                zed Update -: .data .data.b
                x Update 6: .data.a"#,
            ),
        ],
    );
}

#[test]
fn the_oldest_of_too_many_are_put_together() {
    let mut stage = Stage::new("v1", "ConfigMap");
    let mut last = String::new();
    for at in 0..13 {
        last = stage.write(Merge(&format!("m{at:02}"), &format!("{{\"data\":{{\"k{at:02}\":\"v\"}}}}")));
    }
    let owners: Vec<&str> = last.lines().skip(1).collect();
    assert_eq!(owners.len(), 10);
    assert_eq!(owners[0], "ancient-changes Update 3: .data .data.k00 .data.k01 .data.k02 .data.k03");
    assert_eq!((owners[1], owners[9]), ("m04 Update 4: .data.k04", "m12 Update 12: .data.k12"));
    last = stage.write(Merge("m13", r#"{"data":{"k00":"w","k13":"v"}}"#));
    let owners: Vec<&str> = last.lines().skip(1).collect();
    assert_eq!(owners[0], "ancient-changes Update 4: .data .data.k01 .data.k02 .data.k03 .data.k04");
    assert_eq!((owners.len(), owners[9]), (10, "m13 Update 13: .data.k00 .data.k13"));
}

#[test]
fn kubectl_may_take_over_what_it_has_noted() {
    let note = r#"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"n\"},\"data\":{\"a\":\"1\",\"b\":\"2\"}}\n"#;
    let created = format!(
        r#"{{"metadata":{{"annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"{note}"}}}},"data":{{"a":"1","b":"2"}}}}"#
    );
    let mut stage = Stage::new("v1", "ConfigMap");
    stage.write(Merge("kubectl-client-side-apply", &created));
    let conflict =
        r#"Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a"#;
    assert_eq!(stage.write(Apply("other", r#"{"data":{"a":"9"}}"#)), conflict);
    let applied = stage.write(Apply("kubectl", r#"{"data":{"a":"9"}}"#));
    let renewed = concat!(
        r#"{"data":{"a":"9","b":"2"},"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"#,
        r#""{\"apiVersion\":\"v1\",\"data\":{\"a\":\"9\"},\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"n\"}}\n"},"name":"n"}}"#,
    );
    assert_eq!(applied.lines().next(), Some(renewed));
    assert!(applied.contains("\nkubectl Apply 2: .data.a\n"), "{applied}");
    // What somebody has changed since is no longer kubectl's.
    stage.write(Merge("editor", r#"{"data":{"b":"7"}}"#));
    let conflict = r#"Apply failed with 1 conflict: conflict with "editor" using v1: .data.b"#;
    assert_eq!(stage.write(Apply("kubectl", r#"{"data":{"a":"9","b":"8"}}"#)), conflict);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refusals = [
        (r#"{"kind":"Secret"}"#, "invalid object type: /v1, Kind=Secret"),
        (r#"{"apiVersion":"v2"}"#, "invalid object type: /v2, Kind=Pod"),
        (r#"{"metadata":{"managedFields":[]}}"#, "metadata.managedFields must be nil"),
        (
            r#"{"spec":{"bogus":1}}"#,
            "failed to create typed patch object (/n; /v1, Kind=Pod): .spec.bogus: field not declared in schema",
        ),
        (
            r#"{"metadata":{"namespace":"x"},"spec":{"priority":"high","nodeName":[1,"a"]}}"#,
            "failed to create typed patch object (x/n; /v1, Kind=Pod): errors:\n  .spec.nodeName: expected string, got &value.valueUnstructured{Value:[]interface {}{1, \"a\"}}\n  .spec.priority: expected numeric (int or float), got string",
        ),
        (
            r#"{"spec":{"priority":1.5}}"#,
            "failed to convert new object (/n; /v1, Kind=Pod) to proper version: unable to convert unstructured object to /v1, Kind=Pod: cannot convert float64 to int32",
        ),
        (
            r#"{"spec":{"overhead":{"cpu":"much"}}}"#,
            "failed to convert new object (/n; /v1, Kind=Pod) to proper version: unable to convert unstructured object to /v1, Kind=Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ];
    for (config, message) in refusals {
        assert_eq!(Stage::new("v1", "Pod").write(Apply("a", config)), message, "{config}");
    }
}

#[test]
fn times_alone_are_no_reason_to_write() {
    let mut stage = Stage::new("v1", "Secret");
    stage.write(Apply("a", r#"{"data":{"k":"YQ=="},"immutable":false}"#));
    let before = stage.live.clone().unwrap();
    // An explicit list without items differs from what is stored, until it is stored.
    stage.write(Apply("a", r#"{"data":{"k":"YQ=="},"immutable":false,"metadata":{"finalizers":[]}}"#));
    let mut after = stage.live.clone().unwrap();
    assert_ne!(before, after);
    keep_times(&before, &mut after);
    assert_eq!(shown(&before), shown(&after));
    stage.write(Apply("a", r#"{"data":{"k":"Yg=="},"immutable":false}"#));
    let mut changed = stage.live.unwrap();
    let kept = changed.clone();
    keep_times(&before, &mut changed);
    assert_eq!(changed, kept);
}

#[test]
fn parts_of_what_is_now_a_whole_become_the_whole() {
    let schema = Schema::builtin("", "v1", "Service").unwrap();
    let list = |set: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Service","metadata":{{"name":"n","uid":"u","managedFields":[{{"manager":"old","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{set}}}]}},"spec":{{"selector":{{"a":"b"}}}}}}"#
        )
    };
    let stale = r#"{"f:spec":{"f:selector":{".":{},"f:a":{}}}}"#;
    let live = object(&schema, &list(stale));
    let target =
        Target { api_version: "v1", kind: "Service", subresource: "", filters: &[], versions: &OneVersion };
    let now = Time { seconds: 1, nanos: 0 };
    let config =
        read(r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"n"},"spec":{"selector":{"c":"d"}}}"#);
    let config = Configuration::new(config, schema.clone());
    let conflict = apply(Some(&live), &config, &Writer { manager: "new", now }, false, &target);
    let expected = "Apply failed with 1 conflict: conflict with \"old\": .spec.selector";
    assert_eq!(conflict.map_err(|error| error.to_string()), Err(expected.to_owned()));
    let mut new = object(&schema, &list(stale).replace("\"a\":\"b\"", "\"c\":\"d\""));
    update(Some(&live), &mut new, &Writer { manager: "new", now }, &target).unwrap();
    assert!(described(&new).ends_with("\nnew Update 1: .spec.selector"), "{}", described(&new));
    assert!(!described(&new).contains("old"));
    // What a client sends is brought in line whether it is touched or not.
    let mut sent = object(&schema, &list(r#"{"f:spec":{"f:selector":{"f:a":{}}}}"#));
    update(Some(&live), &mut sent, &Writer { manager: "new", now }, &target).unwrap();
    assert!(described(&sent).ends_with("\nold Apply -: .spec.selector"), "{}", described(&sent));
}

#[test]
fn items_that_cannot_be_told_apart_are_owned_together() {
    let schema = Schema::builtin("", "v1", "Pod").unwrap();
    let pod = |env: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"n","uid":"u"}},"spec":{{"containers":[{{"name":"c","env":[{env}]}}]}}}}"#
        )
    };
    let target =
        Target { api_version: "v1", kind: "Pod", subresource: "", filters: &[], versions: &OneVersion };
    let writer = |manager, seconds| Writer { manager, now: Time { seconds, nanos: 0 } };
    let owners = |object: &Object| described(object).lines().skip(1).collect::<Vec<_>>().join("\n");
    let twice = r#"{"name":"A","value":"1"},{"name":"A","value":"2"}"#;
    let mut first = object(&schema, &pod(twice));
    update(None, &mut first, &writer("a", 0), &target).unwrap();
    let env = r#".spec.containers[name="c"].env"#;
    let whole = format!(
        r#"a Update 0: .spec.containers[name="c"] {env} .spec.containers[name="c"].name .spec.containers[name="c"].resources {env}[name="A"]"#
    );
    assert_eq!(owners(&first), whole);
    // One of them changes: both are the other's.
    let mut second = object(&schema, &pod(&twice.replace('2', "3")));
    update(Some(&first), &mut second, &writer("b", 1), &target).unwrap();
    assert!(owners(&second).ends_with(&format!("\nb Update 1: {env}[name=\"A\"]")), "{}", owners(&second));
    // One of them goes: the other one's parts are told apart again.
    let mut third = object(&schema, &pod(r#"{"name":"A","value":"1"}"#));
    update(Some(&second), &mut third, &writer("c", 2), &target).unwrap();
    let expected = format!("\nc Update 2: {env}[name=\"A\"] {env}[name=\"A\"].name {env}[name=\"A\"].value");
    assert!(owners(&third).ends_with(&expected), "{}", owners(&third));
}

#[test]
fn replicas_are_owned_through_the_scale() {
    let paths = [("apps/v1", Some(FieldPath::of(&["spec", "replicas"]))), ("apps/v0", None)];
    let scale = Scale { replicas: &paths, api_version: "apps/v1" };
    let entry = |manager: &str, operation, api_version: &str, subresource: &str, time: i64, set: &str| {
        let identity = Identity {
            manager: manager.into(),
            operation,
            api_version: api_version.into(),
            subresource: subresource.into(),
        };
        let time = (time >= 0).then_some(Time { seconds: time, nanos: 0 });
        Entry::new(identity, time, Set::from_json(set.as_bytes()).unwrap())
    };
    let lines = |managed: &Managed| -> Vec<String> {
        let line = |entry: &Entry| {
            format!("{} {:?}: {}", entry.identity, entry.time.map(|time| time.seconds), entry.set())
        };
        managed.entries.iter().map(line).collect()
    };
    let both = r#"{"f:spec":{"f:paused":{},"f:replicas":{}}}"#;
    let replicas = r#"{"f:spec":{"f:replicas":{}}}"#;
    let resource = Managed {
        entries: vec![
            entry("applier", Operation::Apply, "apps/v1", "", 1, both),
            entry("creator", Operation::Update, "apps/v1", "", 2, both),
            entry("bystander", Operation::Update, "apps/v0", "", 3, replicas),
            entry("stranger", Operation::Update, "apps/v9", "", 4, both),
        ],
    };
    let owners = scale.of_resource(&resource);
    assert_eq!(
        lines(&owners),
        ["\"applier\" Some(1): .spec.replicas", "\"creator\" using autoscaling/v1 Some(2): .spec.replicas"]
    );
    // Nobody has scaled: the applier keeps its entry, the creator's is split, the stranger is gone.
    let back = lines(&scale.to_resource(&resource, &owners));
    assert_eq!(
        back,
        [
            "\"applier\" Some(1): .spec.paused\n.spec.replicas",
            "\"creator\" using apps/v1 Some(2): .spec.paused",
            "\"bystander\" using apps/v0 Some(3): .spec.replicas",
            "\"creator\" using apps/v1 None: .spec.replicas",
        ]
    );
    // Somebody has: the replicas are theirs.
    let owners =
        Managed { entries: vec![entry("hpa", Operation::Update, "autoscaling/v1", "scale", 9, replicas)] };
    let back = lines(&scale.to_resource(&resource, &owners));
    assert_eq!(
        back,
        [
            "\"applier\" Some(1): .spec.paused",
            "\"creator\" using apps/v1 Some(2): .spec.paused",
            "\"bystander\" using apps/v0 Some(3): .spec.replicas",
            "\"hpa\" with subresource \"scale\" using apps/v1 None: .spec.replicas",
        ]
    );
}

/// A custom resource: an open corner, a list with keys, a set, a map that is a whole, and unknown fields kept.
fn widgets() -> Schema {
    let mut builder = Builder::default();
    let text = builder.scalar(Kind::String, "", "string");
    let number = builder.scalar(Kind::Int64, "", "int64");
    let any = builder.scalar(Kind::Any, "", "interface {}");
    let time = builder.scalar(Kind::Time, "", "v1.Time");
    let fields_v1 = builder.scalar(Kind::FieldsV1, "", "v1.FieldsV1");
    let plain = Flags::OMIT_EMPTY.with(Flags::POINTER);
    let field = |name: &str, ty, default: &str| {
        Member::Field(FieldSpec {
            name: name.into(),
            ty,
            default: default.into(),
            flags: plain,
            ..FieldSpec::default()
        })
    };
    let entry = builder.declare("example.dev.Entry", "Entry", false);
    let names = ["manager", "operation", "apiVersion"];
    let mut members: Vec<Member> = names.iter().map(|name| field(name, text, "")).collect();
    members.extend([
        field("time", time, ""),
        field("fieldsType", text, ""),
        field("fieldsV1", fields_v1, ""),
        field("subresource", text, ""),
    ]);
    builder.define(entry, members, &[], false, false);
    let entries = builder.list(entry, ListShape::Atomic, &[], "");
    let metadata = builder.declare("example.dev.Metadata", "Metadata", false);
    let members = vec![field("name", text, ""), field("managedFields", entries, "")];
    builder.define(metadata, members, &[], false, false);
    let part = builder.declare("example.dev.Part", "Part", false);
    let members = vec![field("kind", text, "\"bolt\""), field("name", text, ""), field("size", number, "")];
    builder.define(part, members, &[], false, false);
    let spec = builder.declare("example.dev.Spec", "Spec", false);
    let keys = ["kind".to_owned(), "name".to_owned()];
    let parts = builder.list(part, ListShape::Map, &keys, "");
    let tags = builder.list(text, ListShape::Set, &[], "");
    let whole = builder.map(number, true, "");
    let members = vec![
        field("free", any, ""),
        field("parts", parts, ""),
        field("tags", tags, ""),
        field("whole", whole, ""),
    ];
    builder.define(spec, members, &[], true, false);
    let widget = builder.declare("example.dev.Widget", "Widget", false);
    let members = vec![
        field("apiVersion", text, ""),
        field("kind", text, ""),
        field("metadata", metadata, ""),
        field("spec", spec, ""),
    ];
    builder.define(widget, members, &[], false, false);
    Schema::shared(Arc::new(Arena::new(builder, true)), widget)
}

#[test]
fn custom_resources_are_merged_by_their_schemas() {
    let mut stage =
        Stage { api_version: "example.dev/v1", kind: "Widget", schema: widgets(), live: None, seconds: 0 };
    let mut check = |write, expected: &str| {
        let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
        assert_eq!(stage.write(write), expected.join("\n"));
    };
    check(
        Merge(
            "creator",
            r#"{"spec":{"free":{"deep":{"x":[1,{"y":2}]}},"parts":[{"name":"a","size":1}],"tags":["t"],"whole":{"k":1},"unknown":{"u":1}}}"#,
        ),
        r#"{"metadata":{"name":"n"},"spec":{"free":{"deep":{"x":[1,{"y":2}]}},"parts":[{"name":"a","size":1}],"tags":["t"],"unknown":{"u":1},"whole":{"k":1}}}
        creator Update 0: .spec .spec.free .spec.parts .spec.tags .spec.unknown .spec.whole .spec.free.deep .spec.free.deep.x .spec.parts[kind="bolt",name="a"] .spec.parts[kind="bolt",name="a"].name .spec.parts[kind="bolt",name="a"].size .spec.tags[="t"] .spec.unknown.u"#,
    );
    check(
        Apply(
            "alice",
            r#"{"spec":{"free":{"deep":{"z":null}},"parts":[{"name":"a","kind":"bolt","size":2},{"name":"b"}],"tags":["s","t"],"whole":{"l":2},"unknown":{"v":true}}}"#,
        ),
        r#"Apply failed with 2 conflicts: conflicts with "creator" using example.dev/v1:
        - .spec.whole
        - .spec.parts[kind="bolt",name="a"].size"#,
    );
    check(
        Force(
            "alice",
            r#"{"spec":{"free":{"deep":{"z":null}},"parts":[{"name":"a","kind":"bolt","size":2},{"name":"b"}],"tags":["s","t"],"whole":{"l":2},"unknown":{"v":true}}}"#,
        ),
        r#"{"metadata":{"name":"n"},"spec":{"free":{"deep":{"x":[1,{"y":2}],"z":null}},"parts":[{"kind":"bolt","name":"a","size":2},{"name":"b"}],"tags":["s","t"],"unknown":{"u":1,"v":true},"whole":{"l":2}}}
        alice Apply 2: .spec.whole .spec.free.deep.z .spec.parts[kind="bolt",name="a"] .spec.parts[kind="bolt",name="b"] .spec.parts[kind="bolt",name="a"].kind .spec.parts[kind="bolt",name="a"].name .spec.parts[kind="bolt",name="a"].size .spec.parts[kind="bolt",name="b"].name .spec.tags[="s"] .spec.tags[="t"] .spec.unknown.v
        creator Update 0: .spec .spec.free .spec.parts .spec.tags .spec.unknown .spec.free.deep .spec.free.deep.x .spec.parts[kind="bolt",name="a"] .spec.parts[kind="bolt",name="a"].name .spec.tags[="t"] .spec.unknown.u"#,
    );
    check(
        Apply("alice", "{}"),
        r#"{"metadata":{"name":"n"},"spec":{"free":{"deep":{"x":[1,{"y":2}]}},"parts":[{"kind":"bolt","name":"a"}],"tags":["t"],"unknown":{"u":1}}}
        creator Update 0: .spec .spec.free .spec.parts .spec.tags .spec.unknown .spec.free.deep .spec.free.deep.x .spec.parts[kind="bolt",name="a"] .spec.parts[kind="bolt",name="a"].name .spec.tags[="t"] .spec.unknown.u"#,
    );
}

#[test]
fn what_comes_with_a_status_is_named() {
    let mut stage = Stage::new("v1", "ConfigMap");
    stage.write(Apply("alice", r#"{"data":{"a":"1"}}"#));
    let target =
        Target { api_version: "v1", kind: "ConfigMap", subresource: "", filters: &[], versions: &OneVersion };
    let config = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"n"},"data":{"a":"2"}}"#;
    let config = Configuration::new(read(config), stage.schema.clone());
    let writer = Writer { manager: "bob", now: Time { seconds: 0, nanos: 0 } };
    let Err(ApplyError::Conflict(conflicts)) = apply(stage.live.as_ref(), &config, &writer, false, &target)
    else {
        panic!("it is alice's");
    };
    let causes: Vec<_> = conflicts.0.iter().map(|one| (one.path.to_string(), one.message())).collect();
    assert_eq!(causes, [(".data.a".to_owned(), "conflict with \"alice\"".to_owned())]);
}
