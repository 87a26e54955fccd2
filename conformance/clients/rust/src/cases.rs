//! The cases: what programs do with a server through this client.

use std::collections::BTreeMap;
use std::pin::Pin;

use anyhow::{Context, bail, ensure};
use futures::{AsyncReadExt, Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{
    Api, AttachParams, DeleteParams, DynamicObject, EvictParams, ListParams, LogParams, Patch, PatchParams,
    PostParams, Preconditions, WatchEvent, WatchParams,
};
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Discovery, Error, ResourceExt};
use serde_json::json;

use crate::world::{World, object, refused};

type Case<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;

pub fn all(w: &World) -> Vec<(&'static str, Case<'_>)> {
    vec![
        ("crud", Box::pin(crud(w))),
        ("pages", Box::pin(pages(w))),
        ("patches", Box::pin(patches(w))),
        ("apply", Box::pin(apply(w))),
        ("scale", Box::pin(scale(w))),
        ("eviction", Box::pin(eviction(w))),
        ("token", Box::pin(token(w))),
        ("without-nodes", Box::pin(without_nodes(w))),
        ("discovery", Box::pin(discovery(w))),
        ("dynamic", Box::pin(dynamic(w))),
        ("metadata", Box::pin(metadata(w))),
        ("watch-resume", Box::pin(watch_resume(w))),
        ("watch-gone", Box::pin(watch_gone(w))),
        ("watcher", Box::pin(follows(w, false))),
        ("watcher-streaming-lists", Box::pin(follows(w, true))),
        ("reflector", Box::pin(reflects(w))),
    ]
}

async fn crud(w: &World) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = w.api();
    let made = w.config_map("crud", "crud", json!({"a": "1"})).await?;
    ensure!(made.uid().is_some() && made.resource_version().is_some() && made.creation_timestamp().is_some());
    refused(409, "AlreadyExists", w.config_map("crud", "crud", json!({})).await)?;
    let mut changed = made.clone();
    changed.data = Some(BTreeMap::from([("a".into(), "2".into())]));
    let second = maps.replace("crud", &PostParams::default(), &changed).await?;
    ensure!(second.resource_version() != made.resource_version());
    refused(409, "Conflict", maps.replace("crud", &PostParams::default(), &changed).await)?;
    ensure!(maps.get("crud").await?.data == changed.data);
    let uid = Some("11111111-2222-3333-4444-555555555555".into());
    let other = DeleteParams::default().preconditions(Preconditions { uid, resource_version: None });
    refused(409, "Conflict", maps.delete("crud", &other).await)?;
    let trial = PostParams { dry_run: true, ..PostParams::default() };
    let tried = maps.create(&trial, &object(json!({"metadata": {"name": "crud-tried"}}))?).await?;
    ensure!(tried.uid().is_some() && maps.get_opt("crud-tried").await?.is_none());
    maps.delete("crud", &DeleteParams::default()).await?;
    ensure!(maps.get_opt("crud").await?.is_none());
    Ok(())
}

async fn pages(w: &World) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = w.api();
    for number in 0..25 {
        w.config_map(&format!("pages-{number:03}"), "pages", json!({})).await?;
    }
    let mut params = ListParams::default().labels("case=pages").limit(10);
    let (mut names, mut revision) = (Vec::new(), None);
    loop {
        let page = maps.list(&params).await?;
        names.extend(page.items.iter().map(ResourceExt::name_any));
        if revision.is_none() {
            revision.clone_from(&page.metadata.resource_version);
            // Pages are of one revision: what comes later is not seen.
            w.config_map("pages-999", "pages", json!({})).await?;
        }
        ensure!(page.metadata.resource_version == revision, "pages of several revisions");
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => break,
        }
    }
    ensure!(names == (0..25).map(|number| format!("pages-{number:03}")).collect::<Vec<_>>(), "{names:?}");
    refused(400, "BadRequest", maps.list(&ListParams::default().limit(1).continue_token("no token")).await)?;
    Ok(())
}

