//! The tree: an object in memory, decoded once and encoded once.
//!
//! A tree holds values and field numbers only; what they mean is in the arena's type beside it. Absent and zero are
//! kept apart exactly where upstream's Go types can tell them apart: a scalar or struct that is no pointer is never
//! present with its zero value, so equal objects are equal trees. Fields rise by index, that is in upstream's order,
//! and map entries by key, so encoding is plain iteration.

mod object;
mod view;

pub use object::Object;
pub use view::View;

use thin_vec::ThinVec;

use crate::scalar::time::Time;

/// A short text: up to 24 bytes in place. (Measured against one that shares longer texts: decoding is a tenth faster, and
/// cloning an object no slower.)
pub type Str = compact_str::CompactString;

/// The index under which a struct of an untyped arena keeps the fields that its schema does not know, as a map.
pub const EXTRA: u16 = u16::MAX;

/// A value; its type says how it is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A nil slice, map or pointer in a place that has to hold something, or a null of an untyped object.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text; quantities in canonical form.
    Str(Str),
    /// Octets.
    Bytes(Box<[u8]>),
    /// A time of either precision.
    Time(Time),
    /// Fields of a struct.
    Struct(Fields),
    /// Items in order.
    List(ThinVec<Value>),
    /// Values by text, or the members of an object without a schema.
    Map(Entries),
    /// Well-formed JSON as it came.
    Raw(Box<[u8]>),
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The time, if it is one.
    #[must_use]
    pub fn as_time(&self) -> Option<Time> {
        match self {
            Self::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// The octets, if it is octets.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The fields, if it is a struct.
    #[must_use]
    pub fn as_fields(&self) -> Option<&Fields> {
        match self {
            Self::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    /// The fields, if it is a struct.
    pub fn as_fields_mut(&mut self) -> Option<&mut Fields> {
        match self {
            Self::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    /// The items; none if it is no list.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The items, if it is a list.
    pub fn items_mut(&mut self) -> Option<&mut ThinVec<Value>> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&Entries> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn as_map_mut(&mut self) -> Option<&mut Entries> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether Go's `omitempty` would leave it out: false, zero, or without content.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Int(0) => true,
            Self::Float(number) => *number == 0.0,
            Self::Str(text) => text.is_empty(),
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(Str::new(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// A field and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The field's index in its struct.
    pub index: u16,
    /// Its value.
    pub value: Value,
}

/// The present fields of a struct, rising by index. They take no more room than they need: adding one is rare beside
/// reading all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(Box<[Entry]>);

impl Fields {
    /// No fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These fields, which must rise by index.
    #[inline]
    #[must_use]
    pub(crate) fn from_sorted(entries: Vec<Entry>) -> Self {
        Self(entries.into_boxed_slice())
    }

    fn insert(&mut self, at: usize, entry: Entry) {
        let mut entries = std::mem::take(&mut self.0).into_vec();
        entries.reserve_exact(1);
        entries.insert(at, entry);
        self.0 = entries.into_boxed_slice();
    }

    #[inline]
    fn place(&self, index: u16) -> Result<usize, usize> {
        // Objects have few fields each: a scan beats halving.
        match self.0.iter().position(|entry| entry.index >= index) {
            Some(at) if self.0[at].index == index => Ok(at),
            Some(at) => Err(at),
            None => Err(self.0.len()),
        }
    }

    /// The value of a field.
    #[inline]
    #[must_use]
    pub fn get(&self, index: u16) -> Option<&Value> {
        self.place(index).ok().map(|at| &self.0[at].value)
    }

    /// The value of a field.
    pub fn get_mut(&mut self, index: u16) -> Option<&mut Value> {
        match self.place(index) {
            Ok(at) => Some(&mut self.0[at].value),
            Err(_) => None,
        }
    }

    /// The value of a field, made by `make` if it is absent.
    pub fn get_or_insert_with(&mut self, index: u16, make: impl FnOnce() -> Value) -> &mut Value {
        let at = match self.place(index) {
            Ok(at) => at,
            Err(at) => {
                self.insert(at, Entry { index, value: make() });
                at
            }
        };
        &mut self.0[at].value
    }

    /// Sets a field; its value before that.
    pub fn set(&mut self, index: u16, value: Value) -> Option<Value> {
        match self.place(index) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].value, value)),
            Err(at) => {
                self.insert(at, Entry { index, value });
                None
            }
        }
    }

    /// Takes a field away.
    pub fn remove(&mut self, index: u16) -> Option<Value> {
        let at = self.place(index).ok()?;
        let mut entries = std::mem::take(&mut self.0).into_vec();
        let removed = entries.remove(at);
        self.0 = entries.into_boxed_slice();
        Some(removed.value)
    }

    /// Keeps the fields that `keep` says to keep.
    pub fn retain(&mut self, mut keep: impl FnMut(u16, &mut Value) -> bool) {
        let mut entries = std::mem::take(&mut self.0).into_vec();
        entries.retain_mut(|entry| keep(entry.index, &mut entry.value));
        self.0 = entries.into_boxed_slice();
    }

    /// Whether no field is present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The present fields.
    #[inline]
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The present fields.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = (u16, &mut Value)> {
        self.0.iter_mut().map(|entry| (entry.index, &mut entry.value))
    }

    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.0.into_vec()
    }
}

/// A map's entries, rising by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries(ThinVec<(Str, Value)>);

impl Entries {
    /// No entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These entries; of entries with the same key the last one counts.
    #[must_use]
    pub(crate) fn from_pairs(pairs: impl ExactSizeIterator<Item = (Str, Value)>, sorted: bool) -> Self {
        if pairs.len() == 0 {
            return Self::default();
        }
        let mut entries = ThinVec::with_capacity(pairs.len());
        entries.extend(pairs);
        if !sorted {
            entries.sort_by(|a: &(Str, Value), b| a.0.cmp(&b.0));
            // Stable order puts the last of equals last; keep that one.
            entries.reverse();
            entries.dedup_by(|a, b| a.0 == b.0);
            entries.reverse();
        }
        Self(entries)
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(key))
    }

    /// The value at `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.place(key).ok().map(|at| &self.0[at].1)
    }

    /// The value at `key`.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        match self.place(key) {
            Ok(at) => Some(&mut self.0[at].1),
            Err(_) => None,
        }
    }

    /// Sets the value at `key`; the one before that.
    pub fn set(&mut self, key: &str, value: Value) -> Option<Value> {
        match self.place(key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (Str::new(key), value));
                None
            }
        }
    }

    /// Takes the entry at `key` away.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.place(key).ok().map(|at| self.0.remove(at).1)
    }

    /// Keeps the entries that `keep` says to keep.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }

    /// The entries.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Str, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The entries.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Str, &mut Value)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts an entry at the end; whether the keys still rise.
    pub(crate) fn push(&mut self, key: Str, value: Value) -> bool {
        let rises = self.0.last().is_none_or(|(last, _)| *last < key);
        self.0.push((key, value));
        rises
    }

    pub(crate) fn pairs(&self) -> &[(Str, Value)] {
        &self.0
    }

    pub(crate) fn into_pairs(self) -> ThinVec<(Str, Value)> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_small() {
        assert_eq!(size_of::<Value>(), 24);
        assert_eq!(size_of::<Entry>(), 32);
    }

    #[test]
    fn fields_rise_and_the_last_of_equal_keys_counts() {
        let mut fields = Fields::new();
        for index in [3, 1, 2, 1] {
            fields.set(index, Value::Int(i64::from(index)));
        }
        assert_eq!(fields.entries().iter().map(|entry| entry.index).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(fields.remove(2), Some(Value::Int(2)));
        assert_eq!(fields.get(2), None);
        let pairs =
            vec![("b".into(), Value::Int(1)), ("a".into(), Value::Int(2)), ("b".into(), Value::Int(3))];
        let entries = Entries::from_pairs(pairs.into_iter(), false);
        let shown: Vec<_> =
            entries.iter().map(|(key, value)| (key.as_str(), value.as_int().unwrap())).collect();
        assert_eq!(shown, [("a", 2), ("b", 3)]);
    }
}
