//! Taints of devices, in rules and on devices, and names of pools.

use keelson_api::field::{Error, Errors};
use keelson_api::names::format::POOL_NAME_BYTES_MAX;
use keelson_api::names::{dns, label};

use crate::rules::{At, marked};

/// A taint. What it does may be what nobody knows any more if it did that before.
pub(super) fn check(taint: &At<'_, '_>, before: Option<&str>, errors: &mut Errors) {
    let (key, value, effect) = (taint.field("key"), taint.field("value"), taint.field("effect"));
    key.keep_to(label::key, errors);
    value.keep_to(label::value, errors);
    if before == Some(effect.text()) {
        return;
    }
    marked::covered(errors, |errors| {
        if effect.require(errors) {
            effect.one_of(&["NoExecute", "NoSchedule", "None"], errors);
        }
    });
}

/// The name of a pool of devices.
pub(super) fn check_pool(name: &At<'_, '_>, errors: &mut Errors) {
    if !name.require(errors) {
        return;
    }
    if name.text().len() > POOL_NAME_BYTES_MAX {
        errors.push(Error::too_long(&name.path, POOL_NAME_BYTES_MAX));
    }
    for part in name.text().split('/') {
        errors.push_invalid(&name.path, part, dns::subdomain(part));
    }
}
