//! Scalars whose text form is upstream's own: times, base64, floating-point numbers, Go's quoted strings.

pub mod base64;
pub mod number;
pub mod quote;
pub mod time;
