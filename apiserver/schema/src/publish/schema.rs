//! Definitions: the published schema of a type, made from the arena.
//!
//! The two dialects differ in what they can say: version 2 has neither defaults nor alternatives, and in version 3 a
//! reference stands alone, so whatever else there is to say of it goes around an `allOf`.

use std::borrow::Cow;

use super::node::{Node, Object};
use super::resource::{Dialect, Resource};
use super::texts::Texts;
use crate::arena::{FieldRef, Flags, Kind, ListShape, StructRef, TypeRef, builtin};

/// What requests with a patch carry; no Go type.
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
/// What `/version` answers; not part of any group, therefore not in the arena.
pub(super) const VERSION_INFO: &str = "io.k8s.apimachinery.pkg.version.Info";
/// The metadata of lists.
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
/// The types that every group version has.
const IN_EVERY_GROUP: [&str; 2] =
    ["io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"];
/// Groups whose kinds are not in the scheme with which upstream makes the documents of custom resources.
const NOT_FOR_CUSTOM: [&str; 4] =
    ["admission.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "imagepolicy.k8s.io"];
/// Its kinds are made by the server for itself; upstream registers them in another scheme.
const DISCOVERY_GROUP: &str = "apidiscovery.k8s.io";

/// The fields of [`VERSION_INFO`], all of them texts, and whether they are required.
const VERSION_INFO_FIELDS: [(&str, bool); 13] = [
    ("buildDate", true),
    ("compiler", true),
    ("emulationMajor", false),
    ("emulationMinor", false),
    ("gitCommit", true),
    ("gitTreeState", true),
    ("gitVersion", true),
    ("goVersion", true),
    ("major", true),
    ("minCompatibilityMajor", false),
    ("minCompatibilityMinor", false),
    ("minor", true),
    ("platform", true),
];
/// The required ones in upstream's order.
const VERSION_INFO_REQUIRED: [&str; 9] = [
    "major",
    "minor",
    "gitVersion",
    "gitCommit",
    "gitTreeState",
    "buildDate",
    "goVersion",
    "compiler",
    "platform",
];

/// What is published of a field, or of a type where the field is empty, beyond what follows from its type.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Particular {
    /// The zero value is published as default, though the field may be left out.
    ZeroDefault,
    /// A list about which apply is told nothing.
    NoListType,
    /// Something that is no list, and yet has a list's type.
    ListType(&'static str),
    /// A strategy that the arena does not know.
    PatchStrategy(&'static str),
    /// The values that a list's or map's items may have.
    ItemValues(&'static [&'static str]),
    /// How apply sees a struct, said although it is the rule.
    MapType(&'static str),
}

include!(concat!(env!("OUT_DIR"), "/particulars.rs"));

fn particulars(ty: &str, field: &str) -> impl Iterator<Item = Particular> {
    let start = PARTICULARS.partition_point(|(of, at, _)| (*of, *at) < (ty, field));
    let rows = PARTICULARS[start..].iter();
    let rows = rows
        .take_while(move |(of, at, _)| (*of, *at) == (ty, field))
        .map(|(.., what)| *what)
        .collect::<Vec<_>>();
    rows.into_iter()
}

/// Writes definitions in one dialect.
pub(super) struct Definitions<'a> {
    pub(super) dialect: Dialect,
    pub(super) texts: &'a Texts<'a>,
    pub(super) audience: Audience<'a>,
}

/// Whom a document is for; decides under which groups it names the types that every group has.
#[derive(Clone, Copy)]
pub(super) enum Audience<'a> {
    /// Clients of one group version.
    Group(&'a str, &'a str),
    /// Clients of custom resources.
    Custom,
    /// Clients of everything.
    Everyone,
}

