//! What a token that somebody shows proves.
//!
//! Its signature, its times and whom it is for must be right, and all that it names must still be there, the very same
//! objects: deleting an account, or the pod that a token is bound to, ends the token. The words are upstream's; token
//! reviews show them.

use std::sync::Arc;

use keelson_api::group::GroupResource;
use keelson_api::status::Status;
use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::{Precision, Time};
use keelson_store::At;
use keelson_store::key::{Key, ResourceName};
use keelson_store::object::Object;

use super::claims::{Claims, LegacyClaims, Reference};
use super::{LEGACY_ISSUER, groups, split_user_name, used, user_name};
use crate::api::Api;
use crate::caller::{Caller, Extra, extra};
use crate::stored::{Stored, scan};

/// How far clocks may be apart, and how long what is deleted still counts, in seconds. Upstream's figure.
const LEEWAY_SECONDS: i64 = 60;
/// A longer token is none of ours, in bytes.
const TOKEN_BYTES_MAX: usize = 64 << 10;
/// The label of a secret whose token is believed no more.
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

impl Refused {
    /// Of a token that nobody here has made.
    pub(crate) const UNKNOWN: &'static str = "invalid bearer token";
}

/// What a token proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    /// Whose it is.
    pub(crate) caller: Caller,
    /// Those that it is for, of those that were asked about.
    pub(crate) audiences: Vec<String>,
}

/// Looks at tokens.
pub(crate) struct Verifier<'a> {
    pub(crate) api: &'a Arc<Api>,
    pub(crate) now: UnixMillis,
}

/// The one claim by which tokens are told apart.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Issuer {
    iss: String,
}

fn refuse<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(why.into()))
}

