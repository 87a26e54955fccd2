//! Addresses for pods, out of a node's ranges.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most addresses that are used of a range; a node runs far fewer pods.
const USED_MAX: u32 = 1 << 16;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    base: IpAddr,
    length: u8,
}

impl Range {
    /// Reads `BASE/LENGTH`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (base, length) = text.split_once('/')?;
        let (base, length) = (base.parse::<IpAddr>().ok()?, length.parse::<u8>().ok()?);
        (length <= if base.is_ipv4() { 32 } else { 128 }).then_some(Self { base, length })
    }

    /// How many of its addresses may be used, at most.
    fn size(self) -> u32 {
        let bits = if self.base.is_ipv4() { 32 } else { 128 } - u32::from(self.length);
        1_u32.checked_shl(bits).map_or(USED_MAX, |size| size.min(USED_MAX))
    }

    /// The address so far behind the first.
    pub(crate) fn nth(self, number: u32) -> IpAddr {
        match self.base {
            IpAddr::V4(base) => Ipv4Addr::from_bits(base.to_bits().wrapping_add(number)).into(),
            IpAddr::V6(base) => Ipv6Addr::from_bits(base.to_bits().wrapping_add(number.into())).into(),
        }
    }

    /// Of the ranges of this length inside it, the one of a number; they begin anew where there are no more.
    pub(crate) fn part(self, length: u8, number: u32) -> Self {
        let bits = length.saturating_sub(self.length);
        let number = 1_u32.checked_shl(bits.into()).map_or(number, |parts| number % parts);
        let shift = u32::from(if self.base.is_ipv4() { 32 } else { 128 } - length);
        let base = match self.base {
            IpAddr::V4(base) => {
                Ipv4Addr::from_bits(base.to_bits() | number.checked_shl(shift).unwrap_or(0)).into()
            }
            IpAddr::V6(base) => {
                Ipv6Addr::from_bits(base.to_bits() | u128::from(number).checked_shl(shift).unwrap_or(0))
                    .into()
            }
        };
        Self { base, length }
    }
}

/// A node's ranges, and what of them is taken.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// What the cluster has given the node.
    given: Vec<Range>,
    /// Where its pods are as long as it was given nothing, and once that is used up: nobody sends them anything, so a
    /// node holds as many of them as it says.
    usual: Vec<Range>,
    taken: HashSet<IpAddr>,
    /// Where to look next, so that an address is not given again at once.
    next: u32,
}

impl Addresses {
    /// All free, and nothing given yet.
    pub(crate) fn new(usual: Vec<Range>) -> Self {
        Self { given: Vec::new(), usual, taken: HashSet::new(), next: 0 }
    }

    /// Takes addresses out of these ranges from now on.
    pub(crate) fn give(&mut self, ranges: Vec<Range>) {
        if self.given != ranges {
            (self.given, self.next) = (ranges, 0);
        }
    }

    /// Takes one address out of each range; `None` if all is used up.
    pub(crate) fn take(&mut self) -> Option<Vec<IpAddr>> {
        let found = self.free_of(&self.given).or_else(|| self.free_of(&self.usual))?;
        self.next = (self.next + 1) % USED_MAX;
        self.taken.extend(&found);
        Some(found)
    }

    /// One that is free in each of these ranges.
    fn free_of(&self, ranges: &[Range]) -> Option<Vec<IpAddr>> {
        let found: Option<Vec<_>> = ranges.iter().map(|range| self.free_in(*range)).collect();
        found.filter(|found| !found.is_empty())
    }

    fn free_in(&self, range: Range) -> Option<IpAddr> {
        // The first is the range's own name, the second the node's, and the last is for all.
        let usable = range.size().saturating_sub(3);
        let mut all = (0..usable).map(|step| range.nth(2 + (self.next + step) % usable));
        all.find(|ip| !self.taken.contains(ip))
    }

    /// These are taken already.
    pub(crate) fn mark(&mut self, ips: &[IpAddr]) {
        self.taken.extend(ips);
    }

    /// These are free again.
    pub(crate) fn free(&mut self, ips: &[IpAddr]) {
        for ip in ips {
            self.taken.remove(ip);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_given_once_and_not_again_at_once() {
        let ranges = ["10.0.1.0/29", "fd00::/64"].map(|text| Range::parse(text).unwrap());
        let mut addresses = Addresses::new(Vec::new());
        addresses.give(ranges.to_vec());
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        addresses.mark(&[ip("10.0.1.3")]);
        assert_eq!(addresses.take().unwrap(), [ip("10.0.1.2"), ip("fd00::2")]);
        assert_eq!(addresses.take().unwrap(), [ip("10.0.1.4"), ip("fd00::3")]);
        addresses.free(&[ip("10.0.1.2"), ip("fd00::2")]);
        let rest: Vec<_> = (0..3).map(|_| addresses.take().unwrap()[0].to_string()).collect();
        assert_eq!(rest, ["10.0.1.5", "10.0.1.6", "10.0.1.2"]);
        assert_eq!(addresses.take(), None);
    }

    #[test]
    fn what_was_given_is_used_up_first() {
        let range = |text: &str| vec![Range::parse(text).unwrap()];
        let mut addresses = Addresses::new(range("100.64.0.0/29"));
        let take = |addresses: &mut Addresses| addresses.take().map(|ips| ips[0].to_string());
        assert_eq!(take(&mut addresses).unwrap(), "100.64.0.2");
        addresses.give(range("10.0.1.0/30"));
        let rest: Vec<_> = std::iter::from_fn(|| take(&mut addresses)).collect();
        assert_eq!(rest, ["10.0.1.2", "100.64.0.3", "100.64.0.4", "100.64.0.5", "100.64.0.6"]);
    }

    #[test]
    fn ranges_have_parts() {
        let range = Range::parse("10.200.0.0/13").unwrap();
        assert_eq!(range.part(24, 300).nth(2), "10.201.44.2".parse::<IpAddr>().unwrap());
        assert_eq!(range.part(24, 2048), range.part(24, 0));
        assert_eq!(Range::parse("10.0.0.0/33"), None);
    }
}
