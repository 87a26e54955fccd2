//! Watches of all kinds, those that come later included: each feeds the graph with metadata alone.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_client::discovery::discover;
use keelson_client::reflect::{self, Sink, Source};
use keelson_client::{Client, Meta, Resource};
use serde::Deserialize;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::Shared;

/// How long the first lists may take before objects are judged without those that are missing: judgement asks the server
/// anyway. Upstream's.
const FIRST_LISTS_SECONDS: u64 = 30;
/// How long to wait after a change of what is served until it is asked for, since such changes come together.
const SETTLE_MILLIS: u64 = 500;
/// How long until a server that did not say what it serves is asked again.
const ASK_AGAIN_SECONDS: u64 = 5;
/// What says that kinds come and go.
const DEFINES_KINDS: [&str; 2] = ["customresourcedefinitions", "apiservices"];

/// All watches.
pub(super) struct Monitors {
    client: Client,
    shared: Arc<Shared>,
    running: JoinSet<()>,
    by_resource: HashMap<Resource, AbortHandle>,
    /// Something that defines kinds has changed.
    changed: Arc<Notify>,
    /// Kinds that were not listed yet; `None` before it is known which there are.
    missing: watch::Sender<Option<usize>>,
}

impl Monitors {
    pub(super) fn new(client: Client, shared: Arc<Shared>) -> Self {
        Self {
            client,
            shared,
            running: JoinSet::new(),
            by_resource: HashMap::new(),
            changed: Arc::default(),
            missing: watch::Sender::new(None),
        }
    }

    /// Waits until all kinds were listed once.
    pub(super) fn synced(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut missing = self.missing.subscribe();
        async move {
            let known = missing.wait_for(Option::is_some).await.map(drop);
            let all = missing.wait_for(|missing| *missing == Some(0));
            let within = tokio::time::timeout(Duration::from_secs(FIRST_LISTS_SECONDS), all).await;
            if known.is_err() || within.is_err() {
                tracing::warn!("some kinds cannot be listed; what belongs to them is judged by asking");
            }
        }
    }

    /// Watches for ever.
    pub(super) async fn run(&mut self) {
        loop {
            match discover(&self.client).await {
                Ok(discovered) => {
                    let watchable = discovered.served.iter().filter(|served| {
                        // Events belong to nobody, and there are many.
                        served.can(&["delete", "list", "watch"]) && served.resource.plural != "events"
                    });
                    let wanted: Vec<Resource> = watchable.map(|served| served.resource.clone()).collect();
                    let certain = discovered.unreachable.is_empty();
                    *self.shared.discovered.write() = discovered;
                    self.follow(&wanted, certain);
                }
                Err(problem) => {
                    tracing::debug!(%problem, "cannot find out which kinds there are");
                    tokio::time::sleep(Duration::from_secs(ASK_AGAIN_SECONDS)).await;
                    continue;
                }
            }
            self.changed.notified().await;
            tokio::time::sleep(Duration::from_millis(SETTLE_MILLIS)).await;
        }
    }

    fn follow(&mut self, wanted: &[Resource], certain: bool) {
        if certain {
            self.by_resource.retain(|resource, running| {
                let stays = wanted.contains(resource);
                if !stays {
                    running.abort();
                }
                stays
            });
        }
        let new: Vec<Resource> =
            wanted.iter().filter(|resource| !self.by_resource.contains_key(*resource)).cloned().collect();
        self.missing.send_modify(|missing| *missing = Some(missing.unwrap_or(0) + new.len()));
        for resource in new {
            let (client, source) =
                (self.client.clone(), Source { metadata_alone: true, ..Source::all(resource.clone()) });
            let mut feed = Feed {
                defines_kinds: DEFINES_KINDS.contains(&&*resource.plural),
                resource: Arc::new(resource.clone()),
                shared: Arc::clone(&self.shared),
                known: BTreeSet::new(),
                changed: Arc::clone(&self.changed),
                missing: Some(self.missing.clone()),
            };
            let running =
                self.running.spawn(async move { reflect::follow(&client, &source, &mut feed).await });
            self.by_resource.insert(resource, running);
        }
    }
}

/// Feeds the graph with a kind.
struct Feed {
    resource: Arc<Resource>,
    defines_kinds: bool,
    shared: Arc<Shared>,
    known: BTreeSet<CompactString>,
    changed: Arc<Notify>,
    /// Until it was listed once.
    missing: Option<watch::Sender<Option<usize>>>,
}

#[derive(Deserialize)]
pub(super) struct Seen {
    metadata: Meta,
}

impl Feed {
    fn changed(&self) {
        if self.defines_kinds {
            self.changed.notify_one();
        }
    }
}

impl Sink<Seen> for Feed {
    fn replaced(&mut self, objects: Vec<Seen>, _: u64) {
        let now: BTreeSet<CompactString> = objects.iter().map(|seen| seen.metadata.uid.clone()).collect();
        for gone in self.known.difference(&now) {
            self.shared.gone(gone);
        }
        self.known = now;
        for seen in objects {
            let look = self.shared.graph.lock().apply(&self.resource, &seen.metadata);
            self.shared.look_at(look);
        }
        if let Some(missing) = self.missing.take() {
            missing.send_modify(|missing| *missing = missing.map(|missing| missing.saturating_sub(1)));
        } else {
            self.changed();
        }
    }

    fn applied(&mut self, seen: Seen) {
        self.known.insert(seen.metadata.uid.clone());
        let look = self.shared.graph.lock().apply(&self.resource, &seen.metadata);
        self.shared.look_at(look);
        self.changed();
    }

    fn deleted(&mut self, seen: Seen) {
        self.known.remove(&seen.metadata.uid);
        self.shared.gone(&seen.metadata.uid);
        self.changed();
    }

    fn reached(&mut self, _: u64) {}
}
