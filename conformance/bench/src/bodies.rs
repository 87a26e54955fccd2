//! The objects that are sent: of the sizes and shapes that clusters are full of.
//!
//! A body is made once, with a name of fixed length in it that is overwritten for each request.

use anyhow::{Result, anyhow};
use bytes::Bytes;
use keelson_schema::convert::{self, Encoding};
use memchr::memmem;
use serde_json::{Value, json};

use crate::wire;

/// How objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Protobuf,
}

impl Form {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }
}

/// Stands where a name will be.
const NAME: &str = "name-000000000000000000000";
/// How many digits tell names apart.
const DIGITS: usize = 21;

/// The name with this number. All are equally long.
pub(crate) fn name(number: u64) -> String {
    format!("name-{number:0DIGITS$}")
}

/// The number in the first name among these bytes, if one is there.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    let at = memmem::find(bytes, b"name-0")? + "name-".len();
    str::from_utf8(bytes.get(at..at + DIGITS)?).ok()?.parse().ok()
}

/// An object that only lacks its name.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where the name stands.
    places: Vec<usize>,
}

impl Template {
    pub(crate) fn new(object: &Value, form: Form) -> Result<Self> {
        let bytes = encode(object, form)?;
        let places = memmem::find_iter(&bytes, NAME).collect();
        Ok(Self { bytes, places })
    }

    /// With the name of this number.
    pub(crate) fn named(&self, number: u64) -> Bytes {
        let (mut bytes, name) = (self.bytes.clone(), name(number));
        for place in &self.places {
            bytes[*place..*place + name.len()].copy_from_slice(name.as_bytes());
        }
        bytes.into()
    }
}

/// An object in a form.
pub(crate) fn encode(object: &Value, form: Form) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(object)?;
    if form == Form::Json {
        return Ok(json);
    }
    let (object, _) = convert::decode(&json, Encoding::Json, true).map_err(|error| anyhow!("{error}"))?;
    convert::encode(&object, Encoding::Protobuf).map_err(|error| anyhow!("{error}"))
}

/// A ConfigMap of 1 KB.
pub(crate) fn config_map() -> Value {
    let line = "a setting that somebody has written down, and why it is so\n";
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": NAME, "labels": { "app": "bench" } },
        "data": { "first": line.repeat(7), "second": line.repeat(7) },
    })
}

/// A pod as a Deployment makes it; as it is stored it has about 3 KB.
pub(crate) fn pod(node: Option<&str>) -> Value {
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": 8080 }, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3 });
    let variable = |name: &str, value: &str| json!({ "name": name, "value": value });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": NAME,
            "labels": { "app": "bench", "pod-template-hash": "5d4f8c7b9d", "tier": "front" },
            "annotations": { "kubernetes.io/config.source": "api", "prometheus.io/scrape": "true" },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "bench-5d4f8c7b9d",
                "uid": "3c9f1e0a-6f0e-4b63-9d5c-0f3f9f9a7b11", "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "nodeName": node,
            "serviceAccountName": "default", "automountServiceAccountToken": false,
            "containers": [{
                "name": "main", "image": "registry.example.org/team/bench:1.27.3",
                "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
                "env": [variable("LEVEL", "info"), variable("REGION", "eu-1"), variable("POOL", "32")],
                "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "256Mi" } },
                "volumeMounts": [{ "name": "settings", "mountPath": "/etc/bench" }],
                "livenessProbe": probe("/healthz"), "readinessProbe": probe("/ready"),
            }],
            "volumes": [{ "name": "settings", "configMap": { "name": "bench" } }],
            "tolerations": [{ "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 }],
        },
    })
}

/// What a kubelet says of a pod that runs, for the `turn`-th time.
pub(crate) fn pod_status(turn: u64) -> Bytes {
    let time = time(turn);
    let condition = |kind: &str| json!({ "type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": time });
    let conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(condition);
    let status = json!({ "status": {
        "phase": "Running", "hostIP": "10.0.0.7", "podIP": "10.244.1.9",
        "podIPs": [{ "ip": "10.244.1.9" }], "startTime": "2026-01-01T00:00:00Z",
        "conditions": conditions,
        "containerStatuses": [{
            "name": "main", "ready": true, "restartCount": 0, "started": true,
            "image": "registry.example.org/team/bench:1.27.3",
            "imageID": "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "containerID": "containerd://fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
            "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } }, "lastState": {},
        }],
    } });
    status.to_string().into()
}

/// What is applied to a ConfigMap, for the `turn`-th time.
pub(crate) fn applied(name: &str, turn: u64) -> Bytes {
    let mut object = config_map();
    object["metadata"]["name"] = name.into();
    object["data"]["turn"] = turn.to_string().into();
    object.to_string().into()
}

