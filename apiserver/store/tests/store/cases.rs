//! Single promises of the store, each with the least that it takes to break it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::join_all;
use keelson_api::time::{Clock, UnixMillis};
use keelson_api::uid::Uid;
use keelson_store::backend::{Appended, Backend, BackendError, Refusal};
use keelson_store::batch::Write;
use keelson_store::contract::History;
use keelson_store::fault::{Fault, Faulty, Plan};
use keelson_store::key::{Key, ResourceName};
use keelson_store::memory::Memory;
use keelson_store::object::Object;
use keelson_store::options::{CommitterRuns, Limits, Options};
use keelson_store::revision::Revision;
use keelson_store::transaction::{Change, CommitError, Expect, Presence, Transaction, Unmet};
use keelson_store::watch::{Scope, WatchEnd};
use keelson_store::{At, OpenError, ReadError, Store};
use tokio::time::{Instant, sleep, timeout};

use crate::flawed::{Flaw, Flawed};
use crate::seeds::virtually;

const SOON: Duration = Duration::from_millis(40);
/// Reads and appends that all take a while.
const DELAYED: Plan = Plan { delay: 1000, delay_max: SOON, ..CALM };
/// Nothing gets through, in either direction.
const DEAD: Plan = Plan { lost_before: 1000, read: 1000, ..CALM };
const CALM: Plan = Plan {
    delay: 0,
    delay_max: Duration::ZERO,
    lost_before: 0,
    lost_after: 0,
    late: 0,
    late_max: Duration::ZERO,
    rival: 0,
    full: 0,
    full_max: Duration::ZERO,
    read: 0,
    compact: 0,
};

fn options(writer: u64) -> Options {
    let clock = Clock::new(|| UnixMillis(1));
    Options { committer: CommitterRuns::AsTask, ..Options::new(clock, writer) }
}

async fn open(backend: impl Backend) -> Store {
    Store::open(Arc::new(backend), options(1)).await.expect("it opens")
}

/// A store, and what lies between it and its history.
async fn open_faulty(memory: &Memory, writer: u64) -> (Store, Arc<Faulty>) {
    let faulty = Arc::new(Faulty::new(Arc::new(memory.clone()), writer, CALM));
    let store = Store::open(faulty.clone(), options(writer)).await.expect("it opens");
    (store, faulty)
}

fn pods() -> ResourceName {
    ResourceName::new("pods")
}

fn key(path: &str) -> Key {
    Key { resource: pods(), path: path.into() }
}

fn put(path: &str, value: &str) -> Transaction {
    let change = Change::Put { uid: Uid::default(), value: Bytes::copy_from_slice(value.as_bytes()) };
    Transaction::one(key(path), Expect::default(), change)
}

fn check(path: &str, expect: Expect) -> Transaction {
    Transaction::one(key(path), expect, Change::Check)
}

async fn head(memory: &Memory) -> Revision {
    memory.head().await.expect("memory answers")
}

#[test]
fn a_lost_reply_is_found_out() {
    for fault in
        [Fault::LostBefore, Fault::LostAfter, Fault::Late(Duration::ZERO), Fault::Late(SOON), Fault::Rival]
    {
        virtually(async {
            let memory = Memory::shared();
            let (store, faulty) = open_faulty(&memory, 1).await;
            faulty.next(fault);
            let committed = store.commit(put("a/x", "1")).await.expect("it is committed");
            faulty.heal().await;
            assert_eq!(head(&memory).await, committed.revision, "{fault:?} happens once");
            assert_eq!(store.get(&key("a/x"), At::Latest).await.expect("read").1, committed.objects[0]);
        });
    }
}

#[test]
fn an_outcome_that_cannot_be_found_out_is_unknown_in_time() {
    virtually(async {
        let (store, faulty) = open_faulty(&Memory::new(), 1).await;
        faulty.follow(DEAD);
        let began = Instant::now();
        let answer = store.commit(put("a/x", "1")).await;
        assert!(matches!(answer, Err(CommitError::Unknown(_))), "{answer:?}");
        let max = options(1).limits.unknown_outcome_after;
        assert!((max..2 * max).contains(&began.elapsed()), "{:?}", began.elapsed());
        faulty.heal().await;
        assert!(store.commit(put("a/x", "2")).await.is_ok());
    });
}

