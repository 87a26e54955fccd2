//! What a decision is made of: actions, in which order and at which pace, and what to do when they are done.

use std::fmt;
use std::time::Duration;

use keelson_client::client::Deletion;
use keelson_client::events::{Event, Regarding, Weight};
use keelson_client::{Key, Meta, Patch, Problem, Resource};
use serde_json::Value;

/// What is to be done about a key.
#[derive(Default)]
pub(crate) struct Plan {
    /// One after the other; whatever fails here ends the plan, and it is made anew later.
    pub(crate) first: Vec<Action>,
    /// After that.
    pub(crate) then: Vec<Action>,
    /// How `then` is done.
    pub(crate) pace: Pace,
    /// At the end, knowing whether `then` failed: what is written down about it.
    pub(crate) finish: Option<Finish>,
    /// How that is done.
    pub(crate) ending: Pace,
    /// When to look again, though nothing may have changed.
    pub(crate) again: Option<Duration>,
}

/// Decides what is written down at the end.
pub(crate) type Finish = Box<dyn FnOnce(Option<&Problem>) -> Vec<Action> + Send>;

/// How several actions are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One after the other, until one fails.
    #[default]
    InOrder,
    /// All at once.
    AtOnce,
    /// The first one, and when that is done all others at once.
    FirstAlone,
    /// One, then two, then four … at once, until one fails: a creation that cannot succeed is not tried a hundred times.
    SlowStart,
}

impl Plan {
    /// There is nothing to do.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// These, one after the other.
    pub(crate) fn of(first: Vec<Action>) -> Self {
        Self { first, ..Self::default() }
    }

    /// And what is written down at the end, whether or not all went well.
    pub(crate) fn finishing(
        self,
        finish: impl FnOnce(Option<&Problem>) -> Vec<Action> + Send + 'static,
    ) -> Self {
        Self { finish: Some(Box::new(finish)), ..self }
    }
}

/// One request, what must hold for it, and what is told of it.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) what: What,
    /// Only while this object is there and not on its way out, as the server itself says now.
    pub(crate) while_alive: Option<Box<Alive>>,
    /// Only while this object is not there, as the server itself says now.
    pub(crate) while_gone: Option<Box<(Resource, Key)>>,
    /// Only while this object is as it was seen, as the server itself says now.
    pub(crate) while_same: Option<Box<Same>>,
    /// Whether a refusal of what was asked as invalid is fine, since it was done by somebody else.
    pub(crate) may_be_invalid: bool,
    /// Whether it is fine if the object is there already.
    pub(crate) may_exist: bool,
    pub(crate) told: Option<Box<Told>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Create {
        resource: Resource,
        namespace: String,
        object: Value,
    },
    Patch {
        resource: Resource,
        key: Key,
        part: &'static str,
        form: Patch,
        change: Value,
    },
    Delete {
        resource: Resource,
        key: Key,
        how: Deletion,
    },
    /// No request: only an event.
    Tell(Event),
}

/// An object that has to be there.
#[derive(Clone, Debug)]
pub(crate) struct Alive {
    pub(crate) resource: Resource,
    pub(crate) key: Key,
    pub(crate) uid: String,
}

/// An object that has to be as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Same {
    pub(crate) resource: Resource,
    pub(crate) key: Key,
    pub(crate) revision: u64,
}

/// What is told of an action: `{name}` stands for the object's name, `{error}` for what went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) regarding: Regarding,
    pub(crate) done: Vec<Word>,
    pub(crate) failed: Option<Word>,
}

/// An event's reason, its action and its note.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) reason: &'static str,
    pub(crate) action: &'static str,
    pub(crate) note: String,
}

impl Word {
    /// `action` is what upstream's events of the old kind cannot say.
    pub(crate) fn new(reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self { reason, action, note: note.into() }
    }

    /// As an event.
    pub(crate) fn event(&self, regarding: &Regarding, weight: Weight, name: &str, error: &str) -> Event {
        Event {
            regarding: regarding.clone(),
            weight,
            reason: self.reason,
            action: self.action,
            note: self.note.replace("{name}", name).replace("{error}", error),
        }
    }
}

impl Action {
    /// A request that has to succeed, and of which nothing is told.
    pub(crate) fn new(what: What) -> Self {
        Self {
            what,
            while_alive: None,
            while_gone: None,
            while_same: None,
            may_be_invalid: false,
            may_exist: false,
            told: None,
        }
    }

    /// Makes an object.
    pub(crate) fn create(resource: &Resource, namespace: &str, object: Value) -> Self {
        Self::new(What::Create { resource: resource.clone(), namespace: namespace.into(), object })
    }

