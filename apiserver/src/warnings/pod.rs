//! What the writer of a pod, or of the template of one, is warned of.

use std::collections::HashSet;

use keelson_schema::tree::{Value, View};

use super::{address, amount, node, pod_paths, pod_ports};

/// Annotations that fields have taken the place of.
const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        r#"non-functional in v1.16+; use the "priorityClassName" field instead"#,
    ),
    ("security.alpha.kubernetes.io/sysctls", r#"non-functional in v1.11+; use the "sysctls" field instead"#),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        r#"non-functional in v1.11+; use the "sysctls" field instead"#,
    ),
];

/// Volumes of systems that are no longer supported.
const OLD_VOLUMES: [(&str, &str); 7] = [
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
];

/// Where containers stand, in the order in which they are looked at.
pub(super) const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Warns of a pod or a template; `at` is where that is, with a point behind it, and empty for a pod.
pub(crate) fn of_pod(pod: View<'_>, at: &str, warnings: &mut Vec<String>) {
    let (spec, metadata) = (pod.field("spec"), pod.field("metadata"));
    of_node_selection(spec, at, warnings);
    for (key, words) in OLD_ANNOTATIONS {
        if has_annotation(metadata, key) {
            warnings.push(format!("{at}metadata.annotations[{key}]: {words}"));
        }
    }
    of_volumes(spec, at, warnings);
    pod_paths::of_volumes(spec.field("volumes"), warnings);
    of_repetition(spec, "hostAliases", "ip", at, warnings);
    of_repetition(spec, "imagePullSecrets", "name", at, warnings);
    for (index, secret) in spec.field("imagePullSecrets").items().enumerate() {
        if secret.field("name").text().is_empty() {
            warnings.push(format!("{at}spec.imagePullSecrets[{index}].name: invalid empty name \"\""));
        }
    }
    for resource in ["memory", "ephemeral-storage"] {
        amount::of_bytes(spec.field("overhead"), resource, &format!("{at}spec.overhead"), warnings);
    }
    let has_profile = |of: View<'_>| of.path("securityContext.seccompProfile").value().is_some();
    let seccomp = "seccomp.security.alpha.kubernetes.io/pod";
    if !has_profile(spec) && has_annotation(metadata, seccomp) {
        warnings.push(seccomp_words(at, seccomp));
    }
    each_container(spec, at, &mut |container, path| {
        let key =
            format!("container.seccomp.security.alpha.kubernetes.io/{}", container.field("name").text());
        if !has_profile(container) && has_annotation(metadata, &key) {
            warnings.push(seccomp_words(at, &key));
        }
        of_app_armor(spec, metadata, container, at, warnings);
        of_container(container, path, warnings);
    });
    pod_ports::of_containers(spec, at, warnings);
    if spec.field("terminationGracePeriodSeconds").int().is_some_and(|seconds| seconds < 0) {
        warnings.push(format!(
            "{at}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        ));
    }
    of_affinity(spec.field("affinity"), at, warnings);
    let names = spec.path("dnsConfig.nameservers");
    address::of_ips(names, &format!("{at}spec.dnsConfig.nameservers"), warnings);
    for (index, alias) in spec.field("hostAliases").items().enumerate() {
        address::of_ip(alias.field("ip"), &format!("{at}spec.hostAliases[{index}].ip"), warnings);
    }
}

fn seccomp_words(at: &str, key: &str) -> String {
    format!(
        r#"{at}metadata.annotations[{key}]: non-functional in v1.27+; use the "seccompProfile" field instead"#
    )
}

fn has_annotation(metadata: View<'_>, key: &str) -> bool {
    metadata.field("annotations").key(key).value().is_some()
}

/// Calls `visit` for every container, with its path.
pub(super) fn each_container<'a>(spec: View<'a>, at: &str, visit: &mut dyn FnMut(View<'a>, &str)) {
    for list in CONTAINERS {
        for (index, container) in spec.field(list).items().enumerate() {
            visit(container, &format!("{at}spec.{list}[{index}]"));
        }
    }
}

fn of_node_selection(spec: View<'_>, at: &str, warnings: &mut Vec<String>) {
    let selector = spec.field("nodeSelector").value().and_then(Value::as_map);
    for (key, _) in selector.into_iter().flat_map(|selector| selector.iter()) {
        if let Some(words) = node::label(key) {
            warnings.push(format!("{at}spec.nodeSelector[{key}]: {words}"));
        }
    }
    let affinity = spec.path("affinity.nodeAffinity");
    let path = format!("{at}spec.affinity.nodeAffinity");
    let required = affinity.path("requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    for (index, term) in required.items().enumerate() {
        let path =
            format!("{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[{index}]");
        node::selector_term(term, false, &path, warnings);
    }
    let preferred = affinity.field("preferredDuringSchedulingIgnoredDuringExecution");
    for (index, term) in preferred.items().enumerate() {
        let path = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}].preference");
        node::selector_term(term.field("preference"), true, &path, warnings);
    }
    for (index, constraint) in spec.field("topologySpreadConstraints").items().enumerate() {
        let path = format!("{at}spec.topologySpreadConstraints[{index}]");
        let key = constraint.field("topologyKey").text();
        if let Some(words) = node::label(key) {
            warnings.push(format!("{path}.topologyKey: {key} is {words}"));
        }
        of_missing_selector(constraint, &path, warnings);
    }
}

