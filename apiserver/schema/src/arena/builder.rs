//! Puts an arena's tables together, for the build script and for custom resources at run time.
//!
//! Names and types are interned; a struct is declared first and defined once all it inlines is defined, so that
//! types may refer to each other in circles. Shared with the build script, therefore nothing but the standard library.

use std::collections::HashMap;

use super::row::{
    FieldRow, Flags, GvkRow, Kind, ListShape, SlotRow, Span, StructRow, Text, TypeRow, UnionRow, name_hash,
};

/// The tables of an arena, growing.
#[derive(Default)]
pub struct Builder {
    /// All texts, one behind the other.
    pub strings: String,
    /// Lists of texts.
    pub texts: Vec<Text>,
    /// All types.
    pub types: Vec<TypeRow>,
    /// What only structs have.
    pub structs: Vec<StructRow>,
    /// The structs' fields.
    pub fields: Vec<FieldRow>,
    /// The structs' protobuf layouts.
    pub slots: Vec<SlotRow>,
    /// Hash tables and index lists.
    pub indices: Vec<u16>,
    /// The structs' unions.
    pub unions: Vec<UnionRow>,
    /// Kinds.
    pub gvks: Vec<GvkRow>,
    interned: HashMap<String, Text>,
    known: HashMap<TypeKey, u16>,
}

#[derive(PartialEq, Eq, Hash)]
struct TypeKey {
    kind: Kind,
    shape: ListShape,
    atomic: bool,
    elem: u16,
    name: Text,
    go: Text,
    keys: Vec<Text>,
}

/// A member of a struct, in upstream's order.
pub enum Member {
    /// A field of its own.
    Field(FieldSpec),
    /// A struct whose fields appear as this one's in JSON, and as message `number` in protobuf.
    Inline {
        /// The struct's type; already defined.
        ty: u16,
        /// Its protobuf number; 0 for none.
        number: u16,
        /// What Go calls the embedded struct.
        go: String,
        /// Its fields, all of them and in its order, as the outer struct's facts describe them.
        fields: Vec<FieldSpec>,
    },
}

/// A field to be.
#[derive(Default)]
pub struct FieldSpec {
    /// Its JSON name.
    pub name: String,
    /// Its type.
    pub ty: u16,
    /// Its properties, without `ALWAYS`.
    pub flags: Flags,
    /// Its protobuf number; 0 for none.
    pub number: u16,
    /// Its strategic merge key.
    pub merge_key: String,
    /// Its default as JSON; empty for none.
    pub default: String,
    /// The values it may have; empty for any.
    pub values: Vec<String>,
}

/// A union to be: the discriminator's field and pairs of field and discriminator value.
pub type UnionSpec = (String, Vec<(String, String)>);

impl Builder {
    /// Puts a text into the string table, once.
    pub fn text(&mut self, text: &str) -> Text {
        if text.is_empty() {
            return Text::default();
        }
        if let Some(known) = self.interned.get(text) {
            return *known;
        }
        let at = u32::try_from(self.strings.len()).expect("the string table stays below 4 GiB");
        let len = u16::try_from(text.len()).expect("a name stays below 64 KiB");
        self.strings.push_str(text);
        self.interned.insert(text.to_owned(), Text { at, len });
        Text { at, len }
    }

    fn texts(&mut self, texts: &[String]) -> Span {
        let texts: Vec<Text> = texts.iter().map(|text| self.text(text)).collect();
        push(&mut self.texts, texts)
    }

    fn intern(&mut self, key: TypeKey) -> u16 {
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let keys = push(&mut self.texts, key.keys.clone());
        let TypeKey { kind, shape, atomic, elem, name, go, .. } = key;
        let ty = index(self.types.len());
        self.types.push(TypeRow { kind, shape, atomic, defaulted: false, elem, name, go, keys });
        self.known.insert(key, ty);
        ty
    }

    /// A type without parts.
    pub fn scalar(&mut self, kind: Kind, name: &str, go: &str) -> u16 {
        self.wrapper(kind, 0, name, go)
    }

