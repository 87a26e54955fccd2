//! Ownership through the scale subresource: what somebody does to a scale's replicas is done to the field behind them.

use super::element::FieldPath;
use super::managed::{Entry, Identity, Managed};
use super::set::Set;

/// The version of scales.
const SCALE_VERSION: &str = "autoscaling/v1";

/// Where the replicas of a scale come from.
#[derive(Clone, Debug)]
pub struct Scale<'a> {
    /// The path of the replicas in each version of the resource; `None` where it has no scale.
    pub replicas: &'a [(&'a str, Option<FieldPath>)],
    /// The version of the resource in which it is written.
    pub api_version: &'a str,
}

impl Scale<'_> {
    fn path(&self, version: &str) -> Option<&Option<FieldPath>> {
        self.replicas.iter().find(|(known, _)| *known == version).map(|(_, path)| path)
    }

    /// The owners of a scale: those who own the replicas of its resource.
    #[must_use]
    pub fn of_resource(&self, resource: &Managed) -> Managed {
        let owners = resource.entries.iter().filter(|entry| {
            let path = self.path(&entry.identity.api_version).and_then(Option::as_ref);
            path.is_some_and(|path| entry.set().contains(&path.0))
        });
        let entries = owners.map(|entry| {
            let identity = Identity { api_version: SCALE_VERSION.into(), ..entry.identity.clone() };
            Entry::new(identity, entry.time, Set::from_iter([replicas()]))
        });
        Managed { entries: entries.collect() }
    }

    /// The owners of a resource whose scale now has the owners `scale`.
    ///
    /// Upstream looks the ones up among the others by their identities, of which a version is part unless they apply.
    /// So whoever has updated the resource itself hands the replicas over to a new entry, which has no time.
    #[must_use]
    pub fn to_resource(&self, resource: &Managed, scale: &Managed) -> Managed {
        let mut managed = Managed::default();
        let mut rest = scale.entries.clone();
        for entry in &resource.entries {
            let Some(path) = self.path(&entry.identity.api_version) else { continue };
            let set = entry.set();
            let Some(path) = path.as_ref().filter(|path| set.contains(&path.0)) else {
                managed.entries.push(entry.clone());
                continue;
            };
            if let Some(at) = rest.iter().position(|scaled| scaled.identity.is(&entry.identity)) {
                rest.remove(at);
                managed.entries.push(entry.clone());
                continue;
            }
            let set = set.into_owned().difference(&Set::from_iter([path.clone()]));
            if !set.is_empty() {
                managed.entries.push(Entry::new(entry.identity.clone(), entry.time, set));
            }
        }
        let Some(Some(path)) = self.path(self.api_version) else { return managed };
        for scaled in rest.iter().filter(|scaled| scaled.set().contains(&replicas().0)) {
            let identity = Identity { api_version: self.api_version.into(), ..scaled.identity.clone() };
            let time = resource.get(&scaled.identity).and_then(|entry| entry.time);
            let entry = Entry::new(identity, time, Set::from_iter([path.clone()]));
            match managed.get_mut(&scaled.identity) {
                Some(known) => *known = entry,
                None => managed.entries.push(entry),
            }
        }
        managed
    }
}

fn replicas() -> FieldPath {
    FieldPath::of(&["spec", "replicas"])
}
