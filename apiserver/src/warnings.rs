//! What writers are warned of in types that several kinds contain, in upstream's words.

pub(crate) mod address;
pub(crate) mod amount;
pub(crate) mod name;
pub(crate) mod node;
pub(crate) mod node_labels;
pub(crate) mod pod;
mod pod_paths;
mod pod_ports;
