//! Whole requests to a server over a store in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use keelson_api::time::{Clock, UnixMillis};
use keelson_apiserver::admission::plugins::Plugins;
use keelson_apiserver::admission::toleration::Patience;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::entropy::Entropy;
use keelson_apiserver::features::Features;
use keelson_apiserver::node_ports::NodePorts;
use keelson_apiserver::offer::Offer;
use keelson_apiserver::server::{ApiServer, Door, Limits, Parts};
use keelson_apiserver::tokens::keys::Keys;
use keelson_apiserver::tokens::rules::TokenRules;
use keelson_store::Store;
use keelson_store::memory::Memory;
use keelson_store::options::{CommitterRuns, Options};
use tokio::runtime::Builder;
use tower::ServiceExt;

use crate::{fuzz, must, seeds};

/// Requests that one server gets before the next has its turn: what they leave behind would slow it down.
const REQUESTS_PER_SERVER: u64 = 500;
/// A key of nobody.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDFv2aVywlzBLP/MI\n\
    7EcrbiMzhW4TCLxWMo7WIlrzSBahRANCAASRu6IiB+DzrX882hFqjUwy5pUeqcMw\n\
    y7HWbyR40sQyr1lL31Yfa7NwTYlxwBfbZEvOcaMJ7iOfXwuiDtA9vYX/\n\
    -----END PRIVATE KEY-----";
/// How much of an answer is read.
const PIECES_MAX: usize = 64;

#[test]
fn requests() {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime of one thread needs nothing");
    let (mut door, mut count) = (runtime.block_on(server()), 0);
    fuzz(6_000, seeds::REQUESTS, |input| {
        count += 1;
        if u64::is_multiple_of(count, REQUESTS_PER_SERVER) {
            door = runtime.block_on(server());
        }
        let Some(request) = request(input) else { return Ok("no request".to_owned()) };
        runtime.block_on(ask(&door, request))
    });
}

async fn server() -> Door {
    let clock = Clock::new(|| UnixMillis(1_767_225_600_000));
    let options = Options { committer: CommitterRuns::AsTask, ..Options::new(clock.clone(), 1) };
    let store = Store::open(Arc::new(Memory::new()), options).await.expect("an empty store opens");
    let drawn = AtomicU64::new(0);
    let entropy = Entropy::new(move |bytes| {
        let next = drawn.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(next.iter().cycle()).for_each(|(byte, next)| *byte = *next);
    });
    let server = ApiServer::new(Parts {
        admission: Plugins::default(),
        offer: Offer::default(),
        features: Features::default(),
        token_rules: TokenRules::default(),
        patience: Patience::default(),
        node_ports: NodePorts::default(),
        clock,
        entropy,
        store,
        keys: Keys::new(KEY, "").expect("a key that signs"),
        address: "127.0.0.1:6443".to_owned(),
        checks: Vec::new(),
        figures: Box::new(Vec::new),
        beside: &[],
        limits: Limits::default(),
    });
    server
        .bootstrap("10.96.0.0/16", ([127, 0, 0, 1], 6443).into())
        .await
        .expect("what a cluster begins with is made");
    server.door(Caller::authenticated("fuzz", ["system:masters"]))
}

/// The request that `input` tells, if there can be such a one.
fn request(input: &[u8]) -> Option<Request<Full<Bytes>>> {
    let end = input.windows(2).position(|two| two == b"\n\n")?;
    let (head, body) = (str::from_utf8(&input[..end]).ok()?, &input[end + 2..]);
    let mut lines = head.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).ok()?).uri(path);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    request.body(Full::new(Bytes::copy_from_slice(body))).ok()
}

/// Asks, and reads some of the answer. Time is virtual, so what only waits is over at once.
async fn ask(door: &Door, request: Request<Full<Bytes>>) -> Result<String, String> {
    let Ok(answer) = door.clone().oneshot(request).await;
    let code = answer.status().as_u16();
    let (mut body, mut text) = (answer.into_body(), String::new());
    for _ in 0..PIECES_MAX {
        match tokio::time::timeout(Duration::from_secs(90), body.frame()).await {
            Ok(Some(Ok(frame))) => {
                text.push_str(
                    &frame.data_ref().map(|data| String::from_utf8_lossy(data)).unwrap_or_default(),
                );
            }
            Ok(Some(Err(error))) => return Err(format!("the answer breaks off: {error}")),
            Ok(None) | Err(_) => break,
        }
    }
    // Some refusals have this code too, as upstream's, but not this reason.
    must(!text.contains("\"reason\":\"InternalError\""), || format!("{code}: {text}"))?;
    let said = text.split_once("\"message\":").map_or("", |(_, message)| message);
    Ok(format!("{}: {said}", ["a", "b", "c", "d", "e", "f"][usize::from(code / 100) % 6]))
}
