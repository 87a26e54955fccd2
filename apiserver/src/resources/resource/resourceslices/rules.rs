//! What slices of pools of devices keep to. Policies of capacities that several share, and what devices take of their
//! node, are not looked at yet.

use std::collections::BTreeSet;

use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::{dns, object, variable};
use keelson_schema::tree::{Object, Value, View};

use crate::resources::resource::{claim, taint};
use crate::rules::volume_disk::csi_driver;
use crate::rules::{At, internal, marked, same, selector_node};

const DEVICES_MAX: usize = 128;
const ADVANCED_DEVICES_MAX: usize = 64;
const COUNTER_SETS_MAX: usize = 8;
const COUNTERS_MAX: usize = 32;
const CONSUMPTIONS_MAX: usize = 2;
const TAINTS_MAX: usize = 16;
const ATTRIBUTES_MAX: usize = 32;
const VALUES_MAX: usize = 48;
const TEXT_BYTES_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 32;
const CONDITIONS_MAX: usize = 4;
const LISTS: [&str; 4] = ["bools", "ints", "strings", "versions"];

/// What is wrong with a slice, in the place of `old` if there is one.
pub(super) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let (driver, pool, node) = (spec.field("driver"), spec.field("pool"), spec.field("nodeName"));
    csi_driver(&driver, errors);
    let pool_name = pool.field("name");
    taint::check_pool(&pool_name, errors);
    pool.field("resourceSliceCount").positive(errors);
    let generation = pool.field("generation");
    if generation.int().is_some_and(|number| number < 0) {
        generation.invalid("must be greater than or equal to zero", errors);
    }
    let before = old.map(|old| old.view().field("spec"));
    if let Some(before) = before {
        pool_name.immutable(before.path("pool.name"), errors);
        driver.immutable(before.field("driver"), errors);
        node.immutable_pointer(before.field("nodeName"), errors);
    }
    check_place(&spec, errors);
    let (counters, devices) = (spec.field("sharedCounters"), spec.field("devices"));
    if counters.is_present() && devices.is_present() {
        let words = "only one of `sharedCounters` or `devices` is allowed";
        errors.push(Error::invalid(&spec.path, "", words));
    }
    check_devices(&spec, &devices, before, errors);
    let is_asked = claim::each(&counters, COUNTER_SETS_MAX, errors, |set, errors| {
        check_counters(set, "name", errors);
    });
    if is_asked {
        claim::unique(&counters, Some("name"), errors);
    }
}

/// Where the devices are: one way of saying so.
fn check_place(spec: &At<'_, '_>, errors: &mut Errors) {
    const ONE: &str =
        "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
    let mut said = Vec::new();
    let node = spec.field("nodeName");
    if node.is_present() && node.is_empty() {
        node.invalid("must be either unset or set to a non-empty string", errors);
    } else if node.is_present() {
        said.push("`nodeName`");
        errors.push_invalid(&node.path, node.text(), object::subdomain(node.text(), object::Part::Whole));
    }
    let selector = spec.field("nodeSelector");
    if selector.is_present() {
        said.push("`nodeSelector`");
        selector_node::node_selector(&selector, false, errors);
        let terms = selector.field("nodeSelectorTerms");
        if terms.len() != 1 {
            let words = "must have exactly one node selector term";
            errors.push(Error::invalid(&terms.path, internal::shown(terms.view), words));
        }
    }
    for (name, shown) in [("allNodes", "`allNodes`"), ("perDeviceNodeSelection", "`perDeviceNodeSelection`")]
    {
        let field = spec.field(name);
        if field.is_true() {
            said.push(shown);
        } else if field.is_present() {
            field.invalid("must be either unset or set to true", errors);
        }
    }
    match said.len() {
        0 => spec.missing(ONE, errors),
        1 => {}
        _ => {
            let shown = format!("{{{}}}", said.join(", "));
            let words = format!("{ONE}, but multiple fields are set");
            errors.push(Error::invalid(&spec.path, &shown, words));
        }
    }
}

