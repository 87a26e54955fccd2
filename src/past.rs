//! `keelson history` and `keelson undo`: what happened to an object, and making it what it was.
//!
//! Both ask the API as anybody does. What is undone is an ordinary write, which everything applies to that applies to
//! writes.

mod changes;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use keelson_client::discovery::{self, Discovered};
use keelson_client::{Client, Key, Problem, Resource};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::component;
use crate::config::{self, StorageFlags};
use crate::failure::Failure;

const AGENT: &str = "keelson";

/// Which object, and where.
#[derive(Debug, Args)]
pub(crate) struct ObjectLine {
    /// The object: KIND/NAME, such as deployment/web, cm/settings or deployments.apps/web
    #[arg(value_name = "KIND/NAME")]
    object: String,
    /// The namespace it lies in
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    /// Ask the server that this kubeconfig names [default: admin.kubeconfig in the data directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    flags: StorageFlags,
}

/// What happened to an object.
#[derive(Debug, Args)]
pub(crate) struct HistoryLine {
    #[command(flatten)]
    object: ObjectLine,
    /// Show what has changed each time
    #[arg(long)]
    diff: bool,
}

/// Making an object what it was.
#[derive(Debug, Args)]
pub(crate) struct UndoLine {
    #[command(flatten)]
    object: ObjectLine,
    /// The resource version to go back to; `keelson history` lists them
    #[arg(long, value_name = "REVISION")]
    to: u64,
    /// Only try it, and show what would change
    #[arg(long)]
    dry_run: bool,
}

