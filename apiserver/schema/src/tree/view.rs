//! Walking a tree by name: a value with its type, where an absent value is one more value.

use super::{EXTRA, Fields, Value};
use crate::arena::{Kind, TypeRef};
use crate::path::{Path, Step};

/// A value, or its absence, with its type if it has one.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    ty: Option<TypeRef<'a>>,
    place: Place<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Absent,
    Value(&'a Value),
    Fields(&'a Fields),
}

impl<'a> View<'a> {
    const ABSENT: Self = Self { ty: None, place: Place::Absent };

    /// A value of type `ty`.
    #[must_use]
    pub fn new(ty: TypeRef<'a>, value: Option<&'a Value>) -> Self {
        let place = value.map_or(Place::Absent, Place::Value);
        Self { ty: Some(ty), place }
    }

    /// The fields of an object of type `ty`.
    #[must_use]
    pub fn of_struct(ty: TypeRef<'a>, fields: &'a Fields) -> Self {
        Self { ty: Some(ty), place: Place::Fields(fields) }
    }

    /// Its type.
    #[must_use]
    pub fn ty(self) -> Option<TypeRef<'a>> {
        self.ty
    }

    /// The value. (The object itself has fields, but is no value.)
    #[must_use]
    pub fn value(self) -> Option<&'a Value> {
        match self.place {
            Place::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The fields, if it is a struct.
    #[must_use]
    pub fn fields(self) -> Option<&'a Fields> {
        match self.place {
            Place::Fields(fields) | Place::Value(Value::Struct(fields)) => Some(fields),
            _ => None,
        }
    }

    /// Whether there is a value.
    #[must_use]
    pub fn is_present(self) -> bool {
        !matches!(self.place, Place::Absent)
    }

    /// The field called `name`; of a value without a schema, the member.
    #[must_use]
    pub fn field(self, name: &str) -> Self {
        let Some(ty) = self.ty else { return Self::ABSENT };
        let of = match ty.kind() {
            Kind::Struct => ty.as_struct(),
            Kind::SchemaOrArray | Kind::SchemaOrBool | Kind::SchemaOrStrings => ty.elem().as_struct(),
            _ => return self.key(name),
        };
        let Some(of) = of else { return Self::ABSENT };
        match of.by_name(name) {
            Some(field) => Self::new(field.ty(), self.fields().and_then(|fields| fields.get(field.index))),
            None => {
                let extra = self.fields().and_then(|fields| fields.get(EXTRA)).and_then(Value::as_map);
                let place = extra.and_then(|extra| extra.get(name)).map_or(Place::Absent, Place::Value);
                Self { ty: None, place }
            }
        }
    }

    /// The entry at `key` of a map.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        let place = self
            .value()
            .and_then(Value::as_map)
            .and_then(|map| map.get(key))
            .map_or(Place::Absent, Place::Value);
        Self { ty: self.ty.map(child), place }
    }

    /// The item at `index` of a list.
    #[must_use]
    pub fn item(self, index: usize) -> Self {
        let place =
            self.value().and_then(|value| value.items().get(index)).map_or(Place::Absent, Place::Value);
        Self { ty: self.ty.map(child), place }
    }

    /// The items of a list.
    pub fn items(self) -> impl ExactSizeIterator<Item = Self> {
        let items = self.value().map_or(&[][..], Value::items);
        items.iter().map(move |value| Self { ty: self.ty.map(child), place: Place::Value(value) })
    }

    /// What lies at `path` from here: `spec.containers[0].name`, `labels[app]`.
    #[must_use]
    pub fn path(self, path: &str) -> Self {
        let mut view = self;
        for part in path.split('.') {
            // A key in brackets may itself hold points; those are asked for with `key`.
            let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
            if !name.is_empty() {
                view = view.field(name);
            }
            while let Some((inner, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                view = inner.parse().map_or_else(|_| view.key(inner), |index| view.item(index));
                rest = behind;
            }
        }
        view
    }

    /// The text; empty if there is none.
    #[must_use]
    pub fn text(self) -> &'a str {
        self.value().and_then(Value::as_str).unwrap_or("")
    }

    /// The whole number, if there is one.
    #[must_use]
    pub fn int(self) -> Option<i64> {
        self.value().and_then(Value::as_int)
    }

    /// Whether it is true.
    #[must_use]
    pub fn is_true(self) -> bool {
        self.value().and_then(Value::as_bool) == Some(true)
    }
}

/// The type of what is in a list or map of type `ty`; without a schema there is none further in either.
#[inline]
pub(crate) fn child(ty: TypeRef<'_>) -> TypeRef<'_> {
    if ty.kind() == Kind::Any { ty } else { ty.elem() }
}

pub(super) fn walk_fields<'a>(
    ty: TypeRef<'a>,
    fields: &Fields,
    path: Option<&Path<'_>>,
    visit: &mut dyn FnMut(&Path<'_>, TypeRef<'_>, &Value),
) {
    let Some(of) = ty.as_struct() else { return };
    for entry in fields.entries().iter().filter(|entry| entry.index != EXTRA) {
        let field = of.field(entry.index);
        let here = Path::new(path, Step::Field(of, entry.index));
        walk(field.ty(), &entry.value, &here, visit);
    }
}

fn walk(
    ty: TypeRef<'_>,
    value: &Value,
    path: &Path<'_>,
    visit: &mut dyn FnMut(&Path<'_>, TypeRef<'_>, &Value),
) {
    visit(path, ty, value);
    match value {
        Value::Struct(fields) => {
            let ty = if ty.kind() == Kind::Struct { ty } else { ty.elem() };
            walk_fields(ty, fields, Some(path), visit);
        }
        Value::List(items) if ty.kind() != Kind::SchemaOrStrings => {
            for (at, item) in items.iter().enumerate() {
                walk(child(ty), item, &Path::new(Some(path), Step::Index(at)), visit);
            }
        }
        Value::Map(entries) => {
            for (key, item) in entries.iter() {
                walk(child(ty), item, &Path::new(Some(path), Step::Key(key)), visit);
            }
        }
        _ => {}
    }
}
