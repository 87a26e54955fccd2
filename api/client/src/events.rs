//! Telling people what was done, and why: events, put together where they repeat, and bounded where they are too many.
//!
//! Three steps, with upstream's figures. The same thing said again counts up one event instead of making another. Of one
//! object, more than ten different notes for one reason within ten minutes become one event, "(combined from similar
//! events)". And an object may be talked about 25 times at once, then once in five minutes.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keelson_api::time::Clock;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::client::{Client, Patch};
use crate::meta::Meta;
use crate::problem::Problem;
use crate::resource::{Key, Resource};
use crate::time::micro;

const EVENTS: Resource = Resource::namespaced("events.k8s.io", "v1", "events", "Event");
/// Events that wait to be written; what comes on top is dropped and counted.
const WAITING_MAX: usize = 1000;
/// Upstream's figures: notes of one reason within `SIMILAR_SECONDS` before they are combined, and the bucket per object.
const SIMILAR_MAX: usize = 10;
const SIMILAR_SECONDS: u64 = 600;
const BURST: f64 = 25.0;
const REFILL_SECONDS: f64 = 300.0;
/// Objects and events that are remembered; beyond it, those that were quiet the longest are forgotten.
const REMEMBERED_MAX: usize = 4096;
/// What the note of an event begins with that stands for several.
const COMBINED: &str = "(combined from similar events)";
/// Names that are tried for one event; if others have them all, it is not written.
const NAMES_MAX: usize = 8;
/// A note's length in bytes; the API allows no more.
const NOTE_BYTES_MAX: usize = 1024;

/// Whether all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// It is.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Weight {
    fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// The object that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Regarding {
    resource: Resource,
    namespace: String,
    name: String,
    uid: String,
    resource_version: String,
    field: String,
}

impl Regarding {
    /// The object of this metadata.
    #[must_use]
    pub fn of(resource: &Resource, meta: &Meta) -> Self {
        Self {
            resource: resource.clone(),
            namespace: meta.namespace.to_string(),
            name: meta.name.to_string(),
            uid: meta.uid.to_string(),
            resource_version: meta.resource_version.to_string(),
            field: String::new(),
        }
    }

    /// A part of it alone, such as `spec.containers{web}`.
    #[must_use]
    pub fn part(self, field: String) -> Self {
        Self { field, ..self }
    }

    fn body(&self) -> Value {
        let mut body = json!({
            "apiVersion": self.resource.api_version(), "kind": self.resource.kind, "name": self.name,
            "uid": self.uid, "resourceVersion": self.resource_version,
        });
        if !self.namespace.is_empty() {
            body["namespace"] = json!(self.namespace);
        }
        if !self.field.is_empty() {
            body["fieldPath"] = json!(self.field);
        }
        body
    }

    /// Where its events lie.
    fn namespace(&self) -> &str {
        if self.namespace.is_empty() { "default" } else { &self.namespace }
    }
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub regarding: Regarding,
    /// Whether all is well.
    pub weight: Weight,
    /// For programs.
    pub reason: &'static str,
    /// What was done, in a word; `reason` where upstream says nothing else.
    pub action: &'static str,
    /// For people.
    pub note: String,
}

