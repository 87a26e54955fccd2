//! What is asked for: a kind of objects, and the key of one of them.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::meta::Meta;

/// Objects of one kind, as the API's paths name them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// The group; empty for the core one.
    pub group: Cow<'static, str>,
    /// The version.
    pub version: Cow<'static, str>,
    /// The plural, as it stands in paths.
    pub plural: Cow<'static, str>,
    /// The kind, as it stands in objects.
    pub kind: Cow<'static, str>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// A resource whose objects live in namespaces.
    #[must_use]
    pub const fn namespaced(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            plural: Cow::Borrowed(plural),
            kind: Cow::Borrowed(kind),
            namespaced: true,
        }
    }

    /// A resource whose objects live in the cluster as a whole.
    #[must_use]
    pub const fn cluster(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            plural: Cow::Borrowed(plural),
            kind: Cow::Borrowed(kind),
            namespaced: false,
        }
    }

    /// `apiVersion` of its objects.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `PLURAL.GROUP`, as upstream writes a resource in messages.
    #[must_use]
    pub fn group_resource(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_string()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// The path of all its objects; of those in `namespace` if that is not empty.
    #[must_use]
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "/api/".into() } else { format!("/apis/{}/", self.group) };
        let within = if self.namespaced && !namespace.is_empty() {
            format!("namespaces/{namespace}/")
        } else {
            String::new()
        };
        format!("{root}{}/{within}{}", self.version, self.plural)
    }

    /// The path of one object.
    #[must_use]
    pub fn path_of(&self, key: &Key) -> String {
        format!("{}/{}", self.path(key.namespace()), key.name())
    }
}

/// What is kept of the objects of a kind. Declare as fields what is read, and nothing else: the rest of an object is
/// dropped while it is decoded.
pub trait Kind: DeserializeOwned + Send + Sync + fmt::Debug + 'static {
    /// What to ask for.
    const RESOURCE: Resource;
    /// Which of them are kept: a field selector; empty for all.
    const FIELDS: &'static str = "";

    /// The object's metadata.
    fn meta(&self) -> &Meta;

    /// The object's key.
    fn key(&self) -> Key {
        self.meta().key()
    }
}

/// The key of an object among those of its kind: `NAMESPACE/NAME`, or `NAME` where there are no namespaces. Cheap to
/// clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// The key of an object. No namespace is an empty one.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        if namespace.is_empty() { Self(name.into()) } else { Self(format!("{namespace}/{name}").into()) }
    }

    /// The namespace; empty where there are none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.0.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let pods = Resource::namespaced("", "v1", "pods", "Pod");
        let deployments = Resource::namespaced("apps", "v1", "deployments", "Deployment");
        let nodes = Resource::cluster("", "v1", "nodes", "Node");
        assert_eq!(pods.path(""), "/api/v1/pods");
        assert_eq!(pods.path("a"), "/api/v1/namespaces/a/pods");
        assert_eq!(deployments.path_of(&Key::new("a", "b")), "/apis/apps/v1/namespaces/a/deployments/b");
        assert_eq!(nodes.path_of(&Key::new("", "n")), "/api/v1/nodes/n");
        assert_eq!((deployments.api_version(), nodes.api_version()), ("apps/v1".into(), "v1".into()));
        assert_eq!(deployments.group_resource(), "deployments.apps");
    }

    #[test]
    fn keys() {
        let (inside, outside) = (Key::new("a", "b"), Key::new("", "c"));
        assert_eq!((inside.namespace(), inside.name(), inside.as_str()), ("a", "b", "a/b"));
        assert_eq!((outside.namespace(), outside.name(), outside.as_str()), ("", "c", "c"));
    }
}