    /// A special type that may hold a value of another one.
    pub fn wrapper(&mut self, kind: Kind, elem: u16, name: &str, go: &str) -> u16 {
        let (name, go) = (self.text(name), self.text(go));
        self.intern(TypeKey {
            kind,
            shape: ListShape::Atomic,
            atomic: false,
            elem,
            name,
            go,
            keys: Vec::new(),
        })
    }

    /// A list of `elem`.
    pub fn list(&mut self, elem: u16, shape: ListShape, keys: &[String], go: &str) -> u16 {
        let keys = keys.iter().map(|key| self.text(key)).collect();
        let go = self.text(go);
        self.intern(TypeKey { kind: Kind::List, shape, atomic: false, elem, name: Text::default(), go, keys })
    }

    /// A map of texts to `elem`.
    pub fn map(&mut self, elem: u16, atomic: bool, go: &str) -> u16 {
        let (shape, name, go) = (ListShape::Atomic, Text::default(), self.text(go));
        self.intern(TypeKey { kind: Kind::Map, shape, atomic, elem, name, go, keys: Vec::new() })
    }

    /// A struct to be defined later.
    pub fn declare(&mut self, name: &str, go: &str, atomic: bool) -> u16 {
        let (name, go) = (self.text(name), self.text(go));
        let (ty, elem) = (index(self.types.len()), index(self.structs.len()));
        self.types.push(TypeRow {
            kind: Kind::Struct,
            shape: ListShape::Atomic,
            atomic,
            defaulted: false,
            elem,
            name,
            go,
            keys: Span::default(),
        });
        self.structs.push(StructRow {
            ty,
            fields: Span::default(),
            slots: Span::default(),
            always: Span::default(),
            lookup: Span::default(),
            unions: Span::default(),
            open: false,
            proto: true,
            monotone: true,
        });
        ty
    }

    /// Gives a declared struct its members.
    pub fn define(&mut self, ty: u16, members: Vec<Member>, unions: &[UnionSpec], open: bool, proto: bool) {
        let mut fields = Vec::new();
        let mut slots = Vec::new();
        for member in members {
            let at = index(fields.len());
            match member {
                Member::Field(field) => {
                    if field.number > 0 {
                        slots.push(SlotRow { number: field.number, index: at, inline: 0 });
                    }
                    fields.push(self.field(&field));
                }
                Member::Inline { ty, number, go, fields: specs } => {
                    let inline = self.types[usize::from(ty)].elem;
                    if number > 0 {
                        slots.push(SlotRow { number, index: at, inline: inline + 1 });
                    }
                    let span = self.structs[usize::from(inline)].fields;
                    assert_eq!(specs.len(), usize::from(span.len), "{go} is inlined as a whole");
                    for (row, spec) in span_of(&self.fields, span).to_vec().into_iter().zip(&specs) {
                        let embedded = format!("{go}.{}", self.get(row.embedded));
                        let embedded = self.text(&embedded);
                        fields.push(FieldRow { embedded, ..self.field(spec) });
                    }
                }
            }
        }
        slots.sort_by_key(|slot| slot.number);
        let monotone = slots.windows(2).all(|pair| pair[0].index <= pair[1].index);
        let always = (0..fields.len()).filter(|at| fields[*at].flags.has(Flags::ALWAYS)).map(index).collect();
        let lookup = self.lookup(&fields);
        let unions = unions.iter().map(|union| self.union(union)).collect();
        let row = usize::from(self.types[usize::from(ty)].elem);
        self.structs[row] = StructRow {
            ty,
            fields: push(&mut self.fields, fields),
            slots: push(&mut self.slots, slots),
            always: push(&mut self.indices, always),
            lookup: push(&mut self.indices, lookup),
            unions: push(&mut self.unions, unions),
            open,
            proto,
            monotone,
        };
    }

    /// Says which type a kind has.
    pub fn gvk(&mut self, group: &str, version: &str, kind: &str, ty: u16) {
        let row = GvkRow { group: self.text(group), version: self.text(version), kind: self.text(kind), ty };
        self.gvks.push(row);
    }

