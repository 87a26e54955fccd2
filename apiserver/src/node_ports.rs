//! The range of ports that services may have on every node.

use std::fmt;
use std::str::FromStr;

/// How many ports at the beginning of a range are left to those who say which one they want: a part of it, within these
/// bounds. Upstream's figures.
const RESERVED_PART: u16 = 32;
const RESERVED_LEAST: u16 = 16;
const RESERVED_MOST: u16 = 128;

/// A range of ports, both ends within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodePorts {
    first: u16,
    last: u16,
}

impl Default for NodePorts {
    /// Upstream's.
    fn default() -> Self {
        Self { first: 30_000, last: 32_767 }
    }
}

/// It is no range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no range of ports")]
pub struct NoRange;

impl FromStr for NodePorts {
    type Err = NoRange;

    /// Reads `FIRST-LAST`, or `FIRST+MORE` as upstream takes it too.
    fn from_str(text: &str) -> Result<Self, NoRange> {
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| NoRange);
        let (first, last) = match (text.split_once('-'), text.split_once('+')) {
            (Some((first, last)), _) => (port(first)?, port(last)?),
            (None, Some((first, more))) => {
                let first = port(first)?;
                (first, first.checked_add(port(more)?).ok_or(NoRange)?)
            }
            (None, None) => (port(text)?, port(text)?),
        };
        if first == 0 || last < first { Err(NoRange) } else { Ok(Self { first, last }) }
    }
}

impl fmt::Display for NodePorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl NodePorts {
    /// Whether a service may have that port.
    pub(crate) fn has(self, port: i64) -> bool {
        (i64::from(self.first)..=i64::from(self.last)).contains(&port)
    }

    /// The last one.
    pub(crate) fn last(self) -> i64 {
        self.last.into()
    }

    /// The parts that ports are given out of to whoever does not say which one, in this order: first and last.
    pub(crate) fn parts(self) -> [(i64, i64); 2] {
        let size = self.last - self.first;
        let reserved = if size < RESERVED_LEAST {
            0
        } else {
            (size.saturating_add(1) / RESERVED_PART).clamp(RESERVED_LEAST, RESERVED_MOST)
        };
        let (first, dynamic) = (i64::from(self.first), i64::from(self.first) + i64::from(reserved));
        [(dynamic, self.last()), (first, dynamic - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_upstream_reads_them() {
        let read = |text: &str| text.parse::<NodePorts>().map(|range| range.to_string());
        assert_eq!(read("30000-32767"), Ok(NodePorts::default().to_string()));
        assert_eq!(read("20000+100"), Ok("20000-20100".into()));
        assert_eq!(read("80"), Ok("80-80".into()));
        for text in ["", "a-b", "5-4", "0-10", "65000+1000", "1-70000"] {
            assert_eq!(read(text), Err(NoRange), "{text:?}");
        }
    }

    #[test]
    fn the_beginning_is_left_to_those_who_choose() {
        let parts = |text: &str| text.parse::<NodePorts>().unwrap().parts();
        assert_eq!(parts("30000-32767"), [(30086, 32767), (30000, 30085)]);
        assert_eq!(parts("30000-30015"), [(30000, 30015), (30000, 29999)]);
        assert_eq!(parts("30000-30099"), [(30016, 30099), (30000, 30015)]);
        assert_eq!(parts("1-65535"), [(129, 65535), (1, 128)]);
    }
}
