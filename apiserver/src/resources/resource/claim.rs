//! What claims for devices keep to, be they objects or templates, and what classes of devices share with them.
//!
//! Whether the expressions that select devices can be compiled is not asked yet.

use std::collections::{BTreeMap, BTreeSet};

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::{dns, format, label};
use keelson_schema::tree::{Value, View};

use crate::rules::volume_disk::csi_driver;
use crate::rules::{At, marked};

const REQUESTS_MAX: usize = 32;
const SELECTORS_MAX: usize = 32;
const CONFIGS_MAX: usize = 32;
const ALTERNATIVES_MAX: usize = 8;
const EXPRESSION_BYTES_MAX: usize = 10 * 1024;
const PARAMETERS_BYTES_MAX: usize = 10 * 1024;
const REFERENCE: &str =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/// The names of a claim's requests, and of the alternatives in each.
pub(super) struct Requests<'o>(BTreeMap<&'o str, BTreeSet<&'o str>>);

impl<'o> Requests<'o> {
    /// Those of a claim's devices.
    pub(super) fn of(devices: View<'o>) -> Self {
        let name = |one: View<'o>| one.field("name").text();
        let requests = devices.field("requests");
        Self(
            requests
                .items()
                .map(|one| (name(one), one.field("firstAvailable").items().map(name).collect()))
                .collect(),
        )
    }

    fn has(&self, reference: &str) -> bool {
        match reference.split_once('/') {
            None => self.0.contains_key(reference),
            Some((request, one)) => {
                !one.contains('/') && self.0.get(request).is_some_and(|all| all.contains(one))
            }
        }
    }
}

/// Asks of each item of a list that a marker bounds. Tells whether they were asked.
pub(super) fn each(
    list: &At<'_, '_>,
    max: usize,
    errors: &mut Errors,
    mut ask: impl FnMut(&At<'_, '_>, &mut Errors),
) -> bool {
    if list.len() > max {
        let error = Error::too_many(&list.path, list.len(), max).covered();
        errors.push(error);
        return false;
    }
    for item in list.items() {
        ask(&item, errors);
    }
    true
}

/// No two items of a list have the same text in `field`, or at all if there is none. A marker tells of it too.
pub(super) fn unique(list: &At<'_, '_>, field: Option<&str>, errors: &mut Errors) {
    let mut known = BTreeSet::new();
    for item in list.items() {
        let text = field.map_or(item.view, |field| item.view.field(field)).text();
        if !known.insert(text) {
            errors.push(Error::duplicate(&item.path, text).covered());
        }
    }
}

/// What is claimed.
pub(super) fn check(devices: &At<'_, '_>, errors: &mut Errors) {
    let names = Requests::of(devices.view);
    let requests = devices.field("requests");
    if each(&requests, REQUESTS_MAX, errors, check_request) {
        unique(&requests, Some("name"), errors);
    }
    each(&devices.field("constraints"), REQUESTS_MAX, errors, |constraint, errors| {
        check_references(&constraint.field("requests"), &names, errors);
        check_constraint(constraint, errors);
    });
    each(&devices.field("config"), CONFIGS_MAX, errors, |config, errors| {
        check_references(&config.field("requests"), &names, errors);
        check_configuration(config, errors);
    });
}

fn check_constraint(constraint: &At<'_, '_>, errors: &mut Errors) {
    let attributes = ["matchAttribute", "distinctAttribute"].map(|name| constraint.field(name));
    match attributes.iter().find(|attribute| attribute.is_present()) {
        Some(name) => marked::covered(errors, |errors| {
            format::resource_fully_qualified_name(&name.path, name.text(), errors);
        }),
        None => {
            let words = "exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set";
            constraint.missing(words, errors);
        }
    }
}

fn check_request(request: &At<'_, '_>, errors: &mut Errors) {
    request.field("name").keep_to(dns::label, errors);
    let (exactly, first) = (request.field("exactly"), request.field("firstAvailable"));
    match (exactly.is_present(), !first.is_empty()) {
        (false, false) => {
            request.missing("exactly one of `exactly` or `firstAvailable` is required", errors);
        }
        (true, true) => {
            let words =
                "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set";
            errors.push(Error::invalid(&request.path, Shown::Null, words));
        }
        (true, false) => check_asked(&exactly, false, errors),
        (false, true) => {
            let is_asked = each(&first, ALTERNATIVES_MAX, errors, |one, errors| {
                one.field("name").keep_to(dns::label, errors);
                check_asked(one, true, errors);
            });
            if is_asked {
                unique(&first, Some("name"), errors);
            }
        }
    }
}

