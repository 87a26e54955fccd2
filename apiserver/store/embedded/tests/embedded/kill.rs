//! A writer that is killed at whatever it is doing, over and over, on one directory: what it was told is durable is
//! there, nothing is there twice, and revisions never go back.
//!
//! The writer is this test binary, started again. It prints each head that was acknowledged; the killer reads a
//! random number of these lines and strikes. The history is told by a seed, so both know every batch of it.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use keelson_store::backend::{Appended, Backend};
use keelson_store::codec::{encode_batch, frame};
use keelson_store::fault::Random;
use keelson_store::image::Image;
use keelson_store::revision::Revision;
use keelson_store_embedded::{Embedded, Options};

use crate::model::{Model, assert_same, read, run};

/// How often the writer is killed.
const ROUNDS: usize = 250;
const SEED: u64 = 2024;
/// Tells the test binary that it is the writer, and where to write.
const WRITER_DIR: &str = "KEELSON_TEST_WRITER_DIR";

fn options() -> Options {
    Options {
        segment_bytes: 64 << 10,
        partition_bytes: 16 << 10,
        fold_bytes_min: 16 << 10,
        prepare_segments: true,
    }
}

fn model() -> Model {
    Model::new(SEED, 200, 1500)
}

/// What a test that has started this binary again tells it to work on.
#[expect(clippy::disallowed_methods, reason = "a test binary has no other way to be told something")]
pub(crate) fn told(variable: &str) -> Option<OsString> {
    std::env::var_os(variable)
}

/// Not a test of its own: what `a_killed_writer_loses_nothing` starts.
#[test]
fn writer() {
    let Some(dir) = told(WRITER_DIR) else { return };
    let engine = Arc::new(Embedded::open(Path::new(&dir), options()).expect("the directory opens"));
    let mut model = model();
    model.advance_to(run(engine.head()).expect("a head"));
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n@{}", model.head()).expect("somebody reads");
    let (images, received) = std::sync::mpsc::sync_channel::<Image>(1);
    let compacting = engine.clone();
    let compactor = std::thread::spawn(move || {
        for (number, image) in received.iter().enumerate() {
            match number % 4 {
                0 => run(compacting.compact_now(&image)).expect("nothing is in the way"),
                _ => run(compacting.compact(&image)).expect("nothing is in the way"),
            }
        }
    });
    // The killer ends this.
    loop {
        let batch = model.step();
        let appended = run(engine.append(&batch));
        assert!(matches!(appended, Appended::Committed), "{appended:?}");
        writeln!(output, "@{}", batch.head()).expect("somebody reads");
        // Never waits: if one is being worked on, this one is left out.
        let _ = images.try_send(model.image());
        assert!(!compactor.is_finished(), "it works as long as the writer does");
    }
}

fn start(dir: &Path) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--exact", "kill::writer", "--nocapture", "--test-threads=1"]).env(WRITER_DIR, dir);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the writer starts")
}

/// Starts a writer, kills it after it has acknowledged `heads`, and returns the last head that it did acknowledge.
fn kill_after(dir: &Path, heads: u64) -> Option<Revision> {
    let mut child = start(dir);
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut acknowledged = lines.filter_map(|line| line.strip_prefix('@')?.parse().ok().map(Revision));
    let mut last = None;
    for _ in 0..heads {
        last = Some(acknowledged.next().expect("the writer goes on until it is killed"));
    }
    child.kill().expect("it can be killed");
    // What it had printed until then is acknowledged too.
    last = acknowledged.last().or(last);
    let status = child.wait().expect("it has ended");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "it was killed: {status}");
    last
}

/// Puts the beginning of the next batch behind the end of the log, as a write that was cut short does.
fn tear(dir: &Path, model: &Model, random: &mut Random) {
    let report = Embedded::verify_dir(dir).expect("it can be checked");
    assert!(report.is_sound(), "{report:?}");
    let (path, end) = report.end.expect("a log has an end");
    let mut model = model.clone();
    model.advance_to(report.head);
    let mut mark = [0; 4];
    let file = fs::OpenOptions::new().read(true).write(true).open(path).expect("the file opens");
    file.read_exact_at(&mut mark, 20).expect("a head block");
    let mut bytes = Vec::new();
    frame(u32::from_le_bytes(mark), &mut bytes, |out| encode_batch(&model.step(), out));
    // Behind the log's end lie zeros: what ends in zeros is whole without them.
    let needed = bytes.iter().rposition(|byte| *byte != 0).expect("no frame is all zeros");
    bytes.truncate(random.between(0, needed as u64) as usize);
    // A sector may be missing from the middle, too.
    if bytes.len() > 1024 && random.chance(300) {
        bytes[512..1024].fill(0);
    }
    file.write_all_at(&bytes, end).expect("it can be written to");
}

#[test]
fn a_killed_writer_loses_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut random = Random::new(SEED);
    let mut model = model();
    let mut torn = 0;
    for round in 0..ROUNDS {
        let heads = if random.chance(100) { 0 } else { random.between(1, 40) };
        let acknowledged = kill_after(dir.path(), heads).unwrap_or(model.head());
        assert!(acknowledged >= model.head(), "round {round}: revisions never go back");
        model.advance_to(acknowledged);
        if heads > 0 && random.chance(500) {
            tear(dir.path(), &model, &mut random);
            torn += 1;
        }
        // Every other time the next writer is the first to see what is left.
        if random.chance(500) {
            continue;
        }
        let engine = Embedded::open(dir.path(), options()).expect("the directory opens");
        let head = run(engine.head()).expect("a head");
        if head != model.head() {
            model.step();
        }
        assert_eq!(
            head,
            model.head(),
            "round {round}: all that was acknowledged, and at most the one under way"
        );
        assert_same(&run(read(&engine)).expect("all is sound"), &model.image(), "after a kill");
        let report = engine.verify().expect("it can be checked");
        assert!(report.is_sound(), "round {round}: {report:?}");
    }
    assert!(torn > ROUNDS / 4, "{torn}");
    let report = Embedded::verify_dir(dir.path()).expect("it can be checked");
    assert!(report.floor > Revision::GENESIS && report.head > Revision(ROUNDS as u64), "{report:?}");
}
