//! Connections to a server: HTTP/2 over TLS, many requests on each.

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use h2::RecvStream;
use h2::client::{Builder, SendRequest};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use keelson_subject::client::Client as Access;
use tokio::task::JoinSet;

use crate::bodies::Form;

/// How much a server may send before it is read: on each stream, and on all of a connection. As Go's client.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;
/// As much of an answer is kept: enough for a small object, and for the head of a list.
const HEAD: usize = 4096;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) accept: Form,
    /// What the body is, if there is one.
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Bytes,
}

impl Ask {
    /// A request without body.
    pub(crate) fn get(path: String, accept: Form) -> Self {
        Self { method: Method::GET, path, accept, content_type: None, body: Bytes::new() }
    }

    /// A request whose body is an object in the form that is asked for.
    pub(crate) fn send(method: Method, path: String, form: Form, body: Bytes) -> Self {
        Self { method, path, accept: form, content_type: Some(form.media_type()), body }
    }
}

/// What is kept of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// How long the body was.
    pub(crate) bytes: u64,
    /// How it began.
    pub(crate) head: Vec<u8>,
}

impl Answer {
    /// An error if it says that it did not go well.
    pub(crate) fn good(self) -> Result<Self> {
        ensure!(self.status.is_success(), "{}: {}", self.status, String::from_utf8_lossy(&self.head));
        Ok(self)
    }
}

/// Connections to one server. They end with it.
#[derive(Debug)]
pub(crate) struct Connections {
    senders: Vec<SendRequest<Bytes>>,
    authority: Authority,
    authorization: Option<HeaderValue>,
    _running: JoinSet<()>,
}

impl Connections {
    /// So many, to where this client has access.
    pub(crate) async fn open(access: &Access, count: usize) -> Result<Self> {
        let access = Access { protocol: b"h2", ..access.clone() };
        let (mut senders, mut running) = (Vec::new(), JoinSet::new());
        for _ in 0..count {
            let stream = access.connect().await.map_err(|error| anyhow!(error))?;
            let mut http = Builder::new();
            http.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
            let (sender, connection) = http.enable_push(false).handshake(stream).await?;
            running.spawn(async move {
                // Whoever waits for an answer is told of it.
                let _ = connection.await;
            });
            senders.push(sender);
        }
        let token = access.token.as_ref().map(|token| HeaderValue::try_from(format!("Bearer {token}")));
        Ok(Self {
            senders,
            authority: access.address.to_string().parse()?,
            authorization: token.transpose()?,
            _running: running,
        })
    }

    /// Asks on one of the connections, and waits for the whole answer.
    pub(crate) async fn exchange(&self, lane: usize, ask: Ask) -> Result<Answer> {
        let (status, mut body) = self.begin(lane, ask).await?;
        let mut answer = Answer { status, bytes: 0, head: Vec::new() };
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            body.flow_control().release_capacity(chunk.len())?;
            let room = HEAD.saturating_sub(answer.head.len()).min(chunk.len());
            answer.head.extend_from_slice(&chunk[..room]);
            answer.bytes += chunk.len() as u64;
        }
        Ok(answer)
    }

    /// Asks, and waits until the answer begins.
    pub(crate) async fn begin(&self, lane: usize, ask: Ask) -> Result<(StatusCode, RecvStream)> {
        let mut sender = self.senders[lane % self.senders.len()].clone().ready().await?;
        let (request, body) = self.request(ask)?;
        let (response, mut stream) = sender.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            stream.send_data(body, true)?;
        }
        let (head, body) = response.await.context("no answer")?.into_parts();
        Ok((head.status, body))
    }

    fn request(&self, ask: Ask) -> Result<(Request<()>, Bytes)> {
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(Scheme::HTTPS);
        uri.authority = Some(self.authority.clone());
        uri.path_and_query = Some(PathAndQuery::try_from(ask.path)?);
        let mut request = Request::new(());
        *request.method_mut() = ask.method;
        *request.uri_mut() = Uri::from_parts(uri)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(ask.accept.media_type()));
        if let Some(media) = ask.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok((request, ask.body))
    }
}
