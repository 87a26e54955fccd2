//! `RuntimeClass`: what runs a pod costs something itself, and may run on some nodes only.

use keelson_api::status::Status;
use keelson_schema::tree::{Object, Value, View};

use super::around::{self, Kind};
use super::{forbidden, toleration};
use crate::api::Call;
use crate::edit::Edit;
use crate::problem::Problem;
use crate::rules::same::is_same;

const CLASSES: Kind = ("node.k8s.io", "v1", "runtimeclasses");
const OTHER_OVERHEAD: &str = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
const NO_OVERHEAD: &str =
    "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";

pub(super) async fn fill(call: &Call<'_>, pod: &mut Object) -> Result<(), Problem> {
    let Some(class) = class(call, pod).await? else { return Ok(()) };
    if let Some(overhead) = class.view().path("overhead.podFixed").value() {
        let own = pod.view().path("spec.overhead");
        if own.value().is_some_and(|own| !own.is_empty())
            && !is_same(own, class.view().path("overhead.podFixed"))
        {
            return Err(forbidden(call, pod, OTHER_OVERHEAD));
        }
        Edit::object(pod).made("spec").set("overhead", overhead.clone());
    }
    let scheduling = class.view().field("scheduling");
    if !scheduling.is_present() {
        return Ok(());
    }
    let wanted = scheduling.field("nodeSelector").value().and_then(Value::as_map);
    for (key, value) in wanted.into_iter().flat_map(|wanted| wanted.iter()) {
        let value = value.as_str().unwrap_or_default();
        let own = pod.view().path("spec.nodeSelector").key(key).value().and_then(Value::as_str);
        if let Some(own) = own.filter(|own| *own != value) {
            let why = format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}] = {own}"
            );
            return Err(forbidden(call, pod, &why));
        }
        Edit::object(pod).made("spec").map("nodeSelector").set(key, Value::from(value));
    }
    let merged = toleration::merged(pod.view().path("spec.tolerations"), scheduling.field("tolerations"));
    let merged = Value::List(merged.into_iter().cloned().collect());
    if !merged.items().is_empty() {
        Edit::object(pod).made("spec").set("tolerations", merged);
    }
    Ok(())
}

/// Refuses a pod that says another cost than its class.
pub(super) async fn check(call: &Call<'_>, pod: &Object) -> Result<(), Problem> {
    let class = class(call, pod).await?;
    let class_view = class.as_ref().map(Object::view);
    let own = pod.view().path("spec.overhead");
    match class_view.map(|class| class.field("overhead")).filter(|overhead| overhead.is_present()) {
        Some(overhead) if !is_same(overhead.field("podFixed"), own) => {
            Err(forbidden(call, pod, OTHER_OVERHEAD))
        }
        None if own.is_present() => Err(forbidden(call, pod, NO_OVERHEAD)),
        _ => Ok(()),
    }
}

/// The class of a pod, if it names one.
async fn class(call: &Call<'_>, pod: &Object) -> Result<Option<Object>, Problem> {
    let named: View<'_> = pod.view().path("spec.runtimeClassName");
    if !named.is_present() {
        return Ok(None);
    }
    if named.text().is_empty() {
        return Err(Status::internal_error("resource name may not be empty".to_owned()).into());
    }
    let found = around::one(call, CLASSES, "", named.text()).await?;
    let absent = || {
        let name = keelson_api::golang::Quoted(named.text());
        forbidden(call, pod, &format!("pod rejected: RuntimeClass {name} not found"))
    };
    found.map(Some).ok_or_else(absent)
}
