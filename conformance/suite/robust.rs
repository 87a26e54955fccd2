//! What strangers do to a server: connections that say nothing, readers that read nothing, floods of frames, bodies
//! without end or bottom. Each of these may be refused or waited for; whoever else asks is answered at once, and the
//! memory that it took comes back.

mod bodies;
mod connections;
mod frames;
mod readers;

use std::time::Duration;

use keelson_subject::client::Client;
use keelson_subject::cost;
use keelson_subject::ours::{Scratch, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::timeout;

use crate::place;

/// How long anybody waits for an answer, on a machine that is busy with the attack as well.
const AT_ONCE: Duration = Duration::from_secs(5);
/// What memory may be above what it was before, in bytes: what the allocator keeps for each thread for next time. Each of
/// these attacks takes some hundred MiB where nothing bounds it.
const KEPT_BYTES_MAX: u64 = 128 << 20;

/// A server that something is done to.
struct Attacked {
    _scratch: Scratch,
    server: Server,
    client: Client,
    /// Its memory before that, in bytes.
    before: u64,
}

impl Attacked {
    async fn new() -> Self {
        let scratch = place();
        let server = scratch.up(&[]).await;
        let client = Client::of(&server.kubeconfig());
        let mut attacked = Self { _scratch: scratch, server, client, before: 0 };
        attacked.settle().await;
        attacked
    }

    /// Takes what it has now for what it has when nothing is done to it.
    async fn settle(&mut self) {
        for protocol in [&b"h2"[..], b"http/1.1"] {
            let client = Client { protocol, ..self.client.clone() };
            assert_eq!(client.get("/api/v1/configmaps").await.code, 200);
            assert_eq!(client.get("/readyz").await.code, 200);
        }
        self.before = self.memory();
    }

    fn memory(&self) -> u64 {
        cost::of(&[self.server.pid()]).resident
    }

    /// Who asks now is answered, as if nothing were the matter.
    async fn answers(&self) {
        let answer = timeout(AT_ONCE, self.client.get("/readyz")).await.expect("it answers at once");
        assert_eq!(answer.code, 200, "{}", answer.body);
    }

    /// It takes no more than so many bytes on top of what it took before.
    fn holds_at_most(&self, bytes: u64) {
        let more = self.memory().saturating_sub(self.before);
        assert!(more <= bytes, "{} MiB more than before", more >> 20);
    }

    /// It answers, its memory comes back, and it ends in order.
    async fn recovers(self) {
        self.recovers_but_for(0).await;
    }

    /// The same, but so many bytes were written meanwhile, and are still its history.
    async fn recovers_but_for(self, bytes: u64) {
        let most = self.before + bytes + KEPT_BYTES_MAX;
        // The allocator gives memory back on occasion of others' wishes: to one that is left alone there is none.
        let back = async {
            while self.memory() > most {
                self.answers().await;
            }
        };
        let waited = timeout(Duration::from_secs(50), back).await;
        assert!(waited.is_ok(), "{} MiB before, {} MiB after", self.before >> 20, self.memory() >> 20);
        self.answers().await;
        self.server.end().await;
    }
}

/// As many connections as asked for, if the system lets this process have them.
fn connections_of(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    // What this process has open besides.
    const OTHERS: u64 = 500;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        panic!("open files: {error}");
    }
    let most = limit.maximum.map_or(u64::MAX, |most| most.saturating_sub(OTHERS));
    let count = wanted.min(usize::try_from(most).unwrap_or(usize::MAX));
    if count < wanted {
        println!("only {count} connections instead of {wanted}: the system gives no more open files");
    }
    count
}
