//! The name of a request, by which it is found again in whatever is told of it.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};

use crate::server::ApiServer;

/// Where it stands, in requests and answers.
pub(super) const HEADER: HeaderName = HeaderName::from_static("audit-id");

/// The name that the client gave, or a new one.
pub(super) fn of(server: &ApiServer, request: &Request<Body>) -> HeaderValue {
    let given = request.headers().get(&HEADER).filter(|name| !name.is_empty());
    let mut name = given.cloned().unwrap_or_else(|| {
        let uid = server.shared.api.entropy.uid().to_string();
        HeaderValue::from_str(&uid).expect("an identity is letters, digits and hyphens")
    });
    // It never comes again: HTTP/2 is not to remember it in place of headers that do.
    name.set_sensitive(true);
    name
}
