//! `ServiceAccount`: a pod acts as an account of its namespace that is there, and its containers find that account's token,
//! the cluster's authority and their namespace where programs look for them.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use keelson_api::names::generate;
use keelson_schema::tree::{Object, Value, View};

use super::around::{self, Kind};
use super::class::annotation;
use super::forbidden;
use crate::api::Call;
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;
use crate::refusal;

const ACCOUNTS: Kind = ("", "v1", "serviceaccounts");
const USUAL: &str = "default";
/// Marks what a node runs by itself and only shows to the server.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// Marks accounts whose pods may use the account's secrets alone.
const OWN_SECRETS_ONLY: &str = "kubernetes.io/enforce-mountable-secrets";
const VOLUME: &str = "kube-api-access-";
const PLACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// An hour and a little: upstream's figure.
const TOKEN_SECONDS: i64 = 3607;
const MODE: i64 = 0o644;
/// How long to wait for a namespace's usual account, which a controller makes as soon as it sees the namespace.
const USUAL_WITHIN: Duration = Duration::from_secs(1);

fn is_mirror(pod: &Object) -> bool {
    annotation(meta(pod), MIRROR).is_some()
}

pub(super) async fn fill(call: &Call<'_>, pod: &mut Object) -> Result<(), Problem> {
    if is_mirror(pod) {
        return check_mirror(call, pod);
    }
    let name = match pod.view().path("spec.serviceAccountName").text() {
        "" => USUAL.to_owned(),
        name => name.to_owned(),
    };
    {
        let mut pod = Edit::object(pod);
        let mut spec = pod.made("spec");
        spec.set("serviceAccountName", name.as_str());
        spec.set("serviceAccount", name.as_str());
    }
    let account = account(call, pod, &name).await?;
    if wants_token(&account, pod) {
        mount_token(call, pod);
    }
    let own = pod.view().path("spec.imagePullSecrets").items().next().is_some();
    if let Some(secrets) = account.view().field("imagePullSecrets").value().filter(|_| !own) {
        Edit::object(pod).made("spec").set("imagePullSecrets", secrets.clone());
    }
    Ok(())
}

/// Refuses what the account does not allow. `part` is what is written of the pod.
pub(super) async fn check(call: &Call<'_>, pod: &Object, part: &str) -> Result<(), Problem> {
    if is_mirror(pod) {
        return if part.is_empty() { check_mirror(call, pod) } else { Ok(()) };
    }
    let name = pod.view().path("spec.serviceAccountName").text();
    if name.is_empty() {
        let words =
            format!("no service account specified for pod {}/{}", call.target.namespace, meta(pod).name());
        return Err(forbidden(call, pod, &words));
    }
    let account = account(call, pod, name).await?;
    let is_strict = annotation(meta(&account), OWN_SECRETS_ONLY);
    if is_strict.is_some_and(|text| matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")) {
        check_secrets(pod, &account, part).map_err(|words| forbidden(call, pod, &words))?;
    }
    Ok(())
}

/// The account of that name. Its namespace may be so new that the usual one is still being made.
async fn account(call: &Call<'_>, pod: &Object, name: &str) -> Result<Object, Problem> {
    let namespace = call.target.namespace;
    let found = async {
        loop {
            let head = call.api.store.revision();
            match around::one(call, ACCOUNTS, namespace, name).await {
                // Whatever is written next may be it, unless nothing will be written any more.
                Ok(None) if name == USUAL => {
                    call.api.store.reached(head.plus(1)).await.map_err(refusal::unreadable)?;
                }
                answer => return answer,
            }
        }
    };
    let found = tokio::time::timeout(USUAL_WITHIN, found).await.unwrap_or(Ok(None))?;
    found.ok_or_else(|| {
        let words = format!(
            "error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found"
        );
        forbidden(call, pod, &words)
    })
}

fn wants_token(account: &Object, pod: &Object) -> bool {
    let said = |view: View<'_>| view.field("automountServiceAccountToken").value().and_then(Value::as_bool);
    said(pod.view().field("spec")).or_else(|| said(account.view())).unwrap_or(true)
}

/// Gives every container that has nothing there the token's volume.
fn mount_token(call: &Call<'_>, pod: &mut Object) {
    let volumes = pod.view().path("spec.volumes");
    let present =
        volumes.items().map(|volume| volume.field("name").text()).find(|name| name.starts_with(VOLUME));
    let is_there = present.is_some();
    let name =
        present.map_or_else(|| generate::name(VOLUME, |bound| call.api.entropy.below(bound)), str::to_owned);
    let mut pod = Edit::object(pod);
    let mut spec = pod.made("spec");
    let mut is_needed = false;
    for list in ["initContainers", "containers"] {
        for mut container in spec.items(list) {
            let mounts = container.view().field("volumeMounts");
            if mounts.items().any(|mount| mount.field("mountPath").text() == PLACE) {
                continue;
            }
            let mount = container.item("volumeMounts", |mount| {
                mount.set("name", name.as_str());
                mount.set("readOnly", true);
                mount.set("mountPath", PLACE);
            });
            add(&mut container, "volumeMounts", mount);
            is_needed = true;
        }
    }
    if is_needed && !is_there {
        let volume = spec.item("volumes", |volume| {
            volume.set("name", name.as_str());
            fill_sources(&mut volume.made("projected"));
        });
        add(&mut spec, "volumes", volume);
    }
}

