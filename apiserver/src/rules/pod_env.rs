//! Rules for the environment of containers, and for what it and volumes show of the pod.

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::variable::{config_map_key, relaxed_environment_variable};
use keelson_api::names::{dns, label, object};

use super::At;
use super::volume_path::has_no_backsteps;

/// What of a pod a variable can show.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// The variables of a container.
pub(super) fn variables(variables: &At<'_, '_>, errors: &mut Errors) {
    for variable in variables.items() {
        let name = variable.field("name");
        if name.require(errors) {
            name.keep_to(relaxed_environment_variable, errors);
        }
        value_from(&variable, errors);
    }
}

fn value_from(variable: &At<'_, '_>, errors: &mut Errors) {
    let from = variable.field("valueFrom");
    if !from.is_present() {
        return;
    }
    let mut sources = 0;
    let mut check = |name: &str, rule: fn(&At<'_, '_>, &mut Errors), errors: &mut Errors| {
        let source = from.field(name);
        if source.is_present() {
            sources += 1;
            rule(&source, errors);
        }
    };
    check("fieldRef", |field, errors| field_of_pod(field, FIELDS, errors), errors);
    check("resourceFieldRef", |resource, errors| resource_of_container(resource, false, errors), errors);
    check("configMapKeyRef", key_of_object, errors);
    check("secretKeyRef", key_of_object, errors);
    check("fileKeyRef", key_of_file, errors);
    let words = match sources {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        _ if !variable.field("value").is_empty() => "may not be specified when `value` is not empty",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.push(Error::invalid(&from.path, "", words));
}

fn key_of_object(reference: &At<'_, '_>, errors: &mut Errors) {
    reference.field("name").name_of(object::subdomain, errors);
    let key = reference.field("key");
    if key.require(errors) {
        key.keep_to(config_map_key, errors);
    }
}

fn key_of_file(reference: &At<'_, '_>, errors: &mut Errors) {
    let (key, volume, path) =
        (reference.field("key"), reference.field("volumeName"), reference.field("path"));
    if key.require(errors) {
        key.keep_to(relaxed_environment_variable, errors);
    }
    if volume.require(errors) {
        volume.keep_to(dns::label, errors);
    }
    if path.require(errors) {
        has_no_backsteps(&path, errors);
    }
}

/// The objects whose keys become variables.
pub(super) fn sources(sources: &At<'_, '_>, errors: &mut Errors) {
    for source in sources.items() {
        let prefix = source.field("prefix");
        if !prefix.is_empty() {
            prefix.keep_to(relaxed_environment_variable, errors);
        }
        let mut count = 0;
        for kind in ["configMapRef", "secretRef"] {
            let reference = source.field(kind);
            if !reference.is_present() {
                continue;
            }
            count += 1;
            let name = reference.field("name");
            if name.require(errors) {
                for reason in object::subdomain(name.text(), object::Part::Prefix) {
                    name.invalid(reason, errors);
                }
            }
        }
        // As upstream: these messages do not tell which source is meant.
        match count {
            0 => {
                let words = "must specify one of: `configMapRef` or `secretRef`";
                errors.push(Error::invalid(&sources.path, "", words));
            }
            1 => {}
            _ => {
                let words = "may not have more than one field specified at a time";
                errors.push(Error::invalid(&sources.path, "", words));
            }
        }
    }
}

/// A reference to a field of the pod, which is one of `fields`, or to one label or annotation.
pub(super) fn field_of_pod(reference: &At<'_, '_>, fields: &[&str], errors: &mut Errors) {
    let (version, path) = (reference.field("apiVersion"), reference.field("fieldPath"));
    if !version.require(errors) || !path.require(errors) {
        return;
    }
    let text = path.text();
    let name = match known_field(version.text(), text) {
        Ok(name) => name,
        Err(why) => return path.invalid(format!("error converting fieldPath: {why}"), errors),
    };
    let Some((of, key)) = subscript(name) else {
        if !fields.contains(&name) {
            errors.push(Error::not_supported(&path.path, name, fields));
        }
        return;
    };
    // As upstream: the message shows the key and looks for it in the reference.
    let key = if of == "metadata.annotations" { key.to_lowercase() } else { key.to_owned() };
    errors.push_invalid(&reference.path, &key, label::key(&key));
}

/// A map and a key in it: `metadata.labels['app']`.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['").filter(|(of, _)| !of.is_empty())
}

/// The name of a field of pods, of which one has an old name.
fn known_field<'a>(version: &str, path: &'a str) -> Result<&'a str, String> {
    if version != "v1" {
        return Err(format!("unsupported pod version: {version}"));
    }
    match (subscript(path), path) {
        (Some(("metadata.annotations" | "metadata.labels", _)), _) => Ok(path),
        (Some(_), _) => Err(format!("field label does not support subscript: {path}")),
        (_, "spec.host") => Ok("spec.nodeName"),
        (
            _,
            "metadata.annotations"
            | "metadata.labels"
            | "spec.restartPolicy"
            | "spec.schedulerName"
            | "status.phase",
        ) => Ok(path),
        _ if FIELDS.contains(&path) => Ok(path),
        _ => Err(format!("field label not supported: {path}")),
    }
}

/// What a container can be told of its resources.
const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

fn is_huge_page(resource: &str) -> bool {
    resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-")
}

/// A reference to a resource of a container; in a volume it says which container.
pub(super) fn resource_of_container(reference: &At<'_, '_>, in_volume: bool, errors: &mut Errors) {
    let (container, resource) = (reference.field("containerName"), reference.field("resource"));
    let text = resource.text();
    if in_volume && container.is_empty() {
        container.missing("", errors);
    } else if text.is_empty() {
        resource.missing("", errors);
    } else if !RESOURCES.contains(&text) && !is_huge_page(text) {
        resource.not_supported(RESOURCES, errors);
    }
    divisor(&reference.field("divisor"), text, errors);
}

const DIVISORS: &[&str] =
    &["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

fn divisor(divisor: &At<'_, '_>, resource: &str, errors: &mut Errors) {
    if crate::defaults::quantity::amount(divisor.view).is_zero() {
        return;
    }
    let of = match resource {
        "limits.cpu" | "requests.cpu" => {
            if !matches!(divisor.text(), "1m" | "1") {
                let words = "only divisor's values 1m and 1 are supported with the cpu resource";
                errors.push(Error::invalid(&divisor.path, resource, words));
            }
            return;
        }
        "limits.memory" | "requests.memory" => "memory",
        "limits.ephemeral-storage" | "requests.ephemeral-storage" => "local ephemeral storage",
        _ if is_huge_page(resource) => "hugepages",
        _ => return,
    };
    if !DIVISORS.contains(&divisor.text()) {
        let all = DIVISORS.join(", ");
        let words = format!("only divisor's values {all} are supported with the {of} resource");
        errors.push(Error::invalid(&divisor.path, Shown::Text(resource), words));
    }
}
