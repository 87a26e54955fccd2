//! What this server says of its tokens to those who want to check them by themselves.

use axum::body::Body;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::KEYS_HOLD_SECONDS;
use super::keys::{Jwk, Keys};
use crate::problem::answer;

/// Where the configuration is.
pub(crate) const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";
/// Where the keys are.
pub(crate) const KEYS_PATH: &str = "/openid/v1/jwks";

#[derive(Serialize)]
struct Configuration<'a> {
    issuer: &'a str,
    jwks_uri: String,
    response_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
}

#[derive(Serialize)]
struct KeySet {
    keys: Vec<Jwk>,
}

/// Where things are, for a server that is reached at `address` and whose tokens `issuer` makes.
pub(crate) fn configuration(issuer: &str, keys: &Keys, address: &str) -> Response<Body> {
    let mut algorithms: Vec<_> = keys.shown().iter().map(|key| key.alg).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let configuration = Configuration {
        issuer,
        jwks_uri: format!("https://{address}{KEYS_PATH}"),
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms,
    };
    document("application/json", &configuration)
}

/// The keys.
pub(crate) fn keys(keys: &Keys) -> Response<Body> {
    document("application/jwk-set+json", &KeySet { keys: keys.shown() })
}

fn document(content_type: &'static str, document: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_string(document).expect("these types hold nothing that JSON cannot say");
    let mut answer = answer(StatusCode::OK, content_type, body);
    let age = HeaderValue::from_str(&format!("public, max-age={KEYS_HOLD_SECONDS}"));
    answer.headers_mut().insert(CACHE_CONTROL, age.expect("digits and letters make a header"));
    answer
}
