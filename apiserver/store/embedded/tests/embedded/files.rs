//! What is on the disk and who may have it: format, lock, permissions, leftovers.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use keelson_store::backend::{Appended, Backend, BackendError, Refusal};
use keelson_store::revision::Revision;
use keelson_store_embedded::{Embedded, Options};

use crate::model::{Model, assert_same, put_together, read, run};

pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 16 << 10,
        partition_bytes: 4 << 10,
        fold_bytes_min: 8 << 10,
        prepare_segments: false,
    }
}

/// Appends `batches` of the model's and now and then compacts.
pub(crate) fn fill(engine: &Embedded, model: &mut Model, batches: u64) {
    run(async {
        for number in 1..=batches {
            assert!(matches!(engine.append(&model.step()).await, Appended::Committed));
            if number % 10 == 0 {
                engine.compact(&model.image()).await.expect("nothing is in the way");
            }
        }
    });
}

/// Every file below `dir` with its content.
pub(crate) fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        match entry.is_dir() {
            true => files.extend(contents(&entry)),
            false => drop(files.insert(entry.clone(), fs::read(&entry).expect("a file"))),
        }
    }
    files
}

fn refused(dir: &Path) -> String {
    let message = Embedded::open(dir, small()).expect_err("it must not open").to_string();
    assert!(!message.contains('\n'), "one line: {message}");
    message
}

#[test]
fn a_directory_is_made_filled_closed_and_opened_again() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("not/there/yet");
    let mut model = Model::new(1, 60, 900);
    for _ in 0..3 {
        let engine = Embedded::open(&dir, small()).unwrap();
        run(async { assert_same(&read(&engine).await.unwrap(), &model.image(), "opened") });
        fill(&engine, &mut model, 100);
        run(async { assert_same(&read(&engine).await.unwrap(), &model.image(), "filled") });
    }
    let report = Embedded::verify_dir(&dir).unwrap();
    assert!(report.is_sound() && !report.torn, "{report:?}");
    assert!(report.partitions > 3 && report.objects > 20 && report.floor > Revision::GENESIS, "{report:?}");
    assert_eq!(report.head, model.head());
}

#[test]
fn a_directory_is_held_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::open(dir.path(), small()).unwrap();
    let held = format!("is in use by process {}; stop that process", std::process::id());
    assert!(refused(dir.path()).contains(&held));
    assert!(Embedded::verify_dir(dir.path()).unwrap_err().to_string().contains(&held));
    drop(engine);
    Embedded::open(dir.path(), small()).unwrap();
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "format",
            "Keelson store\nformat 9\n",
            "format 9 and this version knows only format 1; start the newer version",
        ),
        (
            "format",
            "something",
            "is not a Keelson store: its file `format` says something else; choose an empty directory",
        ),
        ("photo.jpg", "", "is not a Keelson store: it holds `photo.jpg`; choose an empty directory"),
    ];
    for (name, content, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), content).unwrap();
        let before = contents(dir.path());
        let message = refused(dir.path());
        assert!(message.contains(expected), "{message}");
        assert_eq!(contents(dir.path()), before);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(refused(file.path()).contains("check that the path is right"));
    let empty = tempfile::tempdir().unwrap();
    let message = Embedded::verify_dir(empty.path()).unwrap_err().to_string();
    assert!(message.contains("holds no Keelson store"), "{message}");
}

#[test]
fn only_the_owner_may_read() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("store");
    let engine = Embedded::open(&dir, Options { prepare_segments: true, ..small() }).unwrap();
    fill(&engine, &mut Model::new(2, 60, 900), 200);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for path in [dir.clone(), dir.join("log"), dir.join("base")] {
        assert_eq!(mode(&path), 0o700, "{}", path.display());
    }
    let files: Vec<PathBuf> = contents(&dir).into_keys().collect();
    assert!(files.len() > 6, "{files:?}");
    files.iter().for_each(|file| assert_eq!(mode(file), 0o600, "{}", file.display()));
}

#[test]
fn a_batch_may_be_longer_than_a_segment_and_none_may_be_nonsense() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::new(3, 9, 100_000);
    let engine = Embedded::open(dir.path(), small()).unwrap();
    fill(&engine, &mut model, 30);
    let mut batch = (*model.clone().step()).clone();
    batch.writes.clear();
    run(async {
        let refused = engine.append(&batch.into()).await;
        assert!(matches!(refused, Appended::Refused(Refusal::ReadOnly(_))), "{refused:?}");
    });
    drop(engine);
    let engine = Embedded::open(dir.path(), small()).unwrap();
    run(async { assert_same(&read(&engine).await.unwrap(), &model.image(), "opened again") });
}

#[test]
fn what_is_closed_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::open(dir.path(), small()).unwrap();
    engine.close();
    let mut model = Model::new(4, 9, 100);
    run(async {
        assert!(matches!(engine.append(&model.step()).await, Appended::Refused(Refusal::ReadOnly(_))));
        assert!(matches!(engine.head().await, Err(BackendError::Unavailable(_))));
        assert!(matches!(engine.advanced(model.head()).await, Err(BackendError::Unavailable(_))));
        assert!(matches!(engine.compact(&model.image()).await, Err(BackendError::Unavailable(_))));
    });
    Embedded::open(dir.path(), small()).unwrap();
}

#[test]
fn a_reader_keeps_what_it_reads_and_what_it_leaves_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::open(dir.path(), small()).unwrap();
    let mut model = Model::new(5, 60, 900);
    fill(&engine, &mut model, 60);
    let before = model.image();
    run(async {
        let scan = engine.scan().await.unwrap();
        let log = engine.log(scan.at).await.unwrap();
        for _ in 0..60 {
            assert!(matches!(engine.append(&model.step()).await, Appended::Committed));
        }
        engine.compact_now(&model.image()).await.unwrap();
        let kept = fs::read_dir(dir.path().join("base")).unwrap().count();
        assert!(kept as u64 > engine.verify().unwrap().partitions, "what is being read is still there");
        assert_same(&put_together(scan, log).await.unwrap(), &before, "what was asked for comes");
    });
    let report = engine.verify().unwrap();
    let files = |name: &str| fs::read_dir(dir.path().join(name)).unwrap().count() as u64;
    assert_eq!(files("base"), report.partitions);
    assert!(files("log") <= report.segments + 1, "the log and at most one spare file");
}

#[test]
fn a_store_is_restored_from_an_image() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut model = Model::new(6, 60, 900);
    let engine = Embedded::open(dir.path(), small()).unwrap();
    fill(&engine, &mut model, 150);
    Embedded::restore(other.path(), small(), &model.image()).unwrap();
    let again = Embedded::restore(other.path(), small(), &model.image()).unwrap_err().to_string();
    assert!(again.contains("it holds a store already; choose an empty directory"), "{again}");
    let restored = Embedded::open(other.path(), small()).unwrap();
    run(async {
        assert_same(&read(&restored).await.unwrap(), &model.image(), "restored");
        let before = restored.log(Revision::GENESIS).await.map(drop);
        assert!(
            matches!(before, Err(BackendError::Compacted { floor }) if floor == model.head()),
            "{before:?}"
        );
    });
    fill(&restored, &mut model, 50);
    run(async { assert_same(&read(&restored).await.unwrap(), &model.image(), "gone on with") });
}
