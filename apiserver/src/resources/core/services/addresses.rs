//! The addresses of services: given out of the cluster's ranges, an `IPAddress` object each.

use std::net::IpAddr;

use http::{HeaderMap, Method};
use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::address;
use keelson_api::status::Status;
use keelson_schema::tree::{Object, View};
use keelson_store::At;
use keelson_store::key::{Key, ResourceName};
use keelson_store::table::Table;
use keelson_store::transaction::{Change, Expect, Operation};
use parking_lot::Mutex;
use serde_json::json;

use super::claims::{Owner, invalid};
use super::families::{self, IPV4, list, texts};
use super::linked::{HEADLESS, needs_address};
use crate::api::Call;
use crate::caller::Caller;
use crate::edit::Edit;
use crate::object_life;
use crate::problem::Problem;
use crate::query::Query;
use crate::stored::{Stored, scan};
use crate::target::ResourceTarget;
use crate::{bootstrap, refusal};

const GROUP: &str = "networking.k8s.io";
const ADDRESSES: &str = "ipaddresses.networking.k8s.io";
const RANGES: &str = "servicecidrs.networking.k8s.io";
/// The range that a cluster begins with: its families are those that services may have.
const OWN_RANGE: &str = "kubernetes";
const IS_FULL: &str = "range is full";

/// How many addresses at the beginning of a range are left to those who say which one they want: a sixteenth of it,
/// within these bounds. Upstream's figures.
const RESERVED_PART: u128 = 16;
const RESERVED_LEAST: u128 = 16;
const RESERVED_MOST: u128 = 256;

/// A range of addresses. The first one names the network, and of IPv4 the last one speaks to all of it: nobody gets
/// these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    is_ipv4: bool,
    /// How many bits of its addresses are those of the network.
    bits: u8,
    network: u128,
    /// The first and the last that can be given.
    first: u128,
    last: u128,
    /// The first of those that are given to whoever does not say which one.
    dynamic: u128,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (base, bits) = address::parse_cidr(text)?;
        let (base, width) = number(base);
        let host_bits = u32::from(width.checked_sub(bits)?);
        let size = 1_u128.checked_shl(host_bits)?;
        let network = base & !(size - 1);
        let is_ipv4 = width == 32;
        let (first, last) = (network + 1, network + (size - 1) - u128::from(is_ipv4));
        let reserved = if size <= RESERVED_LEAST {
            0
        } else {
            (size / RESERVED_PART).clamp(RESERVED_LEAST, RESERVED_MOST)
        };
        (first <= last).then_some(Self {
            is_ipv4,
            bits,
            network,
            first,
            last,
            dynamic: (network + reserved).max(first),
        })
    }

    fn has(&self, ip: IpAddr) -> bool {
        ip.is_ipv4() == self.is_ipv4 && (self.first..=self.last).contains(&number(ip).0)
    }

    fn family(&self) -> &'static str {
        if self.is_ipv4 { IPV4 } else { families::IPV6 }
    }

    fn address(&self, number: u128) -> IpAddr {
        match u32::try_from(number) {
            Ok(number) if self.is_ipv4 => IpAddr::V4(number.into()),
            _ => IpAddr::V6(number.into()),
        }
    }
}

/// An address as a number, and how many bits it has.
fn number(ip: IpAddr) -> (u128, u8) {
    match ip {
        IpAddr::V4(ip) => (u32::from(ip).into(), 32),
        IpAddr::V6(ip) => (ip.into(), 128),
    }
}

/// The ranges that services get their addresses from.
pub(super) struct Ranges {
    /// Those that can be used.
    ready: Vec<Range>,
    /// The families that services may have, the cluster's own one first.
    pub(super) families: Vec<&'static str>,
}

impl Ranges {
    /// What they are now.
    pub(super) async fn read(call: &Call<'_>) -> Result<Self, Problem> {
        let listed = call.api.store.list(&ResourceName::new(RANGES), At::Latest).await;
        let (mut ready, mut own) = (Vec::new(), Vec::new());
        for object in listed.map_err(refusal::unreadable)?.table.iter() {
            let value: serde_json::Value = serde_json::from_slice(Stored::of(object)?.json)
                .map_err(|error| Problem::Defect(format!("a range cannot be read: {error}")))?;
            let cidrs = value["spec"]["cidrs"].as_array().into_iter().flatten();
            let ranges: Vec<Range> = cidrs.filter_map(|cidr| Range::parse(cidr.as_str()?)).collect();
            if object.name() == OWN_RANGE {
                own = ranges.iter().map(Range::family).collect();
            }
            let is_condition = |condition: &serde_json::Value| {
                condition["type"] == json!("Ready") && condition["status"] == json!("True")
            };
            let conditions = value["status"]["conditions"].as_array();
            let is_ready = conditions.is_some_and(|conditions| conditions.iter().any(is_condition));
            if is_ready && value["metadata"]["deletionTimestamp"].is_null() {
                ready.extend(ranges);
            }
        }
        if own.is_empty() {
            own.push(IPV4);
        }
        Ok(Self { ready, families: own })
    }
}

