//! Token requests: a token for whoever acts as a service account, for some time, bound to an object or to nothing.

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use keelson_api::field::{self, Error, Errors, Path};
use keelson_api::group::{GroupKind, GroupResource};
use keelson_api::options::kind;
use keelson_api::status::Status;
use keelson_schema::apply::Writer;
use keelson_schema::arena::Schema;
use keelson_schema::json::Gvk;
use keelson_schema::scalar::quote::quote;
use keelson_schema::tree::{Entries, Object as Tree, Value, View};
use keelson_store::At;
use keelson_store::key::{Key, ResourceName};
use keelson_store::object::Object;

use crate::api::Call;
use crate::body;
use crate::edit::Edit;
use crate::meta::{meta, meta_mut};
use crate::problem::Problem;
use crate::stored::{Stored, scan};
use crate::tokens::claims::{Claims, Kubernetes, Reference};
use crate::tokens::user_name;
use crate::verbs::get;
use crate::{admission, object_life, ownership, refusal, render};

const GROUP: &str = "authentication.k8s.io";
const KIND: &str = "TokenRequest";

/// How long a token is good where nobody says, in seconds.
const DEFAULT_SECONDS: i64 = 3600;
/// The shortest and the longest that may be asked for, in seconds.
const SECONDS_MIN: i64 = 600;
const SECONDS_MAX: i64 = 1 << 32;
/// What kubelets ask for on behalf of pods whose clients may not know yet that tokens end: a figure nobody else uses.
const PROJECTED_SECONDS: i64 = 3607;
/// How long such a token really is good: a year.
const EXTENDED_SECONDS: i64 = 365 * 24 * 3600;

pub(crate) async fn create(call: &Call<'_>, bytes: &Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let options = body::options(call, &kind::CREATE)?;
    let schema = Schema::builtin(GROUP, "v1", KIND)
        .ok_or_else(|| Problem::Defect("there is no TokenRequest".into()))?;
    let gvk = Gvk { group: GROUP.into(), version: "v1".into(), kind: KIND.into() };
    let mut request = body::object(call, bytes, &schema, &gvk, options.validation)?;
    object_life::place_in_namespace(call, &mut request)?;
    Edit::object(&mut request).made("spec").default("expirationSeconds", DEFAULT_SECONDS);
    let writer = Writer { manager: &options.manager, now: call.now() };
    ownership::record_as(call, &gvk, &mut request, &writer);
    admission::namespace_is_open(call, &request).await?;
    check_place(call, &request)?;
    let account = get::read(call, At::Latest).await?;
    complete(call, &mut request, &account)?;
    check(&request)?;
    let bound = match bound_to(call, &request).await? {
        Some((bound, uid)) => {
            check_uid(request.view().path("spec.boundObjectRef"), &uid)?;
            bound
        }
        None => Kubernetes::default(),
    };
    shorten(call, &mut request);
    let token = sign(call, &request, &account, bound)?;
    let until = call.now().seconds + seconds(&request);
    let mut edit = Edit::object(&mut request);
    edit.set("apiVersion", "authentication.k8s.io/v1");
    edit.set("kind", KIND);
    let mut status = edit.made("status");
    status.set("token", token.as_str());
    let time = keelson_schema::scalar::time::Time { seconds: until, nanos: 0 };
    status.set("expirationTimestamp", Value::Time(time));
    render::tree_answer(call, look, StatusCode::CREATED, &request)
}

/// Refuses a request for another account than that of its path.
fn check_place(call: &Call<'_>, request: &Tree) -> Result<(), Problem> {
    let (has, wanted) = (meta(request).name(), call.target.name);
    if has.is_empty() || has == wanted {
        return Ok(());
    }
    let mut errors = Errors::new();
    let words = "must match the service account name if specified";
    errors.push(Error::invalid(&Path::new("metadata").child("name"), has, words));
    Err(refusal::invalid(&GroupKind::new(GROUP, KIND), wanted, &errors))
}

