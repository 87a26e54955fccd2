use super::*;
use crate::field::{Errors, Path};
use crate::names::object::Part;
use crate::vectors::grouped;

/// One reason or error per line, as the tables have them.
fn outcome(rule: &str, text: &str) -> String {
    fn errors(rule: fn(&Path<'_>, &str, &mut Errors), text: &str) -> Vec<String> {
        let mut errors = Errors::new();
        rule(&Path::new("f"), text, &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }
    let reasons = match rule {
        "dns::label" => dns::label(text),
        "dns::short_name" => dns::short_name(text),
        "dns::subdomain" => dns::subdomain(text),
        "dns::long_name" => dns::long_name(text),
        "dns::long_name_any_case" => dns::long_name_any_case(text),
        "dns::subdomain_with_underscore" => dns::subdomain_with_underscore(text),
        "dns::wildcard_subdomain" => dns::wildcard_subdomain(text),
        "dns::rfc_1035_label" => dns::rfc_1035_label(text),
        "dns::fully_qualified_name" => return errors(dns::fully_qualified_name, text).join("\n"),
        "dns::fully_qualified_domain_name" => {
            return errors(dns::fully_qualified_domain_name, text).join("\n");
        }
        "label::key" => label::key(text),
        "label::prefixed_key" => label::prefixed_key(text),
        "label::value" => label::value(text),
        "label::annotation_key" => label::annotation_key(text),
        "path::segment" => path::segment(text),
        "path::segment_prefix" => path::segment_prefix(text),
        "path::domain_prefixed_path" => return errors(path::domain_prefixed_path, text).join("\n"),
        "path::domain_prefixed_key" => return errors(path::domain_prefixed_key, text).join("\n"),
        "number::percent" => number::percent(text),
        "number::decimal" => number::decimal(text),
        "variable::environment_variable" => variable::environment_variable(text),
        "variable::relaxed_environment_variable" => variable::relaxed_environment_variable(text),
        "variable::config_map_key" => variable::config_map_key(text),
        "variable::http_header" => variable::http_header(text),
        "variable::c_identifier" => variable::c_identifier(text),
        "variable::condition_reason" => variable::condition_reason(text),
        "variable::port_name" => variable::port_name(text),
        "object::subdomain prefix" => object::subdomain(text, Part::Prefix),
        "object::label prefix" => object::label(text, Part::Prefix),
        "object::rfc_1035_label prefix" => object::rfc_1035_label(text, Part::Prefix),
        "object::label whole" => object::label(text, Part::Whole),
        "format::uuid" => return errors(format::uuid, text).join("\n"),
        "format::resource_pool_name" => return errors(format::resource_pool_name, text).join("\n"),
        "format::extended_resource_name" => return errors(format::extended_resource_name, text).join("\n"),
        "format::resource_fully_qualified_name" => {
            return errors(format::resource_fully_qualified_name, text).join("\n");
        }
        _ => panic!("no such rule: {rule}"),
    };
    reasons.join("\n")
}

#[test]
fn names_are_judged_as_upstream_judges_them() {
    for (rule, text, expected) in grouped(include_str!("vectors.txt")) {
        assert_eq!(outcome(&rule, &text), expected, "{rule} {text:?}");
    }
}

#[test]
fn numbers_in_ranges() {
    let reasons: [(Reasons, &str); 8] = [
        (number::port(1), ""),
        (number::port(65535), ""),
        (number::port(0), "must be between 1 and 65535, inclusive"),
        (number::port(65536), "must be between 1 and 65535, inclusive"),
        (number::user_id(0), ""),
        (number::group_id(i64::from(i32::MAX)), ""),
        (number::user_id(-1), "must be between 0 and 2147483647, inclusive"),
        (number::group_id(1 << 31), "must be between 0 and 2147483647, inclusive"),
    ];
    for (i, (reasons, expected)) in reasons.into_iter().enumerate() {
        assert_eq!(reasons.join("\n"), expected, "row {i}");
    }
}

#[test]
fn generated_names_fit() {
    fn check(base: &str, expected: &str) {
        let mut next = 0;
        let name = generate::name(base, |below| {
            next += 1;
            next % below
        });
        assert_eq!(name, expected);
    }
    check("", "cdfgh");
    check("web-", "web-cdfgh");
    check(&"a".repeat(58), &format!("{}cdfgh", "a".repeat(58)));
    check(&"a".repeat(80), &format!("{}cdfgh", "a".repeat(58)));
    // Upstream would cut within the character.
    check(&"é".repeat(40), &format!("{}cdfgh", "é".repeat(29)));
    check(&format!("a{}", "é".repeat(40)), &format!("a{}cdfgh", "é".repeat(28)));
    assert_eq!(generate::safe("7890az"), "cdf4vs");
}

#[test]
fn maps_of_labels_and_annotations() {
    let mut errors = Errors::new();
    let path = Path::new("metadata");
    label::check_labels([("a", "b"), ("-", "b"), ("c", "-")], &path.child("labels"), &mut errors);
    label::check_annotations([("A/b", "any thing")], &path.child("annotations"), &mut errors);
    let fields: Vec<_> = errors.iter().map(|error| (error.field(), error.kind())).collect();
    assert_eq!(fields, [("metadata.labels", crate::field::Kind::Invalid); 2]);

    let value = "v".repeat(label::ANNOTATIONS_BYTES_MAX - 1);
    for (more, expected) in [("", ""), ("v", "annotations: Too long: may not be more than 262144 bytes")] {
        let mut errors = Errors::new();
        let value = format!("{value}{more}");
        label::check_annotations([("k", &*value)], &Path::new("annotations"), &mut errors);
        assert_eq!(errors.iter().map(ToString::to_string).collect::<String>(), expected);
    }
}
