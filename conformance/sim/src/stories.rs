//! Stories with an end that is checked: what somebody does, and what has to come of it.

mod cluster;
mod daemonsets;
mod deletions;
mod deployments;
mod disruptions;
mod jobs;
mod leases;
mod nodes;
mod pods;
mod provisioning;
mod quotas;
mod scheduling;
mod services;
mod statefulsets;
mod volumes;
