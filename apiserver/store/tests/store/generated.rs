//! Histories that a seed tells, one call after another, each answer compared with the model's: transactions, reads at
//! revisions, pages, watches, compaction by hand, age and size, and reopening.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use keelson_api::time::{Clock, UnixMillis};
use keelson_api::uid::Uid;
use keelson_store::contract::{Broken, Outcome};
use keelson_store::fault::Random;
use keelson_store::index::IndexDefinition;
use keelson_store::key::{Key, ResourceName};
use keelson_store::memory::Memory;
use keelson_store::options::{CommitterRuns, Limits, Options, Retention};
use keelson_store::replica::OutOfRange;
use keelson_store::revision::Revision;
use keelson_store::transaction::{Change, CommitError, Expect, Operation, Presence, Transaction};
use keelson_store::watch::{Part, Scope, Watch, WatchEnd};
use keelson_store::{At, ReadError, Store};
use tokio::time::Instant;

use crate::model::{Model, Refused, Seen, Stored, colors, seen, stored};
use crate::seeds::{every_seed, virtually};
use crate::{holds, same};

const STEPS_MAX: u64 = 90;
const OPEN_MAX: usize = 6;
const RESOURCES: &[&str] = &["pods", "nodes", "widgets.example.com"];
const PATHS: &[&str] = &["a/x", "a/y", "a-b/x", "a0/x", "b/x", "alone"];
const NAMESPACES: &[&str] = &["", "a", "a-b", "b", "none"];
const COLORS: &[&str] = &["red", "green", "red,green", ""];

/// Write a seed here to see it alone, and leave it here once what it showed is mended.
const SEEDS_THAT_ONCE_FAILED: &[u64] = &[0, 244];

#[test]
fn seeds_that_once_failed_do_not_again() {
    every_seed(SEEDS_THAT_ONCE_FAILED.iter().copied(), replay);
}

#[test]
fn every_answer_is_the_models() {
    every_seed(0..20_000, replay);
}

fn replay(seed: u64) -> Outcome {
    virtually(async {
        let mut run = Run::new(seed).await?;
        let outcome = run.all().await;
        outcome
            .map_err(|Broken(why)| Broken(format!("{why}; the steps were\n    {}", run.steps.join("\n    "))))
    })
}

struct Run {
    memory: Memory,
    store: Store,
    options: Options,
    model: Model,
    random: Random,
    started: Instant,
    /// When the store was opened last: what was there then counts as no older.
    opened: u64,
    watches: Vec<Watching>,
    pages: Vec<Paging>,
    steps: Vec<String>,
}

/// A watch, and what it has yet to say.
struct Watching {
    watch: Watch,
    scope: Scope,
    /// Up to here the model's events have been compared, or are in `past`.
    compared: u64,
    /// What was asked for from the past and not taken yet: it does not count against the limit.
    past: usize,
    /// The live ones that wait.
    live: usize,
    too_slow: bool,
}

/// A list that is read page by page, while the world goes on.
struct Paging {
    resource: ResourceName,
    namespace: &'static str,
    revision: u64,
    last: Option<Box<str>>,
}

