//! The OpenAPI documents, as they are asked for over HTTP. What stands in them is the schema model's affair; it is made
//! from the same facts as everything else.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use keelson_schema::publish::{
    Api, Document, Documents, Encoding, GroupVersion, Name, Resource, Source, Subresource,
};

use crate::catalog::{Catalog, Served};
use crate::problem::Problem;
use crate::query::Query;
use crate::resource::{Deletion, Verb};

/// The version of the API in the documents' heading.
const VERSION: &str = "1.37";

/// The documents that describe what is served.
pub(crate) fn documents(catalog: &Catalog) -> Documents {
    let versions = catalog.groups().iter().flat_map(|group| {
        group.versions.iter().map(|version| {
            Arc::new(GroupVersion {
                group: group.name.into(),
                version: version.name.into(),
                custom: false,
                resources: version.resources.iter().map(|served| resource(served)).collect(),
            })
        })
    });
    Documents::new(Api { version: VERSION.into(), group_versions: versions.collect() })
}

fn resource(served: &Served) -> Resource {
    let facts = served.resource.facts();
    Resource {
        kind: facts.kind.into(),
        list_kind: format!("{}List", facts.kind).into(),
        plural: facts.plural.into(),
        namespaced: served.is_namespaced(),
        verbs: names(facts.verbs),
        returns_deleted: facts.deletion_answers == Deletion::Object,
        subresources: facts
            .subresources
            .iter()
            .map(|part| Subresource {
                name: part.name.into(),
                kind: part.kind.into(),
                group_version: part.group_version.map(|(group, version)| (group.into(), version.into())),
                verbs: names(part.verbs),
            })
            .collect(),
        schema: Source::Builtin,
    }
}

fn names(verbs: &[Verb]) -> Vec<Name> {
    verbs.iter().map(|verb| verb.name().into()).collect()
}

/// Answers a request below `/openapi`; nothing if there is no such document.
pub(crate) fn answer(documents: &Documents, parts: &Parts) -> Option<Result<Response<Body>, Problem>> {
    let headers = &parts.headers;
    match parts.uri.path() {
        "/openapi/v2" => Some(v2(documents, headers)),
        "/openapi/v3" => Some(Ok(with(documents.index(), &[(CONTENT_TYPE, "text/plain; charset=utf-8")]))),
        path => v3(documents, path.strip_prefix("/openapi/v3/")?, parts),
    }
}

/// Below `/openapi/v3/` nothing is said of what is not there, not even in words.
fn absent() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

fn v2(documents: &Documents, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    const PROTOBUF: [&str; 2] = [
        "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    ];
    let Some(encoding) = wanted(headers, &PROTOBUF) else { return Ok(not_acceptable()) };
    let content_type = match encoding {
        Encoding::Json => "application/json",
        Encoding::Protobuf => PROTOBUF[1],
    };
    let vary = [(VARY, "Accept-Encoding"), (VARY, "Accept"), (CONTENT_TYPE, content_type)];
    document(headers, &documents.v2(encoding), &vary)
}

fn v3(documents: &Documents, path: &str, parts: &Parts) -> Option<Result<Response<Body>, Problem>> {
    const PROTOBUF: [&str; 2] = [
        "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
        "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
    ];
    let Some(encoding) = wanted(&parts.headers, &PROTOBUF) else { return Some(Ok(not_acceptable())) };
    let Some(found) = documents.v3(path, encoding) else { return Some(Ok(absent())) };
    let hash = Query::parse(parts.uri.query()).first("hash").map(str::to_owned);
    let url = format!("/openapi/v3/{path}?hash={}", found.etag);
    if hash.as_deref().is_some_and(|hash| hash != &*found.etag) {
        let mut answer = with(Vec::new(), &[(LOCATION, &url)]);
        *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
        return Some(Ok(answer));
    }
    let content_type = match encoding {
        Encoding::Json => "application/json",
        Encoding::Protobuf => PROTOBUF[1],
    };
    let mut extra = vec![(VARY, "Accept"), (CONTENT_TYPE, content_type)];
    if hash.is_some() {
        // The URL names the very content.
        extra.push((CACHE_CONTROL, "public, immutable"));
    }
    Some(document(&parts.headers, &found, &extra))
}

/// Which encoding the client takes, by the first clause that names one; nothing if it takes neither.
fn wanted(headers: &HeaderMap, protobuf: &[&str; 2]) -> Option<Encoding> {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.is_empty() {
        return Some(Encoding::Json);
    }
    accept.split(',').find_map(|clause| match clause.split(';').next().unwrap_or_default().trim() {
        "application/json" | "application/*" | "*/*" => Some(Encoding::Json),
        media_type if protobuf.contains(&media_type) => Some(Encoding::Protobuf),
        _ => None,
    })
}

fn not_acceptable() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NOT_ACCEPTABLE;
    answer
}

fn document(
    headers: &HeaderMap,
    document: &Document,
    extra: &[(HeaderName, &str)],
) -> Result<Response<Body>, Problem> {
    let tag = format!("\"{}\"", document.etag);
    let mut answer = if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        let mut answer = with(Bytes::new(), extra);
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else if takes_gzip(headers) {
        let mut answer = with(document.gzip.clone(), extra);
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        answer
    } else {
        with(document.unpacked(), extra)
    };
    let tag = HeaderValue::from_str(&tag).map_err(|error| Problem::Defect(error.to_string()))?;
    answer.headers_mut().insert(ETAG, tag);
    Ok(answer)
}

pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|clause| {
        let mut parts = clause.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|part| matches!(part, "q=0" | "q=0.0"))
    })
}

fn with(body: impl Into<Body>, extra: &[(HeaderName, &str)]) -> Response<Body> {
    let mut answer = Response::new(body.into());
    for (name, value) in extra {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().append(name.clone(), value);
        }
    }
    answer
}
