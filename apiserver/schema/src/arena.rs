//! The arena: one set of flat tables that describes types, and the references by which all other code walks it.
//!
//! The built-in types' tables are static, written by the build script from `facts/`. A custom resource's schema is
//! compiled at run time with [`builder::Builder`] into an [`Arena`] of the same form, so whatever takes an `&Arena`
//! or a [`TypeRef`] serves both. No table is ever changed.

pub mod builder;
pub mod handle;
pub mod row;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use row::{FieldRow, GvkRow, SlotRow, Span, StructRow, Text, TypeRow, UnionRow, name_hash};
pub use row::{Flags, Kind, ListShape};

/// Rows that are either part of the program or made at run time.
pub enum Table<T: 'static> {
    /// Part of the program.
    Static(&'static [T]),
    /// Made at run time.
    Owned(Box<[T]>),
}

impl<T> Deref for Table<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::Static(rows) => rows,
            Self::Owned(rows) => rows,
        }
    }
}

enum Strings {
    Static(&'static str),
    Owned(Box<str>),
}

/// The tables.
pub struct Arena {
    strings: Strings,
    texts: Table<Text>,
    types: Table<TypeRow>,
    structs: Table<StructRow>,
    fields: Table<FieldRow>,
    slots: Table<SlotRow>,
    indices: Table<u16>,
    unions: Table<UnionRow>,
    gvks: Table<GvkRow>,
    names: Table<u16>,
    /// Whether its objects are free-form maps checked against a schema (custom resources) rather than Go structs.
    untyped: bool,
}

mod tables {
    use super::row::{
        FieldRow, Flags, GvkRow, Kind, ListShape, SlotRow, Span, StructRow, Text, TypeRow, UnionRow,
    };
    use super::{Arena, Strings, Table};

    include!(concat!(env!("OUT_DIR"), "/tables.rs"));

    /// The types that upstream has built in.
    pub(super) static BUILTIN: Arena = Arena {
        strings: Strings::Static(include_str!(concat!(env!("OUT_DIR"), "/strings.txt"))),
        texts: Table::Static(&TEXTS),
        types: Table::Static(&TYPES),
        structs: Table::Static(&STRUCTS),
        fields: Table::Static(&FIELDS),
        slots: Table::Static(&SLOTS),
        indices: Table::Static(&INDICES),
        unions: Table::Static(&UNIONS),
        gvks: Table::Static(&GVKS),
        names: Table::Static(&NAMES),
        untyped: false,
    };
}

/// The types that upstream has built in.
#[must_use]
pub fn builtin() -> &'static Arena {
    &tables::BUILTIN
}

#[inline]
fn rows<T>(table: &[T], span: Span) -> &[T] {
    &table[span.at as usize..span.at as usize + usize::from(span.len)]
}

impl Arena {
    /// The tables that `builder` has put together. `untyped` objects are free-form maps checked against a schema.
    #[must_use]
    pub fn new(mut builder: builder::Builder, untyped: bool) -> Self {
        builder.finish();
        Self {
            names: Table::Owned(builder.names().into()),
            strings: Strings::Owned(builder.strings.into()),
            texts: Table::Owned(builder.texts.into()),
            types: Table::Owned(builder.types.into()),
            structs: Table::Owned(builder.structs.into()),
            fields: Table::Owned(builder.fields.into()),
            slots: Table::Owned(builder.slots.into()),
            indices: Table::Owned(builder.indices.into()),
            unions: Table::Owned(builder.unions.into()),
            gvks: Table::Owned(builder.gvks.into()),
            untyped,
        }
    }

    /// A text of the arena.
    #[inline]
    #[must_use]
    pub fn text(&self, text: Text) -> &str {
        let strings: &str = match &self.strings {
            Strings::Static(strings) => strings,
            Strings::Owned(strings) => strings,
        };
        &strings[text.at as usize..text.at as usize + usize::from(text.len)]
    }

    #[inline]
    fn bytes(&self, text: Text) -> &[u8] {
        let strings: &str = match &self.strings {
            Strings::Static(strings) => strings,
            Strings::Owned(strings) => strings,
        };
        &strings.as_bytes()[text.at as usize..text.at as usize + usize::from(text.len)]
    }

    /// Whether its objects are free-form maps checked against a schema.
    #[inline]
    #[must_use]
    pub fn is_untyped(&self) -> bool {
        self.untyped
    }

