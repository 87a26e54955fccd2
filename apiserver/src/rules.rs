//! Rules that objects keep to, shared by the resources whose objects contain the same types.
//!
//! A rule looks at one value where it stands in an object, an [`At`], and tells [`Errors`] what is wrong with it, in
//! upstream's words and order. The modules below are lists of rules, one idea each; the hooks `validate_create`,
//! `validate_update`, `validate_status` and `validate_part` of [`crate::resource::Resource`] call them.

#![allow(
    dead_code,
    unused_imports,
    reason = "words of the vocabulary are there before the rules that say them"
)]

mod at;
mod shown;

pub(crate) use at::At;

/// A number that must not be below zero is.
pub(crate) const NEGATIVE: &str = "must be greater than or equal to 0";
/// A number that must be above zero is not.
pub(crate) const NOT_POSITIVE: &str = "must be greater than zero";
/// A field has changed that must not.
pub(crate) const IMMUTABLE: &str = "field is immutable";
