//! Goes the round of one pod: looks, decides, does, and says what came of it.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_api::time::Clock;
use keelson_client::client::Deletion;
use keelson_client::events::{Event, Recorder, Regarding, Weight};
use keelson_client::queue::Queue;
use keelson_client::{Cache, Client, Key, Meta, Patch, Problem};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use crate::backoff::Backoff;
use crate::hollow::Hollow;
use crate::life::{Step, step};
use crate::nodes::{Host, Nodes};
use crate::pod::{PODS, Pod};
use crate::report::{self, EXPIRED};
use crate::room::{Refusal, Room};
use crate::runtime::{Call, Observed};
use crate::status::Status;

/// How many steps one round takes at most; a pod whose containers all begin and end at once goes on in the next round.
const STEPS_MAX: usize = 64;

/// Who goes the rounds of all pods of this process.
pub(crate) struct Worker {
    pub(crate) pods: Arc<Cache<Pod>>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) runtime: Hollow,
    pub(crate) queue: Queue<Key>,
    pub(crate) clock: Clock,
    pub(crate) recorder: Recorder,
    pub(crate) known: Mutex<HashMap<Key, Known>>,
    /// By node.
    pub(crate) rooms: Mutex<HashMap<CompactString, Room>>,
}

/// What is remembered of a pod between rounds.
#[derive(Debug, Default)]
pub(crate) struct Known {
    uid: CompactString,
    node: CompactString,
    backoff: Backoff,
    /// What was last written, as of which revision, until the cache shows it.
    written: Option<(u64, Status)>,
    /// Whether the node has taken it in.
    admitted: bool,
    /// Whether it was deleted for good.
    deleted: bool,
}

#[derive(Deserialize)]
struct Answer {
    metadata: Meta,
}

impl Worker {
    /// Takes over what a process before this one has begun, before anything new is begun.
    pub(crate) fn adopt(&self) {
        for pod in self.pods.list("") {
            let known = self.begin(&pod);
            self.known.lock().insert(pod.metadata.key(), known);
        }
    }

    fn begin(&self, pod: &Pod) -> Known {
        let (uid, node) = (&pod.metadata.uid, &pod.spec.node_name);
        // One that was refused has a time, too, and nothing else.
        let refused = pod.status.phase.is_terminal() && pod.status.container_statuses.is_empty();
        let admitted = pod.status.start_time.is_some() && !refused;
        if admitted {
            self.runtime.adopt(pod);
            if !pod.status.phase.is_terminal() {
                self.with_room(node, |room| room.take(uid, pod.needs()));
            }
        }
        Known { uid: uid.clone(), node: node.clone(), admitted, ..Known::default() }
    }

    fn with_room<T>(&self, node: &CompactString, change: impl FnOnce(&mut Room) -> T) -> T {
        let mut rooms = self.rooms.lock();
        let room = rooms.entry(node.clone()).or_insert_with(|| Room::new(&self.nodes.shape.allocatable()));
        change(room)
    }

    fn forget(&self, known: &Known) {
        self.runtime.remove(&known.uid);
        self.with_room(&known.node, |room| room.release(&known.uid));
    }

    /// Goes one round.
    pub(crate) async fn work(&self, key: &Key) -> Result<(), Problem> {
        let pod = self.pods.get(key);
        // A key is worked on once at a time, so nobody misses it meanwhile.
        let known = self.known.lock().remove(key);
        let uid = pod.as_ref().map(|pod| &pod.metadata.uid);
        let known = match known {
            Some(known) if Some(&known.uid) != uid => {
                self.forget(&known);
                None
            }
            known => known,
        };
        let Some(pod) = pod else { return Ok(()) };
        let mut known = known.unwrap_or_else(|| self.begin(&pod));
        let ended = self.round(&pod, &mut known).await;
        self.known.lock().insert(key.clone(), known);
        ended
    }

    async fn round(&self, pod: &Pod, known: &mut Known) -> Result<(), Problem> {
        let Some(host) = self.nodes.host(&pod.spec.node_name) else { return Ok(()) };
        // Whoever is stopped does nothing; a node that is gone has nobody to do it.
        if self.nodes.seen(&host.name).is_none_or(|node| node.is_stopped()) {
            return Ok(());
        }
        known.written.take_if(|(revision, _)| *revision <= pod.metadata.resource_version);
        let written = known.written.take();
        let said = written.as_ref().map_or(&pod.status, |(_, said)| said);
        if let Err(refusal) = self.admit(pod, said, known) {
            let status = report::refused(pod, &refusal, self.clock.now());
            self.tell(pod, None, Weight::Warning, refusal.reason, refusal.message);
            known.written = self.write(host, pod, said, status).await?.or(written);
            return Ok(());
        }
        if !known.admitted && said.phase.is_terminal() {
            known.written = written;
            return self.end(host, pod, known).await;
        }
        let (step, observed) = self.go(pod, said, &mut known.backoff)?;
        self.tell_of(pod, said, &step);
        let status = report::report(pod, said, &observed, &step, &[host.ip], self.clock.now());
        let ended = step.over && status.phase.is_terminal();
        if let Some(again) = step.again {
            let wait = again.since(self.clock.now()).max(1);
            self.queue.add_after(pod.metadata.key(), std::time::Duration::from_millis(wait));
        }
        known.written = self.write(host, pod, said, status).await?.or(written);
        if ended { self.end(host, pod, known).await } else { Ok(()) }
    }

