//! Documents of manifests: found in files, and told by what they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use keelson_schema::convert::{self, Encoding};
use keelson_schema::yaml;
use serde_json::Value as Json;

use crate::value::Value;

const RESOURCES: &str = include_str!("../../../../apiserver/schema/facts/resources.json");

/// A resource: its name in paths, and whether its objects are in namespaces.
type Resource = (String, bool);

/// By `apiVersion` and kind, what there is.
static KINDS: LazyLock<BTreeMap<(String, String), Resource>> = LazyLock::new(kinds);

/// What was found in a directory.
#[derive(Debug, Default)]
pub struct Manifests {
    /// What can be asked, each document once.
    pub documents: Vec<Document>,
    /// Documents of kinds that are not upstream's own.
    pub custom: usize,
    /// What is no object, or no YAML: a template, a part of one, a list of values.
    pub unreadable: usize,
    /// Documents that another form would not give back as they were.
    pub lossy: Vec<String>,
    seen: BTreeSet<String>,
}

/// One document.
#[derive(Clone, Debug)]
pub struct Document {
    /// File and place in it.
    pub source: String,
    version: String,
    resource: String,
    namespaced: bool,
    object: Value,
    text: Option<String>,
}

/// What a document takes that another could want: such documents are asked one after another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stock {
    /// Nothing
    None,
    /// Ports of nodes, or addresses
    Services,
    /// A name that the whole cluster has once
    Name(String, String),
}

/// Reads all files below a directory whose names end as manifests' do, in the order of their names.
///
/// # Errors
/// If a directory cannot be read.
pub fn read(directory: &Path) -> Result<Manifests, String> {
    let mut files = Vec::new();
    find(directory, &mut files)?;
    files.sort();
    let mut manifests = Manifests::default();
    for file in files {
        let name = file.strip_prefix(directory).unwrap_or(&file).display().to_string();
        match std::fs::read_to_string(&file) {
            Ok(text) => manifests.add(&name, &text),
            Err(_) => manifests.unreadable += 1,
        }
    }
    Ok(manifests)
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_manifest = |name: &str| matches!(name, "yaml" | "yml" | "json");
        if path.is_dir() && !path.is_symlink() {
            find(&path, files)?;
        } else if path.extension().and_then(|name| name.to_str()).is_some_and(is_manifest) {
            files.push(path);
        }
    }
    Ok(())
}

impl Manifests {
    /// Takes what stands in a file.
    pub fn add(&mut self, file: &str, text: &str) {
        if Path::new(file).extension().is_some_and(|form| form == "json") {
            match Value::read(text.as_bytes()) {
                Some(object) => self.take(file, object, None),
                None => self.unreadable += 1,
            }
            return;
        }
        for (index, document) in yaml::documents(text).enumerate() {
            let read = yaml::to_json(document.as_bytes()).ok().and_then(|read| Value::read(&read.json));
            match read {
                Some(Value::Null) => {}
                Some(object) => self.take(&format!("{file}#{index}"), object, Some(document)),
                None => self.unreadable += 1,
            }
        }
    }

    /// Takes an object, or those of a list.
    fn take(&mut self, source: &str, object: Value, text: Option<&str>) {
        if let Some(Value::List(items)) = object.field("items")
            && object.field("kind").and_then(Value::text).is_some_and(|kind| kind.ends_with("List"))
        {
            for (index, item) in items.iter().enumerate() {
                self.take(&format!("{source}.{index}"), item.clone(), None);
            }
            return;
        }
        let word = |name: &str| object.field(name).and_then(Value::text).map(str::to_owned);
        let (Some(version), Some(kind)) = (word("apiVersion"), word("kind")) else {
            self.unreadable += 1;
            return;
        };
        let Some((resource, namespaced)) = KINDS.get(&(version.clone(), kind)).cloned() else {
            self.custom += 1;
            return;
        };
        if !self.seen.insert(object.to_string()) {
            return;
        }
        if let Some(place) = lost(&object) {
            self.lossy.push(format!("{source}: {place}"));
        }
        let text = text.map(str::to_owned);
        let source = source.to_owned();
        self.documents.push(Document { source, version, resource, namespaced, object, text });
    }
}

