//! What a write must keep to beyond its own object, and what it is given because of others: upstream's admission, by the
//! rules that are on by default.
//!
//! A write passes twice: [`fill`] before the resource prepares it, where what its writer left open is filled in, and
//! [`check`] behind validation, where it can only be refused. In both, the rules stand in upstream's order, since each
//! sees what those before it have done. Whether the namespace is open is asked before all of that.

mod around;
mod class;
pub(crate) mod devices;
mod growth;
mod limits;
mod not_ready;
pub mod plugins;
mod priority;
mod protection;
pub(crate) mod quota;
mod runtime;
mod service_account;
pub mod toleration;

#[cfg(test)]
mod tests;

use keelson_api::status::{Cause, Status};
use keelson_schema::tree::Object;
use keelson_store::At;
use keelson_store::key::{Key, ResourceName};

use self::plugins::Plugin;
use crate::api::Call;
use crate::meta::meta;
use crate::problem::Problem;
use crate::refusal;
use crate::stored::{Stored, scan};

/// Fills in what others decide on. `new` and `old` are in the version that is stored; there is no `old` if it is to be
/// made.
pub(crate) async fn fill(call: &Call<'_>, new: &mut Object, old: Option<&Object>) -> Result<(), Problem> {
    let (is_new, has) = (old.is_none(), |plugin| call.api.admission.has(plugin));
    match (call.served.store.as_str(), part(call)) {
        ("pods", "") if is_new => Box::pin(fill_pod(call, new)).await,
        ("pods", "") => {
            if has(Plugin::Priority) {
                old.into_iter().for_each(|old| priority::keep(new, old));
            }
            if has(Plugin::DefaultTolerationSeconds) {
                toleration::fill(new, call.api.patience);
            }
            Ok(())
        }
        ("nodes", "") if is_new && has(Plugin::TaintNodesByCondition) => {
            not_ready::taint(new);
            Ok(())
        }
        ("persistentvolumeclaims", "") if is_new => {
            if has(Plugin::DefaultStorageClass) {
                Box::pin(class::fill_claim(call, new)).await?;
            }
            protect(call, new, protection::CLAIM);
            Ok(())
        }
        ("persistentvolumes", "") if is_new => {
            protect(call, new, protection::VOLUME);
            Ok(())
        }
        ("volumeattributesclasses.storage.k8s.io", "") if is_new => {
            protect(call, new, protection::ATTRIBUTES);
            Ok(())
        }
        ("ingresses.networking.k8s.io", "") if is_new && has(Plugin::DefaultIngressClass) => {
            Box::pin(class::fill_ingress(call, new)).await
        }
        _ => Ok(()),
    }
}

fn protect(call: &Call<'_>, new: &mut Object, finalizer: &'static str) {
    if call.api.admission.has(Plugin::StorageObjectInUseProtection) {
        protection::protect(new, finalizer);
    }
}

async fn fill_pod(call: &Call<'_>, new: &mut Object) -> Result<(), Problem> {
    let has = |plugin| call.api.admission.has(plugin);
    if has(Plugin::LimitRanger) {
        limits::fill(call, new).await?;
    }
    if has(Plugin::ServiceAccount) {
        service_account::fill(call, new).await?;
    }
    if has(Plugin::Priority) {
        priority::fill(call, new).await?;
    }
    if has(Plugin::DefaultTolerationSeconds) {
        toleration::fill(new, call.api.patience);
    }
    if has(Plugin::RuntimeClass) {
        runtime::fill(call, new).await?;
    }
    Ok(())
}

