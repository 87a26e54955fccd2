//! What is kept of each kind: the fields that some controller reads, and nothing else.

pub(crate) mod clusterrole;
pub(crate) mod condition;
pub(crate) mod configmap;
pub(crate) mod cronjob;
pub(crate) mod daemonset;
pub(crate) mod deployment;
pub(crate) mod disruptionbudget;
pub(crate) mod endpoints;
pub(crate) mod job;
pub(crate) mod labels;
pub(crate) mod lease;
pub(crate) mod namespace;
pub(crate) mod node;
pub(crate) mod pod;
pub(crate) mod replicaset;
pub(crate) mod revision;
pub(crate) mod service;
pub(crate) mod serviceaccount;
pub(crate) mod statefulset;
pub(crate) mod strategy;
pub(crate) mod taint;
pub(crate) mod template;
pub(crate) mod volume;
pub(crate) mod volumeclaim;
