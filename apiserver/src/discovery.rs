//! What there is, for clients to find out: groups, versions, resources, in the old form (one document a version) and
//! the aggregated one (one document for all).

use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256, Sha512};

use crate::api::Api;
use crate::catalog::{Catalog, Group, Served, Version, api_version};
use crate::media::{self, Conversion, Encoding};
use crate::problem::Problem;
use crate::refusal;
use crate::render::{self, Look};
use crate::resource::{Scope, Subresource, Verb};
use crate::target::Target;

/// `/api`: the versions of the core group, and where this server can be reached.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiVersions<'a> {
    kind: &'static str,
    versions: Vec<&'a str>,
    #[serde(rename = "serverAddressByClientCIDRs")]
    server_address_by_client_cidrs: [ServerAddress<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerAddress<'a> {
    #[serde(rename = "clientCIDR")]
    client_cidr: &'static str,
    server_address: &'a str,
}

/// `/apis`: all groups but the core one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiGroupList<'a> {
    kind: &'static str,
    api_version: &'static str,
    groups: Vec<ApiGroup<'a>>,
}

/// `/apis/GROUP`: its versions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiGroup<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'static str,
    name: &'a str,
    versions: Vec<GroupVersion<'a>>,
    preferred_version: GroupVersion<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion<'a> {
    group_version: String,
    version: &'a str,
}

/// `/apis/GROUP/VERSION`: its resources.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiResourceList<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'static str,
    group_version: String,
    resources: Vec<ApiResource<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiResource<'a> {
    name: String,
    singular_name: &'a str,
    namespaced: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    kind: &'a str,
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    short_names: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    categories: &'a [&'a str],
    #[serde(skip_serializing_if = "String::is_empty")]
    storage_version_hash: String,
}

/// Everything in one document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupDiscoveryList<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Empty,
    items: Vec<GroupDiscovery<'a>>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct GroupDiscovery<'a> {
    metadata: Name<'a>,
    versions: Vec<VersionDiscovery<'a>>,
}

#[derive(Serialize)]
struct Name<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
}

#[derive(Serialize)]
struct VersionDiscovery<'a> {
    version: &'a str,
    resources: Vec<ResourceDiscovery<'a>>,
    freshness: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceDiscovery<'a> {
    resource: &'a str,
    response_kind: ResponseKind<'a>,
    scope: &'static str,
    singular_resource: &'a str,
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    short_names: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    categories: &'a [&'a str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subresources: Vec<SubresourceDiscovery<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubresourceDiscovery<'a> {
    subresource: &'a str,
    response_kind: ResponseKind<'a>,
    verbs: Vec<&'static str>,
}

/// Group and version are empty where they are those of the document's own place.
#[derive(Serialize)]
struct ResponseKind<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

/// The document at `/api`, of a server that is reached at `address`.
pub(crate) fn core_versions<'a>(catalog: &'a Catalog, address: &'a str) -> ApiVersions<'a> {
    let versions = catalog.group("").map(|core| core.versions.iter().map(|version| version.name).collect());
    ApiVersions {
        kind: "APIVersions",
        versions: versions.unwrap_or_default(),
        server_address_by_client_cidrs: [ServerAddress { client_cidr: "0.0.0.0/0", server_address: address }],
    }
}

/// The document at `/apis`.
pub(crate) fn groups(catalog: &Catalog) -> ApiGroupList<'_> {
    let groups = catalog.groups().iter().filter(|group| !group.name.is_empty());
    let groups = groups.map(|named| ApiGroup { kind: "", api_version: "", ..group(named) });
    ApiGroupList { kind: "APIGroupList", api_version: "v1", groups: groups.collect() }
}

/// The document of one group.
pub(crate) fn group(group: &Group) -> ApiGroup<'_> {
    let group_version = |version: &Version| api_version(group.name, version.name);
    let versions = group.versions.iter();
    let versions: Vec<_> = versions
        .map(|version| GroupVersion { group_version: group_version(version), version: version.name })
        .collect();
    let preferred = &group.versions[0];
    ApiGroup {
        kind: "APIGroup",
        api_version: "v1",
        name: group.name,
        versions,
        preferred_version: GroupVersion { group_version: group_version(preferred), version: preferred.name },
    }
}

