//! Pods: containers that live and die together on one node.

mod cells;
mod prepare;

use keelson_api::field::Errors;
use keelson_api::names::dns;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::Cell;
use crate::defaults::gated::Gate;
use crate::defaults::pod;
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Subresource, Verb};
use crate::rules;
use crate::warnings;

/// The resource.
#[derive(Debug)]
pub(crate) struct Pods;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "Pod",
    plural: "pods",
    singular: "pod",
    short_names: &["po"],
    categories: &["all"],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[
        Subresource {
            name: "attach",
            kind: "PodAttachOptions",
            group_version: None,
            verbs: &[Verb::Create, Verb::Get],
        },
        Subresource { name: "binding", kind: "Binding", group_version: None, verbs: Verb::CREATE_ONLY },
        Subresource { name: "ephemeralcontainers", kind: "Pod", group_version: None, verbs: Verb::OF_A_PART },
        Subresource {
            name: "eviction",
            kind: "Eviction",
            group_version: Some(("policy", "v1")),
            verbs: Verb::CREATE_ONLY,
        },
        Subresource {
            name: "exec",
            kind: "PodExecOptions",
            group_version: None,
            verbs: &[Verb::Create, Verb::Get],
        },
        Subresource { name: "log", kind: "Pod", group_version: None, verbs: &[Verb::Get] },
        Subresource {
            name: "portforward",
            kind: "PodPortForwardOptions",
            group_version: None,
            verbs: &[Verb::Create, Verb::Get],
        },
        Subresource {
            name: "proxy",
            kind: "PodProxyOptions",
            group_version: None,
            verbs: &[Verb::Create, Verb::Delete, Verb::Get, Verb::Patch, Verb::Update],
        },
        Subresource { name: "resize", kind: "Pod", group_version: None, verbs: Verb::OF_A_PART },
        Subresource { name: "status", kind: "Pod", group_version: None, verbs: Verb::OF_A_PART },
    ],
    fields: &[
        Field::at("spec.host", "spec.nodeName"),
        Field::new("spec.hostNetwork").or("false"),
        Field::new("spec.nodeName").indexed(),
        Field::new("spec.restartPolicy"),
        Field::new("spec.schedulerName"),
        Field::new("spec.serviceAccountName"),
        Field::new("status.nominatedNodeName"),
        Field::new("status.phase"),
        Field::new("status.podIP"),
        Field::new("status.podIPs"),
    ],
    columns: &[
        Column::NAME,
        Column::text("Ready"),
        Column::text("Status"),
        Column::text("Restarts"),
        Column::text("Age"),
        Column::text("IP").wide(),
        Column::text("Node").wide(),
        Column::text("Nominated Node").wide(),
        Column::text("Readiness Gates").wide(),
    ],
};