/// Fills in what the request leaves open.
fn complete(call: &Call<'_>, request: &mut Tree, account: &Object) -> Result<(), Problem> {
    let (has, wanted) = (meta(request).uid().to_owned(), account.uid());
    if !has.is_empty() && has != wanted.to_string() {
        let words = format!(
            "the UID in the token request ({has}) does not match the UID of the service account ({wanted})"
        );
        return Err(Status::conflict(&GroupResource::new(GROUP, KIND), account.name(), words).into());
    }
    let mut meta = meta_mut(request);
    meta.set_name(account.name());
    meta.set_namespace(account.namespace());
    meta.set_uid(wanted);
    meta.set_creation_timestamp(call.now());
    let mut edit = Edit::object(request);
    edit.remove("status");
    let mut spec = edit.made("spec");
    if spec.get("audiences").is_none_or(Value::is_empty) {
        let own = call.api.token_rules.audiences().iter().map(|one| Value::from(one.as_str()));
        spec.set("audiences", Value::List(own.collect()));
    }
    Ok(())
}

fn seconds(request: &Tree) -> i64 {
    request.get("spec.expirationSeconds").and_then(Value::as_int).unwrap_or(0)
}

/// Gives what is asked for no longer than tokens may be good.
fn shorten(call: &Call<'_>, request: &mut Tree) {
    let asked = seconds(request);
    if let Some(longest) = call.api.token_rules.longest().filter(|longest| asked > *longest) {
        call.warn(&[format!("requested expiration of {asked} seconds shortened to {longest} seconds")]);
        Edit::object(request).made("spec").set("expirationSeconds", longest);
    }
}

fn check(request: &Tree) -> Result<(), Problem> {
    let (mut errors, spec) = (Errors::new(), Path::new("spec"));
    let asked = seconds(request);
    let path = spec.child("expirationSeconds");
    if asked < SECONDS_MIN {
        errors.push(Error::invalid(&path, asked, "may not specify a duration less than 10 minutes"));
    }
    if asked > SECONDS_MAX {
        errors.push(Error::invalid(&path, asked, "may not specify a duration larger than 2^32 seconds"));
    }
    check_attestations(request, &mut errors)?;
    errors.into_result().map_err(|errors| refusal::invalid(&GroupKind::new(GROUP, KIND), "", &errors))
}

/// Checks what a token is to attest: something where it is for a webhook, nothing elsewhere.
fn check_attestations(request: &Tree, errors: &mut Errors) -> Result<(), Problem> {
    let spec = Path::new("spec");
    let attested = request.view().path("spec.attestations");
    let count = attested.value().and_then(Value::as_map).map_or(0, Entries::len);
    let shown = |view: View<'_>| -> Result<field::Value<'static>, Problem> {
        let Some((ty, value)) = view.ty().zip(view.value()) else { return Ok(field::Value::Null) };
        let mut json = Vec::new();
        keelson_schema::json::encode_value(ty, value, &mut json)
            .map_err(|error| Problem::Defect(format!("a field cannot be shown: {error}")))?;
        Ok(field::Value::Json(String::from_utf8_lossy(&json).into_owned().into()))
    };
    if is_webhook(request.view().path("spec.boundObjectRef")) {
        let audiences = request.view().path("spec.audiences");
        if audiences.items().len() != 1 {
            let words = "must be length 1 when bound to a webhook config";
            errors.push(Error::invalid(&spec.child("audiences"), shown(audiences)?, words));
        }
        if count != 1 {
            let words = "webhook bound requests require exactly one admissionReviewAPIGroups attestation";
            errors.push(Error::invalid(&spec.child("attestations"), shown(attested)?, words));
        }
    } else if count > 0 {
        // As upstream: this is then all that is said.
        *errors = Errors::new();
        let words = "attestations may only be specified with a webhook bound object reference";
        errors.push(Error::invalid(&spec.child("attestations"), shown(attested)?, words));
    }
    Ok(())
}

fn is_webhook(bound: View<'_>) -> bool {
    bound.field("apiVersion").text() == "admissionregistration.k8s.io/v1"
        && matches!(
            bound.field("kind").text(),
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration"
        )
}