/// Takes events, and never waits. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    send: mpsc::Sender<(Arc<str>, Event)>,
    instance: Arc<str>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// A recorder whose events are `component`'s, and the future that writes them until all recorders are gone.
    pub fn new(
        client: Client,
        clock: Clock,
        component: impl Into<String>,
        instance: String,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (send, mut receive) = mpsc::channel::<(Arc<str>, Event)>(WAITING_MAX);
        let mut writer = Writer { client, clock, component: component.into(), memory: Memory::default() };
        let run = async move {
            while let Some((instance, event)) = receive.recv().await {
                if let Err(problem) = writer.write(&instance, event).await {
                    tracing::debug!(%problem, component = writer.component, "cannot write an event");
                }
            }
        };
        (Self { send, instance: instance.into(), dropped: Arc::default() }, run)
    }

    /// The same for another instance of the component, which is in this process too.
    #[must_use]
    pub fn of(&self, instance: &str) -> Self {
        Self { instance: instance.into(), ..self.clone() }
    }

    /// Takes an event, unless too many wait already.
    pub fn record(&self, event: Event) {
        if self.send.try_send((Arc::clone(&self.instance), event)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were not taken.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

struct Writer {
    client: Client,
    clock: Clock,
    component: String,
    memory: Memory,
}

impl Writer {
    async fn write(&mut self, instance: &str, event: Event) -> Result<(), Problem> {
        let now = micro(self.clock.now());
        match self.memory.decide(&event, Instant::now()) {
            Decision::Drop => Ok(()),
            Decision::Count { key, count } => {
                let change = json!({"series": {"count": count, "lastObservedTime": now}});
                let patched =
                    self.client.patch::<Value>(&EVENTS, &key, "", (Patch::Strategic, &change)).await;
                match patched {
                    Err(problem) if problem.is_not_found() => {
                        let note = event.note.clone();
                        self.create(instance, event, &note, &now).await
                    }
                    ended => ended.map(drop),
                }
            }
            Decision::Create => {
                let note = event.note.clone();
                self.create(instance, event, &note, &now).await
            }
            Decision::Combine => {
                let note = format!("{COMBINED}: {}", event.note);
                self.create(instance, event, &note, &now).await
            }
        }
    }

    async fn create(&mut self, instance: &str, event: Event, note: &str, now: &str) -> Result<(), Problem> {
        let namespace = event.regarding.namespace().to_owned();
        let mut body = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "eventTime": now, "reportingController": self.component, "reportingInstance": instance,
            "action": event.action, "reason": event.reason, "type": event.weight.as_str(),
            "regarding": event.regarding.body(), "note": shortened(note),
        });
        for _ in 0..NAMES_MAX {
            // Distinct among the events of one object: nanoseconds upstream, milliseconds and a number here. Another
            // component may have said something of it in the same millisecond, and be at the same number.
            let number = self.memory.number();
            let name = format!("{}.{:x}{number:06x}", event.regarding.name, self.clock.now().0);
            body["metadata"] = json!({"name": name, "namespace": namespace});
            match self.client.create::<Value>(&EVENTS, &namespace, &body).await {
                Err(problem) if problem.is_already_exists() => {}
                ended => {
                    ended?;
                    self.memory.created(&event, note, Key::new(&namespace, &name), Instant::now());
                    break;
                }
            }
        }
        Ok(())
    }
}

fn shortened(note: &str) -> &str {
    let mut end = note.len().min(NOTE_BYTES_MAX);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    &note[..end]
}

/// What becomes of an event.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Drop,
    Count {
        key: Key,
        count: u32,
    },
    Create,
    /// Under a note that says that it stands for several.
    Combine,
}