    /// The type of that number.
    #[inline]
    #[must_use]
    pub fn ty(&self, id: u16) -> TypeRef<'_> {
        TypeRef { arena: self, id }
    }

    /// How many types there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there are no types.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// All types.
    pub fn types(&self) -> impl Iterator<Item = TypeRef<'_>> {
        (0..self.types.len()).map(|id| self.ty(u16::try_from(id).unwrap_or(u16::MAX)))
    }

    /// The type published under `name`, such as `io.k8s.api.core.v1.PodSpec`.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<TypeRef<'_>> {
        let found = self.names.binary_search_by(|id| self.text(self.types[usize::from(*id)].name).cmp(name));
        found.ok().map(|at| self.ty(self.names[at]))
    }

    /// The type of that group, version and kind.
    #[must_use]
    pub fn by_gvk(&self, group: &str, version: &str, kind: &str) -> Option<TypeRef<'_>> {
        let wanted = (group, version, kind);
        let found = self.gvks.binary_search_by(|row| {
            (self.text(row.group), self.text(row.version), self.text(row.kind)).cmp(&wanted)
        });
        found.ok().map(|at| self.ty(self.gvks[at].ty))
    }

    /// Every group, version and kind, and its type.
    pub fn gvks(&self) -> impl Iterator<Item = (&str, &str, &str, TypeRef<'_>)> {
        self.gvks
            .iter()
            .map(|row| (self.text(row.group), self.text(row.version), self.text(row.kind), self.ty(row.ty)))
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena({} types)", self.types.len())
    }
}

/// A type in its arena.
#[derive(Clone, Copy)]
pub struct TypeRef<'a> {
    arena: &'a Arena,
    id: u16,
}

impl<'a> TypeRef<'a> {
    /// Its number.
    #[must_use]
    pub fn id(self) -> u16 {
        self.id
    }

    /// Its arena.
    #[must_use]
    pub fn arena(self) -> &'a Arena {
        self.arena
    }

    #[inline]
    fn row(self) -> &'a TypeRow {
        &self.arena.types[usize::from(self.id)]
    }

    /// What it is made of.
    #[inline]
    #[must_use]
    pub fn kind(self) -> Kind {
        self.row().kind
    }

    /// The name it is published under; empty for lists, maps and plain scalars.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.arena.text(self.row().name)
    }

    /// What Go calls it: `v1.PodSpec`, `[]v1.Container`.
    #[must_use]
    pub fn go(self) -> &'a str {
        self.arena.text(self.row().go)
    }

    /// The name without its package: `PodSpec`.
    #[must_use]
    pub fn short_name(self) -> &'a str {
        let go = self.go();
        go.rsplit_once('.').map_or(go, |(_, name)| name)
    }

    /// The type of a list's or map's items, or of the schema in a `SchemaOr…`.
    #[inline]
    #[must_use]
    pub fn elem(self) -> TypeRef<'a> {
        TypeRef { arena: self.arena, id: self.row().elem }
    }

    /// How apply sees a list.
    #[must_use]
    pub fn shape(self) -> ListShape {
        self.row().shape
    }

    /// Whether apply replaces a map or struct as a whole, unless the field that holds it says otherwise.
    #[must_use]
    pub fn is_atomic(self) -> bool {
        self.row().atomic
    }

    /// Whether it or what it holds has a field with a default.
    #[inline]
    #[must_use]
    pub fn is_defaulted(self) -> bool {
        self.row().defaulted
    }

    /// The keys of a list of shape [`ListShape::Map`].
    pub fn list_keys(self) -> impl Iterator<Item = &'a str> {
        rows(&self.arena.texts, self.row().keys).iter().map(move |text| self.arena.text(*text))
    }

    /// The struct it is, if it is one.
    #[inline]
    #[must_use]
    pub fn as_struct(self) -> Option<StructRef<'a>> {
        let row = self.row();
        (row.kind == Kind::Struct)
            .then(|| StructRef { arena: self.arena, row: &self.arena.structs[usize::from(row.elem)] })
    }

    /// The groups, versions and kinds that have this type.
    pub fn gvks(self) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        self.arena
            .gvks()
            .filter(move |(.., ty)| ty.id == self.id)
            .map(|(group, version, kind, _)| (group, version, kind))
    }
}

impl PartialEq for TypeRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.arena, other.arena) && self.id == other.id
    }
}

impl fmt::Debug for TypeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.go())
    }
}

/// A struct type in its arena.
#[derive(Clone, Copy)]
pub struct StructRef<'a> {
    arena: &'a Arena,
    pub(crate) row: &'a StructRow,
}

