//! An arena made at run time, as a custom resource's schema will be: free-form objects checked against it.

use std::sync::Arc;

use keelson_schema::arena::builder::{Builder, FieldSpec, Member};
use keelson_schema::arena::{Arena, Flags, Kind, ListShape, Schema};
use keelson_schema::tree::{Fields, Object};
use keelson_schema::{defaults, json};

/// A widget: `metadata` is open, `spec` has a size with a default, a nullable note, parts by name, and a free corner.
fn widgets() -> Schema {
    let mut builder = Builder::default();
    let text = builder.scalar(Kind::String, "", "string");
    let number = builder.scalar(Kind::Int64, "", "int64");
    let any = builder.scalar(Kind::Any, "", "interface {}");
    let field = |name: &str, ty, default: &str, flags| {
        Member::Field(FieldSpec {
            name: name.into(),
            ty,
            default: default.into(),
            flags,
            ..FieldSpec::default()
        })
    };
    let plain = Flags::OMIT_EMPTY.with(Flags::POINTER);
    let part = builder.declare("example.dev.Part", "Part", false);
    builder.define(
        part,
        vec![field("kind", text, "\"bolt\"", plain), field("name", text, "", plain)],
        &[],
        false,
        false,
    );
    let parts = builder.list(part, ListShape::Map, &["name".to_owned()], "");
    let spec = builder.declare("example.dev.Spec", "Spec", false);
    let members = vec![
        field("free", any, "", plain),
        field("note", text, "\"none\"", plain.with(Flags::NULLABLE)),
        field("parts", parts, "", plain),
        field("size", number, "3", plain),
    ];
    builder.define(spec, members, &[], false, false);
    let metadata = builder.declare("example.dev.Metadata", "Metadata", false);
    builder.define(metadata, vec![field("name", text, "", plain)], &[], true, false);
    let widget = builder.declare("example.dev.Widget", "Widget", false);
    let members = vec![
        field("apiVersion", text, "", plain),
        field("kind", text, "", plain),
        field("metadata", metadata, "", plain),
        field("spec", spec, "", plain),
    ];
    builder.define(widget, members, &[], false, false);
    builder.gvk("example.dev", "v1", "Widget", widget);
    Schema::shared(Arc::new(Arena::new(builder, true)), widget)
}

fn check(input: &str, expected: &str, complaints: &[&str]) {
    let schema = widgets();
    let decoded = json::decode(input.as_bytes(), schema.ty(), true).expect("well formed");
    assert_eq!(decoded.strict.texts(), complaints, "{input}");
    let mut object = Object::with_root(schema.clone(), decoded.root);
    defaults::apply(schema.ty().as_struct().expect("a struct"), object.root_mut());
    let mut out = Vec::new();
    json::encode(object.ty(), object.root(), &mut out).expect("it can be written");
    assert_eq!(String::from_utf8_lossy(&out), expected, "{input}");
}

#[test]
fn unknown_fields_are_pruned_and_reported_unless_the_schema_keeps_them() {
    check(
        r#"{"spec":{"size":1,"colour":"red","free":{"b":[1,{"x":null}],"a":2.5}},"metadata":{"zone":"z","name":"w","a":1},"extra":1}"#,
        r#"{"metadata":{"a":1,"name":"w","zone":"z"},"spec":{"free":{"a":2.5,"b":[1,{"x":null}]},"note":"none","size":1}}"#,
        &["unknown field \"spec.colour\"", "unknown field \"extra\""],
    );
}

#[test]
fn defaults_fill_what_is_missing_or_may_not_be_null() {
    check(
        r#"{"spec":{"size":null,"note":null,"parts":[{"name":"a"},{"name":"b","kind":""}]}}"#,
        r#"{"spec":{"note":null,"parts":[{"kind":"bolt","name":"a"},{"kind":"","name":"b"}],"size":3}}"#,
        &[],
    );
    // What is absent is not entered.
    check("{}", "{}", &[]);
}

#[test]
fn wrong_types_are_left_for_validation() {
    check(
        r#"{"spec":{"size":"big","note":1.5,"parts":{}}}"#,
        r#"{"spec":{"note":1.5,"parts":{},"size":"big"}}"#,
        &[],
    );
}

#[test]
fn duplicates_are_reported_with_their_paths() {
    check(
        r#"{"spec":{"free":{"a":1,"a":2},"size":1,"size":2,"note":"x"},"metadata":{"b":1,"b":2}}"#,
        r#"{"metadata":{"b":2},"spec":{"free":{"a":2},"note":"x","size":2}}"#,
        &[
            "duplicate field \"spec.free.a\"",
            "duplicate field \"spec.size\"",
            "duplicate field \"metadata.b\"",
        ],
    );
}

#[test]
fn unknown_fields_by_the_thousand_are_kept_in_order() {
    let members: Vec<String> = (0..100_000).rev().map(|at| format!("\"k{at:06}\":{at}")).collect();
    let input = format!(r#"{{"metadata":{{{}}}}}"#, members.join(","));
    let schema = widgets();
    let decoded = json::decode(input.as_bytes(), schema.ty(), true).expect("well formed");
    assert!(decoded.strict.is_empty());
    let mut out = Vec::new();
    json::encode(schema.ty(), &decoded.root, &mut out).expect("it can be written");
    assert!(out.starts_with(br#"{"metadata":{"k000000":0,"k000001":1,"#));
    assert_eq!(out.len(), input.len());
}

#[test]
fn a_kind_is_found_in_its_own_arena() {
    let schema = widgets();
    let arena = schema.ty().arena();
    assert_eq!(arena.by_gvk("example.dev", "v1", "Widget"), Some(schema.ty()));
    assert_eq!(arena.by_gvk("", "v1", "Pod"), None);
    assert_eq!(Object::with_root(schema, Fields::new()).kind(), "");
}
