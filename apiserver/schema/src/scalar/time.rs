//! Points in time: RFC 3339 as Go's `time.Parse` reads it, with its words for what is wrong, and as
//! `metav1.Time` (whole seconds) and `metav1.MicroTime` (six digits) write it.

use std::fmt::Write as _;

/// A point in time: seconds since 1970-01-01T00:00:00Z, and nanoseconds above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds since the epoch, rounded down.
    pub seconds: i64,
    /// Nanoseconds above that.
    pub nanos: u32,
}

/// How precisely a time is read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `2006-01-02T15:04:05Z`; digits behind the point are read and dropped.
    Seconds,
    /// `2006-01-02T15:04:05.000000Z`; exactly six digits.
    Micros,
}

const DAY: i64 = 86_400;

impl Time {
    /// Go's zero time, 0001-01-01T00:00:00Z, which stands for no time.
    pub const ZERO: Self = Self { seconds: -62_135_596_800, nanos: 0 };

    /// The time `text` stands for.
    ///
    /// # Errors
    /// If it is no time of that form.
    pub fn parse(text: &str, precision: Precision) -> Result<Self, TimeError> {
        if let Some(time) = Self::parse_usual(text.as_bytes(), precision) {
            return Ok(time);
        }
        let layout = match precision {
            Precision::Seconds => "2006-01-02T15:04:05Z07:00",
            Precision::Micros => "2006-01-02T15:04:05.000000Z07:00",
        };
        let fault = |fault| TimeError { text: text.to_owned(), layout, fault };
        let mut time = Reader { rest: text }.time(precision).map_err(fault)?;
        if precision == Precision::Seconds {
            time.nanos = 0;
        }
        Ok(time)
    }

    /// Reads the form in which times are written; `None` if anything is unusual.
    fn parse_usual(text: &[u8], precision: Precision) -> Option<Self> {
        let (clock, nanos) = match (precision, text) {
            (Precision::Seconds, [clock @ .., b'Z']) => (clock, 0),
            (Precision::Micros, [clock @ .., b'.', a, b, c, d, e, f, b'Z']) => {
                (clock, u32::try_from(digits(&[*a, *b, *c, *d, *e, *f])?).ok()? * 1000)
            }
            _ => return None,
        };
        let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', i0, i1, b':', s0, s1] = clock
        else {
            return None;
        };
        let (year, month, day) = (digits(&[*y0, *y1, *y2, *y3])?, digits(&[*m0, *m1])?, digits(&[*d0, *d1])?);
        let (hour, minute, second) = (digits(&[*h0, *h1])?, digits(&[*i0, *i1])?, digits(&[*s0, *s1])?);
        let fits =
            (1..=12).contains(&month) && (1..=28).contains(&day) && hour < 24 && minute < 60 && second < 60;
        fits.then(|| Self {
            seconds: days(year, month, day) * DAY + hour * 3600 + minute * 60 + second,
            nanos,
        })
    }

    /// Appends it in UTC.
    pub fn push(self, out: &mut Vec<u8>, precision: Precision) {
        let days = self.seconds.div_euclid(DAY);
        let second = self.seconds.rem_euclid(DAY);
        let (year, month, day) = civil(days);
        if (0..10_000).contains(&year) {
            push_digits(out, year.unsigned_abs(), 4);
        } else {
            let sign = if year < 0 { "-" } else { "" };
            out.extend(format!("{sign}{:04}", year.unsigned_abs()).as_bytes());
        }
        for (mark, part) in
            [(b'-', month), (b'-', day), (b'T', second / 3600), (b':', second / 60 % 60), (b':', second % 60)]
        {
            out.push(mark);
            push_digits(out, part.unsigned_abs(), 2);
        }
        if precision == Precision::Micros {
            out.push(b'.');
            push_digits(out, u64::from(self.nanos / 1000), 6);
        }
        out.push(b'Z');
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn push_digits(out: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or(0));
    }
}

/// Year, month and day of a day counted from 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // Days from 0000-03-01, so that a leap day ends its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day counted from 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A text that is no time, in the words of Go's `time.ParseError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeError {
    text: String,
    layout: &'static str,
    fault: Fault,
}

/// As Go's `time` package quotes: octets outside of printable ASCII by number.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..0x80 => quoted.push(char::from(byte)),
            // A String takes everything.
            _ => drop(write!(quoted, "\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Element { found: String, wanted: &'static str },
    Range(&'static str),
    Extra(String),
}

impl std::fmt::Display for TimeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = quote(&self.text);
        match &self.fault {
            Fault::Element { found, wanted } => {
                write!(
                    f,
                    "parsing time {text} as {:?}: cannot parse {} as {wanted:?}",
                    self.layout,
                    quote(found)
                )
            }
            Fault::Range(part) => write!(f, "parsing time {text}: {part} out of range"),
            Fault::Extra(rest) => write!(f, "parsing time {text}: extra text: {}", quote(rest)),
        }
    }
}

