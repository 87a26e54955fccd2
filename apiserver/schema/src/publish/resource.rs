//! What the documents are made from: group versions and their resources, described without code.
//!
//! The API server says the same of its resources once, in their facts, and maps that to this.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::node::Node;

/// A name that is part of the program, or came with a custom resource.
pub type Name = Cow<'static, str>;

/// A server's API.
#[derive(Clone, Debug)]
pub struct Api {
    /// The version in the documents' heading: `1.37`.
    pub version: Name,
    /// What is served, in any order.
    pub group_versions: Vec<Arc<GroupVersion>>,
}

/// A group in one version.
#[derive(Clone, Debug)]
pub struct GroupVersion {
    /// The group; empty for the core group.
    pub group: Name,
    /// The version.
    pub version: Name,
    /// Whether its resources are custom ones: no protobuf, no strategic patches, no watch paths, no group document.
    pub custom: bool,
    /// Its resources.
    pub resources: Vec<Resource>,
}

/// A resource of a group version.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The kind of its objects.
    pub kind: Name,
    /// The kind of a list of them.
    pub list_kind: Name,
    /// The name in paths.
    pub plural: Name,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done with it, by the names that discovery uses.
    pub verbs: Vec<Name>,
    /// Whether deleting an object answers with the object rather than with a `Status`.
    pub returns_deleted: bool,
    /// What lies below its objects.
    pub subresources: Vec<Subresource>,
    /// Where its schema comes from.
    pub schema: Source,
}

/// Something below an object's path.
#[derive(Clone, Debug)]
pub struct Subresource {
    /// The name in paths.
    pub name: Name,
    /// The kind that is read and written there, or that holds the options of a connection.
    pub kind: Name,
    /// Group and version of that kind, where they are not the resource's own.
    pub group_version: Option<(Name, Name)>,
    /// What can be done there, by the names that discovery uses.
    pub verbs: Vec<Name>,
}

/// Where a resource's schema comes from.
#[derive(Clone)]
pub enum Source {
    /// From the built-in types, by group, version and kind.
    Builtin,
    /// From whoever made it, whenever it is asked for: the definition of the kind, complete with `apiVersion`, `kind`,
    /// `metadata` and extensions.
    Made(Arc<dyn Fn(Dialect) -> Node<'static> + Send + Sync>),
}

/// The two languages that documents are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAPI 2, also called Swagger: one document for everything.
    V2,
    /// OpenAPI 3: a document for each group version.
    V3,
}

impl Dialect {
    /// What references to definitions begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::V2 => "#/definitions/",
            Self::V3 => "#/components/schemas/",
        }
    }
}

impl GroupVersion {
    /// The path below which its resources are served: `/apis/apps/v1/`.
    #[must_use]
    pub fn path(&self) -> String {
        match &*self.group {
            "" => format!("/api/{}/", self.version),
            group => format!("/apis/{group}/{}/", self.version),
        }
    }
}

impl Resource {
    /// Whether discovery names that verb.
    #[must_use]
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|known| known == verb)
    }
}

impl Subresource {
    /// Whether requests are connected with something behind the server, rather than answered from an object.
    #[must_use]
    pub fn connects(&self) -> bool {
        self.kind.ends_with("Options")
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Builtin => "Builtin",
            Self::Made(_) => "Made",
        })
    }
}
