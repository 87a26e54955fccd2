//! Many requests side by side on one HTTP/2 connection, whose answers are read piece by piece.

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client;
use crate::ours::PATIENCE;

/// A connection, until it is dropped. What was asked for on it ends with it.
#[derive(Debug)]
pub struct Streams {
    authority: String,
    sender: SendRequest<Empty<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
}

/// An answer that comes in pieces.
#[derive(Debug)]
pub struct Pieces(Incoming);

impl Streams {
    /// A connection as this client makes it.
    pub async fn open(client: &Client) -> Self {
        let client = Client { protocol: b"h2", ..client.clone() };
        let io = TokioIo::new(client.connect().await.unwrap());
        let (sender, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "it ends when this is dropped")]
        let connection = tokio::spawn(connection);
        Self { authority: client.address.to_string(), sender, connection }
    }

    /// Reads a path, which is there.
    pub async fn get(&mut self, path: &str) -> Pieces {
        let uri = format!("https://{}{path}", self.authority);
        let request = Request::get(uri).body(Empty::new()).unwrap();
        let response =
            timeout(PATIENCE, self.sender.send_request(request)).await.expect("it answers").unwrap();
        assert_eq!(response.status(), 200, "{path}");
        Pieces(response.into_body())
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Pieces {
    /// The next piece; nothing at the end, or an error where it breaks off.
    pub async fn next(&mut self) -> Option<Result<Bytes, String>> {
        let frame = timeout(PATIENCE, self.0.frame()).await.expect("it goes on")?;
        // There are no trailers, which alone are no data.
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()).map_err(|error| error.to_string()))
    }
}
