//! Who provides storage, and what is told to them: what several kinds of classes have in common.

use keelson_api::field::{Error, Errors};
use keelson_api::names::label;

use crate::rules::At;

const COUNT_MAX: usize = 512;
const BYTES_MAX: usize = 256 * 1024;

/// The name of whoever provides the storage, if it is said.
pub(super) fn check_driver(name: &At<'_, '_>, errors: &mut Errors) {
    if !name.is_empty() {
        let lower = name.text().to_lowercase();
        errors.push_invalid(&name.path, &lower, label::key(&lower));
    }
}

/// What is told to them.
pub(super) fn check(parameters: &At<'_, '_>, errors: &mut Errors) {
    if parameters.len() > COUNT_MAX {
        errors.push(Error::too_long(&parameters.path, COUNT_MAX));
        return;
    }
    let mut bytes = 0;
    for (key, value) in parameters.entries() {
        if key.is_empty() {
            errors.push(Error::invalid(&parameters.path, key, "field can not be empty."));
        }
        bytes += key.len() + value.text().len();
    }
    if bytes > BYTES_MAX {
        errors.push(Error::too_long(&parameters.path, BYTES_MAX));
    }
}
