//! The opened directory: what is done when it is opened and closed, and the `Backend` that the store sees.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::oneshot;
use futures::stream;
use keelson_store::backend::{Appended, Backend, BackendError, Batches, Scan, Sharing, Usage};
use keelson_store::batch::Batch;
use keelson_store::image::Image;
use keelson_store::revision::Revision;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::base::Base;
use crate::compaction::{Compactor, When};
use crate::disk::Disk;
use crate::error::{OpenError, failed, missing};
use crate::format::{self, Found};
use crate::lock::{self, Lock};
use crate::log::Log;
use crate::manifest::{self, Manifest};
use crate::options::Options;
use crate::partition;
use crate::reader::Reader;
use crate::segment::{self, Segment};
use crate::spares::Spares;
use crate::survey::survey;
use crate::verify::{self, Report};

pub(crate) const LOG: &str = "log";
pub(crate) const BASE: &str = "base";

/// The embedded engine on one directory, which it has for itself. Closed when it is dropped.
///
/// Whatever is read (`log`, `scan`) is read and decoded when the stream is polled, on the thread that polls it: the
/// parts of a scan are read in parallel by polling them on several threads, and a thread that polls may have to wait
/// for the disk.
#[derive(Debug)]
pub struct Embedded {
    files: Arc<Files>,
    compactions: Mutex<Option<Compactions>>,
    closed: watch::Sender<bool>,
    lock: Mutex<Option<Lock>>,
}

/// What the compacting thread shares with everybody else.
#[derive(Debug)]
struct Files {
    dir: PathBuf,
    base: Base,
    log: Log,
    compactor: Compactor,
}

/// The thread that compacts, and the way to it.
#[derive(Debug)]
struct Compactions {
    orders: mpsc::Sender<Order>,
    thread: JoinHandle<()>,
}

struct Order {
    image: Image,
    when: When,
    done: oneshot::Sender<Result<(), BackendError>>,
}

