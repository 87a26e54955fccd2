//! How resources and kinds are named: group, version, and the plural or the kind.
//!
//! Each name borrows where it can, so that it costs nothing to say which resource an error is about, and owns where it
//! is kept: `into_owned`.

use std::borrow::Cow;
use std::fmt;

/// A group and a version, written `apps/v1`, or `v1` in the core group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersion<'a> {
    /// The group; empty for the core group.
    pub group: Cow<'a, str>,
    /// The version.
    pub version: Cow<'a, str>,
}

/// A resource in any version, written `deployments.apps`, or `pods` in the core group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupResource<'a> {
    /// The group; empty for the core group.
    pub group: Cow<'a, str>,
    /// The plural, as it stands in paths.
    pub resource: Cow<'a, str>,
}

/// A kind in any version, written `Deployment.apps`, or `Pod` in the core group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind<'a> {
    /// The group; empty for the core group.
    pub group: Cow<'a, str>,
    /// The kind.
    pub kind: Cow<'a, str>,
}

/// A resource in a version, written `apps/v1, Resource=deployments`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionResource<'a> {
    /// The group; empty for the core group.
    pub group: Cow<'a, str>,
    /// The version.
    pub version: Cow<'a, str>,
    /// The plural, as it stands in paths.
    pub resource: Cow<'a, str>,
}

/// A kind in a version, written `apps/v1, Kind=Deployment`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersionKind<'a> {
    /// The group; empty for the core group.
    pub group: Cow<'a, str>,
    /// The version.
    pub version: Cow<'a, str>,
    /// The kind.
    pub kind: Cow<'a, str>,
}

/// The text has more than one slash. The words are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unexpected GroupVersion string: {0}")]
pub struct NoGroupVersion(pub Box<str>);

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl<'a> GroupVersion<'a> {
    /// By its parts.
    #[must_use]
    pub const fn new(group: &'a str, version: &'a str) -> Self {
        Self { group: Cow::Borrowed(group), version: Cow::Borrowed(version) }
    }

    /// Reads an object's `apiVersion`. An empty one, or a slash alone, has neither group nor version.
    ///
    /// # Errors
    /// If there is more than one slash.
    pub fn parse(text: &'a str) -> Result<Self, NoGroupVersion> {
        match text.split_once('/') {
            None => Ok(Self::new("", text)),
            Some((group, version)) if !version.contains('/') => Ok(Self::new(group, version)),
            Some(_) => Err(NoGroupVersion(text.into())),
        }
    }

    /// A kind in this version.
    #[must_use]
    pub fn with_kind(self, kind: impl Into<Cow<'a, str>>) -> GroupVersionKind<'a> {
        GroupVersionKind { group: self.group, version: self.version, kind: kind.into() }
    }

    /// A resource in this version.
    #[must_use]
    pub fn with_resource(self, resource: impl Into<Cow<'a, str>>) -> GroupVersionResource<'a> {
        GroupVersionResource { group: self.group, version: self.version, resource: resource.into() }
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> GroupVersion<'static> {
        GroupVersion { group: owned(self.group), version: owned(self.version) }
    }
}

impl<'a> GroupResource<'a> {
    /// By its parts.
    #[must_use]
    pub const fn new(group: &'a str, resource: &'a str) -> Self {
        Self { group: Cow::Borrowed(group), resource: Cow::Borrowed(resource) }
    }

    /// Reads `deployments.apps`: what stands behind the first point is the group.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        Self::new(group, resource)
    }

    /// Whether it names nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.group.is_empty() && self.resource.is_empty()
    }

    /// The same in a version.
    #[must_use]
    pub fn with_version(self, version: impl Into<Cow<'a, str>>) -> GroupVersionResource<'a> {
        GroupVersionResource { group: self.group, version: version.into(), resource: self.resource }
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> GroupResource<'static> {
        GroupResource { group: owned(self.group), resource: owned(self.resource) }
    }
}

impl<'a> GroupKind<'a> {
    /// By its parts.
    #[must_use]
    pub const fn new(group: &'a str, kind: &'a str) -> Self {
        Self { group: Cow::Borrowed(group), kind: Cow::Borrowed(kind) }
    }

    /// Reads `Deployment.apps`: what stands behind the first point is the group.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let (kind, group) = text.split_once('.').unwrap_or((text, ""));
        Self::new(group, kind)
    }

    /// The same in a version.
    #[must_use]
    pub fn with_version(self, version: impl Into<Cow<'a, str>>) -> GroupVersionKind<'a> {
        GroupVersionKind { group: self.group, version: version.into(), kind: self.kind }
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> GroupKind<'static> {
        GroupKind { group: owned(self.group), kind: owned(self.kind) }
    }
}

impl<'a> GroupVersionResource<'a> {
    /// By its parts.
    #[must_use]
    pub const fn new(group: &'a str, version: &'a str, resource: &'a str) -> Self {
        let (group, version) = (Cow::Borrowed(group), Cow::Borrowed(version));
        Self { group, version, resource: Cow::Borrowed(resource) }
    }

    /// Reads `deployments.v1.apps`, if it has three parts; it may always also be meant as a [`GroupResource`].
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (resource, rest) = text.split_once('.')?;
        let (version, group) = rest.split_once('.')?;
        Some(Self::new(group, version, resource))
    }

    /// Without the version.
    #[must_use]
    pub fn group_resource(&self) -> GroupResource<'_> {
        GroupResource::new(&self.group, &self.resource)
    }

    /// Without the resource.
    #[must_use]
    pub fn group_version(&self) -> GroupVersion<'_> {
        GroupVersion::new(&self.group, &self.version)
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> GroupVersionResource<'static> {
        let (group, version) = (owned(self.group), owned(self.version));
        GroupVersionResource { group, version, resource: owned(self.resource) }
    }
}

