//! The data directory: looked at before anything is begun, made only once everything else is known to work.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

use crate::failure::Failure;
use crate::file;

/// A directory that data can be kept in: it is there and ours to use, or it can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataDir {
    path: PathBuf,
    exists: bool,
}

const REMEDY: &str = "choose another one by --data-dir";

impl DataDir {
    /// Looks at `path` and changes nothing.
    pub(crate) fn look_at(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_dir() => Err(Failure::stopped(format!(
                "the data directory {shown} is a file; move it away, or {REMEDY}"
            ))),
            Ok(metadata) => {
                let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
                if rustix::fs::accessat(CWD, path, access, AtFlags::EACCESS).is_err() {
                    return Err(Failure::stopped(format!(
                        "the data directory {shown} (owner {}, mode {:o}) cannot be read and written by user {}; change its owner, or {REMEDY}",
                        metadata.uid(),
                        metadata.mode() & 0o7777,
                        rustix::process::geteuid().as_raw(),
                    )));
                }
                Ok(Self { path: absolute(path)?, exists: true })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let path = absolute(path)?;
                if !file::can_write(&path) {
                    return Err(Failure::stopped(format!(
                        "the data directory {shown} cannot be made: the one above it is not writable for user {}; make it for that user, or {REMEDY}",
                        rustix::process::geteuid().as_raw(),
                    )));
                }
                Ok(Self { path, exists: false })
            }
            Err(error) => {
                let doing = format!("cannot look at the data directory {shown}");
                Err(Failure::from_error(&doing, &error, &format!("make its path accessible, or {REMEDY}")))
            }
        }
    }

    /// Whether it was there.
    pub(crate) fn exists(&self) -> bool {
        self.exists
    }

    /// Makes it, for its owner alone.
    pub(crate) fn make(&self) -> Result<(), Failure> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(|error| {
            let doing = format!("cannot make the data directory {}", self.path.display());
            Failure::from_error(&doing, &error, &format!("make it by hand, or {REMEDY}"))
        })
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the store is.
    pub(crate) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Where the admin's kubeconfig is.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path.join("admin.kubeconfig")
    }
}

/// Paths are shown to people who may stand somewhere else.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        let doing = format!("cannot tell where the data directory {} is", path.display());
        Failure::from_error(&doing, &error, "give its whole path by --data-dir")
    })
}
