//! `metadata.managedFields`: who owns what, since when, as entries whose sets are read only when somebody has to know.
//!
//! An entry that came out of the store is as this program wrote it, so its bytes are kept while nothing changes in it.
//! What a client sends may be written any way; such entries are read and written anew.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::fields::{FieldsError, hits};
use super::node::{Node, Ty};
use super::set::Set;
use crate::arena::{Kind, TypeRef};
use crate::json::{decode_any, encode_value, push_string};
use crate::scalar::quote::quote;
use crate::scalar::time::{Precision, Time};
use crate::tree::{Entry as FieldEntry, Fields, Object, Str, Value, View};

/// What a manager did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// It applied a configuration.
    Apply,
    /// It wrote in any other way.
    Update,
}

impl Operation {
    /// As the API writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who owns fields: entries with the same identity are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The manager's name.
    pub manager: Str,
    /// What it did.
    pub operation: Operation,
    /// The version in which it did. Appliers are the same in every version.
    pub api_version: Str,
    /// The subresource through which it did; empty for the resource itself.
    pub subresource: Str,
}

impl Identity {
    /// Whether the entries of both are one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
            && self.subresource == other.subresource
    }

    /// The text by which upstream keeps and sorts managers.
    pub(super) fn sort_key(&self) -> Vec<u8> {
        let mut out = b"{".to_vec();
        let mut member = |name: &str, value: &str| {
            if !value.is_empty() {
                out.extend_from_slice(if out.len() > 1 { b",\"" } else { b"\"" });
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                push_string(value, &mut out);
            }
        };
        member("manager", &self.manager);
        member("operation", self.operation.as_str());
        if self.operation == Operation::Update {
            member("apiVersion", &self.api_version);
        }
        member("subresource", &self.subresource);
        out.push(b'}');
        out
    }
}

/// A manager as messages name it: `"kubectl-edit" using apps/v1`.
impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&quote(&self.manager))?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {}", quote(&self.subresource))?;
        }
        match self.operation {
            Operation::Apply => Ok(()),
            Operation::Update => write!(f, " using {}", self.api_version),
        }
    }
}

/// What is owned.
#[derive(Clone, Debug)]
enum Owned {
    /// As it is stored, in canonical form.
    Stored(Box<[u8]>),
    Set(Set),
}

/// One manager and its fields.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who.
    pub identity: Identity,
    /// When it last changed something.
    pub time: Option<Time>,
    owned: Owned,
}

impl Entry {
    /// A manager and its fields.
    #[must_use]
    pub fn new(identity: Identity, time: Option<Time>, set: Set) -> Self {
        Self { identity, time, owned: Owned::Set(set) }
    }

    /// What it owns.
    #[must_use]
    pub fn set(&self) -> Cow<'_, Set> {
        match &self.owned {
            Owned::Set(set) => Cow::Borrowed(set),
            Owned::Stored(json) => Cow::Owned(Set::from_json(json).unwrap_or_default()),
        }
    }

    /// Whether it is as it was stored.
    pub(super) fn is_stored(&self) -> bool {
        matches!(self.owned, Owned::Stored(_))
    }

    /// Reads what it owns, if that has not been done.
    pub(super) fn read(&mut self) {
        if let Owned::Stored(json) = &self.owned {
            self.owned = Owned::Set(Set::from_json(json).unwrap_or_default());
        }
    }

    /// What it owns, brought in line with the schema if that has not been done, to be changed.
    pub(super) fn set_mut(&mut self, ty: TypeRef<'_>) -> &mut Set {
        if let Owned::Stored(json) = &self.owned {
            let mut set = Set::from_json(json).unwrap_or_default();
            set.reconcile(Ty::of(ty));
            self.owned = Owned::Set(set);
        }
        let Owned::Set(set) = &mut self.owned else { unreachable!("it has just been read") };
        set
    }

    /// How many of the paths of `set` it owns; `None` if only reading it can tell.
    pub(super) fn hits(&self, set: &Set) -> Option<usize> {
        match &self.owned {
            Owned::Stored(json) => hits(json, set),
            Owned::Set(_) => None,
        }
    }

    /// Whether it owns nothing. What is stored owns something.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.owned, Owned::Set(set) if set.is_empty())
    }

    /// Whether another entry differs by no more than its time.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.identity == other.identity && self.json() == other.json()
    }

    fn json(&self) -> Cow<'_, [u8]> {
        match &self.owned {
            Owned::Stored(json) => Cow::Borrowed(json),
            Owned::Set(set) => Cow::Owned(set.to_json()),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        let seconds = |entry: &Self| entry.time.map_or(0, |time| time.seconds);
        let (a, b) = (&self.identity, &other.identity);
        (a.operation, seconds(self), &a.manager, &a.api_version, &a.subresource).cmp(&(
            b.operation,
            seconds(other),
            &b.manager,
            &b.api_version,
            &b.subresource,
        ))
    }
}

