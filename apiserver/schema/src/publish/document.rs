//! Whole documents, written piece by piece: as JSON into whatever takes bytes, as protobuf into a buffer.
//!
//! The pieces are the same for both encodings. No document is ever held as a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::gnostic;
use super::node::{Node, Object, write_text};
use super::operation::{Paths, definition_name, plain, tag, title};
use super::path::{Path, Shared};
use super::resource::{Api, Dialect, GroupVersion, Resource, Source};
use super::schema::{Audience, Definitions, VERSION_INFO, references};
use super::texts::Texts;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const TITLE: &str = "Kubernetes";
const BEARER: &str = "A bearer token.";

/// A document of version 3, by what it is about.
#[derive(Clone, Copy)]
pub(super) enum Topic<'a> {
    /// `/.well-known/openid-configuration`
    OpenId,
    /// `/openid/v1/jwks`
    Keys,
    /// `/version`
    Version,
    /// `/api`
    Core,
    /// `/apis`
    Groups,
    /// `/apis/apps`
    Group(&'a str),
    /// `/apis/apps/v1`
    GroupVersion(&'a GroupVersion),
}

impl<'a> Topic<'a> {
    /// All documents of an API, by the path below `/openapi/v3/`.
    pub(super) fn all(api: &'a Api) -> BTreeMap<String, Self> {
        let mut topics = BTreeMap::new();
        for topic in [Topic::OpenId, Topic::Keys, Topic::Version, Topic::Core, Topic::Groups] {
            topics.insert(topic.path(), topic);
        }
        for of in &api.group_versions {
            topics.insert(Topic::GroupVersion(of).path(), Topic::GroupVersion(of));
            if !of.group.is_empty() && !of.custom {
                topics.insert(Topic::Group(&of.group).path(), Topic::Group(&of.group));
            }
        }
        topics
    }

    fn path(self) -> String {
        match self {
            Self::OpenId => ".well-known/openid-configuration".to_owned(),
            Self::Keys => "openid/v1/jwks".to_owned(),
            Self::Version => "version".to_owned(),
            Self::Core => "api".to_owned(),
            Self::Groups => "apis".to_owned(),
            Self::Group(group) => format!("apis/{group}"),
            Self::GroupVersion(of) => of.path().trim_matches('/').to_owned(),
        }
    }

    fn paths(self, texts: &Texts<'_>) -> Vec<Path> {
        let at = format!("/{}/", self.path());
        let answers = |name: &str| format!("{META}.{name}");
        let one = match self {
            Self::OpenId => plain(
                &at,
                "WellKnown",
                "getServiceAccountIssuerOpenIDConfiguration",
                "Reads how tokens of service accounts are verified.",
                None,
            ),
            Self::Keys => plain(
                &at,
                "openid",
                "getServiceAccountIssuerOpenIDKeyset",
                "Reads the keys that verify tokens of service accounts.",
                None,
            ),
            Self::Version => {
                plain(&at, "version", "getCodeVersion", "Reads the server's version.", Some(VERSION_INFO))
            }
            Self::Core => plain(
                &at,
                "core",
                "getCoreAPIVersions",
                "Reads the versions of the core group.",
                Some(&answers("APIVersions")),
            ),
            Self::Groups => {
                plain(&at, "apis", "getAPIVersions", "Reads the groups.", Some(&answers("APIGroupList")))
            }
            Self::Group(group) => {
                let id = format!("get{}APIGroup", title(group));
                plain(&at, &tag(group), &id, "Reads the versions of the group.", Some(&answers("APIGroup")))
            }
            Self::GroupVersion(of) => {
                let mut paths = Paths { of, texts }.all();
                if !of.custom {
                    let version = of.version.replacen('v', "V", 1);
                    let (id, tag) = (
                        format!("get{}{version}APIResources", title(&of.group)),
                        format!("{}_{}", tag(&of.group), of.version),
                    );
                    paths.push(plain(
                        &at,
                        &tag,
                        &id,
                        "Reads the resources.",
                        Some(&answers("APIResourceList")),
                    ));
                }
                return paths;
            }
        };
        vec![one]
    }
}

/// The pieces of a document.
pub(super) struct Pieces<'a> {
    dialect: Dialect,
    info: Node<'a>,
    paths: Vec<Path>,
    definitions: Definitions<'a>,
    /// The resources that come with a schema of their own, by the names of their definitions.
    made: BTreeMap<String, &'a Resource>,
    /// How clients say who they are.
    security: Option<Node<'static>>,
}