impl Definitions<'_> {
    /// The definition of the built-in type of that name.
    pub(super) fn definition(&self, name: &str) -> Option<Node<'static>> {
        let about = self.texts.of(name);
        let head = Object::default().maybe("description", about);
        match name {
            PATCH => return Some(head.with("type", "object").into()),
            VERSION_INFO => return Some(self.version_info(head).into()),
            _ => {}
        }
        let ty = builtin().by_name(name)?;
        Some(match (ty.as_struct(), ty.kind()) {
            (Some(of), _) => self.struct_definition(head, ty, of).into(),
            (None, Kind::Time | Kind::MicroTime) => {
                head.with("type", "string").with("format", "date-time").into()
            }
            (None, Kind::Raw | Kind::FieldsV1) => head.with("type", "object").into(),
            (None, Kind::Quantity) => self.either(head, None, ["string", "number"]).into(),
            (None, Kind::IntOrString) => {
                self.either(head, Some("int-or-string"), ["integer", "string"]).into()
            }
            _ => head.into(),
        })
    }

    /// A scalar of two types; version 2 calls it a text.
    fn either(
        &self,
        head: Object<'static>,
        format: Option<&'static str>,
        types: [&'static str; 2],
    ) -> Object<'static> {
        match self.dialect {
            Dialect::V2 => head.with("type", "string").maybe("format", format),
            Dialect::V3 => {
                let types = types.map(|ty| Node::from(Object::default().with("type", ty)));
                head.maybe("format", format).with("oneOf", types.to_vec())
            }
        }
    }

    fn version_info(&self, head: Object<'static>) -> Object<'static> {
        let properties = VERSION_INFO_FIELDS.iter().map(|(name, required)| {
            let default = (*required && self.dialect == Dialect::V3).then_some("");
            let about = self.texts.of_field(VERSION_INFO, name);
            let schema = Object::default()
                .maybe("description", about)
                .with("type", "string")
                .maybe("default", default);
            ((*name).into(), schema.into())
        });
        let properties = Object(properties.collect());
        head.with("type", "object")
            .with("required", Node::texts(VERSION_INFO_REQUIRED))
            .with("properties", properties)
    }

    fn struct_definition(
        &self,
        head: Object<'static>,
        ty: TypeRef<'static>,
        of: StructRef<'static>,
    ) -> Object<'static> {
        let required: Vec<&str> =
            of.fields().filter(|field| field.is_required()).map(FieldRef::name).collect();
        let mut fields: Vec<FieldRef<'static>> = of.fields().collect();
        fields.sort_by_key(|field| field.name());
        let properties: Vec<_> =
            fields.into_iter().map(|field| (field.name().into(), self.property(ty.name(), field))).collect();
        let map_type = particulars(ty.name(), "").find_map(|what| match what {
            Particular::MapType(map_type) => Some(map_type),
            _ => None,
        });
        let map_type = map_type.or(ty.is_atomic().then_some("atomic"));
        let unions: Vec<Node<'static>> = of.unions().map(union).collect();
        head.with("type", "object")
            .maybe("required", Some(required).filter(|names| !names.is_empty()).map(Node::texts))
            .maybe("properties", Some(Object(properties)).filter(|properties| !properties.0.is_empty()))
            .maybe("x-kubernetes-group-version-kind", self.kinds(ty))
            .maybe("x-kubernetes-map-type", map_type)
            .maybe("x-kubernetes-unions", Some(unions).filter(|unions| !unions.is_empty()))
    }

    fn kinds(&self, ty: TypeRef<'static>) -> Option<Node<'static>> {
        let mut kinds: Vec<_> = ty.gvks().filter(|(group, ..)| *group != DISCOVERY_GROUP).collect();
        if IN_EVERY_GROUP.contains(&ty.name()) {
            kinds.retain(|(group, version, _)| match self.audience {
                Audience::Group(own, of) => {
                    (*group, *version) == ("", "v1") || (*group, *version) == (own, of)
                }
                Audience::Custom => !NOT_FOR_CUSTOM.contains(group),
                Audience::Everyone => true,
            });
        }
        let kinds: Vec<Node<'static>> =
            kinds.into_iter().map(|(group, version, kind)| of_kind(group, version, kind)).collect();
        Some(kinds).filter(|kinds| !kinds.is_empty()).map(Node::List)
    }

    fn property(&self, owner: &str, field: FieldRef<'static>) -> Node<'static> {
        let mut particular = Particulars::default();
        particulars(owner, field.name()).for_each(|what| particular.add(what));
        let ty = field.ty();
        let values: Vec<&str> = field.values().collect();
        let about = self.texts.of_field(owner, field.name());
        let about = with_values(about, &values);
        let default = default(field, particular.zero_default).filter(|_| self.dialect == Dialect::V3);
        let head = Object::default().maybe("description", about);
        if ty.name().is_empty() {
            let plain = self.plain(head, ty, default, &values, particular.item_values);
            return extended(plain, field, &particular).into();
        }
        let reference = || self.reference(ty.name());
        match self.dialect {
            Dialect::V2 => extended(head.with("$ref", reference()), field, &particular).into(),
            Dialect::V3 => {
                let around = extended(head.maybe("default", default), field, &particular);
                if around.0.is_empty() {
                    return Object::default().with("$ref", reference()).into();
                }
                let extensions = around.0.iter().position(|(name, _)| name.starts_with("x-"));
                let mut around = around;
                let all_of = vec![Object::default().with("$ref", reference()).into()];
                around.0.insert(extensions.unwrap_or(around.0.len()), ("allOf".into(), Node::List(all_of)));
                around.into()
            }
        }
    }

    /// A type without a name, written where it is used.
    fn plain(
        &self,
        head: Object<'static>,
        ty: TypeRef<'static>,
        default: Option<Node<'static>>,
        values: &[&'static str],
        item_values: Option<&'static [&'static str]>,
    ) -> Object<'static> {
        let (name, format) = match ty.kind() {
            Kind::Bool => ("boolean", None),
            Kind::Int32 => ("integer", Some("int32")),
            Kind::Int64 => ("integer", Some("int64")),
            Kind::Float64 => ("number", Some("double")),
            Kind::String => ("string", None),
            Kind::Bytes => ("string", Some("byte")),
            Kind::List => ("array", None),
            Kind::Map => ("object", None),
            // Anything goes.
            _ => return head,
        };
        let elem = || {
            let elem = ty.elem();
            if elem.name().is_empty() {
                self.plain(Object::default(), elem, None, item_values.unwrap_or_default(), None)
            } else {
                Object::default().with("$ref", self.reference(elem.name()))
            }
        };
        let values = Some(values).filter(|values| !values.is_empty());
        head.with("type", name)
            .maybe("format", format)
            .maybe("default", default)
            .maybe("enum", values.map(|values| Node::texts(values.iter().copied())))
            .maybe("items", (ty.kind() == Kind::List).then(elem))
            .maybe("additionalProperties", (ty.kind() == Kind::Map).then(elem))
    }

    /// The definition of a list of a custom resource's objects, called `name`.
    pub(super) fn list(&self, name: &str, resource: &Resource) -> Object<'static> {
        let (package, _) = name.rsplit_once('.').unwrap_or_default();
        let reference = |name: &str| Object::default().with("$ref", self.reference(name));
        let about = |field| Object::default().maybe("description", self.texts.of_field(name, field));
        let items = about("items")
            .with("type", "array")
            .with("items", reference(&format!("{package}.{}", resource.kind)));
        let metadata = match self.dialect {
            Dialect::V2 => about("metadata").with("$ref", self.reference(LIST_META)),
            Dialect::V3 => about("metadata").with("allOf", vec![reference(LIST_META).into()]),
        };
        let properties = Object::default().with("apiVersion", about("apiVersion").with("type", "string"));
        let properties = properties.with("items", items).with("kind", about("kind").with("type", "string"));
        let mut words: Vec<&str> = package.split('.').collect();
        let version = words.pop().unwrap_or_default().to_owned();
        words.reverse();
        let kinds = vec![of_kind(words.join("."), version, resource.list_kind.clone().into_owned())];
        Object::default()
            .maybe("description", self.texts.of(name))
            .with("type", "object")
            .with("required", Node::texts(["items"]))
            .with("properties", properties.with("metadata", metadata))
            .with("x-kubernetes-group-version-kind", kinds)
    }

    fn reference(&self, name: &str) -> String {
        format!("{}{name}", self.dialect.prefix())
    }
}

