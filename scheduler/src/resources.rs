//! Amounts of what a node has and pods ask for.

use std::collections::BTreeMap;

use compact_str::CompactString;
use keelson_api::quantity::Quantity;
use smallvec::SmallVec;

/// What a container counts as for scores if it does not say how much it needs, as upstream.
const UNSAID_MILLI_CPU: i64 = 100;
const UNSAID_MEMORY_BYTES: i64 = 200 << 20;

/// Quantities as objects carry them.
pub(crate) type Quantities = BTreeMap<CompactString, CompactString>;

/// Amounts: the resources that every node has in fields, all others by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// CPU, in thousandths.
    pub milli_cpu: i64,
    /// Memory, in bytes.
    pub memory: i64,
    /// Ephemeral storage, in bytes.
    pub storage: i64,
    /// Pods.
    pub pods: i64,
    /// All others, by name.
    pub others: SmallVec<[(CompactString, i64); 1]>,
}

impl Resources {
    /// Reads quantities. What is no quantity counts as nothing: the server lets no such thing in.
    pub(crate) fn read(quantities: &Quantities) -> Self {
        let mut read = Self::default();
        for (name, text) in quantities {
            let Ok(quantity) = text.parse::<Quantity>() else { continue };
            match name.as_str() {
                "cpu" => read.milli_cpu = quantity.milli_value(),
                "memory" => read.memory = quantity.value(),
                "ephemeral-storage" => read.storage = quantity.value(),
                "pods" => read.pods = quantity.value(),
                other if is_counted(other) => read.others.push((name.clone(), quantity.value())),
                _ => {}
            }
        }
        read
    }

    /// The amount of a resource.
    #[must_use]
    pub fn get(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.milli_cpu,
            "memory" => self.memory,
            "ephemeral-storage" => self.storage,
            "pods" => self.pods,
            other => self.other(other),
        }
    }

    /// The amount of a resource that not every node has.
    #[must_use]
    pub fn other(&self, name: &str) -> i64 {
        self.others.iter().find(|(known, _)| known == name).map_or(0, |(_, amount)| *amount)
    }

    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.milli_cpu == 0 && self.memory == 0 && self.storage == 0 && self.others.is_empty()
    }

    /// Adds `times` the other amounts; -1 takes them away.
    pub fn add(&mut self, other: &Self, times: i64) {
        self.milli_cpu += times * other.milli_cpu;
        self.memory += times * other.memory;
        self.storage += times * other.storage;
        self.pods += times * other.pods;
        for (name, amount) in &other.others {
            *self.slot(name) += times * amount;
        }
    }

    /// Of each amount the larger one.
    pub(crate) fn raise(&mut self, other: &Self) {
        self.milli_cpu = self.milli_cpu.max(other.milli_cpu);
        self.memory = self.memory.max(other.memory);
        self.storage = self.storage.max(other.storage);
        self.pods = self.pods.max(other.pods);
        for (name, amount) in &other.others {
            let slot = self.slot(name);
            *slot = (*slot).max(*amount);
        }
    }

    /// Takes over what is said for a whole pod: CPU, memory and huge pages alone.
    pub(crate) fn overrule(&mut self, said: &Quantities) {
        let whole = Self::read(said);
        if said.contains_key("cpu") {
            self.milli_cpu = whole.milli_cpu;
        }
        if said.contains_key("memory") {
            self.memory = whole.memory;
        }
        for (name, amount) in whole.others.iter().filter(|(name, _)| name.starts_with("hugepages-")) {
            *self.slot(name) = *amount;
        }
    }

    fn slot(&mut self, name: &CompactString) -> &mut i64 {
        let at = self.others.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.others.push((name.clone(), 0));
            self.others.len() - 1
        });
        &mut self.others[at].1
    }
}

/// Whether every node has it, and pods need not say that they want it.
pub(crate) fn is_everywhere(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
}

/// Resources that are counted though not every node has them: extended ones, huge pages, attachable volumes.
fn is_counted(name: &str) -> bool {
    name.contains('/') || name.starts_with("hugepages-") || name.starts_with("attachable-volumes-")
}

