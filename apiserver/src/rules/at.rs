//! A value where it stands in an object: what rules look at, and what they are told of.

use keelson_api::field::{Detail, Error, Errors, Path, Value as Shown};
use keelson_api::names::{Reasons, number, object};
use keelson_schema::arena::TypeRef;
use keelson_schema::tree::{Fields, Object, Value, View};

use super::same::is_same;
use super::{IMMUTABLE, NEGATIVE, NOT_POSITIVE, shown};

/// A value, or its absence, and the path by which messages call it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'o, 'p> {
    /// The value.
    pub(crate) view: View<'o>,
    /// Where it is.
    pub(crate) path: Path<'p>,
}

impl<'o, 'p> At<'o, 'p> {
    /// The field `name` of an object.
    pub(crate) fn root(object: &'o Object, name: &'p str) -> Self {
        Self { view: object.view().field(name), path: Path::new(name) }
    }

    /// The field `name` within this.
    pub(crate) fn field<'b>(&'b self, name: &'b str) -> At<'o, 'b> {
        self.field_as(name, name)
    }

    /// The field `name` within this, which messages call `shown`.
    pub(crate) fn field_as<'b>(&'b self, name: &str, shown: &'b str) -> At<'o, 'b> {
        At { view: self.view.field(name), path: self.path.child(shown) }
    }

    /// The entry `key` of this map.
    pub(crate) fn key<'b>(&'b self, key: &'b str) -> At<'o, 'b> {
        At { view: self.view.key(key), path: self.path.key(key) }
    }

    /// The item `index` of this list.
    pub(crate) fn index<'b>(&'b self, index: usize) -> At<'o, 'b> {
        At { view: self.view.item(index), path: self.path.index(index) }
    }

    /// The items of this list.
    pub(crate) fn items<'b>(&'b self) -> impl ExactSizeIterator<Item = At<'o, 'b>> {
        self.view.items().enumerate().map(|(index, view)| At { view, path: self.path.index(index) })
    }

    /// The entries of this map, by rising key.
    pub(crate) fn entries<'b>(&'b self) -> impl Iterator<Item = (&'b str, At<'o, 'b>)>
    where
        'o: 'b,
    {
        self.keys().map(|key| (key, self.key(key)))
    }

    /// The keys of this map, rising.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'o str> + use<'o> {
        let entries = self.view.value().and_then(Value::as_map);
        entries.into_iter().flat_map(|entries| entries.iter().map(|(key, _)| key.as_str()))
    }

    /// The names of the fields that are there, if it is a struct.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'o str> + use<'o> {
        let of = self.view.ty().and_then(TypeRef::as_struct);
        let entries = self.view.fields().map_or(&[][..], Fields::entries);
        entries.iter().filter_map(move |entry| Some(of?.field(entry.index).name()))
    }

    /// How many items or entries there are.
    pub(crate) fn len(&self) -> usize {
        match self.view.value() {
            Some(Value::List(items)) => items.len(),
            Some(Value::Map(entries)) => entries.len(),
            _ => 0,
        }
    }

    /// The text; empty if there is none.
    pub(crate) fn text(&self) -> &'o str {
        self.view.text()
    }

    /// The whole number, if there is one.
    pub(crate) fn int(&self) -> Option<i64> {
        self.view.int()
    }

    /// Whether it is true.
    pub(crate) fn is_true(&self) -> bool {
        self.view.is_true()
    }

    /// Whether there is a value, be it empty.
    pub(crate) fn is_present(&self) -> bool {
        self.view.is_present()
    }

    /// Whether there is no value, or one without content.
    pub(crate) fn is_empty(&self) -> bool {
        self.view.value().is_none_or(Value::is_empty)
    }

    /// The value as messages show it.
    pub(crate) fn shown(&self) -> Shown<'o> {
        shown::of(self.view)
    }

    /// Says that it is missing.
    pub(crate) fn missing(&self, detail: impl Into<Detail>, errors: &mut Errors) {
        errors.push(Error::required(&self.path, detail));
    }

    /// Says that its value is invalid.
    pub(crate) fn invalid(&self, detail: impl Into<Detail>, errors: &mut Errors) {
        errors.push(Error::invalid(&self.path, self.shown(), detail));
    }

    /// Says that it may not be now.
    pub(crate) fn forbidden(&self, detail: impl Into<Detail>, errors: &mut Errors) {
        errors.push(Error::forbidden(&self.path, detail));
    }

    /// Says that it is there more than once.
    pub(crate) fn duplicate(&self, errors: &mut Errors) {
        errors.push(Error::duplicate(&self.path, self.shown()));
    }

    /// Says that it names what is not there.
    pub(crate) fn not_found(&self, errors: &mut Errors) {
        errors.push(Error::not_found(&self.path, self.shown()));
    }

    /// Says that it is none of `supported`.
    pub(crate) fn not_supported(&self, supported: &[&str], errors: &mut Errors) {
        errors.push(Error::not_supported(&self.path, self.shown(), supported));
    }

    /// It is there, with content. Tells whether it is.
    pub(crate) fn require(&self, errors: &mut Errors) -> bool {
        self.require_saying("", errors)
    }

    /// It is there, with content. Tells whether it is.
    pub(crate) fn require_saying(&self, detail: &'static str, errors: &mut Errors) -> bool {
        let is_there = !self.is_empty();
        if !is_there {
            self.missing(detail, errors);
        }
        is_there
    }

    /// It is one of `supported`, which are in the order in which messages list them.
    pub(crate) fn one_of(&self, supported: &[&str], errors: &mut Errors) {
        if !supported.contains(&self.text()) {
            self.not_supported(supported, errors);
        }
    }

    /// It keeps to a rule of texts.
    pub(crate) fn keep_to(&self, rule: fn(&str) -> Reasons, errors: &mut Errors) {
        for reason in rule(self.text()) {
            self.invalid(reason, errors);
        }
    }

    /// It keeps to a rule of texts, and is shown as a plain text whatever its type.
    pub(crate) fn keep_to_shown(&self, rule: fn(&str) -> Reasons, errors: &mut Errors) {
        errors.push_invalid(&self.path, self.text(), rule(self.text()));
    }

    /// It keeps to a rule of objects' names.
    pub(crate) fn name_of(&self, rule: object::Rule, errors: &mut Errors) {
        for reason in rule(self.text(), object::Part::Whole) {
            self.invalid(reason, errors);
        }
    }

    /// Its number, if there is one, is not below zero.
    pub(crate) fn non_negative(&self, errors: &mut Errors) {
        if self.int().is_some_and(|number| number < 0) {
            self.invalid(NEGATIVE, errors);
        }
    }

    /// Its number, which counts as zero if it is absent, is above zero.
    pub(crate) fn positive(&self, errors: &mut Errors) {
        if self.int().unwrap_or(0) <= 0 {
            self.invalid(NOT_POSITIVE, errors);
        }
    }

    /// Its number, if there is one, lies between two others.
    pub(crate) fn in_range(&self, low: i64, high: i64, errors: &mut Errors) {
        if let Some(number) = self.int() {
            for reason in number::in_range(number, low, high) {
                self.invalid(reason, errors);
            }
        }
    }

    /// It is what it was.
    pub(crate) fn immutable(&self, old: View<'_>, errors: &mut Errors) {
        if !is_same(self.view, old) {
            self.invalid(IMMUTABLE, errors);
        }
    }

    /// It is what it was; where it is a pointer upstream, nothing is shown as nothing.
    pub(crate) fn immutable_pointer(&self, old: View<'_>, errors: &mut Errors) {
        if self.is_present() {
            self.immutable(old, errors);
        } else if old.is_present() {
            errors.push(Error::invalid(&self.path, Shown::Null, IMMUTABLE));
        }
    }
}
