//! Where others reach a server that listens here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::config::Settings;

/// Where the cluster is told to reach a server that listens at `listen`. It may be nowhere but this machine: the address
/// is a loopback one then.
pub(crate) fn advertised(settings: &Settings, listen: SocketAddr) -> SocketAddr {
    let ip = match (settings.advertise_address, listen.ip()) {
        (Some(told), _) => told,
        (None, ip) if ip.is_unspecified() || ip.is_loopback() => {
            sends_from(ip.is_ipv4()).unwrap_or(Ipv4Addr::LOCALHOST.into())
        }
        (None, ip) => ip,
    };
    (ip, listen.port()).into()
}

/// The addresses by which clients may know the server: where it listens, where others are told to reach it, and the
/// first ones of the services' ranges, which stand for it.
pub(crate) fn addresses(settings: &Settings, listen: SocketAddr) -> impl Iterator<Item = IpAddr> {
    let services = settings.service_cidr.split(',').filter_map(keelson_apiserver::bootstrap::first_address);
    let own = (!listen.ip().is_unspecified()).then(|| listen.ip());
    own.into_iter().chain([advertised(settings, listen).ip()]).chain(services)
}

/// The address that this machine sends from to the rest of the world, where there is a way there.
fn sends_from(ipv4: bool) -> Option<IpAddr> {
    let (any, far): (IpAddr, IpAddr) = if ipv4 {
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into())
    } else {
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())
    };
    // Connecting a datagram socket sends nothing; it only chooses a route.
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((far, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