/// What is remembered of events.
#[derive(Default)]
struct Memory {
    /// By uid of the object.
    buckets: HashMap<String, (f64, Instant)>,
    /// By object and reason: which notes there were, and since when.
    similar: HashMap<(String, &'static str, Weight), (Vec<String>, Instant)>,
    written: HashMap<(String, &'static str, Weight, String), Written>,
    drawn: u32,
}

struct Written {
    key: Key,
    count: u32,
    last: Instant,
}

impl Memory {
    fn number(&mut self) -> u32 {
        self.drawn = self.drawn.wrapping_add(1) & 0x00ff_ffff;
        self.drawn
    }

    fn decide(&mut self, event: &Event, now: Instant) -> Decision {
        if !self.may(&event.regarding.uid, now) {
            return Decision::Drop;
        }
        let combined = self.is_one_of_many(event, now);
        match self.written.get_mut(&like(event, if combined { COMBINED } else { &event.note })) {
            Some(written) if now - written.last < Duration::from_secs(SIMILAR_SECONDS) => {
                written.count += 1;
                written.last = now;
                Decision::Count { key: written.key.clone(), count: written.count }
            }
            _ if combined => Decision::Combine,
            _ => Decision::Create,
        }
    }

    fn created(&mut self, event: &Event, note: &str, key: Key, now: Instant) {
        forget(&mut self.written, |written| written.last);
        let like = like(event, if note.starts_with(COMBINED) { COMBINED } else { note });
        self.written.insert(like, Written { key, count: 1, last: now });
    }

    fn may(&mut self, uid: &str, now: Instant) -> bool {
        forget(&mut self.buckets, |(_, last)| *last);
        let (left, last) = self.buckets.entry(uid.to_owned()).or_insert((BURST, now));
        *left = (*left + (now - *last).as_secs_f64() / REFILL_SECONDS).min(BURST);
        *last = now;
        let may = *left >= 1.0;
        if may {
            *left -= 1.0;
        }
        may
    }

    /// Whether so much of this kind was said of the object lately that it is not said on its own.
    fn is_one_of_many(&mut self, event: &Event, now: Instant) -> bool {
        forget(&mut self.similar, |(_, last)| *last);
        let like = (event.regarding.uid.clone(), event.reason, event.weight);
        let (notes, last) = self.similar.entry(like).or_insert_with(|| (Vec::new(), now));
        if now - *last >= Duration::from_secs(SIMILAR_SECONDS) {
            notes.clear();
        }
        *last = now;
        if !notes.contains(&event.note) {
            if notes.len() + 1 >= SIMILAR_MAX {
                return true;
            }
            notes.push(event.note.clone());
        }
        false
    }
}

/// What makes two events the same.
fn like(event: &Event, note: &str) -> (String, &'static str, Weight, String) {
    let about = format!("{} {}", event.regarding.uid, event.regarding.field);
    (about, event.reason, event.weight, note.to_owned())
}

fn forget<K: Clone + Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>, last: impl Fn(&V) -> Instant) {
    if map.len() < REMEMBERED_MAX {
        return;
    }
    let mut times: Vec<Instant> = map.values().map(&last).collect();
    times.sort_unstable();
    let middle = times[times.len() / 2];
    map.retain(|_, value| last(value) > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uid: &str, note: &str) -> Event {
        let meta = Meta { name: "n".into(), namespace: "ns".into(), uid: uid.into(), ..Meta::default() };
        let pods = Resource::namespaced("", "v1", "pods", "Pod");
        Event {
            regarding: Regarding::of(&pods, &meta),
            weight: Weight::Normal,
            reason: "Done",
            action: "Done",
            note: note.into(),
        }
    }

    fn play(memory: &mut Memory, event: &Event, now: Instant) -> String {
        match memory.decide(event, now) {
            Decision::Drop => "dropped".into(),
            Decision::Count { count, .. } => format!("counted {count}"),
            decision => {
                let note = match decision {
                    Decision::Combine => format!("{COMBINED}: {}", event.note),
                    _ => event.note.clone(),
                };
                memory.created(event, &note, Key::new("ns", "e"), now);
                format!("created {note}")
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_repeats_is_counted_and_what_is_alike_combined() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        assert_eq!(play(&mut memory, &event("u", "a"), now), "created a");
        assert_eq!(play(&mut memory, &event("u", "a"), now), "counted 2");
        for number in 1..9 {
            assert_eq!(
                play(&mut memory, &event("u", &format!("b{number}")), now),
                format!("created b{number}")
            );
        }
        assert_eq!(play(&mut memory, &event("u", "c"), now), "created (combined from similar events): c");
        assert_eq!(play(&mut memory, &event("u", "d"), now), "counted 2");
        assert_eq!(play(&mut memory, &event("v", "d"), now), "created d");
        let mut part = event("v", "d");
        part.regarding = part.regarding.part("spec.containers{web}".into());
        assert_eq!(play(&mut memory, &part, now), "created d");
        assert_eq!(play(&mut memory, &part, now), "counted 2");
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_may_be_talked_about_so_often() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let said: Vec<_> = (0..27).map(|_| play(&mut memory, &event("u", "a"), now)).collect();
        assert_eq!(said[24..], ["counted 25", "dropped", "dropped"]);
        let later = now + Duration::from_secs(301);
        assert_eq!(play(&mut memory, &event("u", "a"), later), "counted 26");
        assert_eq!(play(&mut memory, &event("u", "a"), later), "dropped");
    }
}
