//! What upstream answers, recorded, and laws that hold for every patch.
//!
//! `cases.jsonl` holds objects and patches; what is expected was said by upstream's own code, byte for byte.

use std::collections::HashMap;

use keelson_api::options::FieldValidation;
use serde_json::Value as Json;

use super::*;
use crate::arena::builder::{Builder, FieldSpec, Member};
use crate::arena::row::{Flags, Kind, ListShape};
use crate::arena::{Arena, Schema};
use crate::convert::{self, Encoding};

/// The objects by name, and the cases.
fn recorded() -> (HashMap<String, Object>, Vec<Json>) {
    let lines = include_str!("cases.jsonl").lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let (objects, cases): (Vec<Json>, Vec<Json>) = lines.partition(|line| line.get("json").is_some());
    let object = |line: Json| (text(&line, "object"), object_of(&text(&line, "json")));
    (objects.into_iter().map(object).collect(), cases)
}

fn text(line: &Json, name: &str) -> String {
    line[name].as_str().unwrap_or_default().to_owned()
}

fn object_of(json: &str) -> Object {
    convert::decode(json.as_bytes(), Encoding::Json, false).unwrap().0
}

fn json_of(object: &Object) -> String {
    let encoded = convert::encode(object, Encoding::Json).unwrap();
    String::from_utf8(encoded).unwrap().trim_end().to_owned()
}

fn parsed(case: &Json) -> Result<Patch, PatchError> {
    let checks = FieldValidation::parse(&text(case, "checks")).unwrap();
    Patch::parse(kind_of(case), text(case, "patch").as_bytes(), checks)
}

fn kind_of(case: &Json) -> PatchKind {
    match text(case, "type").as_str() {
        "json" => PatchKind::Json,
        "merge" => PatchKind::Merge,
        _ => PatchKind::Strategic,
    }
}

/// What came of a patch, in the words of the record.
fn shown(outcome: Result<Patched, PatchError>) -> Json {
    let class = |class: &str| serde_json::json!({ "class": class });
    match outcome {
        Ok(patched) => {
            let mut shown = class("OK");
            shown["result"] = json_of(&patched.object).into();
            if !patched.warnings.is_empty() {
                shown["warnings"] = patched.warnings.into();
            }
            shown
        }
        Err(PatchError::Fatal) => class("Panic"),
        Err(error) => {
            let mut shown = class(&format!("{:?}", error.answer()));
            if error.answer() != Answer::Rejected {
                shown["message"] = error.to_string().into();
            }
            if let PatchError::Invalid { value, .. } = error {
                shown["value"] = value.into();
            }
            shown
        }
    }
}

#[test]
fn patches_do_what_upstream_does() {
    let (objects, cases) = recorded();
    for case in &cases {
        let object = &objects[&text(case, "object")];
        let mut expected = case.clone();
        for input in ["type", "checks", "object", "patch"] {
            expected.as_object_mut().unwrap().remove(input);
        }
        if expected["result"] == "same" {
            expected["result"] = json_of(object).into();
        }
        let found = shown(parsed(case).and_then(|patch| patch.apply(object)));
        assert_eq!(found, expected, "{case}");
    }
    assert!(cases.len() > 400, "{}", cases.len());
}

#[test]
fn patching_leaves_the_object_alone_and_comes_out_the_same_again() {
    let (objects, cases) = recorded();
    for case in &cases {
        let object = &objects[&text(case, "object")];
        let before = json_of(object);
        let Ok(patch) = parsed(case) else { continue };
        assert_eq!(shown(patch.apply(object)), shown(patch.apply(object)), "{case}");
        assert_eq!(json_of(object), before, "{case}");
    }
}

