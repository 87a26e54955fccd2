//! What lies between HTTP and the socket: few large reads and writes instead of many small ones.
//!
//! HTTP/2 writes every frame as soon as it is complete and asks for it to be sent at once; each would be a record of TLS
//! and a system call. [`Gathered`] collects what a connection writes in one turn of its task, and whoever runs the task
//! sends it at the end of the turn. TLS in turn reads a few KB at a time; [`Ahead`] reads what there is.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are collected at most; then they are sent, and whoever writes waits for that.
const GATHERED_BYTES_MAX: usize = 64 << 10;
/// What is at least this long in bytes, and has nothing before it, is not worth collecting.
const LARGE_BYTES: usize = 16 << 10;
/// Room in bytes for what is usually collected, so that it need not grow frame by frame.
const USUAL_BYTES: usize = 8 << 10;
/// Bytes read at once.
const AHEAD_BYTES: usize = 16 << 10;

/// A stream whose writes are collected. Clones are the same one.
pub(super) struct Gathered<Stream>(Arc<Mutex<Inner<Stream>>>);

struct Inner<Stream> {
    stream: Stream,
    waiting: BytesMut,
    /// Whether `stream` may hold something of what it took: TLS takes more than the socket, where that is full.
    is_behind: bool,
    /// Whether a flush may wait for [`Gathered::poll_send`].
    gathers: bool,
    /// Whether anything was ever read.
    has_heard: bool,
}

impl<Stream> Clone for Gathered<Stream> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Stream: AsyncRead + AsyncWrite + Unpin> Gathered<Stream> {
    pub(super) fn new(stream: Stream) -> Self {
        let inner =
            Inner { stream, waiting: BytesMut::new(), is_behind: false, gathers: false, has_heard: false };
        Self(Arc::new(Mutex::new(inner)))
    }

    /// From now on flushes wait for [`Self::poll_send`], or no longer do: who takes the stream over knows nothing of it.
    pub(super) fn gather(&self, gathers: bool) {
        self.0.lock().gathers = gathers;
    }

    /// Whether the other side has ever said anything.
    pub(super) fn has_heard(&self) -> bool {
        self.0.lock().has_heard
    }

    /// Sends what was collected.
    pub(super) fn poll_send(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().poll_send(context)
    }
}

