//! The contract that every backend keeps to.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use keelson_store::backend::Backend;
use keelson_store::contract::{self, Place};
use keelson_store_embedded::{Embedded, Options};
use tempfile::TempDir;

use crate::model::{run, scratch};

struct Directory(TempDir, Options);

#[async_trait]
impl Place for Directory {
    async fn open(&self) -> Arc<dyn Backend> {
        let dir: &Path = self.0.path();
        Arc::new(Embedded::open(dir, self.1).expect("the directory opens"))
    }
}

fn check(options: Options, seeds: std::ops::Range<u64>) {
    let fresh = move || -> Arc<dyn Place> { Arc::new(Directory(scratch(), options)) };
    run(contract::check(&fresh, seeds));
}

#[test]
fn as_it_comes() {
    check(Options { prepare_segments: false, ..Options::default() }, 0..40);
}

#[test]
fn with_small_files_and_eager_folds() {
    let options = Options {
        segment_bytes: 8 << 10,
        partition_bytes: 1 << 10,
        fold_bytes_min: 0,
        prepare_segments: true,
    };
    check(options, 40..240);
}
