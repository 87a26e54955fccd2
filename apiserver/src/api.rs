//! The API proper: from a parsed path to the verb that serves it.
//!
//! Which verbs there are, how they are called and what they may be asked of follows from the catalog alone; a resource
//! adds nothing here. Verbs stand in [`crate::verbs`], one to a file.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use keelson_api::golang::Quoted;
use keelson_api::group::{GroupKind, GroupResource};
use keelson_api::names;
use keelson_api::time::Clock;
use keelson_schema::json::Gvk;
use keelson_schema::publish::Documents;
use keelson_schema::scalar::time::Time;
use keelson_store::Store;
use keelson_store::key::Key;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::admission::plugins::Plugins;
use crate::admission::toleration::Patience;
use crate::caller::Caller;
use crate::catalog::{Catalog, Served};
use crate::encoded::Encoded;
use crate::entropy::Entropy;
use crate::extension::{self, history};
use crate::features::Features;
use crate::node_ports::NodePorts;
use crate::object_life::{Owner, Write};
use crate::offer::Offer;
use crate::problem::Problem;
use crate::query::Query;
use crate::resource::{Subresource, Verb};
use crate::target::{self, ResourceTarget, Target};
use crate::tokens::keys::Keys;
use crate::tokens::rules::TokenRules;
use crate::{advice, compress, discovery, openapi, refusal, verbs, websocket};

/// What verbs work with.
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) documents: Arc<Documents>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) encoded: Encoded,
    pub(crate) keys: Arc<Keys>,
    /// Which rules hold beyond an object's own.
    pub(crate) admission: Plugins,
    /// Which versions of which resources are served.
    pub(crate) offer: Arc<Offer>,
    /// Which features are on.
    pub(crate) features: Arc<Features>,
    /// How tokens are made, and which are believed.
    pub(crate) token_rules: Arc<TokenRules>,
    /// How long pods bear that their node has failed.
    pub(crate) patience: Patience,
    /// The ports that services may have on nodes.
    pub(crate) node_ports: NodePorts,
    /// Where this server says that it can be reached.
    pub(crate) address: String,
    /// The components that live and die with this server.
    pub(crate) beside: &'static [&'static str],
    /// Whether the server is about to end.
    pub(crate) leaving: watch::Receiver<bool>,
}

impl Api {
    /// What the time is, to the second.
    pub(crate) fn now(&self) -> Time {
        let millis = self.clock.now().0;
        Time { seconds: i64::try_from(millis / 1000).unwrap_or(i64::MAX), nanos: 0 }
    }
}

/// One request on its way through a verb.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Arc<Api>,
    pub(crate) served: &'a Arc<Served>,
    pub(crate) target: &'a ResourceTarget<'a>,
    pub(crate) subresource: Option<&'static Subresource>,
    pub(crate) query: Query<'a>,
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) caller: &'a Caller,
    /// What the caller is to be warned of; each in a header of its own.
    pub(crate) warnings: Mutex<Vec<String>>,
}