impl<'a> Pieces<'a> {
    /// The document of version 3 about `topic`.
    pub(super) fn v3(api: &'a Api, topic: Topic<'a>, texts: &'a Texts<'a>) -> Self {
        let (served, audience) = match topic {
            Topic::GroupVersion(of) if of.custom => (vec![of], Audience::Custom),
            Topic::GroupVersion(of) => (vec![of], Audience::Group(&of.group, &of.version)),
            _ => (Vec::new(), Audience::Group("", "v1")),
        };
        // Upstream makes the documents of custom resources in another place.
        let (title, version) = match audience {
            Audience::Custom => ("Kubernetes CRD Swagger", "v0.1.0"),
            _ => (TITLE, &*api.version),
        };
        let security = (!matches!(audience, Audience::Custom)).then(|| {
            let scheme = Object::default().with("type", "apiKey").with("description", BEARER);
            scheme.with("name", "authorization").with("in", "header").into()
        });
        let definitions = Definitions { dialect: Dialect::V3, texts, audience };
        Self::new(definitions, (title, version), topic.paths(texts), &served, security)
    }

    /// The document of version 2.
    pub(super) fn v2(api: &'a Api, texts: &'a Texts<'a>) -> Self {
        let definitions = Definitions { dialect: Dialect::V2, texts, audience: Audience::Everyone };
        let paths = Topic::all(api).into_values().flat_map(|topic| topic.paths(texts)).collect();
        let served: Vec<&GroupVersion> = api.group_versions.iter().map(|of| &**of).collect();
        let scheme = Object::default().with("description", BEARER).with("type", "apiKey");
        let security = scheme.with("name", "authorization").with("in", "header").into();
        Self::new(definitions, (TITLE, &api.version), paths, &served, Some(security))
    }

    fn new(
        definitions: Definitions<'a>,
        (title, version): (&'static str, &'a str),
        mut paths: Vec<Path>,
        served: &[&'a GroupVersion],
        security: Option<Node<'static>>,
    ) -> Self {
        paths.sort_by(|one, other| one.path.cmp(&other.path));
        let mut made = BTreeMap::new();
        for of in served {
            for resource in of.resources.iter().filter(|resource| matches!(resource.schema, Source::Made(_)))
            {
                for kind in [&resource.kind, &resource.list_kind] {
                    made.insert(definition_name(&of.group, &of.version, kind, &resource.schema), resource);
                }
            }
        }
        let info = Object::default().with("title", title).with("version", version).into();
        let security = security.map(|scheme| Object::default().with("BearerToken", scheme).into());
        Self { dialect: definitions.dialect, info, paths, definitions, made, security }
    }

    /// The names of all definitions that are referred to, however indirectly, in order.
    fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut open = Vec::new();
        self.paths.iter().for_each(|path| path.references(&mut |name| open.push(name.to_owned())));
        while let Some(name) = open.pop() {
            if names.contains(&name) {
                continue;
            }
            match self.made.get(&name) {
                Some(_) => {
                    let mut found = |target: &str| {
                        open.extend(target.strip_prefix(self.dialect.prefix()).map(str::to_owned));
                    };
                    if let Some(definition) = self.definition(&name) {
                        definition.references(&mut found);
                    }
                }
                None => references(&name, &mut |target| open.push(target.to_owned())),
            }
            names.insert(name);
        }
        names
    }

