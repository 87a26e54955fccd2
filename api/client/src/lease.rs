//! One of several does it: a Lease says which, for as long as it is renewed.
//!
//! Whoever reads a lease trusts no other machine's clock: what counts is since when, by one's own, the lease has not
//! changed. It is given back at the end, so that the next one need not wait.

use std::fmt;
use std::time::Duration;

use keelson_api::time::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::{Client, Patch};
use crate::meta::Meta;
use crate::problem::Problem;
use crate::resource::{Key, Resource};
use crate::time::micro;

const LEASES: Resource = Resource::namespaced("coordination.k8s.io", "v1", "leases", "Lease");

/// How an election is held; the defaults are upstream's.
#[derive(Clone, Debug)]
pub struct Election {
    /// Which lease.
    pub lease: Key,
    /// Who we are; nobody else may be called so.
    pub identity: String,
    /// How long others wait for a holder that is not heard of.
    pub lasts: Duration,
    /// How long a holder tries to renew it before it gives up.
    pub renew_within: Duration,
    /// How often one looks.
    pub every: Duration,
}

impl Election {
    /// Over the lease `key`, as `identity`.
    #[must_use]
    pub fn new(lease: Key, identity: String) -> Self {
        let seconds = Duration::from_secs;
        Self { lease, identity, lasts: seconds(15), renew_within: seconds(10), every: seconds(2) }
    }
}

/// How work under a lease ended.
#[derive(Debug)]
pub enum Ended<T> {
    /// By itself.
    Work(T),
    /// It was told to.
    Stopped,
    /// Somebody else has the lease now.
    Lost,
}

/// Does `work` once `candidate` holds its lease, and as long as it does, until `stop` is done; at once where nobody has to
/// be asked. The lease is given back at the end.
pub async fn hold_while<T>(
    candidate: Option<Candidate>,
    work: impl Future<Output = T>,
    stop: impl Future<Output = ()>,
) -> Ended<T> {
    let mut stop = std::pin::pin!(stop);
    let Some(mut candidate) = candidate else {
        return tokio::select! {
            biased;
            ended = work => Ended::Work(ended),
            () = stop => Ended::Stopped,
        };
    };
    tokio::select! {
        biased;
        () = &mut stop => return Ended::Stopped,
        () = candidate.acquire() => {}
    }
    tracing::info!("holding the lease");
    let ended = tokio::select! {
        // Whoever has lost the lease does not take one step more.
        biased;
        () = candidate.hold() => return Ended::Lost,
        () = stop => Ended::Stopped,
        ended = work => Ended::Work(ended),
    };
    if let Err(problem) = candidate.release().await {
        tracing::warn!(%problem, "cannot give the lease back; it runs out by itself");
    }
    ended
}

#[derive(Deserialize)]
struct Lease {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<u64>,
    renew_time: Option<String>,
    lease_transitions: Option<i64>,
}

/// Somebody who stands for election.
pub struct Candidate {
    client: Client,
    clock: Clock,
    election: Election,
    /// The lease as it was last read, and since when it is so.
    seen: Option<(Spec, Instant)>,
}

/// What came of one look at the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Ours,
    Others,
}

impl Candidate {
    /// Stands for `election`.
    #[must_use]
    pub fn new(client: Client, clock: Clock, election: Election) -> Self {
        Self { client, clock, election, seen: None }
    }

    /// Waits until the lease is ours.
    pub async fn acquire(&mut self) {
        loop {
            match self.look().await {
                Ok(Look::Ours) => return,
                Ok(Look::Others) => {}
                Err(problem) => {
                    tracing::debug!(%problem, lease = %self.election.lease, "cannot get the lease")
                }
            }
            tokio::time::sleep(self.election.every).await;
        }
    }

    /// Renews the lease until it is lost: somebody else has it, or it could not be renewed in time.
    pub async fn hold(&mut self) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(self.election.every).await;
            let left = self.election.renew_within.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.look()).await {
                Ok(Ok(Look::Ours)) => renewed = Instant::now(),
                Ok(Ok(Look::Others)) => return,
                Ok(Err(problem)) => tracing::debug!(%problem, "cannot renew the lease"),
                Err(_) => return,
            }
            if renewed.elapsed() >= self.election.renew_within {
                return;
            }
        }
    }

    /// Gives the lease back, if it is ours.
    ///
    /// # Errors
    /// [`Problem`] if that could not be written; it will then run out.
    pub async fn release(&mut self) -> Result<(), Problem> {
        let lease: Lease = self.client.get(&LEASES, &self.election.lease).await?;
        if lease.spec.holder_identity.as_deref() != Some(&self.election.identity) {
            return Ok(());
        }
        let now = micro(self.clock.now());
        let spec = json!({
            "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": now, "acquireTime": now,
        });
        self.write(lease.metadata.resource_version, spec).await
    }

    async fn look(&mut self) -> Result<Look, Problem> {
        let now = micro(self.clock.now());
        let seconds = self.election.lasts.as_secs();
        let lease: Lease = match self.client.get(&LEASES, &self.election.lease).await {
            Err(problem) if problem.is_not_found() => {
                let made = json!({
                    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": self.election.lease.name(), "namespace": self.election.lease.namespace()},
                    "spec": {
                        "holderIdentity": self.election.identity, "leaseDurationSeconds": seconds,
                        "acquireTime": now, "renewTime": now, "leaseTransitions": 0,
                    },
                });
                self.client.create::<Value>(&LEASES, self.election.lease.namespace(), &made).await?;
                return Ok(Look::Ours);
            }
            read => read?,
        };
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != lease.spec) {
            self.seen = Some((lease.spec.clone(), Instant::now()));
        }
        let holder = lease.spec.holder_identity.as_deref().unwrap_or_default();
        let ours = holder == self.election.identity;
        let lasts = Duration::from_secs(lease.spec.lease_duration_seconds.unwrap_or(seconds));
        let ran_out = self.seen.as_ref().is_none_or(|(_, since)| since.elapsed() >= lasts);
        if !ours && !holder.is_empty() && !ran_out {
            return Ok(Look::Others);
        }
        let mut spec = json!({
            "holderIdentity": self.election.identity, "leaseDurationSeconds": seconds, "renewTime": now,
        });
        if !ours {
            spec["acquireTime"] = json!(now);
            spec["leaseTransitions"] = json!(lease.spec.lease_transitions.unwrap_or(0) + 1);
        }
        self.write(lease.metadata.resource_version, spec).await?;
        Ok(Look::Ours)
    }

    async fn write(&self, revision: u64, spec: Value) -> Result<(), Problem> {
        let change = json!({"metadata": {"resourceVersion": revision.to_string()}, "spec": spec});
        self.client.patch::<Value>(&LEASES, &self.election.lease, "", (Patch::Merge, &change)).await.map(drop)
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("election", &self.election).finish_non_exhaustive()
    }
}
