//! Large answers are compressed for clients that take that: over a network they arrive sooner, and nobody else pays.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::ready;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;

use crate::problem::Problem;

/// Answers up to this length are sent as they are. Upstream's figure.
const PLAIN_BYTES_MAX: usize = 128 << 10;
/// How much is compressed at a time, and about how much handed on.
const PIECE_BYTES: usize = 64 << 10;

/// Whether a client takes gzip, as upstream reads it: weights say no.
pub(crate) fn is_taken(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|clause| clause.trim() == "gzip")
}

/// Compresses an answer if its client takes that and it is large.
pub(crate) async fn pack(asked: &HeaderMap, answer: Response<Body>) -> Result<Response<Body>, Problem> {
    if !is_taken(asked)
        || answer.body().size_hint().exact().is_some_and(|bytes| bytes <= PLAIN_BYTES_MAX as u64)
    {
        return Ok(answer);
    }
    let (mut parts, mut rest) = answer.into_parts();
    let mut begun = BytesMut::new();
    while begun.len() <= PLAIN_BYTES_MAX {
        let Some(frame) = rest.frame().await else {
            return Ok(Response::from_parts(parts, Body::from(begun.freeze())));
        };
        let frame = frame.map_err(|error| Problem::Defect(format!("an answer broke off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            // What comes whole is not copied.
            begun = if begun.is_empty() { BytesMut::from(data) } else { joined(begun, &data) };
        }
    }
    mark(&mut parts.headers);
    parts.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(
        parts,
        Body::new(Packed { waiting: begun.freeze(), rest, encoder: Some(encoder()) }),
    ))
}

fn joined(mut begun: BytesMut, more: &[u8]) -> BytesMut {
    begun.put_slice(more);
    begun
}

/// Says that a body is compressed.
pub(crate) fn mark(headers: &mut HeaderMap) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
}

type Encoder = GzEncoder<bytes::buf::Writer<BytesMut>>;

fn encoder() -> Encoder {
    GzEncoder::new(BytesMut::with_capacity(PIECE_BYTES).writer(), Compression::fast())
}

/// Some bytes, compressed for themselves; clients read such pieces in a row as one. They are flushed before the piece
/// ends: Go's reader waits for the next piece when it comes upon the end of one, and hands on before what it has by then.
pub(crate) fn piece(bytes: &[u8]) -> Result<Bytes, Problem> {
    let mut encoder = encoder();
    let packed = encoder.write_all(bytes).and_then(|()| encoder.flush()).and_then(|()| encoder.finish());
    packed.map(|packed| packed.into_inner().freeze()).map_err(|error| Problem::Defect(error.to_string()))
}

/// A body that is compressed while it is sent.
struct Packed {
    /// What has been taken from the body and not been compressed yet.
    waiting: Bytes,
    rest: Body,
    /// Gone at the end.
    encoder: Option<Encoder>,
}

impl http_body::Body for Packed {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = self.get_mut();
        while let Some(encoder) = &mut this.encoder {
            if this.waiting.is_empty() {
                match ready!(Pin::new(&mut this.rest).poll_frame(context)) {
                    Some(Ok(frame)) => this.waiting = frame.into_data().unwrap_or_default(),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                    None => {
                        let packed = this.encoder.take().map(Encoder::finish).transpose()?;
                        return Poll::Ready(
                            packed.map(|packed| Ok(Frame::data(packed.into_inner().freeze()))),
                        );
                    }
                }
            }
            let piece = this.waiting.split_to(this.waiting.len().min(PIECE_BYTES));
            encoder.write_all(&piece)?;
            let packed = encoder.get_mut().get_mut();
            if packed.len() >= PIECE_BYTES / 4 {
                return Poll::Ready(Some(Ok(Frame::data(packed.split().freeze()))));
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    fn headers(accepted: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))])
    }

    fn unpack(packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        MultiGzDecoder::new(packed).read_to_end(&mut plain).unwrap();
        plain
    }

    /// A body of so many bytes, whole or in pieces that nobody knows the number of.
    fn body(bytes: &[u8], in_pieces: bool) -> Body {
        if !in_pieces {
            return Body::from(bytes.to_vec());
        }
        let pieces: Vec<_> = bytes.chunks(1000).map(|piece| Ok::<_, Problem>(piece.to_vec())).collect();
        Body::from_stream(futures::stream::iter(pieces))
    }

    #[tokio::test]
    async fn large_answers_are_compressed_for_those_who_take_it() {
        for (accepted, length, packed) in [
            ("gzip", PLAIN_BYTES_MAX, false),
            ("gzip", PLAIN_BYTES_MAX + 1, true),
            ("deflate, gzip", 2_000_000, true),
            ("gzip;q=1", 2_000_000, false),
            ("br", 2_000_000, false),
        ] {
            for in_pieces in [false, true] {
                let bytes: Vec<u8> = (0..length).map(|at| (at / 7 % 251) as u8).collect();
                let answer = Response::new(body(&bytes, in_pieces));
                let answer = pack(&headers(accepted), answer).await.unwrap();
                assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), packed, "{accepted} {length}");
                let sent = answer.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(if packed { unpack(&sent) } else { sent.to_vec() }, bytes);
            }
        }
    }

    #[test]
    fn pieces_in_a_row_are_one() {
        let row = [piece(b"a").unwrap(), piece(b"bc").unwrap()].concat();
        assert_eq!(unpack(&row), b"abc");
    }
}
