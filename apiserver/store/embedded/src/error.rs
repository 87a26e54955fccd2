//! What can be wrong with a directory when it is opened, and how errors of this crate are put together: each names
//! the file, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keelson_store::backend::BackendError;

/// Why a directory cannot be opened. Nothing in it has been changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// It holds something that this crate did not write.
    #[error("{} is not a Keelson store: {found}; choose an empty directory, or one that does not exist yet", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// What was met there.
        found: String,
    },
    /// It was written by a later version.
    #[error("{} has format {found} and this version knows only format {known}; start the newer version that wrote it, or choose another directory", dir.display())]
    Newer {
        /// The directory.
        dir: PathBuf,
        /// Its format.
        found: u64,
        /// The latest format of this version.
        known: u64,
    },
    /// Somebody else has it open.
    #[error("{} is in use by {holder}; stop that process, or choose another directory", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The process that says so in the lock file.
        holder: String,
    },
    /// The system does not let us.
    #[error("cannot {doing}: {cause}; check that the path is right, and its owner and permissions")]
    Access {
        /// What was tried, and on what.
        doing: String,
        /// What the system said.
        cause: Arc<io::Error>,
    },
    /// There is no store in it to check.
    #[error("{} holds no Keelson store; check the path", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// It is damaged, or its disk does not work.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl OpenError {
    pub(crate) fn access(doing: &str, path: &Path, cause: io::Error) -> Self {
        Self::Access { doing: format!("{doing} {}", path.display()), cause: Arc::new(cause) }
    }
}

const REMEDY: &str = "`keelson storage check` lists all the damage; restore a snapshot into a new directory, and keep this one";

/// Bytes at `offset` of a file are not what was written.
pub(crate) fn damaged(path: &Path, offset: u64, what: &(impl fmt::Display + ?Sized)) -> BackendError {
    BackendError::Corrupt {
        place: format!("{} at byte {offset}", path.display()),
        what: what.to_string(),
        remedy: REMEDY.to_owned(),
    }
}

/// A file that must be there is not.
pub(crate) fn missing(path: &Path) -> BackendError {
    BackendError::Corrupt {
        place: path.display().to_string(),
        what: "the file is missing".to_owned(),
        remedy: REMEDY.to_owned(),
    }
}

/// The system refused to do something with a file.
pub(crate) fn failed(doing: &str, path: &Path, cause: io::Error) -> BackendError {
    BackendError::Io { doing: format!("{doing} {}", path.display()), cause: Arc::new(cause) }
}

/// Opens a file to read it; one that is not there is a loss.
pub(crate) fn open_to_read(path: &Path) -> Result<std::fs::File, BackendError> {
    std::fs::File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => missing(path),
        _ => failed("open", path, error),
    })
}
