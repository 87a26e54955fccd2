use super::*;
use crate::field::{Error, Errors, Path};
use crate::group::{GroupKind, GroupResource};
use crate::vectors::rows;

const PODS: GroupResource<'static> = GroupResource::new("", "pods");
const DEPLOYMENTS: GroupResource<'static> = GroupResource::new("apps", "deployments");
const WHY: &str = "why <not>";

fn invalid(case: &str) -> Status {
    let root = Path::new("spec");
    let path = &root.child("a");
    let required = || Error::required(path, "x");
    match case {
        "invalid none" => Status::invalid(&GroupKind::new("", "Pod"), "a", &Errors::new()),
        "invalid one" => Status::invalid(&GroupKind::new("", "Pod"), "a", &Errors::from_iter([required()])),
        "invalid two" => {
            let errors =
                Errors::from_iter([required(), Error::invalid(&path.index(0), "a\"<", "y"), required()]);
            Status::invalid(&GroupKind::new("apps", "Deployment"), "", &errors)
        }
        _ => panic!("no such case: {case}"),
    }
}

fn response(case: &str) -> Status {
    let words: Vec<_> = case.split(' ').collect();
    let (code, verb) = (words[1].parse().unwrap(), words[2]);
    let response = Response { code, verb, ..Response::default() };
    match verb {
        "GET" => response.into_status(&GroupResource::default()),
        "POST" => Response { message: "unknown", is_unexpected: true, ..response }.into_status(&DEPLOYMENTS),
        _ => Response { name: "a", message: "said <so>", retry_after_seconds: 7, ..response }
            .into_status(&PODS),
    }
}

fn status(case: &str) -> Status {
    match case {
        "not found" => Status::not_found(&PODS, "a\"b"),
        "not found group" => Status::not_found(&DEPLOYMENTS, "a"),
        "already exists" => Status::already_exists(&DEPLOYMENTS, "a"),
        "generate name conflict" => Status::generate_name_conflict(&PODS, "a-x", 1),
        "unauthorized" => Status::unauthorized(""),
        "unauthorized why" => Status::unauthorized("Unauthorized"),
        "forbidden" => Status::forbidden(&PODS, "a", WHY),
        "forbidden all" => Status::forbidden(&DEPLOYMENTS, "", WHY),
        "forbidden path" => Status::forbidden(&GroupResource::default(), "", WHY),
        "conflict" => Status::conflict(&DEPLOYMENTS, "a", WHY),
        "apply conflict" => {
            let cause = Cause {
                reason: cause::FIELD_MANAGER_CONFLICT.into(),
                message: "conflict with \"m\"".into(),
                field: ".spec".into(),
            };
            Status::apply_conflict(vec![cause], "Apply failed with 1 conflict")
        }
        "gone" => Status::gone("gone"),
        "expired" => Status::expired("old"),
        "bad request" => Status::bad_request("bad & worse"),
        "too many requests" => Status::too_many_requests("busy", 3),
        "too many requests now" => Status::too_many_requests("busy", 0),
        "too many requests at all" => Status::too_many_requests_at_all("busy"),
        "service unavailable" => Status::service_unavailable("down"),
        "method not supported" => Status::method_not_supported(&DEPLOYMENTS, "patch"),
        "server timeout" => Status::server_timeout(&DEPLOYMENTS, "list", 2),
        "internal error" => Status::internal_error(WHY),
        "timeout" => Status::timeout("late", 0),
        "timeout retry" => Status::timeout("late", 5),
        "request entity too large" => Status::request_entity_too_large("limit is 3145728"),
        "success" => Status::success(),
        case if case.starts_with("invalid") => invalid(case),
        case => response(case),
    }
}

#[test]
fn statuses_are_upstreams() {
    for [case, json] in rows(include_str!("vectors.txt")) {
        assert_eq!(status(&case).to_json(), json, "{case}");
    }
}

