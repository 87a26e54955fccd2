//! `POST /apis/keelson.dev/v1[/namespaces/NS]/transactions`: the objects of a list are written together, or none is.
//!
//! Each item goes its usual way through the whole API, one after another, but in a fork of the store: it sees what those
//! before it have done (a namespace, a class, a quota), and nobody else sees anything. What the fork has come to is then
//! one transaction. If somebody has changed one of its objects meanwhile, all begins anew.
//!
//! `?verb=` says what is done with the items: `apply` (the default; `fieldManager` and `force` as for any apply),
//! `create` or `update`. Items without a namespace lie in that of the path, or in `default`. With `dryRun=All` the fork
//! is thrown away.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE, WARNING};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use keelson_api::options::FieldValidation;
use keelson_schema::yaml;
use keelson_store::Fork;
use keelson_store::key::Key;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use keelson_store::transaction::{CommitError, Committed, Expect, Transaction};
use serde_json::Value;

use crate::api::Api;
use crate::caller::Caller;
use crate::catalog::Served;
use crate::meta::meta_mut;
use crate::problem::{Problem, answer};
use crate::query::Query;
use crate::resource::Verb;
use crate::target::ResourceTarget;
use crate::{refusal, render};

/// Parameters that are passed on to every single write.
const PASSED_ON: [&str; 3] = ["fieldManager", "fieldValidation", "force"];

/// What is done with every item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Apply,
    Create,
    Update,
}

impl Done {
    fn parse(word: &str) -> Result<Self, Problem> {
        match word {
            "" | "apply" => Ok(Self::Apply),
            "create" => Ok(Self::Create),
            "update" => Ok(Self::Update),
            other => {
                Err(refusal::bad_request(&format!("verb must be apply, create or update, not {other:?}")))
            }
        }
    }

    fn method(self) -> Method {
        match self {
            Self::Apply => Method::PATCH,
            Self::Create => Method::POST,
            Self::Update => Method::PUT,
        }
    }

    fn verb(self) -> Verb {
        match self {
            Self::Apply => Verb::Patch,
            Self::Create => Verb::Create,
            Self::Update => Verb::Update,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Apply => "application/apply-patch+yaml",
            Self::Create | Self::Update => "application/json",
        }
    }
}

/// One object of the list.
struct Item {
    served: Arc<Served>,
    namespace: String,
    name: String,
    body: Bytes,
    /// What messages call it.
    called: String,
}

pub(super) async fn run(
    api: &Arc<Api>,
    parts: &Parts,
    target: &ResourceTarget<'_>,
    caller: &Caller,
    body: &Bytes,
) -> Result<Response<Body>, Problem> {
    let query = Query::parse(parts.uri.query());
    let done = Done::parse(query.text("verb"))?;
    let is_trial = match query.text("dryRun") {
        "" => false,
        "All" => true,
        other => return Err(refusal::bad_request(&format!("dryRun must be All, not {other:?}"))),
    };
    let mut warnings = Vec::new();
    let namespace = if target.namespace.is_empty() { "default" } else { &target.namespace };
    let items = items(api, &query, namespace, done, body, &mut warnings)?;
    let write = Writes { parts, query: &query, caller, done };
    let (shown, mut warnings) = loop {
        let fork = api.store.fork().await.map_err(refusal::unreadable)?;
        let mut warnings = warnings.clone();
        let keys = write.all(&api.over(fork.store().clone()), &items, &mut warnings).await?;
        let changes = fork.changes();
        if is_trial {
            break (tried(&fork, &items, &keys, &changes).await?, warnings);
        }
        if changes.operations.is_empty() {
            break (stored(&fork, &items, &keys, &HashMap::new()).await?, warnings);
        }
        let operations = changes.operations.iter().map(|operation| operation.key.clone()).collect::<Vec<_>>();
        match api.store.commit(changes).await {
            Ok(Committed { objects, .. }) => {
                let written: HashMap<Key, Object> = operations
                    .into_iter()
                    .zip(objects)
                    .filter_map(|(key, left)| Some((key, left?)))
                    .collect();
                break (stored(&fork, &items, &keys, &written).await?, warnings);
            }
            // Somebody else was faster with one of the objects. Each time somebody gets on, and the request's
            // deadline ends it, so the tries are not counted.
            Err(CommitError::Unmet(_)) => {}
            Err(CommitError::Invalid(why)) => {
                return Err(refusal::bad_request(&format!("the transaction cannot happen: {why}")));
            }
            Err(error) => return Err(refusal::unwritten(error)),
        }
    };
    let mut answer = answer(StatusCode::OK, "application/json", shown.freeze());
    warnings.dedup();
    for warning in warnings {
        answer.headers_mut().append(WARNING, warning);
    }
    Ok(answer)
}

