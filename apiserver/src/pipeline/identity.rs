//! Who asks, and whether strangers may.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use keelson_api::time::UnixMillis;

use crate::caller::{Caller, Credentials};
use crate::problem::Problem;
use crate::routes;

/// Who asks. What proves nothing is refused even where nothing had to be proven, as upstream does: whoever sends
/// stale credentials learns so at once.
pub(crate) fn establish(
    credentials: &Credentials,
    headers: &HeaderMap,
    now: UnixMillis,
) -> Result<Arc<Caller>, Problem> {
    match credentials {
        Credentials::Component(caller) => Ok(Arc::clone(caller)),
        // A connection may outlive the certificate it began with.
        Credentials::Certificate { caller, not_after } if now <= *not_after => Ok(Arc::clone(caller)),
        Credentials::Certificate { .. } => Err(Problem::Unauthorized("the certificate has expired")),
        Credentials::Unacceptable(why) => {
            tracing::debug!(%why, "unacceptable certificate");
            Err(Problem::Unauthorized("the certificate proves nothing here"))
        }
        Credentials::None if headers.get(AUTHORIZATION).is_some_and(|value| is_bearer(value.as_bytes())) => {
            Err(Problem::Unauthorized("nobody knows this token"))
        }
        Credentials::None => Ok(Arc::new(Caller::anonymous())),
    }
}

/// Whether `caller` may ask for `path` at all. Whoever is known may, until there are rules to ask.
pub(crate) fn may_ask(caller: &Caller, path: &str) -> Result<(), Problem> {
    if caller.is_anonymous() && !routes::is_public(path) {
        return Err(Problem::Unauthorized("no credentials"));
    }
    Ok(())
}

fn is_bearer(value: &[u8]) -> bool {
    value.len() > 7 && value[..7].eq_ignore_ascii_case(b"bearer ")
}