/// What the addresses of `spec` are, where it needs any.
fn held(spec: View<'_>) -> Vec<&str> {
    if !needs_address(spec) {
        return Vec::new();
    }
    texts(spec, "clusterIPs").into_iter().filter(|ip| !matches!(*ip, "" | HEADLESS)).collect()
}

/// Gives back the addresses of `old` that `new` has no more.
pub(super) async fn release(
    call: &Call<'_>,
    owner: Owner<'_>,
    old: Option<View<'_>>,
    new: Option<View<'_>>,
) -> Result<Vec<Operation>, Problem> {
    let kept = new.map(held).unwrap_or_default();
    let mut operations = Vec::new();
    for ip in old.map(held).unwrap_or_default().into_iter().filter(|ip| !kept.contains(ip)) {
        let Some(ip) = address::parse_ip(ip) else { continue };
        let key = Key::new(&ResourceName::new(ADDRESSES), "", &ip.to_string());
        let (_, found) = call.api.store.get(&key, At::Latest).await.map_err(refusal::unreadable)?;
        let Some(found) = found else { continue };
        let parent = |field| scan::text(Stored::of(&found).ok()?.json, &["spec", "parentRef", field]);
        let is_ours = parent("resource").as_deref() == Some("services")
            && parent("namespace").as_deref() == Some(owner.namespace)
            && parent("name").as_deref() == Some(owner.name);
        if is_ours {
            operations.push(Operation { key, expect: Expect::at(found.revision()), change: Change::Delete });
        }
    }
    Ok(operations)
}

/// Takes an address of each family that `spec` has and `old` had not, and gives back what it has no more.
pub(super) async fn settle(
    call: &Call<'_>,
    owner: Owner<'_>,
    spec: &mut Edit<'_>,
    old: Option<View<'_>>,
    ranges: &Ranges,
    dry_run: bool,
) -> Result<Vec<Operation>, Problem> {
    let mut operations = Vec::new();
    let is_headless = texts(spec.view(), "clusterIPs").first() == Some(&HEADLESS);
    if needs_address(spec.view()) && !is_headless {
        let had: Vec<String> = old.map(held).unwrap_or_default().iter().map(|ip| (*ip).to_owned()).collect();
        let asked: Vec<String> = texts(spec.view(), "clusterIPs").iter().map(|ip| (*ip).to_owned()).collect();
        let families: Vec<String> =
            texts(spec.view(), "ipFamilies").iter().map(|family| (*family).to_owned()).collect();
        let listed = call.api.store.list(&ResourceName::new(ADDRESSES), At::Latest).await;
        let taken = listed.map_err(refusal::unreadable)?.table;
        let mut settled = Vec::new();
        for (i, family) in families.iter().enumerate() {
            let ip = match asked.get(i).filter(|ip| !ip.is_empty()) {
                Some(ip) if had.contains(ip) => {
                    settled.push(ip.clone());
                    continue;
                }
                Some(ip) => named(ip, &asked, &taken, ranges, dry_run)
                    .map_err(|errors| invalid(owner.name, &errors))
                    .map(|address| (address, ip.clone()))?,
                None => {
                    let ip = any(call, family, &taken, ranges, dry_run).ok_or_else(|| full(owner))?;
                    (ip, ip.to_string())
                }
            };
            if !dry_run {
                operations.push(claim(call, owner, ip.0).await?);
            }
            settled.push(ip.1);
        }
        if settled != asked {
            if let Some(first) = settled.first() {
                spec.set("clusterIP", first.as_str());
            }
            spec.set("clusterIPs", list(settled.iter().map(String::as_str)));
        }
    }
    operations.extend(release(call, owner, old, Some(spec.view())).await?);
    Ok(operations)
}

fn full(owner: Owner<'_>) -> Problem {
    let words = format!("failed to allocate a serviceIP for Service {:?}: {IS_FULL}", owner.name);
    Status::internal_error(words).into()
}

/// The address that was asked for, if it can be had.
fn named(
    ip: &str,
    asked: &[String],
    taken: &Table,
    ranges: &Ranges,
    dry_run: bool,
) -> Result<IpAddr, Errors> {
    let address = address::parse_ip(ip);
    let range = address.and_then(|address| ranges.ready.iter().find(|range| range.has(address)));
    let why = match (address, range) {
        (Some(address), Some(_)) if dry_run || taken.get(&address.to_string()).is_none() => {
            return Ok(address);
        }
        (Some(_), Some(_)) => "provided IP is already allocated",
        (Some(address), None) if dry_run && let Some(range) = ranges.ready.first() => &format!(
            "the provided IP ({address}) is not in the valid range. The range of valid IPs is {}/{}",
            range.address(range.network),
            range.bits
        ),
        _ => "the provided network does not match the current range",
    };
    let mut errors = Errors::new();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let path = Path::new("spec");
    let words = format!("failed to allocate IP {ip}: {why}");
    errors.push(Error::invalid(&path.child("clusterIPs"), Shown::Texts(&asked), words));
    Err(errors)
}

