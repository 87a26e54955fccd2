//! The fault wrapper itself: each fault does to an append what it says, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use keelson_store::backend::{Appended, Backend, Refusal};
use keelson_store::contract::History;
use keelson_store::fault::{Fault, Faulty, Plan};
use keelson_store::memory::Memory;
use keelson_store::revision::Revision;

use crate::seeds::virtually;

const SOON: Duration = Duration::from_millis(40);

fn words(appended: &Appended) -> &'static str {
    match appended {
        Appended::Committed => "committed",
        Appended::Conflict { .. } => "conflict",
        Appended::Refused(Refusal::Full(_)) => "full",
        Appended::Refused(Refusal::ReadOnly(_)) => "read only",
        Appended::Unknown(_) => "unknown",
    }
}

#[test]
fn an_append_fails_as_it_was_told_to() {
    // The fault, what the append says, how many writes there are then, what the same append says when it is made
    // again, and how many there are once everything has landed.
    let table = [
        (None, "committed", 1, "conflict", 1),
        (Some(Fault::LostBefore), "unknown", 0, "committed", 1),
        (Some(Fault::LostAfter), "unknown", 1, "conflict", 1),
        (Some(Fault::Late(SOON)), "unknown", 0, "committed", 1),
        (Some(Fault::Rival), "conflict", 1, "conflict", 1),
        (Some(Fault::Full(SOON)), "full", 0, "full", 0),
    ];
    for (fault, first, then, second, at_last) in table {
        virtually(async {
            let memory = Memory::shared();
            let faulty = Faulty::new(Arc::new(memory.clone()), 1, Plan::calm());
            let batch = History::new(1).draft(&[("pods", "a/x", Some(b"1"))]);
            fault.into_iter().for_each(|fault| faulty.next(fault));
            let writes = async || memory.head().await.expect("memory answers").0 - Revision::GENESIS.0;
            assert_eq!(words(&faulty.append(&batch).await), first, "{fault:?}");
            assert_eq!(writes().await, then, "{fault:?}");
            assert_eq!(words(&faulty.append(&batch).await), second, "{fault:?} again");
            faulty.heal().await;
            assert_eq!(writes().await, at_last, "{fault:?} at last");
            assert_eq!(faulty.journal().is_empty(), fault.is_none(), "{:?}", faulty.journal());
        });
    }
}

#[test]
fn a_late_append_lands_by_itself_if_it_still_can() {
    virtually(async {
        let memory = Memory::shared();
        let faulty = Faulty::new(Arc::new(memory.clone()), 1, Plan::calm());
        let batch = History::new(1).draft(&[("pods", "a/x", Some(b"1"))]);
        faulty.next(Fault::Late(SOON));
        assert_eq!(words(&faulty.append(&batch).await), "unknown");
        assert_eq!(memory.advanced(Revision::GENESIS).await.expect("memory answers"), batch.head());
    });
}

#[test]
fn a_full_disk_has_room_again_after_its_time() {
    virtually(async {
        let faulty = Faulty::new(Arc::new(Memory::new()), 1, Plan::calm());
        let batch = History::new(1).draft(&[("pods", "a/x", Some(b"1"))]);
        faulty.next(Fault::Full(SOON));
        assert_eq!(words(&faulty.append(&batch).await), "full");
        tokio::time::sleep(SOON).await;
        assert_eq!(words(&faulty.append(&batch).await), "committed");
    });
}

#[test]
fn a_rival_writes_what_somebody_could_have_written() {
    virtually(async {
        let memory = Memory::shared();
        let faulty = Faulty::new(Arc::new(memory.clone()), 1, Plan::calm());
        let mut history = History::new(1);
        for value in [Some(&b"1"[..]), Some(b"2"), None] {
            let batch = history.draft(&[("pods", "a/x", value), ("pods", "a/y", Some(b""))]);
            faulty.next(Fault::Rival);
            assert_eq!(words(&faulty.append(&batch).await), "conflict");
            let log: Vec<_> =
                memory.log(history.head()).await.expect("kept").try_collect().await.expect("kept");
            assert!(log.iter().all(|batch| Faulty::is_rival(batch.id)), "{log:?}");
            log.into_iter().for_each(|batch| history.push(batch));
        }
        assert_eq!(history.head(), Revision::GENESIS.plus(3));
        assert!(history.objects().is_empty());
    });
}

#[test]
fn reads_fail_as_often_as_planned() {
    virtually(async {
        let faulty = Faulty::new(Arc::new(Memory::new()), 1, Plan { read: 250, ..Plan::calm() });
        let mut failed = 0;
        for _ in 0..1000 {
            failed += usize::from(faulty.head().await.is_err());
        }
        assert!((200..300).contains(&failed), "{failed}");
        faulty.follow(Plan::calm());
        assert!(faulty.head().await.is_ok());
    });
}
