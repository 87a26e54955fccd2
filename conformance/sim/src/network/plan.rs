//! What goes wrong between components and server, and how often.

use std::time::Duration;

use keelson_store::fault::Random;

/// The longest time that a watch lags behind, in milliseconds. Checks that allow for stale views count on it.
pub(crate) const LAG_MILLIS_MAX: u64 = 12_000;

/// What goes wrong, as requests or pieces of watches out of a thousand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// How long a request or an answer is under way, in milliseconds at most.
    pub(crate) travel_millis_max: u64,
    /// Requests that never arrive.
    pub(crate) lost: u32,
    /// Changes whose answer never arrives.
    pub(crate) answer_lost: u32,
    /// Requests that are refused because there is too much to do.
    pub(crate) busy: u32,
    /// Requests that fail in the server, half of the changes after they were made.
    pub(crate) fails: u32,
    /// Changes that are refused because somebody else was faster.
    pub(crate) conflicts: u32,
    /// Watches that begin, or go on, too far back.
    pub(crate) expires: u32,
    /// Pieces of watches that are the last.
    pub(crate) breaks: u32,
    /// Pieces of watches that come late, and all behind them.
    pub(crate) lags: u32,
    /// Requests at which their component dies.
    pub(crate) dies: u32,
}

impl Plan {
    /// Nothing goes wrong, but time passes.
    pub(crate) fn calm() -> Self {
        Self { travel_millis_max: 2, ..Self::default() }
    }

    /// What goes wrong in the run of a seed: some things often, some never.
    pub(crate) fn drawn(random: &mut Random) -> Self {
        let mut rate = |often: u64| match random.below(3) {
            0 => 0,
            1 => u32::try_from(random.between(1, often)).unwrap_or(0),
            _ => u32::try_from(random.between(1, often / 4 + 1)).unwrap_or(0),
        };
        Self {
            lost: rate(60),
            answer_lost: rate(60),
            busy: rate(60),
            fails: rate(60),
            conflicts: rate(60),
            expires: rate(20),
            breaks: rate(40),
            lags: rate(80),
            dies: rate(8),
            travel_millis_max: *random.pick(&[1, 5, 50, 400]),
        }
    }

    pub(crate) fn travel(&self, random: &mut Random) -> Duration {
        let max = self.travel_millis_max;
        if max == 0 { Duration::ZERO } else { Duration::from_millis(random.below(max + 1)) }
    }

    /// How late a piece of a watch comes.
    pub(crate) fn lag(&self, random: &mut Random) -> Duration {
        if !random.chance(self.lags) {
            return self.travel(random);
        }
        // Short ones are as frequent as long ones.
        let most = LAG_MILLIS_MAX >> random.below(8);
        Duration::from_millis(random.between(1, most))
    }
}
