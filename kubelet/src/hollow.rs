//! The hollow runtime: it keeps in mind what a runtime would run, and runs nothing.
//!
//! When a container comes up, is ready and ends is decided when it is started; what it looks like at some time is
//! computed when somebody asks. What a process before this one had begun is read back from what was said of the pods.

pub(crate) mod addresses;
pub(crate) mod behaviour;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::Time;
use keelson_client::queue::Queue;
use parking_lot::Mutex;

use crate::pod::Pod;
use crate::runtime::{Call, Container, Ended, Observed, State};
use crate::status::{self, Status};
use addresses::{Addresses, Range};
use behaviour::{Behaviour, Ends, Until};

/// What ids of its containers begin with.
const SCHEME: &str = "hollow://";
/// How a process ends that is told to, and one that is killed.
const TOLD: i32 = 143;
const KILLED: i32 = 137;

/// The runtime of all hollow nodes of a process.
pub(crate) struct Hollow {
    behaviour: Behaviour,
    state: Mutex<Nodes>,
    /// The pods to look at when something has changed by itself.
    wake: Queue<keelson_client::Key>,
}

#[derive(Default)]
struct Nodes {
    addresses: HashMap<CompactString, Addresses>,
    /// By uid.
    pods: HashMap<CompactString, Sandbox>,
}

/// What is kept of a pod.
#[derive(Debug, Default)]
struct Sandbox {
    node: CompactString,
    ips: Vec<IpAddr>,
    containers: Vec<Kept>,
}

/// What is kept of a container.
#[derive(Debug)]
struct Kept {
    name: CompactString,
    attempt: u32,
    id: CompactString,
    image_id: CompactString,
    runs_from: UnixMillis,
    ready_from: Option<UnixMillis>,
    /// When and how it ends by itself, or because it was told to.
    ends: Option<(UnixMillis, i32)>,
    stopping: Option<UnixMillis>,
    stop_delay: Duration,
    last: Option<Ended>,
}

impl Hollow {
    /// With nothing to run yet.
    pub(crate) fn new(behaviour: Behaviour, wake: Queue<keelson_client::Key>) -> Self {
        Self { behaviour, state: Mutex::default(), wake }
    }

    /// Knows a node, whose pods have their addresses in these ranges if it is given none.
    pub(crate) fn expect(&self, node: &str, usual: Vec<Range>) {
        self.state.lock().addresses.insert(node.into(), Addresses::new(usual));
    }

    /// Gives the pods of a node addresses out of these ranges.
    pub(crate) fn set_ranges(&self, node: &str, ranges: Vec<Range>) {
        if let Some(addresses) = self.state.lock().addresses.get_mut(node) {
            addresses.give(ranges);
        }
    }

    /// Takes over a pod that was begun by a process before this one.
    pub(crate) fn adopt(&self, pod: &Pod) {
        let mut state = self.state.lock();
        let uid = &pod.metadata.uid;
        if state.pods.contains_key(uid) || pod.status.pod_ips.is_empty() {
            return;
        }
        let ips = if pod.spec.host_network {
            Vec::new()
        } else {
            pod.status.pod_ips.iter().map(|one| one.ip).collect()
        };
        if let Some(addresses) = state.addresses.get_mut(&pod.spec.node_name) {
            addresses.mark(&ips);
        }
        let containers = self.adopted(pod, &pod.status);
        state.pods.insert(uid.clone(), Sandbox { node: pod.spec.node_name.clone(), ips, containers });
    }

    fn adopted(&self, pod: &Pod, said: &Status) -> Vec<Kept> {
        let all =
            [&said.init_container_statuses, &said.container_statuses, &said.ephemeral_container_statuses];
        let begun = all.into_iter().flatten().filter(|said| said.container_id.starts_with(SCHEME));
        let kept = begun.filter_map(|said| {
            let container = pod.container(&said.name)?;
            let own = self.behaviour.of(pod, container, said.restart_count);
            let last = said.last_state.terminated.as_ref().map(ended);
            let running = said.state.running.as_ref().and_then(|running| running.started_at);
            let waits = said.state.waiting.is_some();
            let over = said.state.terminated.as_ref().map(ended).or(last.clone().filter(|_| waits));
            let runs_from = match (&over, running) {
                (Some(over), _) => over.started,
                (None, Some(at)) => at.millis(),
                (None, None) => return None,
            };
            let mut kept = Kept::new(said.name.clone(), said.restart_count, own, runs_from);
            (kept.id, kept.image_id) = (said.container_id.clone(), said.image_id.clone());
            kept.last = last.filter(|_| !waits);
            if let Some(over) = over {
                kept.ends = Some((over.finished, over.code));
            }
            Some(kept)
        });
        kept.collect()
    }

    /// What there is of a pod now; its key is woken when that changes by itself.
    pub(crate) fn observe(&self, pod: &Pod, now: UnixMillis) -> Observed {
        let state = self.state.lock();
        let Some(sandbox) = state.pods.get(&pod.metadata.uid) else { return Observed::default() };
        let next = sandbox.containers.iter().filter_map(|kept| kept.next_change(now)).min();
        if let Some(next) = next {
            self.wake.add_after(pod.metadata.key(), Duration::from_millis(next.since(now)));
        }
        Observed {
            network: Some(sandbox.ips.clone()),
            containers: sandbox.containers.iter().map(|kept| kept.at(now)).collect(),
        }
    }

