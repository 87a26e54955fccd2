//! What is kept of each kind: the fields that some controller reads, and nothing else.

pub(crate) mod clusterrole;
pub(crate) mod condition;
pub(crate) mod configmap;
pub(crate) mod deployment;
pub(crate) mod endpoints;
pub(crate) mod labels;
pub(crate) mod namespace;
pub(crate) mod node;
pub(crate) mod pod;
pub(crate) mod replicaset;
pub(crate) mod service;
pub(crate) mod serviceaccount;
pub(crate) mod template;
