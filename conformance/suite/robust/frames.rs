//! HTTP/2 as nobody means it: requests taken back at once, heads without end, settings and pings without end.

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::{AT_ONCE, Attacked};
use keelson_subject::client::Client;
use keelson_subject::ours::PATIENCE;

/// Kinds of frames, and flags.
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The longest frame that everybody has to take, in bytes.
const FRAME_BYTES_MAX: usize = 16 << 10;

/// A connection on which frames are written by hand.
struct Wire {
    to: WriteHalf<TlsStream<TcpStream>>,
    /// Reads what comes, until the end.
    reading: JoinHandle<()>,
}

impl Wire {
    async fn open(client: &Client) -> Self {
        let (mut from, to) = Self::silent(client).await;
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the connection, or with the test's runtime"
        )]
        let reading = tokio::spawn(async move {
            let mut piece = vec![0; FRAME_BYTES_MAX];
            while from.read(&mut piece).await.is_ok_and(|count| count > 0) {}
        });
        Self { to, reading }
    }

    /// Nobody reads what comes.
    async fn silent(client: &Client) -> (ReadHalf<TlsStream<TcpStream>>, WriteHalf<TlsStream<TcpStream>>) {
        let client = Client { protocol: b"h2", ..client.clone() };
        let (from, mut to) = split(client.connect().await.unwrap());
        to.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        to.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        (from, to)
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The head of a GET, in the static table's words where it has them.
fn head(path: &str) -> Vec<u8> {
    const GET: u8 = 0x82;
    const HTTPS: u8 = 0x87;
    const AUTHORITY: u8 = 1;
    const PATH: u8 = 4;
    let mut head = vec![GET, HTTPS];
    for (name, value) in [(AUTHORITY, "keelson"), (PATH, path)] {
        head.extend([name, u8::try_from(value.len()).unwrap()]);
        head.extend(value.as_bytes());
    }
    head
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_taken_back_at_once() {
    let attacked = Attacked::new().await;
    for _ in 0..4 {
        let mut wire = Wire::open(&attacked.client).await;
        let head = head("/api/v1/configmaps?watch=true");
        const CANCEL: [u8; 4] = 8_u32.to_be_bytes();
        // Whoever overdoes it is thrown out, and that ends the flood.
        for round in 0..200_u32 {
            let mut flood = Vec::new();
            for number in 0..100 {
                let stream = 2 * (round * 100 + number) + 1;
                flood.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &head));
                flood.extend(frame(RESET, 0, stream, &CANCEL));
            }
            if timeout(AT_ONCE, wire.to.write_all(&flood)).await.is_ok_and(|written| written.is_ok()) {
                continue;
            }
            break;
        }
        attacked.answers().await;
        attacked.holds_at_most(128 << 20);
        drop(wire.to);
        wire.reading.abort();
    }
    attacked.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_end() {
    let attacked = Attacked::new().await;
    let mut wire = Wire::open(&attacked.client).await;
    // A literal header `a: b`, again and again.
    let piece: Vec<u8> = [0, 1, b'a', 1, b'b'].into_iter().cycle().take(FRAME_BYTES_MAX / 5 * 5).collect();
    wire.to.write_all(&frame(HEADERS, END_STREAM, 1, &head("/readyz"))).await.unwrap();
    let flood = async {
        let next = frame(CONTINUATION, 0, 1, &piece);
        let mut sent = 0_usize;
        while wire.to.write_all(&next).await.is_ok() {
            sent += next.len();
            assert!(sent < 256 << 20, "so long a head is still listened to");
        }
    };
    timeout(PATIENCE, flood).await.expect("it is cut off");
    attacked.holds_at_most(64 << 20);
    attacked.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_takes() {
    let attacked = Attacked::new().await;
    let mut wires = Vec::new();
    for kind in [SETTINGS, PING] {
        let (from, mut to) = Wire::silent(&attacked.client).await;
        let payload: &[u8] = if kind == PING { &[0; 8] } else { &[] };
        let thousand = frame(kind, 0, 0, payload).repeat(1000);
        // Each wants an answer. At some time the server waits for its answers to be taken, or is gone.
        let flood = async {
            for _ in 0..2000 {
                if to.write_all(&thousand).await.is_err() {
                    break;
                }
            }
        };
        let _ = timeout(AT_ONCE, flood).await;
        attacked.answers().await;
        attacked.holds_at_most(64 << 20);
        wires.push((from, to));
    }
    drop(wires);
    attacked.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_megabytes_is_refused() {
    let attacked = Attacked::new().await;
    for one_long_line in [true, false] {
        let (mut from, mut to) = split(attacked.client.connect().await.unwrap());
        let line = if one_long_line { "a".repeat(1000) } else { format!("x-a: {}\r\n", "b".repeat(1000)) };
        to.write_all(b"GET /readyz HTTP/1.1\r\nhost: k\r\nx-b: b\r\nx-c: ").await.unwrap();
        if !one_long_line {
            to.write_all(b"\r\n").await.unwrap();
        }
        let flood = async {
            let mut sent = 0_usize;
            while to.write_all(line.as_bytes()).await.is_ok() {
                sent += line.len();
                assert!(sent < 256 << 20, "so long a head is still listened to");
            }
        };
        let mut answer = Vec::new();
        let (_, ended) =
            tokio::join!(timeout(PATIENCE, flood), timeout(PATIENCE, from.read_to_end(&mut answer)));
        assert!(ended.is_ok(), "it is not cut off");
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        attacked.holds_at_most(64 << 20);
    }
    attacked.recovers().await;
}
