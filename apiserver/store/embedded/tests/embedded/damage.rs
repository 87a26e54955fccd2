//! Bytes that have changed: each is named, none is served.

use std::fs;
use std::ops::Range;
use std::path::Path;

use keelson_store::backend::{Backend, BackendError};
use keelson_store_embedded::{Embedded, Options};
use tempfile::TempDir;

use crate::files::{contents, fill, small};
use crate::model::{Model, assert_same, read, run, scratch};

/// A closed store with several files of every kind, and what is in it.
fn store() -> (TempDir, Model) {
    let dir = scratch();
    let mut model = Model::new(7, 12, 200);
    let options =
        Options { segment_bytes: 8 << 10, partition_bytes: 700, fold_bytes_min: 1 << 10, ..small() };
    let engine = Embedded::open(dir.path(), options).expect("it opens");
    fill(&engine, &mut model, 30);
    let report = engine.verify().expect("it can be checked");
    assert!(report.partitions > 1, "{report:?}");
    for _ in 0..60 {
        run(async { drop(engine.append(&model.step()).await) });
    }
    let report = engine.verify().expect("it can be checked");
    assert!(report.segments > 2 && report.is_sound(), "{report:?}");
    (dir, model)
}

fn copy(from: &Path) -> TempDir {
    let to = scratch();
    fs::create_dir(to.path().join("base")).expect("a directory");
    for (path, content) in contents(from) {
        let path = to.path().join(path.strip_prefix(from).expect("it lies in there"));
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content).expect("it is written");
    }
    to
}

/// Opens a copy of `dir` and reads everything: the truth comes out, or an error, which is returned.
fn open(dir: &Path, model: &Model) -> Option<String> {
    let copy = copy(dir);
    let engine = match Embedded::open(copy.path(), small()) {
        Ok(engine) => engine,
        Err(error) => return Some(error.to_string()),
    };
    match run(read(&engine)) {
        Ok(image) => assert_same(&image, &model.image(), "what is served is the truth"),
        Err(error @ BackendError::Corrupt { .. }) => return Some(error.to_string()),
        Err(error) => panic!("this is no damage: {error}"),
    }
    None
}

/// What a check finds, if that is anything.
fn problems(dir: &Path) -> String {
    match Embedded::verify_dir(dir) {
        Ok(report) => report.problems.iter().map(|problem| format!("{problem}\n")).collect(),
        Err(error) => error.to_string(),
    }
}

/// The parts of a file that mean something. In a segment there is room between them, which may hold anything.
fn meaning(name: &str, content: &[u8]) -> Vec<Range<usize>> {
    const SEAL: Range<usize> = 512..512 + 12 + 17;
    match name.rsplit('.').next() {
        Some("log") => {
            let sealed_at =
                u64::from_le_bytes(content[SEAL.start + 12..][..8].try_into().expect("eight bytes")) as usize;
            match content[SEAL.end - 1] {
                // The seal of the last one only says what can be seen: that the log does not end before.
                0 => vec![0..32, 4096..sealed_at],
                _ => vec![0..32, SEAL, 4096..sealed_at],
            }
        }
        Some("spare" | "lock") => Vec::new(),
        _ => std::iter::once(0..content.len()).collect(),
    }
}

#[test]
fn every_changed_byte_is_named_and_never_served() {
    let (dir, model) = store();
    let mut named = 0;
    for (path, content) in contents(dir.path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let meaning = meaning(name, &content);
        for at in 0..content.len() {
            let mut damaged = content.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            let matters = meaning.iter().any(|range| range.contains(&at));
            let problems = problems(dir.path());
            assert_eq!(problems.contains(name), matters, "{name} at byte {at}: {problems:?}");
            if at % 61 == 0 {
                let refused = open(dir.path(), &model);
                assert_eq!(
                    refused.is_some_and(|refused| refused.contains(name)),
                    matters,
                    "{name} at byte {at}"
                );
            }
            named += usize::from(matters);
        }
        fs::write(&path, &content).unwrap();
    }
    assert!(named > 10_000, "only {named} bytes were found to matter");
    assert_eq!(open(dir.path(), &model), None);
}

#[test]
fn every_missing_or_shortened_file_is_named() {
    let (dir, model) = store();
    let first = contents(dir.path())
        .into_keys()
        .find(|path| path.extension().is_some_and(|end| end == "log"))
        .unwrap();
    for (path, content) in contents(dir.path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let end = if meaning(name, &content).is_empty() { 0 } else { content.len() };
        for length in (0..=content.len()).step_by(97) {
            fs::write(&path, &content[..length]).unwrap();
            let refused = open(dir.path(), &model);
            assert_eq!(
                refused.is_some_and(|refused| refused.contains(name)),
                length < end,
                "{name} cut to {length}"
            );
        }
        fs::remove_file(&path).unwrap();
        let refused = open(dir.path(), &model);
        let expected = match name {
            "format" => "is not a Keelson store",
            _ if path == first => "log at byte 0: no file here holds revision",
            name => name,
        };
        let refused = refused.unwrap_or_default();
        assert_eq!(
            !refused.is_empty() && refused.contains(expected),
            end > 0,
            "{name} is missing: {refused}"
        );
        fs::write(&path, &content).unwrap();
    }
}

#[test]
fn files_of_another_store_are_noticed() {
    let (dir, model) = store();
    let other = scratch();
    let engine = Embedded::open(other.path(), small()).unwrap();
    fill(&engine, &mut Model::new(8, 12, 200), 90);
    drop(engine);
    for (path, content) in contents(dir.path()) {
        let foreign = other.path().join(path.strip_prefix(dir.path()).unwrap());
        let Ok(foreign) = fs::read(foreign) else { continue };
        if path.starts_with(dir.path().join("base")) {
            fs::write(&path, foreign).unwrap();
            assert!(open(dir.path(), &model).is_some(), "{}", path.display());
            fs::write(&path, content).unwrap();
        }
    }
}

#[test]
fn after_a_crash_only_the_last_batch_may_be_taken_for_cut_short() {
    let dir = scratch();
    let mut model = Model::new(9, 12, 60);
    let engine = Embedded::open(dir.path(), small()).unwrap();
    fill(&engine, &mut model, 8);
    let before = model.clone();
    let start = engine.verify().unwrap().end.unwrap().1 as usize;
    fill(&engine, &mut model, 1);
    let (path, end) = engine.verify().unwrap().end.unwrap();
    // What a kill would leave now.
    let crashed = copy(dir.path());
    let path = crashed.path().join(path.strip_prefix(dir.path()).unwrap());
    let content = fs::read(&path).unwrap();
    for at in 4096..end as usize + 64 {
        let mut damaged = content.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, damaged).unwrap();
        let expected = if at < end as usize { &before } else { &model };
        let refused = open(crashed.path(), expected);
        assert_eq!(refused.is_some(), at < start, "byte {at}: {refused:?}");
    }
}