impl<Stream: AsyncWrite + Unpin> Inner<Stream> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.waiting.is_empty() {
            self.is_behind = true;
            while !self.waiting.is_empty() {
                let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &self.waiting))?;
                if sent == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.waiting.advance(sent);
            }
            // A connection that is idle keeps nothing.
            self.waiting = BytesMut::new();
        }
        if self.is_behind {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.is_behind = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        if self.waiting.len() + length > GATHERED_BYTES_MAX {
            ready!(self.poll_send(context))?;
        }
        if self.waiting.is_empty() && length >= LARGE_BYTES {
            self.is_behind = true;
            return Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        }
        let is_new = self.waiting.capacity() == 0;
        self.waiting.reserve(if is_new { length.max(USUAL_BYTES) } else { length });
        parts.iter().for_each(|part| self.waiting.extend_from_slice(part));
        Poll::Ready(Ok(length))
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for Gathered<Stream> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        let before = buffer.filled().len();
        let read = Pin::new(&mut inner.stream).poll_read(context, buffer);
        inner.has_heard |= buffer.filled().len() > before;
        read
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for Gathered<Stream> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().poll_write(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().poll_write(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        if inner.gathers {
            return Poll::Ready(Ok(()));
        }
        inner.poll_send(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock();
        ready!(inner.poll_send(context))?;
        Pin::new(&mut inner.stream).poll_shutdown(context)
    }
}

/// A stream that is read in large pieces.
#[derive(Debug)]
pub(super) struct Ahead<Stream> {
    stream: Stream,
    /// What was read, and not yet asked for.
    held: BytesMut,
}

impl<Stream> Ahead<Stream> {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, held: BytesMut::new() }
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for Ahead<Stream> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.held.is_empty() {
            if buffer.remaining() >= AHEAD_BYTES {
                return Pin::new(&mut this.stream).poll_read(context, buffer);
            }
            let mut room = [MaybeUninit::uninit(); AHEAD_BYTES];
            let mut read = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            let (now, later) = read.filled().split_at(buffer.remaining().min(read.filled().len()));
            buffer.put_slice(now);
            if !later.is_empty() {
                this.held.extend_from_slice(later);
            }
            return Poll::Ready(Ok(()));
        }
        let now = buffer.remaining().min(this.held.len());
        buffer.put_slice(&this.held[..now]);
        this.held.advance(now);
        if this.held.is_empty() {
            // A connection that is idle keeps nothing.
            this.held = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for Ahead<Stream> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_is_written_waits_until_it_is_sent() {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut gathered = Gathered::new(ours);
        gathered.gather(true);
        gathered.write_all(b"one ").await.unwrap();
        gathered.flush().await.unwrap();
        gathered.write_all(b"two").await.unwrap();
        let mut seen = [0; 16];
        let nothing = futures::poll!(Box::pin(theirs.read(&mut seen)));
        assert!(nothing.is_pending());
        std::future::poll_fn(|context| gathered.poll_send(context)).await.unwrap();
        let length = theirs.read(&mut seen).await.unwrap();
        assert_eq!(&seen[..length], b"one two");
        gathered.gather(false);
        gathered.write_all(b"three").await.unwrap();
        gathered.flush().await.unwrap();
        let length = theirs.read(&mut seen).await.unwrap();
        assert_eq!(&seen[..length], b"three");
    }

    #[tokio::test]
    async fn whoever_writes_too_much_waits() {
        let (ours, mut theirs) = duplex(1000);
        let mut gathered = Gathered::new(ours);
        gathered.gather(true);
        let whole: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
        let sending = async {
            for part in whole.chunks(1_000) {
                gathered.write_all(part).await.unwrap();
            }
            gathered.write_all(&whole[..200_000]).await.unwrap();
            gathered.shutdown().await.unwrap();
        };
        let mut seen = Vec::new();
        let (_, read) = tokio::join!(sending, theirs.read_to_end(&mut seen));
        assert_eq!(read.unwrap(), 500_000);
        assert_eq!(seen[..300_000], whole[..]);
        assert_eq!(seen[300_000..], whole[..200_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_stream_itself_holds_back_is_sent_too() {
        for size in [1_000, LARGE_BYTES * 2] {
            let (ours, mut theirs) = duplex(100);
            // As TLS does, it takes more than the other side does.
            let mut gathered = Gathered::new(tokio::io::BufWriter::with_capacity(1 << 20, ours));
            gathered.gather(true);
            gathered.write_all(&vec![1; size]).await.unwrap();
            let sending = std::future::poll_fn(|context| {
                // A turn of the connection ends here, whether or not all is sent.
                let _ = gathered.poll_send(context);
                gathered.poll_send(context)
            });
            let mut seen = vec![0; size];
            let both = async { tokio::join!(sending, theirs.read_exact(&mut seen)) };
            let (sent, read) = timeout(Duration::from_secs(1), both).await.expect("all of it comes");
            sent.unwrap();
            read.unwrap();
            assert!(seen.iter().all(|byte| *byte == 1), "{size}");
        }
    }

    #[tokio::test]
    async fn what_is_read_ahead_is_not_lost() {
        let (mut theirs, ours) = duplex(1 << 20);
        let whole: Vec<u8> = (0..100_000_u32).map(|number| (number / 7) as u8).collect();
        theirs.write_all(&whole).await.unwrap();
        drop(theirs);
        let (mut ahead, mut seen) = (Ahead::new(ours), Vec::new());
        for size in [1, 4096, 100, 60_000].into_iter().cycle() {
            let mut piece = vec![0; size];
            match ahead.read(&mut piece).await.unwrap() {
                0 => break,
                length => seen.extend_from_slice(&piece[..length]),
            }
        }
        assert_eq!(seen, whole);
    }
}
