//! A disk that fails on demand, for tests: at the step they name it says "no room", or "failed", or everything stops
//! as if the process had died. It also remembers what has been made durable, so that a test can have what a loss of
//! power leaves in the worst case: that, and nothing else.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// A kind of step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Write,
    Allocate,
    SetLength,
    Sync,
    SyncDir,
    Rename,
    Remove,
}

/// What is to go wrong. Steps are counted from when the plan is set; the first one is number 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// These steps fail.
    pub(crate) fail: Vec<usize>,
    /// This step and all behind it are never made.
    pub(crate) stop: Option<usize>,
    /// All steps of this kind fail, with this error.
    pub(crate) always: Option<(Op, i32)>,
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    plan: Plan,
    steps: usize,
    /// Files by the numbers we give them: the system gives its numbers again.
    numbers: HashMap<u64, usize>,
    created: usize,
    contents: HashMap<usize, Vec<u8>>,
    names: HashMap<PathBuf, BTreeMap<OsString, usize>>,
}

impl Faults {
    pub(crate) fn set(&self, plan: Plan) {
        let mut state = self.0.lock();
        (state.plan, state.steps) = (plan, 0);
    }

    /// Steps since the plan was set.
    pub(crate) fn steps(&self) -> usize {
        self.0.lock().steps
    }

    pub(crate) fn before(&self, op: Op) -> io::Result<()> {
        let mut state = self.0.lock();
        state.steps += 1;
        let (step, plan) = (state.steps, &state.plan);
        match plan.always {
            _ if plan.stop.is_some_and(|stop| step >= stop) => Err(io::Error::other("the process has died")),
            _ if plan.fail.contains(&step) => Err(io::Error::from_raw_os_error(5)),
            Some((failing, error)) if failing == op => Err(io::Error::from_raw_os_error(error)),
            _ => Ok(()),
        }
    }

    pub(crate) fn created(&self, file: &File) {
        let mut state = self.0.lock();
        state.created += 1;
        let number = state.created;
        state.numbers.insert(inode(file), number);
        state.contents.insert(number, Vec::new());
    }

    pub(crate) fn synced(&self, file: &File) {
        let mut content = vec![0; file.metadata().unwrap().len() as usize];
        std::os::unix::fs::FileExt::read_exact_at(file, &mut content, 0).unwrap();
        let mut state = self.0.lock();
        // A test that goes on with a directory made before does not ask what would be left of it.
        if let Some(number) = state.numbers.get(&inode(file)).copied() {
            state.contents.insert(number, content);
        }
    }

    pub(crate) fn synced_dir(&self, dir: &Path) {
        let mut state = self.0.lock();
        let state = &mut *state;
        let mut names = BTreeMap::new();
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let number = state.numbers.get(&entry.metadata().unwrap().ino());
            names.extend(number.map(|number| (entry.file_name(), *number)));
            if entry.file_type().unwrap().is_dir() {
                state.names.entry(entry.path()).or_default();
            }
        }
        state.names.insert(dir.into(), names);
    }

    /// Puts into `to` what is left of `from` if the power fails now.
    pub(crate) fn lose_power(&self, from: &Path, to: &Path) {
        let state = self.0.lock();
        for (dir, names) in &state.names {
            let dir = to.join(dir.strip_prefix(from).unwrap());
            std::fs::create_dir_all(&dir).unwrap();
            for (name, number) in names {
                std::fs::write(dir.join(name), &state.contents[number]).unwrap();
            }
        }
    }
}

fn inode(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}
