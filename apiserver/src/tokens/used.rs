//! When a token that lies in a secret was last used: a label of the secret, by which the cleaner of such tokens knows
//! those that nobody needs. It is written once a day at the most.

use std::sync::Arc;

use http::{HeaderMap, Method};
use keelson_api::options::FieldValidation;
use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::{Precision, Time};
use keelson_schema::tree::Value;
use keelson_store::object::Object;
use parking_lot::Mutex;

use crate::api::{Api, Call};
use crate::body::Options;
use crate::bootstrap::{OWN_MANAGER, OWN_NAME};
use crate::caller::Caller;
use crate::edit::Edit;
use crate::problem::Problem;
use crate::query::Query;
use crate::stored::{Stored, scan};
use crate::target::ResourceTarget;
use crate::verbs::update;

const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// The day of a point in time, such as `2030-01-01`.
pub(crate) fn day(at: UnixMillis) -> String {
    let mut text = Vec::new();
    let seconds = i64::try_from(at.0 / 1000).unwrap_or(i64::MAX);
    Time { seconds, nanos: 0 }.push(&mut text, Precision::Seconds);
    String::from_utf8_lossy(&text).split('T').next().unwrap_or_default().to_owned()
}

/// Writes down that the token in `secret` is used now. That this fails is no reason to refuse the token.
pub(super) async fn mark(api: &Arc<Api>, secret: &Object, now: UnixMillis) {
    let (today, tomorrow) = (day(now), day(UnixMillis(now.0 + DAY_MILLIS)));
    let Ok(stored) = Stored::of(secret) else { return };
    // The clocks of several servers may differ around midnight.
    let is_known = scan::labels(stored.json)
        .any(|(label, value)| label == LAST_USED && (value == today || value == tomorrow));
    if is_known {
        return;
    }
    if let Err(problem) = write(api, secret, &today).await {
        tracing::warn!(%problem, secret = secret.path(), "the last use of a token cannot be written down");
    }
}

async fn write(api: &Arc<Api>, secret: &Object, today: &str) -> Result<(), Problem> {
    let served = api.catalog.known("", "v1", "secrets");
    let served = served.ok_or_else(|| Problem::Defect("there are no secrets".into()))?;
    let target =
        ResourceTarget { namespace: secret.namespace(), name: secret.name(), ..ResourceTarget::default() };
    let (headers, caller) = (HeaderMap::new(), Caller::authenticated(OWN_NAME, ["system:masters"]));
    let call = Call {
        api,
        served,
        target: &target,
        subresource: None,
        query: Query::parse(None),
        method: &Method::PATCH,
        headers: &headers,
        caller: &caller,
        warnings: Mutex::default(),
    };
    let options = Options {
        dry_run: false,
        validation: FieldValidation::Ignore,
        manager: OWN_MANAGER.to_owned(),
        is_recorded: false,
    };
    let marked = update::change(&call, &options, |live| {
        let mut marked = live.clone();
        let mut edit = Edit::object(&mut marked);
        edit.made("metadata").map("labels").set(LAST_USED, Value::from(today));
        Ok(marked)
    });
    marked.await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days() {
        assert_eq!(day(UnixMillis(0)), "1970-01-01");
        assert_eq!(day(UnixMillis(1_893_456_000_000 - 1)), "2029-12-31");
    }
}
