//! Everything that happens, in order: each request and what became of it, each write at its revision.
//!
//! It keeps what the store holds, shows every write to the checks, remembers the last lines for whoever has to find out
//! what went wrong, and sums all of it up in one number: two runs of one seed have to come to the same.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use crate::checks::{Checks, Write};
use crate::world::{Object, Seen, World};

/// How many lines are kept.
const LINES_MAX: usize = 20_000;
/// After how much is known to be wrong nobody looks any further.
const WRONGS_MAX: usize = 8;
/// How long, in milliseconds, a request that nobody waits for any more may still have its effect.
const LATE_MILLIS: u64 = 1000;

/// A request that may change something, as long as its effect may be seen.
struct Asked {
    number: u64,
    by: Arc<str>,
    what: String,
    ended: Option<u64>,
}

pub(crate) struct History {
    began: Instant,
    pub(crate) world: World,
    pub(crate) revision: u64,
    checks: Checks,
    asked: Vec<Asked>,
    requests: u64,
    pub(crate) lines: VecDeque<String>,
    pub(crate) wrongs: Vec<String>,
    hash: u64,
    /// Whether lines are printed as they come.
    aloud: bool,
    /// Writes since somebody last asked, but signs of life, and requests that may have changed something.
    stirs: Vec<String>,
    pub(crate) writes: u64,
}

impl History {
    pub(crate) fn new(aloud: bool) -> Self {
        Self {
            began: Instant::now(),
            world: World::default(),
            revision: 0,
            checks: Checks::default(),
            asked: Vec::new(),
            requests: 0,
            lines: VecDeque::new(),
            wrongs: Vec::new(),
            hash: 0xcbf2_9ce4_8422_2325,
            aloud,
            stirs: Vec::new(),
            writes: 0,
        }
    }