impl Run {
    async fn new(seed: u64) -> Outcome<Self> {
        let mut random = Random::new(seed);
        let started = Instant::now();
        let clock = Clock::new(move || UnixMillis(1 + started.elapsed().as_millis() as u64));
        let color =
            IndexDefinition::new("color", |object, found| colors(object.value()).into_iter().for_each(found));
        let indexed = ["pods", "nodes"].map(|name| (ResourceName::new(name), vec![color.clone()]));
        let options = Options {
            clock,
            writer: seed,
            committer: CommitterRuns::AsTask,
            limits: Limits {
                batch_writes_max: 5,
                batch_bytes_max: 4 << 10,
                watch_events_max: *random.pick(&[3, 8, 1000]),
                frozen_tables_max: *random.pick(&[1, 4, 64]),
                ..Limits::default()
            },
            retention: Retention {
                age: Duration::from_secs(*random.pick(&[10, 100, 10_000])),
                bytes_max: *random.pick(&[2 << 10, 1 << 30]),
            },
            indexes: indexed.into_iter().collect(),
        };
        let memory = Memory::new();
        let store = open(&memory, &options).await?;
        let (watches, pages, steps) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            memory,
            store,
            options,
            model: Model::new(),
            random,
            started,
            opened: 0,
            watches,
            pages,
            steps,
        })
    }

    async fn all(&mut self) -> Outcome {
        for _ in 0..self.random.between(20, STEPS_MAX) {
            match self.random.below(100) {
                0..40 => self.commit().await?,
                40..43 => self.commit_nonsense().await?,
                43..53 => self.get().await?,
                53..61 => self.list().await?,
                61..67 => self.next_page().await?,
                67..73 => self.watch()?,
                73..84 => self.take_events().await?,
                84..88 => self.history()?,
                88..91 => self.compact().await?,
                91..93 => self.image()?,
                93..97 => self.wait().await?,
                97..99 => self.status().await?,
                _ => self.reopen().await?,
            }
            self.floor()?;
        }
        self.reopen().await
    }

    fn now(&self) -> u64 {
        self.options.clock.now().0
    }

    fn note(&mut self, step: &str) {
        let at = self.started.elapsed().as_millis();
        self.steps.push(format!("{at:>6} ms, {:>3}..={:<3} {step}", self.model.floor, self.model.head()));
    }

    /// The floor, which retention may move whenever something is awaited; but only so far.
    fn floor(&mut self) -> Outcome<u64> {
        let (floor, before) = (self.store.floor().0, self.model.floor);
        holds(|| format!("the floor moved back from {before} to {floor}"), floor >= before)?;
        holds(|| format!("the floor {floor} is past the head"), floor <= self.model.head())?;
        let young = self.model.time(floor) + self.options.retention.age.as_millis() as u64 > self.now();
        let roomy = self.options.retention.bytes_max > 1 << 20;
        holds(|| format!("what is young was folded up to {floor}"), floor == before || !young || !roomy)?;
        self.model.floor = floor;
        Ok(floor)
    }

    async fn commit(&mut self) -> Outcome {
        let count = self.random.between(1, 3);
        let mut operations: Vec<Operation> = Vec::new();
        while operations.len() < count as usize {
            let key = self.key();
            if !operations.iter().any(|operation| operation.key == key) {
                operations.push(self.operation(key));
            }
        }
        let transaction = Transaction { operations };
        self.note(&told(&transaction));
        let (head, at) = (self.model.head(), self.now());
        let expected = self.model.commit(&transaction, at);
        let answer = self.store.commit(transaction).await;
        match (answer, expected) {
            (Ok(done), Ok(objects)) => {
                same("the revision of the transaction", done.revision.0, self.model.head())?;
                let got: Vec<_> = done.objects.iter().map(|object| object.as_ref().map(stored)).collect();
                same("the objects of the transaction", &got, &objects)?;
                self.count_live(head);
            }
            (Err(CommitError::Unmet(condition)), Err(expected)) => {
                let current = condition.current.as_ref().map(stored);
                let got: Refused = (condition.operation, condition.unmet, current);
                same("the condition that is not met", &got, &expected)?;
            }
            (answer, expected) => return Err(Broken(format!("expected {expected:?}, got {answer:?}"))),
        }
        same("the store's revision", self.store.revision().0, self.model.head())
    }

    /// Counts the events after `head` into the watches that they wait in.
    fn count_live(&mut self, head: u64) {
        let max = self.options.limits.watch_events_max;
        for watching in &mut self.watches {
            // A watch may begin in the future.
            let after = head.max(watching.compared);
            watching.live += self.model.events(&watching.scope, after, self.model.head()).len();
            watching.too_slow |= watching.live > max;
        }
    }

    fn operation(&mut self, key: Key) -> Operation {
        let current = self.model.state(self.model.head()).get(&key).cloned();
        let any = Revision(self.random.between(1, self.model.head() + 1));
        let seen = current.as_ref().map_or(any, |current| Revision(current.revision));
        let own = current.as_ref().map_or(Uid::default(), |current| current.uid);
        let other =
            Uid::from_random(self.random.draw().to_le_bytes().repeat(2).try_into().expect("sixteen bytes"));
        let presence =
            *self.random.pick(&[Presence::Any, Presence::Any, Presence::Present, Presence::Absent]);
        let revision = *self.random.pick(&[None, None, Some(seen), Some(seen), Some(any)]);
        let uid = *self.random.pick(&[None, None, Some(own), Some(other)]);
        let expect = match self.random.below(4) {
            0 => Expect { presence, revision, uid },
            1 if current.is_none() => Expect::ABSENT,
            1 => Expect::at(seen),
            _ => Expect { presence: Presence::Any, revision: None, uid: None },
        };
        let change = match self.random.below(10) {
            0..6 => {
                let kept = current.is_some() && self.random.chance(900);
                Change::Put { uid: if kept { own } else { other }, value: self.value() }
            }
            6..9 => Change::Delete,
            _ => Change::Check,
        };
        Operation { key, expect, change }
    }

    fn value(&mut self) -> Bytes {
        let color = *self.random.pick(COLORS);
        format!("{color}|{}", self.random.below(1_000_000)).into_bytes().into()
    }

    fn resource(&mut self) -> ResourceName {
        ResourceName::new(self.random.pick::<&str>(RESOURCES))
    }

    fn key(&mut self) -> Key {
        Key { resource: self.resource(), path: (*self.random.pick(PATHS)).into() }
    }

    /// What the store must turn away without looking at a single object.
    async fn commit_nonsense(&mut self) -> Outcome {
        let key = |path: &str| Key { resource: ResourceName::new("pods"), path: path.into() };
        let put = |bytes: usize| Change::Put { uid: Uid::default(), value: vec![b'x'; bytes].into() };
        let operation = |path: &str| Operation { key: key(path), expect: Expect::default(), change: put(1) };
        let nonsense = match self.random.below(5) {
            0 => vec![],
            1 => vec![operation("a/x"), operation("a/y"), operation("a/x")],
            2 => vec![operation("a/x"), operation("a//x")],
            3 => (0..6).map(|number| operation(&format!("a/{number}"))).collect(),
            _ => vec![Operation { change: put(5 << 10), ..operation("a/x") }],
        };
        self.note(&format!("nonsense of {} operations", nonsense.len()));
        match self.store.commit(Transaction { operations: nonsense }).await {
            Err(CommitError::Invalid(_) | CommitError::TooLarge { .. }) => Ok(()),
            other => Err(Broken(format!("nonsense was answered with {other:?}"))),
        }
    }

    /// Where to read, which state that is, and whether it can be had.
    fn at(&mut self) -> Outcome<(At, u64, Option<OutOfRange>)> {
        let (floor, head) = (self.floor()?, self.model.head());
        Ok(match self.random.below(6) {
            0 => (At::Latest, head, None),
            1 => (At::Cached, head, None),
            2 => (At::AtLeast(Revision(self.random.between(0, head))), head, None),
            _ => {
                let revision = self.random.between(floor.saturating_sub(2), head + 2);
                (At::Exactly(Revision(revision)), revision, self.out_of_range(revision))
            }
        })
    }

    fn out_of_range(&self, revision: u64) -> Option<OutOfRange> {
        let (floor, head) = (self.model.floor, self.model.head());
        if revision < floor {
            Some(OutOfRange::Compacted { floor: Revision(floor) })
        } else {
            (revision > head).then_some(OutOfRange::Future { head: Revision(head) })
        }
    }

    async fn get(&mut self) -> Outcome {
        let (key, (at, revision, out_of_range)) = (self.key(), self.at()?);
        self.note(&format!("get {key} at {at:?}"));
        let answer = self.store.get(&key, at).await;
        let Some((told, object)) = answered(answer, out_of_range)? else { return Ok(()) };
        same("the revision of the read", told.0, revision)?;
        let expected = self.model.state(revision).remove(&key);
        same("the object", &object.as_ref().map(stored), &expected)
    }

    async fn list(&mut self) -> Outcome {
        let (resource, (at, revision, out_of_range)) = (self.resource(), self.at()?);
        let namespace = *self.random.pick(NAMESPACES);
        let after = (*self.random.pick(&[None, None, Some("a/x"), Some("a/xx"), Some("b"), Some("zz")]))
            .map(Box::from);
        self.note(&format!("list {resource} in {namespace:?} after {after:?} at {at:?}"));
        let answer = self.store.list(&resource, at).await;
        let Some(snapshot) = answered(answer, out_of_range)? else { return Ok(()) };
        same("the revision of the list", snapshot.revision.0, revision)?;
        let table = self.model.table(&resource, revision);
        same("the length of the list", snapshot.table.len(), table.len())?;
        let got: Vec<_> = snapshot.table.range(namespace, after.as_deref()).map(pair).collect();
        same("the list", &got, &page(&table, namespace, after.as_deref(), usize::MAX))?;
        let indexed = self.options.indexes.contains_key(&resource);
        for color in ["red", "green", "blue"] {
            let expected = table.iter().filter(|(_, stored)| colors(&stored.value).contains(&color)).cloned();
            let expected = indexed.then(|| expected.collect::<Vec<_>>());
            let got = snapshot.select("color", color).map(|table| table.iter().map(pair).collect::<Vec<_>>());
            same("what the index finds", &got, &expected)?;
        }
        if self.pages.len() < OPEN_MAX {
            self.pages.push(Paging { resource, namespace, revision, last: None });
        }
        Ok(())
    }

    async fn next_page(&mut self) -> Outcome {
        if self.pages.is_empty() {
            return Ok(());
        }
        let place = self.random.below(self.pages.len() as u64) as usize;
        let Paging { resource, namespace, revision, last } = self.pages.swap_remove(place);
        let limit = self.random.between(1, 3) as usize;
        self.note(&format!("next {limit} of {resource} in {namespace:?} at {revision} after {last:?}"));
        self.floor()?;
        let out_of_range = self.out_of_range(revision);
        let answer = self.store.list(&resource, At::Exactly(Revision(revision))).await;
        let Some(snapshot) = answered(answer, out_of_range)? else { return Ok(()) };
        same("the revision of the page", snapshot.revision.0, revision)?;
        let got: Vec<_> = snapshot.table.range(namespace, last.as_deref()).take(limit).map(pair).collect();
        let table = self.model.table(&resource, revision);
        same("the page", &got, &page(&table, namespace, last.as_deref(), limit))?;
        if let (true, Some((path, _))) = (got.len() == limit, got.last()) {
            self.pages.push(Paging { resource, namespace, revision, last: Some(path.clone()) });
        }
        Ok(())
    }

    fn watch(&mut self) -> Outcome {
        if self.watches.len() == OPEN_MAX {
            let place = self.random.below(OPEN_MAX as u64) as usize;
            self.watches.swap_remove(place);
        }
        let resource = self.resource();
        let part = match self.random.below(4) {
            0 => Part::All,
            1 => Part::Namespace((*self.random.pick(&NAMESPACES[1..])).into()),
            2 => Part::Path((*self.random.pick(PATHS)).into()),
            _ => Part::Index { name: "color", value: (*self.random.pick(&["red", "green", "blue"])).into() },
        };
        let unindexed = matches!(part, Part::Index { .. }) && !self.options.indexes.contains_key(&resource);
        let scope = Scope { resource, part };
        let floor = self.floor()?;
        let after = self.random.between(floor.saturating_sub(1), self.model.head() + 1);
        self.note(&format!("watch {scope:?} after {after}"));
        match self.store.watch(scope.clone(), Revision(after)) {
            Err(ReadError::NoIndex { .. }) if unindexed => Ok(()),
            Err(ReadError::OutOfRange(OutOfRange::Compacted { floor: told })) if after < floor => {
                same("the floor in the error", told.0, floor)
            }
            Ok(watch) if after >= floor && !unindexed => {
                let past = self.model.events(&scope, after, self.model.head()).len();
                self.watches.push(Watching { watch, scope, compared: after, past, live: 0, too_slow: false });
                Ok(())
            }
            other => Err(Broken(format!("a watch after {after} was answered with {other:?}"))),
        }
    }

    async fn take_events(&mut self) -> Outcome {
        if self.watches.is_empty() {
            return Ok(());
        }
        let place = self.random.below(self.watches.len() as u64) as usize;
        let count = *self.random.pick(&[1, 2, usize::MAX]);
        self.note(&format!("take {count} events of {:?}", self.watches[place].scope));
        let ended = take(&mut self.watches[place], &self.model, count).await?;
        if ended {
            self.watches.swap_remove(place);
        }
        Ok(())
    }

    fn history(&mut self) -> Outcome {
        let (key, floor) = (self.key(), self.floor()?);
        let after = self.random.between(floor.saturating_sub(1), self.model.head());
        let to = self.random.between(after, self.model.head() + 1);
        self.note(&format!("history of {key} after {after} to {to}"));
        match self.store.history(&key, Revision(after), Revision(to)) {
            Ok(events) => {
                holds(|| format!("history before the floor {floor} is there"), after >= floor)?;
                let got: Vec<_> = events.iter().map(|event| seen(event)).collect();
                same("the history", &got, &self.model.events(&Scope::object(&key), after, to))
            }
            Err(ReadError::OutOfRange(OutOfRange::Compacted { floor: told })) if after < floor => {
                same("the floor in the error", told.0, floor)
            }
            Err(other) => Err(Broken(format!("history was answered with {other:?}"))),
        }
    }

    async fn compact(&mut self) -> Outcome {
        let floor = self.floor()?;
        let to = self.random.between(floor.saturating_sub(1), self.model.head() + 1);
        self.note(&format!("compact to {to}"));
        let answer = self.store.compact(Revision(to)).await;
        if answered(answer, self.out_of_range(to))?.is_some() {
            // By hand it may go as far as it likes.
            self.model.floor = to;
        }
        same("the floor after compaction", self.store.floor().0, self.model.floor)
    }

    fn image(&mut self) -> Outcome {
        let floor = self.floor()?;
        let revision = self.random.between(floor, self.model.head());
        self.note(&format!("image at {revision}"));
        let images = [
            (self.store.image(), self.model.head()),
            (read(self.store.image_at(Revision(revision)))?, revision),
        ];
        for (image, revision) in images {
            same("the revision of the image", image.revision.0, revision)?;
            let objects = image.tables.iter().flat_map(|(resource, table)| {
                table.iter().map(|object| {
                    (Key { resource: resource.clone(), path: object.path().into() }, stored(object))
                })
            });
            same("the image", &objects.collect(), &self.model.state(revision))?;
        }
        Ok(())
    }

    /// Lets time pass. What is old and more than enough goes by itself.
    async fn wait(&mut self) -> Outcome {
        let seconds = *self.random.pick(&[0, 1, 5, 30, 300]);
        self.note(&format!("{seconds} seconds pass"));
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let floor = self.floor()?;
        let Retention { age, bytes_max } = self.options.retention.clone();
        // A cut is made at one of eight places in the age, at the latest when the next is due.
        let slack = age.as_millis() as u64 / 3;
        let old = self.now().saturating_sub(age.as_millis() as u64 + slack);
        if seconds * 1000 > slack {
            let next = (floor < self.model.head()).then(|| self.model.time(floor + 1).max(self.opened));
            holds(
                || format!("what is {next:?} is kept at {}", self.now()),
                next.is_none_or(|next| next >= old),
            )?;
            let bytes = read(self.store.status().await)?.history_bytes;
            holds(|| format!("{bytes} bytes of history are kept"), bytes <= bytes_max)?;
        }
        Ok(())
    }

    async fn status(&mut self) -> Outcome {
        self.note("status");
        let status = read(self.store.status().await)?;
        same("the head in the status", status.head.0, self.model.head())?;
        same("the floor in the status", status.floor.0, self.floor()?)?;
        same("the watches in the status", status.watches, self.watches.len())?;
        same("the base's floor in the status", status.usage.floor.0, self.model.floor)?;
        for name in RESOURCES.iter().map(|name| ResourceName::new(name)) {
            let count =
                status.objects.iter().find(|(resource, _)| *resource == name).map_or(0, |(_, count)| *count);
            same("the objects in the status", count, self.model.table(&name, self.model.head()).len())?;
        }
        Ok(())
    }

    /// Closes the store, which ends the watches once they have told everything, and opens it again.
    async fn reopen(&mut self) -> Outcome {
        self.note("reopen");
        self.store.clone().close().await;
        for mut watching in std::mem::take(&mut self.watches) {
            take(&mut watching, &self.model, usize::MAX).await?;
            let end = if watching.too_slow { WatchEnd::TooSlow } else { WatchEnd::Closed };
            same("the end of a watch", watching.watch.next().await.err(), Some(end))?;
        }
        let late = Transaction::delete(self.key(), Expect::default());
        let answer = self.store.commit(late).await;
        holds(
            || format!("a closed store answered {answer:?}"),
            matches!(answer, Err(CommitError::Closed(_))),
        )?;
        self.floor()?;
        self.options.writer += 1;
        self.opened = self.now();
        self.store = open(&self.memory, &self.options).await?;
        same("the head after reopening", self.store.revision().0, self.model.head())?;
        same("the floor after reopening", self.store.floor().0, self.model.floor)
    }
}

