//! Why a pod has no place, in upstream's words.

use std::collections::BTreeMap;

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

/// What was found about each node. Verdicts have numbers from 1: of many nodes the same is said.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    kinds: Vec<(&'static str, Rejection)>,
    /// Nodes that were looked at and will not do, by slot, and the number of the verdict.
    pub(crate) nodes: Vec<(usize, u16)>,
    /// What holds for all others.
    pub(crate) absent: Option<Reason>,
    /// What was found before any node was looked at.
    pub(crate) before: Option<(&'static str, Rejection)>,
}

impl Verdicts {
    /// Forgets what was found about nodes; verdicts keep their numbers.
    pub(crate) fn begin(&mut self) {
        self.nodes.clear();
        self.absent = None;
        self.before = None;
    }

    /// How many different verdicts have a number.
    pub(crate) fn kinds(&self) -> usize {
        self.kinds.len()
    }

    /// The number of a verdict.
    pub(crate) fn number(&mut self, plugin: &'static str, rejection: Rejection) -> u16 {
        let known = self.kinds.iter().position(|(by, known)| *by == plugin && *known == rejection);
        let at = known.unwrap_or_else(|| {
            self.kinds.push((plugin, rejection));
            self.kinds.len() - 1
        });
        u16::try_from(at + 1).unwrap_or(u16::MAX)
    }

    fn kind(&self, number: u16) -> Option<&(&'static str, Rejection)> {
        self.kinds.get(usize::from(number).checked_sub(1)?)
    }

    /// Who gave the verdict of this number.
    pub(crate) fn plugin(&self, number: u16) -> Option<&'static str> {
        self.kind(number).map(|(plugin, _)| *plugin)
    }

    /// The nodes that would do if pods went.
    pub(crate) fn resolvable(&self) -> Vec<usize> {
        let kinds: Vec<bool> = self.kinds.iter().map(|(_, rejection)| rejection.resolvable).collect();
        let nodes = self.nodes.iter();
        nodes.filter(|(_, number)| kinds[usize::from(*number) - 1]).map(|(slot, _)| *slot).collect()
    }

    /// Why the node of this slot will not do.
    pub(crate) fn of(&self, slot: usize) -> Option<&Rejection> {
        let (_, number) = self.nodes.iter().find(|(node, _)| *node == slot)?;
        self.kind(*number).map(|(_, rejection)| rejection)
    }

    /// Each verdict that was given, and how often.
    fn given(&self) -> impl Iterator<Item = (&(&'static str, Rejection), usize)> {
        let mut counts = vec![0; self.kinds.len()];
        self.nodes.iter().for_each(|(_, number)| counts[usize::from(*number) - 1] += 1);
        self.kinds.iter().zip(counts).filter(|(_, count)| *count > 0)
    }

    pub(crate) fn rejected_by(&self) -> Vec<&'static str> {
        let before = self.before.iter().map(|(plugin, _)| *plugin);
        let mut all: Vec<_> = self.given().map(|((plugin, _), _)| *plugin).chain(before).collect();
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
        for ((_, rejection), count) in self.given() {
            for reason in &rejection.reasons {
                *reasons.entry(reason).or_default() += count;
            }
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
