//! The file that says what a directory is: two lines, which a person can read too.

use std::io;
use std::path::Path;

use crate::disk::{Disk, TEMPORARY};
use crate::error::OpenError;
use crate::lock;

/// The format this version writes, and the only one it reads.
pub(crate) const VERSION: u64 = 1;

const NAME: &str = "format";
const TITLE: &str = "Keelson store";

/// What a directory is before anything in it is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is not there, is empty, or has come no further than its lock.
    Nothing,
    /// A store this version can work with.
    Store,
}

/// Looks at a directory without changing anything.
pub(crate) fn look(dir: &Path) -> Result<Found, OpenError> {
    let text = match std::fs::read_to_string(dir.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return look_for_strangers(dir),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(OpenError::access("read", &dir.join(NAME), error)),
    };
    let version =
        text.strip_prefix(TITLE).and_then(|rest| rest.strip_prefix("\nformat ")?.strip_suffix('\n'));
    match version.and_then(|version| version.parse().ok()) {
        Some(VERSION) => Ok(Found::Store),
        Some(found) if found > VERSION => Err(OpenError::Newer { dir: dir.into(), found, known: VERSION }),
        _ => Err(OpenError::Foreign {
            dir: dir.into(),
            found: format!("its file `{NAME}` says something else"),
        }),
    }
}

fn look_for_strangers(dir: &Path) -> Result<Found, OpenError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(OpenError::access("read the directory", dir, error)),
    };
    let ours = [lock::NAME.to_owned(), format!("{NAME}.{TEMPORARY}")];
    for entry in entries {
        let name = entry.map_err(|error| OpenError::access("read the directory", dir, error))?.file_name();
        if !ours.iter().any(|ours| name == ours.as_str()) {
            return Err(OpenError::Foreign {
                dir: dir.into(),
                found: format!("it holds `{}`", name.display()),
            });
        }
    }
    Ok(Found::Nothing)
}

/// Makes a directory a store of this version.
pub(crate) fn write(disk: &Disk, dir: &Path) -> Result<(), OpenError> {
    let path = dir.join(NAME);
    disk.replace(&path, format!("{TITLE}\nformat {VERSION}\n").as_bytes())
        .map_err(|error| OpenError::access("write", &path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(dir.path().join(name), content).unwrap();
        }
        let found = look(dir.path()).map_or_else(|error| error.to_string(), |found| format!("{found:?}"));
        assert!(found.contains(expected), "{files:?}: {found}");
        assert!(!found.contains('\n'), "one line: {found}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), files.len(), "nothing is changed");
    }

    #[test]
    fn a_directory_is_told_by_its_files() {
        check(&[], "Nothing");
        check(&[("lock", "1"), ("format.tmp", "Keel")], "Nothing");
        check(&[("format", "Keelson store\nformat 1\n"), ("whatever", "")], "Store");
        check(
            &[("format", "Keelson store\nformat 2\n")],
            "format 2 and this version knows only format 1; start the newer",
        );
        check(&[("format", "Keelson store\nformat 0\n")], "is not a Keelson store");
        check(&[("format", "")], "is not a Keelson store");
        check(&[("format", "MANIFEST-000001")], "is not a Keelson store");
        check(&[("homework.txt", "")], "it holds `homework.txt`; choose an empty directory");
    }

    #[test]
    fn what_is_written_is_found() {
        let dir = tempfile::tempdir().unwrap();
        write(&Disk::default(), dir.path()).unwrap();
        assert_eq!(look(dir.path()).unwrap(), Found::Store);
        assert_eq!(look(&dir.path().join("none")).unwrap(), Found::Nothing);
    }
}