impl<'a> Call<'a> {
    /// Where the object lies that the path names.
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.served.store, self.target.namespace, self.target.name)
    }

    /// What objects of the resource are, in the version of the path.
    pub(crate) fn gvk(&self) -> Gvk {
        let facts = self.served.facts();
        Gvk { group: facts.group.into(), version: self.served.version.into(), kind: facts.kind.into() }
    }

    pub(crate) fn group_resource(&self) -> GroupResource<'static> {
        let facts = self.served.resource.facts();
        GroupResource::new(facts.group, facts.plural)
    }

    /// What is complained of as: the kind in the group that stores it.
    pub(crate) fn group_kind(&self) -> GroupKind<'static> {
        let facts = self.served.resource.facts();
        GroupKind::new(facts.stored_as.0, facts.kind)
    }

    /// The time, as objects say it.
    pub(crate) fn now(&self) -> Time {
        self.api.now()
    }

    /// A write of what the path names, as `owner`.
    pub(crate) fn write<'w>(&'w self, owner: Owner<'w>) -> Write<'w> {
        let part = self.subresource.map_or("", |subresource| subresource.name);
        let is_trial = self.query.first("dryRun").is_some_and(|dry_run| !dry_run.is_empty());
        Write { now: self.now(), part, owner, caller: self.caller, is_trial, features: &self.api.features }
    }

    /// Warns the caller, of the same thing once.
    pub(crate) fn warn(&self, texts: &[String]) {
        let mut warnings = self.warnings.lock();
        for text in texts {
            if !warnings.contains(text) {
                warnings.push(text.clone());
            }
        }
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.target.watch || self.query.truth("watch") == Some(true)
    }

    /// Whether a subresource is the object itself, seen from another side.
    pub(crate) fn is_part_of_object(subresource: &Subresource) -> bool {
        matches!(subresource.name, "approval" | "ephemeralcontainers" | "finalize" | "resize" | "status")
    }

    pub(crate) fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Api {
    /// The same over another state.
    pub(crate) fn over(&self, store: Store) -> Arc<Self> {
        Arc::new(Self {
            store,
            catalog: Arc::clone(&self.catalog),
            documents: Arc::clone(&self.documents),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            // It goes by revisions, which mean something else there.
            encoded: Encoded::default(),
            keys: Arc::clone(&self.keys),
            admission: self.admission,
            offer: Arc::clone(&self.offer),
            features: Arc::clone(&self.features),
            token_rules: Arc::clone(&self.token_rules),
            patience: self.patience,
            node_ports: self.node_ports,
            address: self.address.clone(),
            beside: self.beside,
            leaving: self.leaving.clone(),
        })
    }

    /// Whether a path is one of the API's.
    pub(crate) fn serves(path: &str) -> bool {
        let first = path.get(1..).and_then(|rest| rest.split('/').next());
        matches!(first, Some("api" | "apis" | "openapi"))
    }

    /// Answers a request for one of the API's paths.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        parts: &Parts,
        caller: &Caller,
        body: Bytes,
    ) -> Result<Response<Body>, Problem> {
        if parts.uri.path().starts_with("/openapi") {
            return openapi::answer(&self.documents, parts).unwrap_or(Err(Problem::NoSuchPath));
        }
        let path = target::decoded(parts.uri.path());
        match Target::parse(&path).ok_or(Problem::NoSuchPath)? {
            Target::Resource(target) if target.group == extension::GROUP => {
                extension::answer(self, parts, &target, caller, &body).await
            }
            Target::Resource(target) => self.resource(parts, &target, caller, body).await,
            Target::Unsaid => Err(Problem::UnclearPath(parts.uri.to_string())),
            other => compress::pack(&parts.headers, self.document(parts, &other)?).await,
        }
    }

    fn document(&self, parts: &Parts, target: &Target<'_>) -> Result<Response<Body>, Problem> {
        let known = match target {
            Target::Groups { .. } => true,
            Target::Group(group) => self.catalog.group(group).is_some(),
            Target::Version(group, version) => self.catalog.version(group, version).is_some(),
            Target::Resource(_) | Target::Unsaid => false,
        };
        if !known {
            // A version of a known group is a place where something could be; another group is not.
            return Err(match target {
                Target::Version(group, _) if self.catalog.group(group).is_some() => refusal::nothing_here(),
                _ => Problem::NoSuchPath,
            });
        }
        // The roots of groups listen to no method; the others do.
        let listens = !matches!(target, Target::Groups { core: false } | Target::Group(_));
        if listens && parts.method != Method::GET {
            return Err(refusal::no_such_method());
        }
        discovery::answer(self, parts, target)
    }

    async fn resource(
        self: &Arc<Self>,
        parts: &Parts,
        target: &ResourceTarget<'_>,
        caller: &Caller,
        body: Bytes,
    ) -> Result<Response<Body>, Problem> {
        let served = self.catalog.resource(target.group, target.version, target.resource);
        let served = match served {
            Some(served) => served,
            None if self.catalog.group(target.group).is_none() => return Err(Problem::NoSuchPath),
            None => return Err(refusal::nothing_here()),
        };
        let query = Query::parse(parts.uri.query());
        let subresource = match target.subresource {
            "" | history::PART => None,
            name => Some(served.subresource(name).ok_or_else(refusal::nothing_here)?),
        };
        let fits = match (served.is_namespaced(), target.namespace.is_empty(), target.name.is_empty()) {
            (true, false, _) | (false, true, _) => true,
            (true, true, nameless) => nameless,
            (false, false, _) => false,
        };
        let proxied = subresource.is_some_and(|subresource| subresource.name == "proxy");
        if !fits || target.name.contains('/') || (!target.rest.is_empty() && !proxied) {
            return Err(refusal::nothing_here());
        }
        // What can only be made has no place where one of it would be.
        if served.facts().verbs == Verb::CREATE_ONLY && subresource.is_none() && !target.name.is_empty() {
            return Err(refusal::nothing_here());
        }
        let call = Call {
            api: self,
            served,
            target,
            subresource,
            query,
            method: &parts.method,
            headers: &parts.headers,
            caller,
            warnings: Mutex::new(served.resource.deprecation().map(str::to_owned).into_iter().collect()),
        };
        if target.subresource == history::PART {
            return compress::pack(&parts.headers, history::answer(&call).await?).await;
        }
        let verb = verb(&parts.method, &call).ok_or_else(refusal::no_such_method)?;
        if !proxied {
            let takes_streams = target.name.is_empty() && parts.method == Method::GET;
            refusal::check_accept(call.header(ACCEPT).unwrap_or_default(), takes_streams)?;
        }
        check_path(&call, verb)?;
        let answered = verbs::run(verb, &call, body).await;
        let warnings = std::mem::take(&mut *call.warnings.lock());
        let mut answer = match answered {
            Ok(answer) => answer,
            Err(problem) if warnings.is_empty() => return Err(problem),
            Err(problem) => return Err(Problem::Warned(Box::new(problem), warnings)),
        };
        if verb != Verb::Watch {
            answer = compress::pack(&parts.headers, answer).await?;
        } else if websocket::is_wanted(&parts.headers) {
            answer = websocket::answer(parts, answer);
        }
        advice::attach(&warnings, answer.headers_mut());
        Ok(answer)
    }
}

