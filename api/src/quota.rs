//! What objects use of what quotas limit, by the names that quotas have for it, and which quotas are meant for them.
//!
//! The API server charges a write by it, and the controller of quotas counts anew by it, so that both agree. What is
//! looked at of an object is plain data here: the one side holds trees, the other one views.

mod pod;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::pod::{Container, Given, Pod};
pub use self::scope::{Requirement, Scopes};
use crate::names::label;
use crate::quantity::{Format, Quantity};

/// Amounts by the names that quotas have for them.
pub type Amounts = BTreeMap<String, Quantity>;

const OF_SERVICES: [&str; 4] = ["count/services", "services", "services.loadbalancers", "services.nodeports"];
const OF_CLAIMS: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];
/// What follows the name of a storage class.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";
const CLAIMS: &str = "count/persistentvolumeclaims";
const DEVICE_CLAIMS: &str = "count/resourceclaims.resource.k8s.io";
/// What follows the name of a device class.
const DEVICES: &str = ".deviceclass.resource.k8s.io/devices";
/// As many devices as one request can be given. Upstream's figure.
pub const DEVICES_MAX: i64 = 32;
/// Resources that quotas had a name for before they had one for all.
const OLD_NAMES: [&str; 4] = ["configmaps", "replicationcontrollers", "resourcequotas", "secrets"];
const HUGE_PAGES: &str = "hugepages-";

/// How the objects of a resource are measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// By what they ask for, and whether they still run.
    Pods,
    /// By their type and ports.
    Services,
    /// By the storage that they ask for.
    Claims,
    /// By the devices that they ask for.
    DeviceClaims,
    /// Each counts as one, under these names.
    Count(Vec<String>),
}

/// The name that every resource has in quotas.
#[must_use]
pub fn counted_as(group: &str, plural: &str) -> String {
    if group.is_empty() { format!("count/{plural}") } else { format!("count/{plural}.{group}") }
}

impl Measure {
    /// How the objects of a resource are measured; nothing if no quota counts them.
    #[must_use]
    pub fn of(group: &str, plural: &str) -> Option<Self> {
        Some(match (group, plural) {
            ("", "pods") => Self::Pods,
            ("", "services") => Self::Services,
            ("", "persistentvolumeclaims") => Self::Claims,
            ("resource.k8s.io", "resourceclaims") => Self::DeviceClaims,
            ("" | "events.k8s.io", "events") => return None,
            _ => {
                let old_name = group.is_empty() && OLD_NAMES.contains(&plural);
                let names = [counted_as(group, plural)].into_iter();
                Self::Count(names.chain(old_name.then(|| plural.to_owned())).collect())
            }
        })
    }

    /// Whether it measures what a quota calls `name`.
    #[must_use]
    pub fn counts(&self, name: &str) -> bool {
        match self {
            Self::Pods => pod::counts(name),
            Self::Services => OF_SERVICES.contains(&name),
            Self::Claims => {
                let of_class = name.split_once(OF_CLASS).map(|(_, what)| what);
                name == CLAIMS || OF_CLAIMS.contains(&of_class.unwrap_or(name))
            }
            Self::DeviceClaims => name == DEVICE_CLAIMS || name.ends_with(DEVICES),
            Self::Count(names) => names.iter().any(|known| known == name),
        }
    }

    /// What an object uses that counts as one.
    #[must_use]
    pub fn one_each(&self) -> Amounts {
        match self {
            Self::Count(names) => names.iter().map(|name| (name.clone(), one())).collect(),
            _ => Amounts::new(),
        }
    }
}

/// Adds amounts to others. Nothing takes over how the other one is written.
pub fn add(to: &mut Amounts, more: Amounts) {
    for (name, amount) in more {
        let sum = to.get(&name).map(|present| present.plus(&amount));
        to.insert(name, sum.unwrap_or(amount));
    }
}

/// A service, as far as quotas look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// `type`.
    pub kind: String,
    /// How many ports it has.
    pub ports: usize,
    /// For how many of them it has chosen the port of nodes.
    pub chosen: usize,
    /// Whether ports of nodes are given out for those of its load balancer.
    pub gets_node_ports: bool,
}

impl Service {
    /// What it uses.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let (ports, balancers) = match self.kind.as_str() {
            "NodePort" => (self.ports, 0),
            "LoadBalancer" if self.gets_node_ports => (self.ports, 1),
            "LoadBalancer" => (self.chosen, 1),
            _ => (0, 0),
        };
        Amounts::from([
            ("count/services".to_owned(), one()),
            ("services".to_owned(), one()),
            ("services.nodeports".to_owned(), number(i64::try_from(ports).unwrap_or(i64::MAX))),
            ("services.loadbalancers".to_owned(), number(balancers)),
        ])
    }
}

/// A claim of a volume, as far as quotas look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Its storage class; empty for none.
    pub class: String,
    /// How much it asks for.
    pub asked: Option<Quantity>,
    /// How much it has been given.
    pub given: Option<Quantity>,
    /// The attributes' classes that it names, in its spec and in its status; those it has.
    pub attributes: Vec<String>,
}

impl Claim {
    /// What it uses.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let asked = self.asked.as_ref();
        let storage = asked.map(|asked| self.given.as_ref().filter(|given| *given > asked).unwrap_or(asked));
        let mut used = Amounts::from([(CLAIMS.to_owned(), one())]);
        for (what, amount) in OF_CLAIMS.into_iter().zip([Some(one()), storage.map(whole)]) {
            let Some(amount) = amount else { continue };
            if !self.class.is_empty() {
                used.insert(format!("{}{OF_CLASS}{what}", self.class), amount.clone());
            }
            used.insert(what.to_owned(), amount);
        }
        used
    }
}

/// Storage counts in whole bytes.
fn whole(amount: &Quantity) -> Quantity {
    let rounded = number_as(amount.value(), amount.format());
    if rounded == *amount { amount.clone() } else { rounded }
}

/// A claim of devices, as far as quotas look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceClaim {
    /// Of each request, the alternatives: a class of devices, and how many of it at most.
    pub requests: Vec<Vec<(String, i64)>>,
}

impl DeviceClaim {
    /// How many devices a request may be given at most, by its mode of allocation.
    #[must_use]
    pub fn devices(mode: &str, count: i64) -> i64 {
        match mode {
            "ExactCount" => count,
            "All" => DEVICES_MAX,
            _ => 0,
        }
    }

    /// What it uses: of alternatives, the most of each class.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let mut by_class: BTreeMap<&str, i64> = BTreeMap::new();
        for alternatives in &self.requests {
            let mut most: BTreeMap<&str, i64> = BTreeMap::new();
            for (class, count) in alternatives {
                let most = most.entry(class).or_default();
                *most = (*count).max(*most);
            }
            most.into_iter().for_each(|(class, count)| *by_class.entry(class).or_default() += count);
        }
        let mut used = Amounts::from([(DEVICE_CLAIMS.to_owned(), one())]);
        used.extend(by_class.into_iter().map(|(class, count)| (format!("{class}{DEVICES}"), number(count))));
        used
    }
}

/// Whether a resource is one of Kubernetes' own, as those without a domain are.
#[must_use]
pub fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether a resource is somebody's own.
#[must_use]
pub fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && label::key(&format!("requests.{name}")).is_empty()
}

fn number(count: i64) -> Quantity {
    number_as(count, Format::DecimalSI)
}

fn number_as(count: i64, format: Format) -> Quantity {
    Quantity::new(count, format)
}

fn one() -> Quantity {
    number(1)
}
