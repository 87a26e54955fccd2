//! Which families of addresses a service has, in which order, and whether it may: what its writer leaves open follows
//! from what the cluster has and from the addresses that the writer names.

use std::net::IpAddr;

use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::address::{self, Strictness};
use keelson_schema::tree::{Value, View};

use super::kind;
use super::linked::HEADLESS;
use crate::edit::Edit;

pub(super) const IPV4: &str = "IPv4";
pub(super) const IPV6: &str = "IPv6";
const SINGLE: &str = "SingleStack";
const PREFER: &str = "PreferDualStack";
const REQUIRE: &str = "RequireDualStack";

/// The fields that say which addresses a service has.
const FIELDS: [&str; 5] = ["type", "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];

/// Whether two services differ in what addresses they ask for.
pub(super) fn differ(new: View<'_>, old: View<'_>) -> bool {
    FIELDS.iter().any(|field| new.field(field).value() != old.field(field).value())
}

/// The family of an address.
pub(super) fn of(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { IPV4 } else { IPV6 }
}

/// The texts of a list.
pub(super) fn texts<'a>(spec: View<'a>, field: &str) -> Vec<&'a str> {
    spec.field(field).items().map(View::text).collect()
}

/// A list of texts.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    Value::List(texts.into_iter().map(Value::from).collect())
}

fn has_selector(spec: View<'_>) -> bool {
    spec.field("selector").value().and_then(Value::as_map).is_some_and(|labels| !labels.is_empty())
}

fn is_headless(spec: View<'_>) -> bool {
    spec.field("clusterIP").text() == HEADLESS
}

/// Fills in families and policy. `known` are the families that the cluster has, its own one first.
pub(super) fn settle(spec: &mut Edit<'_>, old: Option<View<'_>>, known: &[&str]) -> Result<(), Errors> {
    if spec.text("type") == kind::EXTERNAL_NAME {
        return Ok(());
    }
    if old.is_some_and(|old| stays_as_it_is(spec.view(), old)) {
        return Ok(());
    }
    if !spec.has("ipFamilyPolicy") {
        let before = old.map_or("", |old| old.field("ipFamilyPolicy").text());
        let policy = match before {
            "" if is_headless(spec.view()) && !has_selector(spec.view()) => REQUIRE,
            "" => SINGLE,
            before => before,
        };
        spec.set("ipFamilyPolicy", policy);
    }
    let mut errors = Errors::new();
    check(spec.view(), old, &mut errors);
    errors.into_result()?;
    let policy = spec.text("ipFamilyPolicy").to_owned();
    let mut errors = Errors::new();
    if let Some(old) = old {
        reduce(spec, old, &policy, &mut errors);
    }
    check_policy(spec.view(), &policy, &mut errors);
    infer(spec, known, &mut errors);
    errors.into_result()?;
    complete(spec, &policy, known)
}

/// A service that takes two addresses where it can stays with those that it has, whatever becomes of the cluster.
fn stays_as_it_is(new: View<'_>, old: View<'_>) -> bool {
    let text = |spec: View<'_>, field: &str| spec.field(field).text().to_owned();
    text(new, "type") == text(old, "type")
        && text(new, "ipFamilyPolicy") == PREFER
        && matches!(&*text(old, "ipFamilyPolicy"), "" | PREFER)
        && ["clusterIPs", "ipFamilies"].iter().all(|field| texts(new, field) == texts(old, field))
}