/// What the token is to be bound to, as claims, and that object's identity.
async fn bound_to(call: &Call<'_>, request: &Tree) -> Result<Option<(Kubernetes, String)>, Problem> {
    let asked = request.view().path("spec.boundObjectRef");
    if !asked.is_present() {
        return Ok(None);
    }
    let (kind, name) = (asked.field("kind").text(), asked.field("name").text());
    let (group, version) = split_version(asked.field("apiVersion").text());
    let namespace = call.target.namespace;
    let mut bound = Kubernetes::default();
    let found = match (group, kind) {
        ("", "Pod") => {
            let pod = object(call, "pods", namespace, name).await?;
            bound.node = node_of(call, &pod).await?;
            bound.pod = Some(reference(&pod));
            pod
        }
        ("", "Node") => {
            let node = object(call, "nodes", "", name).await?;
            bound.node = Some(reference(&node));
            node
        }
        ("", "Secret") => {
            let secret = object(call, "secrets", namespace, name).await?;
            bound.secret = Some(reference(&secret));
            secret
        }
        _ => {
            let gate = if is_webhook(asked) {
                " (feature gate APIServerWebhookAuthenticationToken is disabled)"
            } else {
                ""
            };
            let words = format!("cannot bind token to object of type {group}/{version}, Kind={kind}{gate}");
            return Err(refusal::bad_request(&words));
        }
    };
    Ok(Some((bound, found.uid().to_string())))
}

/// The group and the version in an API version; nothing if it is none.
fn split_version(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        None => ("", text),
        Some((_, version)) if version.contains('/') => ("", ""),
        Some(both) => both,
    }
}

async fn find(call: &Call<'_>, plural: &str, namespace: &str, name: &str) -> Result<Option<Object>, Problem> {
    let key = Key::new(&ResourceName::new(plural), namespace, name);
    if name.is_empty() {
        return Err(refusal::bad_request(&"Name parameter required."));
    }
    if key.check().is_err() {
        return Ok(None);
    }
    Ok(call.api.store.get(&key, At::Latest).await.map_err(refusal::unreadable)?.1)
}

async fn object(call: &Call<'_>, plural: &str, namespace: &str, name: &str) -> Result<Object, Problem> {
    let found = find(call, plural, namespace, name).await?;
    found.ok_or_else(|| Status::not_found(&GroupResource::new("", plural), name).into())
}

fn reference(object: &Object) -> Reference {
    Reference { name: object.name().to_owned(), uid: object.uid().to_string() }
}

/// The node that a pod is on, as far as it is known; refuses a pod of another account.
async fn node_of(call: &Call<'_>, pod: &Object) -> Result<Option<Reference>, Problem> {
    let stored = Stored::of(pod)?;
    let account = call.target.name;
    if scan::text(stored.json, &["spec", "serviceAccountName"]).unwrap_or_default() != account {
        let words = format!(
            "cannot bind token for serviceaccount {} to pod running with different serviceaccount name.",
            quote(account)
        );
        return Err(refusal::bad_request(&words));
    }
    let Some(name) = scan::text(stored.json, &["spec", "nodeName"]).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let node = find(call, "nodes", "", &name).await?;
    let unknown = || Reference { name: name.to_string(), uid: String::new() };
    Ok(Some(node.as_ref().map_or_else(unknown, reference)))
}

fn check_uid(asked: View<'_>, uid: &str) -> Result<(), Problem> {
    let wanted = asked.field("uid").text();
    if wanted.is_empty() || wanted == uid {
        return Ok(());
    }
    let words = format!(
        "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"
    );
    let kind = GroupResource::new("", asked.field("kind").text());
    Err(Status::conflict(&kind, asked.field("name").text(), words).into())
}

fn sign(call: &Call<'_>, request: &Tree, account: &Object, bound: Kubernetes) -> Result<String, Problem> {
    let rules = &call.api.token_rules;
    let (now, asked) = (call.now().seconds, seconds(request));
    let audiences: Vec<String> =
        request.view().path("spec.audiences").items().map(|item| item.text().to_owned()).collect();
    let is_projected = bound.pod.is_some()
        && asked == PROJECTED_SECONDS
        && rules.extends()
        && audiences.iter().all(|audience| rules.audiences().contains(audience));
    let (good, warn_after) = if is_projected { (EXTENDED_SECONDS, Some(now + asked)) } else { (asked, None) };
    let claims = Claims {
        aud: audiences,
        exp: Some(now + good),
        iat: Some(now),
        iss: rules.issuer().to_owned(),
        jti: call.api.entropy.uid().to_string(),
        kubernetes: Kubernetes {
            namespace: account.namespace().to_owned(),
            serviceaccount: reference(account),
            warnafter: warn_after,
            ..bound
        },
        nbf: Some(now),
        sub: user_name(account.namespace(), account.name()),
    };
    let signed = call.api.keys.sign(&claims);
    signed.map_err(|error| Status::internal_error(format!("failed to generate token: {error}")).into())
}
