//! Pods: what they ask for as long as they run, be it as a whole, in their containers or by what they have been given.

use super::{Amounts, HUGE_PAGES, is_extended, one};
use crate::quantity::Quantity;

/// What pods that run use; the same of their requests and limits.
const OF_PODS: [&str; 11] = [
    "count/pods",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "pods",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
/// What begins the name of a class of devices that is asked for like a resource.
const OF_DEVICES: &str = "deviceclass.resource.kubernetes.io/";

/// Whether pods use what a quota calls `name`.
pub(super) fn counts(name: &str) -> bool {
    let request = name.strip_prefix("requests.");
    OF_PODS.contains(&name)
        || name.starts_with(HUGE_PAGES)
        || request.is_some_and(|request| request.starts_with(HUGE_PAGES) || is_somebodys(request))
}

fn is_somebodys(name: &str) -> bool {
    is_extended(name) || name.starts_with(OF_DEVICES)
}

/// A pod, as far as quotas look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Whether it has ended, or should be gone already: then it counts, but uses nothing more.
    pub is_over: bool,
    /// Whether it has a deadline.
    pub has_deadline: bool,
    /// Whether it asks for nothing.
    pub is_best_effort: bool,
    /// Whether its place depends on pods of other namespaces.
    pub looks_elsewhere: bool,
    /// Its priority class; empty for none.
    pub priority_class: String,
    /// What it asks for as a whole.
    pub requests: Amounts,
    /// What it is limited to as a whole.
    pub limits: Amounts,
    /// What running it costs.
    pub overhead: Amounts,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its initial containers, in order.
    pub initial: Vec<Container>,
    /// Whether its node cannot give it what it asks for now.
    pub is_refused: bool,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// What it asks for.
    pub requests: Amounts,
    /// What it is limited to.
    pub limits: Amounts,
    /// Whether it is an initial one that stays.
    pub stays: bool,
    /// What its node says of it.
    pub given: Given,
}

/// What a node says that a container has: nothing where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// What is set aside for it.
    pub allocated: Option<Amounts>,
    /// What it was started with.
    pub requests: Option<Amounts>,
    /// What it was limited to.
    pub limits: Option<Amounts>,
}

/// Which of a container's lists is looked at.
#[derive(Clone, Copy)]
enum Side {
    Requests,
    Limits,
}

/// Who says what a container needs.
#[derive(Clone, Copy)]
enum By {
    Spec,
    Allocation,
    Node,
}

impl Pod {
    /// A list of a container, by one who says so; what a node refuses does not stand in for what it did not say.
    fn list<'a>(&self, container: &'a Container, side: Side, by: By) -> Option<&'a Amounts> {
        let (asked, given) = (container, &container.given);
        let (asked, allocated, used) = match side {
            Side::Requests => (&asked.requests, given.allocated.as_ref(), given.requests.as_ref()),
            Side::Limits => (&asked.limits, None, given.limits.as_ref()),
        };
        let instead = (!self.is_refused).then_some(asked);
        match by {
            By::Spec => Some(asked),
            By::Allocation => allocated.or(instead),
            By::Node => used.or(allocated).or(instead),
        }
    }

    /// What it uses.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let mut used = Amounts::from([("count/pods".to_owned(), one())]);
        if self.is_over {
            return used;
        }
        used.insert("pods".to_owned(), one());
        for (name, amount) in self.all_requests() {
            if is_basic(&name) || name.starts_with(HUGE_PAGES) {
                used.insert(name.clone(), amount.clone());
            } else if !is_somebodys(&name) {
                continue;
            }
            used.insert(format!("requests.{name}"), amount);
        }
        for (name, amount) in self.all_limits() {
            if is_basic(&name) {
                used.insert(format!("limits.{name}"), amount);
            }
        }
        used
    }

    /// Whether it says something as a whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.requests.keys().chain(self.limits.keys()).any(|name| is_of_pods(name))
    }

    fn all_requests(&self) -> Amounts {
        let mut all = self.together(Side::Requests, &[By::Spec, By::Node, By::Allocation]);
        all.extend(of_pods(&self.requests));
        for (name, more) in &self.overhead {
            plus(&mut all, name, more);
        }
        all
    }

    fn all_limits(&self) -> Amounts {
        let mut all = self.together(Side::Limits, &[By::Spec, By::Node]);
        all.extend(of_pods(&self.limits));
        for (name, more) in &self.overhead {
            // What has no limit gets none by its overhead.
            if all.get(name).is_some_and(|amount| !amount.is_zero()) {
                plus(&mut all, name, more);
            }
        }
        all
    }

    /// What its containers need together, by whoever says the most; what a node refuses does not count.
    fn together(&self, side: Side, by: &[By]) -> Amounts {
        let mut all = Amounts::new();
        for by in by.iter().filter(|by| !(self.is_refused && matches!(by, By::Spec))) {
            raise(&mut all, &self.sum(side, *by));
        }
        all
    }

    /// What its containers need together at any one time: all that run side by side, or an initial one with those before
    /// it that stay, whichever is more.
    fn sum(&self, side: Side, by: By) -> Amounts {
        let (mut together, mut initial, mut lasting) = (Amounts::new(), Amounts::new(), Amounts::new());
        for container in &self.containers {
            put(&mut together, self.list(container, side, by));
        }
        for container in &self.initial {
            let own = self.list(container, side, by);
            if container.stays {
                put(&mut together, own);
                put(&mut lasting, own);
                raise(&mut initial, &lasting);
            } else {
                let mut at_once = own.cloned().unwrap_or_default();
                put(&mut at_once, Some(&lasting));
                raise(&mut initial, &at_once);
            }
        }
        raise(&mut together, &initial);
        together
    }
}

fn is_basic(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
}

/// Whether a resource can be claimed for a pod as a whole.
fn is_of_pods(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with(HUGE_PAGES)
}

fn of_pods(own: &Amounts) -> impl Iterator<Item = (String, Quantity)> {
    own.iter().filter(|(name, _)| is_of_pods(name)).map(|(name, amount)| (name.clone(), amount.clone()))
}

fn plus(to: &mut Amounts, name: &str, more: &Quantity) {
    let sum = to.get(name).map_or_else(|| more.clone(), |present| present.plus(more));
    to.insert(name.to_owned(), sum);
}

fn put(to: &mut Amounts, more: Option<&Amounts>) {
    more.into_iter().flatten().for_each(|(name, amount)| plus(to, name, amount));
}

fn raise(to: &mut Amounts, least: &Amounts) {
    for (name, amount) in least {
        if to.get(name).is_none_or(|present| amount > present) {
            to.insert(name.clone(), amount.clone());
        }
    }
}