/// A container, as far as amounts go.
pub(crate) struct Needs<'a> {
    pub(crate) requests: &'a Quantities,
    /// An initial container that stays.
    pub(crate) stays: bool,
}

impl Needs<'_> {
    fn read(&self, fill: bool) -> Resources {
        let mut read = Resources::read(self.requests);
        if fill && !self.requests.contains_key("cpu") {
            read.milli_cpu = UNSAID_MILLI_CPU;
        }
        if fill && !self.requests.contains_key("memory") {
            read.memory = UNSAID_MEMORY_BYTES;
        }
        read
    }
}

/// What a pod asks for at most at any time: its containers together with initial ones that stay, or one initial
/// container on top of those that stay and began before it. `fill` counts what is not said as upstream's scores do.
pub(crate) fn asked<'a>(
    containers: impl Iterator<Item = Needs<'a>>,
    initial: impl Iterator<Item = Needs<'a>>,
    whole: Option<&Quantities>,
    overhead: &Quantities,
    fill: bool,
) -> Resources {
    let mut sum = Resources::default();
    containers.for_each(|container| sum.add(&container.read(fill), 1));
    let (mut staying, mut most) = (Resources::default(), Resources::default());
    for container in initial {
        let mut needs = container.read(fill);
        if container.stays {
            sum.add(&needs, 1);
            staying.add(&needs, 1);
            most.raise(&staying);
        } else {
            needs.add(&staying, 1);
            most.raise(&needs);
        }
    }
    sum.raise(&most);
    if let Some(whole) = whole {
        sum.overrule(whole);
    }
    sum.add(&Resources::read(overhead), 1);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantities(text: &str) -> Quantities {
        let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn shown(resources: &Resources) -> String {
        let mut text = format!("{}m {} {}", resources.milli_cpu, resources.memory, resources.storage);
        for (name, amount) in &resources.others {
            text.push_str(&format!(" {name}={amount}"));
        }
        text
    }

    /// Containers separated by commas; initial ones after a bar, those that stay with a star.
    fn check(spec: &str, whole: Option<&str>, overhead: &str, fill: bool, expected: &str) {
        let (main, initial) = spec.split_once('|').unwrap_or((spec, ""));
        let read = |text: &str| -> Vec<(Quantities, bool)> {
            let all = text.split(',').filter(|text| !text.is_empty());
            all.map(|text| (quantities(text.trim_matches('*')), text.contains('*'))).collect()
        };
        let (main, initial) = (read(main), read(initial));
        let whole = whole.map(quantities);
        let needs = |(requests, stays): &'static (Quantities, bool)| Needs { requests, stays: *stays };
        let main: &'static Vec<_> = Box::leak(Box::new(main));
        let initial: &'static Vec<_> = Box::leak(Box::new(initial));
        let sum = asked(
            main.iter().map(needs),
            initial.iter().map(needs),
            whole.as_ref(),
            &quantities(overhead),
            fill,
        );
        assert_eq!(shown(&sum), expected, "{spec}");
    }

    #[test]
    fn a_pod_asks_for_the_most_it_needs_at_any_time() {
        check("cpu=100m memory=1Ki,cpu=1", None, "", false, "1100m 1024 0");
        check("cpu=1|cpu=3,cpu=2", None, "", false, "3000m 0 0");
        check("cpu=1|*cpu=2,cpu=2", None, "", false, "4000m 0 0");
        check("cpu=1|cpu=4,*cpu=1", None, "", false, "4000m 0 0");
        check("cpu=1|*cpu=1,cpu=4", None, "", false, "5000m 0 0");
        check("cpu=1", None, "cpu=250m memory=1", false, "1250m 1 0");
        check("cpu=1 memory=5", Some("cpu=3"), "cpu=1", false, "4000m 5 0");
        check("cpu=1,,example.com/gpu=2 storage=1", None, "", false, "1000m 0 0 example.com/gpu=2");
        check("memory=1", None, "", true, "100m 1 0");
        check("cpu=0,cpu=1", None, "", true, "1000m 419430400 0");
    }
}
