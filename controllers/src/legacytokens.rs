//! Tokens that lie in secrets, that were made by themselves in older days, and that nobody has used for a year: they are
//! believed no more, and go another year later.
//!
//! It asks the server once a day, for what uses a secret no cache shows.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use keelson_client::client::Deletion;
use keelson_client::meta::or_none;
use keelson_client::queue::Queue;
use keelson_client::{Key, Kind, Patch, Problem, Time};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::builtin::Settings;
use crate::driver::{Context, Worker, drive};
use crate::views::configmap::CONFIGMAPS;
use crate::views::pod::PODS;
use crate::views::secret::{ACCOUNT_NAME, ACCOUNT_UID, SECRETS, TokenSecret};
use crate::views::serviceaccount::{SERVICEACCOUNTS, ServiceAccount};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// How long a token may go unused. Upstream's default.
const UNUSED_SECONDS: i64 = 365 * DAY_SECONDS;
/// Where the server says since when it writes down who uses such tokens.
const TRACKING: &str = "kube-apiserver-legacy-service-account-token-tracking";
/// Labels of secrets: when a token was used last, and since when it is not believed.
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

/// Begins it.
pub(crate) fn begin(context: Context, _: &Settings) -> BoxFuture<'static, ()> {
    let queue = Queue::default();
    queue.add(Key::new("", "all"));
    let worker = std::sync::Arc::new(Cleaner { context: context.clone() });
    Box::pin(async move { drive(&context, queue, worker).await })
}

struct Cleaner {
    context: Context,
}

