//! Ranges of services' addresses: they can be used, and do not go while addresses of theirs would belong nowhere.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use keelson_api::names::address::{parse_cidr, parse_ip};
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Patch, Time};
use serde_json::json;

use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan, What, Word};
use crate::views::condition::find;
use crate::views::servicecidr::{IpAddress, SERVICECIDRS, ServiceCidr};

const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
/// Who says that a range can be used.
const MANAGER: &str = "service-cidr-controller";
/// What says who has given an address out, and that it was the server.
const MANAGED_BY: &str = "ipaddress.kubernetes.io/managed-by";
const SERVER: &str = "ipallocator.k8s.io";
/// How long a range stays at least after somebody wanted it to go: by then all servers know. Upstream's.
const STAYS_MILLIS: u64 = 10_000;
const LEFT: &str =
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";

/// A range of addresses: its first one, and how many bits all have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u128,
    bits: u8,
    is_v4: bool,
}

fn number(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), true),
        IpAddr::V6(address) => (address.into(), false),
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = parse_cidr(text)?;
        let (number, is_v4) = number(address);
        let range = Self { first: 0, bits, is_v4 };
        Some(Self { first: number & !range.hosts(), ..range })
    }

    /// The bits in which its addresses differ.
    fn hosts(self) -> u128 {
        let all_bits = if self.is_v4 { 32 } else { 128 };
        1_u128.checked_shl(all_bits - u32::from(self.bits)).map_or(u128::MAX, |beyond| beyond - 1)
    }

    /// Whether all of the other's addresses are among its own.
    fn holds(self, other: Self) -> bool {
        self.is_v4 == other.is_v4 && self.bits <= other.bits && other.first & !self.hosts() == self.first
    }

    /// Whether it gives this address out: never the one of the network, nor that for all of it.
    fn gives(self, address: IpAddr) -> bool {
        let (number, is_v4) = number(address);
        let for_all = self.first | self.hosts();
        self.is_v4 == is_v4
            && number & !self.hosts() == self.first
            && number != self.first
            && !(is_v4 && number == for_all)
    }
}

fn ranges(cidr: &ServiceCidr) -> impl Iterator<Item = Range> {
    cidr.spec.cidrs.iter().filter_map(|text| Range::parse(text))
}

/// The address, if the server has given it out.
fn given(address: &IpAddress) -> Option<IpAddr> {
    let meta = &address.metadata;
    parse_ip(&meta.name).filter(|_| meta.labels.get(MANAGED_BY) == Some(SERVER))
}

/// The controller.
pub(crate) struct ServiceCidrs {
    cidrs: Arc<Cache<ServiceCidr>>,
    addresses: Arc<Cache<IpAddress>>,
}

impl ServiceCidrs {
    pub(crate) fn new(caches: &Caches) -> Self {
        Self { cidrs: caches.of(), addresses: caches.of() }
    }

    /// Whether what was given out of a range belongs to another one, too, or nothing was.
    fn may_go(&self, cidr: &ServiceCidr) -> bool {
        let all = self.cidrs.list("");
        let others: Vec<Range> = all
            .iter()
            .filter(|other| other.metadata.name != cidr.metadata.name)
            .flat_map(|other| ranges(other))
            .collect();
        let is_held = |range: Range| others.iter().any(|other| other.holds(range));
        if ranges(cidr).all(is_held) {
            return true;
        }
        let own: Vec<Range> = ranges(cidr).collect();
        let belongs_nowhere = |address: &Arc<IpAddress>| {
            given(address).is_some_and(|address| {
                let is_of = |ranges: &[Range]| ranges.iter().any(|range| range.gives(address));
                is_of(&own) && !is_of(&others)
            })
        };
        !self.addresses.list("").iter().any(belongs_nowhere)
    }
}

impl Controller for ServiceCidrs {
    fn inputs(&self, inputs: &Inputs) {
        let cidrs = Arc::clone(&self.cidrs);
        inputs.map(&self.cidrs, move |change| {
            let Some(latest) = change.latest() else { return Vec::new() };
            if change.old.is_some() && change.new.is_some() {
                return vec![latest.metadata.key()];
            }
            // One that comes or goes may let others go, or hold them.
            let meets = |other: &&Arc<ServiceCidr>| {
                ranges(other).any(|one| ranges(latest).any(|other| one.holds(other) || other.holds(one)))
            };
            let mut keys: Vec<Key> =
                cidrs.list("").iter().filter(meets).map(|other| other.metadata.key()).collect();
            keys.push(latest.metadata.key());
            keys
        });
        let cidrs = Arc::clone(&self.cidrs);
        inputs.map(&self.addresses, move |change| {
            let Some(address) = change.latest().and_then(|address| given(address)) else { return Vec::new() };
            if change.old.is_some() && change.new.is_some() {
                return Vec::new();
            }
            let gives = |cidr: &&Arc<ServiceCidr>| ranges(cidr).any(|range| range.gives(address));
            cidrs.list("").iter().filter(gives).map(|cidr| cidr.metadata.key()).collect()
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(cidr) = self.cidrs.get(key) else { return Plan::nothing() };
        let meta = &cidr.metadata;
        let is_held = meta.finalizers.iter().any(|finalizer| finalizer == FINALIZER);
        let Some(since) = meta.deletion_timestamp else {
            let hold = json!({"metadata": {"finalizers": [FINALIZER]}});
            let hold = (!is_held).then(|| Action::strategic(&SERVICECIDRS, key.clone(), hold));
            let ready = said(&cidr, ("True", "", "Kubernetes Service CIDR is ready"), now);
            return Plan::of(hold.into_iter().chain(ready).collect());
        };
        if !is_held {
            return Plan::nothing();
        }
        if !self.may_go(&cidr) {
            return Plan::of(said(&cidr, ("False", "Terminating", LEFT), now).into_iter().collect());
        }
        let goes = UnixMillis(since.millis().0 + STAYS_MILLIS);
        if goes > now {
            return Plan { again: Some(Duration::from_millis(goes.since(now))), ..Plan::default() };
        }
        let let_go = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}});
        Plan::of(vec![Action::strategic(&SERVICECIDRS, key.clone(), let_go)])
    }
}

