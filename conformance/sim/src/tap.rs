//! The backend in memory, with somebody who looks on at what is committed, write by write.

use std::sync::Arc;

use async_trait::async_trait;
use keelson_store::backend::{Appended, Backend, BackendError, Batches, Scan, Sharing, Usage};
use keelson_store::batch::{Batch, Write};
use keelson_store::image::Image;
use keelson_store::memory::Memory;
use keelson_store::revision::Revision;
use parking_lot::Mutex;
use serde_json::Value;

use crate::history::History;

pub(crate) struct Tap {
    inner: Memory,
    history: Arc<Mutex<History>>,
}

impl Tap {
    pub(crate) fn new(history: Arc<Mutex<History>>) -> Self {
        Self { inner: Memory::new(), history }
    }

    fn told(&self, batch: &Batch) {
        let mut history = self.history.lock();
        for (number, write) in (1..).zip(&batch.writes) {
            let revision = batch.base.plus(number).0;
            let new = match write {
                Write::Put(_, object) => read(object.value()).map(|value| (value, object.value())),
                Write::Delete(_) => None,
            };
            if let (Write::Put(..), None) = (write, &new) {
                // The server's own records are no objects.
                continue;
            }
            history.wrote(revision, write.resource().as_str(), write.path(), new);
        }
    }
}

/// The JSON of an object as the API server stores it, behind a header whose form `apiserver/src/stored.rs` gives.
fn read(stored: &[u8]) -> Option<Value> {
    let [2, length, rest @ ..] = stored else { return None };
    let rest = rest.get(usize::from(*length) + 4..)?;
    let (values, mut rest) = rest.split_first()?;
    for _ in 0..*values {
        let (length, after) = rest.split_first_chunk()?;
        rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
    }
    serde_json::from_slice(rest).ok()
}

#[async_trait]
impl Backend for Tap {
    fn sharing(&self) -> Sharing {
        self.inner.sharing()
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        self.inner.head().await
    }

    async fn append(&self, batch: &Arc<Batch>) -> Appended {
        let appended = self.inner.append(batch).await;
        if matches!(appended, Appended::Committed) {
            self.told(batch);
        }
        appended
    }

    async fn log(&self, after: Revision) -> Result<Batches, BackendError> {
        self.inner.log(after).await
    }

    async fn scan(&self) -> Result<Scan, BackendError> {
        self.inner.scan().await
    }

    async fn compact(&self, image: &Image) -> Result<(), BackendError> {
        self.inner.compact(image).await
    }

    async fn advanced(&self, past: Revision) -> Result<Revision, BackendError> {
        self.inner.advanced(past).await
    }

    async fn usage(&self) -> Result<Usage, BackendError> {
        self.inner.usage().await
    }
}