impl<'a> StructRef<'a> {
    /// Its type.
    #[must_use]
    pub fn ty(self) -> TypeRef<'a> {
        self.arena.ty(self.row.ty)
    }

    /// Its arena.
    #[must_use]
    pub fn arena(self) -> &'a Arena {
        self.arena
    }

    /// How many fields it has, inlined ones included.
    #[must_use]
    pub fn len(self) -> usize {
        usize::from(self.row.fields.len)
    }

    /// Whether it has no fields.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.row.fields.len == 0
    }

    /// Whether it keeps fields it does not know.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.row.open
    }

    #[inline]
    pub(crate) fn field_rows(self) -> &'a [FieldRow] {
        rows(&self.arena.fields, self.row.fields)
    }

    #[inline]
    pub(crate) fn slot_rows(self) -> &'a [SlotRow] {
        rows(&self.arena.slots, self.row.slots)
    }

    #[inline]
    pub(crate) fn always(self) -> &'a [u16] {
        rows(&self.arena.indices, self.row.always)
    }

    #[inline]
    pub(crate) fn inlined(self, slot: &SlotRow) -> Option<StructRef<'a>> {
        let at = usize::from(slot.inline).checked_sub(1)?;
        Some(StructRef { arena: self.arena, row: &self.arena.structs[at] })
    }

    /// The field of that index.
    #[inline]
    #[must_use]
    pub fn field(self, index: u16) -> FieldRef<'a> {
        FieldRef { arena: self.arena, row: &self.field_rows()[usize::from(index)], index }
    }

    /// All fields, in upstream's order.
    pub fn fields(self) -> impl Iterator<Item = FieldRef<'a>> {
        (0..self.row.fields.len).map(move |index| self.field(index))
    }

    /// The index of the field called `name`.
    #[inline]
    #[must_use]
    pub fn index_of(self, name: &str) -> Option<u16> {
        let table = rows(&self.arena.indices, self.row.lookup);
        let fields = self.field_rows();
        let mask = table.len().checked_sub(1)?;
        let mut place = name_hash(name.as_bytes()) & mask;
        loop {
            let index = table[place].checked_sub(1)?;
            let key = self.arena.bytes(fields[usize::from(index)].key);
            if key.len() == name.len() + 3 && &key[1..=name.len()] == name.as_bytes() {
                return Some(index);
            }
            place = (place + 1) & mask;
        }
    }

    /// A field's name as JSON writes it in front of the value.
    #[inline]
    pub(crate) fn key(self, index: u16) -> Option<&'a [u8]> {
        self.field_rows().get(usize::from(index)).map(|row| self.arena.bytes(row.key))
    }

    /// The field called `name`.
    #[must_use]
    pub fn by_name(self, name: &str) -> Option<FieldRef<'a>> {
        self.index_of(name).map(|index| self.field(index))
    }

    /// The unions: the field that says which member is set (empty for none), and pairs of member and what it says.
    pub fn unions(self) -> impl Iterator<Item = (&'a str, Vec<(&'a str, &'a str)>)> {
        let arena = self.arena;
        rows(&arena.unions, self.row.unions).iter().map(move |row| {
            let members = rows(&arena.texts, row.members).chunks_exact(2);
            let members = members.map(|pair| (arena.text(pair[0]), arena.text(pair[1]))).collect();
            (arena.text(row.discriminator), members)
        })
    }
}

/// A field of a struct type.
#[derive(Clone, Copy)]
pub struct FieldRef<'a> {
    arena: &'a Arena,
    pub(crate) row: &'a FieldRow,
    /// Its place among the struct's fields.
    pub index: u16,
}