#[test]
fn a_reply_lost_behind_compaction_stays_unknown() {
    virtually(async {
        let memory = Memory::shared();
        let ((one, faulty), (two, _)) = (open_faulty(&memory, 1).await, open_faulty(&memory, 2).await);
        faulty.next(Fault::LostAfter);
        faulty.follow(Plan { read: 1000, ..CALM });
        let (answer, ()) = futures::join!(
            one.commit(Transaction::create(key("a/x"), Uid::default(), Bytes::new())),
            async {
                two.reached(Revision::GENESIS.plus(1)).await.expect("it follows");
                two.commit(put("a/y", "1")).await.expect("committed");
                two.compact(Revision::GENESIS.plus(2)).await.expect("compacted");
                faulty.heal().await;
            }
        );
        // It did happen, so "it exists already" would be as wrong as a second time.
        assert!(matches!(answer, Err(CommitError::Unknown(_))), "{answer:?}");
        assert_eq!(head(&memory).await, Revision::GENESIS.plus(2));
        let found = one.get(&key("a/x"), At::Latest).await.expect("read").1;
        assert_eq!(found.expect("it is there").revision(), Revision::GENESIS.plus(1));
    });
}

#[test]
fn a_full_disk_refuses_writes_serves_reads_and_recovers_by_itself() {
    virtually(async {
        let (store, faulty) = open_faulty(&Memory::new(), 1).await;
        store.commit(put("a/x", "1")).await.expect("committed");
        faulty.next(Fault::Full(SOON));
        for _ in 0..3 {
            let answer = store.commit(put("a/y", "2")).await;
            assert!(matches!(answer, Err(CommitError::Refused(Refusal::Full(_)))), "{answer:?}");
            assert_eq!(store.list(&pods(), At::Latest).await.expect("read").table.len(), 1);
        }
        sleep(SOON).await;
        assert_eq!(
            store.commit(put("a/y", "3")).await.expect("committed").revision,
            Revision::GENESIS.plus(2)
        );
    });
}

#[test]
fn writers_who_come_together_share_an_append() {
    virtually(async {
        let (store, faulty) = open_faulty(&Memory::new(), 1).await;
        faulty.follow(DELAYED);
        let paths: Vec<_> = (0..256).map(|number| format!("a/{number}")).collect();
        let answers = join_all(paths.iter().map(|path| store.commit(put(path, "1")))).await;
        assert!(answers.iter().all(Result::is_ok));
        faulty.follow(CALM);
        let appends = store.status().await.expect("status").appends;
        assert!(appends <= 3, "{appends} appends");
    });
}

#[test]
fn a_batch_keeps_within_its_limits() {
    // Writes and bytes that a batch may have, and how many batches 64 writes of a KiB must then at least become.
    for (batch_writes_max, batch_bytes_max, batches_min) in
        [(1000, 1 << 20, 1), (10, 1 << 20, 7), (1000, 4 << 10, 22)]
    {
        virtually(async {
            let memory = Memory::new();
            let limits = Limits { batch_writes_max, batch_bytes_max, ..Limits::default() };
            let options = Options { limits, ..options(1) };
            let store = Store::open(Arc::new(memory.clone()), options).await.expect("it opens");
            let (paths, value) =
                ((0..64).map(|number| format!("a/{number}")).collect::<Vec<_>>(), "x".repeat(1 << 10));
            let answers = join_all(paths.iter().map(|path| store.commit(put(path, &value)))).await;
            assert!(answers.iter().all(Result::is_ok));
            let log: Vec<_> =
                memory.log(Revision::GENESIS).await.expect("kept").try_collect().await.expect("kept");
            assert!((batches_min..64).contains(&log.len()), "{} batches", log.len());
            for batch in log {
                let bytes: usize = batch.writes.iter().map(Write::size_bytes).sum();
                assert!(batch.writes.len() <= batch_writes_max && bytes <= batch_bytes_max, "{batch:?}");
            }
        });
    }
}

#[test]
fn readers_who_come_together_share_a_question() {
    virtually(async {
        let (store, faulty) = open_faulty(&Memory::shared(), 1).await;
        faulty.follow(DELAYED);
        let path = key("a/x");
        let answers = join_all((0..256).map(|_| store.get(&path, At::Latest))).await;
        assert!(answers.iter().all(Result::is_ok));
        let questions = faulty.journal().iter().filter(|line| line.contains("head")).count();
        assert!((1..=2).contains(&questions), "{questions} questions");
    });
}

