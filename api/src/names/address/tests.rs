use super::*;
use crate::vectors::grouped;

/// One error or warning per line, as the table has them.
fn outcome(rule: &str, text: &str) -> String {
    let path = &Path::new("f");
    let mut errors = Errors::new();
    match rule {
        "ip" => check_ip(path, text, &mut errors),
        "ip legacy strict" => check_legacy_ip(path, text, Strictness::Strict, &["old"], &mut errors),
        "ip legacy lenient" => check_legacy_ip(path, text, Strictness::Lenient, &[], &mut errors),
        "ip warnings" => return ip_warnings(path, text).join("\n"),
        "cidr" => check_cidr(path, text, &mut errors),
        "cidr legacy strict" => check_legacy_cidr(path, text, Strictness::Strict, &["old"], &mut errors),
        "cidr legacy lenient" => check_legacy_cidr(path, text, Strictness::Lenient, &[], &mut errors),
        "cidr warnings" => return cidr_warnings(path, text).join("\n"),
        "interface" => check_interface_address(path, text, &mut errors),
        _ => panic!("no such rule: {rule}"),
    }
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn addresses_are_judged_as_upstream_judges_them() {
    for (rule, text, expected) in grouped(include_str!("vectors.txt")) {
        assert_eq!(outcome(&rule, &text), expected, "{rule} {text:?}");
    }
}

#[test]
fn what_is_read() {
    assert_eq!(parse_ip("010.1.2.3"), Some(IpAddr::from([10, 1, 2, 3])));
    assert_eq!(parse_ip("10.1.2"), None);
    assert_eq!(parse_cidr("fd00::1/64"), Some(("fd00::1".parse().unwrap(), 64)));
    assert_eq!(parse_cidr("fd00::1"), None);
}
