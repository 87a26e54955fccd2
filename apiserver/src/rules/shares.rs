//! Numbers of things, or shares of all of them: `3` or `25%`.

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::number;
use keelson_schema::tree::Value;

use super::{At, NEGATIVE};

/// A number not below zero, or a share.
pub(crate) fn non_negative(share: &At<'_, '_>, errors: &mut Errors) {
    match share.view.value() {
        Some(Value::Int(count)) if *count < 0 => {
            errors.push(Error::invalid(&share.path, Shown::Int(*count), NEGATIVE));
        }
        Some(Value::Str(text)) => {
            for reason in number::percent(text) {
                errors.push(Error::invalid(&share.path, Shown::Named(text), reason));
            }
        }
        _ => {}
    }
}

/// A share is not of more than there is.
pub(crate) fn at_most_all(share: &At<'_, '_>, errors: &mut Errors) {
    let Some(Value::Str(text)) = share.view.value() else { return };
    if !number::percent(text).is_empty() {
        return;
    }
    let digits = text.trim_end_matches('%').trim_start_matches('0');
    if digits.len() > 3 || digits.parse::<u32>().is_ok_and(|percent| percent > 100) {
        errors.push(Error::invalid(&share.path, Shown::Named(text), "must not be greater than 100%"));
    }
}
