//! Schedules as cron writes them, `30 4 * * 1-5`, and the names of time zones.
//!
//! The form is that of the library that upstream reads them with, down to its words where a text is none.

use std::fmt;

use crate::duration::Span;
use crate::golang::atoi;

/// When something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At times of the calendar.
    Calendar(Calendar),
    /// Again and again, so many seconds apart.
    Every {
        /// How many.
        seconds: u64,
    },
}

/// Times of the calendar: each set has a bit for each number that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Minutes of an hour.
    pub minutes: u64,
    /// Hours of a day.
    pub hours: u64,
    /// Days of a month; with [`Calendar::ANY`] if any will do.
    pub days: u64,
    /// Months, January being the first.
    pub months: u64,
    /// Days of a week, Sunday being number zero; with [`Calendar::ANY`] if any will do.
    pub weekdays: u64,
    /// The time zone that the text itself names.
    pub zone: Option<Box<str>>,
}

impl Calendar {
    /// The bit of a set that came of a star: of two sets of days the other one decides.
    pub const ANY: u64 = 1 << 63;
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError(String);

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScheduleError {}

/// A field: its least and greatest number, and names for numbers, the first of which is the least.
struct Field {
    least: i64,
    greatest: i64,
    names: &'static [&'static str],
}

const MINUTES: Field = Field { least: 0, greatest: 59, names: &[] };
const HOURS: Field = Field { least: 0, greatest: 23, names: &[] };
const DAYS: Field = Field { least: 1, greatest: 31, names: &[] };
const MONTHS: Field = Field {
    least: 1,
    greatest: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Field =
    Field { least: 0, greatest: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// If the text is none.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        if text.is_empty() {
            return Err(ScheduleError("empty spec string".into()));
        }
        let (zone, text) = zone_of(text)?;
        if text.starts_with('@') {
            return described(text, zone);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            let (count, all) = (fields.len(), fields.join(" "));
            return Err(ScheduleError(format!("expected exactly 5 fields, found {count}: [{all}]")));
        };
        Ok(Self::Calendar(Calendar {
            minutes: set(minutes, &MINUTES)?,
            hours: set(hours, &HOURS)?,
            days: set(days, &DAYS)?,
            months: set(months, &MONTHS)?,
            weekdays: set(weekdays, &WEEKDAYS)?,
            zone,
        }))
    }
}

/// The time zone that a text begins with, and what comes behind it.
fn zone_of(text: &str) -> Result<(Option<Box<str>>, &str), ScheduleError> {
    let Some(rest) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) else {
        return Ok((None, text));
    };
    let Some((zone, rest)) = rest.split_once(' ') else {
        // The library looks behind the end of the text, and upstream tells of that.
        let words = "invalid schedule format: runtime error: slice bounds out of range [:-1]";
        return Err(ScheduleError(words.into()));
    };
    check_zone(zone).map_err(|why| ScheduleError(format!("provided bad location {zone}: {why}")))?;
    Ok((Some(zone.into()), rest.trim()))
}

/// Schedules that have names.
fn described(text: &str, zone: Option<Box<str>>) -> Result<Schedule, ScheduleError> {
    let (hours, days, months, weekdays) = match text {
        "@yearly" | "@annually" => (1, 1 << 1, 1 << 1, all(&WEEKDAYS)),
        "@monthly" => (1, 1 << 1, all(&MONTHS), all(&WEEKDAYS)),
        "@weekly" => (1, all(&DAYS), all(&MONTHS), 1),
        "@daily" | "@midnight" => (1, all(&DAYS), all(&MONTHS), all(&WEEKDAYS)),
        "@hourly" => (all(&HOURS), all(&DAYS), all(&MONTHS), all(&WEEKDAYS)),
        _ => {
            let Some(every) = text.strip_prefix("@every ") else {
                return Err(ScheduleError(format!("unrecognized descriptor: {text}")));
            };
            let span: Span = every
                .parse()
                .map_err(|why| ScheduleError(format!("failed to parse duration {text}: {why}")))?;
            let seconds = u64::try_from(span.seconds()).unwrap_or(0).max(1);
            return Ok(Schedule::Every { seconds });
        }
    };
    Ok(Schedule::Calendar(Calendar { minutes: 1, hours, days, months, weekdays, zone }))
}

fn all(field: &Field) -> u64 {
    (field.least..=field.greatest).fold(Calendar::ANY, |set, number| set | 1 << number)
}

/// A list of ranges.
fn set(text: &str, field: &Field) -> Result<u64, ScheduleError> {
    let ranges = text.split(',').filter(|range| !range.is_empty());
    ranges.map(|range| self::range(range, field)).try_fold(0, |set, range| Ok(set | range?))
}

