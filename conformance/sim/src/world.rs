//! What the store holds at some revision, as checks read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// Nothing, where something may be missing.
static NOTHING: Value = Value::Null;

/// An object, and since when it is as it is.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) object: Arc<Value>,
    /// When it was made, and when it was written last: virtual milliseconds.
    pub(crate) made: u64,
}

/// All objects, by resource (`deployments.apps`) and path (`namespace/name`).
#[derive(Default)]
pub(crate) struct World {
    pub(crate) by_resource: BTreeMap<String, BTreeMap<String, Seen>>,
}

impl World {
    /// All of a resource, by path.
    pub(crate) fn all(&self, resource: &str) -> impl Iterator<Item = (&str, &Arc<Value>)> {
        let found = self.by_resource.get(resource).into_iter().flatten();
        found.map(|(path, seen)| (path.as_str(), &seen.object))
    }

    /// All of a resource in a namespace.
    pub(crate) fn within(&self, resource: &str, namespace: &str) -> impl Iterator<Item = &Arc<Value>> {
        self.all(resource).filter(move |(_, object)| object.space() == namespace).map(|(_, object)| object)
    }

    pub(crate) fn get(&self, resource: &str, path: &str) -> Option<&Arc<Value>> {
        Some(&self.by_resource.get(resource)?.get(path)?.object)
    }

    pub(crate) fn seen(&self, resource: &str, path: &str) -> Option<&Seen> {
        self.by_resource.get(resource)?.get(path)
    }

    /// All of a resource over which the object of this uid decides.
    pub(crate) fn of(&self, resource: &str, uid: &str) -> Vec<&Arc<Value>> {
        let owned = |object: &Value| object.controller().is_some_and(|owner| owner.text("uid") == uid);
        self.all(resource).filter(|(_, object)| owned(object)).map(|(_, object)| object).collect()
    }

    /// The one of a resource that has this uid.
    pub(crate) fn by_uid(&self, resource: &str, namespace: &str, uid: &str) -> Option<&Arc<Value>> {
        self.within(resource, namespace).find(|object| object.uid() == uid)
    }
}

/// What checks ask of objects.
pub(crate) trait Object {
    fn at(&self, path: &str) -> &Value;
    fn text(&self, path: &str) -> &str;
    fn number(&self, path: &str) -> i64;
    fn list(&self, path: &str) -> &[Value];
    fn uid(&self) -> &str {
        self.text("metadata/uid")
    }
    fn name(&self) -> &str {
        self.text("metadata/name")
    }
    fn space(&self) -> &str {
        self.text("metadata/namespace")
    }
    fn is_deleting(&self) -> bool {
        !self.at("metadata/deletionTimestamp").is_null()
    }
    /// The owner that decides over it.
    fn controller(&self) -> Option<&Value> {
        self.list("metadata/ownerReferences").iter().find(|owner| owner["controller"] == true)
    }
    /// The uid of the owner of this kind that decides over it; empty if there is none.
    fn owner(&self, kind: &str) -> &str {
        self.controller().filter(|owner| owner["kind"] == kind).map_or("", |owner| owner.text("uid"))
    }
    /// A condition's status; empty if there is none.
    fn condition(&self, kind: &str) -> &str {
        let all = self.list("status/conditions").iter();
        all.clone().find(|known| known["type"] == kind).map_or("", |known| known.text("status"))
    }
    fn has_finalizer(&self, name: &str) -> bool {
        self.list("metadata/finalizers").iter().any(|known| known == name)
    }
    /// Of a pod: whether it has ended.
    fn has_ended(&self) -> bool {
        matches!(self.text("status/phase"), "Succeeded" | "Failed")
    }
    /// Of a pod: whether it counts for who made it.
    fn is_active(&self) -> bool {
        !self.has_ended() && !self.is_deleting()
    }
    /// Of a pod: whether it does what it is for.
    fn is_ready(&self) -> bool {
        self.condition("Ready") == "True" && self.is_active()
    }
    /// A deployment's, or another's, number of pods.
    fn replicas(&self) -> i64 {
        self.at("spec/replicas").as_i64().unwrap_or(1)
    }
}

impl Object for Value {
    fn at(&self, path: &str) -> &Value {
        path.split('/').fold(self, |value, step| value.get(step).unwrap_or(&NOTHING))
    }

    fn text(&self, path: &str) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    fn number(&self, path: &str) -> i64 {
        self.at(path).as_i64().unwrap_or(0)
    }

    fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

/// Whether a label selector selects these labels. Only what the users of the simulation write is understood.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.get("matchLabels").unwrap_or(selector);
    wanted.as_object().is_some_and(|wanted| {
        !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
    })
}

/// Amounts as the users of the simulation write them, in thousandths.
pub(crate) fn amount(value: &Value) -> i64 {
    let Some(text) = value.as_str() else { return value.as_i64().unwrap_or(0) * 1000 };
    let (digits, factor) = match text.trim_end_matches(|end: char| end.is_alphabetic()) {
        digits if text.ends_with('m') => (digits, 1),
        digits if text.ends_with("Ki") => (digits, 1000 << 10),
        digits if text.ends_with("Mi") => (digits, 1000 << 20),
        digits if text.ends_with("Gi") => (digits, 1000 << 30),
        digits => (digits, 1000),
    };
    digits.parse::<i64>().unwrap_or(0) * factor
}
