//! The cluster in one thread under virtual time: API server over a store in memory, controllers, and something that
//! runs pods without running them. What takes minutes takes milliseconds here, and goes the same way every time.
//!
//! The seed of the simulation that the design wants: `cluster` puts the parts together, the other files are stories
//! with an end that is checked. Faults and seeds are still to come.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod daemonsets;
#[cfg(test)]
mod deletions;
#[cfg(test)]
mod deployments;
#[cfg(test)]
mod disruptions;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod pods;
#[cfg(test)]
mod provisioning;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod scheduling;
#[cfg(test)]
mod services;
#[cfg(test)]
mod statefulsets;
#[cfg(test)]
mod volumes;