/// The objects in a body.
fn items(
    api: &Api,
    query: &Query<'_>,
    namespace: &str,
    done: Done,
    body: &Bytes,
    warnings: &mut Vec<HeaderValue>,
) -> Result<Vec<Item>, Problem> {
    let text = yaml::to_json(body)
        .map_err(|error| refusal::bad_request(&format!("the body is neither JSON nor YAML: {error}")))?;
    if let Some(duplicates) = text.duplicates {
        match FieldValidation::parse(query.text("fieldValidation")) {
            Some(FieldValidation::Strict) => {
                return Err(refusal::bad_request(&format!("strict decoding error: {duplicates}")));
            }
            Some(FieldValidation::Ignore) => {}
            _ => warnings.extend(warning(&duplicates)),
        }
    }
    let mut list: Value = serde_json::from_slice(&text.json).map_err(|error| refusal::bad_request(&error))?;
    let kind = list["kind"].as_str().unwrap_or_default();
    if !kind.ends_with("List") {
        let words = format!(
            "a transaction is a List of objects (kind: List, apiVersion: v1, items: […]), not {kind:?}"
        );
        return Err(refusal::bad_request(&words));
    }
    let Value::Array(items) = list["items"].take() else {
        return Err(refusal::bad_request(&"the list has no items"));
    };
    items.into_iter().enumerate().map(|(place, item)| read(api, namespace, done, place, &item)).collect()
}

fn warning(text: &str) -> Option<HeaderValue> {
    let mut headers = http::HeaderMap::new();
    crate::advice::attach(&[text.to_owned()], &mut headers);
    headers.remove(WARNING)
}

