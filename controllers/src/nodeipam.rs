//! Ranges of addresses for nodes' pods: each node gets a part of the cluster's ranges, one of each family.
//!
//! Which parts are taken is kept as nodes come and go. What was promised to a node is promised until it is seen, so that
//! no part is given twice while a write is under way.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::events::Weight;
use keelson_client::{Cache, Caches, Key};
use parking_lot::Mutex;
use serde_json::json;

use crate::builtin::Settings;
use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan, Word};
use crate::views::node::{NODES, Node};

/// How long the parts' prefixes are; upstream's defaults.
const LENGTH_V4: u8 = 24;
const LENGTH_V6: u8 = 64;
/// The most parts of one range; upstream's.
const PARTS_BITS_MAX: u8 = 16;
/// How long a node waits until it is looked whether there is a part for it now.
const USED_UP: Duration = Duration::from_secs(60);

/// The ranges of a cluster, in the order in which nodes get them: at most one of each family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodRanges(Vec<Range>);

/// A range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    base: IpAddr,
    length: u8,
}

/// Why a text names no ranges for pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPodRanges(String);

impl fmt::Display for NoPodRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoPodRanges {}

impl FromStr for PodRanges {
    type Err = NoPodRanges;

    /// Reads ranges with a comma in between; of nothing, none.
    fn from_str(text: &str) -> Result<Self, NoPodRanges> {
        let read = |text: &str| {
            let (base, length) = text.trim().split_once('/')?;
            let (base, length) = (base.parse::<IpAddr>().ok()?, length.parse::<u8>().ok()?);
            let of_node = if base.is_ipv4() { LENGTH_V4 } else { LENGTH_V6 };
            (length <= of_node).then_some(Range { base, length })
        };
        let texts: Vec<&str> = text.split(',').filter(|text| !text.is_empty()).collect();
        let ranges: Option<Vec<Range>> = texts.iter().map(|text| read(text)).collect();
        match ranges {
            Some(ranges) if ranges.len() < 2 => Ok(Self(ranges)),
            Some(ranges) if ranges.len() == 2 && ranges[0].base.is_ipv4() != ranges[1].base.is_ipv4() => {
                Ok(Self(ranges))
            }
            Some(_) => {
                Err(NoPodRanges("names more ranges than families; give one for IPv4, one for IPv6".into()))
            }
            None => Err(NoPodRanges(format!(
                "is no range that can be divided among nodes; give one such as 10.244.0.0/16, of at most /{LENGTH_V4}, \
                 or /{LENGTH_V6} of IPv6"
            ))),
        }
    }
}

impl Range {
    fn of_node(self) -> u8 {
        if self.base.is_ipv4() { LENGTH_V4 } else { LENGTH_V6 }
    }

    fn parts(self) -> u32 {
        1 << (self.of_node() - self.length).min(PARTS_BITS_MAX)
    }

    fn part(self, number: u32) -> CompactString {
        let length = self.of_node();
        let base: IpAddr = match self.base {
            IpAddr::V4(base) => {
                let within = base.to_bits() & u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                Ipv4Addr::from_bits(within | number << (32 - length)).into()
            }
            IpAddr::V6(base) => {
                let within =
                    base.to_bits() & u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                Ipv6Addr::from_bits(within | u128::from(number) << (128 - length)).into()
            }
        };
        compact_str::format_compact!("{base}/{length}")
    }
}

/// The controller. Keys are nodes.
pub(crate) struct NodeIpam {
    nodes: Arc<Cache<Node>>,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    ranges: Vec<Range>,
    /// By range, where to look next: what has just been given back is not given at once.
    next: Vec<u32>,
    /// By node: what it has, or is to have.
    given: HashMap<CompactString, Vec<CompactString>>,
    taken: HashSet<CompactString>,
}

impl NodeIpam {
    pub(crate) fn new(caches: &Caches, settings: &Settings) -> Self {
        Self::over(caches.of(), &settings.pod_ranges)
    }

    fn over(nodes: Arc<Cache<Node>>, ranges: &PodRanges) -> Self {
        let ranges = ranges.0.clone();
        let memory = Memory { next: vec![0; ranges.len()], ranges, ..Memory::default() };
        Self { nodes, memory: Arc::new(Mutex::new(memory)) }
    }
}

