//! What is refused of each field, and what is taken: a rich object of every kind (`fields.yaml`), each of whose fields is
//! changed, taken away or spoilt by what it is, on create, on update and in the status.
//!
//! What there could be besides comes from the facts: of every field that an object leaves out some values are tried, too.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::facts::{Facts, Shape};
use super::kinds::{self, Kind};
use super::samples::{Sample, changes, samples, without_texts};
use crate::script::{Reading, Script};

const OBJECTS: &str = include_str!("fields.yaml");
/// Structures in which no field is tried that the object leaves out, unless the kind is asked for their sake: the same
/// code looks at them wherever they are.
const SHARED: &[&str] = &["core.v1.PodSpec", "core.v1.PersistentVolumeClaimSpec", "meta.v1.ObjectMeta"];

/// One rich object.
#[derive(Debug, Deserialize)]
struct Rich {
    /// The version and resource, as in `kinds.yaml`.
    of: String,
    /// What tells it from others of its kind.
    #[serde(default)]
    variant: String,
    /// Its name, if it is not what all of its kind have there.
    name: Option<String>,
    /// What it is besides its metadata; what `kinds.yaml` says, unless said.
    body: Option<Json>,
    /// Its status, where that is written by itself.
    status: Option<Json>,
    /// Whether fields are tried that it leaves out.
    #[serde(default)]
    narrow: bool,
    /// The part of it that is changed, if not all.
    #[serde(default)]
    below: Vec<String>,
}

/// What is done to one field.
struct Change {
    name: String,
    pointer: String,
    value: Option<Json>,
}

pub(super) fn scripts() -> Vec<Script> {
    let facts = Facts::read();
    let json = keelson_schema::yaml::to_json(OBJECTS.as_bytes()).expect("YAML beside this file").json;
    let all: Vec<Rich> = serde_json::from_slice(&json).expect("the fields of a rich object");
    all.iter().flat_map(|rich| of(&facts, rich)).collect()
}

fn of(facts: &Facts, rich: &Rich) -> Vec<Script> {
    let (version, resource) = rich.of.split_once(' ').expect("a version and a resource");
    let kind = kinds::one(0, version, resource);
    let Some(shape) = facts.kind(&kind.version, &kind.kind) else { return Vec::new() };
    let main = rich.variant.is_empty();
    // What is created for a moment only may all have one name; what stays has names of its own.
    let digits = if main { [6, 7, 8] } else { [6, 9, 9] };
    let [create, update, status] = digits.map(|digit| Walk::new(facts, rich, digit));
    let mut scripts = vec![create.creating(shape), update.updating(shape)];
    if rich.status.is_some() || main && kind.status.is_some() {
        scripts.push(status.status(shape));
    }
    scripts
}

struct Walk<'a> {
    facts: &'a Facts,
    rich: &'a Rich,
    kind: Kind,
    object: Json,
    path: String,
}

impl<'a> Walk<'a> {
    fn new(facts: &'a Facts, rich: &'a Rich, digit: u8) -> Self {
        let (version, resource) = rich.of.split_once(' ').unwrap_or_default();
        let kind = kinds::one(digit, version, resource);
        let filled = |text: &str| text.replace('#', &digit.to_string());
        let name = rich.name.as_deref().map_or_else(|| kind.name().to_owned(), filled);
        let mut object = kind.with(&json!({"name": name}));
        if let Some(body) = &rich.body {
            let body = serde_json::from_str(&filled(&body.to_string())).expect("JSON as before");
            object = json!({"apiVersion": kind.version, "kind": kind.kind, "metadata": {"name": name}});
            if let (Json::Object(object), Json::Object(body)) = (&mut object, body) {
                object.extend(body);
            }
        }
        let path = format!("{}/{name}", kind.collection());
        Self { facts, rich, kind, object, path }
    }

    fn script(&self, what: &str) -> Script {
        let variant =
            if self.rich.variant.is_empty() { String::new() } else { format!(".{}", self.rich.variant) };
        let name = format!("{what}.{}{variant}", self.kind.script());
        if self.kind.namespaced {
            Script::with_namespace("fields", name)
        } else {
            Script::new("fields", name)
        }
    }

    fn creating(&self, shape: Shape<'_>) -> Script {
        let (mut script, object) = (self.script("create"), &self.object);
        let all = format!("{}?dryRun=All", self.kind.collection());
        script.post("as it is", all.as_str(), object).reading(Reading::Object);
        for change in self.every_change(shape, object, "", Sample::All) {
            let changed = with(object, &change);
            script.post(change.name, all.as_str(), &changed).reading(Reading::Object);
        }
        for (name, sample) in [
            ("everything bad", Sample::Bad),
            ("everything", Sample::Plain),
            ("everything empty", Sample::Empty),
        ] {
            let mut filled = object.clone();
            for (field, shape) in self.fields(shape) {
                if let Some(value) = samples(self.facts, shape, sample, 5).into_iter().next() {
                    filled[field] = value.1;
                }
            }
            script.post(name, all.as_str(), &filled).reading(Reading::Object);
        }
        script.post("every text empty", all.as_str(), &without_texts(object)).reading(Reading::Object);
        script
    }

