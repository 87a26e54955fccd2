//! Where somebody else is asked: by a URL, or through a service.

use keelson_api::field::{Error, Errors};
use keelson_api::names::{dns, number};

use super::At;

const FORM: &str = "; desired format: https://host[/path]";

/// A URL of a host and a path.
pub(crate) fn url(url: &At<'_, '_>, needs_https: bool, errors: &mut Errors) {
    let text = url.text();
    let mut refuse = |value: &str, words: String| errors.push(Error::invalid(&url.path, value, words));
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("", text),
    };
    let authority = rest.strip_prefix("//").map_or("", |rest| rest.split('/').next().unwrap_or_default());
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if needs_https && scheme != "https" {
        refuse(scheme, format!("'https' is the only allowed URL scheme{FORM}"));
    }
    if host.is_empty() {
        refuse(host, format!("host must be specified{FORM}"));
    }
    if let Some(user) = user {
        refuse(user, "user information is not permitted in the URL".into());
    }
    if !fragment.is_empty() {
        refuse(fragment, "fragments are not permitted in the URL".into());
    }
    if !query.is_empty() {
        refuse(query, "query parameters are not permitted in the URL".into());
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// A service, a port of it, and a path there.
pub(crate) fn service(service: &At<'_, '_>, errors: &mut Errors) {
    // As upstream, which calls each of the two by the name of the other.
    for (field, shown) in [("namespace", "name"), ("name", "namespace")] {
        service.field_as(field, shown).require(errors);
    }
    let port = service.field("port");
    let reasons = number::port(port.int().unwrap_or(0));
    if !reasons.is_empty() {
        port.invalid(format!("port is not valid: {}", reasons.join(", ")), errors);
    }
    path(&service.field("path"), errors);
}

fn path(path: &At<'_, '_>, errors: &mut Errors) {
    let text = path.text();
    let mut refuse = |words: String| errors.push(Error::invalid(&path.path, text, words));
    match text {
        "" | "/" => return,
        "//" => return refuse("segment[0] may not be empty".into()),
        _ => {}
    }
    if !text.starts_with('/') {
        refuse("must start with a '/'".into());
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    let steps = &text[first..];
    let steps = steps.strip_suffix('/').unwrap_or(steps);
    for (i, step) in steps.split('/').enumerate() {
        if step.is_empty() {
            refuse(format!("segment[{i}] may not be empty"));
            continue;
        }
        for reason in dns::subdomain(step) {
            refuse(format!("segment[{i}]: {reason}"));
        }
    }
}