/// What is asked for, as the one thing or as one of several.
fn check_asked(asked: &At<'_, '_>, is_alternative: bool, errors: &mut Errors) {
    let class = asked.field("deviceClassName");
    let check = |errors: &mut Errors| {
        if class.require(errors) {
            class.keep_to(dns::subdomain, errors);
        }
    };
    if is_alternative {
        marked::covered(errors, check);
    } else {
        check(errors);
    }
    each(&asked.field("selectors"), SELECTORS_MAX, errors, check_selector);
    let (mode, count) = (asked.field("allocationMode"), asked.field("count"));
    let number = count.int().unwrap_or(0);
    match mode.text() {
        "All" if number != 0 => {
            count.invalid("must not be specified when allocationMode is 'All'", errors);
        }
        "ExactCount" => count.positive(errors),
        "All" => {}
        _ => marked::covered(errors, |errors| mode.not_supported(&["All", "ExactCount"], errors)),
    }
    for toleration in asked.field("tolerations").items() {
        check_toleration(&toleration, errors);
    }
}

/// How devices are selected.
pub(super) fn check_selector(selector: &At<'_, '_>, errors: &mut Errors) {
    let by = selector.field("cel");
    let expression = by.field("expression");
    if !by.is_present() {
        by.missing("", errors);
    } else if expression.text().len() > EXPRESSION_BYTES_MAX {
        errors.push(Error::too_long(&expression.path, EXPRESSION_BYTES_MAX));
    }
}

/// A taint that is tolerated.
pub(super) fn check_toleration(toleration: &At<'_, '_>, errors: &mut Errors) {
    let (key, value) = (toleration.field("key"), toleration.field("value"));
    let (operator, effect) = (toleration.field("operator"), toleration.field("effect"));
    if !key.is_empty() {
        marked::covered(errors, |errors| key.keep_to(label::key, errors));
    }
    match operator.text() {
        "Exists" if !value.is_empty() => value.invalid("must be empty for operator `Exists`", errors),
        "Exists" => {}
        "Equal" => value.keep_to(label::value, errors),
        "" => marked::covered(errors, |errors| operator.missing("", errors)),
        _ => marked::covered(errors, |errors| operator.not_supported(&["Equal", "Exists"], errors)),
    }
    if !effect.is_empty() {
        marked::covered(errors, |errors| effect.one_of(&["NoExecute", "NoSchedule", "None"], errors));
    }
}

/// References to requests of the same claim.
pub(super) fn check_references(list: &At<'_, '_>, names: &Requests<'_>, errors: &mut Errors) {
    let is_asked =
        each(list, REQUESTS_MAX, errors, |reference, errors| check_reference(reference, names, errors));
    if is_asked {
        unique(list, None, errors);
    }
}

/// A reference to a request of the same claim.
pub(super) fn check_reference(reference: &At<'_, '_>, names: &Requests<'_>, errors: &mut Errors) {
    let text = reference.text();
    if text.matches('/').count() > 1 {
        return reference.invalid(REFERENCE, errors);
    }
    for part in text.split('/') {
        errors.push_invalid(&reference.path, part, dns::label(part));
    }
    if !names.has(text) {
        reference.invalid(REFERENCE, errors);
    }
}

/// What devices are told before they are used.
pub(super) fn check_configuration(config: &At<'_, '_>, errors: &mut Errors) {
    let opaque = config.field("opaque");
    if !opaque.is_present() {
        return opaque.missing("", errors);
    }
    marked::covered(errors, |errors| csi_driver(&opaque.field("driver"), errors));
    check_raw(&opaque.field("parameters"), PARAMETERS_BYTES_MAX, errors);
}

/// The JSON of an object.
pub(super) fn check_raw(raw: &At<'_, '_>, max: usize, errors: &mut Errors) {
    let bytes = match raw.view.value() {
        Some(Value::Raw(bytes)) => &bytes[..],
        _ => &[],
    };
    if bytes.is_empty() {
        return raw.missing("", errors);
    }
    if bytes.len() > max {
        errors.push(Error::too_long(&raw.path, max));
        return;
    }
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(serde_json::Value::Object(_)) => {}
        Ok(serde_json::Value::Null) => raw.missing("", errors),
        _ => errors.push(Error::invalid(&raw.path, "<value omitted>", "must be a valid JSON object")),
    }
}

/// What is wrong with a class's selectors and configuration.
pub(super) fn check_class(spec: &At<'_, '_>, errors: &mut Errors) {
    each(&spec.field("selectors"), SELECTORS_MAX, errors, check_selector);
    each(&spec.field("config"), CONFIGS_MAX, errors, check_configuration);
    let name = spec.field("extendedResourceName");
    if name.is_present() && !crate::rules::pod_resources::is_extended(name.text()) {
        let error = Error::invalid(&name.path, name.text(), "must be a valid extended resource name");
        errors.push(error.covered());
    }
}