/// The document of one version.
pub(crate) fn resources<'a>(group: &str, version: &'a Version) -> ApiResourceList<'a> {
    let mut resources = Vec::new();
    for served in &version.resources {
        resources.push(resource(served));
        resources.extend(served.facts().subresources.iter().map(|part| subresource(served, part)));
    }
    ApiResourceList {
        kind: "APIResourceList",
        // The core group's document is older than the field.
        api_version: if group.is_empty() { "" } else { "v1" },
        group_version: api_version(group, version.name),
        resources,
    }
}

fn resource(served: &Served) -> ApiResource<'_> {
    let facts = served.facts();
    ApiResource {
        name: facts.plural.to_owned(),
        singular_name: facts.singular,
        namespaced: served.is_namespaced(),
        group: "",
        version: "",
        kind: facts.kind,
        verbs: names(facts.verbs),
        short_names: facts.short_names,
        categories: facts.categories,
        // What is only asked is stored nowhere.
        storage_version_hash: if served.can(Verb::Watch) {
            storage_version_hash(served)
        } else {
            String::new()
        },
    }
}

fn subresource<'a>(served: &'a Served, part: &'a Subresource) -> ApiResource<'a> {
    let (group, version) = part.group_version.unwrap_or_default();
    ApiResource {
        name: format!("{}/{}", served.facts().plural, part.name),
        singular_name: "",
        namespaced: served.is_namespaced(),
        group,
        version,
        kind: part.kind,
        verbs: names(part.verbs),
        short_names: &[],
        categories: &[],
        storage_version_hash: String::new(),
    }
}

/// What tells clients that objects are stored in another version than before.
fn storage_version_hash(served: &Served) -> String {
    let (group, _) = served.facts().stored_as;
    let text = format!("{group}/{}/{}", served.resource.hashed_version(), served.facts().kind);
    BASE64_STANDARD.encode(&Sha256::digest(text.as_bytes())[..8])
}

/// Everything below `/api` (`core`) or `/apis`.
pub(crate) fn aggregated(catalog: &Catalog, core: bool) -> GroupDiscoveryList<'_> {
    let groups = catalog.groups().iter().filter(|group| group.name.is_empty() == core);
    let items = groups.map(|group| GroupDiscovery {
        metadata: Name { name: group.name },
        versions: group.versions.iter().map(version_discovery).collect(),
    });
    GroupDiscoveryList {
        kind: "APIGroupDiscoveryList",
        api_version: "apidiscovery.k8s.io/v2",
        metadata: Empty {},
        items: items.collect(),
    }
}

fn version_discovery(version: &Version) -> VersionDiscovery<'_> {
    let resources = version.resources.iter().map(|served| {
        let facts = served.facts();
        let subresources = facts.subresources.iter().map(|part| {
            let (group, version) = part.group_version.unwrap_or_default();
            SubresourceDiscovery {
                subresource: part.name,
                response_kind: ResponseKind { group, version, kind: part.kind },
                verbs: names(part.verbs),
            }
        });
        ResourceDiscovery {
            resource: facts.plural,
            response_kind: ResponseKind { group: "", version: "", kind: facts.kind },
            scope: match facts.scope {
                Scope::Cluster => "Cluster",
                Scope::Namespaced => "Namespaced",
            },
            singular_resource: facts.singular,
            verbs: names(facts.verbs),
            short_names: facts.short_names,
            categories: facts.categories,
            subresources: subresources.collect(),
        }
    });
    VersionDiscovery { version: version.name, resources: resources.collect(), freshness: "Current" }
}

fn names(verbs: &[Verb]) -> Vec<&'static str> {
    verbs.iter().map(|verb| verb.name()).collect()
}

