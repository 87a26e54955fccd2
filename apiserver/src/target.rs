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
    Group(&'a str),
    /// `/api/VERSION`, `/apis/GROUP/VERSION`: which resources there are.
    Version(&'a str, &'a str),
    /// Something in a version.
    Resource(ResourceTarget<'a>),
    /// `/api/VERSION/watch`, `/api/VERSION/proxy`: what is to be watched, or reached, is not said.
    Unsaid,
}

/// A resource, an object of it, or a part of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceTarget<'a> {
    /// The group; empty for the core group.
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    /// The namespace; empty where the path names none.
    pub(crate) namespace: &'a str,
    pub(crate) resource: &'a str,
    /// The object's name; empty where the path names none.
    pub(crate) name: &'a str,
    /// What is below the object; empty where the path ends there.
    pub(crate) subresource: &'a str,
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
            (true, Some(version)) => return Some(Self::in_version("", version, parts.as_slice())),
            (false, Some(group)) => group,
        };
        Some(match parts.next() {
            None => Self::Group(group),
            Some(version) => Self::in_version(group, version, parts.as_slice()),
        })
    }

    fn in_version(group: &'a str, version: &'a str, parts: &[&'a str]) -> Self {
        let (watch, parts) = match parts {
            [] => return Self::Version(group, version),
            ["watch" | "proxy"] => return Self::Unsaid,
            ["watch", rest @ ..] => (true, rest),
            parts => (false, parts),
        };
        let (namespace, parts) = match parts {
            ["namespaces", _] => ("", parts),
            ["namespaces", _, part] if NAMESPACE_PARTS.contains(part) => ("", parts),
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            parts => ("", parts),
        };
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        let rest = parts.get(3..).unwrap_or_default();
        Self::Resource(ResourceTarget {
            group,
            version,
            namespace,
            resource: part(0),
            name: part(1),
            subresource: part(2),
            rest: if rest.is_empty() {
                Cow::Borrowed("")
            } else {
                Cow::Owned(format!("/{}", rest.join("/")))
            },
            watch,
        })
    }
}

/// A path without its percent signs. They are taken out before slashes are looked at, so that a slash that is written with
/// one is a slash all the same; what is no text becomes a sign that stands for that.
pub(crate) fn decoded(path: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(path: &str) -> String {
        match Target::parse(&decoded(path)) {
            None => "nothing".into(),
            Some(Target::Groups { core }) => format!("groups core={core}"),
            Some(Target::Group(group)) => format!("group {group}"),
            Some(Target::Version(group, version)) => format!("version {group}|{version}"),
            Some(Target::Unsaid) => "unsaid".into(),
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
            ("/api/v1/watch", "unsaid"),
            ("/apis/apps/v1/proxy/", "unsaid"),
            ("/api/v1/namespaces/a%2fb/pods", "|v1|a|b|pods|||false"),
            ("/api/v1/namespaces/%ff/pods", "|v1|\u{fffd}|pods||||false"),
        ] {
            assert_eq!(show(path), meaning, "{path}");
        }
    }
}