fn images(deployment: &Deployment) -> Vec<&str> {
    let template = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    template.map_or(Vec::new(), |pod| pod.containers.iter().filter_map(|one| one.image.as_deref()).collect())
}

async fn patches(w: &World) -> anyhow::Result<()> {
    let deployments: Api<Deployment> = w.api();
    w.deployment("patches").await?;
    let params = PatchParams::default();
    let containers =
        |image: &str| json!({"template": {"spec": {"containers": [{"name": "web", "image": image}]}}});
    let left = deployments
        .patch("patches", &params, &Patch::Strategic(json!({"spec": containers("web:2")})))
        .await?;
    ensure!(images(&left) == ["web:2", "side:1"], "{:?}", images(&left));
    let merge = json!({"metadata": {"labels": {"case": null}}, "spec": containers("web:3")});
    let left = deployments.patch("patches", &params, &Patch::Merge(merge)).await?;
    ensure!(images(&left) == ["web:3"] && left.labels().is_empty(), "{:?}", left.labels());
    let operations = |replicas: i32| {
        serde_json::from_value(json!([
            {"op": "test", "path": "/spec/replicas", "value": replicas},
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:4"},
        ]))
    };
    let left = deployments.patch("patches", &params, &Patch::Json::<()>(operations(0)?)).await?;
    ensure!(images(&left) == ["web:4"], "{:?}", images(&left));
    refused(422, "Invalid", deployments.patch("patches", &params, &Patch::Json::<()>(operations(7)?)).await)?;
    Ok(())
}

async fn apply(w: &World) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = w.api();
    let wanted = |data| {
        Patch::Apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "apply"}, "data": data}),
        )
    };
    let one = PatchParams::apply("one");
    maps.patch("apply", &one, &wanted(json!({"a": "1", "b": "1"}))).await?;
    let two = PatchParams::apply("two");
    let message = refused(409, "Conflict", maps.patch("apply", &two, &wanted(json!({"a": "2"}))).await)?;
    ensure!(message.contains(".data.a"), "{message}");
    maps.patch("apply", &two.force(), &wanted(json!({"a": "2"}))).await?;
    let left = maps.patch("apply", &one, &wanted(json!({}))).await?;
    ensure!(left.data == Some(BTreeMap::from([("a".into(), "2".into())])), "{:?}", left.data);
    Ok(())
}

async fn scale(w: &World) -> anyhow::Result<()> {
    let deployments: Api<Deployment> = w.api();
    w.deployment("scale").await?;
    let found = deployments.get_scale("scale").await?;
    ensure!(found.status.and_then(|status| status.selector).as_deref() == Some("app=scale"));
    let to = |replicas: i32| Patch::Merge(json!({"spec": {"replicas": replicas}}));
    let changed = deployments.patch_scale("scale", &PatchParams::default(), &to(1)).await?;
    ensure!(changed.spec.and_then(|spec| spec.replicas) == Some(1));
    deployments.patch_scale("scale", &PatchParams::default(), &to(0)).await?;
    let left = deployments.get("scale").await?;
    ensure!(left.metadata.generation == Some(3), "{:?}", left.metadata.generation);
    Ok(())
}

async fn eviction(w: &World) -> anyhow::Result<()> {
    let (pods, budgets): (Api<Pod>, Api<PodDisruptionBudget>) = (w.api(), w.api());
    w.pod("eviction").await?;
    // What only waits for a node may always be evicted; this one runs.
    let running =
        json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch_status("eviction", &PatchParams::default(), &Patch::Merge(running)).await?;
    let selector = json!({"matchLabels": {"case": "eviction"}});
    let budget =
        object(json!({"metadata": {"name": "eviction"}, "spec": {"minAvailable": 1, "selector": selector}}))?;
    budgets.create(&PostParams::default(), &budget).await?;
    refused(429, "TooManyRequests", pods.evict("eviction", &EvictParams::default()).await)?;
    budgets.delete("eviction", &DeleteParams::default()).await?;
    pods.evict("eviction", &EvictParams::default()).await?;
    ensure!(pods.get_opt("eviction").await?.is_none());
    Ok(())
}

