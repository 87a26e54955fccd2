//! Rules for paths within volumes and on hosts.

use keelson_api::field::Errors;

use super::At;

/// A path has no step up.
pub(crate) fn has_no_backsteps(path: &At<'_, '_>, errors: &mut Errors) {
    if steps_up(path.text()) {
        path.invalid("must not contain '..'", errors);
    }
}

/// Whether a step of a path leads up.
pub(crate) fn steps_up(path: &str) -> bool {
    path.split('/').any(|step| step == "..")
}

/// A path leads down from where it begins.
pub(crate) fn is_descending(path: &At<'_, '_>, errors: &mut Errors) {
    if path.text().starts_with('/') {
        path.invalid("must be a relative path", errors);
    }
    has_no_backsteps(path, errors);
}

/// A path leads down from where it begins, and not to what is kept for the writer of volumes.
pub(crate) fn is_descending_and_free(path: &At<'_, '_>, errors: &mut Errors) {
    is_descending(path, errors);
    if path.text().starts_with("..") && !path.text().starts_with("../") {
        path.invalid("must not start with '..'", errors);
    }
}

/// The mode of a file, if it is said.
pub(crate) fn mode(mode: &At<'_, '_>, errors: &mut Errors) {
    if mode.int().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
        mode.invalid("must be a number between 0 and 0777 (octal), both inclusive", errors);
    }
}

/// The owner of a file, if it is said.
pub(crate) fn user(user: &At<'_, '_>, errors: &mut Errors) {
    for reason in user.int().map(keelson_api::names::number::user_id).unwrap_or_default() {
        user.invalid(reason, errors);
    }
}
