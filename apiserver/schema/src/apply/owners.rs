//! What a change does to those who own what has changed.

use super::Target;
use super::compare::Comparison;
use super::element::Element;
use super::managed::{Entry, Managed};
use super::node::{Node, Ty};
use super::record::UpdateError;
use super::set::Set;
use super::validate::validate;
use crate::arena::Schema;
use crate::tree::{Object, Str};

/// What has changed, in one version.
pub(super) struct Change {
    /// What is added or modified: whoever did it owns it.
    pub(super) own: Set,
    /// That, and what is gone: nobody else owns it.
    pub(super) touched: Set,
    schema: Schema,
}

impl Change {
    pub(super) fn new(comparison: Comparison, schema: Schema) -> Self {
        let own = comparison.modified.union(comparison.added);
        let touched = own.clone().union(comparison.removed);
        Self { own, touched, schema }
    }
}

/// What has changed, in every version that somebody has to know it in.
pub(super) struct Changes<'a> {
    /// Whether nothing at all has changed, not even what the target cannot change. Then nothing has in any version.
    idle: bool,
    known: Vec<(Str, Change)>,
    foreign: &'a dyn Fn(&str) -> Result<Change, UpdateError>,
}

impl<'a> Changes<'a> {
    /// The change in the version in which it was made, and how to find it in others.
    pub(super) fn new(
        version: &str,
        change: Change,
        idle: bool,
        foreign: &'a dyn Fn(&str) -> Result<Change, UpdateError>,
    ) -> Self {
        Self { idle, known: vec![(version.into(), change)], foreign }
    }

    /// The change in the version in which it was made.
    pub(super) fn first(&self) -> &Change {
        &self.known[0].1
    }

    /// The change in a version.
    fn of(&mut self, version: &str) -> Result<&Change, UpdateError> {
        let at = match self.known.iter().position(|(known, _)| known == version) {
            Some(at) => at,
            None => {
                let change = (self.foreign)(version)?;
                self.known.push((version.into(), change));
                self.known.len() - 1
            }
        };
        Ok(&self.known[at].1)
    }

    /// Takes from an owner what is touched; whether it loses anything.
    pub(super) fn release(&mut self, entry: &mut Entry) -> Result<bool, UpdateError> {
        if self.idle {
            return Ok(false);
        }
        let version = entry.identity.api_version.clone();
        let change = self.of(&version)?;
        if change.touched.is_empty() || entry.hits(&change.touched) == Some(0) {
            return Ok(false);
        }
        let set = entry.set_mut(change.schema.ty());
        let loses = !set.is_disjoint(&change.touched);
        set.subtract(&change.touched);
        Ok(loses)
    }

    /// What of an owner's fields somebody else has changed.
    pub(super) fn conflict(&mut self, entry: &mut Entry) -> Result<Set, UpdateError> {
        let version = entry.identity.api_version.clone();
        let change = self.of(&version)?;
        if change.own.is_empty() || entry.hits(&change.own) == Some(0) {
            return Ok(Set::new());
        }
        Ok(entry.set_mut(change.schema.ty()).clone().intersection(&change.own))
    }
}

/// Drops the owners in versions that there are no longer, and brings the sets that have been read in line with the
/// schemas of the others. What is as it was stored is brought in line when it is read. Whether anything changed.
pub(super) fn reconcile(
    managed: &mut Managed,
    live: &Object,
    target: &Target<'_>,
) -> Result<bool, UpdateError> {
    let before = managed.entries.len();
    managed.entries.retain(|entry| {
        let version = &*entry.identity.api_version;
        version == target.api_version || target.versions.knows(version)
    });
    let mut changed = managed.entries.len() < before;
    let mut schemas = vec![(Str::from(target.api_version), live.schema().clone())];
    for entry in managed.entries.iter_mut().filter(|entry| !entry.is_stored()) {
        let version = &entry.identity.api_version;
        let schema = match schemas.iter().find(|(known, _)| known == version) {
            Some((_, schema)) => schema.clone(),
            None => {
                let converted = convert(live, target, version).map_err(UpdateError::Convert)?;
                schemas.push((version.clone(), converted.schema().clone()));
                converted.schema().clone()
            }
        };
        changed |= entry.set_mut(schema.ty()).reconcile(Ty::of(schema.ty()));
    }
    Ok(changed)
}

/// The object in another version, in which no items may be indistinguishable.
pub(super) fn convert(object: &Object, target: &Target<'_>, version: &str) -> Result<Object, String> {
    let converted = target.versions.convert(object, version)?;
    if let Some(of) = converted.ty().as_struct() {
        let node = Node::Struct(of, converted.root().entries());
        validate(Ty::of(converted.ty()), node, false).map_err(|invalid| invalid.to_string())?;
    }
    Ok(converted)
}

/// Takes out what nobody owns: what names the object, and what the server alone writes.
pub(super) fn strip(set: &mut Set) {
    set.retain(|entry| {
        let Element::Field(name) = &entry.element else { return };
        match name.as_str() {
            "apiVersion" | "kind" => entry.member = false,
            "metadata" => {
                entry.member = false;
                entry.children.retain(|entry| entry.member &= !is_system(&entry.element));
            }
            _ => {}
        }
    });
}

fn is_system(element: &Element) -> bool {
    const FIELDS: [&str; 9] = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    matches!(element, Element::Field(name) if FIELDS.contains(&name.as_str()))
}