#[test]
fn a_merge_patch_changes_nothing_the_second_time() {
    let (objects, cases) = recorded();
    let mut tried = 0;
    // Upstream leaves the nulls in a list that replaces an object, but not in one that replaces a list.
    let lawless =
        |case: &Json| text(case, "object") == "revision" && text(case, "patch").contains("null},null]");
    for case in cases.iter().filter(|case| kind_of(case) == PatchKind::Merge && !lawless(case)) {
        let Ok(patch) = parsed(case) else { continue };
        let Ok(once) = patch.apply(&objects[&text(case, "object")]) else { continue };
        let twice = patch.apply(&once.object).unwrap();
        assert_eq!(json_of(&once.object), json_of(&twice.object), "{case}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

/// JSON with its names sorted.
fn sorted(json: &str) -> String {
    serde_json::from_str::<Json>(json).unwrap().to_string()
}

#[test]
fn an_empty_patch_changes_nothing() {
    let (objects, _) = recorded();
    for (name, object) in &objects {
        for (kind, patch) in [(PatchKind::Json, "[]"), (PatchKind::Merge, "{}"), (PatchKind::Strategic, "{}")]
        {
            let patched =
                Patch::parse(kind, patch.as_bytes(), FieldValidation::Strict).unwrap().apply(object).unwrap();
            let (mut found, mut expected) = (json_of(&patched.object), json_of(object));
            if kind == PatchKind::Strategic {
                // Upstream takes apart what is kept as it came, which sorts its names and rounds its numbers.
                found = found.replace(r#""a":[2,"#, r#""a":[2.0,"#);
                (found, expected) = (sorted(&found), sorted(&expected));
            }
            assert_eq!(found, expected, "{name} {kind:?}");
        }
    }
}

/// A generator of numbers that needs no seed from outside.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

#[test]
fn mutilated_patches_are_answered_too() {
    const PIECES: [&str; 24] = [
        "null",
        "{}",
        "[]",
        "{\"$patch\":\"delete\"}",
        "\"$patch\":\"replace\",",
        "[null]",
        "1e400",
        "-0",
        "\"\\ud800\"",
        "\"$setElementOrder/containers\":[],",
        "{\"name\":\"a\"}",
        ",",
        ":",
        "\"",
        "{",
        "}",
        "[",
        "]",
        "/",
        "~1",
        "-1",
        "\"name\":",
        "\u{fffd}",
        "2.0",
    ];
    let (objects, cases) = recorded();
    let mut dice = Dice(42);
    let (mut applied, mut refused) = (0, 0);
    for case in &cases {
        let object = &objects[&text(case, "object")];
        let patch = text(case, "patch");
        for _ in 0..24 {
            let mut bytes = patch.clone().into_bytes();
            for _ in 0..=dice.below(3) {
                let (at, end) = (dice.below(bytes.len() + 1), dice.below(6));
                match dice.below(4) {
                    0 => drop(bytes.splice(at..at, PIECES[dice.below(PIECES.len())].bytes())),
                    1 => drop(bytes.drain(at..(at + end).min(bytes.len()))),
                    2 => {
                        let piece = bytes[at..(at + 4 * end).min(bytes.len())].to_vec();
                        drop(bytes.splice(at..at, piece));
                    }
                    _ => drop(
                        bytes.splice(at..(at + 1).min(bytes.len()), [u8::try_from(dice.below(256)).unwrap()]),
                    ),
                }
            }
            let outcome = Patch::parse(kind_of(case), &bytes, FieldValidation::Warn)
                .and_then(|patch| patch.apply(object));
            match outcome {
                Ok(patched) => {
                    applied += 1;
                    // Whatever came of it can be written and read again.
                    object_of(&json_of(&patched.object));
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(applied > 500 && refused > 500, "{applied} {refused}");
}

#[test]
fn a_patch_cannot_make_another_kind_of_an_object() {
    let object =
        object_of(r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"data":{"a":"<1>"}}"#);
    let same =
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"data":{"a":"\u003c1\u003e"}}"#;
    let gone = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{}}"#;
    for (patch, expected) in [
        (r#"{"kind":null}"#, Ok((same, vec![]))),
        (r#"{"kind":""}"#, Ok((same, vec![]))),
        (
            r#"{"apiVersion":null}"#,
            Ok((gone, vec![r#"unknown field "data""#, r#"unknown field "metadata""#])),
        ),
        (
            r#"{"kind":null,"apiVersion":""}"#,
            Ok((gone, vec![r#"unknown field "data""#, r#"unknown field "metadata""#])),
        ),
        (r#"{"apiVersion":"/"}"#, Ok((gone, vec![r#"unknown field "data""#, r#"unknown field "metadata""#]))),
        (
            r#"{"apiVersion":null,"x":1,"x":2}"#,
            Ok((
                gone,
                vec![
                    r#"duplicate field "x""#,
                    r#"unknown field "data""#,
                    r#"unknown field "metadata""#,
                    r#"unknown field "x""#,
                ],
            )),
        ),
        (
            r#"{"kind":"Pod","apiVersion":null}"#,
            Err("converting (core.Pod) to (core.ConfigMap): unknown conversion"),
        ),
        (
            r#"{"kind":"Foo","apiVersion":null}"#,
            Err(
                r#"no kind "Foo" is registered for the internal version of group "" in scheme "pkg/runtime/scheme.go:111""#,
            ),
        ),
        (r#"{"kind":"Secret"}"#, Err("illegal base64 data at input byte 0")),
        (r#"{"kind":"Pod","data":null}"#, Err("converting (v1.Pod) to (core.ConfigMap): unknown conversion")),
        (
            r#"{"kind":"Pod","spec":5}"#,
            Err("json: cannot unmarshal number into Go struct field Pod.spec of type v1.PodSpec"),
        ),
        (
            r#"{"kind":"Foo"}"#,
            Err(r#"no kind "Foo" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111""#),
        ),
        (
            r#"{"apiVersion":"v2"}"#,
            Err(
                r#"no kind "ConfigMap" is registered for version "v2" in scheme "pkg/runtime/scheme.go:111""#,
            ),
        ),
        (r#"{"apiVersion":"a/b/c"}"#, Err("unexpected GroupVersion string: a/b/c")),
        (
            r#"{"kind":5}"#,
            Err(
                "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string",
            ),
        ),
    ] {
        let outcome =
            Patch::parse(PatchKind::Merge, patch.as_bytes(), FieldValidation::Warn).unwrap().apply(&object);
        let outcome = outcome
            .map(|patched| (json_of(&patched.object), patched.warnings))
            .map_err(|error| error.to_string());
        let expected = expected
            .map(|(json, warnings)| (json.to_owned(), warnings.into_iter().map(str::to_owned).collect()))
            .map_err(str::to_owned);
        assert_eq!(outcome, expected, "{patch}");
    }
}

#[test]
fn another_version_of_the_same_kind_is_read_as_the_objects_own() {
    let deployment =
        object_of(r#"{"kind":"Deployment","apiVersion":"apps/v1","metadata":{},"spec":{"replicas":1}}"#);
    let patch =
        Patch::parse(PatchKind::Merge, br#"{"apiVersion":"extensions/v1beta1"}"#, FieldValidation::Strict)
            .unwrap();
    assert_eq!(patch.apply(&deployment).unwrap().object, deployment);
}

#[test]
fn custom_resources_are_patched_without_types() {
    let mut builder = Builder::default();
    let text = builder.scalar(Kind::String, "", "string");
    let number = builder.scalar(Kind::Int64, "", "int64");
    let list = builder.list(number, ListShape::Atomic, &[], "list");
    let spec = builder.declare("spec", "spec", false);
    let flags = Flags::POINTER.with(Flags::OMIT_EMPTY);
    let field = |name: &str, ty| {
        Member::Field(FieldSpec { name: name.to_owned(), ty, flags, ..FieldSpec::default() })
    };
    builder.define(spec, vec![field("l", list), field("n", number), field("s", text)], &[], false, false);
    let free = builder.declare("free", "free", false);
    builder.define(free, vec![field("known", number)], &[], true, false);
    let root = builder.declare("Widget", "Widget", false);
    let fields =
        vec![field("apiVersion", text), field("free", free), field("kind", text), field("spec", spec)];
    builder.define(root, fields, &[], false, false);
    let schema = Schema::shared(std::sync::Arc::new(Arena::new(builder, true)), root);
    let json = br#"{"apiVersion":"e.io/v1","free":{"z":{"y":1},"known":2},"kind":"Widget","spec":{"l":[1,2],"n":1}}"#;
    let decoded = crate::json::decode(json, schema.ty(), true).unwrap();
    let object = Object::with_root(schema, decoded.root);
    for (kind, patch, expected) in [
        (PatchKind::Merge, r#"{"spec":{"n":"x","m":1}}"#, Ok((r#""spec":{"l":[1,2],"n":"x"}}"#, 1))),
        (PatchKind::Merge, r#"{"spec":{"n":null,"s":null}}"#, Ok((r#""spec":{"l":[1,2]}}"#, 0))),
        (
            PatchKind::Merge,
            r#"{"free":{"z":{"y":null,"x":[{"a":null}]}}}"#,
            Ok((r#""free":{"known":2,"z":{"x":[{}]}}"#, 0)),
        ),
        (PatchKind::Merge, r#"{"kind":"Gadget"}"#, Ok((r#""kind":"Gadget""#, 0))),
        (PatchKind::Merge, r#"{"kind":null}"#, Err("Object 'Kind' is missing in")),
        (PatchKind::Json, r#"[{"op":"add","path":"/spec/l/-","value":null}]"#, Ok((r#""l":[1,2,null]"#, 0))),
        (
            PatchKind::Json,
            r#"[{"op":"move","from":"/free/z/y","path":"/spec/n"}]"#,
            Ok((r#""free":{"known":2,"z":{}}"#, 0)),
        ),
        (
            PatchKind::Json,
            r#"[{"op":"test","path":"/free","value":{"known":2,"z":{"y":1}}}]"#,
            Ok((r#""z":{"y":1}"#, 0)),
        ),
        (PatchKind::Strategic, "{}", Err("strategic merge patch format is not supported")),
    ] {
        let outcome = Patch::parse(kind, patch.as_bytes(), FieldValidation::Warn).unwrap().apply(&object);
        match (outcome, expected) {
            (Ok(patched), Ok((part, warnings))) => {
                let json = json_of(&patched.object);
                assert!(json.contains(part), "{patch}: {json}");
                assert_eq!(patched.warnings.len(), warnings, "{patch}");
            }
            (Err(error), Err(message)) => assert!(error.to_string().starts_with(message), "{patch}: {error}"),
            (outcome, _) => panic!("{patch}: {outcome:?}"),
        }
    }
}

fn config() -> Object {
    object_of(r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"data":{"a":"1"}}"#)
}

fn answer(kind: PatchKind, patch: &str) -> Result<(), PatchError> {
    Patch::parse(kind, patch.as_bytes(), FieldValidation::Ignore)
        .and_then(|patch| patch.apply(&config()))
        .map(drop)
}

#[test]
fn operations_and_copies_are_counted() {
    let operations = |count: usize| {
        format!("[{}]", vec![r#"{"op":"test","path":"/data/a","value":"1"}"#; count].join(","))
    };
    assert_eq!(answer(PatchKind::Json, &operations(OPERATIONS_MAX)), Ok(()));
    let error = answer(PatchKind::Json, &operations(OPERATIONS_MAX + 1)).unwrap_err();
    assert_eq!(error.to_string(), "The allowed maximum operations in a JSON patch is 10000, got 10001");
    assert_eq!(error.answer(), Answer::TooLarge);
    // Doubles what there is with every operation.
    let copies = |count| {
        let long = "x".repeat(1000);
        let copy = r#",{"op":"copy","from":"/x","path":"/x/y"},{"op":"copy","from":"/x","path":"/x/z"}"#;
        format!(r#"[{{"op":"add","path":"/x","value":{{"a":"{long}"}}}}{}]"#, copy.repeat(count))
    };
    assert_eq!(answer(PatchKind::Json, &copies(4)), Ok(()));
    let why = OperationError::Copied;
    assert!(
        matches!(answer(PatchKind::Json, &copies(12)), Err(PatchError::Operation { why: found, .. }) if found == why)
    );
}

#[test]
fn nesting_is_limited_on_every_way() {
    let nested = |depth: usize| format!("{}1{}", r#"{"x":"#.repeat(depth), "}".repeat(depth));
    for kind in [PatchKind::Merge, PatchKind::Strategic] {
        assert_eq!(answer(kind, &nested(500)), Ok(()), "{kind:?}");
        assert_eq!(answer(kind, &nested(600)), Err(PatchError::NotJson), "{kind:?}");
        assert_eq!(answer(kind, &nested(100_000)), Err(PatchError::NotJson), "{kind:?}");
    }
    let add = |value: &str| format!(r#"[{{"op":"add","path":"/x","value":{value}}}"#);
    assert_eq!(answer(PatchKind::Json, &format!("{}]", add(&nested(500)))), Ok(()));
    assert_eq!(answer(PatchKind::Json, &format!("{}]", add(&nested(600)))), Err(PatchError::NotJson));
    let deep = format!(r#"{},{{"op":"add","path":"/x{}","value":1}}]"#, add(&nested(400)), "/x".repeat(600));
    assert!(matches!(
        answer(PatchKind::Json, &deep),
        Err(PatchError::Operation { why: OperationError::TooDeep, .. })
    ));
    // Moved under itself again and again, what is deep gets deeper than any patch could be.
    let step = format!(
        r#",{{"op":"move","from":"/x","path":"/y{}"}},{{"op":"move","from":"/y","path":"/x"}},{{"op":"add","path":"/y","value":{}}}"#,
        "/x".repeat(400),
        nested(400)
    );
    let moves = format!(
        r#"{},{{"op":"add","path":"/y","value":{}}}{}]"#,
        add(&nested(400)),
        nested(400),
        step.repeat(40)
    );
    assert!(matches!(answer(PatchKind::Json, &moves), Err(PatchError::Invalid { .. })));
}

#[test]
fn work_is_limited() {
    let items = vec!["1"; 400_000].join(",");
    let insert = r#",{"op":"add","path":"/x/0","value":1}"#.repeat(5_000);
    let patch = format!(r#"[{{"op":"add","path":"/x","value":[{items}]}}{insert}]"#);
    assert_eq!(answer(PatchKind::Json, &patch), Err(PatchError::TooMuchWork));
}

#[test]
fn long_lists_are_merged_by_hash() {
    let item = |at: usize| format!(r#"{{"name":"v{at}"}}"#);
    let items = |range: std::ops::Range<usize>| range.map(item).collect::<Vec<_>>().join(",");
    let pod = format!(
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{}},"spec":{{"volumes":[{}]}}}}"#,
        items(0..20_000)
    );
    let patch = format!(r#"{{"spec":{{"volumes":[{}]}}}}"#, items(10_000..30_000));
    let patch = Patch::parse(PatchKind::Strategic, patch.as_bytes(), FieldValidation::Warn).unwrap();
    let patched = patch.apply(&object_of(&pod)).unwrap().object;
    let names: Vec<&str> =
        patched.view().path("spec.volumes").items().map(|item| item.field("name").text()).collect();
    let expected: Vec<String> = (0..30_000).map(|at| format!("v{at}")).collect();
    assert_eq!(names, expected);
}
