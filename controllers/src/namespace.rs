//! Namespaces that are deleted: first their pods, then everything else, then themselves.
//!
//! What is in a namespace no cache shows, for it may be of any kind: this controller asks the server. What it writes
//! down about what it found is decided purely, in `conditions`.

mod conditions;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use keelson_client::client::Deletion;
use keelson_client::discovery::{self, Served};
use keelson_client::meta::or_none;
use keelson_client::queue::Queue;
use keelson_client::{Cache, Key, Kind, Meta, Patch, Problem, Resource, Time, retry};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::builtin::Settings;
use crate::driver::{Context, Inputs, Worker, drive};
use crate::views::namespace::{NAMESPACES, Namespace};
use crate::views::pod::PODS;
use conditions::Findings;

/// What this controller keeps a namespace by.
const FINALIZER: &str = "kubernetes";
const TERMINATING: &str = "Terminating";
/// How long others get to take their finalizers away, before it looks again. Upstream's.
const FINALIZER_SECONDS: u64 = 15;

/// Begins it.
pub(crate) fn begin(context: Context, _: &Settings) -> BoxFuture<'static, ()> {
    let namespaces: Arc<Cache<Namespace>> = context.caches.of();
    let queue = Queue::default();
    Inputs::new(queue.clone()).own(&namespaces);
    let worker = Arc::new(Namespaces { context: context.clone(), namespaces: Arc::clone(&namespaces) });
    Box::pin(async move {
        namespaces.synced().await;
        drive(&context, queue, worker).await;
    })
}

struct Namespaces {
    context: Context,
    namespaces: Arc<Cache<Namespace>>,
}

