//! Zones, and how fast nodes that are lost may be given up in each: where many are lost at once, it is more likely the
//! network that is broken than the nodes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;

use crate::views::node::Node;

/// How many nodes a second are given up in a zone, usually and where many are lost; upstream's.
const USUAL: f64 = 0.1;
const SLOW: f64 = 0.01;
/// Zones with more nodes are large: the others do not give up any node while many are lost.
const LARGE: usize = 50;
/// The share of lost nodes that are many, if there are at least three.
const MANY: f64 = 0.55;
/// What excludes a node from counting.
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";

/// How a zone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Normal,
    /// Many are lost.
    Partial,
    /// All are lost.
    Full,
}

#[derive(Debug, Default)]
struct Zone {
    ready: usize,
    lost: usize,
    /// How many nodes may be given up at this moment; one at most.
    tokens: f64,
    since: UnixMillis,
    /// Who waits, in order.
    waiting: VecDeque<CompactString>,
}

impl Zone {
    fn state(&self) -> State {
        let all = self.ready + self.lost;
        #[expect(clippy::cast_precision_loss, reason = "there are not that many nodes")]
        let share = if all == 0 { 0.0 } else { self.lost as f64 / all as f64 };
        match self.ready {
            0 if self.lost > 0 => State::Full,
            _ if self.lost > 2 && share >= MANY => State::Partial,
            _ => State::Normal,
        }
    }

    fn rate(&self) -> f64 {
        match self.state() {
            State::Partial if self.ready + self.lost > LARGE => SLOW,
            State::Partial => 0.0,
            State::Normal | State::Full => USUAL,
        }
    }
}

/// All zones.
#[derive(Debug, Default)]
pub(super) struct Zones {
    zones: BTreeMap<CompactString, Zone>,
    /// In which zone each node counts, and whether as ready.
    counted: HashMap<CompactString, (CompactString, bool)>,
    /// How often the cluster came back after all had been lost.
    pub(super) returned: u32,
}

/// What a node's zone is called.
pub(super) fn name(node: &Node) -> CompactString {
    let label = |key: &str| node.metadata.labels.get(key).unwrap_or_default();
    let (region, zone) = (label("topology.kubernetes.io/region"), label("topology.kubernetes.io/zone"));
    compact_str::format_compact!("{region}:{zone}")
}

impl Zones {
    /// Whether all nodes of all zones are lost. Nobody is given up then: it is we who are cut off.
    pub(super) fn all_lost(&self) -> bool {
        let mut counting = self.zones.values().filter(|zone| zone.ready + zone.lost > 0).peekable();
        counting.peek().is_some() && counting.all(|zone| zone.state() == State::Full)
    }

    /// Counts a node as it is now; says whether that changes how others are treated.
    pub(super) fn count(&mut self, key: &str, node: Option<&Node>) -> bool {
        let now = node.filter(|node| node.metadata.labels.get(EXCLUDED).is_none());
        let now = now.map(|node| (name(node), node.is_ready()));
        let before = self.counted.get(key).cloned();
        if before == now {
            return false;
        }
        let all_lost = self.all_lost();
        let names: Vec<CompactString> = before.iter().chain(&now).map(|(zone, _)| zone.clone()).collect();
        let rates: Vec<f64> = names.iter().map(|zone| self.rate(zone)).collect();
        if let Some((zone, ready)) = before {
            let zone = self.zones.entry(zone).or_default();
            if ready {
                zone.ready -= 1
            } else {
                zone.lost -= 1
            }
            self.counted.remove(key);
        }
        if let Some((zone, ready)) = now {
            let counts =
                self.zones.entry(zone.clone()).or_insert_with(|| Zone { tokens: 1.0, ..Zone::default() });
            if ready {
                counts.ready += 1
            } else {
                counts.lost += 1
            }
            self.counted.insert(key.into(), (zone, ready));
        }
        let returns = all_lost && !self.all_lost();
        self.returned += u32::from(returns);
        let others =
            names.iter().zip(rates).any(|(zone, rate)| (self.rate(zone) - rate).abs() > f64::EPSILON);
        all_lost != self.all_lost() || others
    }

    fn rate(&self, zone: &str) -> f64 {
        self.zones.get(zone).map_or(USUAL, Zone::rate)
    }

    /// Whether a node may be given up now; else how long it has to wait, if that is known.
    pub(super) fn give_up(
        &mut self,
        zone: &str,
        node: &CompactString,
        now: UnixMillis,
    ) -> Result<(), Option<Duration>> {
        let zone = self.zones.entry(zone.into()).or_insert_with(|| Zone { tokens: 1.0, ..Zone::default() });
        if !zone.waiting.contains(node) {
            zone.waiting.push_back(node.clone());
        }
        let rate = zone.rate();
        let passed = Duration::from_millis(now.since(zone.since)).as_secs_f64();
        zone.tokens = passed.mul_add(rate, zone.tokens).min(1.0);
        zone.since = now;
        if rate <= 0.0 {
            return Err(None);
        }
        let ahead = zone.waiting.iter().position(|waiting| waiting == node).unwrap_or(0);
        // A little more than one, or what is computed never suffices.
        if ahead == 0 && zone.tokens > 0.9999 {
            zone.tokens -= 1.0;
            zone.waiting.pop_front();
            return Ok(());
        }
        #[expect(clippy::cast_precision_loss, reason = "there are not that many nodes")]
        let wanted = ahead as f64 + 1.0;
        Err(Some(Duration::from_secs_f64(((wanted - zone.tokens) / rate).max(0.001))))
    }

    /// A node need not be given up any more.
    pub(super) fn keep(&mut self, node: &str) {
        for zone in self.zones.values_mut().filter(|zone| !zone.waiting.is_empty()) {
            zone.waiting.retain(|waiting| waiting != node);
        }
    }
}
