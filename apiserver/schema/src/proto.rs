//! Protobuf as upstream reads and writes it: the message of a type in a `runtime.Unknown` behind the bytes `k8s\0`.

mod decode;
mod encode;
mod envelope;
mod wire;

pub use decode::decode_message;
pub use encode::encode_message;
pub use envelope::{Envelope, PREFIX, encode, open};
