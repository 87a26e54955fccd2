//! Field ownership and server-side apply: who owns which fields of an object, and how configurations that several
//! parties apply become one object.
//!
//! Everything works on trees under an arena's types and knows nothing of requests, storage or clocks: times and
//! conversions between versions come from the caller. [`Set`] is a set of field paths, [`Comparison`] says what differs
//! between two objects, [`Managed`] is `metadata.managedFields`. [`update()`] is to be called with every object that is
//! created, replaced or patched, [`apply()`] makes the object of an applied configuration. The words of errors are
//! upstream's, to whom `sigs.k8s.io/structured-merge-diff` and `k8s.io/apimachinery/pkg/util/managedfields` belong.

mod compare;
mod configuration;
mod conflict;
mod element;
mod fields;
mod filter;
mod item;
mod last_applied;
mod managed;
mod merge;
mod node;
mod owners;
mod paths;
mod prune;
mod record;
mod remove;
mod scalar;
mod scale;
mod set;
#[cfg(test)]
mod tests;
mod typed;
mod validate;
mod zip;

pub use compare::Comparison;
pub use configuration::{ApplyError, Configuration, apply};
pub use conflict::{Conflict, Conflicts};
pub use element::{Element, ElementError, FieldPath};
pub use fields::FieldsError;
pub use filter::{Filter, Matcher};
pub use managed::{Entry, Identity, Managed, ManagedError, Operation};
pub use record::{UpdateError, keep_times, update};
pub use scale::Scale;
pub use set::Set;

use crate::scalar::time::Time;
use crate::tree::{Object, Value};

/// What is written to.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The version of the request, in which the objects come.
    pub api_version: &'a str,
    /// The kind of the request.
    pub kind: &'a str,
    /// The subresource; empty for the resource itself.
    pub subresource: &'a str,
    /// What can be changed here at all, by version. A version without a filter has all its fields.
    pub filters: &'a [(&'a str, Filter)],
    /// The resource's other versions.
    pub versions: &'a dyn Versions,
}

impl Target<'_> {
    fn filter(&self, api_version: &str) -> Option<&Filter> {
        self.filters.iter().find(|(version, _)| *version == api_version).map(|(_, filter)| filter)
    }

    fn identity(&self, manager: &str, operation: Operation) -> Identity {
        Identity {
            manager: if manager.is_empty() { "unknown" } else { manager }.into(),
            operation,
            api_version: self.api_version.into(),
            subresource: self.subresource.into(),
        }
    }
}

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager's name.
    pub manager: &'a str,
    /// The time of the write.
    pub now: Time,
}

impl Writer<'_> {
    /// The time as entries hold it: whole seconds.
    fn time(&self) -> Time {
        Time { seconds: self.now.seconds, nanos: 0 }
    }
}

/// Conversion between the versions of a resource, without defaulting.
pub trait Versions {
    /// Whether there is such a version. Owners in versions that are gone lose what they own.
    fn knows(&self, api_version: &str) -> bool;

    /// The object in another version.
    ///
    /// # Errors
    /// With what to tell the client.
    fn convert(&self, object: &Object, api_version: &str) -> Result<Object, String>;
}

/// A resource that has one version.
#[derive(Clone, Copy, Debug)]
pub struct OneVersion;

impl Versions for OneVersion {
    fn knows(&self, _: &str) -> bool {
        false
    }

    fn convert(&self, _: &Object, api_version: &str) -> Result<Object, String> {
        Err(format!("no version {api_version}"))
    }
}

/// One thing wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    path: String,
    message: String,
}

impl Fault {
    fn new(message: String) -> Self {
        Self { path: String::new(), message }
    }

    fn prefix(&mut self, element: &Element) {
        self.path.insert_str(0, &element.to_string());
    }

    fn below(mut self, element: &Element) -> Self {
        self.prefix(element);
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.path {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// Why a value cannot be merged under its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub Vec<Fault>);

impl Invalid {
    fn new(message: String) -> Self {
        Self(vec![Fault::new(message)])
    }

    fn below(mut self, element: &Element) -> Self {
        for fault in &mut self.0 {
            fault.prefix(element);
        }
        self
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let [fault] = &self.0[..] {
            return write!(f, "{fault}");
        }
        f.write_str("errors:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Invalid {}

/// What `manager` has last applied to `object`, as free JSON: the configuration to change and to apply again. `None`
/// if it owns nothing there.
#[must_use]
pub fn extract(object: &Object, manager: &str, subresource: &str) -> Option<Value> {
    let managed = Managed::of(object).ok()?;
    let entry = managed.entries.iter().find(|entry| {
        let identity = &entry.identity;
        identity.operation == Operation::Apply
            && identity.manager == manager
            && identity.subresource == subresource
    })?;
    let of = object.ty().as_struct()?;
    let ty = node::Ty::of(object.ty());
    let value = node::Node::Struct(of, object.root().entries()).to_any(ty);
    let mut extracted = remove::extract(ty, &value, &entry.set().into_owned().leaves());
    if let (Value::Map(kept), Value::Map(all)) = (&mut extracted, &value) {
        for name in ["apiVersion", "kind"] {
            if let Some(value) = all.get(name) {
                kept.set(name, value.clone());
            }
        }
    }
    Some(extracted)
}
