//! Reading what there is, deciding about one pod after the other, and having decisions written.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use keelson_api::time::Clock;
use keelson_client::events::Recorder;
use keelson_client::lease::{Candidate, Election, Ended, hold_while};
use keelson_client::{Caches, Client, Kind};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::event::Event;
use crate::figures::{Figures, Outcome};
use crate::framework::Reserved;
use crate::node::Node;
use crate::pod::PodInfo;
use crate::preemption::Budget;
use crate::state::{Settings, State, Step};
use crate::views::{Controller, Namespace, ReplicaSet, ReplicationController, Service, StatefulSet};
use crate::volumes::Kept;
use crate::volumes::objects::{Attachment, Capacity, Claim, Class, Driver, NodeDrivers, Volume};
use crate::write::Writer;

/// What is written at the same time; beyond it, deciding waits for writing.
const WRITES_MAX: usize = 256;

/// What a scheduler is made of.
#[derive(Debug)]
pub struct Parts {
    /// Reads and writes.
    pub client: Client,
    /// Tells the time.
    pub clock: Clock,
    /// Who this process is, in events.
    pub instance: String,
    /// What chance begins with.
    pub seed: u64,
    /// What people decide.
    pub settings: Settings,
    /// What is counted and measured.
    pub figures: Figures,
    /// The lease that says which of several processes works; `None` where there can be only one.
    pub election: Option<Election>,
}

/// Why a scheduler ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It ran into a defect.
    #[error("the scheduler ran into a defect: {0}")]
    Defect(#[from] JoinError),
    /// Another process has the lease now.
    #[error("the lease was lost: another process works now")]
    LeaseLost,
}

/// Places pods until `stop` is done. A lease is given back at the end.
///
/// # Errors
/// [`Failed`] if it ends before that.
pub async fn run(parts: Parts, stop: impl Future<Output = ()> + Send) -> Result<(), Failed> {
    let candidate = parts.election.clone();
    let candidate =
        candidate.map(|election| Candidate::new(parts.client.clone(), parts.clock.clone(), election));
    match hold_while(candidate, work(&parts), stop).await {
        Ended::Work(ended) => ended,
        Ended::Stopped => Ok(()),
        Ended::Lost => Err(Failed::LeaseLost),
    }
}

/// What events change, and the loop that is to look then.
struct Shared {
    state: Mutex<State>,
    changed: Notify,
    /// Told when something has changed that bindings wait for.
    prepared: Notify,
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut State, Instant) -> T) -> T {
        let changed = change(&mut self.state.lock(), Instant::now());
        self.changed.notify_one();
        changed
    }
}

/// Works for ever.
async fn work(parts: &Parts) -> Result<(), Failed> {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::new(parts.settings.clone(), parts.figures.clone(), parts.seed)),
        changed: Notify::new(),
        prepared: Notify::new(),
    });
    let looked = Arc::downgrade(&shared);
    parts
        .figures
        .look_by(move || looked.upgrade().map(|shared| shared.state.lock().waiting()).unwrap_or_default());
    let caches = Caches::new();
    follow(&caches, &shared);
    let mut running = JoinSet::new();
    let mut recorders = HashMap::new();
    for profile in parts.settings.profiles.all() {
        let (name, instance) = (&profile.scheduler_name, parts.instance.clone());
        let (recorder, writing) =
            Recorder::new(parts.client.clone(), parts.clock.clone(), name.to_string(), instance);
        running.spawn(writing);
        recorders.insert(name.clone(), recorder);
    }
    for filling in caches.run(&parts.client) {
        running.spawn(filling);
    }
    let recorders = Arc::new(recorders);
    let (client, clock, figures) = (parts.client.clone(), parts.clock.clone(), parts.figures.clone());
    let writer = Writer { client, recorders, clock, figures };
    running.spawn(async move {
        // Nobody decides over half of what there is.
        caches.synced().await;
        tracing::info!("placing pods");
        place(&shared, &writer).await;
    });
    while let Some(ended) = running.join_next().await {
        ended?;
    }
    Ok(())
}

