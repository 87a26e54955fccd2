//! Reads addresses and CIDRs leniently and says what a strict reader would not have taken.

use std::fmt::{self, Display, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Numbers from here on are refused while they are read, however many zeros they began with.
const NUMBER_MAX: u32 = 0xff_ffff;

/// An address, and how it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip {
    pub(super) address: IpAddr,
    /// A number has zeros in front, or a group more than four digits.
    pub(super) has_leading_zeros: bool,
}

impl Ip {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.bytes().find(|byte| matches!(byte, b'.' | b':'))? {
            b'.' => Self::parse_v4(text),
            _ => Self::parse_v6(text),
        }
    }

    fn parse_v4(text: &str) -> Option<Self> {
        let mut octets = [0; 4];
        let mut has_leading_zeros = false;
        let mut parts = text.split('.');
        for octet in &mut octets {
            let part = parts.next()?;
            *octet = u8::try_from(number(part, 10)?).ok()?;
            has_leading_zeros |= part.len() > 1 && part.starts_with('0');
        }
        let address = Ipv4Addr::from(octets).into();
        parts.next().is_none().then_some(Self { address, has_leading_zeros })
    }

    fn parse_v6(text: &str) -> Option<Self> {
        let mut groups = Groups::default();
        let Some((front, back)) = text.split_once("::") else {
            groups.read(text)?;
            return (groups.count == 8).then(|| groups.ip(8));
        };
        // An address may end with an IPv4 one, but not in front of the gap.
        if !front.is_empty() {
            groups.read(front)?;
            if front.contains('.') {
                return None;
            }
        }
        let gap = groups.count;
        if !back.is_empty() {
            groups.read(back)?;
        }
        (groups.count < 8).then(|| groups.ip(gap))
    }

    /// Whether this is an IPv4 address within an IPv6 one.
    pub(super) fn is_mapped(self) -> bool {
        matches!(self.address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
    }

    /// The address as Go prints it.
    pub(super) fn canonical(self) -> String {
        self.address.to_canonical().to_string()
    }

    pub(super) fn is_written(self, text: &str) -> bool {
        is_written(self.address.to_canonical(), text)
    }
}

/// The groups of an IPv6 address read so far.
#[derive(Default)]
struct Groups {
    groups: [u16; 8],
    count: usize,
    has_leading_zeros: bool,
}

impl Groups {
    /// Reads groups with colons between them; the last may be an IPv4 address in the place of two.
    fn read(&mut self, text: &str) -> Option<()> {
        let mut parts = text.split(':').peekable();
        while let Some(part) = parts.next() {
            if part.contains('.') {
                let Ip { address: IpAddr::V4(address), has_leading_zeros } = Ip::parse_v4(part)? else {
                    return None;
                };
                let [a, b, c, d] = address.octets();
                self.push(u16::from_be_bytes([a, b]))?;
                self.push(u16::from_be_bytes([c, d]))?;
                self.has_leading_zeros |= has_leading_zeros;
                return parts.peek().is_none().then_some(());
            }
            self.push(u16::try_from(number(part, 16)?).ok()?)?;
            self.has_leading_zeros |= part.len() > 4;
        }
        Some(())
    }

    fn push(&mut self, group: u16) -> Option<()> {
        *self.groups.get_mut(self.count)? = group;
        self.count += 1;
        Some(())
    }

    /// The address, with the groups from `gap` on moved to its end.
    fn ip(mut self, gap: usize) -> Ip {
        self.groups[gap..].rotate_right(8 - self.count);
        Ip { address: Ipv6Addr::from(self.groups).into(), has_leading_zeros: self.has_leading_zeros }
    }
}

/// A CIDR, and how it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cidr {
    pub(super) ip: Ip,
    pub(super) bits: u8,
    bits_have_leading_zeros: bool,
}

impl Cidr {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let ip = Ip::parse(address)?;
        let bits_have_leading_zeros = bits.len() > 1 && bits.starts_with('0');
        let bits = u8::try_from(number(bits, 10)?).ok()?;
        let cidr = Self { ip, bits, bits_have_leading_zeros };
        (bits <= cidr.bits_max()).then_some(cidr)
    }

    pub(super) fn has_leading_zeros(self) -> bool {
        self.ip.has_leading_zeros || self.bits_have_leading_zeros
    }

    /// How many bits its addresses have.
    pub(super) fn bits_max(self) -> u8 {
        if self.ip.address.is_ipv4() { 32 } else { 128 }
    }

    fn masked(self) -> IpAddr {
        match self.ip.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                Ipv4Addr::from(u32::from(address) & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                Ipv6Addr::from(u128::from(address) & mask).into()
            }
        }
    }

    pub(super) fn has_bits_behind_prefix(self) -> bool {
        self.masked() != self.ip.address
    }

    /// The address and the length of a network; a mapped IPv4 address becomes a plain one, and the length fits it.
    fn network_parts(self) -> Slashed {
        let masked = self.masked();
        let address = masked.to_canonical();
        let bits = i16::from(self.bits) - if address.is_ipv4() && masked.is_ipv6() { 96 } else { 0 };
        Slashed(address, bits)
    }

    /// The network as Go prints it.
    pub(super) fn network(self) -> String {
        self.network_parts().to_string()
    }

    pub(super) fn is_written(self, text: &str) -> bool {
        is_written(self.network_parts(), text)
    }

    /// The address, with the bits behind the prefix, and the length.
    fn interface_parts(self) -> Slashed {
        let address = self.ip.address.to_canonical();
        // Upstream counts below zero here.
        let bits = i16::from(self.bits) - if address.is_ipv4() && self.bits > 32 { 96 } else { 0 };
        Slashed(address, bits)
    }

    /// The interface's address as Go prints it.
    pub(super) fn interface(self) -> String {
        self.interface_parts().to_string()
    }

    pub(super) fn is_interface_written(self, text: &str) -> bool {
        is_written(self.interface_parts(), text)
    }
}

/// An address and a length.
struct Slashed(IpAddr, i16);

impl Display for Slashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// Whether `value` prints as `text`, found out without a copy.
fn is_written(value: impl Display, text: &str) -> bool {
    struct Rest<'a>(&'a str);
    impl fmt::Write for Rest<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0 = self.0.strip_prefix(part).ok_or(fmt::Error)?;
            Ok(())
        }
    }
    let mut rest = Rest(text);
    write!(rest, "{value}").is_ok() && rest.0.is_empty()
}

/// All of `text` as a number; zeros in front do not matter.
fn number(text: &str, radix: u32) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.chars().try_fold(0, |sum, digit| {
        let sum = sum * radix + digit.to_digit(radix)?;
        (sum < NUMBER_MAX).then_some(sum)
    })
}
