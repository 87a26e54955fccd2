//! An object's JSON, opened only where a patch goes: what JSON patch and merge patch work on.
//!
//! What is not opened stays what it was: a piece of the tree, or text of the patch. So a patched document is turned
//! into a tree again by moving pieces (`close`), and its text, which upstream decodes and echoes in errors, can be
//! written to the byte: names sorted wherever something was opened, the patch's numbers as they were typed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::kept::{keeps_fields, keeps_json};
use super::text;
use crate::arena::{Flags, Kind, StructRef, TypeRef};
use crate::error::EncodeError;
use crate::json;
use crate::normal::{is_absent, is_omitted, zero};
use crate::scalar::time::Time;
use crate::tree::{EXTRA, Entries, Entry, Fields, Object, Str, Value};

/// The members of an opened object.
pub(super) type Members<'a> = BTreeMap<Cow<'a, str>, Node<'a>>;

/// A value of the document.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// null
    Null,
    /// The object as it was.
    Whole(TypeRef<'a>, &'a Fields),
    /// A piece of the object as it was; never one that JSON writes as null.
    Typed(TypeRef<'a>, &'a Value),
    /// A text other than null.
    Text(Cow<'a, str>),
    /// A text of a merge patch, to be read without the nulls in its objects.
    Pruned(&'a str),
    /// An opened object.
    Doc(Members<'a>),
    /// An opened list.
    Ary(Vec<Node<'a>>),
}

/// What a node turns out to be.
pub(super) enum Opened<'n, 'a> {
    Doc(&'n mut Members<'a>),
    Ary(&'n mut Vec<Node<'a>>),
    Scalar,
}

/// A document does not become a tree as it stands: decoding its text will tell why, or do it.
#[derive(Debug)]
pub(super) struct Unclean;

impl<'a> Node<'a> {
    /// The object.
    pub(super) fn whole(object: &'a Object) -> Self {
        Self::Whole(object.ty(), object.root())
    }

    /// A text as it came.
    pub(super) fn text(text: Cow<'a, str>) -> Self {
        if text == "null" { Self::Null } else { Self::Text(text) }
    }

    fn typed(ty: TypeRef<'a>, value: &'a Value) -> Self {
        let null = match value {
            Value::Null => true,
            Value::Time(time) => *time == Time::ZERO,
            Value::Raw(raw) => **raw == *b"null",
            Value::List(items) => {
                items.is_empty() && matches!(ty.kind(), Kind::SchemaOrArray | Kind::SchemaOrStrings)
            }
            _ => false,
        };
        if null { Self::Null } else { Self::Typed(ty, value) }
    }

    /// What somebody reads to open it, in bytes.
    pub(super) fn unread(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Pruned(text) => text.len(),
            _ => 0,
        }
    }

    /// Opens it, so that its members or items can be changed.
    pub(super) fn open(&mut self) -> Result<Opened<'_, 'a>, EncodeError> {
        let opened = match self {
            Self::Null | Self::Doc(_) | Self::Ary(_) => None,
            Self::Whole(ty, fields) => Some(open_struct(*ty, fields)?),
            Self::Typed(ty, value) => Some(open_typed(*ty, value)?),
            Self::Text(text) => Some(open_text(std::mem::take(text))),
            Self::Pruned(text) => Some(prune(text)),
        };
        if let Some(opened) = opened {
            *self = opened;
        }
        Ok(match self {
            Self::Doc(members) => Opened::Doc(members),
            Self::Ary(items) => Opened::Ary(items),
            _ => Opened::Scalar,
        })
    }

    /// Appends its JSON as Go writes it.
    pub(super) fn push(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Whole(ty, fields) => json::encode(*ty, fields, out)?,
            Self::Typed(ty, value) => json::encode_value(*ty, value, out)?,
            Self::Text(text) => json::push_compact(text.as_bytes(), out),
            Self::Pruned(text) => match prune(text) {
                Self::Pruned(text) => json::push_compact(text.as_bytes(), out),
                opened => opened.push(out)?,
            },
            Self::Doc(members) => {
                out.push(b'{');
                for (at, (name, member)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    json::push_string(name, out);
                    out.push(b':');
                    member.push(out)?;
                }
                out.push(b'}');
            }
            Self::Ary(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.push(out)?;
                }
                out.push(b']');
            }
        }
        Ok(())
    }

    /// Its JSON as Go writes it.
    pub(super) fn to_text(&self) -> Result<String, EncodeError> {
        let mut out = Vec::new();
        self.push(&mut out)?;
        Ok(String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The text that it is, if it is one.
    pub(super) fn as_str(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Typed(_, Value::Str(text)) => Some(Cow::Borrowed(text)),
            Self::Text(text) if text.starts_with('"') => Some(text::unquoted(text)),
            Self::Pruned(text) if text.starts_with('"') => Some(text::unquoted(text)),
            _ => None,
        }
    }

    /// Its value as one of type `ty`; `None` if that is what a field of the type is when absent.
    pub(super) fn close(&self, ty: TypeRef<'a>, pointer: bool) -> Result<Option<Value>, Unclean> {
        match (self, ty.kind()) {
            (Self::Typed(own, value), _) if *own == ty => return Ok(Some((*value).clone())),
            (Self::Whole(own, fields), _) if *own == ty => return Ok(Some(Value::Struct((*fields).clone()))),
            (Self::Text(text), _) => return decode(text, ty, pointer),
            // Upstream opens all of it, which would show where JSON is kept.
            (Self::Pruned(text), _) if !text.contains("null") && !keeps_json(ty) && !keeps_fields(ty) => {
                return decode(text, ty, pointer);
            }
            (Self::Pruned(text), _) => {
                if let opened @ (Self::Doc(_) | Self::Ary(_)) = prune(text) {
                    return opened.close(ty, pointer);
                }
            }
            (Self::Doc(members), Kind::Struct) => {
                let of = ty.as_struct().filter(|of| !of.is_open()).ok_or(Unclean)?;
                return close_struct(of, members).map(|fields| Some(Value::Struct(fields)));
            }
            (Self::Doc(members), Kind::Map) => {
                let mut entries = Vec::with_capacity(members.len());
                for (name, member) in members {
                    let value = member.close(ty.elem(), false)?.unwrap_or_else(|| zero(ty.elem()));
                    entries.push((Str::new(name), value));
                }
                return Ok(Some(Value::Map(Entries::from_pairs(entries.into_iter(), true))));
            }
            (Self::Ary(items), Kind::List) => {
                let items = items
                    .iter()
                    .map(|item| Ok(item.close(ty.elem(), false)?.unwrap_or_else(|| zero(ty.elem()))));
                return Ok(Some(Value::List(items.collect::<Result<_, Unclean>>()?)));
            }
            _ => {}
        }
        let text = self.to_text().map_err(|_| Unclean)?;
        decode(&text, ty, pointer)
    }
}

fn close_struct<'a>(of: StructRef<'a>, members: &Members<'a>) -> Result<Fields, Unclean> {
    let mut entries = Vec::with_capacity(members.len());
    for (name, member) in members {
        let field = of.by_name(name).ok_or(Unclean)?;
        if let Some(value) = member.close(field.ty(), field.is_pointer())?
            && !is_absent(field, &value)
        {
            entries.push(Entry { index: field.index, value });
        }
    }
    entries.sort_unstable_by_key(|entry| entry.index);
    Ok(Fields::from_sorted(entries))
}

