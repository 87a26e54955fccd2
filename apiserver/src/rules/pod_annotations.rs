//! Rules for annotations of pods that mean something: some say of old what fields say today.

use keelson_api::field::{Error, Errors};
use keelson_api::golang::{Quoted, parse_int};
use keelson_schema::arena::Schema;
use keelson_schema::tree::{Value, View};

use super::pod_containers::each;
use super::pod_leniency::Leniency;
use super::pod_tolerations::tolerations;
use super::volume_path::is_descending;
use super::{At, internal};
use crate::warnings::pod::APP_ARMOR;

/// That a pod mirrors one that a node has of its own.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/tolerations";
pub(super) const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// The annotations of a pod or a template with that spec.
pub(super) fn annotations(
    annotations: &At<'_, '_>,
    spec: &At<'_, '_>,
    lenient: &Leniency,
    errors: &mut Errors,
) {
    let mirror = annotations.key(MIRROR);
    if mirror.is_present() && spec.field("nodeName").is_empty() {
        mirror.invalid("must set spec.nodeName if mirror pod annotation is set", errors);
    }
    let tolerated = annotations.key(TOLERATIONS);
    if !tolerated.is_empty() {
        old_tolerations(annotations, tolerated.text(), lenient, errors);
    }
    let cost = annotations.key(DELETION_COST);
    if !lenient.deletion_costs && !is_cost(cost.view) {
        cost.invalid("must be a 32bit integer", errors);
    }
    old_seccomp(annotations, errors);
    old_app_armor(annotations, spec, errors);
}

/// Whether what a pod's deletion is said to cost is a number in its shortest form, if it is said.
pub(super) fn is_cost(cost: View<'_>) -> bool {
    let text = cost.text();
    let begins_well = text == "0" || text.starts_with(|c| matches!(c, '-' | '1'..='9'));
    !cost.is_present() || begins_well && parse_int(text).is_ok_and(|number| i32::try_from(number).is_ok())
}

/// Tolerations of old: JSON in an annotation.
fn old_tolerations(annotations: &At<'_, '_>, json: &str, lenient: &Leniency, errors: &mut Errors) {
    let Some(schema) = Schema::builtin("", "v1", "Pod") else { return };
    let ty = View::new(schema.ty(), None).path("spec.tolerations").ty();
    let Some(ty) = ty else { return };
    match keelson_schema::json::decode_value(json.as_bytes(), ty) {
        Ok(value) => {
            let path = annotations.path.child(TOLERATIONS);
            tolerations(&At { view: View::new(ty, value.as_ref()), path }, lenient, errors);
        }
        Err(error) => {
            // Upstream reads it in a form of its own.
            let mut words = error.to_string().replace("[]v1.Toleration", "[]core.Toleration");
            if let Some((before, field)) = words.split_once("field Toleration.") {
                words = format!("{before}field Toleration.{}", internal::go_name(field));
            }
            errors.push(Error::invalid(&annotations.path, TOLERATIONS, words));
        }
    }
}

fn old_seccomp(annotations: &At<'_, '_>, errors: &mut Errors) {
    let check = |key: &str, errors: &mut Errors| {
        let profile = annotations.view.key(key);
        let at = At { view: profile, path: annotations.path.child(key) };
        match profile.text() {
            "runtime/default" | "docker/default" | "unconfined" => {}
            text => match text.strip_prefix("localhost/") {
                Some(path) => is_descending_text(&at, path, errors),
                None => at.invalid("must be a valid seccomp profile", errors),
            },
        }
    };
    if annotations.key(SECCOMP_OF_POD).is_present() {
        check(SECCOMP_OF_POD, errors);
    }
    for key in annotations.keys().filter(|key| key.starts_with(SECCOMP_OF_CONTAINER)) {
        check(key, errors);
    }
}