impl Controller for NodeIpam {
    fn inputs(&self, inputs: &Inputs) {
        let memory = Arc::clone(&self.memory);
        inputs.map(&self.nodes, move |change| {
            let mut memory = memory.lock();
            match (change.old, change.new) {
                (old, Some(node)) => {
                    let replaced = old.is_some_and(|old| old.metadata.uid != node.metadata.uid);
                    if replaced {
                        memory.free(&node.metadata.name);
                    }
                    if !node.spec.pod_ranges.is_empty() {
                        memory.occupy(&node.metadata.name, &node.spec.pod_ranges);
                        return Vec::new();
                    }
                    if old.is_some() && !replaced { Vec::new() } else { vec![node.metadata.key()] }
                }
                (Some(old), None) => {
                    memory.free(&old.metadata.name);
                    Vec::new()
                }
                (None, None) => Vec::new(),
            }
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let Some(node) = self.nodes.get(key).filter(|node| node.spec.pod_ranges.is_empty()) else {
            return Plan::nothing();
        };
        let mut memory = self.memory.lock();
        if memory.ranges.is_empty() {
            return Plan::nothing();
        }
        let Some(given) = memory.give(&node.metadata.name) else {
            let note = format!("Node {} status is now: CIDRNotAvailable", node.metadata.name);
            let word = Word::new("CIDRNotAvailable", "CIDRNotAvailable", note);
            let tell = Action::tell(&NODES, &node.metadata, Weight::Normal, &word);
            return Plan { again: Some(USED_UP), ..Plan::of(vec![tell]) };
        };
        let spec = json!({"podCIDR": given[0], "podCIDRs": given});
        let change = json!({"metadata": {"uid": node.metadata.uid}, "spec": spec});
        // What somebody else has given it stays.
        let action = Action { may_be_invalid: true, ..Action::strategic(&NODES, key.clone(), change) };
        Plan::of(vec![action])
    }
}

impl Memory {
    fn free(&mut self, node: &str) {
        for part in self.given.remove(node).unwrap_or_default() {
            self.taken.remove(&part);
        }
    }

    fn occupy(&mut self, node: &CompactString, has: &[CompactString]) {
        if self.given.get(node).is_some_and(|given| given == has) {
            return;
        }
        self.free(node);
        self.taken.extend(has.iter().cloned());
        self.given.insert(node.clone(), has.to_vec());
    }

    /// What a node is to have; the same again if it was promised before.
    fn give(&mut self, node: &CompactString) -> Option<Vec<CompactString>> {
        if let Some(given) = self.given.get(node) {
            return Some(given.clone());
        }
        let mut given = Vec::with_capacity(self.ranges.len());
        for (range, next) in self.ranges.iter().zip(&self.next) {
            let parts = range.parts();
            let mut all =
                (0..parts).map(|step| (next + step) % parts).map(|number| (number, range.part(number)));
            given.push(all.find(|(_, part)| !self.taken.contains(part))?);
        }
        for ((range, next), (number, _)) in self.ranges.iter().zip(&mut self.next).zip(&given) {
            *next = (number + 1) % range.parts();
        }
        let given: Vec<CompactString> = given.into_iter().map(|(_, part)| part).collect();
        self.taken.extend(given.iter().cloned());
        self.given.insert(node.clone(), given.clone());
        Some(given)
    }
}

#[cfg(test)]
mod tests {
    use keelson_client::queue::Queue;

    use super::*;
    use crate::plan::lines;

    fn node(name: &str, ranges: &[&str]) -> Node {
        let node = json!({"metadata": {"name": name, "uid": name}, "spec": {"podCIDRs": ranges}});
        serde_json::from_value(node).unwrap()
    }

    fn controller(ranges: &str) -> NodeIpam {
        let controller = NodeIpam::over(Arc::new(Cache::default()), &ranges.parse().unwrap());
        controller.inputs(&Inputs::new(Queue::default()));
        controller
    }

    fn given(controller: &NodeIpam, name: &str) -> String {
        lines(controller.plan(&Key::new("", name), UnixMillis(0))).join("; ")
    }

    #[test]
    fn each_node_gets_its_own_parts() {
        let ipam = controller("10.244.0.0/22,fd00:1::/63");
        for (name, ranges) in
            [("a", &["10.244.1.0/24", "fd00:1::/64"][..]), ("b", &[]), ("c", &[]), ("d", &[])]
        {
            ipam.nodes.apply(node(name, ranges));
        }
        let patch = |name: &str, one: &str, other: &str| {
            format!(r#"patch nodes {name} {{"spec":{{"podCIDR":"{one}","podCIDRs":["{one}","{other}"]}}}}"#)
        };
        assert_eq!(given(&ipam, "a"), "");
        assert_eq!(given(&ipam, "b"), patch("b", "10.244.0.0/24", "fd00:1:0:1::/64"));
        assert_eq!(given(&ipam, "b"), patch("b", "10.244.0.0/24", "fd00:1:0:1::/64"), "it stays what it was");
        let none = "tell Normal CIDRNotAvailable: Node c status is now: CIDRNotAvailable; again in 60s";
        assert_eq!(given(&ipam, "c"), none);
        ipam.nodes.remove(node("a", &[]));
        assert_eq!(given(&ipam, "c"), patch("c", "10.244.1.0/24", "fd00:1::/64"));
    }

    #[test]
    fn ranges_are_read() {
        for (text, expected) in [
            ("", true),
            ("10.0.0.0/8", true),
            ("fd00::/48,10.0.0.0/24", true),
            ("10.0.0.0/25", false),
            ("10.0.0.0", false),
            ("10.0.0.0/8,10.0.0.0/16", false),
        ] {
            assert_eq!(text.parse::<PodRanges>().is_ok(), expected, "{text}");
        }
    }
}
