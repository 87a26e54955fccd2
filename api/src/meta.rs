//! Rules of metadata that every object keeps to, written over a view so that whoever holds an object, in whatever form,
//! can have it checked.
//!
//! The order of the checks is upstream's, since it is the order of the causes a client is shown. Maps are checked in
//! the order in which the view gives them.

mod condition;
mod owner;
mod rules;

pub use condition::{Condition, check_conditions};
pub use owner::OwnerReference;
pub use rules::{check_create, check_create_named, check_finalizers_of_builtin, check_update};

/// The finalizer of a namespace.
pub const FINALIZER_KUBERNETES: &str = "kubernetes";
/// The finalizer of an object whose dependents are to stay.
pub const FINALIZER_ORPHAN: &str = "orphan";
/// The finalizer of an object whose dependents go first.
pub const FINALIZER_FOREGROUND: &str = "foregroundDeletion";
/// How many bytes the subresource in a `managedFields` entry may have.
pub const SUBRESOURCE_BYTES_MAX: usize = 256;

/// Whether a kind's objects live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// They live in the cluster as a whole.
    Cluster,
    /// They live in a namespace each.
    Namespaced,
}

/// An object's metadata, as far as rules look at it. What is missing is empty, zero or `None`; times are in the form
/// that is stored.
pub trait MetaView {
    /// `name`.
    fn name(&self) -> &str;
    /// `generateName`.
    fn generate_name(&self) -> &str;
    /// `namespace`.
    fn namespace(&self) -> &str;
    /// `uid`.
    fn uid(&self) -> &str;
    /// `resourceVersion`.
    fn resource_version(&self) -> &str;
    /// `generation`.
    fn generation(&self) -> i64;
    /// `creationTimestamp`.
    fn creation_timestamp(&self) -> Option<&str>;
    /// `deletionTimestamp`.
    fn deletion_timestamp(&self) -> Option<&str>;
    /// `deletionGracePeriodSeconds`.
    fn deletion_grace_period_seconds(&self) -> Option<i64>;
    /// `labels`.
    fn labels(&self) -> impl Iterator<Item = (&str, &str)>;
    /// `annotations`.
    fn annotations(&self) -> impl Iterator<Item = (&str, &str)>;
    /// `ownerReferences`.
    fn owner_references(&self) -> impl Iterator<Item = OwnerReference<'_>>;
    /// `finalizers`.
    fn finalizers(&self) -> impl Iterator<Item = &str>;
    /// `managedFields`.
    fn managed_fields(&self) -> impl Iterator<Item = ManagedFields<'_>>;
}

/// An entry of `managedFields`, as far as rules look at it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManagedFields<'a> {
    /// `manager`.
    pub manager: &'a str,
    /// `operation`.
    pub operation: &'a str,
    /// `fieldsType`.
    pub fields_type: &'a str,
    /// `subresource`.
    pub subresource: &'a str,
}

#[cfg(test)]
mod tests;
