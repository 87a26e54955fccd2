//! Selections of objects: by their labels, and by some of their fields.
//!
//! A selector is parsed once, by upstream's grammar and with its complaints, and then asked of many objects. It knows
//! nothing of how an object keeps its labels or fields: it is handed a closure that looks one up.

pub mod field;
pub mod label;