    fn definition(&self, name: &str) -> Option<Node<'static>> {
        let Some(resource) = self.made.get(name) else { return self.definitions.definition(name) };
        let Source::Made(make) = &resource.schema else { return None };
        if name.ends_with(&format!(".{}", resource.kind)) {
            return Some(make(self.dialect));
        }
        Some(self.definitions.list(name, resource).into())
    }

    /// Writes it as JSON.
    pub(super) fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        // Upstream escapes for HTML in version 3 only.
        let mut writer =
            JsonWriter { out, html: self.dialect == Dialect::V3, buffer: Vec::new(), first: true };
        let mut shared = Shared::new();
        writer.raw(match self.dialect {
            Dialect::V2 => "{\"swagger\":\"2.0\",\"info\":",
            Dialect::V3 => "{\"openapi\":\"3.0.0\",\"info\":",
        })?;
        writer.node(&self.info)?;
        writer.raw(",\"paths\":{")?;
        for path in &self.paths {
            writer.member(&path.path, &path.node(self.dialect, &mut shared))?;
        }
        let names = self.names();
        writer.raw(match self.dialect {
            Dialect::V2 => "},\"definitions\":{",
            Dialect::V3 if names.is_empty() => "},\"components\":{",
            Dialect::V3 => "},\"components\":{\"schemas\":{",
        })?;
        for name in &names {
            if let Some(definition) = self.definition(name) {
                writer.member(name, &definition)?;
            }
        }
        match self.dialect {
            Dialect::V2 => {
                writer.raw("},\"parameters\":{")?;
                shared.iter().try_for_each(|(name, parameter)| writer.member(name, parameter))?;
                writer.raw("}")?;
                if let Some(security) = &self.security {
                    writer.raw(",\"securityDefinitions\":")?;
                    writer.node(security)?;
                    writer.raw(",\"security\":[{\"BearerToken\":[]}]")?;
                }
                writer.raw("}")
            }
            Dialect::V3 => {
                writer.raw(if names.is_empty() { "" } else { "}" })?;
                if let Some(security) = &self.security {
                    writer.raw(if names.is_empty() {
                        "\"securitySchemes\":"
                    } else {
                        ",\"securitySchemes\":"
                    })?;
                    writer.node(security)?;
                }
                writer.raw("}}")
            }
        }
    }

    /// Writes it as protobuf.
    pub(super) fn protobuf(&self) -> Vec<u8> {
        let mut out = gnostic::Encoder::new(self.dialect);
        let mut shared = Shared::new();
        out.heading(&self.info);
        out.paths(&mut |each| {
            for path in &self.paths {
                each(&path.path, &path.node(self.dialect, &mut shared));
            }
        });
        let names = self.names();
        out.definitions(self.security.as_ref(), &mut |each| {
            for name in &names {
                if let Some(definition) = self.definition(name) {
                    each(name, &definition);
                }
            }
        });
        if self.dialect == Dialect::V2 {
            out.rest(&shared, self.security.as_ref());
        }
        out.finish()
    }
}

struct JsonWriter<'a> {
    out: &'a mut dyn Write,
    html: bool,
    buffer: Vec<u8>,
    first: bool,
}

impl JsonWriter<'_> {
    fn raw(&mut self, text: &str) -> io::Result<()> {
        self.first = true;
        self.out.write_all(text.as_bytes())
    }

    fn node(&mut self, node: &Node<'_>) -> io::Result<()> {
        self.buffer.clear();
        node.write_json(&mut self.buffer, self.html);
        self.out.write_all(&self.buffer)
    }

    fn member(&mut self, name: &str, node: &Node<'_>) -> io::Result<()> {
        self.buffer.clear();
        if !std::mem::take(&mut self.first) {
            self.buffer.push(b',');
        }
        write_text(name, &mut self.buffer, self.html);
        self.buffer.push(b':');
        node.write_json(&mut self.buffer, self.html);
        self.out.write_all(&self.buffer)
    }
}