fn check_devices(spec: &At<'_, '_>, devices: &At<'_, '_>, before: Option<View<'_>>, errors: &mut Errors) {
    let is_advanced = |device: View<'_>| {
        let attributes = At { view: device.field("attributes"), path: Path::NOWHERE };
        device.field("taints").items().len() > 0
            || device.field("consumesCounters").items().len() > 0
            || attributes.entries().any(|(_, one)| LISTS.iter().any(|list| one.field(list).is_present()))
    };
    let max = if devices.view.items().any(is_advanced) { ADVANCED_DEVICES_MAX } else { DEVICES_MAX };
    if devices.len() > max {
        errors.push(Error::too_many(&devices.path, devices.len(), max));
        return;
    }
    let is_placed_apart = spec.view.field("perDeviceNodeSelection").is_true();
    for device in devices.items() {
        let name = device.view.field("name").text();
        let old = before.and_then(|before| {
            before.field("devices").items().find(|device| device.field("name").text() == name)
        });
        check_device(&device, old, is_placed_apart, errors);
    }
    let mut names = BTreeSet::new();
    for device in devices.items() {
        let name = device.view.field("name").text();
        if !names.insert(name) {
            errors.push(Error::duplicate(&device.path, name));
        }
    }
}

fn check_device(device: &At<'_, '_>, old: Option<View<'_>>, is_placed_apart: bool, errors: &mut Errors) {
    device.field("name").keep_to(dns::label, errors);
    let (attributes, capacity) = (device.field("attributes"), device.field("capacity"));
    let count = attributes.len() + capacity.len();
    let limit = |what: &str, count: usize, max: usize, errors: &mut Errors| {
        if count > max {
            let words = format!("the total number of {what} must not exceed {max}");
            errors.push(Error::invalid(&device.path, count, words));
        }
    };
    limit("attributes and capacities", count, ATTRIBUTES_MAX, errors);
    let values = attributes
        .entries()
        .map(|(_, one)| LISTS.iter().map(|list| one.view.field(list).items().len()).sum::<usize>().max(1));
    limit("attribute values", values.sum(), VALUES_MAX, errors);
    for (name, attribute) in attributes.entries() {
        check_name(name, &attributes.path, errors);
        check_attribute(&attribute, errors);
    }
    let is_kept = |name: &str| old.is_some_and(|old| same::is_same(device.view.field(name), old.field(name)));
    if !is_kept("capacity") {
        for (name, one) in capacity.entries() {
            check_name(name, &capacity.path, errors);
            let policy = one.field("requestPolicy");
            if policy.is_present() && !device.view.field("allowMultipleAllocations").is_true() {
                policy.forbidden("allowMultipleAllocations must be true", errors);
            }
        }
    }
    let taints = device.field("taints");
    if is_kept("taints") {
    } else if taints.len() > TAINTS_MAX {
        errors.push(Error::too_many(&taints.path, taints.len(), TAINTS_MAX));
    } else {
        taints.items().for_each(|one| taint::check(&one, None, errors));
    }
    let consumed = device.field("consumesCounters");
    let is_asked = claim::each(&consumed, CONSUMPTIONS_MAX, errors, |one, errors| {
        check_counters(one, "counterSet", errors);
    });
    if is_asked {
        claim::unique(&consumed, Some("counterSet"), errors);
    }
    check_device_place(device, is_placed_apart, errors);
    check_bindings(device, errors);
}

fn check_device_place(device: &At<'_, '_>, is_placed_apart: bool, errors: &mut Errors) {
    const ONE: &str = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    let [node, selector, all] =
        ["nodeName", "nodeSelector", "allNodes"].map(|name| device.view.field(name).is_present());
    if !is_placed_apart {
        if node || selector || all {
            let words = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
            errors.push(Error::invalid(&device.path, Shown::Null, words));
        }
        return;
    }
    let mut said = Vec::new();
    let name = device.field("nodeName");
    if node && name.is_empty() {
        name.invalid("must not be empty", errors);
    } else if node {
        said.push("`nodeName`");
        errors.push_invalid(&name.path, name.text(), object::subdomain(name.text(), object::Part::Whole));
    }
    if selector {
        said.push("`nodeSelector`");
        selector_node::node_selector(&device.field("nodeSelector"), false, errors);
    }
    let everywhere = device.field("allNodes");
    if everywhere.is_true() {
        said.push("`allNodes`");
    } else if all {
        everywhere.invalid("must be either unset or set to true", errors);
    }
    match said.len() {
        0 => device.missing(ONE, errors),
        1 => {}
        _ => {
            let shown = format!("{{{}}}", said.join(", "));
            errors.push(Error::invalid(&device.path, &shown, ONE));
        }
    }
}