/// The past as the server tells it.
#[derive(Debug, Deserialize)]
struct History {
    items: Vec<Moment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Moment {
    #[serde(rename = "type")]
    kind: String,
    resource_version: String,
    #[serde(default)]
    time: String,
    object: Value,
}

/// Shows what happened to an object.
pub(crate) fn history(line: &HistoryLine) -> Result<(), Failure> {
    block_on(async {
        let named = Named::find(&line.object).await?;
        let path = format!("{}/history", named.path());
        let past: History = named
            .client
            .document(&path, "application/json")
            .await
            .map_err(|problem| named.failed(&problem))?;
        show(&table(&past, line.diff))
    })
}

/// Makes an object what it was.
pub(crate) fn undo(line: &UndoLine) -> Result<(), Failure> {
    block_on(async {
        let named = Named::find(&line.object).await?;
        let then = named.as_of(line.to).await?;
        let now: Option<Value> = match named.client.get(&named.resource, &named.key).await {
            Ok(now) => Some(now),
            Err(problem) if problem.is_not_found() => None,
            Err(problem) => return Err(named.failed(&problem)),
        };
        let wanted = restored(then, now.as_ref());
        let made = named
            .write(&wanted, now.is_some(), line.dry_run)
            .await
            .map_err(|problem| named.failed(&problem))?;
        let mut out = String::new();
        let revision = made["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let unchanged = now
            .as_ref()
            .is_some_and(|now| now["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]);
        out.push_str(&match (line.dry_run, unchanged, now.is_some()) {
            (true, _, true) => format!("{} would be as of {} again\n", named.called, line.to),
            (true, _, false) => format!("{} would be there again as of {}\n", named.called, line.to),
            (false, true, _) => format!("{} is as of {} already\n", named.called, line.to),
            (false, false, true) => {
                format!("{} is as of {} again, at revision {revision}\n", named.called, line.to)
            }
            (false, false, false) => {
                format!("{} is there again as of {}, at revision {revision}\n", named.called, line.to)
            }
        });
        for change in changes::between(now.as_ref().unwrap_or(&Value::Null), &made) {
            out.push_str(&format!("  {change}\n"));
        }
        show(&out)
    })
}

fn show(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::from_error("cannot write to standard output", &error, ""))
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::from_error("cannot begin", &error, ""))?.block_on(work)
}

/// An object that somebody has named.
struct Named {
    client: Client,
    resource: Resource,
    key: Key,
    /// What messages call it.
    called: String,
}

impl Named {
    async fn find(line: &ObjectLine) -> Result<Self, Failure> {
        let (kind, name) = line
            .object
            .split_once('/')
            .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
            .ok_or_else(|| {
                Failure::usage(format!(
                    "{:?} names no object; give KIND/NAME, such as deployment/web",
                    line.object
                ))
            })?;
        let settings = config::settings(&line.flags.0)?;
        let (client, _) = component::reach(line.kubeconfig.as_deref(), &settings, AGENT).await?;
        let known = discovery::discover(&client).await.map_err(|problem| Failure::stopped(&problem))?;
        let resource = resource(&known, kind).ok_or_else(|| {
            Failure::usage(format!("the server has no kind {kind:?}; `kubectl api-resources` lists them"))
        })?;
        let namespace = if resource.namespaced { &*line.namespace } else { "" };
        let called = format!("{}/{name}", resource.group_resource());
        Ok(Self { key: Key::new(namespace, name), resource, client, called })
    }

    fn path(&self) -> String {
        self.resource.path_of(&self.key)
    }

    fn failed(&self, problem: &Problem) -> Failure {
        Failure::stopped(format!("{}: {problem}", self.called))
    }

    /// The object as it was at `revision`.
    async fn as_of(&self, revision: u64) -> Result<Value, Failure> {
        let path = format!("{}?resourceVersion={revision}&resourceVersionMatch=Exact", self.path());
        self.client.document(&path, "application/json").await.map_err(|problem| {
            if problem.is_not_found() {
                Failure::stopped(format!(
                    "{} was not there at revision {revision}; `keelson history` lists when it was",
                    self.called
                ))
            } else {
                self.failed(&problem)
            }
        })
    }

    async fn write(&self, object: &Value, exists: bool, is_trial: bool) -> Result<Value, Problem> {
        let client = if is_trial { self.client.clone().trying() } else { self.client.clone() };
        if exists {
            client.update(&self.resource, &self.key, "", object).await
        } else {
            client.create(&self.resource, self.key.namespace(), object).await
        }
    }
}

/// What somebody calls a kind: its plural, singular, short name or kind, with its group or without.
fn resource(known: &Discovered, called: &str) -> Option<Resource> {
    let (name, group) = called.split_once('.').map_or((called, None), |(name, group)| (name, Some(group)));
    let name = name.to_lowercase();
    let is = |served: &&discovery::Served| {
        served.is_called(&name) && group.is_none_or(|group| served.resource.group == group)
    };
    known.served.iter().find(is).map(|served| served.resource.clone())
}

/// What has to be written so that an object is what it was: in the place of the one there is now, or anew.
fn restored(mut then: Value, now: Option<&Value>) -> Value {
    let Some(metadata) = then.get_mut("metadata").and_then(Value::as_object_mut) else { return then };
    for gone in ["managedFields", "generation", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"]
    {
        metadata.remove(gone);
    }
    for own in ["uid", "resourceVersion", "creationTimestamp"] {
        match now.map(|now| &now["metadata"][own]) {
            Some(value) if !value.is_null() => drop(metadata.insert(own.to_owned(), value.clone())),
            _ => drop(metadata.remove(own)),
        }
    }
    then
}

/// The past as a table, with what has changed below each line if that is asked for.
fn table(past: &History, with_changes: bool) -> String {
    let mut out = format!("{:<10}  {:<27}  {:<8}  {}\n", "REVISION", "TIME", "WHAT", "BY");
    let mut before = &Value::Null;
    for moment in &past.items {
        let what = match moment.kind.as_str() {
            "ADDED" => "created",
            "MODIFIED" => "changed",
            "DELETED" => "deleted",
            _ => "there",
        };
        let time = if moment.time.is_empty() { "earlier" } else { &moment.time };
        let by = if what == "deleted" { String::new() } else { author(before, &moment.object) };
        out.push_str(format!("{:<10}  {time:<27}  {what:<8}  {by}", moment.resource_version).trim_end());
        out.push('\n');
        if with_changes && what == "changed" {
            for change in changes::between(before, &moment.object) {
                out.push_str(&format!("    {change}\n"));
            }
        }
        before = &moment.object;
    }
    out
}

/// Who has made `after` of `before`, as managed fields tell: whose entry is new or another.
fn author(before: &Value, after: &Value) -> String {
    let entries =
        |object: &Value| object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let old = entries(before);
    let new = entries(after).into_iter().filter(|entry| !old.contains(entry));
    let text = |entry: &Map<String, Value>, name: &str| {
        entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let named = new.filter_map(|entry| {
        let entry = entry.as_object()?;
        let part = text(entry, "subresource");
        let manager = text(entry, "manager");
        Some(if part.is_empty() { manager } else { format!("{manager} ({part})") })
    });
    let mut named: Vec<String> = named.collect();
    named.dedup();
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, time: &str) -> Value {
        json!({"manager": manager, "operation": "Update", "time": time})
    }

    #[test]
    fn the_past_is_a_table() {
        let first =
            json!({"metadata": {"name": "a", "managedFields": [entry("kubectl", "1")]}, "data": {"k": "1"}});
        let second = json!({"metadata": {"name": "a", "managedFields": [entry("kubectl", "1"), entry("helm", "2")]},
            "data": {"k": "2"}});
        let moment = |kind: &str, revision: &str, time: &str, object: &Value| Moment {
            kind: kind.into(),
            resource_version: revision.into(),
            time: time.into(),
            object: object.clone(),
        };
        let past = History {
            items: vec![
                moment("EARLIER", "5", "", &first),
                moment("MODIFIED", "7", "2030-01-01T00:00:00.000000Z", &second),
                moment("DELETED", "9", "2030-01-01T00:00:01.000000Z", &second),
            ],
        };
        assert_eq!(
            table(&past, true),
            "REVISION    TIME                         WHAT      BY\n\
             5           earlier                      there     kubectl\n\
             7           2030-01-01T00:00:00.000000Z  changed   helm\n    \
                 data.k: 1 → 2\n\
             9           2030-01-01T00:00:01.000000Z  deleted\n"
        );
    }

    #[test]
    fn what_is_restored_takes_the_place_of_what_there_is() {
        let then = json!({"metadata": {"name": "a", "uid": "old", "resourceVersion": "5", "generation": 2,
            "creationTimestamp": "t", "managedFields": []}, "data": {}});
        let now = json!({"metadata": {"name": "a", "uid": "new", "resourceVersion": "9", "creationTimestamp": "u"}});
        assert_eq!(
            restored(then.clone(), Some(&now)),
            json!({"metadata": {"name": "a", "uid": "new", "resourceVersion": "9", "creationTimestamp": "u"}, "data": {}})
        );
        assert_eq!(restored(then, None), json!({"metadata": {"name": "a"}, "data": {}}));
    }
}