/// Checks what the writer says, as far as it can be judged by itself.
fn check(spec: View<'_>, old: Option<View<'_>>, errors: &mut Errors) {
    let path = Path::new("spec");
    let (addresses, families) = (texts(spec, "clusterIPs"), texts(spec, "ipFamilies"));
    let (addresses_path, families_path) = (path.child("clusterIPs"), path.child("ipFamilies"));
    let shown = || Shown::Texts(&addresses);
    match (spec.field("clusterIP").text(), addresses.first()) {
        ("", Some(_)) => {
            let words = "must be empty when `clusterIP` is not specified";
            errors.push(Error::invalid(&addresses_path, shown(), words));
        }
        ("", None) => {}
        (_, None) => errors.push(Error::required(&addresses_path, "")),
        (one, Some(first)) if one != *first => {
            errors.push(Error::invalid(&addresses_path, shown(), "first value must match `clusterIP`"));
        }
        _ => {}
    }
    for (i, family) in families.iter().enumerate() {
        if ![IPV4, IPV6].contains(family) {
            errors.push(Error::not_supported(&families_path.index(i), *family, &[IPV4, IPV6]));
        }
        if families[..i].contains(family) {
            errors.push(Error::duplicate(&families_path.index(i), *family));
        }
    }
    let policy = spec.field("ipFamilyPolicy").text();
    if ![SINGLE, PREFER, REQUIRE].contains(&policy) {
        let supported = [PREFER, REQUIRE, SINGLE];
        errors.push(Error::not_supported(&path.child("ipFamilyPolicy"), policy, &supported));
    }
    let before = old.map(|old| texts(old, "clusterIPs")).unwrap_or_default();
    let found = errors.len();
    for (i, ip) in addresses.iter().enumerate() {
        match *ip {
            HEADLESS if i == 0 && addresses.len() > 1 => {
                errors.push(Error::invalid(
                    &addresses_path,
                    shown(),
                    "'None' must be the first and only value",
                ));
            }
            HEADLESS if i == 0 => {}
            ip => address::check_legacy_ip(&addresses_path.index(i), ip, Strictness::Strict, &before, errors),
        }
    }
    // More would only be said of addresses that are none.
    let are_addresses = errors.len() == found;
    if addresses.len() > 2 {
        errors.push(Error::invalid(&addresses_path, shown(), "may only hold up to 2 values"));
    }
    if !are_addresses {
        return;
    }
    check_families_of(&addresses, &families, errors);
}

/// Checks that addresses are of the families that they are said to be.
fn check_families_of(addresses: &[&str], families: &[&str], errors: &mut Errors) {
    let path = Path::new("spec");
    let path = path.child("clusterIPs");
    let parsed: Vec<Option<IpAddr>> = addresses.iter().map(|text| address::parse_ip(text)).collect();
    let of_family = |wanted: &str| parsed.iter().flatten().filter(|ip| of(**ip) == wanted).count();
    if addresses.len() > 1 && (of_family(IPV4) != 1 || of_family(IPV6) != 1) {
        let words = "may specify no more than one IP for each IP family";
        errors.push(Error::invalid(&path, Shown::Texts(addresses), words));
    }
    for (i, (ip, family)) in parsed.iter().zip(families).enumerate() {
        if ip.is_some_and(|ip| of(ip) != *family && [IPV4, IPV6].contains(family)) {
            let words = format!("expected an {family} value as indicated by `ipFamilies[{i}]`");
            errors.push(Error::invalid(&path.index(i), addresses[i], words));
        }
    }
}

/// A service that is to have one family only gives the other back; any other service has to say so.
fn reduce(spec: &mut Edit<'_>, old: View<'_>, policy: &str, errors: &mut Errors) {
    let path = Path::new("spec");
    for (field, what) in [("clusterIPs", "secondary cluster IP"), ("ipFamilies", "secondary IP family")] {
        let (has, had) = (texts(spec.view(), field), texts(old, field));
        if policy == SINGLE {
            if has == had && has.len() > 1 {
                let first = list([has[0]]);
                spec.set(field, first);
            }
        } else if !has.is_empty() && has.len() < had.len() {
            let words = format!("must be 'SingleStack' to release the {what}");
            errors.push(Error::invalid(&path.child("ipFamilyPolicy"), Shown::Named(policy), words));
        }
    }
}