#[test]
fn what_another_store_has_acknowledged_is_read_and_decided_by() {
    let first = Revision::GENESIS.plus(1);
    let decisions = [
        (check("a/x", Expect::PRESENT), None),
        (check("a/x", Expect::at(first)), None),
        (check("a/x", Expect::ABSENT), Some(Unmet::Exists)),
        (check("a/x", Expect::at(Revision::GENESIS)), Some(Unmet::Revision)),
        (Transaction::delete(key("a/x"), Expect::at(Revision::GENESIS)), Some(Unmet::Revision)),
        (Transaction::update(key("a/x"), &object("a/x", first), Bytes::new()), None),
    ];
    for (transaction, unmet) in decisions {
        virtually(async {
            let memory = Memory::shared();
            // The second one does not hear by itself that there is something new.
            let (one, two) = (open(memory.clone()).await, open_flawed(&memory, Flaw::NeverWakes).await);
            one.commit(put("a/x", "1")).await.expect("committed");
            match (two.commit(transaction).await, unmet) {
                (Ok(committed), None) => assert!(committed.revision >= first),
                (Err(CommitError::Unmet(condition)), Some(unmet)) => assert_eq!(condition.unmet, unmet),
                (answer, unmet) => panic!("expected {unmet:?}, got {answer:?}"),
            }
            let revision = one.commit(put("a/y", "2")).await.expect("committed").revision;
            assert_eq!(two.list(&pods(), At::Latest).await.expect("read").revision, revision);
        });
    }
}

fn object(path: &str, revision: Revision) -> Object {
    Object::new(revision, revision, Uid::default(), path.len(), path.as_bytes())
}

#[test]
fn who_waits_for_a_revision_gets_it_from_whoever_writes_it() {
    virtually(async {
        let memory = Memory::shared();
        let ((one, _), (two, _)) = (open_faulty(&memory, 1).await, open_faulty(&memory, 2).await);
        let (first, path) = (Revision::GENESIS.plus(1), key("a/x"));
        let waiting = two.get(&path, At::AtLeast(first));
        futures::pin_mut!(waiting);
        assert!(timeout(SOON, &mut waiting).await.is_err(), "there is nothing yet");
        one.commit(put("a/x", "1")).await.expect("committed");
        let (revision, object) = timeout(SOON, waiting).await.expect("in time").expect("read");
        assert_eq!((revision, object.map(|object| object.revision())), (first, Some(first)));
    });
}

#[test]
fn a_slow_watch_is_cut_off_alone_and_claims_nothing_it_has_not_shown() {
    virtually(async {
        let limits = Limits { watch_events_max: 5, ..Limits::default() };
        let options = Options { limits, ..options(1) };
        let store = Store::open(Arc::new(Memory::new()), options).await.expect("it opens");
        let [mut slow, mut quick] =
            [(); 2].map(|()| store.watch(Scope::all(&pods()), Revision::GENESIS).expect("watched"));
        for number in 1..=6 {
            let revision = store.commit(put("a/x", "1")).await.expect("committed").revision;
            assert_eq!(quick.next().await.expect("told").revision, revision);
            assert_eq!(quick.progress(), revision);
            assert_eq!(slow.progress(), Revision::GENESIS, "after {number} events");
        }
        assert_eq!(slow.next().await.err(), Some(WatchEnd::TooSlow));
        assert_eq!(slow.progress(), Revision::GENESIS);
        let mut again = store.watch(Scope::all(&pods()), slow.progress()).expect("the window still has it");
        assert_eq!(again.next().await.expect("told").revision, Revision::GENESIS.plus(1));
    });
}

#[test]
fn a_watch_begun_while_events_are_on_their_way_is_told_each_once() {
    const CROWD: usize = 100;
    const EVENTS: u64 = 20;
    virtually(async {
        let store = open(Memory::new()).await;
        let watch = |path: &str| store.watch(Scope::object(&key(path)), Revision::GENESIS).expect("watched");
        // So many that the committer leaves it to others to bring them events.
        let crowd: Vec<_> = (0..CROWD).map(|_| watch("a/nothing")).collect();
        let mut watches = vec![watch("a/x")];
        for _ in 0..EVENTS {
            store.commit(put("a/x", "1")).await.expect("committed");
            watches.push(watch("a/x"));
        }
        for mut watch in watches {
            for number in 1..=EVENTS {
                let event = timeout(SOON, watch.next()).await.expect("in time").expect("told");
                assert_eq!(event.revision, Revision::GENESIS.plus(number));
            }
            assert!(matches!(watch.try_next(), Ok(None)));
        }
        drop(crowd);
    });
}