impl<'a> GroupVersionKind<'a> {
    /// By its parts.
    #[must_use]
    pub const fn new(group: &'a str, version: &'a str, kind: &'a str) -> Self {
        let (group, version) = (Cow::Borrowed(group), Cow::Borrowed(version));
        Self { group, version, kind: Cow::Borrowed(kind) }
    }

    /// Reads `Deployment.v1.apps`, if it has three parts; it may always also be meant as a [`GroupKind`].
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once('.')?;
        let (version, group) = rest.split_once('.')?;
        Some(Self::new(group, version, kind))
    }

    /// Of an object's `apiVersion` and `kind`. An `apiVersion` that is none leaves group and version empty.
    #[must_use]
    pub fn of_object(api_version: &'a str, kind: &'a str) -> Self {
        GroupVersion::parse(api_version).unwrap_or_default().with_kind(kind)
    }

    /// Without the version.
    #[must_use]
    pub fn group_kind(&self) -> GroupKind<'_> {
        GroupKind::new(&self.group, &self.kind)
    }

    /// Without the kind.
    #[must_use]
    pub fn group_version(&self) -> GroupVersion<'_> {
        GroupVersion::new(&self.group, &self.version)
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> GroupVersionKind<'static> {
        let (group, version) = (owned(self.group), owned(self.version));
        GroupVersionKind { group, version, kind: owned(self.kind) }
    }
}

impl fmt::Display for GroupVersion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.version)
        } else {
            write!(f, "{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for GroupResource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pointed(f, &self.resource, &self.group)
    }
}

impl fmt::Display for GroupKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pointed(f, &self.kind, &self.group)
    }
}

fn pointed(f: &mut fmt::Formatter<'_>, name: &str, group: &str) -> fmt::Result {
    if group.is_empty() { f.write_str(name) } else { write!(f, "{name}.{group}") }
}

impl fmt::Display for GroupVersionResource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}, Resource={}", self.group, self.version, self.resource)
    }
}

impl fmt::Display for GroupVersionKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}, Kind={}", self.group, self.version, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_versions() {
        for (text, expected) in [
            ("", Ok(("", ""))),
            ("/", Ok(("", ""))),
            ("v1", Ok(("", "v1"))),
            ("apps/v1", Ok(("apps", "v1"))),
            ("apps/", Ok(("apps", ""))),
            ("/v1", Ok(("", "v1"))),
            ("a/b/c", Err("unexpected GroupVersion string: a/b/c".to_owned())),
        ] {
            let read = GroupVersion::parse(text).map_err(|error| error.to_string());
            assert_eq!(read, expected.map(|(group, version)| GroupVersion::new(group, version)), "{text}");
        }
    }

    #[test]
    fn texts_are_upstreams() {
        let kind = GroupVersionKind::of_object("apps/v1", "Deployment");
        let resource = kind.group_version().into_owned().with_resource("deployments");
        let core = GroupVersionKind::new("", "v1", "Pod");
        for (shown, expected) in [
            (kind.to_string(), "apps/v1, Kind=Deployment"),
            (kind.group_kind().to_string(), "Deployment.apps"),
            (kind.group_version().to_string(), "apps/v1"),
            (resource.to_string(), "apps/v1, Resource=deployments"),
            (resource.group_resource().to_string(), "deployments.apps"),
            (resource.group_version().to_string(), "apps/v1"),
            (core.to_string(), "/v1, Kind=Pod"),
            (core.group_kind().to_string(), "Pod"),
            (core.group_version().to_string(), "v1"),
            (GroupVersionKind::of_object("a/b/c", "Pod").to_string(), "/, Kind=Pod"),
        ] {
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn words_of_the_command_line() {
        assert_eq!(GroupResource::parse("pods"), GroupResource::new("", "pods"));
        assert_eq!(GroupResource::parse("a.b.c"), GroupResource::new("b.c", "a"));
        assert_eq!(GroupKind::parse("A.b"), GroupKind::new("b", "A"));
        assert_eq!(GroupVersionResource::parse("a.b"), None);
        assert_eq!(GroupVersionResource::parse("a.b.c.d"), Some(GroupVersionResource::new("c.d", "b", "a")));
        assert_eq!(GroupVersionKind::parse("A.v1.apps"), Some(GroupVersionKind::new("apps", "v1", "A")));
        let (resource, kind) = (GroupResource::parse("a.b"), GroupKind::parse("A.b"));
        assert_eq!(resource.into_owned().with_version("v1"), GroupVersionResource::new("b", "v1", "a"));
        assert_eq!(kind.into_owned().with_version("v1"), GroupVersionKind::new("b", "v1", "A"));
        assert!(GroupResource::default().is_empty());
    }
}
