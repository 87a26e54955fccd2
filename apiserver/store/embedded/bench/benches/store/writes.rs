//! Acknowledged durable writes a second, ours and etcd's, round by round.

use std::path::Path;
use std::time::{Duration, Instant};

use keelson_store::key::Key;

use crate::subject::{VALUE_BYTES, open, pods, put, runtime, value};
use crate::{ROUNDS, disk, etcd, median};

const WRITERS: [usize; 3] = [1, 16, 256];
const FOR: Duration = Duration::from_secs(3);
/// Each writer goes round this many keys.
pub const KEYS_PER_WRITER: u64 = 100;

struct Round {
    flush: f64,
    writes: f64,
    /// Batches, so flushes, a second.
    groups: f64,
    etcd: Option<f64>,
}

pub fn report(root: &Path) {
    let runtime = runtime();
    let mut peer = etcd::Peer::start(root);
    for writers in WRITERS {
        let rounds: Vec<Round> = (0..ROUNDS)
            .map(|round| {
                let flush = disk::flush_seconds(root, VALUE_BYTES);
                let (writes, groups) = runtime.block_on(ours(&root.join(format!("w{writers}-{round}")), writers));
                let etcd = peer.as_mut().map(|peer| runtime.block_on(peer.writes_per_second(writers, FOR)));
                Round { flush, writes, groups, etcd }
            })
            .collect();
        let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
        let writes = of(|round| round.writes);
        let physical = of(|round| round.writes / (round.writes / round.groups / round.flush));
        let peer = match rounds.iter().map(|round| round.etcd).collect::<Option<Vec<_>>>() {
            Some(rates) => format!("etcd {:.0}/s: ×{:.0}", median(rates.clone()), writes / median(rates)),
            None => "etcd is not installed".to_owned(),
        };
        println!(
            "| durable writes of 1 KiB, {writers} writers | {writes:.0}/s | {:.1} a flush; flushing {:.0} % of the time (bare flush {:.0} µs); {peer} |",
            of(|round| round.writes / round.groups),
            100.0 * physical,
            1e6 * of(|round| round.flush),
        );
    }
}

async fn ours(dir: &Path, writers: usize) -> (f64, f64) {
    let store = open(dir).await;
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let (store, value) = (store.clone(), value(writer as u64));
        tasks.spawn(async move {
            let mut written = 0;
            while began.elapsed() < FOR {
                let key = Key::new(&pods(), "default", &format!("w{writer}-{}", written % KEYS_PER_WRITER));
                store.commit(put(key, value.clone())).await.expect("a write");
                written += 1;
            }
            written
        });
    }
    let written: u64 = tasks.join_all().await.into_iter().sum();
    let seconds = began.elapsed().as_secs_f64();
    let groups = store.status().await.expect("a status").appends;
    store.close().await;
    std::fs::remove_dir_all(dir).expect("it was made above");
    (written as f64 / seconds, groups as f64 / seconds)
}
