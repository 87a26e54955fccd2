//! For which time a job is due, and when the next one will be.

use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::Time;

use super::calendar::Clockwork;
use crate::views::cronjob::CronJob;

/// More times than these that have passed are worth a warning. Upstream's.
const MISSED_MAX: i64 = 100;
/// So much later than due is looked, since clocks differ. Upstream's.
const PADDING_MILLIS: u64 = 100;

/// What has passed since a job was last made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// From when on it is counted.
    pub(super) since: Time,
    /// The last time that has passed.
    pub(super) last: Option<Time>,
    /// How many have, roughly.
    pub(super) count: i64,
}

impl Passed {
    /// Whether so many have that something must be wrong.
    pub(super) fn are_too_many(&self) -> bool {
        self.count > MISSED_MAX
    }
}

/// A schedule that never comes round.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Never;

/// What has passed; no earlier than the deadline allows, if that is to be `within` it.
pub(super) fn passed(
    cron: &CronJob,
    clockwork: &Clockwork,
    within: bool,
    now: Time,
) -> Result<Passed, Never> {
    let created = cron.metadata.creation_timestamp.unwrap_or_default();
    let mut since = cron.status.last_schedule_time.unwrap_or(created);
    if let Some(seconds) = cron.spec.starting_deadline_seconds.filter(|_| within) {
        since = since.max(Time(now.0.saturating_sub(seconds)));
    }
    let first = clockwork.next(since).ok_or(Never)?;
    if now < first {
        return Ok(Passed { since, last: None, count: 0 });
    }
    let Some(second) = clockwork.next(first).filter(|second| now >= *second) else {
        return Ok(Passed { since, last: Some(first), count: 0 });
    };
    // Those in between are not gone through one by one: after a long time there are too many.
    let apart = second.0 - first.0;
    let count = (now.0 - first.0) / apart + 1;
    let mut at = Time(first.0 + (count - 2) * apart);
    let mut last = None;
    while let Some(next) = clockwork.next(at).filter(|next| *next <= now) {
        last = Some(next);
        at = next;
    }
    Ok(Passed { since, last, count })
}

/// When to look again.
pub(super) fn again(cron: &CronJob, clockwork: &Clockwork, now: UnixMillis) -> Option<Duration> {
    let from = match passed(cron, clockwork, false, Time::of(now)) {
        Ok(Passed { last: Some(last), .. }) => last,
        Ok(Passed { since, count: 0, .. }) => since,
        Ok(_) | Err(Never) => Time::of(now),
    };
    let next = clockwork.next(from)?.millis();
    Some(Duration::from_millis(next.since(now) + PADDING_MILLIS))
}
