//! The store under test, opened as the server opens it.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use keelson_api::time::{Clock, UnixMillis};
use keelson_api::uid::Uid;
use keelson_store::key::{Key, ResourceName};
use keelson_store::options::Options;
use keelson_store::transaction::{Change, Expect, Transaction};
use keelson_store::Store;
use keelson_store_embedded::Embedded;

pub const VALUE_BYTES: usize = 1024;

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

pub fn clock() -> Clock {
    Clock::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        UnixMillis(now.as_millis() as u64)
    })
}

pub async fn open(dir: &Path) -> Store {
    let backend = Embedded::open(dir, keelson_store_embedded::Options::default()).expect("the directory opens");
    Store::open(Arc::new(backend), Options::new(clock(), 1)).await.expect("the store opens")
}

pub fn pods() -> ResourceName {
    ResourceName::new("pods")
}

/// Incompressible enough not to flatter anybody.
pub fn value(seed: u64) -> bytes::Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let bytes = (0..VALUE_BYTES).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    bytes.collect()
}

pub fn put(key: Key, value: bytes::Bytes) -> Transaction {
    Transaction::one(key, Expect::default(), Change::Put { uid: Uid::default(), value })
}

/// Creates `count` objects and waits until they are durable.
pub async fn fill(store: &Store, count: usize) {
    const WRITERS: usize = 64;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            for n in (writer..count).step_by(WRITERS) {
                let key = Key::new(&pods(), &format!("namespace-{}", n % 100), &format!("object-{n:08}"));
                store.commit(put(key, value(n as u64))).await.expect("a write");
            }
        });
    }
    writers.join_all().await;
}
