//! Who belongs to whom: every object of every kind, as little as is needed of it. Pure: events in, keys to look at out.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::{Key, Meta, OwnerReference, Resource};

/// Marks an owner that waits until what it owns is gone.
pub(super) const FOREGROUND: &str = "foregroundDeletion";
/// Marks an owner that first lets go of what it owns.
pub(super) const ORPHAN: &str = "orphan";

/// An object.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) resource: Arc<Resource>,
    pub(super) key: Key,
    pub(super) owners: Box<[OwnerReference]>,
    pub(super) phase: Phase,
}

/// How far an object is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is there.
    Here,
    /// It goes, and nothing is to be done about it here.
    Going,
    /// It goes as soon as what it owns is gone.
    WaitsForDependents,
    /// It goes as soon as what it owns is let go.
    LetsGo,
}

impl Phase {
    fn of(meta: &Meta) -> Self {
        let has = |name: &str| meta.finalizers.iter().any(|finalizer| finalizer == name);
        match meta.is_deleting() {
            false => Self::Here,
            true if has(ORPHAN) => Self::LetsGo,
            true if has(FOREGROUND) => Self::WaitsForDependents,
            true => Self::Going,
        }
    }
}

/// All objects by uid. What an owner has is known even where the owner itself was not seen (it may be of a kind that is
/// listed later, or may never have been there).
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<CompactString, Node>,
    dependents: HashMap<CompactString, BTreeSet<CompactString>>,
}

/// Uids to look at.
pub(super) type Look = Vec<CompactString>;

impl Graph {
    pub(super) fn get(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// What refers to an owner, and is where an owner's dependents can be.
    pub(super) fn dependents(&self, uid: &str) -> impl Iterator<Item = (&CompactString, &Node)> {
        let owner = self.nodes.get(uid);
        let all = self.dependents.get(uid).into_iter().flatten();
        all.filter_map(|uid| Some((uid, self.nodes.get(uid)?))).filter(move |(_, node)| {
            owner.is_none_or(|owner| {
                owner.key.namespace().is_empty() || owner.key.namespace() == node.key.namespace()
            })
        })
    }

    /// Those of them that an owner waits for.
    pub(super) fn blocking(&self, uid: &str) -> Vec<CompactString> {
        let blocks = |node: &Node| {
            node.owners.iter().any(|owner| owner.uid == uid && owner.block_owner_deletion == Some(true))
        };
        self.dependents(uid).filter(|(_, node)| blocks(node)).map(|(uid, _)| uid.clone()).collect()
    }

    fn phase(&self, uid: &str) -> Option<Phase> {
        self.nodes.get(uid).map(|node| node.phase)
    }

    /// An object is there in this state.
    pub(super) fn apply(&mut self, resource: &Arc<Resource>, meta: &Meta) -> Look {
        let uid = &meta.uid;
        let phase = Phase::of(meta);
        let node = Node {
            resource: Arc::clone(resource),
            key: meta.key(),
            owners: meta.owner_references.clone(),
            phase,
        };
        let old = self.nodes.insert(uid.clone(), node);
        let (old_owners, old_phase) =
            old.map_or_else(|| (Box::default(), Phase::Here), |old| (old.owners, old.phase));
        let mut look = Look::new();
        for owner in &old_owners {
            let now = meta.owner_references.iter().find(|now| now.uid == owner.uid);
            if now.is_none() {
                self.unlink(&owner.uid, uid);
            }
            let freed = now.is_none_or(|now| now.block_owner_deletion != owner.block_owner_deletion);
            if freed && self.phase(&owner.uid) == Some(Phase::WaitsForDependents) {
                look.push(owner.uid.clone());
            }
        }
        let known: HashSet<&CompactString> = old_owners.iter().map(|owner| &owner.uid).collect();
        for owner in &meta.owner_references {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.clone());
            if !known.contains(&owner.uid) && self.is_doubtful(owner, resource, meta) {
                look.push(uid.clone());
            }
        }
        if phase != old_phase {
            match phase {
                Phase::LetsGo => look.push(uid.clone()),
                Phase::WaitsForDependents => {
                    look.push(uid.clone());
                    look.extend(self.dependents(uid).map(|(uid, _)| uid.clone()));
                }
                Phase::Here | Phase::Going => {}
            }
        }
        look.sort_unstable();
        look.dedup();
        look
    }

    /// Whether it has to be looked at if an owner is there: it is not known, is called otherwise, or is about to go.
    fn is_doubtful(&self, owner: &OwnerReference, _: &Resource, meta: &Meta) -> bool {
        !self.is_sound(owner, &meta.namespace) || self.phase(&owner.uid) == Some(Phase::WaitsForDependents)
    }

