//! Rules that objects keep to, shared by the resources whose objects contain the same types.
//!
//! A rule looks at one value where it stands in an object, an [`At`], and tells [`Errors`] what is wrong with it, in
//! upstream's words and order. The modules below are lists of rules, one idea each; the hooks `validate_create`,
//! `validate_update`, `validate_status` and `validate_part` of [`crate::resource::Resource`] call them.

pub(crate) mod address;
mod at;
pub(crate) mod certificate;
pub(crate) mod conditions;
pub(crate) mod cron;
pub(crate) mod golang_json;
pub(crate) mod internal;
pub(crate) mod marked;
pub(crate) mod persistent_volume;
pub(crate) mod pod;
mod pod_affinity;
pub(crate) mod pod_annotations;
pub(crate) mod pod_binding;
mod pod_container;
mod pod_containers;
mod pod_dns;
mod pod_env;
pub(crate) mod pod_leniency;
mod pod_ports;
mod pod_probe;
pub(crate) mod pod_resize;
pub(crate) mod pod_resources;
mod pod_security;
pub(crate) mod pod_status;
mod pod_status_resources;
pub(crate) mod pod_template;
pub(crate) mod pod_tolerations;
pub(crate) mod pod_update;
mod pod_windows;
pub(crate) mod resource_names;
pub(crate) mod same;
pub(crate) mod selector;
pub(crate) mod selector_node;
pub(crate) mod shares;
mod shown;
pub(crate) mod signer;
mod volume;
pub(crate) mod volume_claim;
pub(crate) mod volume_disk;
mod volume_files;
mod volume_mount;
mod volume_path;
mod volume_projected;
pub(crate) mod web_address;
pub(crate) mod workload;
mod workload_indexes;
pub(crate) mod workload_job;
mod workload_job_policy;
pub(crate) mod workload_job_status;
pub(crate) mod workload_kept;
pub(crate) mod workload_replicas;
pub(crate) mod workload_sets;

#[cfg(test)]
mod cases;

pub(crate) use at::At;
pub(crate) use pod_ports::number_or_name;

/// A number that must not be below zero is.
pub(crate) const NEGATIVE: &str = "must be greater than or equal to 0";
/// A number that must be above zero is not.
pub(crate) const NOT_POSITIVE: &str = "must be greater than zero";
/// A field has changed that must not.
pub(crate) const IMMUTABLE: &str = "field is immutable";
/// What is spoken over ports, in the order in which messages list it.
pub(crate) const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
