//! Sets of numbers, written as `1,3-5`.

use std::fmt;

/// A set of numbers, as ranges in order; first and last are within.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Indexes(Vec<(i32, i32)>);

impl Indexes {
    /// Reads those below `end`. What is no number is passed over.
    pub(super) fn parse(text: &str, end: i32) -> Self {
        let mut read = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Ok(first), Ok(last)) = (first.parse::<i32>(), last.parse::<i32>()) else { continue };
            if first >= end {
                break;
            }
            read.push((first, last.min(end - 1)));
        }
        Self::default().with(read)
    }

    /// With ranges, in any order.
    fn with(&self, more: impl IntoIterator<Item = (i32, i32)>) -> Self {
        let mut all: Vec<(i32, i32)> = self.0.iter().copied().chain(more).collect();
        all.sort_unstable();
        let mut merged: Vec<(i32, i32)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// With single numbers.
    pub(super) fn with_each(&self, more: impl IntoIterator<Item = i32>) -> Self {
        self.with(more.into_iter().map(|number| (number, number)))
    }

    /// With those of another set.
    pub(super) fn with_all(&self, other: &Self) -> Self {
        self.with(other.0.iter().copied())
    }

    /// How many there are.
    pub(super) fn total(&self) -> usize {
        self.0.iter().map(|(first, last)| usize::try_from(last - first + 1).unwrap_or(0)).sum()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a number is in it.
    pub(super) fn has(&self, number: i32) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// How many are in the other set, too.
    pub(super) fn shared_with(&self, other: &Self) -> usize {
        let both = self.0.iter().flat_map(|(first, last)| {
            other.0.iter().map(move |(from, to)| last.min(to) - first.max(from) + 1)
        });
        both.filter_map(|shared| usize::try_from(shared).ok()).sum()
    }

    /// The first `count` numbers below `end` that are not in it.
    pub(super) fn missing(&self, count: usize, end: i32) -> Vec<i32> {
        let (mut found, mut next) = (Vec::new(), 0);
        for (first, last) in self.0.iter().copied().chain([(end, end)]) {
            let room = count - found.len();
            found.extend((next..first.min(end)).take(room));
            next = next.max(last.saturating_add(1));
        }
        found
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_and_written_in_ranges() {
        for (text, end, written, total) in [
            ("", 5, "", 0),
            ("0", 5, "0", 1),
            ("0,1,2", 5, "0-2", 3),
            ("0,1,3-9", 6, "0,1,3-5", 5),
            ("7-9", 6, "", 0),
            ("1,x,3", 6, "1,3", 2),
        ] {
            let read = Indexes::parse(text, end);
            assert_eq!((read.to_string().as_str(), read.total()), (written, total), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_found_in_order() {
        let some = Indexes::parse("0,2-4,7", 10);
        assert_eq!(some.missing(3, 10), [1, 5, 6]);
        assert_eq!(some.missing(9, 10), [1, 5, 6, 8, 9]);
        assert_eq!(some.missing(9, 4), [1]);
        assert_eq!(some.with_each([1, 9, 5]).to_string(), "0-5,7,9");
        assert!(some.has(3) && !some.has(1) && !some.has(8));
        assert_eq!(some.shared_with(&Indexes::parse("3-8", 10)), 3);
        assert_eq!(some.with_all(&Indexes::parse("1,5-6", 10)).to_string(), "0-7");
    }
}