impl Document {
    /// The path of its like in the script's namespace.
    pub(super) fn collection(&self) -> String {
        let root = if self.version.contains('/') { "/apis" } else { "/api" };
        let namespace = if self.namespaced { "namespaces/$(ns)/" } else { "" };
        format!("{root}/{}/{namespace}{}", self.version, self.resource)
    }

    /// The path of its object, once the step of this name has made it.
    pub(super) fn path(&self, created: &str) -> String {
        match self.name() {
            Some(name) => format!("{}/{name}", self.collection()),
            None => format!("{}/$(name {created})", self.collection()),
        }
    }

    fn name(&self) -> Option<&str> {
        self.object.at("metadata.name").and_then(Value::text)
    }

    /// It, in the script's namespace.
    pub(super) fn placed(&self) -> Value {
        self.changed(&["namespace"])
    }

    /// It without labels, annotations, and the last field of what it is about.
    pub(super) fn less(&self) -> Value {
        let mut less = self.changed(&["namespace", "labels", "annotations"]);
        if let Value::Map(fields) = &mut less
            && let Some((_, Value::Map(last))) = fields.iter_mut().rfind(|(name, _)| name != "metadata")
        {
            last.pop();
        }
        less
    }

    fn changed(&self, without: &[&str]) -> Value {
        let mut object = self.object.clone();
        if let Value::Map(fields) = &mut object
            && let Some((_, Value::Map(metadata))) = fields.iter_mut().find(|(name, _)| name == "metadata")
        {
            metadata.retain(|(name, _)| !without.contains(&name.as_str()));
        }
        object
    }

    /// Its text, if that can be sent as it is.
    pub(super) fn as_written(&self) -> Option<&str> {
        let placed = self.namespaced && self.object.at("metadata.namespace").is_some();
        self.text.as_deref().filter(|_| !placed)
    }

    /// The service account that a pod needs.
    pub(super) fn account(&self) -> Option<&str> {
        let named = ["serviceAccountName", "serviceAccount"]
            .map(|name| self.object.at("spec").and_then(|spec| spec.field(name)).and_then(Value::text));
        let named = named.into_iter().flatten().find(|name| !name.is_empty() && *name != "default");
        named.filter(|_| self.resource == "pods")
    }

    /// What it takes that others could want.
    pub(super) fn stock(&self) -> Stock {
        let object = self.object.to_string();
        let asks = |word: &str| object.contains(&format!("\"{word}\":"));
        if self.resource == "services"
            && (asks("nodePort") || asks("clusterIP") || asks("healthCheckNodePort"))
        {
            return Stock::Services;
        }
        match self.name() {
            Some(name) if !self.namespaced => Stock::Name(self.resource.clone(), name.to_owned()),
            _ => Stock::None,
        }
    }
}

/// Where an object that went through protobuf, or through YAML, is not what it was.
fn lost(object: &Value) -> Option<String> {
    let json = object.to_string();
    // What cannot be decoded is for the servers to refuse.
    let (decoded, _) = convert::decode(json.as_bytes(), Encoding::Json, false).ok()?;
    let plain = convert::encode(&decoded, Encoding::Json).ok()?;
    for through in [Encoding::Protobuf, Encoding::Yaml] {
        let back = convert::encode(&decoded, through)
            .map_err(|error| error.to_string())
            .and_then(|form| convert::decode(&form, through, true).map_err(|error| error.to_string()))
            .and_then(|(again, _)| {
                convert::encode(&again, Encoding::Json).map_err(|error| error.to_string())
            });
        match back {
            Ok(back) if back == plain => {}
            Ok(_) => return Some(format!("{through:?} gives another object back")),
            Err(error) => return Some(format!("{through:?}: {error}")),
        }
    }
    None
}

fn kinds() -> BTreeMap<(String, String), Resource> {
    let facts: Json = serde_json::from_str(RESOURCES).expect("JSON of facts");
    let mut kinds = BTreeMap::new();
    for (group, versions) in facts["groups"].as_object().into_iter().flatten() {
        for (version, resources) in versions.as_object().into_iter().flatten() {
            let version = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
            for (name, fact) in resources.as_object().into_iter().flatten() {
                if let (Some(kind), Some(namespaced)) = (fact["kind"].as_str(), fact["namespaced"].as_bool())
                {
                    kinds.insert((version.clone(), kind.to_owned()), (name.clone(), namespaced));
                }
            }
        }
    }
    kinds
}
