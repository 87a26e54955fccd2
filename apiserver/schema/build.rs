//! Writes the static tables of the built-in types from the facts in `facts/`.
//!
//! `gofields.json` gives structure and order, `types.json` what the published schema adds, `gonames.json` what Go
//! calls a field's type where that does not follow. What the facts do not say stands in `SPECIAL` and `WRAPPED`.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "the shared modules are written for the library, which uses all of them"
)]

#[path = "src/arena/builder.rs"]
mod builder;
#[path = "build/descriptions.rs"]
mod descriptions;
#[path = "build/json.rs"]
mod json;
#[path = "src/arena/row.rs"]
mod row;

use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::path::Path;
use std::{env, fs};

use builder::{Builder, FieldSpec, Member, UnionSpec};
use json::Json;
use row::{Flags, Kind, ListShape};

/// Types with an encoding of their own, by the end of their name.
const SPECIAL: [(&str, Kind); 12] = [
    ("pkg.apis.meta.v1.Time", Kind::Time),
    ("pkg.apis.meta.v1.MicroTime", Kind::MicroTime),
    ("pkg.apis.meta.v1.FieldsV1", Kind::FieldsV1),
    ("pkg.api.resource.Quantity", Kind::Quantity),
    ("pkg.util.intstr.IntOrString", Kind::IntOrString),
    ("pkg.runtime.RawExtension", Kind::Raw),
    (".JSON", Kind::Json),
    (".JSONSchemaPropsOrBool", Kind::SchemaOrBool),
    (".JSONSchemaPropsOrArray", Kind::SchemaOrArray),
    (".JSONSchemaPropsOrStringArray", Kind::SchemaOrStrings),
    ("pkg.runtime.Unknown", Kind::Raw),
    ("time.Time", Kind::Time),
];

/// Fields whose list is a message of its own in protobuf. (Lists in maps always are.)
const WRAPPED: [(&str, &str); 1] = [("io.k8s.apimachinery.pkg.apis.meta.v1.APIResource", "verbs")];

/// Kinds of the group `meta.k8s.io`, in which answers come that are no resource's own; the facts list only resources'.
const META: [&str; 3] = ["PartialObjectMetadata", "PartialObjectMetadataList", "Table"];

fn main() {
    println!("cargo:rerun-if-changed=facts");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/arena/row.rs");
    println!("cargo:rerun-if-changed=src/arena/builder.rs");
    let read = |name: &str| {
        json::parse(&fs::read_to_string(format!("facts/{name}.json")).expect("the facts are carried along"))
    };
    let (go, published, names) = (read("gofields"), read("types"), read("gonames"));
    let mut facts = Facts {
        go: go.get("types").members(),
        published: published.get("types"),
        names: names.get("types"),
        builder: Builder::default(),
        types: HashMap::new(),
    };
    let all: Vec<&str> = facts.go.iter().map(|(name, _)| *name).collect();
    for name in &all {
        facts.declare(name);
    }
    let mut done = HashMap::new();
    for name in &all {
        facts.define(name, &mut done);
    }
    for (gvk, ty) in go.get("gvks").members() {
        let parts: Vec<&str> = gvk.split('/').collect();
        let ty = facts.types[ty.text()];
        facts.builder.gvk(parts[0], parts[1], parts[2], ty);
    }
    for kind in META {
        let ty = facts.types[format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}").as_str()];
        for version in ["v1", "v1beta1"] {
            facts.builder.gvk("meta.k8s.io", version, kind, ty);
        }
    }
    facts.builder.finish();
    write(&facts.builder);
    descriptions::write(published.get("types"));
}

struct Facts<'a> {
    go: Vec<(&'a str, &'a Json)>,
    published: &'a Json,
    names: &'a Json,
    builder: Builder,
    types: HashMap<&'a str, u16>,
}

impl<'a> Facts<'a> {
    fn declare(&mut self, name: &'a str) {
        let go = go_name(name);
        let special = SPECIAL.iter().find(|(end, _)| name.ends_with(end));
        let ty = match special {
            Some((_, kind @ (Kind::SchemaOrBool | Kind::SchemaOrArray | Kind::SchemaOrStrings))) => {
                let schema =
                    format!("{}JSONSchemaProps", &name[..=name.rfind('.').expect("a qualified name")]);
                let key = self.go.iter().find(|(known, _)| *known == schema).expect("the schema's type").0;
                if !self.types.contains_key(key) {
                    self.declare(key);
                }
                self.builder.wrapper(*kind, self.types[key], name, &go)
            }
            Some((_, kind)) => self.builder.scalar(*kind, name, &go),
            None if self.types.contains_key(name) => return,
            None => {
                let atomic = self.published.get(name).get("mapType").text() == "atomic";
                self.builder.declare(name, &go, atomic)
            }
        };
        self.types.insert(name, ty);
    }