impl std::error::Error for TimeError {}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn time(&mut self, precision: Precision) -> Result<Time, Fault> {
        let year = self.year()?;
        self.literal("-")?;
        let month = self.number("01", true)?;
        if !(1..=12).contains(&month) {
            return Err(Fault::Range("month"));
        }
        self.literal("-")?;
        let day = self.number("02", true)?;
        self.literal("T")?;
        let hour = self.ranged("15", false, 24, "hour")?;
        self.literal(":")?;
        let minute = self.ranged("04", true, 60, "minute")?;
        self.literal(":")?;
        let second = self.ranged("05", true, 60, "second")?;
        let nanos = match precision {
            Precision::Seconds => self.any_fraction(),
            Precision::Micros => self.six_digits()?,
        };
        let offset = self.zone()?;
        if !self.rest.is_empty() {
            return Err(Fault::Extra(self.rest.to_owned()));
        }
        if day < 1 || day > days_in(year, month) {
            return Err(Fault::Range("day"));
        }
        Ok(Time {
            seconds: days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset,
            nanos,
        })
    }

    fn fault(&self, wanted: &'static str) -> Fault {
        Fault::Element { found: self.rest.to_owned(), wanted }
    }

    fn literal(&mut self, wanted: &'static str) -> Result<(), Fault> {
        self.rest = self.rest.strip_prefix(wanted).ok_or_else(|| self.fault(wanted))?;
        Ok(())
    }

    fn year(&mut self) -> Result<i64, Fault> {
        let digits = self.rest.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let year = digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| self.fault("2006"))?;
        self.rest = &self.rest[4..];
        Ok(year)
    }

    /// One or two digits; `fixed` wants two.
    fn number(&mut self, wanted: &'static str, fixed: bool) -> Result<i64, Fault> {
        let digits = self.rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        if digits == 0 || fixed && digits < 2 {
            return Err(self.fault(wanted));
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().map_err(|_| self.fault(wanted))
    }

    fn ranged(
        &mut self,
        wanted: &'static str,
        fixed: bool,
        end: i64,
        part: &'static str,
    ) -> Result<i64, Fault> {
        let number = self.number(wanted, fixed)?;
        if number < end { Ok(number) } else { Err(Fault::Range(part)) }
    }

    fn any_fraction(&mut self) -> u32 {
        let bytes = self.rest.as_bytes();
        if !matches!(bytes, [b'.' | b',', digit, ..] if digit.is_ascii_digit()) {
            return 0;
        }
        let digits = bytes[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut nanos = 0;
        for place in 0..9 {
            let digit = if place < digits { bytes[1 + place] - b'0' } else { 0 };
            nanos = nanos * 10 + u32::from(digit);
        }
        self.rest = &self.rest[1 + digits..];
        nanos
    }

    fn six_digits(&mut self) -> Result<u32, Fault> {
        let digits = self.rest.get(..7).and_then(|text| text.strip_prefix(['.', ',']));
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let micros: u32 =
            digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| self.fault(".000000"))?;
        self.rest = &self.rest[7..];
        Ok(micros * 1000)
    }

    fn zone(&mut self) -> Result<i64, Fault> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let wanted = "Z07:00";
        let Some(zone) = self.rest.get(..6).filter(|zone| zone.as_bytes()[3] == b':' && zone.is_ascii())
        else {
            return Err(self.fault(wanted));
        };
        let two = |text: &str| -> Option<i64> {
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        };
        let (Some(hours), Some(minutes)) = (two(&zone[1..3]), two(&zone[4..6])) else {
            return Err(self.fault(wanted));
        };
        if hours > 24 {
            return Err(Fault::Range("time zone offset hour"));
        }
        if minutes > 60 {
            return Err(Fault::Range("time zone offset minute"));
        }
        let sign = match &zone[..1] {
            "+" => 1,
            "-" => -1,
            _ => return Err(self.fault(wanted)),
        };
        self.rest = &self.rest[6..];
        Ok(sign * (hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, precision: Precision, expected: Result<&str, &str>) {
        let shown = Time::parse(text, precision).map(|time| {
            let mut out = Vec::new();
            time.push(&mut out, precision);
            String::from_utf8(out).unwrap()
        });
        let shown = shown.map_err(|error| error.to_string());
        assert_eq!(shown.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn times_are_read_and_written_as_go_does() {
        use Precision::{Micros, Seconds};
        check("2024-02-29T23:59:59Z", Seconds, Ok("2024-02-29T23:59:59Z"));
        check("2024-01-01T00:00:00.999999999+01:30", Seconds, Ok("2023-12-31T22:30:00Z"));
        check("2024-01-01T1:00:00Z", Seconds, Ok("2024-01-01T01:00:00Z"));
        check("1969-12-31T23:59:59Z", Seconds, Ok("1969-12-31T23:59:59Z"));
        check("0001-01-01T00:00:00Z", Seconds, Ok("0001-01-01T00:00:00Z"));
        check("9999-12-31T23:59:59Z", Seconds, Ok("9999-12-31T23:59:59Z"));
        check("2024-01-01T00:00:00.123456Z", Micros, Ok("2024-01-01T00:00:00.123456Z"));
        let layout = "\"2006-01-02T15:04:05Z07:00\"";
        check("x", Seconds, Err(&format!("parsing time \"x\" as {layout}: cannot parse \"x\" as \"2006\"")));
        check(
            "2024-01-01",
            Seconds,
            Err(&format!("parsing time \"2024-01-01\" as {layout}: cannot parse \"\" as \"T\"")),
        );
        check(
            "2024-13-01T00:00:00Z",
            Seconds,
            Err("parsing time \"2024-13-01T00:00:00Z\": month out of range"),
        );
        check(
            "2023-02-29T00:00:00Z",
            Seconds,
            Err("parsing time \"2023-02-29T00:00:00Z\": day out of range"),
        );
        check(
            "2024-01-01T00:00:00Zx",
            Seconds,
            Err("parsing time \"2024-01-01T00:00:00Zx\": extra text: \"x\""),
        );
        check(
            "2024-01-01T00:00:00.1234567Z",
            Micros,
            Err(
                "parsing time \"2024-01-01T00:00:00.1234567Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"7Z\" as \"Z07:00\"",
            ),
        );
    }
}