async fn token(w: &World) -> anyhow::Result<()> {
    let accounts: Api<ServiceAccount> = w.api();
    accounts.create(&PostParams::default(), &object(json!({"metadata": {"name": "token"}}))?).await?;
    let request: TokenRequest =
        object(json!({"spec": {"audiences": ["elsewhere"], "expirationSeconds": 3600}, "metadata": {}}))?;
    let issued = accounts.create_token_request("token", &PostParams::default(), &request).await?;
    let status = issued.status.context("no token")?;
    ensure!(status.token.split('.').count() == 3, "{}", status.token);
    Ok(())
}

async fn without_nodes(w: &World) -> anyhow::Result<()> {
    let pods: Api<Pod> = w.api();
    w.pod("without-nodes").await?;
    // What never ran has said nothing.
    let mut said = String::new();
    pods.log_stream("without-nodes", &LogParams::default()).await?.read_to_string(&mut said).await?;
    ensure!(said.is_empty(), "{said}");
    refused(404, "NotFound", pods.logs("nobody", &LogParams::default()).await)?;
    let params = AttachParams::default().stdout(true).stderr(false);
    ensure!(pods.exec("without-nodes", ["true"], &params).await.is_err(), "a command on no node");
    ensure!(pods.portforward("without-nodes", &[80]).await.is_err(), "a port on no node");
    Ok(())
}

async fn discovery(w: &World) -> anyhow::Result<()> {
    for found in [
        Discovery::new(w.client.clone()).run().await?,
        Discovery::new(w.client.clone()).run_aggregated().await?,
    ] {
        let apps = found.get("apps").context("no group apps")?;
        let (deployment, capabilities) = apps.recommended_kind("Deployment").context("no Deployment")?;
        ensure!(
            deployment.plural == "deployments" && capabilities.subresources.len() == 2,
            "{capabilities:?}"
        );
        ensure!(found.groups().count() >= 20, "{}", found.groups().count());
    }
    let version = w.client.apiserver_version().await?;
    ensure!(version.major == "1" && version.minor.parse::<u32>()? >= 37, "{version:?}");
    Ok(())
}

async fn dynamic(w: &World) -> anyhow::Result<()> {
    let found = Discovery::new(w.client.clone()).filter(&["apps"]).run().await?;
    let (kind, _) =
        found.get("apps").and_then(|apps| apps.recommended_kind("Deployment")).context("no Deployment")?;
    w.deployment("dynamic").await?;
    let deployments: Api<DynamicObject> = Api::namespaced_with(w.client.clone(), &w.namespace, &kind);
    let mut read = deployments.get("dynamic").await?;
    ensure!(read.data["spec"]["template"]["spec"]["restartPolicy"] == "Always", "{:?}", read.data);
    read.data["spec"]["paused"] = true.into();
    let changed = deployments.replace("dynamic", &PostParams::default(), &read).await?;
    ensure!(changed.data["spec"]["paused"] == true && changed.metadata.generation == Some(2));
    Ok(())
}

async fn metadata(w: &World) -> anyhow::Result<()> {
    let secrets: Api<Secret> = w.api();
    let secret = object(
        json!({"metadata": {"name": "metadata", "labels": {"case": "metadata"}}, "stringData": {"a": "hidden"}}),
    )?;
    secrets.create(&PostParams::default(), &secret).await?;
    let list = secrets.list_metadata(&ListParams::default().labels("case=metadata")).await?;
    ensure!(list.items.len() == 1 && list.items[0].name_any() == "metadata");
    let one: PartialObjectMeta<Secret> = secrets.get_metadata("metadata").await?;
    ensure!(one.labels().get("case").is_some_and(|case| case == "metadata"));
    secrets.delete("metadata", &DeleteParams::default()).await?;
    Ok(())
}

