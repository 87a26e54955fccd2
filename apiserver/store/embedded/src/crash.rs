//! Lets a short life of an engine end at every single step it takes on the disk, or lets that step fail, and looks at
//! what is there afterwards.

use std::path::Path;
use std::sync::Arc;

use keelson_store::backend::{Appended, Backend};
use keelson_store::batch::Batch;
use keelson_store::revision::Revision;

use crate::disk::Disk;
use crate::engine::Embedded;
use crate::fault::{Faults, Op, Plan};
use crate::model::{Model, assert_same, read, run, scratch};
use crate::options::Options;

/// About how many writes each half of a life makes.
const WRITES: u64 = 120;
const SEED: u64 = 11;

/// Small enough that a short life meets many segments, partitions, splits and joins.
fn options() -> Options {
    Options {
        segment_bytes: 16 << 10,
        partition_bytes: 4 << 10,
        fold_bytes_min: 6 << 10,
        prepare_segments: false,
    }
}

fn model() -> Model {
    Model::new(SEED, 120, 600)
}

fn open(dir: &Path, faults: &Arc<Faults>) -> Option<Embedded> {
    Embedded::open_on(dir, options(), &Arc::new(Disk::with(faults))).ok()
}

/// Appends until `committed` says that the batch is there; `None` if the disk stays broken.
async fn append(engine: &Embedded, batch: &Arc<Batch>) -> Option<()> {
    for _ in 0..4 {
        match engine.append(batch).await {
            Appended::Committed => return Some(()),
            Appended::Conflict { head } if head == batch.head() => return Some(()),
            Appended::Conflict { head } => panic!("nobody else appends: {head} before {}", batch.head()),
            Appended::Refused(_) => {}
            Appended::Unknown(_) => match engine.head().await {
                Ok(head) if head == batch.head() => return Some(()),
                Ok(head) => assert_eq!(head, batch.base, "it has had its effect, or it has not"),
                Err(_) => {}
            },
        }
    }
    None
}

/// A life: opened twice, with appends, compactions that pay and ones that are wanted. Returns how far it got.
fn live(dir: &Path, faults: &Arc<Faults>) -> Revision {
    let mut model = model();
    let mut acknowledged = Revision::GENESIS;
    let mut before = model.image();
    for half in [1, 2] {
        let Some(engine) = open(dir, faults) else { return acknowledged };
        let reached = run(async {
            while model.head().0 < half * WRITES {
                let batch = model.step();
                append(&engine, &batch).await?;
                acknowledged = batch.head();
                if batch.id.sequence.is_multiple_of(8) {
                    // Some history is kept; and the floor does not move back.
                    let _ = engine.compact(&before).await;
                    before = model.image();
                }
                if batch.id.sequence.is_multiple_of(31) {
                    let _ = engine.compact_now(&model.image()).await;
                }
            }
            Some(())
        });
        if reached.is_none() {
            return acknowledged;
        }
    }
    acknowledged
}

/// Opens what is left and compares it with the model. One batch more than acknowledged may be there.
fn check(dir: &Path, acknowledged: Revision, when: &str) {
    let engine = Embedded::open(dir, options()).unwrap_or_else(|error| panic!("{when}: {error}"));
    let report = engine.verify().unwrap();
    assert!(report.is_sound(), "{when}: {report:?}");
    let mut model = model();
    model.advance_to(acknowledged);
    run(async {
        let head = engine.head().await.unwrap();
        if head != acknowledged {
            model.step();
            assert_eq!(head, model.head(), "{when}: at most the one batch that was under way");
        }
        assert_same(&read(&engine).await.unwrap(), &model.image(), when);
        // Life goes on.
        for _ in 0..12 {
            let batch = model.step();
            assert!(matches!(engine.append(&batch).await, Appended::Committed), "{when}");
        }
        engine.compact_now(&model.image()).await.unwrap();
    });
    drop(engine);
    let engine = Embedded::open(dir, options()).unwrap_or_else(|error| panic!("{when}: {error}"));
    run(async { assert_same(&read(&engine).await.unwrap(), &model.image(), when) });
    let files = |name: &str| std::fs::read_dir(dir.join(name)).unwrap().count() as u64;
    let report = engine.verify().unwrap();
    assert_eq!(files("base"), report.partitions, "{when}: nothing is left lying about");
}

