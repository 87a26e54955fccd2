//! Why a pod has no place, in upstream's words.

use std::collections::BTreeMap;

use compact_str::CompactString;

use crate::framework::{Reason, Rejection};
use crate::preemption::Preemption;

/// A pod has no place.
#[derive(Clone, Debug)]
pub struct Failure {
    /// For people.
    pub message: String,
    /// The plugins that rejected it.
    pub rejected_by: Vec<&'static str>,
    /// Who could go for it, and where it would then be.
    pub preemption: Option<Preemption>,
    /// Whether room that is being made for it elsewhere would be of no use.
    pub gives_up_nomination: bool,
}

/// What was found about each node.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// Nodes that were looked at, and who rejected them.
    pub(crate) nodes: Vec<(CompactString, &'static str, Rejection)>,
    /// What holds for all others.
    pub(crate) absent: Option<Reason>,
    /// What was found before any node was looked at.
    pub(crate) before: Option<(&'static str, Rejection)>,
}

impl Verdicts {
    pub(crate) fn of(&self, node: &str) -> Option<&Rejection> {
        self.nodes.iter().find(|(name, _, _)| name == node).map(|(_, _, rejection)| rejection)
    }

    pub(crate) fn rejected_by(&self) -> Vec<&'static str> {
        let before = self.before.iter().map(|(plugin, _)| *plugin);
        let mut all: Vec<_> = self.nodes.iter().map(|(_, plugin, _)| *plugin).chain(before).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// `0/3 nodes are available: 1 this, 2 that.`
    pub(crate) fn message(&self, nodes: usize) -> String {
        let mut text = format!("0/{nodes} nodes are available:");
        if let Some((_, rejection)) = &self.before {
            text.push_str(&format!(" {}.", rejection.reasons.join(", ")));
            return text;
        }
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in self.nodes.iter().flat_map(|(_, _, rejection)| &rejection.reasons) {
            *reasons.entry(reason).or_default() += 1;
        }
        let others = nodes.saturating_sub(self.nodes.len());
        if let Some(reason) = self.absent.as_deref().filter(|_| others > 0) {
            *reasons.entry(reason).or_default() += others;
        }
        let mut parts: Vec<String> =
            reasons.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        parts.sort_unstable();
        if !parts.is_empty() {
            text.push_str(&format!(" {}.", parts.join(", ")));
        }
        text
    }
}