    fn define(&mut self, name: &'a str, done: &mut HashMap<&'a str, ()>) {
        let ty = self.types[name];
        if done.insert(name, ()).is_some() || self.builder.types[usize::from(ty)].kind != Kind::Struct {
            return;
        }
        let rows =
            self.go.iter().find(|(known, _)| *known == name).expect("a known type").1.get("fields").items();
        let mut members = Vec::new();
        for row in rows {
            let row = row.items();
            let (field, go, flags) = (row[0].text(), row[1].text(), row[2].text());
            let number = row[3].number();
            if flags.contains('i') {
                let inner = self.go.iter().find(|(known, _)| *known == go).expect("an inlined struct").0;
                self.define(inner, done);
                let fields = self.inlined(name, inner);
                members.push(Member::Inline {
                    ty: self.types[inner],
                    number,
                    go: last(inner).to_owned(),
                    fields,
                });
            } else {
                members.push(Member::Field(self.field(name, name, field, go, flags, number)));
            }
        }
        let proto = members.is_empty()
            || members.iter().any(|member| match member {
                Member::Field(field) => field.number > 0,
                Member::Inline { number, .. } => *number > 0 || members.len() == 1,
            });
        let unions: Vec<UnionSpec> =
            self.published.get(name).get("unions").items().iter().map(union).collect();
        self.builder.define(ty, members, &unions, false, proto);
    }

    /// The fields of a struct that `outer` inlines: the published schema knows them as `outer`'s.
    fn inlined(&mut self, outer: &str, inner: &'a str) -> Vec<FieldSpec> {
        let rows = self
            .go
            .iter()
            .find(|(known, _)| *known == inner)
            .expect("an inlined struct")
            .1
            .get("fields")
            .items();
        let mut specs = Vec::new();
        for row in rows {
            let row = row.items();
            let (field, go, flags) = (row[0].text(), row[1].text(), row[2].text());
            if flags.contains('i') {
                specs.extend(self.inlined(outer, go));
            } else {
                specs.push(self.field(outer, inner, field, go, flags, row[3].number()));
            }
        }
        specs
    }

    /// A field of the Go struct `owner`, described by the published facts of `publisher`, or else of its own struct.
    fn field(
        &mut self,
        publisher: &str,
        owner: &str,
        name: &str,
        go: &str,
        flags: &str,
        number: u16,
    ) -> FieldSpec {
        let published = self.published;
        let facts = match published.get(publisher).get("fields").get(name) {
            Json::Null => published.get(owner).get("fields").get(name),
            facts => facts,
        };
        let go_text = match self.names.get(owner).get(name).text() {
            "" => go_type(go),
            known => known.to_owned(),
        };
        let pointer = go.starts_with('*');
        let wrapped = WRAPPED.contains(&(owner, name));
        let mut set = Flags::default();
        for (flag, on) in [
            (Flags::POINTER, pointer),
            (Flags::OMIT_EMPTY, flags.contains('e')),
            (Flags::OMIT_ZERO, flags.contains('z')),
            (Flags::REQUIRED, facts.get("required").is_true()),
            (Flags::ATOMIC, facts.get("mapType").text() == "atomic"),
            (Flags::GRANULAR, facts.get("mapType").text() == "granular"),
            (Flags::WRAPPED, wrapped),
            (Flags::MERGE, facts.get("patchStrategy").text().split(',').any(|part| part == "merge")),
            (
                Flags::RETAIN_KEYS,
                facts.get("patchStrategy").text().split(',').any(|part| part == "retainKeys"),
            ),
            (Flags::REPLACE, facts.get("patchStrategy").text() == "replace"),
        ] {
            if on {
                set = set.with(flag);
            }
        }
        let default = facts.get("default");
        // What a value field has anyway is no default.
        let default = if default.is_zero() && !pointer { String::new() } else { default.to_string() };
        FieldSpec {
            name: name.to_owned(),
            ty: self.resolve(go.trim_start_matches('*'), go_text.trim_start_matches('*'), facts),
            flags: set,
            number,
            merge_key: facts.get("patchMergeKey").text().to_owned(),
            default,
            values: facts.get("enum").items().iter().map(|value| value.text().to_owned()).collect(),
        }
    }

