//! IP addresses and CIDRs, as upstream reads them: the lenient way that old fields keep, the strict way of new ones,
//! and the warnings in between.
//!
//! The lenient way is that of Go before 1.17: numbers may begin with zeros, and an IPv4 address may hide in an IPv6 one.

mod read;

use std::net::IpAddr;

use self::read::{Cidr, Ip};
use crate::field::{Error, Errors, Path};
use crate::golang::Quoted;

/// How strictly an old field is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Neither leading zeros, nor hidden IPv4 addresses, nor bits behind a CIDR's prefix: the default.
    Strict,
    /// All of these are taken.
    Lenient,
}

/// Reads an address the lenient way.
#[must_use]
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    Ip::parse(text).map(|ip| ip.address)
}

/// Reads a CIDR the lenient way: the address as written, and the length of the prefix.
#[must_use]
pub fn parse_cidr(text: &str) -> Option<(IpAddr, u8)> {
    Cidr::parse(text).map(|cidr| (cidr.ip.address, cidr.bits))
}

/// An address in a field that was there before the strict rules. Texts of `old` are not looked at: they stand in the
/// object that is being updated.
pub fn check_legacy_ip(
    path: &Path<'_>,
    text: &str,
    strictness: Strictness,
    old: &[&str],
    errors: &mut Errors,
) {
    if !old.contains(&text) {
        check_ip_form(path, text, strictness, errors);
    }
}

/// An address in a new field: strict, and in canonical form.
pub fn check_ip(path: &Path<'_>, text: &str, errors: &mut Errors) {
    let before = errors.len();
    let Some(ip) = check_ip_form(path, text, Strictness::Strict, errors) else { return };
    if errors.len() == before && !ip.is_written(text) {
        let words = format!("must be in canonical form ({})", Quoted(&ip.canonical()));
        errors.push(Error::invalid(path, text, words));
    }
}

fn check_ip_form(path: &Path<'_>, text: &str, strictness: Strictness, errors: &mut Errors) -> Option<Ip> {
    let Some(ip) = Ip::parse(text) else {
        let words = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.push(Error::invalid(path, text, words));
        return None;
    };
    if strictness == Strictness::Strict {
        if ip.has_leading_zeros {
            errors.push(Error::invalid(path, text, "must not have leading 0s"));
        } else if ip.is_mapped() {
            errors.push(Error::invalid(path, text, "must not be an IPv4-mapped IPv6 address"));
        }
    }
    Some(ip)
}

/// What to warn of in an address that an old field takes.
#[must_use]
pub fn ip_warnings(path: &Path<'_>, text: &str) -> Vec<String> {
    let Some(ip) = Ip::parse(text) else { return Vec::new() };
    let shown = Quoted(text);
    if ip.has_leading_zeros || ip.is_mapped() {
        let canonical = ip.canonical();
        vec![format!("{path}: non-standard IP address {shown} is invalid: use {}", Quoted(&canonical))]
    } else if ip.address.is_ipv6() && !ip.is_written(text) {
        let canonical = ip.canonical();
        let canonical = Quoted(&canonical);
        vec![format!("{path}: IPv6 address {shown} should be in RFC 5952 canonical format ({canonical})")]
    } else {
        Vec::new()
    }
}

/// A CIDR in a field that was there before the strict rules. Texts of `old` are not looked at.
pub fn check_legacy_cidr(
    path: &Path<'_>,
    text: &str,
    strictness: Strictness,
    old: &[&str],
    errors: &mut Errors,
) {
    if !old.contains(&text) {
        check_cidr_form(path, text, strictness, errors);
    }
}

/// A CIDR in a new field: strict, and in canonical form.
pub fn check_cidr(path: &Path<'_>, text: &str, errors: &mut Errors) {
    let before = errors.len();
    let Some(cidr) = check_cidr_form(path, text, Strictness::Strict, errors) else { return };
    if errors.len() == before && !cidr.is_written(text) {
        let words = format!("must be in canonical form ({})", Quoted(&cidr.network()));
        errors.push(Error::invalid(path, text, words));
    }
}

fn check_cidr_form(path: &Path<'_>, text: &str, strictness: Strictness, errors: &mut Errors) -> Option<Cidr> {
    let Some(cidr) = Cidr::parse(text) else {
        let words = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        errors.push(Error::invalid(path, text, words));
        return None;
    };
    if strictness == Strictness::Strict {
        let words = if cidr.has_leading_zeros() {
            "must not have leading 0s in IP or prefix length"
        } else if cidr.ip.is_mapped() {
            "must not have an IPv4-mapped IPv6 address"
        } else if cidr.has_bits_behind_prefix() {
            "must not have bits set beyond the prefix length"
        } else {
            return Some(cidr);
        };
        errors.push(Error::invalid(path, text, words));
    }
    Some(cidr)
}

/// What to warn of in a CIDR that an old field takes.
#[must_use]
pub fn cidr_warnings(path: &Path<'_>, text: &str) -> Vec<String> {
    let Some(cidr) = Cidr::parse(text) else { return Vec::new() };
    let shown = Quoted(text);
    let mut warnings = Vec::new();
    if cidr.has_bits_behind_prefix() {
        let (network, single) = (cidr.network(), format!("{}/{}", cidr.ip.canonical(), cidr.bits_max()));
        let (network, single) = (Quoted(&network), Quoted(&single));
        warnings.push(format!(
            "{path}: CIDR value {shown} is ambiguous in this context (should be {network} or {single}?)"
        ));
    }
    if cidr.has_leading_zeros() || cidr.ip.is_mapped() {
        let network = cidr.network();
        warnings
            .push(format!("{path}: non-standard CIDR value {shown} is invalid: use {}", Quoted(&network)));
    } else if warnings.is_empty() && cidr.ip.address.is_ipv6() && !cidr.is_written(text) {
        let network = cidr.network();
        let network = Quoted(&network);
        warnings.push(format!(
            "{path}: IPv6 CIDR value {shown} should be in RFC 5952 canonical format ({network})"
        ));
    }
    warnings
}

/// The address of an interface together with its network's length, such as `192.168.1.5/24`, in canonical form.
pub fn check_interface_address(path: &Path<'_>, text: &str, errors: &mut Errors) {
    let Some(cidr) = Cidr::parse(text) else {
        let words = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
        errors.push(Error::invalid(path, text, words));
        return;
    };
    if cidr.is_interface_written(text) {
        return;
    }
    let words = format!("must be in canonical form ({})", Quoted(&cidr.interface()));
    errors.push(Error::invalid(path, text, words));
}

#[cfg(test)]
mod tests;
