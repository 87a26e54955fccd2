//! Ours.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use futures::StreamExt;
use futures::executor::block_on;
use keelson_store::backend::{Appended, Backend};
use keelson_store::batch::Batch;
use keelson_store::image::Image;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use keelson_store_embedded::Options;

use super::Engine;

pub struct Embedded {
    engine: Arc<keelson_store_embedded::Embedded>,
    /// Folds go on beside the commits.
    folding: Option<JoinHandle<()>>,
}

impl Embedded {
    pub fn open(dir: &Path) -> Self {
        let engine = keelson_store_embedded::Embedded::open(dir, Options::default()).expect("it opens");
        Self { engine: Arc::new(engine), folding: None }
    }
}

impl Engine for Embedded {
    fn commit(&mut self, batch: &Arc<Batch>) {
        let appended = block_on(self.engine.append(batch));
        assert!(matches!(appended, Appended::Committed), "{appended:?}");
    }

    fn fold(&mut self, image: &Image, _changed: &[Object]) {
        if self.folding.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let (engine, image) = (self.engine.clone(), image.clone());
        self.folding = Some(std::thread::spawn(move || block_on(engine.compact(&image)).expect("it folds")));
    }

    fn settle(&mut self, image: &Image) {
        self.folding.take().map(|thread| thread.join().expect("it does not panic"));
        block_on(self.engine.compact_now(image)).expect("it folds");
    }

    fn head(&self) -> Revision {
        block_on(self.engine.head()).expect("a head")
    }

    fn scan(&self) -> Vec<Object> {
        let scan = block_on(self.engine.scan()).expect("a base");
        let count = scan.parts.len();
        let parts: Vec<_> = scan.parts.into_iter().map(|part| std::sync::Mutex::new(Some(part))).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut read = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = parts.get(place) else { return read };
                let mut part = part.lock().expect("nobody has panicked").take().expect("each is taken once");
                let mut objects = Vec::new();
                while let Some(run) = block_on(part.next()) {
                    objects.append(&mut run.expect("it is sound").objects);
                }
                read.push((place, objects));
            }
        };
        let mut read: Vec<(usize, Vec<Object>)> = std::thread::scope(|scope| {
            let other = scope.spawn(work);
            let mut read = work();
            read.extend(other.join().expect("it does not panic"));
            read
        });
        read.sort_by_key(|(place, _)| *place);
        assert_eq!(read.len(), count);
        read.into_iter().flat_map(|(_, objects)| objects).collect()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.folding.take().map(|thread| thread.join().expect("it does not panic"));
    }
}
