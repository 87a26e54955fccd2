//! What is stored is bytes, and what it is called by is text: neither has a shape that a backend may rely on.

use std::sync::Arc;

use crate::contract::history::Change;
use crate::contract::{History, Outcome, Place};
use crate::key::{PATH_BYTES_MAX, RESOURCE_BYTES_MAX};

pub(super) async fn sizes(place: Arc<dyn Place>) -> Outcome {
    const LARGE_BYTES: usize = 3 << 20;
    let large: Vec<u8> = (0..LARGE_BYTES).map(|at| (at * 31 % 251) as u8).collect();
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    round(
        place,
        &[
            &[
                ("pods", "a/empty", Some(b"")),
                ("pods", "a/zero", Some(b"\0")),
                ("pods", "a/bytes", Some(&every_byte)),
            ],
            &[("pods", "a/large", Some(&large))],
            &[
                ("pods", "a/large", Some(&large[1..])),
                ("pods", "a/larger", Some(&large)),
                ("pods", "a/empty", None),
            ],
        ],
    )
    .await
}

pub(super) async fn names(place: Arc<dyn Place>) -> Outcome {
    let longest_resource = "r".repeat(RESOURCE_BYTES_MAX);
    let longest_path = format!("{}/{}", "n".repeat(PATH_BYTES_MAX / 2), "p".repeat(PATH_BYTES_MAX / 2 - 1));
    let names = [
        ("pods", "a/x"),
        ("pods", "a-b/x"),
        ("pods", "a0/x"),
        ("pods", "a"),
        ("pods", "a/X"),
        ("pods", "a/x "),
        ("pods", " "),
        ("pods", "."),
        ("pods", "../x"),
        ("pods", "a/x\n\t\r\u{1}"),
        ("pods", "a/\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10ffff}"),
        ("pods", "名前/ポッド"),
        ("pods.", "a/x"),
        ("Pods", "a/x"),
        ("p", "ods"),
        (".", "a"),
        ("widgets.example.com", "a:b/c?d=e&f#g%2F"),
        ("größe.example", "a/x"),
        (&longest_resource, "a/x"),
        ("pods", &longest_path),
        (&longest_resource, &longest_path),
    ];
    let (one, two): (Vec<_>, Vec<_>) = names
        .iter()
        .map(|&(resource, path)| ((resource, path, Some(&b"1"[..])), (resource, path, None)))
        .unzip();
    round(place, &[&one, &two[..7], &one[..3]]).await
}

pub(super) async fn resources(place: Arc<dyn Place>) -> Outcome {
    let names: Vec<_> = (0..300).map(|number| format!("kind{number}.example.com")).collect();
    let changes: Vec<Change<'_>> =
        names.iter().map(|name| (name.as_str(), "a/same", Some(name.as_bytes()))).collect();
    let gone: Vec<Change<'_>> = names.iter().step_by(7).map(|name| (name.as_str(), "a/same", None)).collect();
    round(place, &[&changes[..100], &changes[100..], &gone]).await
}

pub(super) async fn many_writes(place: Arc<dyn Place>) -> Outcome {
    let paths: Vec<_> = (0..5000).map(|number| format!("a/{number}")).collect();
    let changes: Vec<Change<'_>> =
        paths.iter().map(|path| ("pods", path.as_str(), Some(path.as_bytes()))).collect();
    let backend = place.open().await;
    let mut history = History::new(1);
    history.append(&*backend, &changes).await?;
    history.append(&*backend, &[("pods", "a/0", None)]).await?;
    let middle = history.batches()[0].base.plus(2500);
    history.compare_log(&*backend, middle, history.batches()[0].base).await?;
    backend.compact(&history.image_at(middle)).await?;
    let floor = history.compare_base(&*backend, middle).await?;
    history.compare_log(&*backend, middle, floor).await
}

/// Appends the batches and compares everything in the log, in the base, and after reopening.
async fn round(place: Arc<dyn Place>, batches: &[&[Change<'_>]]) -> Outcome {
    let backend = place.open().await;
    let mut history = History::new(1);
    let genesis = history.head();
    for changes in batches {
        history.append(&*backend, changes).await?;
        history.compare_log(&*backend, genesis, genesis).await?;
    }
    drop(backend);
    let backend = place.open().await;
    history.compare_log(&*backend, genesis, genesis).await?;
    for floor in history.batches().iter().map(|batch| batch.head()) {
        backend.compact(&history.image_at(floor)).await?;
        history.compare_base(&*backend, floor).await?;
    }
    drop(backend);
    let backend = place.open().await;
    let floor = history.compare_base(&*backend, history.head()).await?;
    history.compare_log(&*backend, history.head(), floor).await
}
