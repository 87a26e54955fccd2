//! What a node has room for: pods that ask for more than is left are refused, also if somebody else placed them.

use std::collections::HashMap;

use compact_str::CompactString;
use keelson_client::Labels;

use crate::pod::Needs;

/// Why a node does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// The room of a node, and who has how much of it.
#[derive(Debug, Default)]
pub(crate) struct Room {
    has: Needs,
    pods_max: i64,
    /// By uid.
    taken: HashMap<CompactString, Needs>,
    sum: Needs,
}

impl Room {
    /// A node's room, by what it says of itself.
    pub(crate) fn new(allocatable: &Labels) -> Self {
        let pods_max = allocatable.get("pods").and_then(|pods| pods.parse().ok()).unwrap_or(0);
        Self { has: Needs::of(allocatable), pods_max, ..Self::default() }
    }

    /// Takes a pod in, if there is room for it.
    pub(crate) fn admit(&mut self, uid: &CompactString, needs: Needs) -> Result<(), Refusal> {
        if self.taken.contains_key(uid) {
            return Ok(());
        }
        let pods = i64::try_from(self.taken.len()).unwrap_or(i64::MAX);
        let asked = [
            ("OutOfpods", 1, pods, self.pods_max),
            ("OutOfcpu", needs.cpu, self.sum.cpu, self.has.cpu),
            ("OutOfmemory", needs.memory, self.sum.memory, self.has.memory),
            ("OutOfephemeral-storage", needs.storage, self.sum.storage, self.has.storage),
        ];
        for (reason, requested, used, capacity) in asked {
            if requested > 0 && requested > capacity - used {
                let name = reason.trim_start_matches("OutOf");
                let message = format!(
                    "Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}"
                );
                return Err(Refusal { reason, message });
            }
        }
        self.take(uid, needs);
        Ok(())
    }

    /// Takes a pod in that is there already.
    pub(crate) fn take(&mut self, uid: &CompactString, needs: Needs) {
        if self.taken.insert(uid.clone(), needs).is_none() {
            self.sum = self.sum.plus(needs);
        }
    }

    /// A pod takes nothing any more.
    pub(crate) fn release(&mut self, uid: &str) {
        if let Some(needs) = self.taken.remove(uid) {
            self.sum = self.sum.minus(needs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let has: Labels = [("cpu", "2"), ("memory", "1Gi"), ("pods", "2")].into_iter().collect();
        let mut room = Room::new(&has);
        let cpu = |cpu| Needs { cpu, ..Needs::default() };
        assert_eq!(room.admit(&"a".into(), cpu(1500)), Ok(()));
        let refusal = room.admit(&"b".into(), cpu(600)).unwrap_err();
        assert_eq!(refusal.reason, "OutOfcpu");
        assert_eq!(
            refusal.message,
            "Node didn't have enough resource: cpu, requested: 600, used: 1500, capacity: 2000"
        );
        assert_eq!(room.admit(&"b".into(), cpu(500)), Ok(()));
        assert_eq!(room.admit(&"c".into(), Needs::default()).unwrap_err().reason, "OutOfpods");
        room.release("a");
        assert_eq!(room.admit(&"c".into(), cpu(1500)), Ok(()));
    }
}