/// A service keeps the addresses and families that it has got; only a second one comes and goes.
pub(super) fn check_unchanged(new: View<'_>, old: View<'_>, errors: &mut Errors) {
    if new.field("type").text() == kind::EXTERNAL_NAME
        || old.field("type").text() == kind::EXTERNAL_NAME
        || is_headless(new) && is_headless(old)
    {
        return;
    }
    let path = Path::new("spec");
    let mut check = |field: &str, what: &str, everywhere: bool| {
        let (has, had) = (texts(new, field), texts(old, field));
        if has.is_empty() && !had.is_empty() {
            if everywhere {
                let words = format!("primary {what} can not be unset");
                errors.push(Error::invalid(&path.child(field).index(0), Shown::Texts(&has), words));
            }
            return;
        }
        let pairs = has.iter().zip(&had).take(if has.len() == had.len() { has.len() } else { 1 });
        for (i, _) in pairs.enumerate().filter(|(_, (has, had))| has != had) {
            let place = if everywhere { i } else { 0 };
            errors.push(Error::invalid(
                &path.child(field).index(place),
                Shown::Texts(&has),
                "may not change once set",
            ));
        }
    };
    check("clusterIPs", "clusterIP", true);
    if is_headless(new) == is_headless(old) {
        check("ipFamilies", "ipFamily", false);
    }
}

fn check_policy(spec: View<'_>, policy: &str, errors: &mut Errors) {
    if policy != SINGLE {
        return;
    }
    let path = Path::new("spec");
    for (field, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
        if spec.field(field).items().len() == 2 {
            let words =
                format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            errors.push(Error::invalid(&path.child("ipFamilyPolicy"), Shown::Named(policy), words));
        }
    }
}

/// Families follow from addresses that are named.
fn infer(spec: &mut Edit<'_>, known: &[&str], errors: &mut Errors) {
    let path = Path::new("spec");
    let mut families: Vec<String> =
        texts(spec.view(), "ipFamilies").iter().map(|family| (*family).to_owned()).collect();
    let had = families.len();
    let addresses = texts(spec.view(), "clusterIPs");
    for (i, ip) in addresses.iter().enumerate() {
        let Some(ip) = address::parse_ip(ip) else { break };
        if i < families.len() {
            continue;
        }
        if known.contains(&of(ip)) {
            families.push(of(ip).to_owned());
        } else {
            let words = format!("{} is not configured on this cluster", of(ip));
            errors.push(Error::invalid(&path.child("clusterIPs").index(i), Shown::Texts(&addresses), words));
        }
    }
    if families.len() > had {
        let families = list(families.iter().map(String::as_str));
        spec.set("ipFamilies", families);
    }
}

/// Adds the families that are left open, as far as the cluster has them.
fn complete(spec: &mut Edit<'_>, policy: &str, known: &[&str]) -> Result<(), Errors> {
    let own = known.first().copied().unwrap_or(IPV4);
    let other = |family: &str| if family == IPV4 { IPV6 } else { IPV4 };
    // Whoever gives a headless service its endpoints by hand may give it those of any family.
    let is_free = is_headless(spec.view()) && !has_selector(spec.view());
    let (mut errors, path) = (Errors::new(), Path::new("spec"));
    if !is_free && policy == REQUIRE && known.len() < 2 {
        let words = "this cluster is not configured for dual-stack services";
        errors.push(Error::invalid(&path.child("ipFamilyPolicy"), Shown::Named(policy), words));
    }
    let families = texts(spec.view(), "ipFamilies");
    for (i, family) in families.iter().enumerate().filter(|_| !is_free) {
        if !known.contains(family) {
            let path = path.child("ipFamilies");
            let words = "not configured on this cluster";
            errors.push(Error::invalid(&path.index(i), Shown::Named(family), words));
        }
    }
    errors.into_result()?;
    let first = families.first().copied().unwrap_or(own).to_owned();
    let is_alone = families.len() < 2;
    if families.is_empty() {
        spec.set("ipFamilies", list([first.as_str()]));
    }
    if is_alone && policy != SINGLE && (is_free || known.len() == 2) {
        spec.set("ipFamilies", list([first.as_str(), other(&first)]));
    }
    Ok(())
}