impl Embedded {
    /// Opens the store in `dir`, or makes one there if the directory is empty or does not exist.
    ///
    /// # Errors
    /// [`OpenError`] says in one line what is wrong, and what to do. Nothing in the directory is changed then.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_on(dir, options, &Arc::new(Disk::default()))
    }

    /// Makes a store in `dir` that holds `image` and whose history begins there, and closes it. The directory must
    /// be empty or not exist; if this does not come to its end, what is there then is no store.
    ///
    /// # Errors
    /// As for `open`.
    pub fn restore(dir: &Path, options: Options, image: &Image) -> Result<(), OpenError> {
        if format::look(dir)? == Found::Store {
            return Err(OpenError::Foreign { dir: dir.into(), found: "it holds a store already".to_owned() });
        }
        Self::open_or_begin(dir, options, &Arc::new(Disk::default()), image).map(drop)
    }

    pub(crate) fn open_on(dir: &Path, options: Options, disk: &Arc<Disk>) -> Result<Self, OpenError> {
        let nothing = Image { revision: Revision::GENESIS, ..Image::default() };
        Self::open_or_begin(dir, options, disk, &nothing)
    }

    /// Opens the store that is there, or else makes one with this in it.
    fn open_or_begin(
        dir: &Path,
        mut options: Options,
        disk: &Arc<Disk>,
        new: &Image,
    ) -> Result<Self, OpenError> {
        options.segment_bytes =
            options.segment_bytes.max(2 * segment::DATA_START).next_multiple_of(segment::DATA_START);
        format::look(dir)?;
        disk.create_dir(dir).map_err(|error| OpenError::access("create the directory", dir, error))?;
        let lock = lock::take(dir)?;
        // Asked again now that nobody else can be making one.
        if format::look(dir)? == Found::Nothing {
            format::write(disk, dir)?;
        }
        let files = Arc::new(Files::open(dir, options, disk, new)?);
        let compactions = Compactions::start(files.clone())
            .map_err(|error| OpenError::access("start a thread for", dir, error))?;
        Ok(Self {
            files,
            compactions: Mutex::new(Some(compactions)),
            closed: watch::Sender::new(false),
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Like [`Backend::compact`], but at once and completely: the floor *is* `image.revision` afterwards.
    ///
    /// # Errors
    /// As there.
    pub async fn compact_now(&self, image: &Image) -> Result<(), BackendError> {
        self.order(image, When::AtOnce).await
    }

    async fn order(&self, image: &Image, when: When) -> Result<(), BackendError> {
        let (done, answer) = oneshot::channel();
        let order = Order { image: image.clone(), when, done };
        let sent = self.compactions.lock().as_ref().is_some_and(|thread| thread.orders.send(order).is_ok());
        match sent {
            true => answer.await.unwrap_or_else(|_| Err(closed())),
            false => Err(closed()),
        }
    }

    /// Reads everything and checks every checksum, while the engine goes on working.
    ///
    /// # Errors
    /// Only if the system refuses; damage is in the report.
    pub fn verify(&self) -> Result<Report, BackendError> {
        // In this order: a floor that moves in between only makes the log longer than needed.
        let pieces = self.files.log.settled()?.clone();
        Ok(verify::check(&self.files.base.manifest(), &pieces))
    }

    /// Like `verify`, on a directory that nobody has open. Changes nothing.
    ///
    /// # Errors
    /// If `dir` is no store of this version or is in use, or the system refuses; damage is in the report.
    pub fn verify_dir(dir: &Path) -> Result<Report, OpenError> {
        verify::check_dir(dir)
    }

    /// Writes what a peaceful end has to say, and lets go of the directory. What is asked for afterwards is refused.
    pub fn close(&self) {
        self.files.compactor.stop();
        if let Some(Compactions { orders, thread }) = self.compactions.lock().take() {
            drop(orders);
            if thread.join().is_err() {
                tracing::error!(dir = %self.files.dir.display(), "the compacting thread has panicked");
            }
        }
        self.files.log.close();
        self.closed.send_replace(true);
        drop(self.lock.lock().take());
    }

    fn check_open(&self) -> Result<(), BackendError> {
        if *self.closed.borrow() { Err(closed()) } else { Ok(()) }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> BackendError {
    BackendError::Unavailable("it has been closed".to_owned())
}

impl Compactions {
    fn start(files: Arc<Files>) -> std::io::Result<Self> {
        let (orders, received) = mpsc::channel::<Order>();
        let work = move || {
            for order in received {
                let result = files.compactor.compact(&files.base, &files.log, &order.image, order.when);
                if let Err(error) = &result {
                    tracing::warn!(%error, "the log could not be folded into the base");
                }
                // Whoever has stopped waiting does not need the answer.
                let _ = order.done.send(result);
            }
        };
        let thread = std::thread::Builder::new().name("compaction".to_owned()).spawn(work)?;
        Ok(Self { orders, thread })
    }
}

impl Files {
    fn open(dir: &Path, options: Options, disk: &Arc<Disk>, new: &Image) -> Result<Self, BackendError> {
        let base_dir = dir.join(BASE);
        let spares = Arc::new(Spares::new(&dir.join(LOG), disk, options.segment_bytes));
        if Manifest::read(disk, dir, &base_dir)?.is_none() {
            check_empty(dir, &spares)?;
            begin(dir, options, &spares, new)?;
        }
        let manifest = Manifest::read(disk, dir, &base_dir)?.ok_or_else(|| missing(&manifest::path(dir)))?;
        let found = survey(manifest.floor, &spares)?;
        manifest.partitions.iter().try_for_each(|partition| partition.check_length())?;
        // Everything that counts is there and in order. But what has been read may be in the system's cache only; it
        // must be on the disk before anything is built on it, or removed because of it.
        disk.sync_dir(dir).map_err(|error| failed("sync", dir, error))?;
        let log = Log::open(spares, found, options.prepare_segments)?;
        let compactor = Compactor::new(options, &manifest);
        let base = Base::new(dir, &base_dir, disk, manifest);
        for orphan in base.orphans()? {
            disk.remove(&orphan).map_err(|error| failed("remove", &orphan, error))?;
        }
        Ok(Self { dir: dir.into(), base, log, compactor })
    }
}

/// A directory without a manifest is one that was never finished, if it holds nothing, or has been robbed of it.
fn check_empty(dir: &Path, spares: &Arc<Spares>) -> Result<(), BackendError> {
    let first = Revision::GENESIS.plus(1);
    for place in [spares.dir(), &dir.join(BASE)] {
        spares.disk().create_dir(place).map_err(|error| failed("create the directory", place, error))?;
        let io = |error| failed("read the directory", place, error);
        for entry in std::fs::read_dir(place).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let counts = |end: &OsStr| end == segment::EXTENSION || end == partition::EXTENSION;
            let begun = path == segment::path(spares.dir(), first);
            if path.extension().is_some_and(counts)
                && !(begun && Segment::open(first, spares)?.0.is_empty()?)
            {
                return Err(missing(&manifest::path(dir)));
            }
        }
    }
    Ok(())
}

/// Fills a new store's directory. The manifest comes last.
fn begin(dir: &Path, options: Options, spares: &Arc<Spares>, new: &Image) -> Result<(), BackendError> {
    let (nothing, first) = (Manifest::empty(), new.revision.plus(1));
    spares.begin(first, 0).map_err(|error| failed("create", &segment::path(spares.dir(), first), error))?;
    let compactor = Compactor::new(options, &nothing);
    compactor.fill(&Base::new(dir, &dir.join(BASE), spares.disk(), nothing), new)
}

#[async_trait]
impl Backend for Embedded {
    fn sharing(&self) -> Sharing {
        Sharing::Exclusive
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        self.check_open()?;
        self.files.log.head()
    }

    async fn append(&self, batch: &Arc<Batch>) -> Appended {
        self.files.log.append(batch)
    }

    async fn log(&self, after: Revision) -> Result<Batches, BackendError> {
        self.check_open()?;
        let reader = Reader::new(&self.files.log.settled()?, after, None);
        // Asked after the log: what is folded from now on, the reader has already.
        let floor = self.files.base.manifest().floor;
        if after < floor {
            return Err(BackendError::Compacted { floor });
        }
        Ok(stream::iter(reader).boxed())
    }

    async fn scan(&self) -> Result<Scan, BackendError> {
        self.check_open()?;
        let manifest = self.files.base.manifest();
        let at = manifest.floor;
        let parts =
            manifest.partitions.iter().map(|partition| stream::iter(partition.runs(at)).boxed()).collect();
        Ok(Scan { at, parts })
    }

    async fn compact(&self, image: &Image) -> Result<(), BackendError> {
        self.order(image, When::ItPays).await
    }

    async fn advanced(&self, _past: Revision) -> Result<Revision, BackendError> {
        // Nobody else writes here.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
        Err(closed())
    }

    async fn usage(&self) -> Result<Usage, BackendError> {
        let manifest = self.files.base.manifest();
        let dir = &self.files.dir;
        let system = rustix::fs::statvfs(dir)
            .map_err(|error| failed("ask for the room left in", dir, error.into()))?;
        Ok(Usage {
            floor: manifest.floor,
            log_bytes: self.files.log.bytes()?,
            base_bytes: manifest.bytes(),
            free_bytes: Some(system.f_bavail * system.f_frsize),
        })
    }
}
