//! Values as structured merge sees them: scalars, lists and maps, each with the rule by which it is merged.
//!
//! A tree may hold a value as its Go type does (an object that was decoded) or as its JSON stood there (an applied
//! configuration, where an explicit zero or null means something). Both look alike from here: a struct shows the
//! fields that upstream's JSON would show, those it always shows included. A merged object is of both forms: as JSON
//! along the configuration's paths, as it was elsewhere.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::scalar;
use super::zip::zip;
use crate::arena::{FieldRef, Flags, Kind, ListShape, StructRef, TypeRef};
use crate::json::decode_any;
use crate::normal::is_omitted;
use crate::scalar::base64;
use crate::scalar::time::{Precision, Time};
use crate::tree::{EXTRA, Entries, Entry, Fields, Str, Value};

/// How a value is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Part by part.
    Granular,
    /// As a whole.
    Atomic,
    /// By what it turns out to be: maps part by part, lists as a whole.
    Deduced,
    /// By what it turns out to be, and always as a whole.
    Opaque,
}

/// What merging does with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Scalar,
    List,
    Map,
}

/// A type with the rule for its values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ty<'a> {
    pub(super) ty: Option<TypeRef<'a>>,
    rule: Rule,
}

impl<'a> Ty<'a> {
    /// Without a schema.
    pub(super) const DEDUCED: Self = Self { ty: None, rule: Rule::Deduced };
    const OPAQUE: Self = Self { ty: None, rule: Rule::Opaque };

    pub(super) fn of(ty: TypeRef<'a>) -> Self {
        Self::new(ty, ty.is_atomic())
    }

    pub(super) fn of_field(field: FieldRef<'a>) -> Self {
        Self::new(field.ty(), field.is_atomic())
    }

    fn new(ty: TypeRef<'a>, atomic: bool) -> Self {
        let rule = match ty.kind() {
            Kind::Raw => Rule::Opaque,
            Kind::FieldsV1 | Kind::Json | Kind::IntOrString | Kind::Any => Rule::Deduced,
            Kind::SchemaOrBool | Kind::SchemaOrArray | Kind::SchemaOrStrings => Rule::Deduced,
            Kind::List if ty.shape() == ListShape::Atomic => Rule::Atomic,
            _ if atomic => Rule::Atomic,
            _ => Rule::Granular,
        };
        Self { ty: Some(ty), rule }
    }