    /// Nothing of the pod runs any more.
    async fn end(&self, host: &Host, pod: &Pod, known: &mut Known) -> Result<(), Problem> {
        self.with_room(&known.node, |room| room.release(&known.uid));
        if pod.metadata.is_deleting() && !known.deleted {
            delete(&host.client, pod).await?;
            known.deleted = true;
        }
        Ok(())
    }

    /// Whether the node takes the pod in; it does so once.
    fn admit(&self, pod: &Pod, said: &Status, known: &mut Known) -> Result<(), Refusal> {
        if known.admitted || said.phase.is_terminal() || pod.metadata.is_deleting() {
            return Ok(());
        }
        self.with_room(&pod.spec.node_name, |room| room.admit(&pod.metadata.uid, pod.needs()))?;
        known.admitted = true;
        Ok(())
    }

    /// Has the runtime do what there is to do, until there is nothing left.
    fn go(&self, pod: &Pod, said: &Status, backoff: &mut Backoff) -> Result<(Step, Observed), Problem> {
        for _ in 0..STEPS_MAX {
            let now = self.clock.now();
            let observed = self.runtime.observe(pod, now);
            let next = step(pod, said, &observed, backoff, now);
            if next.calls.is_empty() {
                return Ok((next, observed));
            }
            for call in &next.calls {
                self.call(pod, call)?;
                self.tell_of_call(pod, &observed, call);
            }
        }
        self.queue.add(pod.metadata.key());
        let now = self.clock.now();
        let observed = self.runtime.observe(pod, now);
        Ok((Step::default(), observed))
    }

    fn call(&self, pod: &Pod, call: &Call) -> Result<(), Problem> {
        self.runtime.act(pod, call, self.clock.now()).map_err(|error| {
            let (reason, what) = match call {
                Call::Network => ("FailedCreatePodSandBox", "Failed to create pod sandbox"),
                Call::Start { .. } => ("Failed", "Error"),
                Call::Stop { .. } => ("FailedKillPod", "error killing pod"),
            };
            self.tell(pod, None, Weight::Warning, reason, format!("{what}: {error}"));
            Problem::Stale(error)
        })
    }

    /// Tells that a container begins or ends, in a kubelet's words.
    fn tell_of_call(&self, pod: &Pod, observed: &Observed, call: &Call) {
        match call {
            Call::Network => {}
            Call::Start { name, .. } => {
                let image = pod.container(name).map_or("", |container| container.image.as_str());
                let pulled = format!(
                    "Container image {image:?} already present on machine and can be accessed by the pod"
                );
                let notes = [
                    ("Pulled", pulled),
                    ("Created", "Container created".to_owned()),
                    ("Started", "Container started".to_owned()),
                ];
                for (reason, note) in notes {
                    self.tell(pod, Some(name), Weight::Normal, reason, note);
                }
            }
            Call::Stop { name, .. } => {
                let is_told = observed.container(name).is_some_and(|container| container.stopping.is_some());
                if !is_told {
                    let note = format!("Stopping container {name}");
                    self.tell(pod, Some(name), Weight::Normal, "Killing", note);
                }
            }
        }
    }

    /// Tells what people should know of a step.
    fn tell_of(&self, pod: &Pod, said: &Status, step: &Step) {
        for wait in &step.waits {
            let mut all = said.init_container_statuses.iter().chain(&said.container_statuses);
            let known = all.any(|said| {
                said.name == wait.container
                    && said.state.waiting.as_ref().is_some_and(|waiting| waiting.reason == "CrashLoopBackOff")
            });
            if !known {
                let note = format!(
                    "Back-off restarting failed container {} in pod {}",
                    wait.container,
                    report::formatted(pod)
                );
                self.tell(pod, Some(&wait.container), Weight::Warning, "BackOff", note);
            }
        }
        if step.expired && step.over && !said.phase.is_terminal() {
            self.tell(pod, None, Weight::Normal, EXPIRED.0, EXPIRED.1.to_owned());
        }
    }

    /// Tells something of the pod, or of one of its containers.
    fn tell(&self, pod: &Pod, container: Option<&str>, weight: Weight, reason: &'static str, note: String) {
        let regarding = Regarding::of(&PODS, &pod.metadata);
        let regarding = match container.and_then(|name| pod.field_of(name)) {
            Some(field) => regarding.part(field),
            None => regarding,
        };
        let event = Event { regarding, weight, action: reason, reason, note };
        self.recorder.of(&pod.spec.node_name).record(event);
    }

    /// Writes what has changed; gives back what was written, and as of which revision.
    async fn write(
        &self,
        host: &Host,
        pod: &Pod,
        said: &Status,
        status: Status,
    ) -> Result<Option<(u64, Status)>, Problem> {
        let Some(change) = report::change(&pod.metadata.uid, said, &status)? else { return Ok(None) };
        let key = pod.metadata.key();
        let written = host.client.patch::<Answer>(&PODS, &key, "status", (Patch::Strategic, &change)).await;
        match written {
            Ok(answer) => Ok(Some((answer.metadata.resource_version, status))),
            Err(problem) if problem.is_not_found() => Ok(None),
            // Where another one of its name is there, the cache will show it before the next try, or the one after.
            Err(problem) => Err(problem),
        }
    }
}

async fn delete(client: &Client, pod: &Pod) -> Result<(), Problem> {
    let how = Deletion { grace_seconds: Some(0), ..Deletion::of(&pod.metadata.uid) };
    match client.delete(&PODS, &pod.metadata.key(), &how).await {
        Err(problem) if problem.is_not_found() => Ok(()),
        ended => ended.map(|_: Value| ()),
    }
}
