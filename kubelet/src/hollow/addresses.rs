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
    ranges: Vec<Range>,
    taken: HashSet<IpAddr>,
    /// Where to look next, so that an address is not given again at once.
    next: u32,
}

impl Addresses {
    /// All free.
    pub(crate) fn new(ranges: Vec<Range>) -> Self {
        Self { ranges, taken: HashSet::new(), next: 0 }
    }

    /// Takes addresses out of these ranges from now on.
    pub(crate) fn set_ranges(&mut self, ranges: Vec<Range>) {
        if self.ranges != ranges {
            (self.ranges, self.next) = (ranges, 0);
        }
    }

    /// Takes one address out of each range; `None` if one of them is used up.
    pub(crate) fn take(&mut self) -> Option<Vec<IpAddr>> {
        let mut found = Vec::with_capacity(self.ranges.len());
        for range in &self.ranges {
            // The first is the range's own name, the second the node's, and the last is for all.
            let usable = range.size().saturating_sub(3);
            let mut all = (0..usable).map(|step| range.nth(2 + (self.next + step) % usable));
            found.push(all.find(|ip| !self.taken.contains(ip))?);
        }
        self.next = (self.next + 1) % USED_MAX;
        self.taken.extend(&found);
        Some(found)
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
        let mut addresses = Addresses::new(ranges.to_vec());
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
    fn ranges_have_parts() {
        let range = Range::parse("10.200.0.0/13").unwrap();
        assert_eq!(range.part(24, 300).nth(2), "10.201.44.2".parse::<IpAddr>().unwrap());
        assert_eq!(range.part(24, 2048), range.part(24, 0));
        assert_eq!(Range::parse("10.0.0.0/33"), None);
    }
}
