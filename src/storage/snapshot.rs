//! Snapshots to and from files.
//!
//! A snapshot is verified after it was written and before its file gets its name; it is verified again, whole, before
//! anything is restored. What a restore replaces is put aside, never removed.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use keelson_store::image::Image;
use keelson_store::revision::Revision;
use keelson_store::snapshot::{self, SnapshotError, Summary};
use keelson_store_embedded::{Embedded, OpenError, Options};

use super::report::Bytes;
use super::with_store;
use crate::clock;
use crate::control::{Client, Request};
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::file::{Draft, Readable};

/// How far revisions go on where nobody can tell any more how far they had come: no cluster writes as often before
/// somebody notices.
const UNKNOWN_REVISIONS: u64 = 1_000_000_000;

/// Saves everything into `file`.
pub(super) fn save(data_dir: &DataDir, file: &Path, force: bool) -> Result<(), Failure> {
    let shown = file.display();
    if file.exists() && !force {
        return Err(Failure::stopped(format!(
            "{shown} is there already; choose another name, or replace it by --force"
        )));
    }
    let failed = |error: io::Error| {
        Failure::from_error(
            &format!("cannot write {shown}"),
            &error,
            "choose a place that can be written and has room",
        )
    };
    let mut draft = Draft::new(file, Readable::ByOwner).map_err(failed)?;
    match Client::connect(data_dir.path())? {
        Some(server) => server.receive(Request::Snapshot, &mut draft)?,
        None => {
            let image = with_store(data_dir, async |opened| Ok(opened.store.image()))?;
            snapshot::save(&image, clock::machine().now(), BufWriter::new(&mut draft)).map_err(failed)?;
        }
    }
    let written = File::open(draft.path()).map_err(failed)?;
    let (summary, _) = snapshot::load(BufReader::new(written)).map_err(|error| {
        Failure::from_error(
            "the snapshot was not written as it should be",
            &error,
            "try again, or on another disk",
        )
    })?;
    draft.keep().map_err(failed)?;
    println!("saved {} into {shown}", told(&summary));
    Ok(())
}

/// Brings everything back from `file`.
pub(super) fn restore(data_dir: &DataDir, file: &Path, force: bool) -> Result<(), Failure> {
    if Client::connect(data_dir.path())?.is_some() {
        let shown = data_dir.path().display();
        return Err(Failure::stopped(format!("a server is running on {shown}; stop it before restoring")));
    }
    let (summary, mut image) = read(file)?;
    let store = data_dir.store();
    let there = fs::read_dir(&store).is_ok_and(|mut entries| entries.next().is_some());
    if there && !force {
        return Err(Failure::stopped(format!(
            "{} is not empty; choose another --data-dir, or replace what is stored there by --force",
            store.display()
        )));
    }
    if there {
        image.revision = beyond(&store, image.revision)?;
    }
    data_dir.make()?;
    let aside = replace(&store, &image, there)?;
    print!("restored {}", told(&summary));
    if image.revision != summary.revision {
        print!("; revisions go on from {}, so that clients notice", image.revision);
    }
    match aside {
        Some(aside) => println!("; what was stored before is in {}", aside.display()),
        None => println!(),
    }
    Ok(())
}

fn read(file: &Path) -> Result<(Summary, Image), Failure> {
    let shown = file.display();
    let opened = File::open(file)
        .map_err(|error| Failure::from_error(&format!("cannot read {shown}"), &error, "check the path"))?;
    snapshot::load(BufReader::new(opened)).map_err(|error| {
        let remedy = match &error {
            SnapshotError::Foreign => "give a file that `keelson storage snapshot save` wrote",
            SnapshotError::Newer { .. } => "use the version that wrote it",
            _ => "use another copy of it, or another snapshot",
        };
        Failure::from_error(&format!("cannot restore {shown}"), &error, remedy)
    })
}

/// Builds the store beside its place and puts it there. Returns where what was there before has gone.
fn replace(store: &Path, image: &Image, there: bool) -> Result<Option<PathBuf>, Failure> {
    let failed = |error: io::Error| {
        let doing = format!("cannot put the restored store at {}", store.display());
        Failure::from_error(&doing, &error, "look at the owner and mode of its directory")
    };
    let draft = store.with_file_name("store.restoring");
    if draft.exists() {
        // Left by a restore that was killed.
        fs::remove_dir_all(&draft).map_err(failed)?;
    }
    let made = Embedded::restore(&draft, Options::default(), image);
    made.map_err(|error| Failure::from_error("cannot write the restored store", &error, ""))?;
    let mut aside = None;
    if there {
        let place = free_name(store);
        fs::rename(store, &place).map_err(failed)?;
        aside = Some(place);
    }
    fs::rename(&draft, store)
        .and_then(|()| File::open(store.parent().unwrap_or(store))?.sync_all())
        .map_err(failed)?;
    Ok(aside)
}

fn free_name(store: &Path) -> PathBuf {
    let names = (1_u64..).map(|n| store.with_file_name(format!("store.replaced-{n}")));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| store.with_file_name("store.replaced"))
}

/// A revision past all that clients of the replaced store may have seen: what they hold must look old to them.
fn beyond(store: &Path, restored: Revision) -> Result<Revision, Failure> {
    match Embedded::verify_dir(store) {
        Ok(report) if report.is_sound() => Ok(report.head.max(restored).plus(1)),
        Ok(_) | Err(OpenError::Missing { .. } | OpenError::Backend(_)) => {
            Ok(restored.plus(UNKNOWN_REVISIONS))
        }
        Err(error) => Err(Failure::from_error("cannot replace what is stored", &error, "")),
    }
}

fn told(summary: &Summary) -> String {
    format!("{} objects at revision {} ({})", summary.objects, summary.revision, Bytes(summary.bytes))
}