fn steps_of_a_life() -> usize {
    let dir = scratch();
    let faults = Arc::new(Faults::default());
    live(dir.path(), &faults);
    check(dir.path(), model_at_the_end(), "nothing goes wrong");
    faults.steps()
}

fn model_at_the_end() -> Revision {
    let mut model = model();
    while model.head().0 < 2 * WRITES {
        model.step();
    }
    model.head()
}

#[test]
fn a_process_may_die_at_every_step() {
    for step in 1..=steps_of_a_life() {
        let (dir, faults) = (scratch(), Arc::new(Faults::default()));
        faults.set(Plan { stop: Some(step), ..Plan::default() });
        let acknowledged = live(dir.path(), &faults);
        check(dir.path(), acknowledged, &format!("died at step {step}"));
    }
}

#[test]
fn the_power_may_fail_at_every_step() {
    for step in 1..=steps_of_a_life() {
        let (dir, left, faults) = (scratch(), scratch(), Arc::new(Faults::default()));
        faults.set(Plan { stop: Some(step), ..Plan::default() });
        let acknowledged = live(dir.path(), &faults);
        faults.lose_power(dir.path(), left.path());
        check(left.path(), acknowledged, &format!("power lost at step {step}"));
    }
}

#[test]
fn what_was_once_served_survives_the_power() {
    for step in 1..=steps_of_a_life() {
        let (dir, left, faults) = (scratch(), scratch(), Arc::new(Faults::default()));
        faults.set(Plan { stop: Some(step), ..Plan::default() });
        live(dir.path(), &faults);
        faults.set(Plan::default());
        let Some(engine) = open(dir.path(), &faults) else { panic!("died at step {step}: it opens") };
        let head = run(engine.head()).unwrap();
        faults.set(Plan { stop: Some(1), ..Plan::default() });
        drop(engine);
        faults.lose_power(dir.path(), left.path());
        check(left.path(), head, &format!("died at step {step}, opened, and power lost"));
        let engine = Embedded::open(left.path(), options()).unwrap();
        assert!(run(engine.head()).unwrap() >= head, "died at step {step}");
    }
}

#[test]
fn every_step_may_fail_and_then_another_and_life_goes_on() {
    for step in 1..=steps_of_a_life() {
        for second in [0, 1, 2, 5] {
            let (dir, faults) = (scratch(), Arc::new(Faults::default()));
            faults.set(Plan { fail: vec![step, step + second], ..Plan::default() });
            let acknowledged = live(dir.path(), &faults);
            let when = format!("failed at steps {step} and {}", step + second);
            check(dir.path(), acknowledged, &when);
            // Unless it is the opening that fails, everything has been done in the end.
            let opened = acknowledged > Revision::GENESIS && faults.steps() > step + second + 100;
            assert!(!opened || acknowledged == model_at_the_end(), "{when}: only {acknowledged}");
        }
    }
}

#[test]
fn every_step_may_fail_and_soon_after_the_power() {
    for step in 1..=steps_of_a_life() {
        for later in [3, 8, 30] {
            let (dir, left, faults) = (scratch(), scratch(), Arc::new(Faults::default()));
            faults.set(Plan { fail: vec![step], stop: Some(step + later), ..Plan::default() });
            let acknowledged = live(dir.path(), &faults);
            let when = format!("failed at step {step}, died at {}", step + later);
            faults.lose_power(dir.path(), left.path());
            check(left.path(), acknowledged, &format!("{when} with the power"));
            check(dir.path(), acknowledged, &when);
        }
    }
}

