//! Volumes, claims and what goes with them, and what of them has been promised but not written yet.

pub(crate) mod binding;
pub mod objects;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::{Key, Kind};

use crate::pod::PodInfo;
use objects::{Attachment, Capacity, Claim, ClaimRef, Class, Driver, NodeDrivers, SELECTED_NODE, Volume};

/// Objects of a kind, by key.
#[derive(Debug)]
pub(crate) struct Objects<V>(BTreeMap<Key, Arc<V>>);

impl<V> Default for Objects<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V: Kind> Objects<V> {
    /// One of them.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<&Arc<V>> {
        self.0.get(&Key::new(namespace, name))
    }

    /// All, by key.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<V>> {
        self.0.values()
    }

    fn set(&mut self, old: Option<&Arc<V>>, new: Option<&Arc<V>>) {
        match (old, new) {
            (_, Some(new)) => {
                self.0.insert(new.key(), Arc::clone(new));
            }
            (Some(old), None) => {
                self.0.remove(&old.key());
            }
            (None, None) => {}
        }
    }
}

/// All that is known about volumes.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    claims: Objects<Claim>,
    volumes: Objects<Volume>,
    pub(crate) classes: Objects<Class>,
    pub(crate) drivers: Objects<Driver>,
    pub(crate) node_drivers: Objects<NodeDrivers>,
    pub(crate) capacities: Objects<Capacity>,
    attachments: Objects<Attachment>,
    /// Volumes that were promised to claims, by name.
    promised: HashMap<CompactString, ClaimRef>,
    /// The nodes that were chosen for claims' volumes.
    chosen: HashMap<Key, CompactString>,
    /// How many pods on nodes use a claim.
    used: HashMap<Key, u32>,
}

impl Volumes {
    /// A claim.
    pub(crate) fn claim(&self, namespace: &str, name: &str) -> Option<&Arc<Claim>> {
        self.claims.get(namespace, name)
    }

    /// A volume.
    pub(crate) fn volume(&self, name: &str) -> Option<&Arc<Volume>> {
        self.volumes.get("", name)
    }

    /// All volumes of a class.
    pub(crate) fn of_class(&self, class: &str) -> impl Iterator<Item = &Arc<Volume>> {
        self.volumes.all().filter(move |volume| volume.class() == class)
    }

    /// Whose a volume is, or is to be.
    pub(crate) fn owner<'a>(&'a self, volume: &'a Volume) -> Option<&'a ClaimRef> {
        self.promised.get(&volume.metadata.name).or(volume.spec.claim_ref.as_ref())
    }

    /// The node that was chosen for a claim's volume.
    pub(crate) fn chosen_node<'a>(&'a self, claim: &'a Claim) -> Option<&'a str> {
        let chosen = self.chosen.get(&claim.key()).map(CompactString::as_str);
        chosen.or_else(|| claim.metadata.annotation(SELECTED_NODE))
    }

    /// Whether a pod on a node uses a claim.
    pub(crate) fn is_used(&self, namespace: &str, claim: &str) -> bool {
        self.used.contains_key(&Key::new(namespace, claim))
    }

    /// What is attached to a node, and by which driver.
    pub(crate) fn attached(&self, node: &str) -> impl Iterator<Item = &Arc<Attachment>> {
        self.attachments.all().filter(move |attachment| attachment.spec.node_name == node)
    }

    /// A pod came to a node (1) or left it (-1).
    pub(crate) fn count(&mut self, pod: &PodInfo, by: i32) {
        for claim in &pod.claims {
            let key = Key::new(&pod.meta.namespace, &claim.name);
            let count = self.used.entry(key.clone()).or_default();
            *count = count.saturating_add_signed(by);
            if *count == 0 {
                self.used.remove(&key);
            }
        }
    }

    /// Promises a volume to a claim.
    pub(crate) fn promise(&mut self, volume: &str, claim: &Claim) {
        let meta = &claim.metadata;
        let owner =
            ClaimRef { namespace: meta.namespace.clone(), name: meta.name.clone(), uid: meta.uid.clone() };
        self.promised.insert(volume.into(), owner);
    }

    /// Chooses a node for a claim's volume.
    pub(crate) fn choose(&mut self, claim: &Claim, node: &str) {
        self.chosen.insert(claim.key(), node.into());
    }

    /// Takes promises back.
    pub(crate) fn release(&mut self, binding: &binding::Binding) {
        for (volume, _) in &binding.volumes {
            self.promised.remove(&volume.metadata.name);
        }
        for claim in &binding.claims {
            self.chosen.remove(&claim.key());
        }
    }
}

/// Whatever is kept here, so that it can follow a cache.
pub(crate) trait Kept: Kind + Sized {
    /// Takes a change over.
    fn keep(volumes: &mut Volumes, old: Option<&Arc<Self>>, new: Option<&Arc<Self>>);
}

macro_rules! kept {
    ($kind:ty, $field:ident) => {
        impl Kept for $kind {
            fn keep(volumes: &mut Volumes, old: Option<&Arc<Self>>, new: Option<&Arc<Self>>) {
                volumes.$field.set(old, new);
            }
        }
    };
}

kept!(Class, classes);
kept!(Driver, drivers);
kept!(NodeDrivers, node_drivers);
kept!(Capacity, capacities);
kept!(Attachment, attachments);

impl Kept for Claim {
    fn keep(volumes: &mut Volumes, old: Option<&Arc<Self>>, new: Option<&Arc<Self>>) {
        // What is written need not be remembered.
        let written =
            new.is_none_or(|new| new.metadata.annotation(SELECTED_NODE).is_some() || new.is_bound());
        if let Some(claim) = new.or(old)
            && written
        {
            volumes.chosen.remove(&claim.key());
        }
        volumes.claims.set(old, new);
    }
}

impl Kept for Volume {
    fn keep(volumes: &mut Volumes, old: Option<&Arc<Self>>, new: Option<&Arc<Self>>) {
        let written =
            new.is_none_or(|new| new.spec.claim_ref.as_ref().is_some_and(|owner| !owner.uid.is_empty()));
        if let Some(volume) = new.or(old)
            && written
        {
            volumes.promised.remove(&volume.metadata.name);
        }
        volumes.volumes.set(old, new);
    }
}