impl Resource for Pods {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]]
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        cells::cells(object, now)
    }

    fn row_conditions(&self, object: &Object) -> Vec<Cell> {
        cells::row_conditions(object)
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::pod::create(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::pod_update::update(new, old, errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::pod_status::update(new, old, errors);
    }

    fn validate_part(&self, part: &str, new: &Object, old: &Object, errors: &mut Errors) {
        match part {
            "ephemeralcontainers" => rules::pod_update::ephemeral_containers(new, old, errors),
            "resize" => rules::pod_resize::update(new, old, errors),
            // A binding is looked at by itself, before it comes to the pod.
            _ => {}
        }
    }

    fn default(&self, object: &mut Object) {
        let mut new = Edit::object(object);
        let mut spec = new.made("spec");
        pod::only_of_pods(&mut spec);
        pod::spec(&mut spec);
        if let Some(mut status) = new.part("status") {
            pod::addresses(&mut status);
        }
    }

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[prepare::OF_STATUS]
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        prepare::create(new, write);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        match write.part {
            "ephemeralcontainers" => prepare::ephemeral_containers(new, old, write),
            "resize" => prepare::resize(new, old, write),
            // It says itself what changes, in the status too: that the pod is scheduled.
            "binding" => {}
            // It says nothing but why the pod goes.
            "eviction" => prepare::status(new, old, write),
            _ => prepare::update(new, old, write),
        }
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        prepare::status(new, old, write);
    }

    /// A pod that runs on a node is given time there; every other one goes at once.
    fn grace_seconds(&self, object: &Object, asked: Option<i64>) -> Option<i64> {
        let view = object.view();
        let runs = !view.path("spec.nodeName").text().is_empty()
            && !matches!(view.path("status.phase").text(), "Failed" | "Succeeded");
        if !runs {
            return Some(0);
        }
        let own = view.path("spec.terminationGracePeriodSeconds").int();
        let seconds = asked.or(own).unwrap_or_default();
        Some(if seconds < 0 { 1 } else { seconds })
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        // People make pods, and leave it to programs to change them.
        if old.is_some() {
            return;
        }
        let reasons = dns::label(meta(new).name());
        if !reasons.is_empty() {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            warnings.push(format!(
                "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [{}]",
                reasons.join(" ")
            ));
        }
        warnings::pod::of_pod(new.view(), "", warnings);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Pods;
    use crate::resource::Resource;
    use crate::resource::check;

    #[test]
    fn a_pod_is_filled_in() {
        check::default(
            &Pods,
            &json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": {
                "serviceAccount": "robot",
                "hostNetwork": true,
                "terminationGracePeriodSeconds": -5,
                "volumes": [
                    {"name": "a"},
                    {"name": "b", "secret": {"secretName": "s"}},
                    {"name": "c", "hostPath": {"path": "/"}},
                    {"name": "d", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}},
                    {"name": "e", "image": {"reference": "i:1"}},
                    {"name": "f", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
                    {"name": "g", "iscsi": {"targetPortal": "p", "iqn": "q", "lun": 0}},
                ],
                "containers": [{
                    "name": "x", "image": "nginx",
                    "ports": [{"containerPort": 80}],
                    "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100u"}},
                    "livenessProbe": {"httpGet": {"port": 80}},
                    "readinessProbe": {"grpc": {"port": 80}, "periodSeconds": 5},
                    "lifecycle": {"preStop": {"httpGet": {"port": "web", "scheme": "HTTPS"}}},
                }],
            }, "status": {"podIP": "10.0.0.1"}})
            .to_string(),
            &json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": {
                "serviceAccount": "robot", "serviceAccountName": "robot",
                "hostNetwork": true,
                "terminationGracePeriodSeconds": 1,
                "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
                "securityContext": {}, "enableServiceLinks": true,
                "volumes": [
                    {"name": "a", "emptyDir": {}},
                    {"name": "b", "secret": {"secretName": "s", "defaultMode": 420}},
                    {"name": "c", "hostPath": {"path": "/", "type": ""}},
                    {"name": "d", "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}, {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}]}}]}},
                    {"name": "e", "image": {"reference": "i:1", "pullPolicy": "IfNotPresent"}},
                    {"name": "f", "ephemeral": {"volumeClaimTemplate": {"spec": {"volumeMode": "Filesystem"}}}},
                    {"name": "g", "iscsi": {"targetPortal": "p", "iqn": "q", "lun": 0, "iscsiInterface": "default"}},
                ],
                "containers": [{
                    "name": "x", "image": "nginx", "imagePullPolicy": "Always",
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                    "ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}],
                    "env": [{"name": "N", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}],
                    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1m", "memory": "1Gi"}},
                    "livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
                    "readinessProbe": {"grpc": {"port": 80, "service": ""}, "timeoutSeconds": 1, "periodSeconds": 5, "successThreshold": 1, "failureThreshold": 3},
                    "lifecycle": {"preStop": {"httpGet": {"port": "web", "path": "/", "scheme": "HTTPS"}}},
                }],
            }, "status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}})
            .to_string(),
        );
    }

    #[test]
    fn only_a_pod_that_runs_is_given_time() {
        let grace = |spec: serde_json::Value, phase: &str, asked| {
            let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": spec, "status": {"phase": phase}});
            Pods.grace_seconds(&check::object(&pod.to_string()), asked)
        };
        let placed = || json!({"nodeName": "n", "containers": [], "terminationGracePeriodSeconds": 45});
        assert_eq!(grace(placed(), "Running", None), Some(45));
        assert_eq!(grace(placed(), "Running", Some(5)), Some(5));
        assert_eq!(grace(placed(), "Running", Some(-5)), Some(1));
        assert_eq!(grace(placed(), "Succeeded", Some(5)), Some(0));
        assert_eq!(
            grace(json!({"containers": [], "terminationGracePeriodSeconds": 45}), "Pending", Some(5)),
            Some(0)
        );
        assert_eq!(grace(json!({"nodeName": "n", "containers": []}), "Running", None), Some(0));
    }

    #[test]
    fn names_that_are_no_labels_are_warned_of() {
        let pod = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a.b"},"spec":{"containers":[]}}"#;
        let warnings = check::warnings(&Pods, pod, None);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].ends_with("a DNS label is recommended: [must not contain dots]"), "{warnings:?}");
        assert!(check::warnings(&Pods, pod, Some(pod)).is_empty());
    }
}