/// A number, or numbers from one to another, or all; each of them, or each so many.
fn range(text: &str, field: &Field) -> Result<u64, ScheduleError> {
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts.first().copied().unwrap_or_default().split('-').collect();
    let is_star = matches!(ends.first(), Some(&("*" | "?")));
    let (first, mut last) = match ends[..] {
        _ if is_star => (field.least, field.greatest),
        [one] => {
            let one = number_or_name(one, field)?;
            (one, one)
        }
        [first, last] => (number_or_name(first, field)?, number_or_name(last, field)?),
        [first, ..] => {
            number_or_name(first, field)?;
            return Err(ScheduleError(format!("too many hyphens: {text}")));
        }
        [] => (field.least, field.least),
    };
    let step = match parts[..] {
        [_] => 1,
        [_, step] => {
            let step = number(step)?;
            if ends.len() == 1 {
                last = field.greatest;
            }
            step
        }
        _ => return Err(ScheduleError(format!("too many slashes: {text}"))),
    };
    let (least, greatest) = (field.least, field.greatest);
    let wrong = if first < least {
        format!("beginning of range ({first}) below minimum ({least})")
    } else if last > greatest {
        format!("end of range ({last}) above maximum ({greatest})")
    } else if first > last {
        format!("beginning of range ({first}) beyond end of range ({last})")
    } else if step == 0 {
        "step of range should be a positive number".into()
    } else {
        let each = usize::try_from(step).unwrap_or(usize::MAX);
        let any = if is_star && step <= 1 { Calendar::ANY } else { 0 };
        return Ok((first..=last).step_by(each).fold(any, |set, number| set | 1 << number));
    };
    Err(ScheduleError(format!("{wrong}: {text}")))
}

fn number_or_name(text: &str, field: &Field) -> Result<i64, ScheduleError> {
    let name = text.to_lowercase();
    match field.names.iter().position(|known| *known == name) {
        Some(at) => Ok(field.least + i64::try_from(at).unwrap_or(0)),
        None => number(text),
    }
}

fn number(text: &str) -> Result<i64, ScheduleError> {
    let number =
        atoi(text).map_err(|why| ScheduleError(format!("failed to parse int from {text}: {why}")))?;
    if number < 0 {
        return Err(ScheduleError(format!("negative number ({number}) not allowed: {text}")));
    }
    Ok(number)
}

/// The names of all time zones, one a line, sorted.
const ZONES: &str = include_str!("schedule/zones.txt");

/// Whether there is a time zone of that name.
///
/// # Errors
/// If there is none, with upstream's words.
pub fn check_zone(name: &str) -> Result<(), String> {
    if name.starts_with('/') || name.contains('\\') || name.split('/').any(|part| part == "..") {
        return Err("time: invalid location name".into());
    }
    let is_known = matches!(name, "" | "UTC" | "Local") || ZONES.lines().any(|zone| zone == name);
    if is_known { Ok(()) } else { Err(format!("unknown time zone {name}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(text: &str) -> Calendar {
        match Schedule::parse(text) {
            Ok(Schedule::Calendar(calendar)) => calendar,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn fields_are_sets() {
        let read = calendar("*/15 0,12 1-3 JAN-mar/2 ?");
        assert_eq!(read.minutes, 1 | 1 << 15 | 1 << 30 | 1 << 45);
        assert_eq!(read.hours, 1 | 1 << 12);
        assert_eq!(read.days, 0b1110);
        assert_eq!(read.months, 1 << 1 | 1 << 3);
        assert_eq!(read.weekdays, Calendar::ANY | 0b111_1111);
        assert_eq!(calendar("5/20 * * * *").minutes, 1 << 5 | 1 << 25 | 1 << 45);
        assert_eq!(calendar("@hourly"), calendar("0 * * * *"));
        assert_eq!(calendar("@weekly"), calendar("0 0 * * 0"));
        assert_eq!(calendar("@yearly"), calendar("0 0 1 1 *"));
        assert_eq!(calendar("TZ=Europe/Berlin @daily").zone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(Schedule::parse("@every 1h30m"), Ok(Schedule::Every { seconds: 5400 }));
    }

    #[test]
    fn what_is_no_schedule_is_said_why() {
        let cases = [
            ("", "empty spec string"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("x * * * *", r#"failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax"#),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("* 5-2 * * *", "beginning of range (5) beyond end of range (2): 5-2"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("@never", "unrecognized descriptor: @never"),
            ("@every x", r#"failed to parse duration @every x: time: invalid duration "x""#),
            ("TZ=UTC", "invalid schedule format: runtime error: slice bounds out of range [:-1]"),
            ("TZ=Nowhere * * * * *", "provided bad location Nowhere: unknown time zone Nowhere"),
        ];
        for (text, expected) in cases {
            assert_eq!(Schedule::parse(text).map_err(|why| why.to_string()), Err(expected.into()), "{text}");
        }
    }

    #[test]
    fn zones_are_known_by_name() {
        assert!(["Europe/Berlin", "UTC", "Etc/GMT+1", "Local"].iter().all(|zone| check_zone(zone).is_ok()));
        assert_eq!(check_zone("europe/berlin"), Err("unknown time zone europe/berlin".into()));
        assert_eq!(check_zone("../etc"), Err("time: invalid location name".into()));
    }
}
