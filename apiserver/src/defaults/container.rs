//! What a container is given that its writer left open.

use super::image;
use super::quantity::round_up_requirements;
use crate::edit::Edit;

/// Fills in a container of any sort.
pub(crate) fn container(container: &mut Edit<'_>) {
    let pull = image::pull_policy(container.text("image"));
    container.default("imagePullPolicy", pull);
    container.default("terminationMessagePath", "/dev/termination-log");
    container.default("terminationMessagePolicy", "File");
    for mut variable in container.items("env") {
        if let Some(mut field) = variable.part("valueFrom").as_mut().and_then(|from| from.part("fieldRef")) {
            field_selector(&mut field);
        }
    }
    round_up_requirements(container, "resources");
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(mut probe) = container.part(name) {
            self::probe(&mut probe);
        }
    }
    if let Some(mut lifecycle) = container.part("lifecycle") {
        for name in ["postStart", "preStop"] {
            if let Some(mut get) = lifecycle.part(name).as_mut().and_then(|handler| handler.part("httpGet")) {
                http_get(&mut get);
            }
        }
    }
}

fn probe(probe: &mut Edit<'_>) {
    probe.default("timeoutSeconds", 1_i64);
    probe.default("periodSeconds", 10_i64);
    probe.default("successThreshold", 1_i64);
    probe.default("failureThreshold", 3_i64);
    if let Some(mut get) = probe.part("httpGet") {
        http_get(&mut get);
    }
}

fn http_get(get: &mut Edit<'_>) {
    get.default("path", "/");
    get.default("scheme", "HTTP");
}

/// The field of an object is named in a version.
pub(crate) fn field_selector(field: &mut Edit<'_>) {
    field.default("apiVersion", "v1");
}
