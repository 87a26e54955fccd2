use super::*;
use crate::vectors::rows;

#[test]
fn texts_are_read_as_upstream_reads_them() {
    for [text, expected] in rows(include_str!("vectors.txt")) {
        let shown = Selector::parse(&text).map_or_else(|error| format!("error: {error}"), |s| s.to_string());
        assert_eq!(shown, expected, "{text:?}");
    }
}

#[test]
fn what_is_selected() {
    fn check(selector: &str, fields: &[(&str, &str)], expected: bool) {
        let look_up = |name: &str| {
            fields.iter().find(|(field, _)| *field == name).map(|(_, value)| Cow::Borrowed(*value))
        };
        assert_eq!(Selector::parse(selector).unwrap().matches(look_up), expected, "{selector} {fields:?}");
    }
    check("", &[], true);
    check("a=b", &[("a", "b")], true);
    check("a=b", &[("a", "c")], false);
    check("a=b", &[], false);
    check("a=", &[], true);
    check("a!=", &[], false);
    check("a!=b", &[], true);
    check("a!=b", &[("a", "b")], false);
    check("a=b,c=d", &[("a", "b"), ("c", "d")], true);
    check("a=b,c=d", &[("a", "b")], false);
    check(r"a=b\,c", &[("a", "b,c")], true);
    assert!(Selector::everything().matches(|_| None));
    assert!(!Selector::nothing().matches(|_| None));
}

#[test]
fn exact_matches_are_found() {
    let selector = Selector::parse("metadata.name=n,a!=b,spec.nodeName==x").unwrap();
    assert_eq!(selector.exact_match("metadata.name"), Some("n"));
    assert_eq!(selector.exact_match("a"), None);
    assert_eq!(
        selector.exact_matches().collect::<Vec<_>>(),
        [("metadata.name", "n"), ("spec.nodeName", "x")]
    );
    assert_eq!(Selector::equals("a", r"x,y=\").to_string(), r"a=x\,y\=\\");
}

#[test]
fn names_are_converted_or_refused() {
    fn check(
        convert: impl Fn(&str, &str) -> Result<(Box<str>, Box<str>), UnknownField>,
        text: &str,
        expected: &str,
    ) {
        let converted = Selector::parse(text).unwrap().transform(convert);
        assert_eq!(converted.map_or_else(|error| error.to_string(), |s| s.to_string()), expected);
    }
    let pods =
        || listed(&[("spec.host", "spec.nodeName"), ("metadata.name", "metadata.name")], UnknownField::Plain);
    check(common, "metadata.name=a,metadata.namespace!=b", "metadata.name=a,metadata.namespace!=b");
    check(common, "x=a", r#""x" is not a known field selector: only "metadata.name", "metadata.namespace""#);
    check(pods(), "spec.host=n1,metadata.name=a", "metadata.name=a,spec.nodeName=n1");
    check(pods(), "spec.nodeName=n1", "field label not supported: spec.nodeName");
    let jobs = listed(&[], |field| UnknownField::OfKind { field, kind: "Job".into() });
    check(jobs, "a=b", r#"field label "a" not supported for Job"#);
    let slices = listed(&[], |field| UnknownField::OfVersion {
        field,
        kind: "resource.k8s.io/v1, Kind=ResourceSlice".into(),
    });
    check(slices, "a=b", "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: a");
    check(|_, _| Ok((Box::default(), Box::default())), "a=b", "");
}

#[test]
fn bounds_hold() {
    let many = |count: usize| vec!["a=b"; count].join(",");
    assert!(Selector::parse(&many(TERMS_MAX)).is_ok());
    assert_eq!(Selector::parse(&many(TERMS_MAX + 1)), Err(ParseError::TooMany));
    assert!(Selector::parse(&",".repeat(TEXT_BYTES_MAX)).is_ok());
    assert_eq!(Selector::parse(&",".repeat(TEXT_BYTES_MAX + 1)), Err(ParseError::TooLong));
}