/// Answers with one of the documents, which is known to exist.
pub(crate) fn answer(api: &Api, parts: &Parts, target: &Target<'_>) -> Result<Response<Body>, Problem> {
    let accept = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let can_aggregate = matches!(target, Target::Groups { .. });
    let takes = |_, conversion: Option<&Conversion>| {
        conversion.is_none_or(|conversion| can_aggregate && is_aggregated(conversion))
    };
    // Groups are answered for by what upstream has in front of its router.
    if !matches!(target, Target::Group(_)) {
        refusal::check_accept(accept.unwrap_or_default(), false)?;
    }
    let form = media::negotiate(accept, takes).ok_or_else(|| refusal::not_acceptable(false))?;
    let aggregated_form = form.conversion.is_some();
    let catalog = &api.catalog;
    let (kind, json) = match target {
        Target::Groups { core } if aggregated_form => (AGGREGATED, write(&aggregated(catalog, *core))),
        Target::Groups { core: true } => (API_VERSIONS, write(&core_versions(catalog, &api.address))),
        Target::Groups { core: false } => (API_GROUP_LIST, write(&groups(catalog))),
        Target::Group(name) => {
            (API_GROUP, write(&group(catalog.group(name).ok_or_else(refusal::nothing_here)?)))
        }
        Target::Version(group, name) => {
            let version = catalog.version(group, name).ok_or_else(refusal::nothing_here)?;
            (API_RESOURCE_LIST, write(&resources(group, version)))
        }
        Target::Resource(_) | Target::Unsaid => return Err(refusal::nothing_here()),
    };
    let query = crate::query::Query::parse(parts.uri.query());
    let pretty = render::is_for_people(&query, &parts.headers, &form);
    let look = Look::plain(form.encoding, pretty);
    if aggregated_form { tagged(parts, look, kind, &json) } else { plain(look, kind, &json) }
}

/// What a document is: group, version and kind. Those of the core group do not say it themselves.
type DocumentKind = (&'static str, &'static str, &'static str);

const AGGREGATED: DocumentKind = ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList");
const API_VERSIONS: DocumentKind = ("", "v1", "APIVersions");
const API_GROUP_LIST: DocumentKind = ("", "v1", "APIGroupList");
const API_GROUP: DocumentKind = ("", "v1", "APIGroup");
const API_RESOURCE_LIST: DocumentKind = ("", "v1", "APIResourceList");

fn is_aggregated(conversion: &Conversion) -> bool {
    conversion.group == "apidiscovery.k8s.io"
        && conversion.version == "v2"
        && conversion.kind == "APIGroupDiscoveryList"
}

fn write(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("texts and truths can be written")
}

fn plain(look: Look, kind: DocumentKind, json: &[u8]) -> Result<Response<Body>, Problem> {
    Ok(crate::problem::answer(StatusCode::OK, look.encoding.media_type(), encode(look, kind, json)?))
}

/// The aggregated form says by which name clients may know that it has not changed.
fn tagged(parts: &Parts, look: Look, kind: DocumentKind, json: &[u8]) -> Result<Response<Body>, Problem> {
    let tag: String = Sha512::digest(json).iter().map(|byte| format!("{byte:02X}")).collect();
    let tag = format!("\"{tag}\"");
    let known = parts.headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut answer = if known {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        plain(look, kind, json)?
    };
    let content_type =
        format!("{};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", look.encoding.media_type());
    let headers = answer.headers_mut();
    let header = |text: &str| HeaderValue::from_str(text).map_err(|error| Problem::Defect(error.to_string()));
    headers.insert(CONTENT_TYPE, header(&content_type)?);
    headers.insert(ETAG, header(&tag)?);
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    Ok(answer)
}

fn encode(look: Look, kind: DocumentKind, json: &[u8]) -> Result<Bytes, Problem> {
    match look.encoding {
        Encoding::Protobuf => render::proto(&render::decode_as(kind, json)?),
        _ => render::finish(look, BytesMut::from(json)),
    }
}