    pub(super) fn ty(self) -> Option<TypeRef<'a>> {
        self.ty
    }

    /// What the schema says a value is; `None` if it is to be seen from the value.
    pub(super) fn known(self) -> Option<Form> {
        match (self.rule, self.ty.map(TypeRef::kind)) {
            (Rule::Deduced | Rule::Opaque, _) | (_, None) => None,
            (_, Some(Kind::List)) => Some(Form::List),
            (_, Some(Kind::Struct | Kind::Map)) => Some(Form::Map),
            (_, Some(_)) => Some(Form::Scalar),
        }
    }

    /// What is done with `node`, or with nothing.
    #[inline]
    pub(super) fn form(self, node: Option<Node<'_>>) -> Form {
        self.known().unwrap_or(match node {
            Some(Node::Leaf(..)) => Form::Scalar,
            Some(Node::List(_)) => Form::List,
            _ => Form::Map,
        })
    }

    /// Whether a list or map is one value.
    #[inline]
    pub(super) fn is_atomic(self, form: Form) -> bool {
        match self.rule {
            Rule::Granular => false,
            Rule::Atomic | Rule::Opaque => true,
            Rule::Deduced => form == Form::List,
        }
    }

    /// Whether nothing but texts, numbers and truth values may be put into it.
    pub(super) fn scalar_kind(self) -> Option<Kind> {
        (self.known() == Some(Form::Scalar)).then(|| self.ty.map(TypeRef::kind)).flatten()
    }

    /// The struct that declares the fields of a map.
    #[inline]
    pub(super) fn as_struct(self) -> Option<StructRef<'a>> {
        match self.rule {
            Rule::Granular | Rule::Atomic => self.ty?.as_struct(),
            Rule::Deduced | Rule::Opaque => None,
        }
    }

    /// Whether `name` is a declared field.
    pub(super) fn declares(self, name: &str) -> bool {
        self.as_struct().is_some_and(|of| of.index_of(name).is_some())
    }

    /// The type of a list's items.
    pub(super) fn item(self) -> Self {
        match (self.rule, self.ty) {
            (Rule::Granular | Rule::Atomic, Some(ty)) => Self::of(ty.elem()),
            (_, Some(ty)) if matches!(ty.kind(), Kind::List | Kind::SchemaOrArray) => {
                Self { ty: Some(ty.elem()), rule: Rule::Opaque }
            }
            _ => Self::OPAQUE,
        }
    }

    /// The type of the field or entry called `name`; `None` if there can be none.
    pub(super) fn child(self, name: &str) -> Option<Self> {
        let of = self.ty.and_then(TypeRef::as_struct);
        match of.and_then(|of| of.by_name(name)) {
            Some(field) => Some(self.of_child(field)),
            None if of.is_some_and(|of| !of.is_open() && !of.is_empty()) => None,
            None => Some(self.entry()),
        }
    }

    /// The type of a map's entries.
    fn entry(self) -> Self {
        match (self.rule, self.ty) {
            (Rule::Granular | Rule::Atomic, Some(ty)) if ty.kind() == Kind::Map => Self::of(ty.elem()),
            (_, Some(ty)) if ty.kind() == Kind::Map => Self { ty: Some(ty.elem()), rule: self.rule },
            (Rule::Opaque, _) => Self::OPAQUE,
            _ => Self::DEDUCED,
        }
    }

    #[inline]
    pub(super) fn of_child(self, field: FieldRef<'a>) -> Self {
        match self.rule {
            Rule::Granular | Rule::Atomic => Self::of_field(field),
            Rule::Deduced | Rule::Opaque => Self { ty: Some(field.ty()), rule: self.rule },
        }
    }
}