    fn updating(&self, shape: Shape<'_>) -> Script {
        let mut script = self.script("update");
        script.post("create", self.kind.collection(), &self.object).reading(Reading::Object);
        let dry = format!("{}?dryRun=All", self.path);
        for change in self.every_change(shape, &self.object, "", Sample::Plain) {
            script
                .patch(change.name.clone(), dry.as_str(), "json", &json!([operation(&change)]))
                .reading(Reading::Object);
        }
        script.delete("delete", format!("{}?gracePeriodSeconds=0", self.path)).silent();
        script
    }

    fn status(&self, shape: Shape<'_>) -> Script {
        let mut script = self.script("status");
        let status =
            self.rich.status.clone().or_else(|| self.kind.status.clone()).unwrap_or_else(|| json!({}));
        let Some(shape) = self.facts.field(shape, "status") else { return script };
        script.post("create", self.kind.collection(), &self.object).silent();
        let path = format!("{}/status", self.path);
        script.patch("fill", path.as_str(), "merge", &json!({"status": status})).reading(Reading::Object);
        let dry = format!("{path}?dryRun=All");
        for change in self.every_change(shape, &status, "/status", Sample::All) {
            script
                .patch(change.name.clone(), dry.as_str(), "json", &json!([operation(&change)]))
                .reading(Reading::Object);
        }
        for (name, sample) in [("everything bad", Sample::Bad), ("everything", Sample::Plain)] {
            if let Some((_, value)) = samples(self.facts, shape, sample, 5).into_iter().next() {
                script.patch(name, dry.as_str(), "merge", &json!({"status": value})).reading(Reading::Object);
            }
        }
        script.delete("delete", format!("{}?gracePeriodSeconds=0", self.path)).silent();
        script
    }

    /// The fields of an object that are its own.
    fn fields<'f>(&'f self, shape: Shape<'f>) -> Vec<(&'f str, Shape<'f>)> {
        let own =
            |(name, _): &(&str, Shape<'_>)| !["apiVersion", "kind", "metadata", "status"].contains(name);
        self.facts.fields(shape).into_iter().filter(own).collect()
    }

    /// All changes of a value, each once: what a field may be by its kind and what by its enumeration overlap.
    fn every_change(&self, shape: Shape<'_>, value: &Json, pointer: &str, sample: Sample) -> Vec<Change> {
        let mut list = Vec::new();
        self.changes(&mut list, shape, value, pointer, sample);
        let mut names = BTreeSet::new();
        list.retain(|change| names.insert(change.name.clone()));
        list
    }

    fn changes(&self, list: &mut Vec<Change>, shape: Shape<'_>, value: &Json, pointer: &str, sample: Sample) {
        let mut put = |name: String, pointer: &str, value: Option<Json>| {
            let place = pointer.trim_start_matches('/').replace('/', ".");
            list.push(Change { name: format!("{place} {name}"), pointer: pointer.to_owned(), value });
        };
        let root = pointer.is_empty() || pointer == "/status";
        if !root {
            for (name, value) in changes(self.facts, shape, value, sample) {
                put(name, pointer, value);
            }
        }
        match (shape, value) {
            (Shape::Struct(name), Json::Object(present)) => {
                let fields = if pointer.is_empty() { self.fields(shape) } else { self.facts.fields(shape) };
                let shared = self.kind.kind != "Pod" && SHARED.iter().any(|shared| name.ends_with(shared));
                for (field, below) in fields {
                    let pointer = format!("{pointer}/{field}");
                    if root && !self.rich.below.is_empty() && !self.rich.below.iter().any(|one| one == field)
                    {
                        continue;
                    }
                    if let Some(value) = present.get(field) {
                        self.changes(list, below, value, &pointer, sample);
                    } else if !shared && !self.rich.narrow {
                        for (name, value) in samples(self.facts, below, sample, 2) {
                            let place = pointer.trim_start_matches('/').replace('/', ".");
                            let name = format!("{place} + {name}");
                            list.push(Change { name, pointer: pointer.clone(), value: Some(value) });
                        }
                    }
                }
            }
            (Shape::List(items), Json::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.changes(list, self.facts.shape(items), value, &format!("{pointer}/{index}"), sample);
                }
            }
            (Shape::Map(values), Json::Object(entries)) => {
                if let Some((key, value)) = entries.iter().next() {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    self.changes(list, self.facts.shape(values), value, &format!("{pointer}/{key}"), sample);
                }
            }
            _ => {}
        }
    }
}

/// The object with one change.
fn with(object: &Json, change: &Change) -> Json {
    let mut changed = object.clone();
    let Some((parent, last)) = change.pointer.rsplit_once('/') else { return changed };
    let last = last.replace("~1", "/").replace("~0", "~");
    match (changed.pointer_mut(parent), &change.value) {
        (Some(Json::Object(fields)), Some(value)) => {
            fields.insert(last, value.clone());
        }
        (Some(Json::Object(fields)), None) => {
            fields.remove(&last);
        }
        (Some(Json::Array(items)), value) => {
            let index: usize = last.parse().expect("an index");
            match value {
                Some(value) => items[index] = value.clone(),
                None => drop(items.remove(index)),
            }
        }
        _ => {}
    }
    changed
}

fn operation(change: &Change) -> Json {
    let item = change.pointer.rsplit('/').next().is_some_and(|last| last.parse::<usize>().is_ok());
    match &change.value {
        None => json!({"op": "remove", "path": change.pointer}),
        Some(value) if item => json!({"op": "replace", "path": change.pointer, "value": value}),
        Some(value) => json!({"op": "add", "path": change.pointer, "value": value}),
    }
}
