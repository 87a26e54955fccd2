//! Reads, lists and fan-out, from memory.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use keelson_store::key::Key;
use keelson_store::watch::Scope;
use keelson_store::{At, Store};

use crate::subject::{fill, open, pods, put, runtime, value};
use crate::{ROUNDS, median};

pub fn report(root: &Path) {
    const OBJECTS: usize = 100_000;
    let runtime = runtime();
    runtime.block_on(async {
        let store = open(&root.join("reads")).await;
        fill(&store, OBJECTS).await;
        let gets = repeat(async || gets_per_second(&store).await).await;
        println!("| most recent reads of one object, 2 readers | {gets:.0}/s | |");
        let list = repeat(async || list_seconds(&store, OBJECTS).await).await;
        println!("| list of {OBJECTS} objects, every byte visited | {:.1} ms | |", 1e3 * list);
        for watchers in [1_000, 10_000] {
            let fan_out = repeat(async || fan_out_seconds(&store, watchers).await).await;
            let rate = watchers as f64 / fan_out;
            println!("| one event to {watchers} watchers, write to last delivery | {:.2} ms | {rate:.0} deliveries/s |", 1e3 * fan_out);
        }
        store.close().await;
    });
}

async fn repeat(mut measure: impl AsyncFnMut() -> f64) -> f64 {
    let mut values = Vec::new();
    for _ in 0..ROUNDS {
        values.push(measure().await);
    }
    median(values)
}

async fn gets_per_second(store: &Store) -> f64 {
    const FOR: Duration = Duration::from_secs(1);
    const IN_A_ROW: u64 = 1_000;
    let began = Instant::now();
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..2_usize {
        let store = store.clone();
        readers.spawn(async move {
            let key = Key::new(&pods(), &format!("namespace-{reader}"), &format!("object-{reader:08}"));
            let mut read = 0;
            while began.elapsed() < FOR {
                for _ in 0..IN_A_ROW {
                    let (_, object) = store.get(&key, At::Latest).await.expect("a read");
                    assert!(black_box(object).is_some(), "the object was created before");
                }
                read += IN_A_ROW;
            }
            read
        });
    }
    let read: u64 = readers.join_all().await.into_iter().sum();
    read as f64 / began.elapsed().as_secs_f64()
}

async fn list_seconds(store: &Store, objects: usize) -> f64 {
    let began = Instant::now();
    let snapshot = store.list(&pods(), At::Latest).await.expect("a list");
    let sum = snapshot.table.iter().map(|object| object.value().iter().map(|byte| u64::from(*byte)).sum::<u64>());
    black_box(sum.sum::<u64>());
    assert_eq!(snapshot.table.len(), objects);
    began.elapsed().as_secs_f64()
}

async fn fan_out_seconds(store: &Store, watchers: usize) -> f64 {
    let key = Key::new(&pods(), "namespace-0", "object-00000000");
    let after = store.revision();
    let mut deliveries = tokio::task::JoinSet::new();
    for _ in 0..watchers {
        let mut watch = store.watch(Scope::all(&pods()), after).expect("a watch");
        deliveries.spawn(async move {
            black_box(watch.next().await.expect("an event"));
            Instant::now()
        });
    }
    // A second event lies in nobody's way: every task has parked before the clock starts.
    while tokio::runtime::Handle::current().metrics().global_queue_depth() > 0 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    store.commit(put(key, value(1))).await.expect("a write");
    let last = deliveries.join_all().await.into_iter().max().expect("there are watchers");
    last.duration_since(began).as_secs_f64()
}