/// A lease as a node holds it, which is renewed again and again.
#[derive(Debug)]
pub(crate) struct Lease {
    name: String,
    form: Form,
    /// The revision it was last seen at.
    revision: Option<String>,
    turn: u64,
}

impl Lease {
    pub(crate) fn new(name: String, form: Form) -> Self {
        Self { name, form, revision: None, turn: 0 }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is sent to renew it, or to make it. It is put together here, for nothing is sent more often.
    pub(crate) fn renewed(&mut self) -> Bytes {
        self.turn += 1;
        match self.form {
            Form::Json => self.json(),
            Form::Protobuf => self.protobuf(),
        }
    }

    fn json(&self) -> Bytes {
        let revision = self.revision.as_ref().map(|revision| format!(r#","resourceVersion":"{revision}""#));
        format!(
            r#"{{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{{"name":"{}"{}}},"spec":{{"holderIdentity":"node","leaseDurationSeconds":40,"renewTime":"{}"}}}}"#,
            self.name,
            revision.unwrap_or_default(),
            time(self.turn).replace('Z', ".000000Z"),
        )
        .into()
    }

    fn protobuf(&self) -> Bytes {
        const YEAR_2026: u64 = 1_767_225_600;
        let (mut meta, mut time, mut spec, mut lease) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        wire::put(&mut meta, 1, self.name.as_bytes());
        if let Some(revision) = &self.revision {
            wire::put(&mut meta, 6, revision.as_bytes());
        }
        wire::put_number(&mut time, 1, YEAR_2026 + self.turn);
        wire::put(&mut spec, 1, b"node");
        wire::put_number(&mut spec, 2, 40);
        wire::put(&mut spec, 4, &time);
        wire::put(&mut lease, 1, &meta);
        wire::put(&mut lease, 2, &spec);
        wire::envelope("coordination.k8s.io/v1", "Lease", &lease).into()
    }

    /// Notes the revision that an answer says.
    pub(crate) fn seen(&mut self, answer: &[u8]) {
        self.revision = revision(answer, self.form).or_else(|| self.revision.take());
    }
}

/// The revision at the head of a list.
pub(crate) fn revision_of_list(answer: &[u8], form: Form) -> Option<String> {
    text_of(answer, form, "resourceVersion", 2)
}

/// The revision at the head of an object.
pub(crate) fn revision(answer: &[u8], form: Form) -> Option<String> {
    text_of(answer, form, "resourceVersion", 6)
}

/// The text of a field of the metadata, by its name or its number.
pub(crate) fn text_of(answer: &[u8], form: Form, name: &str, number: u64) -> Option<String> {
    let found = match form {
        Form::Protobuf => wire::field(wire::field(wire::inside(answer)?, 1)?, number)?,
        Form::Json => {
            let key = format!("\"{name}\":\"");
            let at = memmem::find(answer, key.as_bytes())? + key.len();
            &answer[at..at + memchr::memchr(b'"', &answer[at..])?]
        }
    };
    (!found.is_empty()).then(|| String::from_utf8_lossy(found).into_owned())
}

/// A time that differs for each turn.
fn time(turn: u64) -> String {
    format!(
        "2026-01-{:02}T{:02}:{:02}:{:02}Z",
        1 + turn / 86_400 % 28,
        turn / 3_600 % 24,
        turn / 60 % 60,
        turn % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_into_both_forms() {
        for form in [Form::Json, Form::Protobuf] {
            let template = Template::new(&pod(Some("node")), form).unwrap();
            assert_eq!(template.places.len(), 1);
            let bytes = template.named(42);
            assert_eq!(number(&bytes), Some(42));
            assert_eq!(bytes.len(), template.bytes.len());
        }
        assert_eq!(name(0), NAME);
    }

    #[test]
    fn a_config_map_has_a_kilobyte() {
        let bytes = encode(&config_map(), Form::Json).unwrap();
        assert!((900..1100).contains(&bytes.len()), "{}", bytes.len());
    }

    #[test]
    fn a_lease_follows_its_revision() {
        for form in [Form::Json, Form::Protobuf] {
            let mut lease = Lease::new("a".into(), form);
            assert_eq!(revision(&lease.renewed(), form), None);
            let answer = json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": { "name": "a", "resourceVersion": "1234" },
            });
            lease.seen(&encode(&answer, form).unwrap());
            let renewed = lease.renewed();
            assert_eq!(revision(&renewed, form).as_deref(), Some("1234"));
            let (object, _) = convert::decode(&renewed, Encoding::detect(&renewed), true).unwrap();
            let json = String::from_utf8(convert::encode(&object, Encoding::Json).unwrap()).unwrap();
            assert!(json.contains(r#""spec":{"holderIdentity":"node","leaseDurationSeconds":40,"renewTime":"2026-01-01T00:00:02.000000Z"}"#), "{json}");
        }
    }
}
