//! Looking after stored data, with a server running on it and without, and bringing it back.

use keelson_subject::ours::{Scratch, run};

use crate::files::{contents, fill};
use crate::place;

const OBJECTS: u64 = 300;

/// A data directory with config maps in it and nothing else.
async fn filled() -> Scratch {
    let scratch = place();
    fill(&scratch.data(), OBJECTS).await;
    scratch
}

/// The number behind `label`.
fn number(text: &str, label: &str) -> u64 {
    let rest = text.split_once(label).unwrap_or_else(|| panic!("no {label:?} in {text}")).1;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().unwrap_or_else(|_| panic!("no number behind {label:?} in {text}"))
}

#[tokio::test]
async fn the_same_is_told_with_a_server_and_without() {
    let scratch = filled().await;
    let before = scratch.must(&["storage", "status"]).await;
    assert!(before.starts_with("server:    none running\n"), "{before}");
    assert_eq!(
        (number(&before, "revision:  "), number(&before, "objects:   ")),
        (OBJECTS + 1, OBJECTS),
        "{before}"
    );
    let server = scratch.up(&[]).await;
    let with = scratch.must(&["storage", "status"]).await;
    assert!(with.starts_with(&format!("server:    process {}, ", server.pid())), "{with}");
    server.end().await;
    let without = scratch.must(&["storage", "status"]).await;
    let kept = |line: &&str| !line.starts_with("server") && !line.starts_with("disk");
    let rest = |text: &str| text.lines().filter(kept).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rest(&with), rest(&without));
}

#[tokio::test]
async fn data_outlives_its_servers() {
    let scratch = filled().await;
    for _ in 0..3 {
        let server = scratch.up(&[]).await;
        assert!(scratch.must(&["storage", "status"]).await.contains("podtemplates: 300"));
        server.end().await;
        let server = scratch.up(&[]).await;
        server.kill().await;
    }
    assert!(scratch.must(&["storage", "check"]).await.ends_with("verdict:   everything is sound\n"));
    assert!(scratch.must(&["storage", "status"]).await.contains("podtemplates: 300"));
}

#[tokio::test]
async fn a_check_reads_everything_and_changes_nothing() {
    let scratch = filled().await;
    let before = contents(&scratch.data());
    let without = scratch.must(&["storage", "check"]).await;
    assert_eq!(number(&without, "log:       "), OBJECTS);
    assert!(without.ends_with("everything is sound\n"), "{without}");
    assert_eq!(contents(&scratch.data()), before);
    let server = scratch.up(&[]).await;
    let with = scratch.must(&["storage", "check"]).await;
    assert!(number(&with, "log:       ") >= OBJECTS && with.ends_with("everything is sound\n"), "{with}");
    server.end().await;
}

