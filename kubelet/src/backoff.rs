//! How long a container that keeps ending waits until it is started again.

use std::collections::HashMap;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;

/// The first and the longest wait; upstream's.
const FIRST_MILLIS: u64 = 10_000;
const LONGEST_MILLIS: u64 = 300_000;
/// A container that ran for so long begins anew.
const FORGOTTEN_MILLIS: u64 = 2 * LONGEST_MILLIS;

/// The waits of a pod's containers.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// By container: how long it waits when it ends next, and since when that is so.
    waits: HashMap<CompactString, (u64, UnixMillis)>,
}

/// A container that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) container: CompactString,
    /// How long in all.
    pub(crate) lasts: Duration,
    pub(crate) until: UnixMillis,
}

impl Backoff {
    /// Whether a container that ended at `finished` still has to wait; if it has not, it is taken to be started now, and
    /// waits longer the next time.
    pub(crate) fn wait(
        &mut self,
        container: &CompactString,
        finished: UnixMillis,
        now: UnixMillis,
    ) -> Option<Wait> {
        let known = self.waits.get(container).copied();
        let known = known.filter(|(_, since)| finished.since(*since) <= FORGOTTEN_MILLIS);
        if let Some((lasts, _)) = known {
            let until = UnixMillis(finished.0 + lasts);
            if until > now {
                let container = container.clone();
                return Some(Wait { container, lasts: Duration::from_millis(lasts), until });
            }
        }
        let next = known.map_or(FIRST_MILLIS, |(lasts, _)| (lasts * 2).min(LONGEST_MILLIS));
        self.waits.insert(container.clone(), (next, now));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_forgotten() {
        let (mut backoff, name) = (Backoff::default(), CompactString::from("c"));
        let (mut now, mut waited) = (1_000_000, Vec::new());
        for _ in 0..8 {
            // It ends at once, each time.
            let finished = now;
            match backoff.wait(&name, UnixMillis(finished), UnixMillis(now)) {
                None => waited.push(0),
                Some(wait) => {
                    waited.push(wait.lasts.as_secs());
                    now = wait.until.0;
                    assert_eq!(backoff.wait(&name, UnixMillis(finished), UnixMillis(now)), None);
                }
            }
        }
        assert_eq!(waited, [0, 10, 20, 40, 80, 160, 300, 300]);
        let finished = now + FORGOTTEN_MILLIS + 1;
        assert_eq!(backoff.wait(&name, UnixMillis(finished), UnixMillis(finished)), None);
    }
}