impl Verifier<'_> {
    /// What `token` proves to `audiences`.
    pub(crate) async fn token(&self, token: &str, audiences: &[String]) -> Result<Proven, Refused> {
        if token.len() > TOKEN_BYTES_MAX {
            return refuse(Refused::UNKNOWN);
        }
        // Not believed yet: it only says which kind of token this claims to be.
        let claimed = jsonwebtoken::dangerous::insecure_decode_claims::<Issuer>(token);
        match claimed.as_ref().map(|claimed| claimed.iss.as_str()) {
            Ok(LEGACY_ISSUER) => self.legacy(token, audiences).await,
            Ok(issuer) if self.api.token_rules.believes(issuer) => self.bound(token, audiences).await,
            _ => refuse(Refused::UNKNOWN),
        }
    }

    async fn bound(&self, token: &str, audiences: &[String]) -> Result<Proven, Refused> {
        let claims: Claims = self.api.keys.open(token).map_err(|error| Refused(error.to_string()))?;
        if !self.api.token_rules.believes(&claims.iss) {
            return refuse(format!("token issuer {:?} is invalid", claims.iss));
        }
        let audiences = meant(&claims.aud, self.api.token_rules.audiences(), audiences)?;
        self.check_times(&claims)?;
        let bound = &claims.kubernetes;
        let (namespace, account) = (&*bound.namespace, &bound.serviceaccount);
        self.check_account(namespace, account).await?;
        if let Some(secret) = &bound.secret {
            self.check_bound(("secrets", "secret"), namespace, secret).await?;
        }
        if let Some(pod) = &bound.pod {
            self.check_bound(("pods", "pod"), namespace, pod).await?;
        } else if let Some(node) = &bound.node {
            self.check_bound(("nodes", "node"), "", node).await?;
        }
        let mut facts = Vec::new();
        if let Some(pod) = bound.pod.as_ref().filter(|pod| !pod.name.is_empty() && !pod.uid.is_empty()) {
            facts.push((extra::POD_NAME, pod.name.clone()));
            facts.push((extra::POD_UID, pod.uid.clone()));
        }
        if !claims.jti.is_empty() {
            facts.push((extra::CREDENTIAL_ID, format!("JTI={}", claims.jti)));
        }
        if let Some(node) = bound.node.as_ref().filter(|node| !node.name.is_empty()) {
            facts.push((extra::NODE_NAME, node.name.clone()));
            facts.extend((!node.uid.is_empty()).then(|| (extra::NODE_UID, node.uid.clone())));
        }
        Ok(Proven { caller: caller(namespace, account, facts), audiences })
    }

    fn check_times(&self, claims: &Claims) -> Result<(), Refused> {
        let now = i64::try_from(self.now.0 / 1000).unwrap_or(i64::MAX);
        let (early, late) = (now.saturating_add(LEEWAY_SECONDS), now.saturating_sub(LEEWAY_SECONDS));
        if claims.nbf.is_some_and(|nbf| early < nbf) {
            return refuse("service account token is not valid yet");
        }
        if claims.exp.is_some_and(|exp| late > exp) {
            return refuse("service account token has expired");
        }
        if claims.iat.is_some_and(|iat| early < iat) {
            return refuse("service account token is issued in the future");
        }
        Ok(())
    }

    async fn check_account(&self, namespace: &str, account: &Reference) -> Result<(), Refused> {
        let found = self.read("serviceaccounts", namespace, &account.name, &account.uid).await?;
        let Some(found) = found else {
            let accounts = GroupResource::new("", "serviceaccounts");
            return refuse(Status::not_found(&accounts, &account.name).message);
        };
        let (name, uid) = (&account.name, &account.uid);
        if found.uid().to_string() != *uid {
            return refuse(format!("service account UID ({}) does not match claim ({uid})", found.uid()));
        }
        if self.has_gone(&found) {
            return refuse(format!("service account {namespace}/{name} has been deleted"));
        }
        Ok(())
    }

    /// Sees to it that the object which a token is bound to is still there: its resource, and what messages call it.
    async fn check_bound(
        &self,
        (resource, kind): (&str, &str),
        namespace: &str,
        bound: &Reference,
    ) -> Result<(), Refused> {
        let found = self.read(resource, namespace, &bound.name, &bound.uid).await?;
        let Some(found) = found else { return refuse("service account token has been invalidated") };
        if found.uid().to_string() != bound.uid {
            let (has, wanted) = (found.uid(), &bound.uid);
            return refuse(format!(
                "{kind} UID ({has}) does not match service account {kind} ref claim ({wanted})"
            ));
        }
        if self.has_gone(&found) {
            return refuse("service account token has been invalidated");
        }
        Ok(())
    }

    async fn legacy(&self, token: &str, audiences: &[String]) -> Result<Proven, Refused> {
        const INVALIDATED: &str = "Token has been invalidated";
        let claims: LegacyClaims = self.api.keys.open(token).map_err(|error| Refused(error.to_string()))?;
        let audiences = meant(&claims.aud, self.api.token_rules.audiences(), audiences)?;
        for (claim, value) in [
            ("sub", &claims.sub),
            ("namespace", &claims.namespace),
            ("secretName", &claims.secret),
            ("serviceAccountName", &claims.account),
            ("serviceAccountUID", &claims.account_uid),
        ] {
            if value.is_empty() {
                return refuse(format!("{claim} claim is missing"));
            }
        }
        if split_user_name(&claims.sub) != Some((&claims.namespace, &claims.account)) {
            return refuse("sub claim is invalid");
        }
        let namespace = &*claims.namespace;
        let Some(secret) = self.read("secrets", namespace, &claims.secret, "").await? else {
            return refuse(INVALIDATED);
        };
        let json = Stored::of(&secret).map_err(|error| Refused(error.to_string()))?.json;
        if deleted_at(json).is_some() {
            return refuse(INVALIDATED);
        }
        let kept = scan::find(json, &["data", "token"])
            .and_then(|text| keelson_schema::scalar::base64::decode(text).ok());
        if kept.as_deref() != Some(token.as_bytes()) {
            return refuse("Token does not match server's copy");
        }
        let account = Reference { name: claims.account.clone(), uid: claims.account_uid.clone() };
        self.check_account(namespace, &account).await?;
        // A write has much state; only these tokens need room for it.
        Box::pin(used::mark(self.api, &secret, self.now)).await;
        if scan::labels(json).any(|(label, value)| label == INVALID_SINCE && !value.is_empty()) {
            return refuse(format!(
                "the token in secret {namespace}/{} for service account {namespace}/{} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '{INVALID_SINCE}' label from the secret to temporarily allow use of this token",
                claims.secret, claims.account
            ));
        }
        Ok(Proven { caller: caller(namespace, &account, Vec::new()), audiences })
    }

    /// The object of that name. What is at hand serves if it is the one with that identity; otherwise the most recent
    /// state decides.
    async fn read(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<Option<Object>, Refused> {
        let key = Key::new(&ResourceName::new(resource), namespace, name);
        for at in [At::Cached, At::Latest] {
            let read = self.api.store.get(&key, at).await;
            let (_, found) = read.map_err(|error| Refused(error.to_string()))?;
            if at == At::Latest || found.as_ref().is_some_and(|found| found.uid().to_string() == uid) {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Whether an object was to go, and its time is up.
    fn has_gone(&self, object: &Object) -> bool {
        let Ok(stored) = Stored::of(object) else { return true };
        let now = i64::try_from(self.now.0 / 1000).unwrap_or(i64::MAX);
        deleted_at(stored.json).is_some_and(|at| at < now.saturating_sub(LEEWAY_SECONDS))
    }
}

/// When an object goes, in seconds since the epoch, if it is to go.
fn deleted_at(json: &[u8]) -> Option<i64> {
    let text = scan::text(json, &["metadata", "deletionTimestamp"])?;
    Some(Time::parse(&text, Precision::Seconds).map_or(i64::MIN, |time| time.seconds))
}

/// Those among `audiences` that a token for `has` is for. One for nobody in particular is for this server.
fn meant(has: &[String], own: &[String], audiences: &[String]) -> Result<Vec<String>, Refused> {
    let has = if has.is_empty() { own } else { has };
    let meant: Vec<String> = has.iter().filter(|one| audiences.contains(one)).cloned().collect();
    if meant.is_empty() {
        let shown = |all: &[String]| all.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join(" ");
        let (has, wanted) = (shown(has), shown(audiences));
        return refuse(format!("token audiences [{has}] is invalid for the target audiences [{wanted}]"));
    }
    Ok(meant)
}

fn caller(namespace: &str, account: &Reference, facts: Vec<(&'static str, String)>) -> Caller {
    let groups = groups(namespace);
    let caller =
        Caller::authenticated(&user_name(namespace, &account.name), groups.iter().map(String::as_str));
    let extra: Extra = facts.into_iter().map(|(key, value)| (key.into(), vec![value.into()])).collect();
    caller.with_uid(&account.uid).with_extra(extra)
}