fn read(api: &Api, namespace: &str, done: Done, place: usize, item: &Value) -> Result<Item, Problem> {
    let refuse = |words: String| refusal::bad_request(&format!("items[{place}]: {words}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&item["apiVersion"]), text(&item["kind"]));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let resources = api.catalog.version(group, version).map(|version| &version.resources);
    let found = resources.into_iter().flatten().find(|served| served.facts().kind == kind);
    let served =
        found.ok_or_else(|| refuse(format!("there is no kind {kind:?} in version {api_version:?}")))?;
    if !served.can(done.verb()) || !served.can(Verb::Get) {
        return Err(refuse(format!("objects of kind {kind} cannot be written so")));
    }
    let metadata = &item["metadata"];
    let (name, named_namespace) = (text(&metadata["name"]), text(&metadata["namespace"]));
    if name.is_empty() && done != Done::Create {
        return Err(refuse("metadata.name is required".to_owned()));
    }
    let namespace = match (served.is_namespaced(), named_namespace.is_empty()) {
        (false, _) => String::new(),
        (true, true) => namespace.to_owned(),
        (true, false) => named_namespace,
    };
    let shown_name = if name.is_empty() { text(&metadata["generateName"]) } else { name.clone() };
    let within = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
    Ok(Item {
        called: format!("items[{place}] ({kind} {within}{shown_name})"),
        body: Bytes::from(item.to_string()),
        served: Arc::clone(served),
        namespace,
        name,
    })
}

/// How the items are written.
struct Writes<'a> {
    parts: &'a Parts,
    query: &'a Query<'a>,
    caller: &'a Caller,
    done: Done,
}

impl Writes<'_> {
    /// Writes all items, and says where they lie then.
    async fn all(
        &self,
        api: &Arc<Api>,
        items: &[Item],
        warnings: &mut Vec<HeaderValue>,
    ) -> Result<Vec<Key>, Problem> {
        let mut keys = Vec::with_capacity(items.len());
        for item in items {
            let written = Box::pin(self.one(api, item)).await;
            let answered = written.map_err(|problem| blamed(problem, &item.called))?;
            warnings.extend(answered.headers().get_all(WARNING).into_iter().cloned());
            let name = match &*item.name {
                "" => name_of(answered).await?,
                name => name.to_owned(),
            };
            keys.push(Key::new(&item.served.store, &item.namespace, &name));
        }
        Ok(keys)
    }

    async fn one(&self, api: &Arc<Api>, item: &Item) -> Result<Response<Body>, Problem> {
        let defect = |error: http::Error| Problem::Defect(format!("an item cannot be asked for: {error}"));
        let request =
            Request::builder().method(self.done.method()).uri(self.path(item)).body(()).map_err(defect)?;
        let (mut parts, ()) = request.into_parts();
        parts.headers = self.parts.headers.clone();
        let own: [(HeaderName, &'static str); 2] =
            [(ACCEPT, "application/json"), (CONTENT_TYPE, self.done.content_type())];
        for (name, value) in own {
            parts.headers.insert(name, HeaderValue::from_static(value));
        }
        parts.headers.remove(http::header::ACCEPT_ENCODING);
        api.answer(&parts, self.caller, item.body.clone()).await
    }

    fn path(&self, item: &Item) -> String {
        let served = &item.served;
        let root = if served.facts().group.is_empty() { "/api" } else { "/apis" };
        let encoded = |segment: &str| {
            percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let mut path = format!("{root}/{}", served.api_version);
        if !item.namespace.is_empty() {
            path += &format!("/namespaces/{}", encoded(&item.namespace));
        }
        path += &format!("/{}", served.facts().plural);
        if self.done != Done::Create {
            path += &format!("/{}", encoded(&item.name));
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in PASSED_ON.into_iter().filter(|name| *name != "force" || self.done == Done::Apply) {
            query.extend_pairs(self.query.all(name).map(|value| (name, value)));
        }
        format!("{path}?{}", query.finish())
    }
}

/// What a problem is where one of several writes has met it.
fn blamed(problem: Problem, called: &str) -> Problem {
    match problem {
        Problem::Refused(mut status) => {
            status.message = format!("{called}: {}", status.message).into();
            Problem::Refused(status)
        }
        Problem::Warned(problem, warnings) => Problem::Warned(Box::new(blamed(*problem, called)), warnings),
        problem => problem,
    }
}

/// The name that an object has been given.
async fn name_of(answered: Response<Body>) -> Result<String, Problem> {
    let defect = |what: &str| Problem::Defect(format!("an item was answered with {what}"));
    let body = answered.into_body().collect().await.map_err(|_| defect("half an answer"))?.to_bytes();
    let made: Value = serde_json::from_slice(&body).map_err(|_| defect("something that is no object"))?;
    made["metadata"]["name"].as_str().map(str::to_owned).ok_or_else(|| defect("something without a name"))
}

/// The objects as they are stored now.
async fn stored(
    fork: &Fork,
    items: &[Item],
    keys: &[Key],
    written: &HashMap<Key, Object>,
) -> Result<BytesMut, Problem> {
    let last = written.values().map(Object::revision).max();
    let mut out = opening(last.unwrap_or_else(|| fork.store().revision()));
    for (place, (item, key)) in items.iter().zip(keys).enumerate() {
        let left = match written.get(key) {
            Some(object) => Some(object.clone()),
            None => found(fork, key).await?,
        };
        // What an item made, a later one may have removed.
        let shown = left.map(|object| render::whole(&item.served, &object, object.revision())).transpose()?;
        put(&mut out, place, shown.as_deref());
    }
    out.put_slice(b"]}\n");
    Ok(out)
}

/// The objects as they would be.
async fn tried(
    fork: &Fork,
    items: &[Item],
    keys: &[Key],
    changes: &Transaction,
) -> Result<BytesMut, Problem> {
    let before: HashMap<&Key, &Expect> =
        changes.operations.iter().map(|operation| (&operation.key, &operation.expect)).collect();
    let mut out = BytesMut::from(&br#"{"kind":"List","apiVersion":"v1","metadata":{},"items":["#[..]);
    for (place, (item, key)) in items.iter().zip(keys).enumerate() {
        let Some(object) = found(fork, key).await? else {
            put(&mut out, place, None);
            continue;
        };
        let mut tree = render::tree(&item.served, &object)?;
        if let Some(expect) = before.get(key) {
            let revision = expect.revision.map(|revision| revision.to_string()).unwrap_or_default();
            meta_mut(&mut tree).set_resource_version(&revision);
        }
        put(&mut out, place, Some(&render::encode(&tree)?));
    }
    out.put_slice(b"]}\n");
    Ok(out)
}

async fn found(fork: &Fork, key: &Key) -> Result<Option<Object>, Problem> {
    Ok(fork.store().get(key, keelson_store::At::Latest).await.map_err(refusal::unreadable)?.1)
}

fn opening(revision: Revision) -> BytesMut {
    let head = format!(
        r#"{{"kind":"List","apiVersion":"v1","metadata":{{"resourceVersion":"{revision}"}},"items":["#
    );
    BytesMut::from(head.as_bytes())
}

fn put(out: &mut BytesMut, place: usize, object: Option<&[u8]>) {
    if place > 0 {
        out.put_u8(b',');
    }
    out.put_slice(object.unwrap_or(b"null"));
}