/// Conditions that have to come about before a device is used, and those that end the wait.
fn check_bindings(device: &At<'_, '_>, errors: &mut Errors) {
    let (wanted, failed) = (device.field("bindingConditions"), device.field("bindingFailureConditions"));
    for list in [&wanted, &failed] {
        claim::each(list, CONDITIONS_MAX, errors, |one, errors| {
            one.keep_to(keelson_api::names::label::key, errors);
        });
    }
    let texts = |list: &At<'_, '_>| -> BTreeSet<String> {
        list.view.items().map(|one| one.text().to_owned()).collect()
    };
    let all = texts(&wanted);
    for (list, ends) in [(&wanted, false), (&failed, true)] {
        let mut known = BTreeSet::new();
        for one in list.items() {
            if !known.insert(one.text()) {
                one.duplicate(errors);
            }
            if ends && all.contains(one.text()) {
                one.invalid("bindingFailureConditions must not overlap with bindingConditions", errors);
            }
        }
    }
    if wanted.is_empty() && !failed.is_empty() {
        wanted.invalid("bindingConditions are required to use bindingFailureConditions", errors);
    }
    if failed.is_empty() && !wanted.is_empty() {
        failed.invalid("bindingFailureConditions are required to use bindingConditions", errors);
    }
}

/// A name with or without a domain.
fn check_name(name: &str, path: &Path<'_>, errors: &mut Errors) {
    let identifier = |text: &str, errors: &mut Errors| {
        if text.len() > NAME_BYTES_MAX {
            errors.push(Error::too_long(path, NAME_BYTES_MAX));
        }
        errors.push_invalid(path, text, variable::c_identifier(text));
    };
    let parts: Vec<&str> = name.split('/').collect();
    match parts[..] {
        [only] => identifier(only, errors),
        [domain, own] => {
            if domain.is_empty() {
                errors.push(Error::invalid(path, "", "the domain must not be empty"));
            } else {
                if domain.len() > 63 {
                    errors.push(Error::too_long(path, 63));
                }
                errors.push_invalid(path, domain, dns::subdomain(&domain.to_lowercase()));
            }
            if own.is_empty() {
                errors.push(Error::invalid(path, "", "the name must not be empty"));
            } else {
                identifier(own, errors);
            }
        }
        _ => {}
    }
}

fn check_attribute(attribute: &At<'_, '_>, errors: &mut Errors) {
    let text = attribute.field("string");
    check_text(&text, false, errors);
    check_text(&attribute.field("version"), true, errors);
    for list in LISTS {
        let values = attribute.field(list);
        for value in values.items().filter(|_| matches!(list, "strings" | "versions")) {
            check_text(&value, list == "versions", errors);
        }
    }
    let all = ["bool", "int", "string", "version"].iter().chain(&LISTS);
    let count = all.filter(|name| attribute.view.field(name).is_present()).count();
    if count != 1 {
        let shown = if count == 0 { Shown::Text("") } else { internal::shown(attribute.view) };
        let error = Error::invalid(&attribute.path, shown, "exactly one value must be specified");
        errors.push(error.covered());
    }
}

fn check_text(text: &At<'_, '_>, is_version: bool, errors: &mut Errors) {
    if !text.is_present() {
        return;
    }
    if is_version && !is_semantic(text.text()) {
        let words = "must be a string compatible with semver.org spec 2.0.0";
        errors.push(Error::invalid(&text.path, text.text(), words));
    }
    if text.text().len() > TEXT_BYTES_MAX {
        errors.push(Error::too_long(&text.path, TEXT_BYTES_MAX));
    }
}

/// Whether a text is a version of three numbers, with a release that comes before it and a build if it has such.
fn is_semantic(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (numbers, before) = text.split_once('-').map_or((text, None), |(text, rest)| (text, Some(rest)));
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_release =
        |part: &str| is_word(part) && (!part.bytes().all(|byte| byte.is_ascii_digit()) || is_number(part));
    numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && before.is_none_or(|before| before.split('.').all(is_release))
        && build.is_none_or(|build| build.split('.').all(is_word))
}

/// Counters by name, in a set of its own or taken from one.
fn check_counters(of: &At<'_, '_>, name: &str, errors: &mut Errors) {
    let (name, counters) = (of.field(name), of.field("counters"));
    marked::covered(errors, |errors| {
        if name.require(errors) {
            name.keep_to(dns::label, errors);
        }
        counters.require(errors);
    });
    if counters.len() > COUNTERS_MAX {
        errors.push(Error::too_many(&counters.path, counters.len(), COUNTERS_MAX));
        return;
    }
    let keys = counters.view.value().and_then(Value::as_map);
    for (key, _) in keys.into_iter().flat_map(|keys| keys.iter()) {
        for reason in dns::label(key) {
            errors.push(Error::invalid(&counters.path, key.as_str(), reason).covered());
        }
    }
}
