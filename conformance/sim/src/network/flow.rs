//! A watch's answer, piece by piece: late, broken off, or at its end before its time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Sleep, sleep};
use tower::BoxError;

use super::{Body, Network};

/// What a server says in a watch whose beginning it does not know any more.
const EXPIRED: &str = concat!(
    r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#,
    r#""message":"too old resource version","reason":"Expired","code":410}}"#,
    "\n"
);

/// What happens to a piece.
pub(super) enum Happens {
    /// It comes after a while.
    Comes(Duration),
    /// The connection breaks.
    Breaks,
    /// The watch ends as it does after its time.
    Ends,
    /// The server says that history is gone, and ends it.
    Expires,
}

pub(super) struct Flow {
    inner: Body,
    network: Arc<Network>,
    component: &'static str,
    life: u32,
    /// The piece that is under way, and until when.
    coming: Option<(Frame<Bytes>, Pin<Box<Sleep>>)>,
    over: bool,
}

impl Flow {
    pub(super) fn new(inner: Body, network: Arc<Network>, component: &'static str, life: u32) -> Self {
        Self { inner, network, component, life, coming: None, over: false }
    }
}

impl http_body::Body for Flow {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            if this.over {
                return Poll::Ready(None);
            }
            if this.network.is_over(this.component, this.life) {
                return Poll::Pending;
            }
            if let Some((_, until)) = &mut this.coming {
                std::task::ready!(until.as_mut().poll(context));
                let piece = this.coming.take().map(|(piece, _)| Ok(piece));
                return Poll::Ready(piece);
            }
            let Some(piece) = std::task::ready!(Pin::new(&mut this.inner).poll_frame(context)) else {
                return Poll::Ready(None);
            };
            let piece = piece?;
            match this.network.piece(this.component) {
                Happens::Comes(after) => this.coming = Some((piece, Box::pin(sleep(after)))),
                Happens::Ends => this.over = true,
                Happens::Breaks => {
                    this.over = true;
                    return Poll::Ready(Some(Err("the connection broke".into())));
                }
                Happens::Expires => {
                    this.over = true;
                    return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(EXPIRED.as_bytes())))));
                }
            }
        }
    }
}
