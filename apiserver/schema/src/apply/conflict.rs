//! Fields that somebody else owns with another value, and how that is told.

use std::fmt;

use super::element::FieldPath;
use super::managed::Identity;
use super::set::Set;

/// A field that somebody else owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its owner.
    pub owner: Identity,
    /// The field.
    pub path: FieldPath,
}

impl Conflict {
    /// The message of the status cause, whose type is `FieldManagerConflict` and whose field is the path.
    #[must_use]
    pub fn message(&self) -> String {
        format!("conflict with {}", self.owner)
    }
}

/// Why a configuration was not applied. Shown, it is the message of the status, whose reason is `Conflict`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflicts {
    /// The conflicts with owners of these sets, owners in upstream's order.
    pub(super) fn of(mut owners: Vec<(Identity, Set)>) -> Self {
        owners.sort_by_cached_key(|(owner, _)| owner.sort_key());
        let conflict = |owner: &Identity, path| Conflict { owner: owner.clone(), path };
        let all = owners
            .iter()
            .flat_map(|(owner, set)| set.paths().into_iter().map(move |path| conflict(owner, path)));
        Self(all.collect())
    }

    /// Those that are not about the paths of `set`.
    pub(super) fn without(&self, set: &Set) -> Self {
        Self(self.0.iter().filter(|conflict| !set.contains(&conflict.path.0)).cloned().collect())
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = &self.0[..] {
            return write!(f, "Apply failed with 1 conflict: {}: {}", one.message(), one.path);
        }
        write!(f, "Apply failed with {} conflicts: ", self.0.len())?;
        for (at, run) in self.0.chunk_by(|a, b| a.owner == b.owner).enumerate() {
            let line = if at > 0 { "\n" } else { "" };
            write!(f, "{line}conflicts with {}:", run[0].owner)?;
            run.iter().try_for_each(|conflict| write!(f, "\n- {}", conflict.path))?;
        }
        Ok(())
    }
}

impl std::error::Error for Conflicts {}
