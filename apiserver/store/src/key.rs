//! How objects are named: a resource, and a path within it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest resource name the store takes, in bytes.
pub const RESOURCE_BYTES_MAX: usize = 512;
/// The longest path (namespace, `/`, name) the store takes, in bytes.
pub const PATH_BYTES_MAX: usize = 1024;

/// The collection an object lives in, such as `pods` or `deployments.apps`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName(Arc<str>);

impl ResourceName {
    /// Names a resource.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ResourceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where one object lives: its resource, and `namespace/name`, or `name` alone where there are no namespaces.
///
/// Objects of a resource are ordered by the bytes of the path, the separator included, as upstream's are by their
/// storage keys; so `a-b/x` comes before `a/x`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The collection.
    pub resource: ResourceName,
    /// The path within it.
    pub path: Box<str>,
}

impl Key {
    /// The key of `name` in `namespace` (empty: cluster-wide).
    #[must_use]
    pub fn new(resource: &ResourceName, namespace: &str, name: &str) -> Self {
        let path = if namespace.is_empty() { name.into() } else { format!("{namespace}/{name}").into() };
        Self { resource: resource.clone(), path }
    }

    /// What makes the key unfit to be stored, if anything does.
    ///
    /// # Errors
    /// [`BadKey`], with the reason.
    pub fn check(&self) -> Result<(), BadKey> {
        let resource = self.resource.as_str();
        if resource.is_empty() || resource.len() > RESOURCE_BYTES_MAX || resource.contains(['/', '\0']) {
            return Err(BadKey("a resource name has 1 to 512 bytes, none of them `/` or NUL"));
        }
        if self.path.is_empty() || self.path.len() > PATH_BYTES_MAX || self.path.contains('\0') {
            return Err(BadKey("a path has 1 to 1024 bytes, none of them NUL"));
        }
        if self.path.split('/').count() > 2 || self.path.split('/').any(str::is_empty) {
            return Err(BadKey("a path is `name` or `namespace/name`, no part empty"));
        }
        Ok(())
    }
}

/// The key cannot be stored; the text says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey(pub &'static str);

/// The namespace in a path; empty where there is none.
#[must_use]
pub fn namespace_of(path: &str) -> &str {
    path.split_once('/').map_or("", |(namespace, _)| namespace)
}

/// The name in a path.
#[must_use]
pub fn name_of(path: &str) -> &str {
    path.split_once('/').map_or(path, |(_, name)| name)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource, self.path)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