/// Refuses what is well in itself and does not fit to what else there is. Of subresources it is told the whole object.
pub(crate) async fn check(call: &Call<'_>, new: &Object, old: Option<&Object>) -> Result<(), Problem> {
    let has = |plugin| call.api.admission.has(plugin);
    match (call.served.store.as_str(), part(call)) {
        ("pods", "") if old.is_none() => Box::pin(check_pod(call, new)).await,
        ("pods", "resize") if has(Plugin::LimitRanger) => Box::pin(limits::check_pod(call, new, old)).await,
        ("pods", part @ "ephemeralcontainers") if has(Plugin::ServiceAccount) => {
            Box::pin(service_account::check(call, new, part)).await
        }
        ("persistentvolumeclaims", "") => Box::pin(check_claim(call, new, old)).await,
        ("priorityclasses.scheduling.k8s.io", "") if has(Plugin::Priority) => {
            Box::pin(priority::check_class(call, new, old)).await
        }
        _ => Ok(()),
    }
}

async fn check_pod(call: &Call<'_>, new: &Object) -> Result<(), Problem> {
    let has = |plugin| call.api.admission.has(plugin);
    if has(Plugin::LimitRanger) {
        limits::check_pod(call, new, None).await?;
    }
    if has(Plugin::ServiceAccount) {
        service_account::check(call, new, "").await?;
    }
    if has(Plugin::RuntimeClass) {
        runtime::check(call, new).await?;
    }
    Ok(())
}

async fn check_claim(call: &Call<'_>, new: &Object, old: Option<&Object>) -> Result<(), Problem> {
    if call.api.admission.has(Plugin::LimitRanger) {
        limits::check_claim(call, new, old).await?;
    }
    match old {
        Some(old) if call.api.admission.has(Plugin::PersistentVolumeClaimResize) => {
            growth::check(call, new, old).await
        }
        _ => Ok(()),
    }
}

fn part(call: &Call<'_>) -> &'static str {
    call.subresource.map_or("", |subresource| subresource.name)
}

/// That the write is forbidden, and why.
fn forbidden(call: &Call<'_>, new: &Object, why: &str) -> Problem {
    let named = [call.target.name, meta(new).name(), meta(new).generate_name()];
    let named = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    Status::forbidden(&call.group_resource(), named, why).into()
}

/// Namespaces that the cluster itself needs.
const KEPT: [&str; 3] = ["default", "kube-system", "kube-public"];

/// Refuses to make `new` in a namespace that is not there, or on its way out.
pub(crate) async fn namespace_is_open(call: &Call<'_>, new: &Object) -> Result<(), Problem> {
    if !call.served.is_namespaced() || !call.api.admission.has(Plugin::NamespaceLifecycle) {
        return Ok(());
    }
    let name = call.target.namespace;
    let key = Key { resource: ResourceName::new("namespaces"), path: name.into() };
    let (_, found) = call.api.store.get(&key, At::Latest).await.map_err(refusal::unreadable)?;
    let namespaces = keelson_api::group::GroupResource::new("", "namespaces");
    let namespace = found.ok_or_else(|| Status::not_found(&namespaces, name))?;
    let stored = Stored::of(&namespace)?;
    if scan::find(stored.json, &["metadata", "deletionTimestamp"]).is_none() {
        return Ok(());
    }
    let words = format!("unable to create new content in namespace {name} because it is being terminated");
    let cause = Cause {
        reason: "NamespaceTerminating".into(),
        message: format!("namespace {name} is being terminated").into(),
        field: "metadata.namespace".into(),
    };
    let named = [call.target.name, meta(new).name(), meta(new).generate_name()];
    let named = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    Err(Status::forbidden(&call.group_resource(), named, words).with_cause(cause).into())
}

/// Refuses to remove what the cluster itself needs.
pub(crate) fn may_delete(call: &Call<'_>, name: &str) -> Result<(), Problem> {
    let is_kept = call.served.store.as_str() == "namespaces"
        && KEPT.contains(&name)
        && call.api.admission.has(Plugin::NamespaceLifecycle);
    if is_kept {
        return Err(
            Status::forbidden(&call.group_resource(), name, "this namespace may not be deleted").into()
        );
    }
    Ok(())
}