/// Says whether a range can be used, unless that is said already.
fn said(
    cidr: &ServiceCidr,
    (status, reason, message): (&str, &str, &str),
    now: UnixMillis,
) -> Option<Action> {
    let known = find(&cidr.status.conditions, "Ready");
    if known.is_some_and(|known| known.status == status && known.reason == reason && known.message == message)
    {
        return None;
    }
    let meta = &cidr.metadata;
    let ready = json!({
        "type": "Ready", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": Time::of(now),
    });
    let change = json!({
        "apiVersion": SERVICECIDRS.api_version(), "kind": SERVICECIDRS.kind, "metadata": {"name": meta.name},
        "status": {"conditions": [ready]},
    });
    let apply = Action::new(What::Patch {
        resource: SERVICECIDRS,
        key: meta.key(),
        part: "status",
        form: Patch::Apply { manager: MANAGER },
        change,
    });
    if status != "True" {
        return Some(apply);
    }
    let note = "The ServiceCIDR Status can not be set to Ready=True";
    let failed = Word::new("KubernetesServiceCIDRError", "Update", note);
    Some(apply.telling((&SERVICECIDRS, meta), Vec::new(), Some(failed)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::plan::lines;

    fn now() -> UnixMillis {
        Time::parse("2026-01-01T00:00:10Z").unwrap().millis()
    }

    fn cidr(name: &str, ranges: &[&str], metadata: &Value) -> ServiceCidr {
        let mut object = json!({"metadata": {"finalizers": [FINALIZER]}, "spec": {"cidrs": ranges}});
        for (key, value) in metadata.as_object().unwrap() {
            object["metadata"][key] = value.clone();
        }
        object["metadata"]["name"] = json!(name);
        serde_json::from_value(object).unwrap()
    }

    fn address(text: &str) -> IpAddress {
        let labels = json!({MANAGED_BY: SERVER});
        serde_json::from_value(json!({"metadata": {"name": text, "labels": labels}})).unwrap()
    }

    fn plan(cidrs: Vec<ServiceCidr>, addresses: &[&str]) -> Vec<String> {
        let controller = ServiceCidrs {
            cidrs: Cache::holding(cidrs),
            addresses: Cache::holding(addresses.iter().map(|text| address(text))),
        };
        lines(controller.plan(&Key::new("", "a"), now()))
    }

    #[test]
    fn a_range_that_can_be_used_says_so() {
        let lines = plan(vec![cidr("a", &["10.0.0.0/24"], &json!({"finalizers": []}))], &[]);
        assert_eq!(
            lines[0],
            r#"patch servicecidrs a {"metadata":{"finalizers":["networking.k8s.io/service-cidr-finalizer"]}}"#
        );
        assert!(
            lines[1].starts_with("patch servicecidrs/status a ")
                && lines[1].contains("Kubernetes Service CIDR is ready"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_range_goes_when_no_address_would_belong_nowhere() {
        let going = |seconds: u64| json!({"deletionTimestamp": format!("2026-01-01T00:00:{seconds:02}Z")});
        let gone = r#"patch servicecidrs a {"metadata":{"$deleteFromPrimitiveList/finalizers":["networking.k8s.io/service-cidr-finalizer"]}}"#;
        let first = |others: Vec<ServiceCidr>, seconds: u64, addresses: &[&str]| {
            let all = others.into_iter().chain([cidr("a", &["10.0.0.0/24"], &going(seconds))]);
            plan(all.collect(), addresses).remove(0)
        };
        let other = |range: &str| vec![cidr("b", &[range], &json!({}))];
        assert_eq!(first(vec![], 0, &[]), gone);
        assert_eq!(first(vec![], 3, &[]), "again in 3s");
        assert_eq!(first(vec![], 0, &["10.0.0.0", "10.0.0.255", "10.0.1.5"]), gone);
        assert!(first(vec![], 0, &["10.0.0.5"]).contains(LEFT));
        assert_eq!(first(other("10.0.0.0/16"), 0, &["10.0.0.5"]), gone);
        assert_eq!(first(other("10.0.0.0/28"), 0, &["10.0.0.5"]), gone);
        assert!(
            first(other("10.0.0.0/28"), 0, &["10.0.0.15"]).contains(LEFT),
            "the smaller one does not give it out"
        );
        assert!(first(other("fd00::/64"), 0, &["10.0.0.5"]).contains(LEFT));
    }
}