/// Decides, and has decisions written behind its back.
async fn place(shared: &Arc<Shared>, writer: &Writer) {
    let (mut writing, mut preparing) = (JoinSet::new(), JoinSet::new());
    loop {
        while let Some(ended) = preparing.try_join_next() {
            written(Some(ended));
        }
        while writing.len() >= WRITES_MAX {
            written(writing.join_next().await);
        }
        while let Some(ended) = writing.try_join_next() {
            written(Some(ended));
        }
        let began = Instant::now();
        let step = shared.state.lock().step(began);
        if !matches!(step, Step::Wait(_)) {
            writer.figures.decided(began.elapsed());
        }
        match step {
            Step::Bind(pod, node, reserved) => {
                // Those that wait for others are not counted: there are no more of them than pods.
                let tasks = if reserved.is_empty() { &mut writing } else { &mut preparing };
                let (shared, writer) = (Arc::clone(shared), writer.clone());
                let attempts = shared.state.lock().attempts(&pod.meta.uid);
                tasks.spawn(async move {
                    let bound = bind(&shared, &writer, &pod, &node, &reserved).await;
                    let outcome = if bound { Outcome::Scheduled } else { Outcome::Error };
                    writer.figures.attempted(outcome, &pod.scheduler_name, began.elapsed());
                    if let Some((attempts, since)) = attempts.filter(|_| bound) {
                        writer.figures.bound(attempts, since.elapsed());
                    }
                    if !bound {
                        shared.change(|state, now| {
                            state.release(&reserved);
                            state.unbound(&pod, now);
                        });
                    }
                });
            }
            Step::Tell(untold) => {
                let profile = &untold.pod.scheduler_name;
                writer.figures.attempted(Outcome::Unschedulable, profile, began.elapsed());
                let writer = writer.clone();
                writing.spawn(async move { writer.tell(&untold).await });
            }
            Step::Wait(due) => {
                let due = async move {
                    match due {
                        Some(due) => tokio::time::sleep_until(due).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = shared.changed.notified() => {}
                    () = due => {}
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Has it written that a pod is on a node, after what was taken for it is there. Says whether it is.
async fn bind(
    shared: &Shared,
    writer: &Writer,
    pod: &Arc<PodInfo>,
    node: &str,
    reserved: &[Arc<dyn Reserved>],
) -> bool {
    for reserved in reserved {
        let began = Instant::now();
        let prepared = prepare(shared, writer, pod, reserved.as_ref()).await;
        writer.ran("PreBind", prepared.is_ok(), pod, began);
        if let Err(why) = prepared {
            let message = format!("running PreBind plugin \"{}\": {why}", reserved.plugin());
            writer.refused(pod, node, &message).await;
            return false;
        }
    }
    let began = Instant::now();
    let bound = writer.bind(pod, node).await;
    writer.ran("Bind", bound, pod, began);
    bound
}

/// Writes what was taken for a pod, and waits until all of it is there.
async fn prepare(
    shared: &Shared,
    writer: &Writer,
    pod: &PodInfo,
    reserved: &dyn Reserved,
) -> Result<(), String> {
    let mut revisions = Vec::new();
    for write in reserved.writes() {
        let written = writer.write(&write).await;
        revisions.push(written.map_err(|problem| problem.to_string())?);
    }
    let until = Instant::now() + shared.state.lock().prepared_within(pod);
    loop {
        let mut changed = std::pin::pin!(shared.prepared.notified());
        // What is told from here on is not missed.
        changed.as_mut().enable();
        let done = {
            let state = shared.state.lock();
            if state.snapshot.pod(&pod.meta.uid).is_none() {
                return Err("binding volumes: pod does not exist any more".to_owned());
            }
            reserved.is_done(&state.snapshot, &revisions)
        };
        if done.map_err(|why| format!("binding volumes: {why}"))? {
            return Ok(());
        }
        if tokio::time::timeout_at(until, changed).await.is_err() {
            return Err("binding volumes: context deadline exceeded".to_owned());
        }
    }
}

/// A write that ran into a defect takes the scheduler with it: nothing goes on with half of its decisions lost.
fn written(ended: Option<Result<(), JoinError>>) {
    if let Some(Err(defect)) = ended
        && defect.is_panic()
    {
        std::panic::resume_unwind(defect.into_panic());
    }
}

/// Has the state follow what the caches show.
fn follow(caches: &Caches, shared: &Arc<Shared>) {
    let told = Arc::clone(shared);
    caches.of::<PodInfo>().on_change(move |change| {
        told.change(|state, now| state.pod_changed(change, now));
        if change.new.is_none() {
            told.prepared.notify_waiters();
        }
    });
    let told = Arc::clone(shared);
    caches.of::<Node>().on_change(move |change| told.change(|state, now| state.node_changed(change, now)));
    let told = Arc::clone(shared);
    caches.of::<Namespace>().on_change(move |change| {
        let Some(latest) = change.latest() else { return };
        let labels = change.new.map(|new| &new.metadata.labels);
        // Their labels are what is looked at.
        if change.new.is_some() && change.old.map(|old| &old.metadata.labels) == labels {
            return;
        }
        told.change(|state, now| state.namespace_changed(&latest.metadata.name, labels, now));
    });
    let told = Arc::clone(shared);
    caches.of::<Service>().on_change(move |change| {
        let Some(latest) = change.latest() else { return };
        let selector = change.new.and_then(|new| new.spec.selector.as_ref());
        let (namespace, name) = (&latest.metadata.namespace, &latest.metadata.name);
        told.state.lock().set_service(namespace, name, selector);
    });
    follow_controller::<ReplicationController>(caches, shared);
    follow_controller::<ReplicaSet>(caches, shared);
    follow_controller::<StatefulSet>(caches, shared);
    follow_volumes::<Claim>(caches, shared, |old, new| Some(Event::ClaimChanged { old, new: new? }));
    follow_volumes::<Volume>(caches, shared, |old, new| Some(Event::VolumeChanged { old, new: new? }));
    follow_volumes::<Class>(caches, shared, |old, new| Some(Event::ClassChanged { old, new: new? }));
    follow_volumes::<Driver>(caches, shared, |old, new| Some(Event::DriverChanged { old, new: new? }));
    follow_volumes::<NodeDrivers>(caches, shared, |old, new| {
        Some(Event::NodeDriversChanged { old, new: new? })
    });
    follow_volumes::<Capacity>(caches, shared, |old, new| Some(Event::CapacityChanged { old, new: new? }));
    follow_volumes::<Attachment>(caches, shared, |_, new| new.is_none().then_some(Event::AttachmentGone));
    let told = Arc::clone(shared);
    let budgets = caches.of::<Budget>();
    let all = Arc::downgrade(&budgets);
    budgets.on_change(move |_| {
        if let Some(all) = all.upgrade() {
            told.state.lock().snapshot.set_budgets(all.list(""));
        }
    });
}

/// What a change of an object means for pods that wait.
type Told<V> = for<'a> fn(Option<&'a Arc<V>>, Option<&'a Arc<V>>) -> Option<Event<'a>>;

fn follow_volumes<V: Kept>(caches: &Caches, shared: &Arc<Shared>, event: Told<V>) {
    let told = Arc::clone(shared);
    caches.of::<V>().on_change(move |change| {
        let event = event(change.old, change.new);
        told.change(|state, now| state.volumes_changed(change, event.as_ref(), now));
        told.prepared.notify_waiters();
    });
}

fn follow_controller<C: Controller>(caches: &Caches, shared: &Arc<Shared>) {
    let told = Arc::clone(shared);
    caches.of::<C>().on_change(move |change| {
        let Some(latest) = change.latest() else { return };
        let (meta, selector) = (Kind::meta(&**latest), change.new.map(|new| new.selector()));
        let mut state = told.state.lock();
        state.snapshot.peers_mut().set_controller(&C::RESOURCE, &meta.namespace, &meta.name, selector);
    });
}