/// Why managed fields are refused, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManagedError {
    /// An operation that there is not.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// No version.
    #[error("apiVersion must not be empty")]
    ApiVersion,
    /// No type of fields, in the entry of that place.
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    /// A type of fields that there is not.
    #[error("invalid fieldsType {} in managed fields entry {place}", quote(.fields_type))]
    FieldsType {
        /// The type.
        fields_type: String,
        /// The entry's place.
        place: usize,
    },
    /// Fields that cannot be read.
    #[error("error decoding versioned set from {manager}: error decoding set: {error}")]
    Fields {
        /// Whose.
        manager: String,
        /// Why.
        error: FieldsError,
    },
}

/// All managers of an object.
#[derive(Clone, Debug, Default)]
pub struct Managed {
    /// The entries; no two are one.
    pub entries: Vec<Entry>,
}

impl Managed {
    /// The managers that an object names.
    ///
    /// # Errors
    /// If an entry is not as it has to be.
    pub fn of(object: &Object) -> Result<Self, ManagedError> {
        Self::read(list(object), false)
    }

    /// The same of an object that this program has stored.
    pub(super) fn stored(object: &Object) -> Result<Self, ManagedError> {
        Self::read(list(object), true)
    }

    pub(super) fn read(list: View<'_>, stored: bool) -> Result<Self, ManagedError> {
        let mut managed = Self::default();
        for (place, view) in list.items().enumerate() {
            let entry = read_entry(place, view, stored)?;
            // Of entries that are one the last counts.
            match managed.get_mut(&entry.identity) {
                Some(known) => *known = entry,
                None => managed.entries.push(entry),
            }
        }
        Ok(managed)
    }

    /// The entry of that identity.
    #[must_use]
    pub fn get(&self, identity: &Identity) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.identity.is(identity))
    }

    pub(super) fn get_mut(&mut self, identity: &Identity) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.identity.is(identity))
    }

    /// Puts it into an object, sorted as upstream sorts.
    pub fn write(mut self, object: &mut Object) {
        self.entries.sort_by(Entry::order);
        let schema = object.schema().clone();
        let Some((metadata, at, item)) = place(schema.ty()) else { return };
        let values = self.entries.iter().map(|entry| write_entry(item, entry));
        let list = (!self.entries.is_empty()).then(|| Value::List(values.collect()));
        match list {
            Some(list) => {
                let metadata =
                    object.root_mut().get_or_insert_with(metadata, || Value::Struct(Fields::new()));
                if let Some(fields) = metadata.as_fields_mut() {
                    fields.set(at, list);
                }
            }
            None => drop(take(object)),
        }
    }
}

/// The object's list of managed fields.
pub(super) fn list(object: &Object) -> View<'_> {
    object.view().field("metadata").field("managedFields")
}

/// Takes the list out of an object.
pub(super) fn take(object: &mut Object) -> Option<Value> {
    let schema = object.schema().clone();
    let (metadata, at, _) = place(schema.ty())?;
    object.root_mut().get_mut(metadata)?.as_fields_mut()?.remove(at)
}

/// Puts a list into an object that has metadata, as it is.
pub(super) fn put(object: &mut Object, list: Option<Value>) {
    take(object);
    let schema = object.schema().clone();
    if let (Some((metadata, at, _)), Some(list)) = (place(schema.ty()), list)
        && let Some(fields) = object.root_mut().get_mut(metadata).and_then(Value::as_fields_mut)
    {
        fields.set(at, list);
    }
}