/// Decodes a text that holds nothing unknown and nothing twice.
fn decode(text: &str, ty: TypeRef<'_>, pointer: bool) -> Result<Option<Value>, Unclean> {
    if let Some(value) = plain(text, ty) {
        return Ok(Some(value));
    }
    let mut compact = Vec::new();
    let mut text = text.as_bytes();
    // Types that keep their JSON as it comes get it as upstream gets it.
    if text.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'<' | b'>' | b'&' | 0xe2)) {
        json::push_compact(text, &mut compact);
        text = &compact;
    }
    match json::decode_field(text, ty, pointer, true) {
        Ok((value, strict)) if strict.is_empty() => Ok(value),
        _ => Err(Unclean),
    }
}

/// The value of a plain scalar; most of what patches set is that.
fn plain(text: &str, ty: TypeRef<'_>) -> Option<Value> {
    match ty.kind() {
        Kind::String => {
            let inner = text.strip_prefix('"')?.strip_suffix('"')?;
            (!inner.contains('\\')).then(|| Value::Str(Str::from(inner)))
        }
        Kind::Bool => text.parse().ok().map(Value::Bool),
        _ => None,
    }
}

fn open_text(text: Cow<'_, str>) -> Node<'_> {
    match text {
        Cow::Borrowed(text) => match text.as_bytes().first() {
            Some(b'{') => {
                Node::Doc(text::members(text).map(|(name, value)| (name, Node::text(value.into()))).collect())
            }
            Some(b'[') => Node::Ary(text::items(text).map(|value| Node::text(value.into())).collect()),
            _ => Node::Text(text.into()),
        },
        Cow::Owned(text) => match text.as_bytes().first() {
            Some(b'{') => {
                let owned = |(name, value): (Cow<'_, str>, &str)| {
                    (Cow::Owned(name.into_owned()), Node::text(value.to_owned().into()))
                };
                Node::Doc(text::members(&text).map(owned).collect())
            }
            Some(b'[') => {
                Node::Ary(text::items(&text).map(|value| Node::text(value.to_owned().into())).collect())
            }
            _ => Node::Text(text.into()),
        },
    }
}

/// Opens a text of a merge patch. The nulls of lists stay.
fn prune(text: &str) -> Node<'_> {
    let inner = |value| if value == "null" { Node::Null } else { Node::Pruned(value) };
    match text.as_bytes().first() {
        Some(b'{') => {
            // The last of equal names counts, be it null or not.
            let mut members: Members<'_> =
                text::members(text).map(|(name, value)| (name, inner(value))).collect();
            members.retain(|_, member| !matches!(member, Node::Null));
            Node::Doc(members)
        }
        Some(b'[') => Node::Ary(text::items(text).map(inner).collect()),
        _ => Node::Text(text.into()),
    }
}