impl<'a> FieldRef<'a> {
    /// Its name in JSON.
    #[inline]
    #[must_use]
    pub fn name(self) -> &'a str {
        let key = self.arena.text(self.row.key);
        &key[1..key.len() - 2]
    }

    /// Its type; a pointer's target.
    #[inline]
    #[must_use]
    pub fn ty(self) -> TypeRef<'a> {
        self.arena.ty(self.row.ty)
    }

    /// Its properties.
    #[inline]
    #[must_use]
    pub fn flags(self) -> Flags {
        self.row.flags
    }

    /// Whether absent and zero differ.
    #[inline]
    #[must_use]
    pub fn is_pointer(self) -> bool {
        self.row.flags.has(Flags::POINTER)
    }

    /// Whether the published schema requires it. Decoding does not.
    #[must_use]
    pub fn is_required(self) -> bool {
        self.row.flags.has(Flags::REQUIRED)
    }

    /// Whether apply replaces it as a whole, be it that the field or that its type says so.
    #[must_use]
    pub fn is_atomic(self) -> bool {
        let flags = self.row.flags;
        flags.has(Flags::ATOMIC) || self.ty().is_atomic() && !flags.has(Flags::GRANULAR)
    }

    /// Its strategic merge key, if it is a list that is merged by one.
    #[must_use]
    pub fn merge_key(self) -> Option<&'a str> {
        Some(self.arena.text(self.row.merge_key)).filter(|key| !key.is_empty())
    }

    /// Its default as JSON.
    #[must_use]
    pub fn default(self) -> Option<&'a str> {
        Some(self.arena.text(self.row.default)).filter(|default| !default.is_empty())
    }

    /// The values it may have; none for any.
    pub fn values(self) -> impl Iterator<Item = &'a str> {
        rows(&self.arena.texts, self.row.values).iter().map(move |text| self.arena.text(*text))
    }

    /// The embedded Go structs it came from, each followed by a point.
    pub(crate) fn embedded(self) -> &'a str {
        self.arena.text(self.row.embedded)
    }
}

impl fmt::Debug for FieldRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.ty().go())
    }
}

/// A type together with a share in its arena, for whoever keeps an object.
#[derive(Clone)]
pub struct Schema {
    arena: Share,
    id: u16,
}

#[derive(Clone)]
enum Share {
    Static(&'static Arena),
    Shared(Arc<Arena>),
}

impl Schema {
    /// The built-in type of that group, version and kind.
    #[must_use]
    pub fn builtin(group: &str, version: &str, kind: &str) -> Option<Self> {
        builtin().by_gvk(group, version, kind).map(Self::of_builtin)
    }

    /// The built-in type published under `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        builtin().by_name(name).map(Self::of_builtin)
    }

    /// A type of a static arena.
    #[must_use]
    pub fn of_builtin(ty: TypeRef<'static>) -> Self {
        Self { arena: Share::Static(ty.arena), id: ty.id }
    }

    /// Type `id` of an arena made at run time.
    #[must_use]
    pub fn shared(arena: Arc<Arena>, id: u16) -> Self {
        Self { arena: Share::Shared(arena), id }
    }

    /// The type.
    #[inline]
    #[must_use]
    pub fn ty(&self) -> TypeRef<'_> {
        let arena = match &self.arena {
            Share::Static(arena) => arena,
            Share::Shared(arena) => &**arena,
        };
        TypeRef { arena, id: self.id }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ty().go())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_kind_and_field_is_found_again() {
        let arena = builtin();
        let mut structs = 0;
        for ty in arena.types() {
            if !ty.name().is_empty() {
                assert_eq!(arena.by_name(ty.name()).map(TypeRef::id), Some(ty.id()), "{}", ty.name());
            }
            let Some(of) = ty.as_struct() else { continue };
            structs += 1;
            for field in of.fields() {
                assert_eq!(of.index_of(field.name()), Some(field.index), "{}.{}", ty.name(), field.name());
            }
            assert_eq!(of.index_of("noSuchField"), None);
            assert_eq!(of.index_of(""), None);
        }
        assert!(structs > 1200, "{structs}");
        let kinds = arena.gvks().filter(|(g, v, k, ty)| arena.by_gvk(g, v, k) == Some(*ty)).count();
        assert_eq!(kinds, arena.gvks.len());
        assert!(kinds > 700, "{kinds}");
    }

    #[test]
    fn facts_of_a_field_arrive_in_the_tables() {
        let container = builtin().by_name("io.k8s.api.core.v1.Container").unwrap().as_struct().unwrap();
        let ports = container.by_name("ports").unwrap();
        assert_eq!(ports.ty().list_keys().collect::<Vec<_>>(), ["containerPort", "protocol"]);
        assert_eq!(ports.merge_key(), Some("containerPort"));
        assert_eq!(ports.ty().shape(), ListShape::Map);
        let protocol = ports.ty().elem().as_struct().unwrap().by_name("protocol").unwrap();
        assert_eq!(protocol.default(), Some("\"TCP\""));
        assert_eq!(protocol.ty().go(), "v1.Protocol");
        assert!(protocol.values().any(|value| value == "UDP"));
        let volume = builtin().by_name("io.k8s.api.core.v1.Volume").unwrap().as_struct().unwrap();
        assert_eq!(volume.by_name("hostPath").unwrap().embedded(), "VolumeSource.");
    }
}