#[test]
fn a_watch_outlives_neither_the_store_nor_its_end() {
    virtually(async {
        let store = open(Memory::new()).await;
        let mut closed = store.watch(Scope::all(&pods()), Revision::GENESIS).expect("watched");
        store.commit(put("a/x", "1")).await.expect("committed");
        store.close().await;
        assert!(closed.next().await.is_ok(), "what happened before is still told");
        assert_eq!(closed.next().await.err(), Some(WatchEnd::Closed));
        let store = open(Memory::new()).await;
        let mut dropped = store.watch(Scope::all(&pods()), Revision::GENESIS).expect("watched");
        drop(store);
        assert_eq!(timeout(SOON, dropped.next()).await.expect("in time").err(), Some(WatchEnd::Closed));
    });
}

#[test]
fn a_store_that_slept_through_compaction_begins_again() {
    let deaf = Plan { read: 1000, ..CALM };
    let hard_of_hearing = Plan { read: 600, ..CALM };
    for (seed, plan) in (2..20).map(|seed| (seed, if seed < 10 { &deaf } else { &hard_of_hearing })) {
        virtually(async {
            let memory = Memory::shared();
            let ((one, _), (two, faulty)) = (open_faulty(&memory, 1).await, open_faulty(&memory, seed).await);
            let mut watch = two.watch(Scope::all(&pods()), Revision::GENESIS).expect("watched");
            // It is told that there is something new, but for long cannot read it: neither in the log nor in the base.
            sleep(SOON).await;
            faulty.follow(plan.clone());
            for _ in 0..5 {
                one.commit(put("a/x", "1")).await.expect("committed");
                one.compact(one.revision()).await.expect("compacted");
            }
            sleep(4 * options(1).limits.unknown_outcome_after).await;
            faulty.heal().await;
            let reached = timeout(Duration::from_secs(10), two.reached(one.revision())).await;
            reached.expect("in time").expect("reached");
            if two.floor() > Revision::GENESIS {
                let end = loop {
                    if let Err(end) = watch.next().await {
                        break end;
                    }
                };
                assert_eq!(end, WatchEnd::Compacted);
                let again = two.watch(Scope::all(&pods()), Revision::GENESIS);
                assert!(matches!(again, Err(ReadError::OutOfRange(_))), "{again:?}");
            }
            assert_eq!(two.image().tables[&pods()].len(), 1);
            two.commit(put("a/y", "1")).await.expect("it writes again");
        });
    }
}

#[test]
fn nobody_waits_for_ever_while_others_cannot_be_read() {
    virtually(async {
        let memory = Memory::shared();
        let ((one, _), (two, faulty)) = (open_faulty(&memory, 1).await, open_faulty(&memory, 2).await);
        // Appends get through and meet what the first has written; reads do not.
        faulty.follow(Plan { read: 1000, ..CALM });
        one.commit(put("a/x", "1")).await.expect("committed");
        let answer = timeout(Duration::from_secs(60), two.commit(put("a/y", "1"))).await.expect("in time");
        assert!(matches!(answer, Err(CommitError::Refused(_))), "{answer:?}");
        faulty.heal().await;
        assert!(two.commit(put("a/y", "2")).await.is_ok());
        assert_eq!(head(&memory).await, Revision::GENESIS.plus(2));
    });
}

#[test]
fn what_is_not_there_is_not_deleted_whatever_was_expected() {
    virtually(async {
        let store = open(Memory::new()).await;
        for presence in [Presence::Any, Presence::Absent, Presence::Present] {
            for revision in [None, Some(Revision::GENESIS)] {
                let expect = Expect { presence, revision, uid: None };
                let answer = store.commit(Transaction::delete(key("a/x"), expect)).await;
                let unmet = matches!(&answer, Err(CommitError::Unmet(condition)) if condition.unmet == Unmet::Missing);
                assert!(unmet, "{expect:?}: {answer:?}");
            }
        }
        assert!(store.commit(put("a/x", "1")).await.is_ok(), "and nothing is broken by it");
    });
}

#[test]
fn damaged_history_is_not_served() {
    virtually(async {
        let memory = Memory::new();
        let mut history = History::new(1);
        for number in 0..8 {
            let batch = history.draft(&[("pods", "a/x", (number % 2 == 0).then_some(b"1"))]);
            assert!(matches!(memory.append(&batch).await, Appended::Committed));
            history.push(batch);
        }
        for flaw in [Flaw::DropsFromTheLog, Flaw::Reorders] {
            let opened = Store::open(Flawed::around(Arc::new(memory.clone()), flaw), options(1)).await;
            assert!(matches!(opened, Err(OpenError::Divergence(_))), "{flaw:?}: {opened:?}");
        }
    });
}