async fn open(memory: &Memory, options: &Options) -> Outcome<Store> {
    read(Store::open(Arc::new(memory.clone()), options.clone()).await)
}

/// Takes up to `count` events and compares them; says whether the watch has ended because it was too slow.
async fn take(watching: &mut Watching, model: &Model, count: usize) -> Outcome<bool> {
    if watching.too_slow {
        let end = watching.watch.next().await;
        same("the end of a watch that was too slow", end.err(), Some(WatchEnd::TooSlow))?;
        return Ok(true);
    }
    let expected = model.events(&watching.scope, watching.compared, model.head());
    for expected in expected.iter().take(count) {
        let soon = tokio::time::timeout(Duration::from_secs(1), watching.watch.next()).await;
        let event = soon.map_err(|_| Broken(format!("the event {expected:?} does not come")))?;
        let event =
            event.map_err(|end| Broken(format!("the watch ended with {end:?} before {expected:?}")))?;
        let got: Seen = seen(&event);
        same("the event", &got, expected)?;
        watching.compared = got.0;
        *(if watching.past > 0 { &mut watching.past } else { &mut watching.live }) -= 1;
    }
    if count > expected.len() {
        let more = watching.watch.try_next();
        holds(|| format!("after the last event came {more:?}"), !matches!(more, Ok(Some(_))))?;
        if more.is_ok() {
            let progress = watching.watch.progress().0;
            same("the progress of a watch that has all", progress, model.head().max(watching.compared))?;
        }
    }
    Ok(false)
}