#[derive(Default)]
struct Particulars {
    zero_default: bool,
    no_list_type: bool,
    list_type: Option<&'static str>,
    patch_strategy: Option<&'static str>,
    item_values: Option<&'static [&'static str]>,
}

impl Particulars {
    fn add(&mut self, what: Particular) {
        match what {
            Particular::ZeroDefault => self.zero_default = true,
            Particular::NoListType => self.no_list_type = true,
            Particular::ListType(list_type) => self.list_type = Some(list_type),
            Particular::PatchStrategy(strategy) => self.patch_strategy = Some(strategy),
            Particular::ItemValues(values) => self.item_values = Some(values),
            Particular::MapType(_) => {}
        }
    }
}

/// `object` with what apply and strategic merge are told of the field.
fn extended(object: Object<'static>, field: FieldRef<'static>, particular: &Particulars) -> Object<'static> {
    let (ty, flags) = (field.ty(), field.flags());
    let is_list = ty.kind() == Kind::List;
    // A list of objects is the one field of its type that everybody reads as a whole.
    let is_items = field.name() == "items" && is_list && ty.elem().gvks().next().is_some();
    let list_type = match (is_list && !particular.no_list_type && !is_items, ty.shape()) {
        (true, ListShape::Atomic) => Some("atomic"),
        (true, ListShape::Set) => Some("set"),
        (true, ListShape::Map) => Some("map"),
        (false, _) => particular.list_type,
    };
    let keys: Vec<&str> = if is_list { ty.list_keys().collect() } else { Vec::new() };
    let map_type = match (flags.has(Flags::ATOMIC), flags.has(Flags::GRANULAR)) {
        (true, _) => Some("atomic"),
        (_, true) => Some("granular"),
        _ => None,
    };
    let strategy = match (flags.has(Flags::MERGE), flags.has(Flags::RETAIN_KEYS)) {
        (true, true) => Some("merge,retainKeys"),
        (true, false) => Some("merge"),
        (false, true) => Some("retainKeys"),
        (false, false) => particular.patch_strategy,
    };
    object
        .maybe("x-kubernetes-list-map-keys", Some(keys).filter(|keys| !keys.is_empty()).map(Node::texts))
        .maybe("x-kubernetes-list-type", list_type)
        .maybe("x-kubernetes-map-type", map_type)
        .maybe("x-kubernetes-patch-merge-key", field.merge_key())
        .maybe("x-kubernetes-patch-strategy", strategy)
}

