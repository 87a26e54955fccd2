//! Quotas say what is used of them: what came was charged by the server as it came; what has gone is given back here.
//!
//! What a quota counts no cache shows, for it may be of any kind, and it is counted over what the server itself says:
//! every write that is charged changes the quota, so a count is written only if nothing was charged since the quota was
//! read. Two creations can never share what one deletion gave back, however late anybody is told of it.

mod measured;
mod plan;
#[cfg(test)]
mod tests;
mod watches;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use keelson_api::quota::Measure;
use keelson_client::discovery::discover;
use keelson_client::meta::or_none;
use keelson_client::queue::Queue;
use keelson_client::{Cache, Key, Patch, Problem, Resource};
use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;

use crate::builtin::Settings;
use crate::driver::{Context, Worker, drive};
use crate::views::quota::{QUOTAS, Quota};
use measured::{Measured, One, OneClaim, OneDeviceClaim, OnePod, OneService};
use plan::Counted;
use watches::Shared;

/// How long until everything is counted anew, though nothing has changed. Upstream's default.
const RECOUNT_SECONDS: u64 = 300;
/// How long until it is asked again whether there is a kind that a quota names. Upstream's.
const KINDS_SECONDS: u64 = 30;

/// Begins it.
pub(crate) fn begin(context: Context, _: &Settings) -> BoxFuture<'static, ()> {
    let quotas: Arc<Cache<Quota>> = context.caches.of();
    let shared = Arc::new(Shared {
        quotas: Arc::clone(&quotas),
        queue: Queue::default(),
        served: RwLock::default(),
        changed: Notify::new(),
    });
    let told = Arc::clone(&shared);
    quotas.on_change(move |change| {
        let hard = |quota: Option<&Arc<Quota>>| quota.map(|quota| quota.hard().clone());
        if let Some(quota) = change.latest().filter(|_| hard(change.old) != hard(change.new)) {
            told.queue.add(quota.metadata.key());
            told.changed.notify_one();
        }
    });
    let worker = Arc::new(Counting { context: context.clone(), shared: Arc::clone(&shared) });
    Box::pin(async move {
        quotas.synced().await;
        tokio::select! {
            biased;
            () = watches::run(context.client.clone(), Arc::clone(&shared)) => {}
            () = drive(&context, shared.queue.clone(), worker) => {}
        }
    })
}

struct Counting {
    context: Context,
    shared: Arc<Shared>,
}

#[derive(Deserialize)]
#[serde(bound = "V: Measured")]
struct List<V> {
    #[serde(default = "Vec::new", deserialize_with = "or_none")]
    items: Vec<V>,
}

impl Worker for Counting {
    async fn work(&self, key: &Key) -> Result<Option<Duration>, Problem> {
        let quota: Quota = match self.context.client.get(&QUOTAS, key).await {
            Err(problem) if problem.is_not_found() => return Ok(None),
            read => read?,
        };
        let mut again = Duration::from_secs(RECOUNT_SECONDS);
        let (mut kinds, mut unknown) = self.kinds(&quota);
        if unknown {
            self.find_out().await?;
            (kinds, unknown) = self.kinds(&quota);
        }
        if unknown {
            again = Duration::from_secs(KINDS_SECONDS);
        }
        let mut counted = Counted::default();
        for (measure, resource) in kinds {
            let ended = match &measure {
                Measure::Pods => self.count::<OnePod>(&quota, &measure, &resource, &mut counted).await,
                Measure::Services => {
                    self.count::<OneService>(&quota, &measure, &resource, &mut counted).await
                }
                Measure::Claims => self.count::<OneClaim>(&quota, &measure, &resource, &mut counted).await,
                Measure::DeviceClaims => {
                    self.count::<OneDeviceClaim>(&quota, &measure, &resource, &mut counted).await
                }
                Measure::Count(_) => self.count::<One>(&quota, &measure, &resource, &mut counted).await,
            };
            match ended {
                // There is no such kind any more.
                Err(problem) if problem.is_not_found() => self.find_out().await?,
                ended => ended?,
            }
        }
        if let Some(change) = plan::status(&quota, &counted) {
            let patch = (Patch::Merge, &change);
            match self.context.client.patch::<Value>(&QUOTAS, key, "status", patch).await {
                Err(problem) if problem.is_not_found() => return Ok(None),
                written => drop(written?),
            }
        }
        Ok(Some(counted.less_in.map_or(again, |less| less.min(again))))
    }
}

impl Counting {
    /// The kinds that a quota counts; and whether it names some that are not known.
    fn kinds(&self, quota: &Quota) -> (Vec<(Measure, Resource)>, bool) {
        let (kinds, unknown) = plan::kinds(quota, &self.shared.served.read());
        (kinds, !unknown.is_empty())
    }

    /// Asks which kinds there are.
    async fn find_out(&self) -> Result<(), Problem> {
        let discovered = discover(&self.context.client).await?;
        let counted = discovered.served.into_iter().filter(|served| {
            served.resource.namespaced && served.can(&["create", "list", "watch", "delete"])
        });
        let served: Vec<(Measure, Resource)> = counted
            .filter_map(|served| {
                Some((Measure::of(&served.resource.group, &served.resource.plural)?, served.resource))
            })
            .collect();
        let mut known = self.shared.served.write();
        if *known != served {
            *known = served;
            self.shared.changed.notify_one();
        }
        Ok(())
    }

    async fn count<V: Measured>(
        &self,
        quota: &Quota,
        measure: &Measure,
        resource: &Resource,
        counted: &mut Counted,
    ) -> Result<(), Problem> {
        let (client, namespace) = (&self.context.client, quota.metadata.namespace.as_str());
        let list: List<V> = if V::METADATA_ALONE {
            client.metadata(resource, namespace, "").await?
        } else {
            client.list(resource, namespace, "").await?
        };
        counted.add(quota, measure, &list.items, self.context.clock.now());
        Ok(())
    }
}
