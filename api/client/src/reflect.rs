//! List and watch: a kind's objects as they are, and then every change, for as long as somebody wants to know.
//!
//! One state machine. It begins with a streaming list where the server offers it (the objects come as events, and a
//! bookmark says that these were all), else with a list; then it follows. A watch that ends is taken up where it was; a
//! revision that is too old, or a change that cannot be read, begins anew. What is unreachable is asked again, ever
//! more rarely.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, Lines};
use crate::meta::or_none;
use crate::problem::{Problem, Refusal};
use crate::resource::Resource;

/// How long a watch lasts before it is taken up anew, in seconds. Upstream draws between five and ten minutes; we
/// spread the kinds by their names, which needs no random numbers.
const WATCH_SECONDS_MIN: u64 = 300;
/// First and longest wait after a failure.
const RETRY_MILLIS_MIN: u64 = 200;
const RETRY_MILLIS_MAX: u64 = 30_000;

/// What is watched.
#[derive(Clone, Debug)]
pub struct Source {
    /// The kind.
    pub resource: Resource,
    /// Whether metadata is all that is wanted.
    pub metadata_alone: bool,
    /// A field selector; empty for all.
    pub fields: String,
}

impl Source {
    /// All objects of a kind, whole.
    #[must_use]
    pub fn all(resource: Resource) -> Self {
        Self { resource, metadata_alone: false, fields: String::new() }
    }
}

/// Takes what is seen. Called in the order of the revisions.
pub trait Sink<V>: Send {
    /// These are all there are, as of `revision`.
    fn replaced(&mut self, objects: Vec<V>, revision: u64);
    /// This one is there now in this state.
    fn applied(&mut self, object: V);
    /// This one is gone; it is in its last state.
    fn deleted(&mut self, object: V);
    /// All up to `revision` was told.
    fn reached(&mut self, revision: u64);
}

/// What kind of event a line holds, and of what revision. What else the object holds is skipped over.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    object: Marked,
}

/// An event's object, as the kind that is looked for.
#[derive(Deserialize)]
struct Body<V> {
    object: V,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Marked {
    metadata: Mark,
    /// Of an error.
    code: Option<u16>,
}

/// Of metadata, what is the same for all.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Mark {
    resource_version: String,
    annotations: Option<Complete>,
}

/// Whether a bookmark ends a streaming list.
#[derive(Deserialize)]
struct Complete {
    #[serde(rename = "k8s.io/initial-events-end", default)]
    complete: Option<serde::de::IgnoredAny>,
}

/// A list of views.
#[derive(Deserialize)]
#[serde(bound = "V: DeserializeOwned")]
struct List<V> {
    metadata: Mark,
    #[serde(default = "Vec::new", deserialize_with = "or_none")]
    items: Vec<V>,
}

enum State {
    /// Nothing is known.
    Empty {
        /// Whether the server said that it does not stream lists.
        plainly: bool,
    },
    /// Everything up to here is known.
    At(u64),
}

/// Follows `source` for ever: whoever begins it drops it to end it.
pub async fn follow<V: DeserializeOwned + Send>(client: &Client, source: &Source, sink: &mut impl Sink<V>) {
    let mut state = State::Empty { plainly: false };
    let mut failures = 0_u32;
    loop {
        let ended = match &mut state {
            State::Empty { plainly: true } => {
                listed(client, source, sink).await.map(|at| state = State::At(at))
            }
            State::Empty { plainly: false } => watched(client, source, None, sink, &mut state).await,
            State::At(revision) => {
                let from = *revision;
                watched(client, source, Some(from), sink, &mut state).await
            }
        };
        let resource = source.resource.group_resource();
        match ended {
            Ok(()) => failures = 0,
            Err(problem) if problem.is_expired() => {
                tracing::debug!(resource, "history is gone: listing anew");
                state = State::Empty { plainly: false };
                failures = 0;
            }
            Err(problem) if problem.is_invalid() && matches!(state, State::Empty { plainly: false }) => {
                tracing::debug!(resource, %problem, "the server does not stream lists");
                state = State::Empty { plainly: true };
            }
            Err(problem) => {
                failures = failures.saturating_add(1);
                if failures > 1 {
                    tracing::warn!(resource, %problem, "cannot watch; trying again");
                }
                let wait = problem.retry_after().unwrap_or_else(|| back_off(failures));
                tokio::time::sleep(wait).await;
            }
        }
    }
}

fn back_off(failures: u32) -> Duration {
    let millis = RETRY_MILLIS_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    Duration::from_millis(millis.min(RETRY_MILLIS_MAX))
}

async fn listed<V: DeserializeOwned + Send>(
    client: &Client,
    source: &Source,
    sink: &mut impl Sink<V>,
) -> Result<u64, Problem> {
    let fields = selected(source, "");
    let list: List<V> = if source.metadata_alone {
        client.metadata(&source.resource, "", "").await?
    } else {
        client.list(&source.resource, "", fields.trim_start_matches('&')).await?
    };
    let revision = number(&list.metadata.resource_version)?;
    sink.replaced(list.items, revision);
    Ok(revision)
}

