use super::*;
use crate::field::{Errors, Path};
use crate::vectors::rows;

fn shown<E: fmt::Display>(selector: Result<Selector, E>) -> String {
    selector.map_or_else(|error| format!("error: {error}"), |selector| selector.to_string())
}

/// `a=1,b=2` as pairs.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    text.split(',').filter_map(|pair| pair.split_once('=')).collect()
}

fn look_up<'a>(labels: &[(&str, &'a str)], key: &str) -> Option<&'a str> {
    labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

#[test]
fn texts_are_read_as_upstream_reads_them() {
    for [text, expected] in rows(include_str!("vectors.txt")) {
        assert_eq!(shown(Selector::parse(&text)), expected, "{text:?}");
    }
}

#[test]
fn canonical_texts_read_back() {
    for [text, expected] in rows(include_str!("vectors.txt")) {
        if !expected.starts_with("error") {
            assert_eq!(Selector::parse(&expected), Selector::parse(&text), "{text:?}");
        }
    }
}

#[test]
fn the_same_objects_are_selected_as_upstream() {
    for [selector, labels, matches, exact] in rows(include_str!("matches.txt")) {
        let labels = pairs(&labels);
        let selector = Selector::parse(&selector).unwrap();
        let shown = selector.exact_match("x").map_or_else(|| "-".into(), |value| format!("={value}"));
        let selected = selector.matches(|key| look_up(&labels, key));
        assert_eq!((selected.to_string(), shown), (matches, exact), "{selector} {labels:?}");
    }
}

#[test]
fn parts_of_objects_make_the_same_selectors() {
    for [labels, expressions, selector, strict, lenient] in rows(include_str!("parts.txt")) {
        let labels = pairs(&labels);
        let words: Vec<Vec<&str>> = expressions
            .split('|')
            .filter(|text| !text.is_empty())
            .map(|text| text.split(' ').collect())
            .collect();
        let values: Vec<Vec<&str>> =
            words.iter().map(|words| words.get(2).map_or(vec![], |text| text.split(',').collect())).collect();
        let expressions: Vec<_> = words
            .iter()
            .zip(&values)
            .map(|(words, values)| Expression { key: words[0], operator: words[1], values })
            .collect();
        let check = |leniency| {
            let mut errors = Errors::new();
            let path = Path::new("s");
            check_parts(labels.iter().copied(), expressions.iter().copied(), leniency, &path, &mut errors);
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let made = Selector::from_parts(labels.iter().copied(), expressions.iter().copied());
        assert_eq!(shown(made), selector, "{labels:?} {expressions:?}");
        assert_eq!(check(Leniency::default()), strict, "{labels:?} {expressions:?}");
        let leniency = Leniency { invalid_values: true, unknown_operators: true };
        assert_eq!(check(leniency), lenient, "{labels:?} {expressions:?}");
    }
}

#[test]
fn everything_and_nothing() {
    let everything = Selector::everything();
    let nothing = Selector::nothing();
    assert!(everything.matches(|_| None) && everything.is_everything() && !everything.is_nothing());
    assert!(!nothing.matches(|_| None) && !nothing.is_everything() && nothing.is_nothing());
    let requirement = Requirement::new("a", Operator::Exists, &[]).unwrap();
    assert!(nothing.and(requirement.clone()).is_nothing());
    assert_eq!(everything.and(requirement).to_string(), "a");
}

#[test]
fn requirements_are_kept_by_key() {
    let requirement = |key| Requirement::new(key, Operator::Exists, &[]).unwrap();
    let selector =
        Selector::with_labels([("m", "1"), ("b", "2")]).and(requirement("z")).and(requirement("a"));
    assert_eq!(selector.to_string(), "a,b=2,m=1,z");
    assert_eq!(selector.exact_matches().collect::<Vec<_>>(), [("b", "2"), ("m", "1")]);
    assert_eq!(selector.and(requirement("c")).to_string(), "a,b=2,c,m=1,z");
}

#[test]
fn requirements_with_the_wrong_number_of_values() {
    let cases = [
        (
            Operator::Equals,
            vec![],
            "values: Invalid value: null: exact-match compatibility requires one single value",
        ),
        (
            Operator::NotEquals,
            vec!["a", "b"],
            r#"values: Invalid value: ["a","b"]: exact-match compatibility requires one single value"#,
        ),
        (
            Operator::GreaterThan,
            vec!["1", "x"],
            "[values: Invalid value: [\"1\",\"x\"]: for 'Gt', 'Lt' operators, exactly one value is required, \
             values[1]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer]",
        ),
    ];
    for (operator, values, expected) in cases {
        let error = Requirement::new("k", operator, &values).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn bounds_hold() {
    let many = |count: usize| vec!["a"; count].join(",");
    assert!(Selector::parse(&many(REQUIREMENTS_MAX)).is_ok());
    assert_eq!(Selector::parse(&many(REQUIREMENTS_MAX + 1)), Err(ParseError::TooMany));
    assert!(Selector::parse(&" ".repeat(TEXT_BYTES_MAX)).is_ok());
    assert_eq!(Selector::parse(&" ".repeat(TEXT_BYTES_MAX + 1)), Err(ParseError::TooLong));
}
