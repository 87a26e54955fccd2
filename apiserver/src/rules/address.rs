//! Addresses that something can be reached at.

use std::net::IpAddr;

use keelson_api::field::Errors;
use keelson_api::names::address::parse_ip;

use super::At;

/// An address is one of a machine that others can reach.
pub(crate) fn reachable(ip: &At<'_, '_>, errors: &mut Errors) {
    let Some(address) = parse_ip(ip.text()) else {
        return ip.invalid("must be a valid IP address", errors);
    };
    if address.is_unspecified() {
        ip.invalid(format!("may not be unspecified ({})", ip.text()), errors);
    }
    if address.is_loopback() {
        ip.invalid("may not be in the loopback range (127.0.0.0/8, ::1/128)", errors);
    }
    let (is_local, is_local_group) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0 == 0xfe80, v6.segments()[0] & 0xff0f == 0xff02),
    };
    if is_local {
        ip.invalid("may not be in the link-local range (169.254.0.0/16, fe80::/10)", errors);
    }
    if is_local_group {
        ip.invalid("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)", errors);
    }
}

/// Whether an address lies in a range.
pub(crate) fn contains(range: (IpAddr, u8), address: IpAddr) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    };
    let (base, length) = range;
    let behind = 128 - u32::from(length);
    base.is_ipv4() == address.is_ipv4()
        && bits(base).checked_shr(behind).unwrap_or(0) == bits(address).checked_shr(behind).unwrap_or(0)
}
