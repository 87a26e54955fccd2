//! What an applier has applied before and does not apply any more: it goes, unless somebody else owns it.

use super::configuration::{ApplyError, shown};
use super::managed::{Entry, Managed};
use super::node::{Node, Ty};
use super::owners::convert;
use super::paths::owned;
use super::remove::remove;
use super::set::Set;
use super::{Target, typed};
use crate::arena::Schema;
use crate::tree::{Object, Str, Value};

/// Free JSON with its type.
#[derive(Clone)]
pub(super) struct Typed {
    pub(super) value: Value,
    pub(super) schema: Schema,
    pub(super) version: Str,
    pub(super) kind: Str,
}

impl Typed {
    fn ty(&self) -> Ty<'_> {
        Ty::of(self.schema.ty())
    }

    /// The paths it consists of, with the declared fields above them.
    fn paths(&self) -> Set {
        self.named(owned(self.ty(), Node::of(None, &self.value)))
    }

    fn without(&self, set: &Set) -> Self {
        let value = remove(self.ty(), self.value.clone(), set);
        Self { value, schema: self.schema.clone(), version: self.version.clone(), kind: self.kind.clone() }
    }

    fn named(&self, set: Set) -> Set {
        set.with_named_fields(Some(self.ty()))
    }

    pub(super) fn object(&self) -> Result<Object, String> {
        typed::object(self.value.clone(), &self.schema, &shown(&self.version, &self.kind))
    }

    /// It in another version, which the target has to know.
    fn to(self, version: &str, target: &Target<'_>) -> Result<Self, String> {
        if self.version == version {
            return Ok(self);
        }
        let converted = convert(&self.object()?, target, version)?;
        let of = converted.ty().as_struct();
        let node = of.map_or(Node::Null, |of| Node::Struct(of, converted.root().entries()));
        let value = node.to_any(Ty::of(converted.ty()));
        Ok(Self { value, schema: converted.schema().clone(), version: version.into(), kind: self.kind })
    }
}

/// `merged` without what `last`, the applier's entry before this apply, owned and nobody in `managed` owns now.
pub(super) fn prune(
    merged: Typed,
    managed: &mut Managed,
    last: &Entry,
    target: &Target<'_>,
) -> Result<Typed, ApplyError> {
    let version = &*last.identity.api_version;
    let set = last.set();
    // In one version alone it is clear beforehand that nothing goes; on the way through others things get lost.
    let one_version = managed.entries.iter().all(|entry| entry.identity.api_version == version);
    let all_kept = || managed.get(&last.identity).is_some_and(|now| now.set().is_superset(&set));
    if set.is_empty() || one_version && all_kept() {
        return Ok(merged);
    }
    for entry in managed.entries.iter_mut().filter(|entry| entry.is_stored()) {
        // Where there are other versions all have been read.
        entry.set_mut(merged.schema.ty());
    }
    Prune { managed, last: set.into_owned(), version, target }
        .run(merged)
        .map_err(|error| ApplyError::Internal(format!("failed to prune fields: {error}")))
}

struct Prune<'a> {
    managed: &'a Managed,
    last: Set,
    /// The version of the last apply, in which fields are taken away.
    version: &'a str,
    target: &'a Target<'a>,
}

impl Prune<'_> {
    fn run(&self, merged: Typed) -> Result<Typed, String> {
        let merged = merged
            .to(self.version, self.target)
            .map_err(|error| format!("failed to convert merged object to last applied version: {error}"))?;
        let (there, last) = (merged.paths(), merged.named(self.last.clone()));
        let pruned = merged.without(&last);
        let pruned = self
            .with_owned(merged.clone(), &there, pruned)
            .map_err(|error| format!("failed add back owned items: {error}"))?;
        let pruned = self
            .with_dangling(&merged, there, pruned, &last)
            .map_err(|error| format!("failed add back dangling items: {error}"))?;
        pruned.to(self.target.api_version, self.target)
    }

    /// Puts back what somebody owns, the applier's new configuration included.
    fn with_owned(&self, merged: Typed, there: &Set, pruned: Typed) -> Result<Typed, String> {
        // First in the version in which it was taken away: conversion may need what is required there.
        let mut versions: Vec<&str> =
            self.managed.entries.iter().map(|entry| &*entry.identity.api_version).collect();
        versions.sort_unstable();
        versions.dedup();
        versions.sort_by_key(|version| *version != self.version);
        let (mut merged, mut pruned) = (merged, pruned);
        for version in versions {
            let entries = self.managed.entries.iter().filter(|entry| entry.identity.api_version == version);
            let owned = entries.fold(Set::new(), |all, entry| all.union(entry.set().into_owned()));
            let wrong =
                |what: &str, error| format!("failed to convert {what} object at version {version}: {error}");
            merged = merged.to(version, self.target).map_err(|error| wrong("merged", error))?;
            pruned = pruned.to(version, self.target).map_err(|error| wrong("pruned", error))?;
            let there = if version == self.version { there.clone() } else { merged.paths() };
            let gone = there.difference(&pruned.paths().union(merged.named(owned)));
            pruned = merged.without(&gone);
        }
        Ok(pruned)
    }

    /// Puts back what is gone only because it lay below something: nobody has given it up.
    fn with_dangling(&self, merged: &Typed, there: Set, pruned: Typed, last: &Set) -> Result<Typed, String> {
        let pruned = pruned
            .to(self.version, self.target)
            .map_err(|error| format!("failed to convert pruned object to last applied version: {error}"))?;
        Ok(merged.without(&there.difference(&pruned.paths()).intersection(last)))
    }
}
