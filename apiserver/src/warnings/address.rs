//! Addresses that old fields take though they are not written as they should be.

use keelson_api::field::Path;
use keelson_api::names::address;
use keelson_schema::tree::View;

/// Warns of an address.
pub(crate) fn of_ip(ip: View<'_>, path: &str, warnings: &mut Vec<String>) {
    if !ip.text().is_empty() {
        warnings.extend(address::ip_warnings(&Path::new(path), ip.text()));
    }
}

/// Warns of the addresses of a list.
pub(crate) fn of_ips(ips: View<'_>, path: &str, warnings: &mut Vec<String>) {
    for (at, ip) in ips.items().enumerate() {
        of_ip(ip, &format!("{path}[{at}]"), warnings);
    }
}

/// Warns of the networks of a list.
pub(crate) fn of_cidrs(cidrs: View<'_>, path: &str, warnings: &mut Vec<String>) {
    for (at, cidr) in cidrs.items().enumerate() {
        warnings.extend(address::cidr_warnings(&Path::new(&format!("{path}[{at}]")), cidr.text()));
    }
}