fn open_typed<'a>(ty: TypeRef<'a>, value: &'a Value) -> Result<Node<'a>, EncodeError> {
    let elem = if ty.kind() == Kind::Any { ty } else { ty.elem() };
    match (value, ty.kind()) {
        (Value::Struct(fields), Kind::Struct) => return open_struct(ty, fields),
        (Value::Struct(fields), _) => return open_struct(elem, fields),
        (Value::Map(entries), Kind::Map | Kind::Any) => {
            let members =
                entries.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), Node::typed(elem, value)));
            return Ok(Node::Doc(members.collect()));
        }
        (Value::List(items), Kind::List | Kind::Any) => {
            return Ok(Node::Ary(items.iter().map(|value| Node::typed(elem, value)).collect()));
        }
        (Value::List(_) | Value::Map(_) | Value::Raw(_), _) => {}
        _ => return Ok(Node::Typed(ty, value)),
    }
    Ok(open_text(Node::Typed(ty, value).to_text()?.into()))
}

/// Opens a struct: its members are the fields that JSON shows.
fn open_struct<'a>(ty: TypeRef<'a>, fields: &'a Fields) -> Result<Node<'a>, EncodeError> {
    let extra = fields.get(EXTRA).is_some();
    let Some(of) = ty.as_struct().filter(|_| !extra) else {
        return Ok(open_text(Node::Whole(ty, fields).to_text()?.into()));
    };
    let mut members = Vec::with_capacity(fields.entries().len() + of.always().len());
    for entry in fields.entries() {
        let field = of.field(entry.index);
        if !is_omitted(field, &entry.value) {
            members.push((Cow::Borrowed(field.name()), Node::typed(field.ty(), &entry.value)));
        }
    }
    for index in of.always().iter().filter(|index| fields.get(**index).is_none()) {
        let field = of.field(*index);
        let mut text = Vec::new();
        match field.ty().as_struct() {
            _ if field.flags().has(Flags::POINTER) => text.extend_from_slice(b"null"),
            Some(inner) => json::encode(inner.ty(), &Fields::new(), &mut text)?,
            None => json::encode_value(field.ty(), &zero(field.ty()), &mut text)?,
        }
        let text = String::from_utf8(text).unwrap_or_default();
        members.push((Cow::Borrowed(field.name()), Node::text(text.into())));
    }
    Ok(Node::Doc(members.into_iter().collect()))
}