fn of_missing_selector(of: View<'_>, path: &str, warnings: &mut Vec<String>) {
    if of.field("labelSelector").value().is_none() {
        warnings.push(format!("{path}.labelSelector: a null labelSelector results in matching no pod"));
    }
}

fn of_affinity(affinity: View<'_>, at: &str, warnings: &mut Vec<String>) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let path = format!("{at}spec.affinity.{kind}");
        let terms = |name| affinity.field(kind).field(name).items().enumerate();
        for (index, term) in terms("requiredDuringSchedulingIgnoredDuringExecution") {
            let path = format!("{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]");
            of_missing_selector(term, &path, warnings);
        }
        for (index, term) in terms("preferredDuringSchedulingIgnoredDuringExecution") {
            let path =
                format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}].podAffinityTerm");
            of_missing_selector(term.field("podAffinityTerm"), &path, warnings);
        }
    }
}

fn of_volumes(spec: View<'_>, at: &str, warnings: &mut Vec<String>) {
    for (index, volume) in spec.field("volumes").items().enumerate() {
        let path = format!("{at}spec.volumes[{index}]");
        let has = |name: &str| volume.field(name).value().is_some();
        for (name, words) in OLD_VOLUMES.into_iter().filter(|(name, _)| has(name)) {
            // The one path that upstream does not write as the field is written.
            let name = if name == "storageos" { "storageOS" } else { name };
            warnings.push(format!("{path}.{name}: {words}"));
        }
        let claim = volume.path("ephemeral.volumeClaimTemplate.spec");
        amount::of_claim(claim, &format!("{path}.ephemeral.volumeClaimTemplate.spec"), warnings);
        for name in ["cephfs", "rbd"].into_iter().filter(|name| has(name)) {
            warnings.push(format!("{path}.{name}: deprecated in v1.28, non-functional in v1.31+"));
        }
    }
}

/// Warns of items of a list that are there twice.
fn of_repetition(spec: View<'_>, list: &str, field: &str, at: &str, warnings: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for (index, item) in spec.field(list).items().enumerate() {
        let text = item.field(field).text();
        if !seen.insert(text) {
            warnings.push(format!("{at}spec.{list}[{index}].{field}: duplicate {field} {text:?}"));
        }
    }
}