/// Refuses names that could not be part of a path in upstream's store.
fn check_path(call: &Call<'_>, verb: Verb) -> Result<(), Problem> {
    if !matches!(verb, Verb::Get | Verb::List | Verb::Delete | Verb::DeleteCollection) {
        return Ok(());
    }
    let (namespace, name) = (call.target.namespace, call.target.name);
    if matches!(namespace, "." | "..") {
        let path = [call.served.facts().plural, namespace, name].join("/");
        return Err(refusal::plain(&format!(
            "invalid key: {}",
            Quoted(&format!("/{}", path.trim_end_matches('/')))
        )));
    }
    let why: Vec<String> = names::path::segment(name).iter().map(ToString::to_string).collect();
    if why.is_empty() {
        return Ok(());
    }
    let words = format!("Name parameter invalid: {}: {}", Quoted(name), why.join(";"));
    Err(refusal::bad_request(&words))
}

/// What a method asks for at this path; nothing if it cannot be asked there.
fn verb(method: &Method, call: &Call<'_>) -> Option<Verb> {
    let has_name = !call.target.name.is_empty();
    if call.subresource.is_some_and(|part| part.name == "proxy")
        && matches!(method.as_str(), "HEAD" | "OPTIONS")
    {
        return Some(Verb::Get);
    }
    if call.target.watch && method != Method::GET {
        return None;
    }
    let everywhere = call.served.is_namespaced() && call.target.namespace.is_empty();
    let verb = match (method.as_str(), has_name) {
        ("GET", false) if call.query.truth("watch") == Some(true) || call.target.watch => Verb::Watch,
        ("GET", true) if call.target.watch => Verb::Watch,
        ("GET", false) => Verb::List,
        ("POST", false) if !everywhere => Verb::Create,
        ("DELETE", false) if !everywhere => Verb::DeleteCollection,
        ("GET", true) => Verb::Get,
        ("POST", true) if call.subresource.is_some() => Verb::Create,
        ("PUT", true) => Verb::Update,
        ("PATCH", true) => Verb::Patch,
        ("DELETE", true) => Verb::Delete,
        _ => return None,
    };
    let verbs = call.subresource.map_or(call.served.facts().verbs, |subresource| subresource.verbs);
    verbs.contains(&verb).then_some(verb)
}