const NO_ROOM: i32 = 28;
const IO_ERROR: i32 = 5;

/// What appends and compactions say while one kind of step always fails; afterwards everything works again.
fn check_while(op: Op, error: i32, expected: &str) {
    let dir = scratch();
    let faults = Arc::new(Faults::default());
    let engine = open(dir.path(), &faults).unwrap();
    let mut model = model();
    run(async {
        for _ in 0..10 {
            append(&engine, &model.step()).await.unwrap();
        }
        faults.set(Plan { always: Some((op, error)), ..Plan::default() });
        let before = model.clone();
        // Until the segment that has its room already is full.
        let refused = loop {
            let undone = model.clone();
            match engine.append(&model.step()).await {
                Appended::Committed => assert!(model.head().0 < 1000, "{op:?} never fails"),
                other => {
                    model = undone;
                    break other;
                }
            }
        };
        assert!(format!("{refused:?}").starts_with(expected), "{op:?}: {refused:?}");
        let compacted = engine.compact_now(&before.image()).await;
        assert!(compacted.is_err() || op == Op::Allocate, "{op:?}: {compacted:?}");
        faults.set(Plan::default());
        assert_same(&read(&engine).await.unwrap(), &model.image(), "what was acknowledged is served");
        append(&engine, &model.step()).await.unwrap();
        engine.compact_now(&model.image()).await.unwrap();
    });
    drop(engine);
    check(dir.path(), model.head(), &format!("{op:?} failed"));
}

#[test]
fn trouble_with_the_disk_is_told_apart_and_passes() {
    check_while(Op::Allocate, NO_ROOM, "Refused(Full(");
    check_while(Op::Write, NO_ROOM, "Refused(Full(");
    check_while(Op::Create, NO_ROOM, "Refused(Full(");
    check_while(Op::Create, IO_ERROR, "Refused(ReadOnly(");
    check_while(Op::Write, IO_ERROR, "Unknown(");
    check_while(Op::Sync, IO_ERROR, "Unknown(");
    check_while(Op::Sync, NO_ROOM, "Unknown(");
}

/// An engine with some history, its faults, and its model.
fn begun(dir: &Path) -> (Embedded, Arc<Faults>, Model) {
    let (faults, mut model) = (Arc::new(Faults::default()), model());
    let engine = open(dir, &faults).unwrap();
    run(async {
        for number in 0..60 {
            append(&engine, &model.step()).await.unwrap();
            if number == 30 {
                engine.compact_now(&model.image()).await.unwrap();
            }
        }
    });
    (engine, faults, model)
}

#[test]
fn what_is_said_not_to_be_there_does_not_turn_up_later() {
    let dir = scratch();
    let (engine, faults, model) = begun(dir.path());
    faults.set(Plan { fail: vec![2], ..Plan::default() });
    run(async {
        let unknown = engine.append(&model.clone().step()).await;
        assert!(matches!(unknown, Appended::Unknown(_)), "{unknown:?}");
        assert_eq!(engine.head().await.unwrap(), model.head());
    });
    faults.set(Plan { stop: Some(1), ..Plan::default() });
    drop(engine);
    let engine = Embedded::open(dir.path(), options()).unwrap();
    run(async { assert_eq!(engine.head().await.unwrap(), model.head()) });
}

#[test]
fn a_compaction_that_failed_may_fail_again() {
    for step in 1.. {
        let dir = scratch();
        let (engine, faults, model) = begun(dir.path());
        faults.set(Plan { fail: vec![step], ..Plan::default() });
        let failed = run(engine.compact_now(&model.image()));
        let steps = faults.steps();
        faults.set(Plan { always: Some((Op::Write, IO_ERROR)), ..Plan::default() });
        let _ = run(engine.compact_now(&model.image()));
        faults.set(Plan { stop: Some(1), ..Plan::default() });
        drop(engine);
        check(dir.path(), model.head(), &format!("failed at step {step}: {failed:?}"));
        if step > steps {
            return;
        }
    }
}
