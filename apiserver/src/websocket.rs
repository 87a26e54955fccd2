//! Watching over a WebSocket: one message an event, and nothing is read but that the client still lives.
//!
//! What is sent is the very stream that goes over plain HTTP; only its frames are others. Who may upgrade, and to what,
//! is as upstream's library has it: browsers say where they come from, so must everybody.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{SinkExt, StreamExt};
use http::header::{
    CONNECTION, CONTENT_TYPE, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Clients have nothing to say: what they send is not kept, and this is the longest of it in bytes.
const RECEIVED_BYTES_MAX: usize = 64 << 10;

/// What a connection goes on with once it speaks HTTP no longer. Whoever owns the connection runs it.
#[derive(Clone, Default)]
pub(crate) struct Next(Arc<Mutex<Option<BoxFuture<'static, ()>>>>);

impl Next {
    /// Takes what there is to go on with.
    pub(crate) fn take(&self) -> Option<BoxFuture<'static, ()>> {
        self.0.lock().take()
    }
}

/// Whether a request asks for a WebSocket.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let names = |name: HeaderName, wanted: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(wanted)))
    };
    names(CONNECTION, "upgrade") && names(UPGRADE, "websocket")
}

/// Answers with a stream of events over a WebSocket, where `answer` is that stream over plain HTTP.
pub(crate) fn answer(parts: &Parts, answer: Response<Body>) -> Response<Body> {
    let (Some(upgrade), Some(next)) = (parts.extensions.get::<OnUpgrade>(), parts.extensions.get::<Next>())
    else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "");
    };
    let headers = &parts.headers;
    let key = match headers.get(SEC_WEBSOCKET_KEY) {
        Some(key) if headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13") => key,
        Some(_) => {
            let mut answer = refuse(StatusCode::BAD_REQUEST, "missing or bad WebSocket Version");
            answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return answer;
        }
        None => return refuse(StatusCode::BAD_REQUEST, "mismatch challenge/response"),
    };
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin.is_none_or(|origin| origin == "null" || origin.parse::<Uri>().is_err()) {
        return refuse(StatusCode::FORBIDDEN, "");
    }
    let protocols = headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|offered| offered.to_str().ok());
    let mut protocols =
        protocols.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let (protocol, another) = (protocols.next(), protocols.next());
    if another.is_some() {
        return refuse(StatusCode::BAD_REQUEST, "");
    }
    let mut switching = Response::new(Body::empty());
    *switching.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let said = switching.headers_mut();
    said.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    said.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accepted) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        said.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    }
    if let Some(protocol) = protocol.and_then(|protocol| HeaderValue::from_str(protocol).ok()) {
        said.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let framing = Framing::of(answer.headers());
    *next.0.lock() = Some(Box::pin(relay(upgrade.clone(), answer.into_body(), framing)));
    switching
}

fn refuse(code: StatusCode, why: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::from(why));
    *answer.status_mut() = code;
    answer
}

async fn relay(upgrade: OnUpgrade, mut events: Body, framing: Framing) {
    let Ok(upgraded) = upgrade.await else { return };
    let config = WebSocketConfig::default()
        .max_message_size(Some(RECEIVED_BYTES_MAX))
        .max_frame_size(Some(RECEIVED_BYTES_MAX));
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (mut sender, mut receiver) = socket.split();
    loop {
        tokio::select! {
            piece = events.frame() => {
                let Some(Ok(piece)) = piece else { break };
                for message in framing.messages(piece.into_data().unwrap_or_default()) {
                    if sender.feed(message).await.is_err() {
                        return;
                    }
                }
                if sender.flush().await.is_err() {
                    return;
                }
            }
            received = receiver.next() => if !matches!(received, Some(Ok(_))) { return },
        }
    }
    // The client may be gone already, which is as good.
    let _ = sender.close().await;
}

/// How events follow each other in the stream that goes over plain HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// A line each.
    Lines,
    /// The length of each, in four bytes, in front of it.
    Lengths,
}

impl Framing {
    fn of(headers: &HeaderMap) -> Self {
        let is_text = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        if is_text { Self::Lines } else { Self::Lengths }
    }

    /// The events in a piece of the stream, which holds whole ones.
    fn messages(self, mut piece: Bytes) -> Vec<Message> {
        let mut messages = Vec::new();
        while !piece.is_empty() {
            match self {
                Self::Lines => {
                    let end = memchr::memchr(b'\n', &piece).map_or(piece.len(), |at| at + 1);
                    let Ok(line) = piece.split_to(end).try_into() else { break };
                    messages.push(Message::Text(line));
                }
                Self::Lengths => {
                    let Some((length, _)) = piece.split_first_chunk() else { break };
                    let length = u32::from_be_bytes(*length) as usize;
                    let _ = piece.split_to(4);
                    messages.push(Message::Binary(piece.split_to(length.min(piece.len()))));
                }
            }
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_event() {
        let lines = Framing::Lines.messages(Bytes::from_static(b"{\"a\":1}\n{}\n"));
        assert_eq!(lines, [Message::text("{\"a\":1}\n"), Message::text("{}\n")]);
        let lengths = Framing::Lengths.messages(Bytes::from_static(b"\0\0\0\x02ab\0\0\0\x01\0"));
        assert_eq!(lengths, [Message::binary(&b"ab"[..]), Message::binary(&b"\0"[..])]);
    }

    #[test]
    fn a_websocket_is_wanted_by_two_headers() {
        let wanted = |connection: &'static str, upgrade: &'static str| {
            let value = HeaderValue::from_static;
            is_wanted(&HeaderMap::from_iter([(CONNECTION, value(connection)), (UPGRADE, value(upgrade))]))
        };
        assert!(wanted("keep-alive, Upgrade", "WebSocket"));
        assert!(!wanted("Upgrade", "SPDY/3.1"));
        assert!(!wanted("close", "websocket"));
    }
}
