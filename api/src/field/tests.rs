use super::*;
use crate::vectors::rows;

fn error(case: &str) -> Error {
    let root = Path::new("spec");
    let path = &root.child("a");
    match case {
        "required" => Error::required(path, ""),
        "required detail" => Error::required(path, "must be set"),
        "invalid text" => Error::invalid(path, "a\"b<é\x01", "bad"),
        "invalid named" => Error::invalid(path, Value::Named("a\"b<é\x01"), "bad"),
        "invalid pointer" => Error::invalid(path, Some("x<"), "bad"),
        "invalid nil" => Error::invalid(path, None::<&str>, "bad"),
        "invalid bool" => Error::invalid(path, true, "bad"),
        "invalid int" => Error::invalid(path, 7_usize, "bad"),
        "invalid int32" => Error::invalid(path, -7, "bad"),
        "invalid int64" => Error::invalid(path, 1_i64 << 40, "bad"),
        "invalid float" => Error::invalid(path, 1e7, "bad"),
        "invalid texts" => Error::invalid(path, &["a", "<"][..], "bad"),
        "invalid no texts" => Error::invalid(path, Value::Texts(&[]), "bad"),
        "invalid nil texts" => Error::invalid(path, Value::Null, "bad"),
        "invalid map" => Error::invalid(path, Value::Json(r#"{"a":2,"b":1}"#.into()), "bad"),
        "invalid without detail" => Error::invalid(path, "a", ""),
        "type invalid" => Error::type_invalid(path, "a", "must be of type integer"),
        "not supported" => Error::not_supported(path, "c", &["a", "b\"", ""]),
        "not supported none" => Error::not_supported(path, "c", &[]),
        "forbidden" => Error::forbidden(path, "not now"),
        "duplicate" => Error::duplicate(path, "a"),
        "not found" => Error::not_found(path, "a"),
        "too long 63" => Error::too_long(path, 63),
        "too long 1" => Error::too_long(path, 1),
        "too long unknown" => Error::too_long(path, None),
        "too long characters 63" => Error::too_long_characters(path, 63),
        "too long characters 1" => Error::too_long_characters(path, 1),
        "too short 3" => Error::too_short(path, 3),
        "too short 1" => Error::too_short(path, 1),
        "too short unknown" => Error::too_short(path, None),
        "too many 5 4" => Error::too_many(path, 5, 4),
        "too many 2 1" => Error::too_many(path, 2, 1),
        "too many unknown" => Error::too_many(path, None, None),
        "too few 1 2" => Error::too_few(path, 1, 2),
        "too few 0 1" => Error::too_few(path, 0, 1),
        "too few unknown" => Error::too_few(path, 0, None),
        "internal" => Error::internal(path, "broken"),
        _ => panic!("no such case: {case}"),
    }
}

fn list(case: &str) -> String {
    let root = Path::new("spec");
    let path = &root.child("a");
    let a = Error::required(path, "x");
    let b = Error::invalid(&path.index(1), "v", "y");
    let errors = match case {
        "list one" => vec![a],
        "list twice" => vec![a.clone(), a],
        "list two" => vec![a.clone(), b, a],
        _ => panic!("no such case: {case}"),
    };
    errors.into_iter().collect::<Errors>().to_string()
}

fn paths() -> Vec<String> {
    let nowhere = Path::NOWHERE;
    let containers = Path::new("spec.containers");
    vec![
        nowhere.to_string(),
        nowhere.child("a").to_string(),
        nowhere.index(0).to_string(),
        nowhere.key("k").to_string(),
        nowhere.child("a").child("b").to_string(),
        containers.index(0).child("ports").index(1).child("name").to_string(),
        Path::new("metadata").child("labels").key("a/b").to_string(),
        Path::new("").child("a").to_string(),
        Path::new("a").child("").to_string(),
        Path::new("a").index(0).index(1).key("").to_string(),
    ]
}

#[test]
fn errors_and_paths_read_as_upstreams() {
    let mut paths = paths().into_iter();
    for [case, kind, text] in rows(include_str!("vectors.txt")) {
        if case == "path" {
            assert_eq!(paths.next(), Some(text));
        } else if case.starts_with("list") {
            assert_eq!(list(&case), text, "{case}");
        } else {
            let error = error(&case);
            assert_eq!((error.to_string(), error.kind().reason()), (text, &*kind), "{case}");
        }
    }
    assert_eq!(paths.next(), None);
}

#[test]
fn parts_of_an_error() {
    let error = Error::invalid(&Path::new("a"), 1, "x").with_prefix("segment 1: ");
    assert_eq!(error.field(), "a");
    assert_eq!(error.detail(), "segment 1: x");
    assert_eq!(error.body().to_string(), "Invalid value: 1: segment 1: x");
    assert_eq!(Errors::new().into_result(), Ok(()));
    let errors = Errors::from_iter([error]);
    assert_eq!(errors.clone().into_result(), Err(errors));
}