#[test]
fn questions_are_answered_as_by_upstreams_clients() {
    for [reason, code, yes] in rows(include_str!("questions.txt")) {
        let status = Status { code: code.parse().unwrap(), ..Status::failure(Reason::parse(&reason), "") };
        let mut answers: Vec<_> =
            Reason::KNOWN.iter().filter(|asked| status.is(asked)).map(Reason::as_str).collect();
        let mut yes: Vec<_> = yes.split(' ').filter(|word| !word.is_empty()).collect();
        answers.sort_unstable();
        yes.sort_unstable();
        assert_eq!(answers, yes, "{reason} {code}");
    }
}

#[test]
fn reasons_are_their_words() {
    for reason in Reason::KNOWN {
        assert_eq!(Reason::parse(reason.as_str()), *reason);
    }
    assert_eq!(Reason::parse(""), Reason::Unknown);
    assert_eq!(Reason::parse("Mine"), Reason::Other("Mine".into()));
}

#[test]
fn words_of_the_server() {
    let version = Status::version_too_large(7, 5, 1);
    assert_eq!(
        version.to_json(),
        r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Timeout: Too large resource version: 7, current: 5","reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1},"code":504}"#
    );
    assert!(version.cause(cause::RESOURCE_VERSION_TOO_LARGE).is_some());
    assert!(version.cause(cause::NAMESPACE_TERMINATING).is_none());
    let expired = Status::continue_expired(Some("t")).to_json();
    assert!(expired.contains(r#""metadata":{"continue":"t"},"status":"Failure""#), "{expired}");
    for (status, code, message) in [
        (Status::list_expired(), 410, "The resourceVersion for the provided list is too old."),
        (Status::watch_expired(3, 9), 410, "too old resource version: 3 (9)"),
        (
            Status::continue_expired(None),
            410,
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
        ),
        (
            Status::modified(&PODS, "a"),
            409,
            "Operation cannot be fulfilled on pods \"a\": the object has been modified; please apply your changes to the latest version and try again",
        ),
        (
            Status::not_acceptable(&["application/json", "application/yaml"]),
            406,
            "only the following media types are accepted: application/json, application/yaml",
        ),
        (
            Status::not_acceptable_conversion("meta.k8s.io/v1, Kind=Table", &["application/json"]),
            406,
            "only the following media types are accepted when converting to meta.k8s.io/v1, Kind=Table: application/json",
        ),
        (
            Status::unsupported_media_type(&["application/json"]),
            415,
            "the body of the request was in an unknown format - accepted media types include: application/json",
        ),
        (
            Status::precondition_uid(&GroupKind::new("apps", "Deployment"), "a", "u", "v"),
            409,
            "Operation cannot be fulfilled on Deployment.apps \"a\": the UID in the precondition (u) does not match the UID in record (v). The object might have been deleted and then recreated",
        ),
        (
            Status::precondition_version(&GroupKind::new("", "Pod"), "a", "1", "2"),
            409,
            "Operation cannot be fulfilled on Pod \"a\": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (2). The object might have been modified",
        ),
        (Status::no_table(&PODS), 406, "the resource pods does not support being converted to a Table"),
    ] {
        assert_eq!((status.code, status.to_string()), (code, message.to_owned()));
    }
}

#[test]
fn who_may_not_do_what() {
    fn check(forbidden: Forbidden<'_>, expected: &str) {
        assert_eq!(forbidden.into_status().to_string(), expected);
    }
    let base = Forbidden { user: "u", verb: "get", ..Forbidden::default() };
    check(Forbidden { path: "/x<y>", ..base }, r#"forbidden: User "u" cannot get path "/x&lt;y&gt;""#);
    check(
        Forbidden { resource: "pods", namespace: "n", name: "a", ..base },
        r#"pods "a" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "n""#,
    );
    check(
        Forbidden { resource: "deployments", subresource: "scale", group: "apps", why: "because", ..base },
        r#"deployments.apps is forbidden: User "u" cannot get resource "deployments/scale" in API group "apps" at the cluster scope: because"#,
    );
}

#[test]
fn when_to_ask_again() {
    assert_eq!(Status::too_many_requests("", 3).retry_after_seconds(), Some(3));
    assert_eq!(Status::too_many_requests("", 0).retry_after_seconds(), None);
    assert_eq!(Status::server_timeout(&PODS, "list", 0).retry_after_seconds(), Some(0));
    assert_eq!(Status::bad_request("").retry_after_seconds(), None);
}
