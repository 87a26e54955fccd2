//! Who asks, and whether strangers may.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use keelson_api::time::UnixMillis;

use super::protocol_token;
use crate::caller::{Caller, Credentials};
use crate::problem::Problem;
use crate::routes;
use crate::server::Shared;
use crate::tokens::verify::Verifier;

/// Who asks: whom the certificate names, or else whose token it is. What proves nothing is refused even where nothing
/// had to be proven, as upstream does: whoever sends stale credentials learns so at once.
pub(crate) async fn establish(
    server: &Shared,
    credentials: &Credentials,
    headers: &mut HeaderMap,
) -> Result<Arc<Caller>, Problem> {
    let now = server.clock.now();
    let certificate = by_certificate(credentials, now);
    if let Ok(Some(caller)) = certificate {
        return Ok(caller);
    }
    let verifier = Verifier { api: &server.api, now };
    let own = server.api.token_rules.audiences();
    let mut refused = certificate.err();
    if let Some(token) = bearer_token(headers) {
        match verifier.token(token, own).await {
            Ok(proven) => return Ok(Arc::new(proven.caller)),
            Err(why) => {
                tracing::debug!(%why, "a token that proves nothing");
                refused = Some("the token proves nothing here");
            }
        }
    }
    match protocol_token::offered(headers) {
        Ok(Some(offered)) => match verifier.token(&offered.token, own).await {
            Ok(proven) => {
                offered.forget(headers);
                return Ok(Arc::new(proven.caller));
            }
            Err(why) => {
                tracing::debug!(%why, "a token that proves nothing");
                refused = Some("the token proves nothing here");
            }
        },
        Ok(None) => {}
        Err(why) => refused = Some(why),
    }
    match refused {
        Some(why) => Err(Problem::Unauthorized(why)),
        None => Ok(Arc::new(Caller::anonymous())),
    }
}

/// Whom a certificate names, if there is one.
fn by_certificate(credentials: &Credentials, now: UnixMillis) -> Result<Option<Arc<Caller>>, &'static str> {
    match credentials {
        Credentials::Component(caller) => Ok(Some(Arc::clone(caller))),
        // A connection may outlive the certificate it began with.
        Credentials::Certificate { caller, not_after } if now <= *not_after => Ok(Some(Arc::clone(caller))),
        Credentials::Certificate { .. } => Err("the certificate has expired"),
        Credentials::Unacceptable(why) => {
            tracing::debug!(%why, "unacceptable certificate");
            Err("the certificate proves nothing here")
        }
        Credentials::None => Ok(None),
    }
}

/// Whether `caller` may ask for `path` at all. Whoever is known may, until there are rules to ask.
pub(crate) fn may_ask(caller: &Caller, path: &str) -> Result<(), Problem> {
    if caller.is_anonymous() && !routes::is_public(path) {
        return Err(Problem::Unauthorized("no credentials"));
    }
    Ok(())
}

/// What whoever sends a token is to be told of the way they do.
pub(crate) fn advice(credentials: &Credentials, headers: &HeaderMap) -> Option<&'static str> {
    if !matches!(credentials, Credentials::None | Credentials::Unacceptable(_)) {
        return None;
    }
    let mut parts = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().splitn(3, ' ');
    let is_bearer = parts.next()?.eq_ignore_ascii_case("bearer");
    (is_bearer && parts.next() == Some("") && parts.next().is_some()).then_some(
        "the provided Authorization header contains extra space before the bearer token, and is ignored",
    )
}

/// The token in the headers; nothing where another scheme is used, or where the token is empty.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut parts = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().splitn(3, ' ');
    let is_bearer = parts.next()?.eq_ignore_ascii_case("bearer");
    parts.next().filter(|token| is_bearer && !token.is_empty())
}