    /// Whether an owner is known, by all that the reference says of it.
    pub(super) fn is_sound(&self, owner: &OwnerReference, namespace: &str) -> bool {
        self.nodes.get(&owner.uid).is_some_and(|node| {
            node.resource.kind == owner.kind.as_str()
                && node.resource.group == owner.group()
                && node.key.name() == owner.name
                && (node.key.namespace().is_empty() || node.key.namespace() == namespace)
        })
    }

    /// An object is gone.
    pub(super) fn remove(&mut self, uid: &str) -> Look {
        let Some(node) = self.nodes.remove(uid) else {
            return self.dependents.get(uid).into_iter().flatten().cloned().collect();
        };
        let mut look: Look = self.dependents.get(uid).into_iter().flatten().cloned().collect();
        for owner in &node.owners {
            self.unlink(&owner.uid, uid);
            if self.phase(&owner.uid) == Some(Phase::WaitsForDependents) {
                look.push(owner.uid.clone());
            }
        }
        look
    }

    fn unlink(&mut self, owner: &str, dependent: &str) {
        if let Some(dependents) = self.dependents.get_mut(owner) {
            dependents.remove(dependent);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
        }
    }

    /// How many objects it knows.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets() -> Arc<Resource> {
        Arc::new(Resource::namespaced("apps", "v1", "replicasets", "ReplicaSet"))
    }

    fn pods() -> Arc<Resource> {
        Arc::new(Resource::namespaced("", "v1", "pods", "Pod"))
    }

    /// `NAME [finalizer]`, on its way out if it has a finalizer or ends in `!`.
    fn object(text: &str, owners: &[&str]) -> Meta {
        let mut words = text.split(' ');
        let name = words.next().unwrap();
        let finalizers: Box<[CompactString]> = words.map(CompactString::from).collect();
        let going = name.ends_with('!') || !finalizers.is_empty();
        let name = name.trim_end_matches('!');
        Meta {
            name: name.into(),
            namespace: "ns".into(),
            uid: name.into(),
            deletion_timestamp: going.then(keelson_client::Time::default),
            finalizers,
            owner_references: owners
                .iter()
                .map(|owner| OwnerReference {
                    api_version: "apps/v1".into(),
                    kind: "ReplicaSet".into(),
                    name: owner.trim_end_matches('*').into(),
                    uid: owner.trim_end_matches('*').into(),
                    controller: Some(true),
                    block_owner_deletion: Some(owner.ends_with('*')),
                })
                .collect(),
            ..Meta::default()
        }
    }

    #[test]
    fn what_to_look_at_follows_from_what_happens() {
        let mut graph = Graph::default();
        assert_eq!(graph.apply(&pods(), &object("p", &["s*"])), ["p"], "its owner is not known");
        assert!(graph.apply(&sets(), &object("s", &[])).is_empty());
        assert!(graph.apply(&pods(), &object("q", &["s*"])).is_empty(), "its owner is known");
        assert!(graph.apply(&sets(), &object("s!", &[])).is_empty(), "goes by itself");
        assert_eq!(graph.apply(&sets(), &object("s foregroundDeletion", &[])), ["p", "q", "s"]);
        assert_eq!(graph.blocking("s"), ["p", "q"]);
        assert_eq!(graph.apply(&pods(), &object("q", &["s"])), ["s"], "no longer in the way");
        assert_eq!(graph.blocking("s"), ["p"]);
        assert_eq!(graph.remove("p"), ["s"]);
        assert_eq!(graph.remove("s"), ["q"]);
        assert_eq!(graph.remove("s"), ["q"], "again, since q still says that it is its owner");
        assert!(graph.remove("q").is_empty());
        assert_eq!((graph.len(), graph.dependents.len()), (0, 0));
    }

    #[test]
    fn an_owner_that_lets_go_is_looked_at() {
        let mut graph = Graph::default();
        graph.apply(&sets(), &object("s", &[]));
        graph.apply(&pods(), &object("p", &["s*"]));
        assert_eq!(graph.apply(&sets(), &object("s orphan", &[])), ["s"]);
        assert!(graph.apply(&pods(), &object("p", &[])).is_empty());
    }

    #[test]
    fn an_owner_that_is_called_otherwise_is_none() {
        let mut graph = Graph::default();
        graph.apply(&sets(), &object("s", &[]));
        let mut pod = object("p", &["s"]);
        pod.owner_references[0].kind = "Deployment".into();
        assert_eq!(graph.apply(&pods(), &pod), ["p"]);
        let mut pod = object("p", &["s"]);
        pod.namespace = "other".into();
        graph.remove("p");
        assert_eq!(graph.apply(&pods(), &pod), ["p"]);
        assert_eq!(graph.dependents("s").count(), 0, "it is elsewhere");
    }
}