/// The default: the one that was chosen, or what Go makes of a field that is always written.
fn default(field: FieldRef<'static>, even_if_omitted: bool) -> Option<Node<'static>> {
    if let Some(chosen) = field.default() {
        return Some(parsed(chosen));
    }
    let kind = field.ty().kind();
    if field.is_pointer() {
        return None;
    }
    if kind == Kind::Struct {
        return Some(Object::default().into());
    }
    if field.flags().has(Flags::OMIT_EMPTY) && !even_if_omitted {
        return None;
    }
    match kind {
        Kind::Bool => Some(false.into()),
        Kind::Int32 | Kind::Int64 => Some(Node::Number("0".into())),
        Kind::String => Some("".into()),
        _ => None,
    }
}

/// A default as the arena keeps it: a scalar, or objects in objects that end in an empty one.
fn parsed(json: &'static str) -> Node<'static> {
    let inside = |open, close| json.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    if let Some(text) = inside('"', '"') {
        return text.into();
    }
    if let Some(members) = inside('{', '}') {
        let member = members
            .split_once(':')
            .map(|(name, value)| (Cow::Borrowed(name.trim_matches('"')), parsed(value.trim())));
        return Object(member.into_iter().collect()).into();
    }
    match json {
        "true" => true.into(),
        "false" => false.into(),
        number => Node::Number(number.into()),
    }
}

fn with_values(about: Option<String>, values: &[&str]) -> Option<String> {
    if values.is_empty() {
        return about;
    }
    let mut text = about.unwrap_or_default();
    text.push_str(if text.is_empty() { "Possible enum values:" } else { "\n\nPossible enum values:" });
    for value in values {
        text.push_str(&format!("\n - `{value:?}`"));
    }
    Some(text)
}

fn union((discriminator, members): (&'static str, Vec<(&'static str, &'static str)>)) -> Node<'static> {
    let mut members = members;
    members.sort_unstable();
    let members = Object(members.into_iter().map(|(field, value)| (field.into(), value.into())).collect());
    let discriminator = Some(discriminator).filter(|name| !name.is_empty());
    Object::default().maybe("discriminator", discriminator).with("fields-to-discriminateBy", members).into()
}

/// Group, kind and version in alphabetical order, as Go writes a map.
pub(super) fn of_kind<'a>(
    group: impl Into<Cow<'a, str>>,
    version: impl Into<Cow<'a, str>>,
    kind: impl Into<Cow<'a, str>>,
) -> Node<'a> {
    Object::default()
        .with("group", group.into())
        .with("kind", kind.into())
        .with("version", version.into())
        .into()
}

/// Calls `found` with the name of every type that the definition of a built-in type refers to.
pub(super) fn references(name: &str, found: &mut dyn FnMut(&'static str)) {
    let Some(of) = builtin().by_name(name).and_then(TypeRef::as_struct) else { return };
    for field in of.fields() {
        let mut ty = field.ty();
        while ty.name().is_empty() && matches!(ty.kind(), Kind::List | Kind::Map) {
            ty = ty.elem();
        }
        if !ty.name().is_empty() {
            found(ty.name());
        }
    }
}