/// Where the list is: the field of the metadata, the field in it, and the type of the items.
fn place(ty: TypeRef<'_>) -> Option<(u16, u16, TypeRef<'_>)> {
    let metadata = ty.as_struct()?.by_name("metadata")?;
    let list = metadata.ty().as_struct()?.by_name("managedFields")?;
    Some((metadata.index, list.index, list.ty().elem()))
}

/// The type of the list.
pub(super) fn list_type(ty: TypeRef<'_>) -> Option<TypeRef<'_>> {
    let metadata = ty.as_struct()?.by_name("metadata")?;
    Some(metadata.ty().as_struct()?.by_name("managedFields")?.ty())
}

/// Whether a list says that nobody is to own anything: no entries, or a single empty one.
pub(super) fn is_reset(list: View<'_>) -> bool {
    match list.value().map(Value::items) {
        Some([]) => list.value().is_some_and(|value| matches!(value, Value::List(_))),
        Some([Value::Struct(fields)]) => fields.is_empty(),
        Some([Value::Map(entries)]) => entries.is_empty(),
        _ => false,
    }
}

fn read_entry(place: usize, view: View<'_>, stored: bool) -> Result<Entry, ManagedError> {
    let text = |name: &str| view.field(name).text();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err(ManagedError::Operation),
    };
    if text("apiVersion").is_empty() {
        return Err(ManagedError::ApiVersion);
    }
    match text("fieldsType") {
        "FieldsV1" => {}
        "" => return Err(ManagedError::NoFieldsType(place)),
        other => return Err(ManagedError::FieldsType { fields_type: other.to_owned(), place }),
    }
    let string = |name: &str| match view.field(name).value() {
        Some(Value::Str(text)) => text.clone(),
        _ => Str::default(),
    };
    let time = match view.field("time").value() {
        Some(Value::Time(time)) => Some(*time),
        Some(Value::Str(text)) => Time::parse(text, Precision::Seconds).ok(),
        _ => None,
    };
    let identity = Identity {
        manager: string("manager"),
        operation,
        api_version: string("apiVersion"),
        subresource: string("subresource"),
    };
    let json = match view.field("fieldsV1").value() {
        Some(Value::Raw(json)) => Cow::Borrowed(&**json),
        Some(value) => Cow::Owned(json_of(view.field("fieldsV1").ty(), value)),
        None => Cow::Borrowed(&b"{}"[..]),
    };
    let owned = if stored {
        Owned::Stored(json.into())
    } else {
        let set = Set::from_json(&json);
        Owned::Set(
            set.map_err(|error| ManagedError::Fields { manager: identity.manager.to_string(), error })?,
        )
    };
    Ok(Entry { identity, time, owned })
}

fn json_of(ty: Option<TypeRef<'_>>, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(ty) = ty {
        let free = Node::of(Some(ty), value).to_any(Ty::of(ty));
        // Free JSON can be written whatever it is.
        let _ = encode_value(ty, &free, &mut out);
    }
    out
}

fn write_entry(item: TypeRef<'_>, entry: &Entry) -> Value {
    let Some(of) = item.as_struct() else { return Value::Null };
    let identity = &entry.identity;
    let text = |text: &Str| (!text.is_empty()).then(|| Value::Str(text.clone()));
    let time = |time: Time, kind| match kind {
        Kind::Time => Value::Time(time),
        _ => {
            let mut out = Vec::new();
            time.push(&mut out, Precision::Seconds);
            Value::from(String::from_utf8_lossy(&out).as_ref())
        }
    };
    let fields = of.fields().filter_map(|field| {
        let kind = field.ty().kind();
        let value = match field.name() {
            "manager" => text(&identity.manager),
            "operation" => Some(Value::from(identity.operation.as_str())),
            "apiVersion" => text(&identity.api_version),
            "time" => entry.time.map(|at| time(at, kind)),
            "fieldsType" => Some(Value::from("FieldsV1")),
            "fieldsV1" if kind == Kind::FieldsV1 => Some(Value::Raw(entry.json().into())),
            "fieldsV1" => decode_any(&entry.json()).ok(),
            "subresource" => text(&identity.subresource),
            _ => None,
        };
        value.map(|value| FieldEntry { index: field.index, value })
    });
    let fields: Vec<FieldEntry> = fields.collect();
    Value::Struct(Fields::from_sorted(fields))
}