fn selected(source: &Source, query: &str) -> String {
    if source.fields.is_empty() {
        query.to_owned()
    } else {
        let fields = source.fields.replace('=', "%3D").replace('!', "%21").replace(',', "%2C");
        format!("{query}&fieldSelector={fields}")
    }
}

fn query(source: &Source, from: Option<u64>) -> String {
    let name = source.resource.plural.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
    let seconds = WATCH_SECONDS_MIN + name % WATCH_SECONDS_MIN;
    let start = from.map_or_else(
        || "sendInitialEvents=true&resourceVersionMatch=NotOlderThan".to_owned(),
        |revision| format!("resourceVersion={revision}"),
    );
    selected(source, &format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&{start}"))
}

/// One watch, from its beginning to its end. `state` is kept up to date, so that the next one can go on.
async fn watched<V: DeserializeOwned + Send>(
    client: &Client,
    source: &Source,
    from: Option<u64>,
    sink: &mut impl Sink<V>,
    state: &mut State,
) -> Result<(), Problem> {
    let path = source.resource.path("");
    let mut lines = client.watch(&path, &query(source, from), source.metadata_alone).await?;
    if from.is_none() {
        let Some(revision) = initial(&mut lines, sink).await? else {
            return Err(Problem::Unreachable("a streaming list ended before it was complete".into()));
        };
        *state = State::At(revision);
    }
    while let Some(line) = lines.next().await {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        let (told, revision) = read(&line)?;
        match told {
            Told::Applied => sink.applied(object(&line)?),
            Told::Deleted => sink.deleted(object(&line)?),
            Told::Bookmark { .. } => sink.reached(revision),
        }
        *state = State::At(revision);
    }
    Ok(())
}

/// The events that a streaming list begins with; the revision they are as of, or `None` if the watch ended among them.
async fn initial<V: DeserializeOwned>(
    lines: &mut Lines,
    sink: &mut impl Sink<V>,
) -> Result<Option<u64>, Problem> {
    let mut objects = Vec::new();
    while let Some(line) = lines.next().await {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        match read(&line)? {
            (Told::Bookmark { complete: true }, revision) => {
                sink.replaced(objects, revision);
                return Ok(Some(revision));
            }
            (Told::Bookmark { complete: false } | Told::Deleted, _) => {}
            (Told::Applied, _) => objects.push(object(&line)?),
        }
    }
    Ok(None)
}

enum Told {
    Applied,
    Deleted,
    Bookmark { complete: bool },
}

fn read(line: &[u8]) -> Result<(Told, u64), Problem> {
    let head: Head<'_> = serde_json::from_slice(line)?;
    let mark = head.object.metadata;
    let told = match head.kind {
        "ADDED" | "MODIFIED" => Told::Applied,
        "DELETED" => Told::Deleted,
        "BOOKMARK" => {
            Told::Bookmark { complete: mark.annotations.is_some_and(|marks| marks.complete.is_some()) }
        }
        _ => {
            let refusal = Refusal { code: head.object.code.unwrap_or(500), ..object(line)? };
            return Err(Problem::Refused(Box::new(refusal)));
        }
    };
    Ok((told, number(&mark.resource_version)?))
}

fn object<V: DeserializeOwned>(line: &[u8]) -> Result<V, Problem> {
    let body: Body<V> = serde_json::from_slice(line)?;
    Ok(body.object)
}

fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::Unreachable(format!("the revision {text:?} is no number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let said = |line: &str| match read(line.as_bytes()) {
            Ok((Told::Applied, revision)) => format!("applied {revision}"),
            Ok((Told::Deleted, revision)) => format!("deleted {revision}"),
            Ok((Told::Bookmark { complete }, revision)) => format!("bookmark {revision} {complete}"),
            Err(problem) => format!("expired={} {problem}", problem.is_expired()),
        };
        for (line, expected) in [
            (r#"{"type":"ADDED","object":{"metadata":{"resourceVersion":"5"}}}"#, "applied 5"),
            (r#"{"type":"DELETED","object":{"metadata":{"resourceVersion":"6"}}}"#, "deleted 6"),
            (r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#, "bookmark 7 false"),
            (
                r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8","annotations":{"k8s.io/initial-events-end":"true"}}}}"#,
                "bookmark 8 true",
            ),
            (
                r#"{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"too old"}}"#,
                "expired=true too old",
            ),
        ] {
            assert_eq!(said(line), expected, "{line}");
        }
    }

    #[test]
    fn waits_grow_to_a_bound() {
        let waits: Vec<_> = [1, 2, 3, 40].map(back_off).iter().map(Duration::as_millis).collect();
        assert_eq!(waits, [200, 400, 800, 30_000]);
    }
}