#[tokio::test]
async fn damage_is_named_and_never_served() {
    let scratch = filled().await;
    let log = std::fs::read_dir(scratch.data().join("store/log")).unwrap().map(|entry| entry.unwrap().path());
    let log = log.filter(|path| path.extension().is_some_and(|kind| kind == "log")).max().unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    let object = bytes.windows(8).position(|bytes| bytes == b"{\"n\":150").unwrap();
    bytes[object] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let before = contents(&scratch.data());
    let check = scratch.run(&["storage", "check"]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    assert!(check.out.contains(&format!("{}", log.display())), "{check:?}");
    let up = scratch.run(&["up", "--listen", "127.0.0.1:0"]).await;
    assert_eq!((up.code, up.err.lines().count()), (Some(1), 1), "{up:?}");
    assert!(up.err.contains(&format!("{}", log.display())), "{up:?}");
    let status = scratch.run(&["storage", "status"]).await;
    assert_eq!(status.code, Some(1), "{status:?}");
    let after = contents(&scratch.data());
    assert_eq!(after, before, "what is damaged is left as it is");
}

#[tokio::test]
async fn compacting_drops_history_and_keeps_objects() {
    for running in [false, true] {
        let scratch = filled().await;
        let server = if running { Some(scratch.up(&[]).await) } else { None };
        let said = scratch.must(&["storage", "compact"]).await;
        let floor = number(&said, "history now begins at revision ");
        assert!(floor > OBJECTS, "{said}");
        let status = scratch.must(&["storage", "status"]).await;
        assert_eq!(number(&status, "from revision "), floor, "{status}");
        assert!(status.contains("podtemplates: 300"), "{status}");
        if let Some(server) = server {
            server.end().await;
        }
        let check = scratch.must(&["storage", "check"]).await;
        assert!(
            number(&check, "base:      ") >= OBJECTS && check.ends_with("everything is sound\n"),
            "{check}"
        );
    }
}

#[tokio::test]
async fn a_snapshot_brings_everything_back() {
    for running in [false, true] {
        let (scratch, other) = (filled().await, place());
        let file = scratch.path("snapshot");
        let name = file.to_str().unwrap();
        let server = if running { Some(scratch.up(&[]).await) } else { None };
        let saved = scratch.must(&["storage", "snapshot", "save", name]).await;
        let (objects, revision) = (number(&saved, "saved "), number(&saved, "at revision "));
        assert!(objects >= OBJECTS && revision > OBJECTS, "{saved}");
        if let Some(server) = server {
            server.end().await;
        }
        let said = other.must(&["storage", "snapshot", "restore", name]).await;
        assert_eq!(
            (number(&said, "restored "), number(&said, "at revision ")),
            (objects, revision),
            "{said}"
        );
        assert!(!said.contains(';'), "{said}");
        let status = other.must(&["storage", "status"]).await;
        assert_eq!(
            (number(&status, "objects:   "), number(&status, "revision:  ")),
            (objects, revision),
            "{status}"
        );
        assert_eq!(number(&other.must(&["storage", "check"]).await, "base:      "), objects);
        let again = scratch.path("again");
        other.must(&["storage", "snapshot", "save", again.to_str().unwrap()]).await;
        let (one, two) = (std::fs::read(&file).unwrap(), std::fs::read(&again).unwrap());
        // They differ in when they were taken, and in sums over that.
        assert_eq!(one.len(), two.len());
        let objects = |bytes: &[u8]| bytes.windows(4).position(|bytes| bytes == b"KSNO").unwrap();
        let end = |bytes: &[u8]| bytes.windows(4).rposition(|bytes| bytes == b"KSNE").unwrap();
        assert!(one[objects(&one)..end(&one)] == two[objects(&two)..end(&two)]);
        other.up(&[]).await.end().await;
    }
}

#[tokio::test]
async fn nothing_is_replaced_unasked() {
    let scratch = filled().await;
    let file = scratch.path("snapshot");
    let name = file.to_str().unwrap();
    scratch.must(&["storage", "snapshot", "save", name]).await;
    let saved = std::fs::read(&file).unwrap();
    for (args, said) in [
        (
            ["storage", "snapshot", "save", name],
            "is there already; choose another name, or replace it by --force",
        ),
        (["storage", "snapshot", "restore", name], "is not empty; choose another --data-dir, or replace"),
    ] {
        let before = contents(&scratch.data());
        let ended = scratch.run(&args).await;
        assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
        assert_eq!(contents(&scratch.data()), before);
        assert_eq!(std::fs::read(&file).unwrap(), saved);
    }
    scratch.must(&["storage", "snapshot", "save", name, "--force"]).await;
    let server = scratch.up(&[]).await;
    let ended = scratch.run(&["storage", "snapshot", "restore", name, "--force"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("a server is running on"), "{ended:?}");
    server.end().await;
}

#[tokio::test]
async fn a_forced_restore_keeps_what_was_there_and_never_goes_back() {
    let (old, scratch) = (filled().await, place());
    let file = old.path("snapshot");
    old.must(&["storage", "snapshot", "save", file.to_str().unwrap()]).await;
    fill(&scratch.data(), OBJECTS + 100).await;
    let said = scratch.must(&["storage", "snapshot", "restore", "--force", file.to_str().unwrap()]).await;
    assert!(said.contains("revisions go on from 402") && said.contains("store.replaced-1"), "{said}");
    let status = scratch.must(&["storage", "status"]).await;
    assert!(
        status.contains("\nrevision:  402\n") && status.contains("from revision 402, 0 events"),
        "{status}"
    );
    assert!(status.contains("podtemplates: 300"), "{status}");
    // What was there can be put back.
    let store = scratch.data().join("store");
    std::fs::rename(&store, scratch.path("away")).unwrap();
    std::fs::rename(scratch.data().join("store.replaced-1"), &store).unwrap();
    assert!(scratch.must(&["storage", "status"]).await.contains("podtemplates: 400"));
}

#[tokio::test]
async fn a_damaged_snapshot_is_refused_whole() {
    let (old, scratch) = (filled().await, place());
    let file = old.path("snapshot");
    old.must(&["storage", "snapshot", "save", file.to_str().unwrap()]).await;
    let sound = std::fs::read(&file).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    let cases: [(&[u8], &str); 4] = [
        (&flipped, "the snapshot is damaged at byte "),
        (&sound[..sound.len() - 1], "the snapshot ends at byte "),
        (b"apiVersion: v1\n", "this is no Keelson snapshot; give a file that"),
        (b"", "this is no Keelson snapshot"),
    ];
    for (bytes, said) in cases {
        std::fs::write(&file, bytes).unwrap();
        let ended = scratch.run(&["storage", "snapshot", "restore", file.to_str().unwrap()]).await;
        assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
        assert!(!scratch.data().exists());
    }
}

#[tokio::test]
async fn where_nothing_is_stored_nothing_is_made() {
    let scratch = place();
    for args in [
        &["storage", "status"][..],
        &["storage", "check"],
        &["storage", "compact"],
        &["storage", "snapshot", "save", "x"],
    ] {
        let mut command = scratch.keelson(args);
        command.arg("--data-dir").arg(scratch.data()).current_dir(scratch.path("."));
        let ended = run(command).await;
        assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{ended:?}");
        assert!(ended.err.contains("nothing is stored in"), "{ended:?}");
        assert!(!scratch.data().exists() && !scratch.path("x").exists());
    }
}