    /// Virtual milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The sum of all that has happened.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    fn sum(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Notes a line.
    pub(crate) fn note(&mut self, line: &str) {
        let now = self.now();
        let line = format!("{:>5}.{:03} {line}", now / 1000, now % 1000);
        self.sum(line.as_bytes());
        if self.aloud {
            println!("{line}");
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Says something to whoever listens, and remembers nothing.
    pub(crate) fn whisper(&self, line: impl FnOnce() -> String) {
        if self.aloud {
            let now = self.now();
            println!("{:>5}.{:03}   {}", now / 1000, now % 1000, line());
        }
    }

    /// Something is as it must not be.
    pub(crate) fn wrong(&mut self, what: String) {
        self.note(&format!("WRONG: {what}"));
        if self.wrongs.len() < WRONGS_MAX {
            self.wrongs.push(what);
        }
    }

    /// Somebody begins to ask for a change; gives back the number of the request.
    pub(crate) fn asks(&mut self, by: &Arc<str>, what: &str) -> u64 {
        self.requests += 1;
        let now = self.now();
        self.asked.retain(|asked| asked.ended.is_none_or(|ended| ended + LATE_MILLIS > now));
        self.asked.push(Asked {
            number: self.requests,
            by: Arc::clone(by),
            what: what.to_owned(),
            ended: None,
        });
        self.requests
    }

    /// A request has come to its end: its effect is there, or will not come.
    pub(crate) fn answered(&mut self, number: u64) {
        self.asked.retain(|asked| asked.number != number);
    }

    /// Nobody waits any more for the answer to a request.
    pub(crate) fn dropped(&mut self, number: u64) {
        let now = self.now();
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.number == number) {
            asked.ended = Some(now);
        }
    }

    /// Who may have asked just now for the change of an object.
    fn by(&self, resource: &str, path: &str) -> Vec<Arc<str>> {
        let plural = resource.split('.').next().unwrap_or_default();
        let (space, name) = path.rsplit_once('/').unwrap_or(("", path));
        let concerns = |asked: &&Asked| {
            let Some((before, after)) = asked.what.split_once(&format!("/{plural}")) else { return false };
            let within = space.is_empty() || before.ends_with(&format!("/namespaces/{space}"));
            let it = after.is_empty()
                || after.strip_prefix('/').is_some_and(|rest| rest.split('/').next() == Some(name));
            within && it
        };
        self.asked.iter().filter(concerns).map(|asked| Arc::clone(&asked.by)).collect()
    }

    /// An object has been written, or is gone.
    pub(crate) fn wrote(&mut self, revision: u64, resource: &str, path: &str, new: Option<(Value, &[u8])>) {
        let now = self.now();
        let by = self.by(resource, path);
        if let Some((_, bytes)) = &new {
            self.sum(bytes);
        }
        self.revision = revision;
        self.writes += 1;
        let objects = self.world.by_resource.entry(resource.to_owned()).or_default();
        let old = objects.remove(path);
        let new = new.map(|(object, _)| Arc::new(object));
        if let Some(object) = &new {
            let same = old.as_ref().filter(|old| old.object.uid() == object.uid());
            let made = same.map_or(now, |old| old.made);
            objects.insert(path.to_owned(), Seen { object: Arc::clone(object), made });
        }
        let old = old.map(|old| old.object);
        let signs_of_life = resource == "leases.coordination.k8s.io" || is_beat(resource, &old, &new);
        let line = self.line(revision, resource, path, (&old, &new), &by);
        if !signs_of_life {
            self.stirs.push(line.clone());
        }
        self.note(&line);
        // What a store holds beside the objects has no meaning here.
        let write = Write { now, resource, path, old: old.as_deref(), new: new.as_deref(), by: &by };
        let wrongs = self.checks.look(&self.world, &write);
        for wrong in wrongs {
            self.wrong(format!("{wrong} (at revision {revision}, by {by:?})"));
        }
    }

    fn line(
        &self,
        revision: u64,
        resource: &str,
        path: &str,
        (old, new): (&Option<Arc<Value>>, &Option<Arc<Value>>),
        by: &[Arc<str>],
    ) -> String {
        let what = match (old, new) {
            (None, _) => "made",
            (_, None) => "gone",
            (Some(old), Some(new)) if old.is_deleting() != new.is_deleting() => "going",
            _ => "changed",
        };
        let more = new.as_ref().map(|new| told(resource, new)).unwrap_or_default();
        let by = by.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(",");
        format!("@{revision} {what} {resource} {path}{more} by {by}")
    }

    /// What has been done since this was last asked, but signs of life.
    pub(crate) fn stirs(&mut self) -> Vec<String> {
        std::mem::take(&mut self.stirs)
    }
}

/// Whether a node only said that it is still there.
fn is_beat(resource: &str, old: &Option<Arc<Value>>, new: &Option<Arc<Value>>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    let states = |node: &Value| {
        let all = node.list("status/conditions").iter();
        all.map(|known| (known["type"].clone(), known["status"].clone())).collect::<Vec<_>>()
    };
    resource == "nodes" && old.at("spec") == new.at("spec") && states(old) == states(new)
}

/// The little of an object that a reader of the history wants to see.
fn told(resource: &str, object: &Value) -> String {
    let spec = |name: &str| object["spec"][name].clone();
    let status = |name: &str| object["status"][name].clone();
    match resource {
        "pods" => format!(
            " node={} phase={} ready={} of={}",
            spec("nodeName"),
            status("phase"),
            object.condition("Ready"),
            object.controller().map_or("", |owner| owner.text("name")),
        ),
        "replicasets.apps" | "deployments.apps" | "statefulsets.apps" => format!(
            " generation={} replicas={} status={}/{}/{} observed={}",
            object["metadata"]["generation"],
            spec("replicas"),
            status("replicas"),
            status("readyReplicas"),
            status("availableReplicas"),
            status("observedGeneration"),
        ),
        "daemonsets.apps" => format!(
            " generation={} wanted={} current={} updated={} available={} observed={}",
            object["metadata"]["generation"],
            status("desiredNumberScheduled"),
            status("currentNumberScheduled"),
            status("updatedNumberScheduled"),
            status("numberAvailable"),
            status("observedGeneration"),
        ),
        "jobs.batch" => format!(
            " suspend={} active={} succeeded={} failed={} complete={} over={}",
            spec("suspend"),
            status("active"),
            status("succeeded"),
            status("failed"),
            object.condition("Complete"),
            object.condition("Failed"),
        ),
        "poddisruptionbudgets.policy" => format!(
            " healthy={} wanted={} allowed={} disrupted={}",
            status("currentHealthy"),
            status("desiredHealthy"),
            status("disruptionsAllowed"),
            status("disruptedPods"),
        ),
        "nodes" => format!(
            " ready={} taints={} unschedulable={}",
            object.condition("Ready"),
            spec("taints"),
            spec("unschedulable")
        ),
        "events.events.k8s.io" | "events" => {
            format!(" {}: {}{}", object["reason"], object["note"], object["message"])
        }
        _ => String::new(),
    }
}
