use super::*;
use crate::status::{Reason, Status};
use crate::vectors::rows;

/// One error with its kind per line, as the tables have them.
fn shown(errors: &Errors) -> String {
    let lines: Vec<_> = errors.iter().map(|error| format!("{} {error}", error.kind().reason())).collect();
    lines.join("\n")
}

/// `-` is nothing.
fn optional(text: &str) -> Option<&str> {
    (text != "-").then_some(text)
}

fn flag(text: &str) -> Option<bool> {
    optional(text).map(|text| text == "true")
}

fn list(text: &str) -> Vec<&str> {
    optional(text).map_or(vec![], |text| text.split(',').collect())
}

#[test]
fn list_options() {
    for [watch, version, matching, token, initial, errors, defaulted_initial, defaulted_matching] in
        rows(include_str!("list.txt"))
    {
        let options = ListOptions {
            watch: watch == "true",
            resource_version: &version,
            resource_version_match: &matching,
            limit: 0,
            continue_token: &token,
            send_initial_events: flag(&initial),
        };
        assert_eq!(shown(&options.check()), errors, "{options:?}");
        let defaulted = options.with_defaults();
        assert_eq!(defaulted.send_initial_events, flag(&defaulted_initial), "{options:?}");
        assert_eq!(defaulted.resource_version_match, defaulted_matching, "{options:?}");
    }
}

#[test]
fn delete_options() {
    for [grace, uid, orphan, policy, dry_run, ignore, errors] in rows(include_str!("delete.txt")) {
        let options = DeleteOptions {
            grace_period_seconds: optional(&grace).map(|grace| grace.parse().unwrap()),
            preconditions: optional(&uid).map(|uid| Preconditions { uid: Some(uid), resource_version: None }),
            orphan_dependents: flag(&orphan),
            propagation_policy: optional(&policy),
            dry_run: list(&dry_run),
            ignore_store_read_error: flag(&ignore),
        };
        assert_eq!(shown(&options.check()), errors, "{options:?}");
    }
}

#[test]
fn write_options() {
    for [patch, manager, dry_run, validation, force, errors] in rows(include_str!("write.txt")) {
        let write =
            WriteOptions { field_manager: &manager, dry_run: list(&dry_run), field_validation: &validation };
        let found = match PatchType::parse(&patch) {
            None => write.check(),
            Some(patch) => PatchOptions { write, force: flag(&force) }.check(patch),
        };
        assert_eq!(shown(&found), errors, "{patch} {manager:?}");
    }
}

#[test]
fn which_state_a_list_shows() {
    fn check(version: &str, matching: &str, limit: i64, token: &str, expected: Result<ReadAt, &str>) {
        let options = ListOptions {
            resource_version: version,
            resource_version_match: matching,
            limit,
            continue_token: token,
            ..ListOptions::default()
        };
        let refused = |message: &str| Status::failure(Reason::BadRequest, message.to_owned());
        assert_eq!(options.read_at(), expected.map_err(refused), "{options:?}");
    }
    check("", "", 0, "", Ok(ReadAt::Latest));
    check("", "", 5, "", Ok(ReadAt::Latest));
    check("0", "", 0, "", Ok(ReadAt::Any));
    check("0", "", 5, "", Ok(ReadAt::Any));
    check("0", "NotOlderThan", 5, "", Ok(ReadAt::Any));
    check("7", "", 0, "", Ok(ReadAt::NotOlderThan(7)));
    check("7", "", 5, "", Ok(ReadAt::Exact(7)));
    check("7", "NotOlderThan", 5, "", Ok(ReadAt::NotOlderThan(7)));
    check("7", "Exact", 0, "", Ok(ReadAt::Exact(7)));
    check("", "", 5, "t", Ok(ReadAt::Token));
    check("0", "", 5, "t", Ok(ReadAt::Token));
    check("7", "", 5, "t", Err("specifying resource version is not allowed when using continue"));
    let words = "invalid resource version: resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": \
                 invalid syntax";
    check("x", "", 0, "", Err(words));
}

#[test]
fn tables_include_objects() {
    assert_eq!(include_object(""), Ok(None));
    assert_eq!(include_object("Metadata"), Ok(Some(IncludeObject::Metadata)));
    let words = r#"includeObject: Invalid value: "x\u003c": must be 'Metadata', 'Object', 'None', or empty"#;
    assert_eq!(include_object("x<").unwrap_err().to_string(), words);
}

#[test]
fn words_mean_themselves() {
    for word in ["Orphan", "Background", "Foreground"] {
        assert_eq!(Propagation::parse(word).map(Propagation::as_str), Some(word));
    }
    assert_eq!(FieldValidation::parse("Strict"), Some(FieldValidation::Strict));
    assert_eq!(FieldValidation::parse("strict"), None);
    assert_eq!(PatchType::Json.to_string(), "application/json-patch+json");
    assert_eq!(kind::LIST.to_string(), "ListOptions.meta.k8s.io");
}

#[test]
fn managers_are_named_after_agents() {
    for (manager, agent, expected) in [
        ("m", "kubectl/v1.37", "m"),
        ("", "kubectl/v1.37 (linux/amd64)", "kubectl"),
        ("", "my agent", "my agent"),
        ("", "a\u{200b}b\tc/1", "abc"),
        ("", "/x", ""),
        ("", "", ""),
    ] {
        assert_eq!(field_manager_or_agent(manager, agent), expected, "{agent}");
    }
    assert_eq!(field_manager_or_agent("", &"é".repeat(100)), "é".repeat(64));
}
