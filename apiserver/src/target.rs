//! What a path of the API means: which resource, which object, which part of it.
//!
//! Parsing knows the shape of paths only, not which resources there are: that is the table's to say.

use std::borrow::Cow;

use crate::extension::history;

/// A path below `/api` or `/apis`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    /// `/api`, `/apis`: which versions or groups there are.
    Groups {
        /// Whether it is the core group's root.
        core: bool,
    },
    /// `/apis/GROUP`.
    Group(Cow<'a, str>),
    /// `/api/VERSION`, `/apis/GROUP/VERSION`: which resources there are.
    Version(Cow<'a, str>, Cow<'a, str>),
    /// Something in a version.
    Resource(ResourceTarget<'a>),
}

/// A resource, an object of it, or a part of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceTarget<'a> {
    /// The group; empty for the core group.
    pub(crate) group: Cow<'a, str>,
    pub(crate) version: Cow<'a, str>,
    /// The namespace; empty where the path names none.
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) resource: Cow<'a, str>,
    /// The object's name; empty where the path names none.
    pub(crate) name: Cow<'a, str>,
    /// What is below the object; empty where the path ends there.
    pub(crate) subresource: Cow<'a, str>,
    /// What follows the subresource, with the slash in front: only proxies have that.
    pub(crate) rest: Cow<'a, str>,
    /// Whether the path is the old form of a watch, `/api/v1/watch/…`.
    pub(crate) watch: bool,
}

/// Parts of a namespace object, which share its path with the resources in the namespace.
const NAMESPACE_PARTS: [&str; 3] = ["status", "finalize", history::PART];

impl<'a> Target<'a> {
    /// Reads a path; nothing if it lies outside of the API or cannot be a path in it.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let core = match parts.next()? {
            "api" => true,
            "apis" => false,
            _ => return None,
        };
        // A slash at the end names the same thing.
        let mut parts: Vec<&str> = parts.collect();
        if parts.last() == Some(&"") {
            parts.pop();
        }
        let mut parts = parts.into_iter();
        let group = match (core, parts.next()) {
            (_, None) => return Some(Self::Groups { core }),
            (true, Some(version)) => {
                return Self::in_version(Cow::Borrowed(""), decode(version)?, parts.as_slice());
            }
            (false, Some(group)) => decode(group)?,
        };
        match parts.next() {
            None => Some(Self::Group(group)),
            Some(version) => Self::in_version(group, decode(version)?, parts.as_slice()),
        }
    }

    fn in_version(group: Cow<'a, str>, version: Cow<'a, str>, parts: &[&'a str]) -> Option<Self> {
        let (watch, parts) = match parts {
            [] => return Some(Self::Version(group, version)),
            ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
            parts => (false, parts),
        };
        let (namespace, parts) = match parts {
            ["namespaces", _] => ("", parts),
            ["namespaces", _, part] if NAMESPACE_PARTS.contains(part) => ("", parts),
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            parts => ("", parts),
        };
        let part = |at: usize| decode(parts.get(at).copied().unwrap_or_default());
        let rest = parts.get(3..).unwrap_or_default();
        Some(Self::Resource(ResourceTarget {
            group,
            version,
            namespace: decode(namespace)?,
            resource: part(0)?,
            name: part(1)?,
            subresource: part(2)?,
            rest: if rest.is_empty() {
                Cow::Borrowed("")
            } else {
                Cow::Owned(format!("/{}", rest.join("/")))
            },
            watch,
        }))
    }
}

/// Takes the percent signs out of a segment; nothing if what they stand for is not text.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    percent_encoding::percent_decode_str(segment).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(path: &str) -> String {
        match Target::parse(path) {
            None => "nothing".into(),
            Some(Target::Groups { core }) => format!("groups core={core}"),
            Some(Target::Group(group)) => format!("group {group}"),
            Some(Target::Version(group, version)) => format!("version {group}|{version}"),
            Some(Target::Resource(target)) => {
                let ResourceTarget { group, version, namespace, resource, name, subresource, rest, watch } =
                    target;
                format!("{group}|{version}|{namespace}|{resource}|{name}|{subresource}|{rest}|{watch}")
            }
        }
    }

    #[test]
    fn paths_mean_what_they_mean_upstream() {
        for (path, meaning) in [
            ("/healthz", "nothing"),
            ("/apix/v1", "nothing"),
            ("/api", "groups core=true"),
            ("/api/", "groups core=true"),
            ("/apis", "groups core=false"),
            ("/apis/apps", "group apps"),
            ("/apis/apps/", "group apps"),
            ("/api/v1", "version |v1"),
            ("/apis/apps/v1/", "version apps|v1"),
            ("/api/v1/nodes", "|v1||nodes||||false"),
            ("/api/v1/nodes/n/status", "|v1||nodes|n|status||false"),
            ("/api/v1/namespaces", "|v1||namespaces||||false"),
            ("/api/v1/namespaces/a", "|v1||namespaces|a|||false"),
            ("/api/v1/namespaces/a/status", "|v1||namespaces|a|status||false"),
            ("/api/v1/namespaces/a/finalize", "|v1||namespaces|a|finalize||false"),
            ("/api/v1/namespaces/a/pods", "|v1|a|pods||||false"),
            ("/api/v1/namespaces/a/pods/b", "|v1|a|pods|b|||false"),
            ("/api/v1/namespaces/a/pods/b/proxy/c/d", "|v1|a|pods|b|proxy|/c/d|false"),
            ("/apis/apps/v1/namespaces/a/deployments/b/scale", "apps|v1|a|deployments|b|scale||false"),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
                "rbac.authorization.k8s.io|v1||clusterroles|system:node|||false",
            ),
            ("/api/v1/watch/pods", "|v1||pods||||true"),
            ("/api/v1/watch/namespaces/a/pods/b", "|v1|a|pods|b|||true"),
            ("/api/v1/watch", "|v1||watch||||false"),
            ("/api/v1/namespaces/%ff/pods", "nothing"),
        ] {
            assert_eq!(show(path), meaning, "{path}");
        }
    }
}