    /// Merges `change` into an object, if it is still the one that was looked at.
    pub(crate) fn merge(resource: &Resource, meta: &Meta, part: &'static str, mut change: Value) -> Self {
        change["metadata"]["resourceVersion"] = meta.resource_version.to_string().into();
        change["metadata"]["uid"] = meta.uid.as_str().into();
        Self::new(What::Patch {
            resource: resource.clone(),
            key: meta.key(),
            part,
            form: Patch::Merge,
            change,
        })
    }

    /// Patches an object strategically, whatever else became of it.
    pub(crate) fn strategic(resource: &Resource, key: Key, change: Value) -> Self {
        Self::new(What::Patch { resource: resource.clone(), key, part: "", form: Patch::Strategic, change })
    }

    /// Deletes exactly this object.
    pub(crate) fn delete(resource: &Resource, meta: &Meta) -> Self {
        let how = Deletion::of(&meta.uid);
        Self::new(What::Delete { resource: resource.clone(), key: meta.key(), how })
    }

    /// Tells something.
    pub(crate) fn tell(resource: &Resource, meta: &Meta, weight: Weight, word: &Word) -> Self {
        Self::new(What::Tell(word.event(&Regarding::of(resource, meta), weight, "", "")))
    }

    /// And tells of it, in events about an object.
    pub(crate) fn telling(
        self,
        (resource, meta): (&Resource, &Meta),
        done: Vec<Word>,
        failed: Option<Word>,
    ) -> Self {
        let regarding = Regarding::of(resource, meta);
        Self { told: Some(Box::new(Told { regarding, done, failed })), ..self }
    }

    /// But only while an object is not there.
    pub(crate) fn while_gone(self, resource: &Resource, key: Key) -> Self {
        Self { while_gone: Some(Box::new((resource.clone(), key))), ..self }
    }

    /// And it is fine if it is there already.
    pub(crate) fn once(self) -> Self {
        Self { may_exist: true, ..self }
    }

    /// But only while an object is as it was seen, if it is there.
    pub(crate) fn while_same(self, resource: &Resource, meta: &Meta) -> Self {
        let same = Same { resource: resource.clone(), key: meta.key(), revision: meta.resource_version };
        Self { while_same: Some(Box::new(same)), ..self }
    }

    /// But only while an object is alive.
    pub(crate) fn while_alive(self, resource: &Resource, meta: &Meta) -> Self {
        let alive = Alive { resource: resource.clone(), key: meta.key(), uid: meta.uid.to_string() };
        Self { while_alive: Some(Box::new(alive)), ..self }
    }
}

/// What generated names begin with; without the dash where that would make it too long.
pub(crate) fn prefix(name: &str) -> String {
    if name.len() < 253 { format!("{name}-") } else { name.to_owned() }
}

/// One line, as tests read it.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Create { resource, namespace, object } => {
                let meta = &object["metadata"];
                let name = meta["name"].as_str().map_or_else(
                    || format!("{}*", meta["generateName"].as_str().unwrap_or_default()),
                    str::to_owned,
                );
                let within = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
                write!(f, "create {} {within}{name}", resource.plural)?;
                if let Some(replicas) = object["spec"]["replicas"].as_i64() {
                    write!(f, " replicas={replicas}")?;
                }
            }
            What::Patch { resource, key, part, change, .. } => {
                let mut change = change.clone();
                if let Some(meta) = change.get_mut("metadata").and_then(Value::as_object_mut) {
                    meta.remove("resourceVersion");
                    meta.remove("uid");
                    if meta.is_empty() {
                        change.as_object_mut().map(|change| change.remove("metadata"));
                    }
                }
                let part = if part.is_empty() { String::new() } else { format!("/{part}") };
                write!(f, "patch {}{part} {key} {change}", resource.plural)?;
            }
            What::Delete { resource, key, .. } => write!(f, "delete {} {key}", resource.plural)?,
            What::Tell(event) => {
                write!(f, "tell {:?} {}: {}", event.weight, event.reason, event.note)?;
            }
        }
        for word in self.told.iter().flat_map(|told| &told.done) {
            write!(f, " | {}: {}", word.reason, word.note)?;
        }
        Ok(())
    }
}

/// A whole plan in lines; what is written at the end as if all had gone well.
#[cfg(test)]
pub(crate) fn lines(plan: Plan) -> Vec<String> {
    let mut all: Vec<String> = plan.first.iter().chain(&plan.then).map(ToString::to_string).collect();
    all.extend(plan.finish.map(|finish| finish(None)).unwrap_or_default().iter().map(ToString::to_string));
    all.extend(plan.again.map(|again| format!("again in {again:?}")));
    all
}