/// The same rule as for a field that is the path.
fn is_descending_text(at: &At<'_, '_>, path: &str, errors: &mut Errors) {
    let value = Value::from(path);
    if let Some(ty) = at.view.ty() {
        is_descending(&At { view: View::new(ty, Some(&value)), path: at.path }, errors);
    }
}

fn old_app_armor(annotations: &At<'_, '_>, spec: &At<'_, '_>, errors: &mut Errors) {
    for (key, profile) in annotations.entries() {
        let Some(name) = key.strip_prefix(APP_ARMOR) else { continue };
        let mut is_there = false;
        each(spec, |container| is_there |= container.field("name").text() == name);
        if !is_there {
            errors.push(Error::invalid(&profile.path, name, "container not found"));
        }
        let text = profile.text();
        if !matches!(text, "" | "runtime/default" | "unconfined") && !text.starts_with("localhost/") {
            profile.invalid(format!("invalid AppArmor profile name: {}", Quoted(text)), errors);
        }
    }
}

/// Where both annotations and fields say what profiles are used, they say the same.
pub(super) fn agree_with_fields(annotations: View<'_>, spec: &At<'_, '_>, errors: &mut Errors) {
    let context = spec.field("securityContext");
    let profile = context.field("seccompProfile");
    let of_pod = annotations.key(SECCOMP_OF_POD);
    agrees(&profile, of_pod, "seccomp", &["runtime/default", "docker/default"], errors);
    each(spec, |container| {
        let context = container.field("securityContext");
        let key = format!("{SECCOMP_OF_CONTAINER}{}", container.field("name").text());
        let profile = context.field("seccompProfile");
        agrees(&profile, annotations.key(&key), "seccomp", &["runtime/default", "docker/default"], errors);
    });
    if spec.view.path("os.name").text() == "windows" {
        return;
    }
    let of_all = spec.view.path("securityContext.appArmorProfile");
    each(spec, |container| {
        let context = container.field("securityContext");
        let own = context.field("appArmorProfile");
        let view = if own.is_present() { own.view } else { of_all };
        let key = format!("{APP_ARMOR}{}", container.field("name").text());
        let profile = At { view, path: own.path };
        agrees(&profile, annotations.key(&key), "apparmor", &["runtime/default"], errors);
    });
}

fn agrees(profile: &At<'_, '_>, annotation: View<'_>, what: &str, of_runtime: &[&str], errors: &mut Errors) {
    if !profile.is_present() || !annotation.is_present() {
        return;
    }
    let (kind, local) = (profile.field("type"), profile.field("localhostProfile"));
    let text = annotation.text();
    let is_same_kind = match kind.text() {
        "Unconfined" => text == "unconfined",
        "RuntimeDefault" => of_runtime.contains(&text),
        "Localhost" => text.starts_with("localhost/"),
        _ => return,
    };
    if !is_same_kind {
        kind.forbidden(format!("{what} type in annotation and field must match"), errors);
    } else if kind.text() == "Localhost"
        && !(local.is_present() && text.strip_prefix("localhost/") == Some(local.text()))
    {
        local.forbidden(format!("{what} profile in annotation and field must match"), errors);
    }
}

/// Annotations that stay as they are.
pub(super) fn kept(annotations: &At<'_, '_>, old: View<'_>, errors: &mut Errors) {
    let old = At { view: old, path: annotations.path };
    let mut check = |key: &str, word: &str| {
        let path = annotations.path.key(key);
        if key.starts_with(APP_ARMOR) {
            errors.push(Error::forbidden(&path, format!("may not {word} AppArmor annotations")));
        }
        if key == MIRROR {
            errors.push(Error::forbidden(&path, format!("may not {word} mirror pod annotation")));
        }
    };
    for (key, value) in old.entries() {
        let new = annotations.key(key);
        if !new.is_present() || new.text() != value.text() {
            check(key, "remove or update");
        }
    }
    for key in annotations.keys().filter(|key| !old.key(key).is_present()) {
        check(key, "add");
    }
}
