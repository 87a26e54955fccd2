//! Directories: what is in them, and how objects get into one without a server.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keelson_api::time::{Clock, UnixMillis};
use keelson_api::uid::Uid;
use keelson_store::Store;
use keelson_store::key::{Key, ResourceName};
use keelson_store::options::Options;
use keelson_store::transaction::Transaction;
use keelson_store_embedded::Embedded;

/// Everything below a directory: kinds, modes and contents (as lengths and sums) by path. Who holds a lock, or held it
/// last, is no content.
pub(crate) fn contents(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    add(dir, &mut all);
    all
}

fn add(path: &Path, all: &mut BTreeMap<PathBuf, String>) {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
    let kind = metadata.file_type();
    let content = match () {
        () if kind.is_dir() => "directory".to_owned(),
        () if kind.is_socket() => "socket".to_owned(),
        () if path.file_name().is_some_and(|name| name == "lock") => "lock".to_owned(),
        () => sum(&std::fs::read(path).unwrap_or_default()),
    };
    all.insert(path.to_owned(), format!("{:o} {content}", metadata.mode()));
    if kind.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten() {
            add(&entry.unwrap().path(), all);
        }
    }
}

fn sum(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{} bytes, {:x}", bytes.len(), hasher.finish())
}

/// Puts `count` pod templates, of which a new cluster has none, into the store of a data directory that no server runs
/// on, one write each.
pub(crate) async fn fill(data_dir: &Path, count: u64) {
    let engine = Embedded::open(&data_dir.join("store"), keelson_store_embedded::Options::default()).unwrap();
    let engine = Arc::new(engine);
    let clock = Clock::new(|| UnixMillis(1_800_000_000_000));
    let store = Store::open(engine.clone(), Options::new(clock, 7)).await.unwrap();
    let resource = ResourceName::new("podtemplates");
    for n in 0..count {
        let key = Key::new(&resource, "default", &format!("c{n:05}"));
        let uid = Uid::from_random(u128::from(n).to_le_bytes());
        let value = format!("{{\"n\":{n}}}").into();
        store.commit(Transaction::create(key, uid, value)).await.unwrap();
    }
    store.close().await;
    engine.close();
}