/// An address of that family that nobody has got; one that nobody can have, if it is only to be shown.
fn any(call: &Call<'_>, family: &str, taken: &Table, ranges: &Ranges, dry_run: bool) -> Option<IpAddr> {
    for range in ranges.ready.iter().filter(|range| range.family() == family) {
        if dry_run {
            return Some(range.address(range.network));
        }
        for (first, last) in [(range.dynamic, range.last), (range.first, range.dynamic - 1)] {
            let found = free(
                first,
                last,
                |number| taken.get(&range.address(number).to_string()).is_none(),
                |bound| call.api.entropy.below(bound),
            );
            if let Some(found) = found {
                return Some(range.address(found));
            }
        }
    }
    None
}

/// A free number of a range: the first from one on that was drawn.
fn free(
    first: u128,
    last: u128,
    is_free: impl Fn(u128) -> bool,
    draw: impl Fn(usize) -> usize,
) -> Option<u128> {
    let size = last.checked_sub(first)?.saturating_add(1);
    let drawn = first + draw(usize::try_from(size).unwrap_or(usize::MAX)) as u128;
    (drawn..=last).chain(first..drawn).find(|number| is_free(*number))
}

/// Makes the object that says who has got the address, on condition that there is none.
async fn claim(call: &Call<'_>, owner: Owner<'_>, ip: IpAddr) -> Result<Operation, Problem> {
    let api = call.api;
    let served = api.catalog.known(GROUP, "v1", "ipaddresses");
    let served = served.ok_or_else(|| Problem::Defect("there are no addresses".into()))?;
    let text = json!({
        "metadata": {"name": ip.to_string(), "labels": {
            "ipaddress.kubernetes.io/ip-family": families::of(ip),
            "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
        }},
        "spec": {"parentRef": {"resource": "services", "namespace": owner.namespace, "name": owner.name}},
    });
    let decoded = keelson_schema::json::decode(text.to_string().as_bytes(), served.schema.ty(), false)
        .map_err(|error| Problem::Defect(format!("an address cannot be made: {error}")))?;
    let object = Object::with_root(served.schema.clone(), decoded.root);
    let (headers, caller) =
        (HeaderMap::new(), Caller::authenticated(bootstrap::OWN_NAME, ["system:masters"]));
    // It is made as by the server's own request, so that it has all that other objects have.
    let own = Call {
        api,
        served,
        target: &ResourceTarget::default(),
        subresource: None,
        query: Query::parse(None),
        method: &Method::POST,
        headers: &headers,
        caller: &caller,
        warnings: Mutex::default(),
    };
    let write = own.write(object_life::Owner::Manager(bootstrap::OWN_MANAGER));
    let mut made = Box::pin(object_life::create(&own, object, &write)).await?;
    let (uid, value) = object_life::bytes(served, &mut made)?;
    let key = Key::new(&served.store, "", &ip.to_string());
    Ok(Operation { key, expect: Expect::ABSENT, change: Change::Put { uid, value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> (String, String, String) {
        let range = Range::parse(text).unwrap();
        let text = |number| range.address(number).to_string();
        (text(range.first), text(range.dynamic), text(range.last))
    }

    #[test]
    fn ranges_leave_room_for_those_who_choose() {
        let check = |text: &str, first: &str, dynamic: &str, last: &str| {
            assert_eq!(range(text), (first.into(), dynamic.into(), last.into()), "{text}");
        };
        check("10.96.0.0/16", "10.96.0.1", "10.96.1.0", "10.96.255.254");
        check("10.96.7.0/24", "10.96.7.1", "10.96.7.16", "10.96.7.254");
        check("10.96.0.0/28", "10.96.0.1", "10.96.0.1", "10.96.0.14");
        check("10.96.0.5/30", "10.96.0.5", "10.96.0.5", "10.96.0.6");
        check("fd00::/108", "fd00::1", "fd00::100", "fd00::f:ffff");
        assert_eq!(Range::parse("10.96.0.0/32"), None);
        let range = Range::parse("10.96.0.0/16").unwrap();
        for (ip, is_in) in [
            ("10.96.0.0", false),
            ("10.96.0.1", true),
            ("10.96.255.255", false),
            ("10.97.0.1", false),
            ("::a60:1", false),
        ] {
            assert_eq!(range.has(ip.parse().unwrap()), is_in, "{ip}");
        }
    }

    #[test]
    fn whatever_is_free_is_found() {
        for drawn in 0..4 {
            for only in 10..14 {
                assert_eq!(free(10, 13, |number| number == only, |_| drawn), Some(only));
            }
            assert_eq!(free(10, 13, |_| false, |_| drawn), None);
        }
        assert_eq!(free(10, 9, |_| true, |_| 0), None, "an empty range");
    }
}