    /// The type that the facts write as `go`, and Go as `text`.
    fn resolve(&mut self, go: &str, text: &str, facts: &Json) -> u16 {
        if let Some(ty) = self.types.get(go) {
            return *ty;
        }
        if let Some(elem) = go.strip_prefix("[]") {
            let inner = text.strip_prefix("[]").map_or_else(|| go_type(elem), str::to_owned);
            let elem = self.resolve(elem, &inner, facts.get("items"));
            let keys: Vec<String> =
                facts.get("listMapKeys").items().iter().map(|key| key.text().to_owned()).collect();
            let shape = match facts.get("listType").text() {
                "map" => ListShape::Map,
                "set" => ListShape::Set,
                _ => ListShape::Atomic,
            };
            return self.builder.list(elem, shape, &keys, text);
        }
        if let Some(elem) = go.strip_prefix("map[string]") {
            let inner = match text.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
                Some((_, inner)) => inner.to_owned(),
                None => go_type(elem),
            };
            let elem = self.resolve(elem, &inner, facts.get("map"));
            return self.builder.map(elem, facts.get("mapType").text() == "atomic", text);
        }
        let kind = match go {
            "string" => Kind::String,
            "bool" => Kind::Bool,
            "int32" => Kind::Int32,
            "int64" => Kind::Int64,
            "float64" => Kind::Float64,
            "bytes" => Kind::Bytes,
            "any" => Kind::Any,
            other => panic!("the facts name a type nobody knows: {other}"),
        };
        self.builder.scalar(kind, "", text)
    }
}

fn union(facts: &Json) -> UnionSpec {
    let members = facts.get("fields-to-discriminateBy").members();
    let members =
        members.iter().map(|(field, value)| ((*field).to_owned(), value.text().to_owned())).collect();
    (facts.get("discriminator").text().to_owned(), members)
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// `v1.PodSpec` of `io.k8s.api.core.v1.PodSpec`.
fn go_name(name: &str) -> String {
    let parts: Vec<&str> = name.rsplit('.').take(2).collect();
    format!("{}.{}", parts.get(1).copied().unwrap_or_default(), parts[0])
}

fn go_type(facts: &str) -> String {
    for prefix in ["*", "[]", "map[string]"] {
        if let Some(rest) = facts.strip_prefix(prefix) {
            return format!("{prefix}{}", go_type(rest));
        }
    }
    match facts {
        "bytes" => "[]uint8".to_owned(),
        "any" => "interface {}".to_owned(),
        name if name.contains('.') => go_name(name),
        other => other.to_owned(),
    }
}

fn write(builder: &Builder) {
    #[expect(clippy::disallowed_methods, reason = "that is how cargo tells a build script")]
    let out = env::var("OUT_DIR").expect("cargo names the output directory");
    let out = Path::new(&out);
    let mut code = String::new();
    table(&mut code, "TEXTS", "Text", &builder.texts);
    table(&mut code, "TYPES", "TypeRow", &builder.types);
    table(&mut code, "STRUCTS", "StructRow", &builder.structs);
    table(&mut code, "FIELDS", "FieldRow", &builder.fields);
    table(&mut code, "SLOTS", "SlotRow", &builder.slots);
    table(&mut code, "INDICES", "u16", &builder.indices);
    table(&mut code, "UNIONS", "UnionRow", &builder.unions);
    table(&mut code, "GVKS", "GvkRow", &builder.gvks);
    table(&mut code, "NAMES", "u16", &builder.names());
    fs::write(out.join("tables.rs"), code).expect("the output directory is writable");
    fs::write(out.join("strings.txt"), &builder.strings).expect("the output directory is writable");
}

fn table<T: Debug>(code: &mut String, name: &str, of: &str, rows: &[T]) {
    writeln!(code, "static {name}: [{of}; {}] = [", rows.len()).expect("a String takes everything");
    for row in rows {
        // Derived Debug writes struct literals, but enum variants without their type.
        let mut text = format!("{row:?}");
        for (field, of) in [("kind: ", "Kind::"), ("shape: ", "ListShape::")] {
            if of == "Kind::" && text.starts_with("GvkRow") {
                continue;
            }
            text = text.replacen(field, &format!("{field}{of}"), 1);
        }
        writeln!(code, "{text},").expect("a String takes everything");
    }
    code.push_str("];\n");
}
