//! `ServiceAccount`: a pod acts as an account of its namespace, and finds its token where clients look for it.
//!
//! Upstream makes an account `default` in every namespace, by a controller. Where that has not been done, because nobody
//! runs it, a pod that names no account is let in without one.

use keelson_api::names::generate;
use keelson_schema::tree::{Object, Value, View};

use super::around::{self, Kind};
use super::forbidden;
use crate::api::Call;
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;

const ACCOUNTS: Kind = ("", "v1", "serviceaccounts");
const DEFAULT: &str = "default";
/// On pods that a node runs of its own accord, and only shows.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// What the name of the volume with the token begins with.
const VOLUME: &str = "kube-api-access-";
/// Where clients in containers look.
const MOUNTED_AT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// How long a token is good for. Upstream's figure, which it knows its own tokens by.
const TOKEN_SECONDS: i64 = 3607;
/// Everybody in the container may read it.
const MODE: i64 = 0o644;
/// The lists of containers that find it. Those that come later do not.
const CONTAINERS: [&str; 2] = ["initContainers", "containers"];

pub(super) async fn fill(call: &Call<'_>, pod: &mut Object) -> Result<(), Problem> {
    if meta(pod).annotations().any(|(name, _)| name == MIRROR) {
        return check_mirror(call, pod);
    }
    let named = pod.text("spec.serviceAccountName").to_owned();
    let name = if named.is_empty() { DEFAULT } else { &named };
    let Some(account) = around::one(call, ACCOUNTS, call.target.namespace, name).await? else {
        if named.is_empty() {
            return Ok(());
        }
        let why = format!(
            "error looking up service account {}/{name}: serviceaccount {} not found",
            call.target.namespace,
            keelson_api::golang::Quoted(name)
        );
        return Err(forbidden(call, pod, &why));
    };
    let mounts = truth(pod.view().path("spec.automountServiceAccountToken"))
        .or_else(|| truth(account.view().field("automountServiceAccountToken")));
    if mounts != Some(false) {
        mount(call, pod);
    }
    let mut pod = Edit::object(pod);
    let mut spec = pod.made("spec");
    for field in ["serviceAccountName", "serviceAccount"] {
        spec.set(field, name);
    }
    let secrets = account.view().field("imagePullSecrets").value();
    if !spec.has("imagePullSecrets") {
        spec.put("imagePullSecrets", secrets.cloned());
    }
    Ok(())
}

fn truth(view: View<'_>) -> Option<bool> {
    view.is_present().then(|| view.is_true())
}

/// Nothing is given to a pod that only shows another; it may not ask for it either.
fn check_mirror(call: &Call<'_>, pod: &Object) -> Result<(), Problem> {
    if !pod.text("spec.serviceAccountName").is_empty() {
        return Err(forbidden(call, pod, "a mirror pod may not reference service accounts"));
    }
    Ok(())
}

/// Shows the account's token to all containers that have nothing else in its place.
fn mount(call: &Call<'_>, pod: &mut Object) {
    let volumes = pod.view().path("spec.volumes");
    let own = volumes.items().map(|volume| volume.field("name").text()).find(|name| name.starts_with(VOLUME));
    let is_there = own.is_some();
    let name =
        own.map_or_else(|| generate::name(VOLUME, |bound| call.api.entropy.below(bound)), str::to_owned);
    let mut pod = Edit::object(pod);
    let mut spec = pod.made("spec");
    let mut is_needed = false;
    for list in CONTAINERS {
        for mut container in spec.items(list) {
            let mounts = container.view().field("volumeMounts");
            if mounts.items().any(|mount| mount.field("mountPath").text() == MOUNTED_AT) {
                continue;
            }
            let mount = container.item("volumeMounts", |mount| {
                mount.set("name", &*name);
                mount.set("readOnly", true);
                mount.set("mountPath", MOUNTED_AT);
            });
            append(&mut container, "volumeMounts", mount);
            is_needed = true;
        }
    }
    if is_needed && !is_there {
        let volume = spec.item("volumes", |volume| {
            volume.set("name", &*name);
            token(&mut volume.made("projected"));
        });
        append(&mut spec, "volumes", volume);
    }
}

/// What a client needs: the token, whom to believe that it speaks to the server, and the namespace it is in.
fn token(projected: &mut Edit<'_>) {
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
        append(&mut map, "items", item);
    });
    let namespace = projected.item("sources", |source| {
        let mut downward = source.made("downwardAPI");
        let item = downward.item("items", |item| {
            item.set("path", "namespace");
            let mut field = item.made("fieldRef");
            field.set("apiVersion", "v1");
            field.set("fieldPath", "metadata.namespace");
        });
        append(&mut downward, "items", item);
    });
    projected.set("sources", Value::List([token, authority, namespace].into_iter().collect()));
    projected.set("defaultMode", MODE);
}

fn append(of: &mut Edit<'_>, list: &str, item: Value) {
    let present = of.remove(list);
    let all = present.iter().flat_map(Value::items).cloned().chain([item]);
    of.set(list, Value::List(all.collect()));
}