fn of_app_armor(
    spec: View<'_>,
    metadata: View<'_>,
    container: View<'_>,
    at: &str,
    warnings: &mut Vec<String>,
) {
    let key = format!("{APP_ARMOR}{}", container.field("name").text());
    let annotation = metadata.field("annotations").key(&key);
    let own = container.path("securityContext.appArmorProfile");
    let is_template = !at.is_empty();
    if annotation.value().is_none() || spec.path("os.name").text() == "windows" && !is_template {
        return;
    }
    let said = app_armor(annotation.text());
    let is = |profile: View<'_>| {
        let has = (profile.field("type").text(), profile.field("localhostProfile").text());
        profile.value().is_some() && said == Some(has)
    };
    // In a pod, the field has been filled in from the annotation before.
    let is_said_by_field =
        if is_template { own.value().is_some() } else { own.value().is_some() && !is(own) };
    if !is_said_by_field && !is(spec.path("securityContext.appArmorProfile")) {
        warnings.push(format!(
            r#"{at}metadata.annotations[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead"#
        ));
    }
}

/// Annotations that begin so once said what `appArmorProfile` says, for the container whose name follows.
pub(crate) const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The type and the profile that an old annotation stands for.
pub(crate) fn app_armor(annotation: &str) -> Option<(&str, &str)> {
    match annotation {
        "unconfined" => Some(("Unconfined", "")),
        "runtime/default" => Some(("RuntimeDefault", "")),
        _ => annotation
            .strip_prefix("localhost/")
            .filter(|profile| !profile.is_empty())
            .map(|profile| ("Localhost", profile)),
    }
}

fn of_container(container: View<'_>, path: &str, warnings: &mut Vec<String>) {
    for resource in ["memory", "ephemeral-storage"] {
        for list in ["limits", "requests"] {
            let amounts = container.field("resources").field(list);
            amount::of_bytes(amounts, resource, &format!("{path}.resources.{list}"), warnings);
        }
    }
    let mut seen = HashSet::new();
    for (index, variable) in container.field("env").items().enumerate() {
        let name = variable.field("name").text();
        if seen.insert(name) {
            continue;
        }
        // One that builds on the one before it is fine.
        let (reference, value) = (format!("$({name})"), variable.field("value").text());
        let builds_on_it = value != reference && value.contains(&reference);
        if variable.field("valueFrom").value().is_some() || !builds_on_it {
            warnings.push(format!(
                "{path}.env[{index}]: hides previous definition of {name:?}, which may be dropped when using apply"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::check::object;

    fn check(annotations: &Value, spec: &Value, expected: &[&str]) {
        let metadata = json!({"name": "a", "annotations": annotations});
        let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec});
        let mut warnings = Vec::new();
        of_pod(object(&pod.to_string()).view(), "", &mut warnings);
        assert_eq!(warnings, expected, "{spec}");
    }

    #[test]
    fn old_ways_are_warned_of() {
        check(
            &json!({"scheduler.alpha.kubernetes.io/critical-pod": "", "seccomp.security.alpha.kubernetes.io/pod": ""}),
            &json!({"nodeSelector": {"beta.kubernetes.io/os": "linux"}, "containers": [], "volumes": [{"name": "v", "rbd": {"image": "i", "monitors": []}}]}),
            &[
                r#"spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead"#,
                r#"metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead"#,
                "spec.volumes[0].rbd: deprecated in v1.28, non-functional in v1.31+",
                r#"metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead"#,
            ],
        );
    }

    #[test]
    fn likely_mistakes_are_warned_of() {
        check(
            &json!({}),
            &json!({
                "hostAliases": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}],
                "imagePullSecrets": [{"name": ""}],
                "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}],
                "containers": [{
                    "name": "c",
                    "resources": {"limits": {"memory": "100m"}},
                    "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}, {"name": "A", "value": "3"}],
                }],
            }),
            &[
                "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
                r#"spec.hostAliases[1].ip: duplicate ip "1.1.1.1""#,
                r#"spec.imagePullSecrets[0].name: invalid empty name """#,
                r#"spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer"#,
                r#"spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply"#,
            ],
        );
    }
}
