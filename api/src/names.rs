//! The grammar of names: what may be a label, a port's name, an IP address, a path segment …, and in which words
//! upstream refuses what may not.
//!
//! A rule takes a text and gives the reasons why it is none, an empty list where it is one; that costs no allocation,
//! and no regular expression is run (they are quoted in messages only, where upstream quotes them). Rules that know
//! the field push errors instead. Numbers have their own rules in [`number`].

pub mod address;
pub mod dns;
pub mod format;
pub mod generate;
pub mod label;
pub mod number;
pub mod object;
pub mod path;
mod text;
pub mod variable;

use crate::field::Detail;

/// Why a text is not what it should be; empty where it is.
pub type Reasons = Vec<Detail>;

#[cfg(test)]
mod tests;
