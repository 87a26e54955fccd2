//! The resources of the resource.k8s.io group.

mod claim;
pub(crate) mod deviceclasses;
pub(crate) mod devicetaintrules;
mod requests;
pub(crate) mod resourceclaims;
pub(crate) mod resourceclaimtemplates;
pub(crate) mod resourceslices;
mod taint;
