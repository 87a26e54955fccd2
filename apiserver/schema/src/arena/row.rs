//! The rows of an arena's tables: small copyable records that point at each other by index.
//!
//! Shared with the build script, which writes them as static tables; therefore nothing but the standard library.

/// A piece of the arena's string table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text {
    /// First byte.
    pub at: u32,
    /// Length in bytes.
    pub len: u16,
}

/// A run of rows in another table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First row.
    pub at: u32,
    /// Number of rows.
    pub len: u16,
}

/// What a type is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `true` or `false`
    Bool,
    /// A whole number of 32 bits
    Int32,
    /// A whole number of 64 bits
    Int64,
    /// A floating-point number
    Float64,
    /// A text
    String,
    /// Octets; base64 in JSON
    Bytes,
    /// `metav1.Time`: whole seconds
    Time,
    /// `metav1.MicroTime`: microseconds
    MicroTime,
    /// `resource.Quantity`
    Quantity,
    /// `intstr.IntOrString`
    IntOrString,
    /// `runtime.RawExtension`: JSON kept as it came
    Raw,
    /// `metav1.FieldsV1`: JSON kept as it came
    FieldsV1,
    /// `apiextensions.JSON`: JSON kept as it came
    Json,
    /// `apiextensions.JSONSchemaPropsOrBool`
    SchemaOrBool,
    /// `apiextensions.JSONSchemaPropsOrArray`
    SchemaOrArray,
    /// `apiextensions.JSONSchemaPropsOrStringArray`
    SchemaOrStrings,
    /// Fields by name
    Struct,
    /// Items in order
    List,
    /// Values by text
    Map,
    /// Any JSON, without a schema
    Any,
}

/// How apply and comparison see a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ListShape {
    /// One value, replaced as a whole.
    #[default]
    Atomic,
    /// Distinct scalars.
    Set,
    /// Items told apart by the values of their keys.
    Map,
}

/// One type.
#[derive(Clone, Copy, Debug)]
pub struct TypeRow {
    /// What it is made of.
    pub kind: Kind,
    /// Lists only.
    pub shape: ListShape,
    /// Structs and maps: replaced as a whole by apply.
    pub atomic: bool,
    /// Whether it or what it holds has a field with a default.
    pub defaulted: bool,
    /// Lists and maps: the type of the items. Structs: the row in `structs`. The `SchemaOr…` kinds: the schema's type.
    pub elem: u16,
    /// The published name, for structs and special scalars: `io.k8s.api.core.v1.PodSpec`.
    pub name: Text,
    /// What Go calls it, for error messages: `v1.PodSpec`, `[]v1.Container`.
    pub go: Text,
    /// Keys of a list of shape `Map`, in `texts`.
    pub keys: Span,
}

/// What only structs have.
#[derive(Clone, Copy, Debug)]
pub struct StructRow {
    /// Its row in `types`.
    pub ty: u16,
    /// Its fields, inlined ones included, in upstream's order.
    pub fields: Span,
    /// Its protobuf layout, by rising number.
    pub slots: Span,
    /// The fields that JSON shows also when absent, as indices into `fields`, rising.
    pub always: Span,
    /// Its hash table of names, a power of two long: 0 or one more than a field's index.
    pub lookup: Span,
    /// Its unions, in `unions`.
    pub unions: Span,
    /// Whether it keeps fields it does not know (custom resources only).
    pub open: bool,
    /// Whether upstream can write it as protobuf.
    pub proto: bool,
    /// Whether slots and fields rise together.
    pub monotone: bool,
}

/// A set of a field's properties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// A pointer in Go: absent and zero differ.
    pub const POINTER: Self = Self(1);
    /// Left out when empty.
    pub const OMIT_EMPTY: Self = Self(1 << 1);
    /// Left out when zero.
    pub const OMIT_ZERO: Self = Self(1 << 2);
    /// Required by the published schema.
    pub const REQUIRED: Self = Self(1 << 3);
    /// Shown in JSON also when absent.
    pub const ALWAYS: Self = Self(1 << 4);
    /// Replaced as a whole by apply, whatever its type says.
    pub const ATOMIC: Self = Self(1 << 5);
    /// Merged by apply, whatever its type says.
    pub const GRANULAR: Self = Self(1 << 6);
    /// A list or map wrapped in a message of its own in protobuf.
    pub const WRAPPED: Self = Self(1 << 7);
    /// Strategic merge: merge.
    pub const MERGE: Self = Self(1 << 8);
    /// Strategic merge: keep only the named keys.
    pub const RETAIN_KEYS: Self = Self(1 << 9);
    /// May be null (custom resources only).
    pub const NULLABLE: Self = Self(1 << 10);
    /// Strategic merge: replace, though a map would be merged.
    pub const REPLACE: Self = Self(1 << 11);

    /// Whether all of `other` is in this.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One field of a struct.
#[derive(Clone, Copy, Debug)]
pub struct FieldRow {
    /// Its name as JSON writes it in front of the value: `"name":`.
    pub key: Text,
    /// The embedded Go structs it came from, each followed by a point; mostly empty.
    pub embedded: Text,
    /// Its type, in `types`.
    pub ty: u16,
    /// Its properties.
    pub flags: Flags,
    /// Its strategic merge key.
    pub merge_key: Text,
    /// Its default as JSON; empty for none.
    pub default: Text,
    /// The values it may have, in `texts`; empty for any.
    pub values: Span,
}

/// One field of a struct's protobuf message.
#[derive(Clone, Copy, Debug)]
pub struct SlotRow {
    /// Its number.
    pub number: u16,
    /// The field's index, or of an inlined struct the first of its fields.
    pub index: u16,
    /// 0 for a field; otherwise one more than the inlined struct's row in `structs`.
    pub inline: u16,
}

/// A group of fields of which one may be set.
#[derive(Clone, Copy, Debug)]
pub struct UnionRow {
    /// The field that says which one; empty for none.
    pub discriminator: Text,
    /// Pairs of field name and discriminator value, in `texts`.
    pub members: Span,
}

/// A group, version and kind, and its type.
#[derive(Clone, Copy, Debug)]
pub struct GvkRow {
    /// The group; empty for the core group.
    pub group: Text,
    /// The version.
    pub version: Text,
    /// The kind.
    pub kind: Text,
    /// Its type, in `types`.
    pub ty: u16,
}

/// The hash by which a struct's fields are found.
#[inline]
#[must_use]
pub fn name_hash(name: &[u8]) -> usize {
    // Head and tail overlap in short names; together they hold all of it up to sixteen bytes.
    let (head, tail) = if let (Some(head), Some(tail)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        (u64::from(u32::from_le_bytes(*head)), u64::from(u32::from_le_bytes(*tail)))
    } else {
        let byte = |at: usize| u64::from(name.get(at).copied().unwrap_or(0));
        (byte(0) | byte(1) << 8, byte(2))
    };
    let mixed = (head ^ tail.rotate_left(29) ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 40).unwrap_or(0)
}
