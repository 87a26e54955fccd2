//! The door to the network: connections in, TLS, HTTP/1.1 and HTTP/2, and an orderly end.

mod gather;
mod streams;
pub mod tls;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::server::ApiServer;
use crate::websocket::Next;
use gather::Gathered;
use streams::{Begun, Streams};
use tls::Tls;

/// Connections open at the same time; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 20_000;
/// How long a client may take for its handshake, then for its first byte, and for the head of each request.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const HEAD_MAX: Duration = Duration::from_secs(30);
/// The head of a request in bytes.
const HEAD_BYTES_MAX: u32 = 256 << 10;
/// Requests side by side on one HTTP/2 connection. Upstream's default.
const STREAMS_MAX: u32 = 100;
/// After how much silence an HTTP/2 client is asked whether it is still there, and how long it may take to answer.
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_ANSWER_MAX: Duration = Duration::from_secs(20);
/// How often a turn of a connection goes on with what came of itself, before it sends and lets others have their turn.
const PASSES_MAX: usize = 4;
/// How long to wait where the system has no file descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound port.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// What the system says.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        let address = tcp.local_addr()?;
        Ok(Self { tcp, address })
    }

    /// The address, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because their requests took longer than the deadline.
    pub cut: usize,
}

/// Serves `listener` until `stop` is done. Then readiness fails, no connection is accepted any more, clients are told
/// to go (HTTP/2 by GOAWAY), and requests under way have until `deadline` to be answered.
pub async fn serve(
    listener: Listener,
    tls: Tls,
    server: ApiServer,
    stop: impl Future<Output = ()>,
    deadline: Duration,
) -> Drained {
    let (leave, leaving) = watch::channel(false);
    let connection = Connection::new(tls, server.clone(), leaving);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accept = async { (place.await, listener.tcp.accept().await) };
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = open.join_next(), if !open.is_empty() => if let Err(error) = ended {
                tracing::error!(%error, "a connection ran into a defect");
            },
            (place, accepted) = accept => match accepted {
                Ok((stream, peer)) => {
                    let connection = connection.clone();
                    open.spawn(async move {
                        connection.run(stream, peer).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    server.leave();
    drop(listener);
    leave.send_replace(true);
    let ended = timeout(deadline, async { while open.join_next().await.is_some() {} }).await;
    let cut = if ended.is_ok() { 0 } else { open.len() };
    open.shutdown().await;
    Drained { cut }
}

/// All that connections have in common.
#[derive(Clone)]
struct Connection {
    tls: Tls,
    server: ApiServer,
    leaving: watch::Receiver<bool>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    fn new(tls: Tls, server: ApiServer, leaving: watch::Receiver<bool>) -> Self {
        Self { tls, server, leaving }
    }

    async fn run(mut self, stream: TcpStream, peer: SocketAddr) {
        let metrics = &self.server.shared.metrics;
        let _counted = Counted::new(&metrics.connections);
        // Answers are written whole: waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let handshake = timeout(HANDSHAKE_MAX, self.tls.accept(stream, self.server.shared.clock.now()));
        let (stream, credentials) = tokio::select! {
            accepted = handshake => match accepted {
                Ok(Ok(accepted)) => accepted,
                Ok(Err(error)) => {
                    metrics.tls_handshake_errors.inc();
                    tracing::debug!(%peer, %error, "TLS handshake failed");
                    return;
                }
                Err(_) => {
                    metrics.tls_handshake_errors.inc();
                    tracing::debug!(%peer, "TLS handshake took too long");
                    return;
                }
            },
            () = left(&mut self.leaving) => return,
        };
        let next = Next::default();
        let service = TowerToHyperService::new(self.server.door_with(credentials).going_on(&next));
        let (stream, mut streams) = (Gathered::new(stream), Streams::default());
        let http = http(streams.begun());
        let mut http = pin!(http.serve_connection_with_upgrades(TokioIo::new(stream.clone()), service));
        stream.gather(true);
        let ended = tokio::select! {
            ended = poll_fn(|context| turn(http.as_mut(), &mut streams, &stream, context)) => ended,
            () = silence(&stream) => {
                tracing::debug!(%peer, "the client said nothing");
                return;
            }
            () = left(&mut self.leaving) => {
                http.as_mut().graceful_shutdown();
                poll_fn(|context| turn(http.as_mut(), &mut streams, &stream, context)).await
            }
        };
        stream.gather(false);
        if let Err(error) = ended {
            // Mostly a client that went away without saying so.
            tracing::debug!(%peer, %error, "connection ended");
        } else if let Some(next) = next.take() {
            // It may begin by listening; the answer that led to it has to be out before.
            match poll_fn(|context| stream.poll_send(context)).await {
                Ok(()) => next.await,
                Err(error) => tracing::debug!(%peer, %error, "connection ended"),
            }
        }
    }
}

/// How HTTP is spoken; `begun` gets the requests.
fn http(begun: Begun) -> auto::Builder<Begun> {
    let mut http = auto::Builder::new(begun);
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(HEAD_BYTES_MAX as usize);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_ANSWER_MAX);
    http
}

/// One turn of a connection: reads what there is, answers what can be answered, and sends it all at once.
fn turn<Http, Error, Stream>(
    mut http: Pin<&mut Http>,
    streams: &mut Streams,
    stream: &Gathered<Stream>,
    context: &mut Context<'_>,
) -> Poll<Result<(), Error>>
where
    Http: Future<Output = Result<(), Error>>,
    Error: From<io::Error>,
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let mut ended = Poll::Pending;
    for pass in 1..=PASSES_MAX {
        ended = http.as_mut().poll(context);
        if !streams.poll(context) || ended.is_ready() {
            break;
        }
        // What was answered now is written by the next pass, or in the next turn.
        if pass == PASSES_MAX {
            context.waker().wake_by_ref();
        }
    }
    match stream.poll_send(context) {
        Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
        _ => ended,
    }
}

/// Comes to its end where nothing was said after the handshake for too long.
async fn silence<Stream: AsyncRead + AsyncWrite + Unpin>(stream: &Gathered<Stream>) {
    tokio::time::sleep(HEAD_MAX).await;
    if stream.has_heard() {
        std::future::pending::<()>().await;
    }
}

async fn left(leaving: &mut watch::Receiver<bool>) {
    // An error says that the server is gone, which is as good a reason to leave.
    let _ = leaving.wait_for(|leaving| *leaving).await;
}

/// One among those that a gauge shows, until dropped.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
