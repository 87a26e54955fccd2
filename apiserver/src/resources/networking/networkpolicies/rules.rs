//! What network policies keep to.

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::address::{Strictness, check_legacy_cidr, parse_cidr};
use keelson_api::names::{number, variable};
use keelson_schema::tree::{Object, Value, View};

use crate::rules::selector::{has_invalid_value, label_selector_with};
use crate::rules::{At, address, marked};

/// What is let through because it is stored so already.
#[derive(Default)]
struct Leniency<'o> {
    selector_values: bool,
    ranges: Vec<&'o str>,
}

/// What is wrong with a policy, in the place of `old` if there is one.
pub(super) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let lenient = old.map(|old| stored(old.view().field("spec"))).unwrap_or_default();
    let spec = At::root(new, "spec");
    label_selector_with(&spec.field("podSelector"), lenient.selector_values, errors);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.field(direction).items() {
            for port in rule.field("ports").items() {
                check_port(&port, errors);
            }
            for peer in rule.field(peers).items() {
                check_peer(&peer, &lenient, errors);
            }
        }
    }
    check_directions(&spec.field("policyTypes"), errors);
}

fn stored(spec: View<'_>) -> Leniency<'_> {
    let mut ranges = Vec::new();
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for peer in spec.field(direction).items().flat_map(|rule| rule.field(peers).items()) {
            let block = peer.field("ipBlock");
            ranges.extend(block.is_present().then(|| block.field("cidr").text()));
            ranges.extend(block.field("except").items().map(View::text));
        }
    }
    Leniency { selector_values: has_invalid_value(spec.field("podSelector")), ranges }
}

fn check_directions(directions: &At<'_, '_>, errors: &mut Errors) {
    if directions.len() > 2 {
        return directions.invalid("may not specify more than two policyTypes", errors);
    }
    for direction in directions.items() {
        direction.one_of(&["Ingress", "Egress"], errors);
    }
}

fn check_port(port: &At<'_, '_>, errors: &mut Errors) {
    let protocol = port.field("protocol");
    if protocol.is_present() {
        protocol.one_of(&["TCP", "UDP", "SCTP"], errors);
    }
    let (first, last) = (port.field("port"), port.field("endPort"));
    match first.view.value() {
        Some(Value::Int(number)) => {
            push_all(&first, *number, number::port(*number), errors);
            if let Some(end) = last.int() {
                if end < *number {
                    last.invalid("must be greater than or equal to `port`", errors);
                }
                push_all(&last, end, number::port(end), errors);
            }
        }
        Some(_) => {
            if last.is_present() {
                last.invalid("may not be specified when `port` is non-numeric", errors);
            }
            errors.push_invalid(&first.path, first.text(), variable::port_name(first.text()));
        }
        None if last.is_present() => {
            last.invalid("may not be specified when `port` is not specified", errors);
        }
        None => {}
    }
}

fn push_all(at: &At<'_, '_>, number: i64, reasons: keelson_api::names::Reasons, errors: &mut Errors) {
    errors.extend(reasons.into_iter().map(|why| Error::invalid(&at.path, Shown::Int(number), why)));
}

fn check_peer(peer: &At<'_, '_>, lenient: &Leniency<'_>, errors: &mut Errors) {
    let selectors = [peer.field("podSelector"), peer.field("namespaceSelector")];
    for selector in selectors.iter().filter(|selector| selector.is_present()) {
        label_selector_with(selector, lenient.selector_values, errors);
    }
    let has_selector = selectors.iter().any(At::is_present);
    let block = peer.field("ipBlock");
    if block.is_present() {
        check_block(&block, lenient, errors);
    }
    if !has_selector && !block.is_present() {
        peer.missing("must specify a peer", errors);
    } else if has_selector && block.is_present() {
        peer.forbidden("may not specify both ipBlock and another peer", errors);
    }
}

fn check_block(block: &At<'_, '_>, lenient: &Leniency<'_>, errors: &mut Errors) {
    let range = block.field("cidr");
    if range.is_empty() {
        return marked::covered(errors, |errors| range.missing("", errors));
    }
    check_legacy_cidr(&range.path, range.text(), Strictness::Strict, &lenient.ranges, errors);
    let Some(whole) = parse_cidr(range.text()) else { return };
    for except in block.field("except").items() {
        check_legacy_cidr(&except.path, except.text(), Strictness::Strict, &lenient.ranges, errors);
        let Some(part) = parse_cidr(except.text()) else { continue };
        if whole.1 >= part.1 || !address::contains(whole, part.0) {
            except.invalid("must be a strict subset of `cidr`", errors);
        }
    }
}