/// A value.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Null,
    /// A text, number, truth value, time or octets, of this kind.
    Leaf(Kind, &'a Value),
    /// JSON that has not been read yet.
    Raw(&'a [u8]),
    List(&'a [Value]),
    Struct(StructRef<'a>, &'a [Entry]),
    Map(&'a Entries),
}

static FALSE: Value = Value::Bool(false);
static ZERO: Value = Value::Int(0);
static ZERO_FLOAT: Value = Value::Float(0.0);
pub(super) static EMPTY: Value = Value::Str(Str::const_new(""));
static ZERO_QUANTITY: Value = Value::Str(Str::const_new("0"));

impl<'a> Node<'a> {
    /// `value`, which is of type `ty` or free JSON.
    #[inline]
    pub(super) fn of(ty: Option<TypeRef<'a>>, value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Time(time) if *time == Time::ZERO => Self::Null,
            Value::Struct(fields) => {
                let of = ty.and_then(|ty| ty.as_struct().or_else(|| ty.elem().as_struct()));
                of.map_or(Self::Null, |of| Self::Struct(of, fields.entries()))
            }
            Value::List(items) => {
                let kind = ty.map(TypeRef::kind);
                if items.is_empty() && matches!(kind, Some(Kind::SchemaOrArray | Kind::SchemaOrStrings)) {
                    return Self::Null;
                }
                Self::List(items)
            }
            Value::Map(entries) => Self::Map(entries),
            Value::Raw(raw) => Self::Raw(raw),
            _ => Self::Leaf(ty.map_or(Kind::Any, TypeRef::kind), value),
        }
    }

    /// A field as JSON shows it; `None` if it does not.
    #[inline]
    pub(super) fn of_field(field: FieldRef<'a>, value: Option<&'a Value>) -> Option<Self> {
        match value {
            Some(value) => (!is_omitted(field, value)).then(|| Self::of(Some(field.ty()), value)),
            None => field.flags().has(Flags::ALWAYS).then(|| Self::zero(field)),
        }
    }

    /// What JSON shows for a field that is absent and always shown.
    pub(super) fn zero(field: FieldRef<'a>) -> Self {
        let ty = field.ty();
        if field.is_pointer() || ty.arena().is_untyped() {
            return Self::Null;
        }
        match ty.kind() {
            Kind::Struct => ty.as_struct().map_or(Self::Null, |of| Self::Struct(of, &[])),
            Kind::Bool | Kind::SchemaOrBool => Self::Leaf(Kind::Bool, &FALSE),
            Kind::Int32 | Kind::Int64 | Kind::IntOrString => Self::Leaf(Kind::Int64, &ZERO),
            Kind::Float64 => Self::Leaf(Kind::Float64, &ZERO_FLOAT),
            Kind::String => Self::Leaf(Kind::String, &EMPTY),
            Kind::Quantity => Self::Leaf(Kind::Quantity, &ZERO_QUANTITY),
            _ => Self::Null,
        }
    }

    pub(super) fn is_map(self) -> bool {
        matches!(self, Self::Struct(..) | Self::Map(_))
    }

    /// Whether it is a list or map without content, or null.
    pub(super) fn is_empty(self) -> bool {
        match self {
            Self::Null => true,
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            Self::Struct(of, entries) => {
                let mut none = true;
                each_field(of, entries, &mut |_, _| none = false);
                none
            }
            Self::Leaf(..) | Self::Raw(_) => false,
        }
    }

    /// The field or entry called `name`, if it is there.
    pub(super) fn get(self, ty: Ty<'a>, name: &str) -> Option<Self> {
        match self {
            Self::Struct(of, entries) => {
                let value =
                    |index| entries.iter().find(|entry| entry.index == index).map(|entry| &entry.value);
                match of.by_name(name) {
                    Some(field) => Self::of_field(field, value(field.index)),
                    None => Some(Self::of(None, value(EXTRA)?.as_map()?.get(name)?)),
                }
            }
            Self::Map(entries) => {
                let value = entries.get(name)?;
                Some(Self::of(ty.child(name).and_then(Ty::ty), value))
            }
            _ => None,
        }
    }

    /// Calls `visit` with the name of every part of a map, whether a struct declares it, its type and itself.
    pub(super) fn each(self, ty: Ty<'a>, visit: &mut dyn FnMut(&'a str, bool, Ty<'a>, Node<'a>)) {
        match self {
            Self::Struct(of, entries) => {
                each_field(of, entries, &mut |field, node| {
                    visit(field.name(), true, ty.of_child(field), node)
                });
                for (name, value) in extra(entries).into_iter().flat_map(Entries::iter) {
                    visit(name, false, Ty::DEDUCED, Self::of(None, value));
                }
            }
            Self::Map(entries) => {
                for (name, value) in entries.iter() {
                    let declared = ty.declares(name);
                    let child = ty.child(name).unwrap_or(Ty::DEDUCED);
                    visit(name, declared, child, Self::of(child.ty, value));
                }
            }
            _ => {}
        }
    }

    /// A copy of the value in the form it has.
    pub(super) fn copied(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Leaf(_, value) => value.clone(),
            Self::Raw(raw) => Value::Raw(raw.into()),
            Self::List(items) => Value::List(items.iter().cloned().collect()),
            Self::Map(entries) => Value::Map(entries.clone()),
            Self::Struct(_, entries) => Value::Struct(Fields::from_sorted(entries.to_vec())),
        }
    }

    /// A map's parts, each in the form it has.
    pub(super) fn parts(self, ty: Ty<'a>) -> Entries {
        let mut pairs: Vec<(Str, Value)> = Vec::with_capacity(16);
        self.each(ty, &mut |name, _, _, node| pairs.push((Str::new(name), node.copied())));
        let sorted = pairs.is_sorted_by(|a, b| a.0 < b.0);
        Entries::from_pairs(pairs.into_iter(), sorted)
    }

    /// The value as free JSON.
    pub(super) fn to_any(self, ty: Ty<'a>) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Leaf(kind, value) => match value {
                Value::Time(_) | Value::Bytes(_) => {
                    Value::Str(text_of(kind, value).map_or_else(Str::default, Str::from))
                }
                value => value.clone(),
            },
            Self::Raw(raw) => decode_any(raw).unwrap_or(Value::Null),
            Self::List(items) => {
                let item = ty.item();
                Value::List(items.iter().map(|value| Self::of(item.ty, value).to_any(item)).collect())
            }
            Self::Struct(..) | Self::Map(_) => {
                let mut pairs: Vec<(Str, Value)> = Vec::with_capacity(16);
                self.each(ty, &mut |name, _, ty, node| pairs.push((Str::new(name), node.to_any(ty))));
                let sorted = pairs.is_sorted_by(|a, b| a.0 < b.0);
                Value::Map(Entries::from_pairs(pairs.into_iter(), sorted))
            }
        }
    }
}

