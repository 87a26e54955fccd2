//! Changing an object by its fields' names, as hooks do it.
//!
//! What is set is in normal form: a zero that upstream's Go type cannot tell from absence takes its field away. Only
//! the built-in types have hooks, so only their objects are edited.

use keelson_schema::arena::{StructRef, builtin};
use keelson_schema::normal;
use keelson_schema::tree::{Entries, Fields, Object, Value, View};

/// A struct within an object, to look at and to change.
pub(crate) struct Edit<'a> {
    of: StructRef<'static>,
    fields: &'a mut Fields,
}

impl<'a> Edit<'a> {
    /// An object as a whole.
    pub(crate) fn object(object: &'a mut Object) -> Self {
        let ty = builtin().ty(object.ty().id());
        debug_assert!(ty == object.ty(), "only objects of built-in types are edited");
        let of = ty.as_struct().expect("objects are structs");
        Self { of, fields: object.root_mut() }
    }

    fn place(&self, name: &str) -> u16 {
        self.of.index_of(name).unwrap_or_else(|| panic!("{} has no field {name}", self.of.ty().name()))
    }

    /// The struct as a view.
    pub(crate) fn view(&self) -> View<'_> {
        View::of_struct(self.of.ty(), self.fields)
    }

    /// The names of the fields that are there.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let of = self.of;
        self.fields.entries().iter().map(move |entry| of.field(entry.index).name())
    }

    /// The value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(self.place(name))
    }

    /// The value of a field.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.fields.get_mut(self.place(name))
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The text of a field; empty if it has none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The number of a field.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Value::as_int)
    }

    /// Whether a field is true.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool) == Some(true)
    }

    /// Sets a field.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        let (place, value) = (self.place(name), value.into());
        if normal::is_absent(self.of.field(place), &value) {
            self.fields.remove(place);
        } else {
            self.fields.set(place, value);
        }
    }

    /// Sets a field if it is not there.
    pub(crate) fn default(&mut self, name: &str, value: impl Into<Value>) {
        if !self.has(name) {
            self.set(name, value);
        }
    }

    /// Sets a field to that value, or takes it away if there is none.
    pub(crate) fn put(&mut self, name: &str, value: Option<Value>) {
        match value {
            Some(value) => self.set(name, value),
            None => _ = self.remove(name),
        }
    }

    /// Takes a field away.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(self.place(name))
    }

    /// The struct in a field, if there is one.
    pub(crate) fn part(&mut self, name: &str) -> Option<Edit<'_>> {
        let place = self.place(name);
        let of = self.of.field(place).ty().as_struct()?;
        let fields = self.fields.get_mut(place)?.as_fields_mut()?;
        Some(Edit { of, fields })
    }

    /// The struct in a field, made if there is none. A struct that is no pointer must not be left empty.
    pub(crate) fn made(&mut self, name: &str) -> Edit<'_> {
        let place = self.place(name);
        let of = self.of.field(place).ty().as_struct().expect("the field is a struct");
        let value = self.fields.get_or_insert_with(place, || Value::Struct(Fields::new()));
        if value.as_fields().is_none() {
            *value = Value::Struct(Fields::new());
        }
        Edit { of, fields: value.as_fields_mut().expect("it has just been made one") }
    }

    /// The structs of a list.
    pub(crate) fn items(&mut self, name: &str) -> impl DoubleEndedIterator<Item = Edit<'_>> {
        let place = self.place(name);
        let of = self.of.field(place).ty().elem().as_struct().expect("the field is a list of structs");
        let items = self.fields.get_mut(place).and_then(Value::items_mut);
        items.into_iter().flatten().filter_map(move |item| Some(Edit { of, fields: item.as_fields_mut()? }))
    }

    /// The structs of a map.
    pub(crate) fn values(&mut self, name: &str) -> impl Iterator<Item = Edit<'_>> {
        let place = self.place(name);
        let of = self.of.field(place).ty().elem().as_struct().expect("the field is a map of structs");
        let entries = self.fields.get_mut(place).and_then(Value::as_map_mut);
        let values = entries.into_iter().flat_map(|entries| entries.iter_mut().map(|(_, value)| value));
        values.filter_map(move |value| Some(Edit { of, fields: value.as_fields_mut()? }))
    }

    /// Calls `change` for the struct in a field, or for each of its structs if it is a list.
    pub(crate) fn each(&mut self, name: &str, mut change: impl FnMut(Edit<'_>)) {
        let ty = self.of.field(self.place(name)).ty();
        if ty.as_struct().is_some() {
            self.part(name).into_iter().for_each(change);
        } else {
            self.items(name).for_each(&mut change);
        }
    }

    /// A new struct of the kind that a list holds, or another field, made by `make`.
    pub(crate) fn item(&self, name: &str, make: impl FnOnce(&mut Edit<'_>)) -> Value {
        let ty = self.of.field(self.place(name)).ty();
        let of = ty.as_struct().or_else(|| ty.elem().as_struct()).expect("the field holds structs");
        let mut fields = Fields::new();
        make(&mut Edit { of, fields: &mut fields });
        Value::Struct(fields)
    }

    /// The map in a field, made if there is none.
    pub(crate) fn map(&mut self, name: &str) -> &mut Entries {
        let value = self.fields.get_or_insert_with(self.place(name), || Value::Map(Entries::new()));
        if value.as_map().is_none() {
            *value = Value::Map(Entries::new());
        }
        value.as_map_mut().expect("it has just been made one")
    }
}