fn fill_sources(projected: &mut Edit<'_>) {
    let token = projected.item("sources", |source| {
        let mut token = source.made("serviceAccountToken");
        token.set("expirationSeconds", TOKEN_SECONDS);
        token.set("path", "token");
    });
    let authority = projected.item("sources", |source| {
        let mut map = source.made("configMap");
        map.set("name", "kube-root-ca.crt");
        let item = map.item("items", |item| {
            item.set("key", "ca.crt");
            item.set("path", "ca.crt");
        });
        add(&mut map, "items", item);
    });
    let namespace = projected.item("sources", |source| {
        let mut downward = source.made("downwardAPI");
        let item = downward.item("items", |item| {
            item.set("path", "namespace");
            let mut field = item.made("fieldRef");
            field.set("apiVersion", "v1");
            field.set("fieldPath", "metadata.namespace");
        });
        add(&mut downward, "items", item);
    });
    for source in [token, authority, namespace] {
        add(projected, "sources", source);
    }
    projected.set("defaultMode", MODE);
}

/// Appends to a list.
fn add(of: &mut Edit<'_>, list: &str, item: Value) {
    let items = of.get(list).map(Value::items).unwrap_or_default();
    let items = items.iter().cloned().chain([item]).collect();
    of.set(list, Value::List(items));
}

fn check_mirror(call: &Call<'_>, pod: &Object) -> Result<(), Problem> {
    let spec = pod.view().field("spec");
    let refused = if !spec.field("serviceAccountName").text().is_empty() {
        "a mirror pod may not reference service accounts"
    } else if names_secrets(spec) {
        "a mirror pod may not reference secrets"
    } else if projections(spec).any(|source| source.field("serviceAccountToken").is_present()) {
        "a mirror pod may not use ServiceAccountToken volume projections"
    } else {
        return Ok(());
    };
    Err(forbidden(call, pod, refused))
}

fn projections<'a>(spec: View<'a>) -> impl Iterator<Item = View<'a>> {
    spec.field("volumes").items().flat_map(|volume| volume.path("projected.sources").items())
}

/// Where volumes name secrets: the kind of volume, and the field.
const IN_VOLUMES: [&str; 9] = [
    "azureFile.secretName",
    "cephfs.secretRef",
    "csi.nodePublishSecretRef",
    "flexVolume.secretRef",
    "iscsi.secretRef",
    "rbd.secretRef",
    "scaleIO.secretRef",
    "secret",
    "storageos.secretRef",
];

fn names_secrets(spec: View<'_>) -> bool {
    let of_container = |container: View<'_>| {
        container.field("envFrom").items().any(|from| from.field("secretRef").is_present())
            || container.field("env").items().any(|env| env.path("valueFrom.secretKeyRef").is_present())
    };
    let of_volume = |volume: View<'_>| IN_VOLUMES.iter().any(|path| volume.path(path).is_present());
    spec.field("imagePullSecrets").items().next().is_some()
        || ["initContainers", "containers", "ephemeralContainers"]
            .iter()
            .any(|list| spec.field(list).items().any(of_container))
        || spec.field("volumes").items().any(of_volume)
        || projections(spec).any(|source| source.field("secret").is_present())
}

/// Says which secret of a pod is not one of its account's.
fn check_secrets(pod: &Object, account: &Object, part: &str) -> Result<(), String> {
    let own: HashSet<&str> =
        account.view().field("secrets").items().map(|secret| secret.field("name").text()).collect();
    let account_name = meta(account).name();
    let spec = pod.view().field("spec");
    let tail =
        format!("is not allowed because service account {account_name} does not reference that secret");
    let lists: &[(&str, &str)] = if part == "ephemeralcontainers" {
        &[("ephemeralContainers", "ephemeral container")]
    } else {
        &[("initContainers", "init container"), ("containers", "container")]
    };
    if part.is_empty() {
        for volume in spec.field("volumes").items() {
            let secret = volume.field("secret");
            let name = secret.field("secretName").text();
            if secret.is_present() && !own.contains(name) {
                return Err(format!("volume with secret.secretName=\"{name}\" {tail}"));
            }
        }
    }
    for (list, what) in lists {
        for container in spec.field(list).items() {
            let called = container.field("name").text();
            for env in container.field("env").items() {
                let secret = env.path("valueFrom.secretKeyRef");
                let name = secret.field("name").text();
                if secret.is_present() && !own.contains(name) {
                    let variable = env.field("name").text();
                    return Err(format!(
                        "{what} {called} with envVar {variable} referencing secret.secretName=\"{name}\" {tail}"
                    ));
                }
            }
            for from in container.field("envFrom").items() {
                let secret = from.field("secretRef");
                let name = secret.field("name").text();
                if secret.is_present() && !own.contains(name) {
                    return Err(format!(
                        "{what} {called} with envFrom referencing secret.secretName=\"{name}\" {tail}"
                    ));
                }
            }
        }
    }
    if !part.is_empty() {
        return Ok(());
    }
    let pulls: HashSet<&str> =
        account.view().field("imagePullSecrets").items().map(|secret| secret.field("name").text()).collect();
    for (place, secret) in spec.field("imagePullSecrets").items().enumerate() {
        let name = secret.field("name").text();
        if !pulls.contains(name) {
            return Err(format!(
                "imagePullSecrets[{place}].name=\"{name}\" is not allowed because service account {account_name} does not reference that imagePullSecret"
            ));
        }
    }
    Ok(())
}