fn value(map: &ConfigMap) -> &str {
    map.data.as_ref().and_then(|data| data.get("value")).map_or("", String::as_str)
}

async fn touch(w: &World, name: &str, value: &str) -> anyhow::Result<()> {
    let patch = Patch::Merge(json!({"data": {"value": value}}));
    w.api::<ConfigMap>().patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// From a revision, through an end of the stream, and on from where it was.
async fn watch_resume(w: &World) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = w.api();
    let first = w.config_map("watch-resume", "watch-resume", json!({})).await?;
    let mut revision = first.resource_version().context("no revision")?;
    for step in ["1", "2", "3"] {
        touch(w, "watch-resume", step).await?;
    }
    for step in ["1", "2", "3"] {
        let params = WatchParams::default().labels("case=watch-resume");
        let mut events = Box::pin(maps.watch(&params, &revision).await?);
        match events.try_next().await? {
            Some(WatchEvent::Modified(map)) if value(&map) == step => {
                revision = map.resource_version().context("no revision")?;
            }
            other => bail!("{other:?} instead of {step}"),
        }
    }
    Ok(())
}

/// Nobody has the first revision any more: whoever asks for it is told.
async fn watch_gone(w: &World) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = w.api();
    let mut events = match maps.watch(&WatchParams::default(), "1").await {
        Ok(events) => Box::pin(events),
        Err(Error::Api(status)) if status.code == 410 => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match events.next().await {
        Some(Ok(WatchEvent::Error(status))) if status.code == 410 => Ok(()),
        other => bail!("{other:?}"),
    }
}

async fn next<S, T>(events: &mut S) -> anyhow::Result<T>
where
    S: Stream<Item = watcher::Result<T>> + Unpin,
{
    events.next().await.context("the watcher ended")?.map_err(Into::into)
}

/// The watcher lists, then tells what happens.
async fn follows(w: &World, streams_lists: bool) -> anyhow::Result<()> {
    let case = if streams_lists { "watcher-streaming" } else { "watcher" };
    w.config_map(case, case, json!({})).await?;
    let config = watcher::Config::default().labels(&format!("case={case}"));
    let config = if streams_lists { config.streaming_lists() } else { config };
    let mut events = Box::pin(watcher(w.api::<ConfigMap>(), config));
    ensure!(matches!(next(&mut events).await?, watcher::Event::Init));
    ensure!(matches!(next(&mut events).await?, watcher::Event::InitApply(map) if map.name_any() == case));
    ensure!(matches!(next(&mut events).await?, watcher::Event::InitDone));
    touch(w, case, "new").await?;
    ensure!(matches!(next(&mut events).await?, watcher::Event::Apply(map) if value(&map) == "new"));
    w.api::<ConfigMap>().delete(case, &DeleteParams::default()).await?;
    ensure!(matches!(next(&mut events).await?, watcher::Event::Delete(map) if map.name_any() == case));
    Ok(())
}

/// The reflector keeps a copy of what there is.
async fn reflects(w: &World) -> anyhow::Result<()> {
    for name in ["reflector-a", "reflector-b"] {
        w.config_map(name, "reflector", json!({})).await?;
    }
    let (reader, writer) = reflector::store();
    let config = watcher::Config::default().labels("case=reflector");
    let mut events =
        Box::pin(watcher(w.api::<ConfigMap>(), config).default_backoff().reflect(writer).applied_objects());
    next(&mut events).await?;
    next(&mut events).await?;
    touch(w, "reflector-b", "new").await?;
    while value(&next(&mut events).await?) != "new" {}
    let mut kept: Vec<_> =
        reader.state().iter().map(|map| format!("{} {}", map.name_any(), value(map))).collect();
    kept.sort();
    ensure!(kept == ["reflector-a ", "reflector-b new"], "{kept:?}");
    Ok(())
}