#[derive(Deserialize)]
#[serde(bound = "V: serde::de::DeserializeOwned")]
struct List<V> {
    #[serde(default = "Vec::new", deserialize_with = "or_none")]
    items: Vec<V>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tracking {
    data: Since,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Since {
    since: String,
}

/// What is to become of a token.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    IsInvalidSince(String),
    Goes,
}

/// The day of a time, as labels have it.
fn day(at: i64) -> String {
    Time(at).to_string().split('T').next().unwrap_or_default().to_owned()
}

fn is_day(text: &str) -> bool {
    Time::parse(&format!("{text}T00:00:00Z")).is_some()
}

/// Whether uses have been written down for long enough to say that there were none.
fn is_known(since: &str, now: i64) -> bool {
    let since = Time::parse(&format!("{since}T00:00:00Z"));
    since.is_some_and(|since| now >= since.0 + DAY_SECONDS + UNUSED_SECONDS)
}

/// Whether a token has not been used for so long that more is asked about it.
fn is_unused(secret: &TokenSecret, now: i64) -> bool {
    let meta = &secret.metadata;
    let is_old = meta.creation_timestamp.is_some_and(|made| made.0 < now - UNUSED_SECONDS);
    let last_used = meta.labels.get(LAST_USED);
    let was_used = last_used.is_some_and(|last| !is_day(last) || last >= day(now - UNUSED_SECONDS).as_str());
    is_old && !was_used && !meta.is_deleting()
}

/// Whether an account names a secret, and the secret the account: then it was made by itself.
fn is_made_for(secret: &TokenSecret, account: &ServiceAccount) -> bool {
    let uid = secret.metadata.annotation(ACCOUNT_UID).unwrap_or_default();
    (uid.is_empty() || account.metadata.uid == uid)
        && account.secrets().any(|name| name == secret.metadata.name)
}

fn fate(secret: &TokenSecret, now: i64) -> Fate {
    let today = day(now);
    match secret.metadata.labels.get(INVALID_SINCE).filter(|since| is_day(since)) {
        None => Fate::IsInvalidSince(today),
        Some(since) if since >= day(now - UNUSED_SECONDS).as_str() => Fate::Stays,
        Some(_) => Fate::Goes,
    }
}

/// The names of all secrets that a pod uses, wherever it names them.
fn secrets_of(pod: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut left = vec![(None, &pod["spec"])];
    while let Some((field, value)) = left.pop() {
        match value {
            Value::Object(object) => {
                // References have `name`, volumes `secretName`.
                let refers = matches!(
                    field,
                    Some(
                        "secretKeyRef" | "secretRef" | "secret" | "imagePullSecrets" | "nodePublishSecretRef"
                    )
                );
                let named = ["name", "secretName"].map(|name| object.get(name)).into_iter().flatten();
                names.extend(named.filter(|_| refers).filter_map(Value::as_str).map(str::to_owned));
                left.extend(object.iter().map(|(name, value)| (Some(name.as_str()), value)));
            }
            Value::Array(list) => left.extend(list.iter().map(|value| (field, value))),
            _ => {}
        }
    }
    names
}

impl Worker for Cleaner {
    async fn work(&self, _: &Key) -> Result<Option<Duration>, Problem> {
        let now = Time::of(self.context.clock.now()).0;
        let again = Some(Duration::from_secs(DAY_SECONDS.unsigned_abs()));
        let client = &self.context.client;
        let tracking: Tracking = match client.get(&CONFIGMAPS, &Key::new("kube-system", TRACKING)).await {
            Err(problem) if problem.is_not_found() => return Ok(again),
            read => read?,
        };
        if !is_known(&tracking.data.since, now) {
            return Ok(again);
        }
        let query = format!("fieldSelector={}", TokenSecret::FIELDS.replace('=', "%3D"));
        let secrets: List<TokenSecret> = client.list(&SECRETS, "", &query).await?;
        for secret in secrets.items.iter().filter(|secret| is_unused(secret, now)) {
            self.judge(secret, now).await?;
        }
        Ok(again)
    }
}

impl Cleaner {
    async fn judge(&self, secret: &TokenSecret, now: i64) -> Result<(), Problem> {
        let (client, meta) = (&self.context.client, &secret.metadata);
        let Some(account) = meta.annotation(ACCOUNT_NAME) else { return Ok(()) };
        let account = Key::new(&meta.namespace, account);
        let account: ServiceAccount = match client.get(&SERVICEACCOUNTS, &account).await {
            Err(problem) if problem.is_not_found() => return Ok(()),
            read => read?,
        };
        if !is_made_for(secret, &account) {
            return Ok(());
        }
        let pods: List<Value> = client.list(&PODS, &meta.namespace, "").await?;
        if pods.items.iter().any(|pod| secrets_of(pod).contains(meta.name.as_str())) {
            return Ok(());
        }
        let ended = match fate(secret, now) {
            Fate::Stays => Ok(()),
            Fate::IsInvalidSince(day) => {
                let change = json!({"metadata": {"uid": meta.uid, "labels": {INVALID_SINCE: day}}});
                client.patch::<Value>(&SECRETS, &meta.key(), "", (Patch::Merge, &change)).await.map(drop)
            }
            Fate::Goes => {
                let how =
                    Deletion { resource_version: Some(meta.resource_version), ..Deletion::of(&meta.uid) };
                client.delete(&SECRETS, &meta.key(), &how).await.map(drop)
            }
        };
        match ended {
            // Somebody was faster: tomorrow is early enough.
            Err(problem) if problem.is_conflict() || problem.is_not_found() => Ok(()),
            ended => ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> i64 {
        Time::parse("2026-06-15T12:00:00Z").unwrap().0
    }

    fn secret(made: &str, labels: &Value) -> TokenSecret {
        let metadata = json!({
            "name": "s", "namespace": "ns", "uid": "u", "creationTimestamp": format!("{made}T00:00:00Z"),
            "labels": labels, "annotations": {ACCOUNT_NAME: "a", ACCOUNT_UID: "1"},
        });
        serde_json::from_value(json!({"metadata": metadata})).unwrap()
    }

    #[test]
    fn a_token_goes_a_year_after_it_went_unused_for_one() {
        let used = |day: &str| json!({LAST_USED: day});
        for (made, labels, unused) in [
            ("2024-01-01", json!({}), true),
            ("2025-12-01", json!({}), false),
            ("2024-01-01", used("2025-06-14"), true),
            ("2024-01-01", used("2025-06-15"), false),
            ("2024-01-01", used("nonsense"), false),
        ] {
            assert_eq!(is_unused(&secret(made, &labels), now()), unused, "{made} {labels}");
        }
        let fate = |since: &str| fate(&secret("2024-01-01", &json!({INVALID_SINCE: since})), now());
        assert_eq!(fate("nonsense"), Fate::IsInvalidSince("2026-06-15".into()));
        assert_eq!((fate("2025-06-15"), fate("2025-06-14")), (Fate::Stays, Fate::Goes));
        assert!(is_known("2025-06-14", now()) && !is_known("2025-06-15", now()) && !is_known("", now()));
    }

    #[test]
    fn only_what_was_made_by_itself_goes() {
        let account = |uid: &str, name: &str| -> ServiceAccount {
            serde_json::from_value(
                json!({"metadata": {"name": "a", "uid": uid}, "secrets": [{"name": name}]}),
            )
            .unwrap()
        };
        let secret = secret("2024-01-01", &json!({}));
        assert!(is_made_for(&secret, &account("1", "s")));
        assert!(!is_made_for(&secret, &account("2", "s")) && !is_made_for(&secret, &account("1", "t")));
    }

    #[test]
    fn pods_name_secrets_in_many_places() {
        let pod = json!({"spec": {
            "imagePullSecrets": [{"name": "pull"}],
            "volumes": [
                {"name": "v", "secret": {"secretName": "volume"}},
                {"name": "w", "projected": {"sources": [{"secret": {"name": "projected"}}]}},
                {"name": "x", "configMap": {"name": "no-secret"}},
            ],
            "containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "all"}}],
                "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "one", "key": "k"}}}]}],
        }});
        let names: Vec<String> = secrets_of(&pod).into_iter().collect();
        assert_eq!(names, ["all", "one", "projected", "pull", "volume"]);
    }
}