#[test]
fn a_store_ends_when_what_was_acknowledged_to_it_is_gone() {
    virtually(async {
        let memory = Memory::new();
        let store = open_flawed(&memory, Flaw::LosesABatch).await;
        let mut acknowledged = 0;
        let end = loop {
            match store.commit(put("a/x", "1")).await {
                Ok(_) => acknowledged += 1,
                Err(end) => break end,
            }
        };
        assert!(matches!(&end, CommitError::Closed(_) | CommitError::Unknown(_)), "{end:?}");
        assert_eq!(head(&memory).await, Revision::GENESIS.plus(acknowledged - 1), "one was lost");
        assert!(timeout(SOON, store.ended_because()).await.is_ok());
        let late = store.get(&key("a/x"), At::AtLeast(Revision(1000))).await;
        assert!(matches!(late, Err(ReadError::Closed(_))), "{late:?}");
    });
}

async fn open_flawed(memory: &Memory, flaw: Flaw) -> Store {
    Store::open(Flawed::around(Arc::new(memory.clone()), flaw), options(1)).await.expect("it opens")
}

#[test]
fn reads_that_fail_for_a_moment_fail_alone() {
    virtually(async {
        let (store, faulty) = open_faulty(&Memory::shared(), 1).await;
        store.commit(put("a/x", "1")).await.expect("committed");
        faulty.follow(Plan { read: 1000, ..CALM });
        let answer = store.get(&key("a/x"), At::Latest).await;
        assert!(matches!(answer, Err(ReadError::Backend(BackendError::Unavailable(_)))), "{answer:?}");
        assert!(store.get(&key("a/x"), At::Cached).await.expect("at hand").1.is_some());
        faulty.heal().await;
        assert!(store.get(&key("a/x"), At::Latest).await.expect("read").1.is_some());
    });
}

#[test]
fn what_a_fork_has_come_to_happens_at_once_or_not_at_all() {
    virtually(async {
        let store = open(Memory::new()).await;
        for path in ["a/changes", "a/goes", "a/stays"] {
            store.commit(put(path, "old")).await.expect("committed");
        }
        let fork = store.fork().await.expect("readable");
        let tried = fork.store();
        tried.commit(put("a/changes", "1")).await.expect("committed");
        tried.commit(put("a/changes", "2")).await.expect("committed");
        tried.commit(Transaction::delete(key("a/goes"), Expect::PRESENT)).await.expect("committed");
        tried.commit(put("a/new", "1")).await.expect("committed");
        tried.commit(put("a/passes", "1")).await.expect("committed");
        tried.commit(Transaction::delete(key("a/passes"), Expect::PRESENT)).await.expect("committed");
        tried.commit(put("a/stays", "new")).await.expect("committed");
        tried.commit(put("a/stays", "old")).await.expect("committed");
        let value = async |path: &str| {
            let (_, found) = store.get(&key(path), At::Latest).await.expect("readable");
            found.map(|object| String::from_utf8_lossy(object.value()).into_owned())
        };
        assert_eq!(value("a/changes").await.as_deref(), Some("old"), "nobody sees what is tried");

        let changes = fork.changes();
        let what: Vec<_> = changes.operations.iter().map(|operation| &*operation.key.path).collect();
        assert_eq!(what, ["a/changes", "a/goes", "a/new", "a/stays"]);
        let committed = store.commit(changes.clone()).await.expect("nobody was faster");
        assert_eq!(committed.revision, Revision(Revision::GENESIS.0 + 6), "what stays writes nothing");
        for (path, now) in [("a/changes", Some("2")), ("a/goes", None), ("a/new", Some("1"))] {
            assert_eq!(value(path).await.as_deref(), now, "{path}");
        }
        let again = store.commit(changes).await;
        assert!(matches!(again, Err(CommitError::Unmet(_))), "{again:?}");
    });
}

#[test]
fn a_time_in_the_kept_past_is_a_revision() {
    virtually(async {
        let now = Arc::new(AtomicU64::new(10));
        let read = now.clone();
        let clock = Clock::new(move || UnixMillis(read.load(Ordering::Relaxed)));
        let options = Options { clock, ..options(1) };
        let store = Store::open(Arc::new(Memory::new()), options).await.expect("it opens");
        for (at, path) in [(10, "a/x"), (20, "a/y"), (20, "a/z")] {
            now.store(at, Ordering::Relaxed);
            store.commit(put(path, "1")).await.expect("committed");
        }
        let as_of =
            |at| store.revision_as_of(UnixMillis(at)).map(|revision| revision.0 - Revision::GENESIS.0);
        assert_eq!([9, 10, 19, 20, 99].map(as_of), [None, Some(1), Some(1), Some(3), Some(3)]);
    });
}