/// The fields that a struct's schema does not know.
pub(super) fn extra(entries: &[Entry]) -> Option<&Entries> {
    entries.last().filter(|entry| entry.index == EXTRA).and_then(|entry| entry.value.as_map())
}

/// Calls `visit` with every field that JSON shows.
pub(super) fn each_field<'a>(
    of: StructRef<'a>,
    entries: &'a [Entry],
    visit: &mut dyn FnMut(FieldRef<'a>, Node<'a>),
) {
    let mut always = of.always();
    let mut show = |field: FieldRef<'a>, value| {
        if let Some(node) = Node::of_field(field, value) {
            visit(field, node);
        }
    };
    for entry in entries.iter().filter(|entry| entry.index != EXTRA) {
        while let Some((index, rest)) = always.split_first()
            && *index <= entry.index
        {
            if *index < entry.index {
                show(of.field(*index), None);
            }
            always = rest;
        }
        show(of.field(entry.index), Some(&entry.value));
    }
    for index in always {
        show(of.field(*index), None);
    }
}

/// The text of a value that JSON writes as one.
fn text_of(kind: Kind, value: &Value) -> Option<Cow<'_, str>> {
    let mut out = Vec::new();
    match value {
        Value::Str(text) => return Some(Cow::Borrowed(text)),
        Value::Time(time) => {
            time.push(&mut out, if kind == Kind::MicroTime { Precision::Micros } else { Precision::Seconds });
        }
        Value::Bytes(bytes) => base64::push(&mut out, bytes),
        _ => return None,
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

/// Whether two values are the same JSON.
pub(super) fn same(ty: Ty<'_>, a: Node<'_>, b: Node<'_>) -> bool {
    match (a, b) {
        (Node::Null, Node::Null) => true,
        (Node::Leaf(_, a), Node::Leaf(_, b)) if a == b => true,
        (Node::Leaf(kind, a), Node::Leaf(other, b)) => match (text_of(kind, a), text_of(other, b)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => scalar::order(a, b) == Ordering::Equal,
            _ => false,
        },
        (Node::List(a), Node::List(b)) => {
            let item = ty.item();
            let equal = |(a, b): (&Value, &Value)| same(item, Node::of(item.ty, a), Node::of(item.ty, b));
            a == b || a.len() == b.len() && a.iter().zip(b).all(equal)
        }
        (Node::Raw(a), Node::Raw(b)) if a == b => true,
        (Node::Raw(raw), other) | (other, Node::Raw(raw)) => {
            let read = decode_any(raw).unwrap_or(Value::Null);
            same(ty, Node::of(None, &read), other)
        }
        (Node::Struct(_, a), Node::Struct(_, b)) if a == b => true,
        _ if a.is_map() && b.is_map() => {
            let mut equal = true;
            zip(ty, Some(a), Some(b), &mut |_, _, ty, a, b| {
                equal = equal && matches!((a, b), (Some(a), Some(b)) if same(ty, a, b));
            });
            equal
        }
        _ => false,
    }
}