/// What is left of a kind.
#[derive(Deserialize)]
struct Left {
    #[serde(default = "Vec::new", deserialize_with = "or_none")]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Grace {
    spec: GraceSpec,
    status: GraceStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GraceSpec {
    termination_grace_period_seconds: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GraceStatus {
    phase: String,
}

#[derive(Deserialize)]
struct Graces {
    #[serde(default = "Vec::new", deserialize_with = "or_none")]
    items: Vec<Grace>,
}

impl Worker for Namespaces {
    async fn work(&self, key: &Key) -> Result<Option<Duration>, Problem> {
        let known = self.namespaces.get(key).is_some_and(|namespace| namespace.metadata.is_deleting());
        if !known {
            return Ok(None);
        }
        // The cache may be behind what was written here a moment ago.
        let namespace: Namespace = match self.context.client.get(&NAMESPACES, key).await {
            Err(problem) if problem.is_not_found() => return Ok(None),
            read => read?,
        };
        if !namespace.metadata.is_deleting() {
            return Ok(None);
        }
        self.say_terminating(&namespace).await?;
        if namespace.spec.finalizers.is_empty() {
            return Ok(None);
        }
        let mut findings = Findings::default();
        let wait = self.empty(&namespace.metadata, &mut findings).await;
        self.write_down(key, &findings).await?;
        if let Some(seconds) = wait {
            // Upstream waits for half of what it expects, and a bit.
            return Ok(Some(Duration::from_secs(seconds / 2 + 1)));
        }
        if let Some(why) = findings.failure() {
            return Err(Problem::Stale(why));
        }
        self.finalize(key).await?;
        Ok(None)
    }
}

impl Namespaces {
    async fn say_terminating(&self, namespace: &Namespace) -> Result<(), Problem> {
        if namespace.status.phase == TERMINATING {
            return Ok(());
        }
        let change = json!({"status": {"phase": TERMINATING}});
        let key = namespace.key();
        self.context
            .client
            .patch::<Value>(&NAMESPACES, &key, "status", (Patch::Merge, &change))
            .await
            .map(drop)
    }

    /// Deletes all there is; says how many seconds to wait if something needs time.
    async fn empty(&self, namespace: &Meta, findings: &mut Findings) -> Option<u64> {
        let name = namespace.name.as_str();
        let mut wait = 0;
        match self.pods(namespace, findings).await {
            Ok(seconds) => wait = wait.max(seconds),
            Err(problem) => findings.not_deleted(&problem.to_string()),
        }
        // Pods go first: what they use must not go before them.
        if findings.has_left() {
            return (wait > 0).then_some(wait);
        }
        let discovered = match discovery::discover(&self.context.client).await {
            Ok(discovered) => discovered,
            Err(problem) => {
                findings.not_discovered(&problem.to_string());
                return None;
            }
        };
        if !discovered.unreachable.is_empty() {
            let groups = discovered.unreachable.join(", ");
            let count = discovered.unreachable.len();
            findings.not_discovered(&format!(
                "Discovery failed for some groups, {count} failing: unable to retrieve the complete list of server \
                 APIs: {groups}: stale GroupVersion discovery: {groups}"
            ));
        }
        for served in discovered.served.iter().filter(|served| is_content(served)) {
            match self.kind(served, name, findings).await {
                Ok(seconds) => wait = wait.max(seconds),
                Err(problem) => findings.not_deleted(&problem.to_string()),
            }
        }
        (wait > 0).then_some(wait)
    }

    async fn pods(&self, namespace: &Meta, findings: &mut Findings) -> Result<u64, Problem> {
        let name = namespace.name.as_str();
        let graces: Graces = self.context.client.list(&PODS, name, "").await?;
        let ends = |pod: &&Grace| !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        let seconds = |pod: &Grace| pod.spec.termination_grace_period_seconds;
        let mut grace = graces.items.iter().filter(ends).map(seconds).max().unwrap_or(0);
        let since = namespace.deletion_timestamp.unwrap_or_default();
        if Time::of(self.context.clock.now()).0 - since.0 >= i64::try_from(grace).unwrap_or(i64::MAX) {
            grace = 0;
        }
        let verbs = ["delete", "deletecollection", "list"].map(str::to_owned).to_vec();
        self.collection(&Served { resource: PODS, verbs, names: Vec::new() }, name, grace, findings).await
    }

    async fn kind(&self, served: &Served, name: &str, findings: &mut Findings) -> Result<u64, Problem> {
        self.collection(served, name, 0, findings).await
    }

    /// Deletes all of a kind, and finds out what is left.
    async fn collection(
        &self,
        served: &Served,
        namespace: &str,
        grace: u64,
        findings: &mut Findings,
    ) -> Result<u64, Problem> {
        let (client, resource) = (&self.context.client, &served.resource);
        let how = Deletion { propagation: Some("Background"), ..Deletion::default() };
        let at_once = served.can(&["deletecollection"]);
        if at_once {
            match client.delete_all(resource, namespace, &how).await {
                Err(problem) if problem.is_unsupported() => {}
                ended => ended?,
            }
        }
        if !served.can(&["list"]) {
            return Ok(0);
        }
        let mut left = self.left(resource, namespace).await?;
        if !at_once {
            for item in &left {
                let deleted = client.delete(resource, &item.metadata.key(), &how).await;
                deleted
                    .map(drop)
                    .or_else(|problem| if problem.is_unsupported() { Ok(()) } else { Err(problem) })?;
            }
            left = self.left(resource, namespace).await?;
        }
        if left.is_empty() {
            return Ok(0);
        }
        findings.left(resource, left.iter().map(|item| &item.metadata));
        if grace > 0 {
            return Ok(grace);
        }
        if left.iter().any(|item| !item.metadata.finalizers.is_empty()) {
            return Ok(FINALIZER_SECONDS);
        }
        let what = format!("{}, Resource={}", resource.api_version(), resource.plural);
        Err(Problem::Stale(format!(
            "unexpected items still remain in namespace: {namespace} for gvr: {what}"
        )))
    }

    async fn left(&self, resource: &Resource, namespace: &str) -> Result<Vec<Item>, Problem> {
        match self.context.client.metadata::<Left>(resource, namespace, "").await {
            Err(problem) if problem.is_unsupported() => Ok(Vec::new()),
            list => Ok(list?.items),
        }
    }

    async fn write_down(&self, key: &Key, findings: &Findings) -> Result<(), Problem> {
        let client = &self.context.client;
        retry::on_conflict(|| async move {
            let namespace: Namespace = match client.get(&NAMESPACES, key).await {
                Err(problem) if problem.is_not_found() => return Ok(()),
                read => read?,
            };
            let conditions = findings.conditions(&namespace.status.conditions, self.context.clock.now());
            if conditions == namespace.status.conditions {
                return Ok(());
            }
            let revision = namespace.metadata.resource_version.to_string();
            let change =
                json!({"metadata": {"resourceVersion": revision}, "status": {"conditions": conditions}});
            client.patch::<Value>(&NAMESPACES, key, "status", (Patch::Merge, &change)).await.map(drop)
        })
        .await
    }

    /// Lets go of the namespace, upon which the server takes it away.
    async fn finalize(&self, key: &Key) -> Result<(), Problem> {
        let client = &self.context.client;
        let ended = retry::on_conflict(|| async move {
            let mut namespace: Value = client.get(&NAMESPACES, key).await?;
            if let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() {
                finalizers.retain(|finalizer| finalizer != FINALIZER);
            }
            client.update::<Value>(&NAMESPACES, key, "finalize", &namespace).await.map(drop)
        });
        match ended.await {
            Err(problem) if problem.is_not_found() => Ok(()),
            ended => ended,
        }
    }
}

fn is_content(served: &Served) -> bool {
    served.resource.namespaced && served.can(&["delete"]) && served.resource != PODS
}