    /// Does what it is told.
    ///
    /// # Errors
    /// What stands in the way.
    pub(crate) fn act(&self, pod: &Pod, call: &Call, now: UnixMillis) -> Result<(), String> {
        let mut state = self.state.lock();
        let uid = &pod.metadata.uid;
        match call {
            Call::Network => {
                let node = pod.spec.node_name.clone();
                let mut ips = Vec::new();
                if !pod.spec.host_network {
                    let addresses = state.addresses.get_mut(&node);
                    let taken = addresses.and_then(Addresses::take);
                    ips = taken.ok_or("there is no address left in the node's ranges for pods")?;
                }
                state.pods.insert(uid.clone(), Sandbox { node, ips, containers: Vec::new() });
            }
            Call::Start { name, attempt } => {
                let sandbox = state.pods.get_mut(uid).ok_or("the pod has no network")?;
                let container = pod.container(name).ok_or("the pod has no such container")?;
                let own = self.behaviour.of(pod, container, *attempt);
                let runs_from = after(now, own.start_delay);
                let mut kept = Kept::new(name.clone(), *attempt, own, runs_from);
                kept.id = format!("{SCHEME}{}", hex(&[uid, name, &attempt.to_string()])).into();
                kept.image_id =
                    format!("{}@sha256:{}", untagged(&container.image), hex(&[&container.image])).into();
                match sandbox.containers.iter_mut().find(|known| known.name == *name) {
                    Some(known) => {
                        kept.last = known.at(now).ended().cloned();
                        *known = kept;
                    }
                    None => sandbox.containers.push(kept),
                }
            }
            Call::Stop { name, kill_at } => {
                let containers = state.pods.get_mut(uid).map(|sandbox| &mut sandbox.containers);
                if let Some(kept) = containers.and_then(|all| all.iter_mut().find(|kept| kept.name == *name))
                {
                    kept.stop(now, *kill_at);
                }
            }
        }
        Ok(())
    }

    /// Forgets a pod.
    pub(crate) fn remove(&self, uid: &str) {
        let mut state = self.state.lock();
        if let Some(sandbox) = state.pods.remove(uid)
            && let Some(addresses) = state.addresses.get_mut(&sandbox.node)
        {
            addresses.free(&sandbox.ips);
        }
    }
}

impl Kept {
    fn new(name: CompactString, attempt: u32, own: Behaviour, runs_from: UnixMillis) -> Self {
        Self {
            name,
            attempt,
            id: CompactString::default(),
            image_id: CompactString::default(),
            runs_from,
            ready_from: match own.ready_after {
                Until::After(wait) => Some(after(runs_from, wait)),
                Until::Never => None,
            },
            ends: match own.run_for {
                Ends::After(wait) => Some((after(runs_from, wait), own.exit_code)),
                Ends::Never => None,
            },
            stopping: None,
            stop_delay: own.stop_delay,
            last: None,
        }
    }

    fn stop(&mut self, now: UnixMillis, kill_at: UnixMillis) {
        let told = after(now, self.stop_delay);
        let stop = if told > kill_at { (kill_at.max(now), KILLED) } else { (told, TOLD) };
        self.stopping = Some(kill_at);
        // What ends by itself before that does.
        self.ends = Some(self.ends.filter(|(at, _)| *at <= stop.0).unwrap_or(stop));
        self.runs_from = self.runs_from.min(stop.0);
    }

    fn at(&self, now: UnixMillis) -> Container {
        let state = match self.ends {
            Some((at, code)) if at <= now => State::Ended(Ended {
                id: self.id.clone(),
                code,
                reason: if code == 0 { "Completed" } else { "Error" }.into(),
                message: String::new(),
                started: self.runs_from,
                finished: at,
            }),
            _ if self.runs_from > now => State::Creating,
            _ => State::Running {
                since: self.runs_from,
                started: true,
                ready: self.ready_from.is_some_and(|at| at <= now),
            },
        };
        Container {
            name: self.name.clone(),
            attempt: self.attempt,
            id: self.id.clone(),
            image_id: self.image_id.clone(),
            state,
            last: self.last.clone(),
            stopping: self.stopping,
        }
    }

    fn next_change(&self, now: UnixMillis) -> Option<UnixMillis> {
        let ends = self.ends.map(|(at, _)| at);
        [Some(self.runs_from), self.ready_from, ends].into_iter().flatten().filter(|at| *at > now).min()
    }
}

fn ended(said: &status::Terminated) -> Ended {
    let millis = |at: Option<Time>| at.unwrap_or_default().millis();
    Ended {
        id: said.container_id.clone(),
        code: said.exit_code,
        reason: said.reason.clone(),
        message: said.message.clone(),
        started: millis(said.started_at),
        finished: millis(said.finished_at),
    }
}

fn after(at: UnixMillis, wait: Duration) -> UnixMillis {
    UnixMillis(at.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
}

/// An image's name without its tag and its digest.
fn untagged(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rfind(':') {
        Some(at) if !image[at..].contains('/') => &image[..at],
        _ => image,
    }
}

/// A number that is always the same for these words (FNV-1a).
pub(crate) fn hash(words: &[&str], seed: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325 ^ seed;
    for byte in words.iter().flat_map(|word| word.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // The last bytes have not been everywhere yet.
    hash ^= hash >> 32;
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (hash >> 29)
}

/// 64 hexadecimal digits that are always the same for these words, as ids have them.
pub(crate) fn hex(words: &[&str]) -> String {
    (0..4).map(|seed| format!("{:016x}", hash(words, seed))).collect()
}
