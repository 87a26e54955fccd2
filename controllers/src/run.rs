//! Bringing the chosen controllers up, each as whom it works, and letting them end.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use keelson_api::time::Clock;
use keelson_client::events::Recorder;
use keelson_client::expect::Expectations;
use keelson_client::lease::{Candidate, Election, Ended, hold_while};
use keelson_client::queue::Queue;
use keelson_client::{Caches, Client};
use tokio::task::{JoinError, JoinSet};

use crate::builtin::{BUILTIN, Begins, Entry, Settings};
use crate::doubts::Doubts;
use crate::driver::{Context, Inputs, Planned, drive};
use crate::nodeipam::PodRanges;
use crate::queues::Queues;
use crate::selection::Selection;
use crate::signing::{Certificates, TokenSigner};

/// What controllers are made of.
pub struct Parts {
    /// Fills the caches that all share, and holds the lease.
    pub shared: Client,
    /// Makes the client that the controller of a service account of `kube-system` works with.
    pub as_account: Box<dyn Fn(&str) -> Client + Send + Sync>,
    /// Tells the time.
    pub clock: Clock,
    /// Who this process is, in events.
    pub instance: String,
    /// Which controllers run.
    pub selection: Selection,
    /// The certificates by which clients know the API server, in PEM; `None` where they are not known.
    pub root_ca: Option<Arc<str>>,
    /// What nodes get their pods' addresses from; nothing where others see to that.
    pub pod_ranges: PodRanges,
    /// What signs tokens that lie in secrets; nothing is put into them where there is none.
    pub token_signer: Option<TokenSigner>,
    /// What reads requests for certificates, and issues what was asked for; none is looked at where there is none.
    pub certificates: Option<Arc<dyn Certificates>>,
    /// Where the controllers' queues are shown.
    pub queues: Queues,
    /// The lease that says which of several processes works; `None` where there can be only one.
    pub election: Option<Election>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("selection", &self.selection).finish_non_exhaustive()
    }
}

/// Why controllers ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// One ran into a defect.
    #[error("a controller ran into a defect: {0}")]
    Defect(#[from] JoinError),
    /// Another process has the lease now.
    #[error("the lease was lost: another process works now")]
    LeaseLost,
}

/// Runs the chosen controllers until `stop` is done. A lease is given back at the end.
///
/// # Errors
/// [`Failed`] if they end before that.
pub async fn run(parts: Parts, stop: impl Future<Output = ()> + Send) -> Result<(), Failed> {
    let candidate = parts.election.clone();
    let candidate =
        candidate.map(|election| Candidate::new(parts.shared.clone(), parts.clock.clone(), election));
    match hold_while(candidate, work(&parts), stop).await {
        Ended::Work(ended) => ended,
        Ended::Stopped => Ok(()),
        Ended::Lost => Err(Failed::LeaseLost),
    }
}

/// Works for ever.
async fn work(parts: &Parts) -> Result<(), Failed> {
    let caches = Arc::new(Caches::new());
    let settings = Settings {
        root_ca: parts.root_ca.clone(),
        pod_ranges: parts.pod_ranges.clone(),
        token_signer: parts.token_signer.clone(),
        certificates: parts.certificates.clone(),
    };
    let mut running = JoinSet::new();
    let (mut planned, mut begun) = (Vec::new(), 0);
    for entry in BUILTIN.iter().filter(|entry| parts.selection.includes(entry.name)) {
        let context = context(parts, entry, &caches, &mut running);
        begun += 1;
        match &entry.begins {
            Begins::Planning(make) => {
                let controller = make(&caches, &settings);
                let queue = Queue::default();
                controller.inputs(&Inputs::new(queue.clone()));
                let worker = Planned {
                    controller,
                    context: context.clone(),
                    expected: Expectations::default(),
                    doubts: Doubts::default(),
                };
                planned.push((context, queue, worker));
            }
            Begins::Working(work) => {
                running.spawn(work(context, &settings));
            }
        }
    }
    for filling in caches.run(&parts.shared) {
        running.spawn(filling);
    }
    // Nobody decides over half of what there is.
    let all = Arc::clone(&caches);
    running.spawn(async move {
        all.synced().await;
        let driving = planned.into_iter().map(|(context, queue, worker)| async move {
            drive(&context, queue, Arc::new(worker)).await;
        });
        futures::future::join_all(driving).await;
    });
    tracing::info!(controllers = begun, "controllers begin");
    while let Some(ended) = running.join_next().await {
        ended?;
    }
    Ok(())
}

fn context(parts: &Parts, entry: &Entry, caches: &Arc<Caches>, running: &mut JoinSet<()>) -> Context {
    let (client, component) = match entry.account {
        "" => (parts.shared.clone(), entry.name),
        account => ((parts.as_account)(account), account),
    };
    let (recorder, writing) =
        Recorder::new(client.clone(), parts.clock.clone(), component, parts.instance.clone());
    running.spawn(writing);
    Context {
        name: entry.name,
        client,
        clock: parts.clock.clone(),
        caches: Arc::clone(caches),
        recorder,
        queues: parts.queues.clone(),
    }
}
