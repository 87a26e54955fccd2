//! How long a failed pod of a daemon set stays on its node: longer each time, or nodes that refuse a pod would be busy
//! with nothing else.

use std::collections::HashMap;
use std::time::Duration;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use parking_lot::Mutex;

/// First and longest wait; upstream's.
const MILLIS_MIN: u64 = 1000;
const MILLIS_MAX: u64 = 15 * 60 * 1000;
/// Sets and nodes that are remembered; beyond that, those whose time is over are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// Whose pods failed where: the set's uid and the node.
type Place = (CompactString, CompactString);

/// Since when somebody waits, and for how long.
#[derive(Clone, Copy, Debug)]
struct Wait {
    since: UnixMillis,
    millis: u64,
}

/// Who waits.
#[derive(Debug, Default)]
pub(super) struct Waits(Mutex<HashMap<Place, Wait>>);

impl Waits {
    /// How long to wait still; if no longer, the next one will have to wait for longer.
    pub(super) fn next(&self, set: &str, node: &str, now: UnixMillis) -> Option<Duration> {
        let mut all = self.0.lock();
        if all.len() >= REMEMBERED_MAX {
            all.retain(|_, wait| now.since(wait.since) <= 2 * MILLIS_MAX);
        }
        let place = (set.into(), node.into());
        let millis = match all.get(&place) {
            Some(wait) if now.since(wait.since) < wait.millis => {
                return Some(Duration::from_millis(wait.millis - now.since(wait.since)));
            }
            Some(wait) if now.since(wait.since) <= 2 * MILLIS_MAX => (2 * wait.millis).min(MILLIS_MAX),
            _ => MILLIS_MIN,
        };
        all.insert(place, Wait { since: now, millis });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_forgotten() {
        let waits = Waits::default();
        let next =
            |seconds: u64| waits.next("set", "node", UnixMillis(seconds * 1000)).map(|wait| wait.as_secs());
        assert_eq!(
            (next(100), next(100), next(101), next(102), next(103)),
            (None, Some(1), None, Some(1), None)
        );
        assert_eq!((next(104), next(107)), (Some(3), None));
        assert_eq!((next(4000), next(4001)), (None, None), "it begins anew");
        assert_eq!(waits.next("set", "other", UnixMillis(4_001_000)), None);
    }
}
