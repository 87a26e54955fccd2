//! Tokens among the protocols that a WebSocket client offers: a browser can send them in no other way.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE};

/// How a protocol begins that is a token, in upstream's words.
const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

/// A token, and the protocols that are left without it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offered {
    pub(super) token: String,
    others: String,
}

/// The token that is offered, if there is one.
pub(super) fn offered(headers: &HeaderMap) -> Result<Option<Offered>, &'static str> {
    let is_websocket =
        headers.get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !is_websocket {
        return Ok(None);
    }
    let (mut tokens, mut others) = (Vec::new(), Vec::new());
    let lists = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|list| list.to_str().ok());
    for protocol in lists.flat_map(|list| list.split(',')).map(str::trim) {
        match protocol.strip_prefix(PREFIX) {
            Some(token) => tokens.push(token),
            None => others.push(protocol),
        }
    }
    let encoded = match tokens[..] {
        [] | [""] => return Ok(None),
        [token] => token,
        _ => return Err("several tokens are offered as protocols"),
    };
    let token = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let token = token.ok_or("a token that is offered as a protocol cannot be read")?;
    // The server has to answer with one of the protocols, and must not repeat the token.
    if others.is_empty() {
        return Err("no protocol is offered beside the token");
    }
    Ok(Some(Offered { token, others: others.join(",") }))
}

impl Offered {
    /// Leaves the token out of the protocols, so that nobody behind takes it for one.
    pub(super) fn forget(&self, headers: &mut HeaderMap) {
        if let Ok(others) = HeaderValue::from_str(&self.others) {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, others);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(protocols: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        for protocol in protocols {
            headers.append(SEC_WEBSOCKET_PROTOCOL, protocol.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_is_taken_out_of_the_protocols() {
        let token = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode("a.b.c"));
        for protocols in
            [vec![format!("x, {token}"), "y".into()], vec!["x".into(), token.clone(), "y".into()]]
        {
            let mut headers = headers(&protocols.iter().map(String::as_str).collect::<Vec<_>>());
            let found = offered(&headers).unwrap().unwrap();
            assert_eq!(found, Offered { token: "a.b.c".into(), others: "x,y".into() });
            found.forget(&mut headers);
            let left: Vec<_> = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().collect();
            assert_eq!(left, ["x,y"]);
        }
        assert_eq!(offered(&headers(&["x"])), Ok(None));
        assert_eq!(offered(&HeaderMap::new()), Ok(None));
        for bad in [vec![&*token], vec!["x", &token, &token], vec!["x", &format!("{token}!")]] {
            assert!(offered(&headers(&bad)).is_err(), "{bad:?}");
        }
    }
}