    /// Finds out which types hold defaults, and sorts what is searched by halving. To be called last.
    pub fn finish(&mut self) {
        while self.spread_defaults() {}
        let strings = std::mem::take(&mut self.strings);
        let get = |text: Text| &strings[text.at as usize..][..usize::from(text.len)];
        self.gvks.sort_by_key(|row| (get(row.group), get(row.version), get(row.kind)));
        self.strings = strings;
    }

    /// Marks the types that hold a default or a type so marked; whether there were new ones.
    fn spread_defaults(&mut self) -> bool {
        let mut found = false;
        for at in 0..self.types.len() {
            let row = self.types[at];
            let marked = |ty: u16| self.types[usize::from(ty)].defaulted;
            let holds = match row.kind {
                Kind::Struct => {
                    let fields = self.structs[usize::from(row.elem)].fields;
                    span_of(&self.fields, fields)
                        .iter()
                        .any(|field| field.default.len > 0 || marked(field.ty))
                }
                Kind::List | Kind::Map => marked(row.elem),
                _ => false,
            };
            if holds && !row.defaulted {
                self.types[at].defaulted = true;
                found = true;
            }
        }
        found
    }

    /// The types that have a name, by name.
    #[must_use]
    pub fn names(&self) -> Vec<u16> {
        let mut names: Vec<u16> =
            (0..self.types.len()).filter(|ty| self.types[*ty].name.len > 0).map(index).collect();
        names.sort_by_key(|ty| self.get(self.types[usize::from(*ty)].name));
        names
    }

    fn get(&self, text: Text) -> &str {
        &self.strings[text.at as usize..][..usize::from(text.len)]
    }

    fn field(&mut self, spec: &FieldSpec) -> FieldRow {
        let kind = self.types[usize::from(spec.ty)].kind;
        let emptiable = matches!(
            kind,
            Kind::Bool
                | Kind::Int32
                | Kind::Int64
                | Kind::Float64
                | Kind::String
                | Kind::Bytes
                | Kind::List
                | Kind::Map
                | Kind::Any
        );
        let may_be_left_out = spec.flags.has(Flags::OMIT_EMPTY)
            && (emptiable || spec.flags.has(Flags::POINTER))
            || spec.flags.has(Flags::OMIT_ZERO);
        let flags = if may_be_left_out { spec.flags } else { spec.flags.with(Flags::ALWAYS) };
        FieldRow {
            key: self.text(&format!("\"{}\":", spec.name)),
            embedded: Text::default(),
            ty: spec.ty,
            flags,
            merge_key: self.text(&spec.merge_key),
            default: self.text(&spec.default),
            values: self.texts(&spec.values),
        }
    }

    fn union(&mut self, (discriminator, members): &UnionSpec) -> UnionRow {
        let flat: Vec<String> =
            members.iter().flat_map(|(field, value)| [field.clone(), value.clone()]).collect();
        UnionRow { discriminator: self.text(discriminator), members: self.texts(&flat) }
    }

    fn lookup(&self, fields: &[FieldRow]) -> Vec<u16> {
        let size = (fields.len() * 2).next_power_of_two().max(2);
        let mut table = vec![0; size];
        for (at, field) in fields.iter().enumerate() {
            let key = self.get(field.key);
            let name = &key[1..key.len() - 2];
            let mut place = name_hash(name.as_bytes()) & (size - 1);
            while table[place] != 0 {
                place = (place + 1) & (size - 1);
            }
            table[place] = index(at) + 1;
        }
        table
    }
}

fn index(number: usize) -> u16 {
    u16::try_from(number).expect("an arena stays below 65,536 types and a struct below 65,536 fields")
}

fn push<T>(table: &mut Vec<T>, rows: Vec<T>) -> Span {
    if rows.is_empty() {
        return Span::default();
    }
    let at = u32::try_from(table.len()).expect("a table stays below 2^32 rows");
    let len = index(rows.len());
    table.extend(rows);
    Span { at, len }
}

fn span_of<T>(table: &[T], span: Span) -> &[T] {
    &table[span.at as usize..][..usize::from(span.len)]
}