/// The answer, or nothing where the error was expected.
fn answered<T: std::fmt::Debug>(
    answer: Result<T, ReadError>,
    out_of_range: Option<OutOfRange>,
) -> Outcome<Option<T>> {
    match (answer, out_of_range) {
        (Ok(answer), None) => Ok(Some(answer)),
        (Err(ReadError::OutOfRange(got)), Some(expected)) => same("the error", got, expected).map(|()| None),
        (answer, expected) => Err(Broken(format!("expected {expected:?}, got {answer:?}"))),
    }
}

fn read<T, E: std::fmt::Display>(answer: Result<T, E>) -> Outcome<T> {
    answer.map_err(|error| Broken(format!("a call failed that had no reason to: {error}")))
}

/// A transaction in a few words.
pub(crate) fn told(transaction: &Transaction) -> String {
    let operations = transaction.operations.iter().map(|Operation { key, expect, change }| {
        let Expect { presence, revision, uid } = expect;
        let change = match change {
            Change::Put { uid, value } => {
                format!("put {:.4} {:?} at", uid.to_string(), String::from_utf8_lossy(value))
            }
            Change::Delete => "delete".to_owned(),
            Change::Check => "check".to_owned(),
        };
        let revision = revision.map(|revision| format!(" at {revision}")).unwrap_or_default();
        let uid = uid.map(|uid| format!(" with {:.4}", uid.to_string())).unwrap_or_default();
        format!("{change} {key} if {presence:?}{revision}{uid}")
    });
    operations.collect::<Vec<_>>().join(", ")
}

fn pair(object: &keelson_store::object::Object) -> (Box<str>, Stored) {
    (object.path().into(), stored(object))
}

/// The part of a table that a page shows.
fn page(
    table: &[(Box<str>, Stored)],
    namespace: &str,
    after: Option<&str>,
    limit: usize,
) -> Vec<(Box<str>, Stored)> {
    let inside = |path: &str| namespace.is_empty() || path.starts_with(&format!("{namespace}/"));
    let behind = |path: &str| after.is_none_or(|after| path > after);
    table.iter().filter(|(path, _)| inside(path) && behind(path)).take(limit).cloned().collect()
}
