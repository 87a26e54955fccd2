//! JSON as upstream reads and writes it: Go's `encoding/json` with case-sensitive names and strict checks.

mod decode;
mod encode;
mod free;
mod meta;
mod scan;

pub use decode::{Decoded, decode, decode_any, decode_value};
pub(crate) use decode::{OVERLAYS_MAX, TREE_DEPTH_MAX, decode_field, decode_strict, valid};
pub use encode::{encode, encode_value};
pub(crate) use encode::{push_compact, push_string};
pub(crate) use free::Free;
pub use meta::{Gvk, interpret};
pub use scan::{check, member};
