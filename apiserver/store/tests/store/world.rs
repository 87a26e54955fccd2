//! A small world under one seed: stores on one history, faults between them and it, clients that call them and
//! mirrors that watch them, crashes and outages. Everything that anybody was told is written down, and judged once it
//! is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{FutureExt, LocalBoxFuture, try_join_all};
use keelson_api::time::{Clock, UnixMillis};
use keelson_store::backend::{Appended, Backend, BackendError, Batches, Scan, Sharing, Usage};
use keelson_store::batch::Batch;
use keelson_store::contract::{Broken, History, Outcome};
use keelson_store::fault::{Faulty, Plan, Random};
use keelson_store::image::Image;
use keelson_store::index::IndexDefinition;
use keelson_store::key::ResourceName;
use keelson_store::memory::Memory;
use keelson_store::options::{CommitterRuns, Limits, Options, Retention};
use keelson_store::revision::Revision;
use keelson_store::signal::Signal;
use keelson_store::watch::{Scope, Watch};
use keelson_store::{At, Store};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::clients::{Call, Lie, client, last_word};
use crate::flawed::{Flaw, Flawed};
use crate::mirrors::{Session, Tap, mirror};
use crate::model::colors;
use crate::seeds::{interleaved, really};
use crate::verdict::judge;

/// What a world is like.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// How many stores there are on the one history.
    pub(crate) stores: usize,
    /// How many clients call each store, and how often each.
    pub(crate) clients: usize,
    pub(crate) calls: u64,
    /// How many mirrors watch each store.
    pub(crate) mirrors: usize,
    pub(crate) plan: Plan,
    /// Whether history is folded all the time.
    pub(crate) forgetful: bool,
    /// Whether stores crash, are closed and opened again.
    pub(crate) crashes: bool,
    /// Whether there are times in which next to nothing gets through.
    pub(crate) outages: bool,
    /// What is wrong below the stores, and above them.
    pub(crate) flaw: Flaw,
    pub(crate) lie: Lie,
    pub(crate) tap: Tap,
    /// Whether so many watch each store that events are brought to them aside.
    pub(crate) crowded: bool,
    /// Whether stores commit on threads of their own. Time is then that of the machine.
    pub(crate) threads: bool,
}

impl World {
    /// One store in which nothing goes wrong.
    pub(crate) fn calm() -> Self {
        Self {
            stores: 1,
            clients: 4,
            calls: 25,
            mirrors: 3,
            plan: Plan::calm(),
            forgetful: false,
            crashes: false,
            outages: false,
            flaw: Flaw::None,
            lie: Lie::None,
            tap: Tap::None,
            crowded: false,
            threads: false,
        }
    }

    /// One store in which everything goes wrong.
    pub(crate) fn rough() -> Self {
        Self { plan: Plan::rough(), forgetful: true, crashes: true, outages: true, ..Self::calm() }
    }

    /// The same with this many stores, and as many clients as before in all.
    pub(crate) fn with(self, stores: usize) -> Self {
        Self { stores, clients: self.clients.div_ceil(stores), ..self }
    }
}

/// How long anything may take once all is well again.
const WELL_AGAIN: Duration = Duration::from_secs(120);
/// More watches than a committer serves by itself.
const CROWD: usize = 100;
/// How long a world may last.
const WORLD_MAX: Duration = Duration::from_secs(1000);
/// More calls of a backend than any world of this size has a reason for.
const BACKEND_CALLS_MAX: u64 = 100_000;

/// Lives through the world that `seed` makes of `world`.
pub(crate) fn live(world: &World, seed: u64) -> Outcome<Vec<Call>> {
    let world = world.clone();
    let threads = world.threads;
    let life = async {
        let run = Run::new(world, seed);
        let outcome = timeout(WORLD_MAX, run.all()).await;
        let outcome = outcome.unwrap_or_else(|_| Err(Broken("the world stands still".to_owned())));
        let calls = run.calls.lock().clone();
        outcome.map(|()| calls).map_err(|Broken(why)| Broken(format!("{why}{}", run.journal())))
    };
    let turns = *Random::new(seed).pick(&[1, 2, 5, 61]);
    if threads { really(life) } else { interleaved(turns, life) }
}

pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) seed: u64,
    pub(crate) truth: Arc<Truth>,
    pub(crate) sites: Vec<Site>,
    pub(crate) calls: Mutex<Vec<Call>>,
    pub(crate) sessions: Mutex<Vec<Session>>,
    ticks: AtomicU64,
    /// The latest revision that anybody has been told of.
    known: AtomicU64,
    /// The last revision, once the clients are done.
    pub(crate) last: Signal<Option<Revision>>,
}

/// Where a store runs.
pub(crate) struct Site {
    options: Options,
    up: Arc<Signal<Up>>,
    /// Every wrapper there ever was here.
    faulty: Mutex<Vec<Arc<Faulty>>>,
    /// Those who watch what never happens.
    crowd: Mutex<Vec<Watch>>,
}

/// Whether a store runs.
#[derive(Clone, Debug)]
enum Up {
    /// It does; how many have run here before tells it from them.
    Yes(Store, usize),
    /// It answers what it has been asked.
    Closing(usize),
    No,
}

/// Tells when one store does not run any more.
pub(crate) struct Down {
    up: Arc<Signal<Up>>,
    number: usize,
}

impl Down {
    /// Waits until it crashes, or has answered everybody.
    pub(crate) async fn wait(&mut self) {
        let number = self.number;
        let down = |up: &Up| !matches!(up, Up::Yes(_, up) | Up::Closing(up) if *up == number);
        self.up.wait_for(down).await;
    }

    /// Whether it has a reason to say that it is closed.
    pub(crate) fn may_be_closed(&self) -> bool {
        !matches!(self.up.get(), Up::Yes(_, up) if up == self.number)
    }
}

/// What a store answered.
pub(crate) struct Answer<T> {
    pub(crate) answer: T,
    /// Whether it had a reason to say that it is closed.
    pub(crate) may_be_closed: bool,
}

impl Run {
    fn new(world: World, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let truth = Arc::new(Truth::new(if world.stores > 1 { Memory::shared() } else { Memory::new() }));
        let started = Instant::now();
        let clock = Clock::new(move || UnixMillis(1 + started.elapsed().as_millis() as u64));
        let color =
            IndexDefinition::new("color", |object, found| colors(object.value()).into_iter().for_each(found));
        let sites = (0..world.stores).map(|site| {
            let options = Options {
                clock: clock.clone(),
                writer: 1000 * (site as u64 + 1),
                committer: if world.threads { CommitterRuns::OnThread } else { CommitterRuns::AsTask },
                limits: Limits {
                    batch_writes_max: *random.pick(&[3, 8, 100]),
                    waiting_transactions_max: *random.pick(&[1, 4, 100]),
                    watch_events_max: *random.pick(&[6, 1000]),
                    dispatch_batches_max: *random.pick(&[1, 100]),
                    frozen_tables_max: 2,
                    unknown_outcome_after: Duration::from_millis(*random.pick(&[100, 3000])),
                    ..Limits::default()
                },
                retention: Retention {
                    age: Duration::from_millis(if world.forgetful {
                        *random.pick(&[100, 1000])
                    } else {
                        1 << 40
                    }),
                    bytes_max: if world.forgetful { *random.pick(&[2 << 10, 1 << 30]) } else { 1 << 30 },
                },
                indexes: [(ResourceName::new("pods"), vec![color.clone()])].into(),
            };
            Site {
                options,
                up: Arc::new(Signal::new(Up::No)),
                faulty: Mutex::default(),
                crowd: Mutex::default(),
            }
        });
        let sites = sites.collect();
        Self {
            world,
            seed,
            truth,
            sites,
            calls: Mutex::default(),
            sessions: Mutex::default(),
            ticks: AtomicU64::new(1),
            known: AtomicU64::new(Revision::GENESIS.0),
            last: Signal::new(None),
        }
    }

    async fn all(&self) -> Outcome {
        let mut random = Random::new(self.seed ^ 0x5eed);
        for site in &self.sites {
            site.open(self, &mut random).await?;
        }
        let done = Signal::new(false);
        let (mut mirrors, mut others): (Vec<LocalBoxFuture<'_, Outcome>>, Vec<_>) = (Vec::new(), Vec::new());
        for (place, site) in self.sites.iter().enumerate() {
            for number in 0..self.world.mirrors {
                mirrors.push(mirror(self, place, number, Random::new(random.draw())).boxed_local());
            }
            others.push(self.disturb(site, Random::new(random.draw()), &done).boxed_local());
        }
        let clients = (0..self.world.stores * self.world.clients)
            .map(|number| client(self, number % self.world.stores, number, Random::new(random.draw())));
        let clients: Vec<_> = clients.collect();
        let calling = async {
            try_join_all(clients).await?;
            done.replace(true);
            Ok(())
        };
        others.push(calling.boxed_local());
        let living = async {
            try_join_all(others).await?;
            self.recover().await
        };
        mirrors.push(living.boxed_local());
        try_join_all(mirrors).await?;
        judge(self)
    }

    /// Crashes, closings, openings and outages, until the clients are done.
    async fn disturb(&self, site: &Site, mut random: Random, done: &Signal<bool>) -> Outcome {
        loop {
            let quiet = Duration::from_millis(random.between(20, 400));
            if timeout(quiet, done.wait_for(|done| *done)).await.is_ok() {
                return Ok(());
            }
            if self.world.crashes && random.chance(400) {
                site.go_down(random.chance(500)).await;
                sleep(Duration::from_millis(random.between(0, 50))).await;
                site.open(self, &mut random).await?;
            } else if self.world.outages && random.chance(300) {
                let faulty = site.faulty.lock().last().cloned().expect("pushed when opened");
                let dead =
                    Plan { read: 1000, lost_before: 500, lost_after: 1000, compact: 1000, ..Plan::rough() };
                faulty.follow(dead);
                let dead_for = Duration::from_millis(random.between(10, 5000));
                if timeout(dead_for, done.wait_for(|done| *done)).await.is_ok() {
                    return Ok(());
                }
                faulty.follow(self.world.plan.clone());
            }
        }
    }

    /// All is well again: now every store must come to show the same, and every mirror it.
    async fn recover(&self) -> Outcome {
        for site in &self.sites {
            let faulty = site.faulty.lock().clone();
            for faulty in faulty {
                faulty.heal().await;
            }
        }
        for site in 0..self.sites.len() {
            let word = timeout(WELL_AGAIN, last_word(self, site)).await;
            word.unwrap_or_else(|_| Err(Broken(format!("store {site} has lost its voice"))))?;
        }
        let head = self.truth.head_now();
        self.last.replace(Some(head));
        for (place, site) in self.sites.iter().enumerate() {
            let (store, _) = site.store().await;
            let latest = timeout(WELL_AGAIN, store.list(&ResourceName::new("pods"), At::Latest)).await;
            match latest {
                Ok(Ok(snapshot)) if snapshot.revision == head => {}
                other => return Err(Broken(format!("store {place} does not come to {head}: {other:?}"))),
            }
        }
        Ok(())
    }

    /// A moment that is later than every one before.
    pub(crate) fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn known(&self) -> Revision {
        Revision(self.known.load(Ordering::Relaxed))
    }

    pub(crate) fn know(&self, revision: Revision) {
        self.known.fetch_max(revision.0, Ordering::Relaxed);
    }

    /// What went wrong as planned, for those who have to find out what did not.
    fn journal(&self) -> String {
        let mut text = format!("\n  world: {:?}", self.world);
        for (place, site) in self.sites.iter().enumerate() {
            let lines: Vec<_> = site.faulty.lock().iter().flat_map(|faulty| faulty.journal()).collect();
            text += &format!("\n  faults below store {place}:\n    {}", lines.join("\n    "));
        }
        text
    }
}

impl Site {
    async fn open(&self, run: &Run, random: &mut Random) -> Outcome {
        let inner = Flawed::around(run.truth.clone(), run.world.flaw);
        let faulty = Arc::new(Faulty::new(inner, random.draw(), run.world.plan.clone()));
        let before = {
            let mut wrappers = self.faulty.lock();
            wrappers.push(faulty.clone());
            wrappers.len() - 1
        };
        if run.world.stores == 1 && before > 0 {
            // Who has the history to himself takes along what is still on its way when he goes.
            self.faulty.lock()[before - 1].give_up();
        }
        let options = Options { writer: self.options.writer + random.below(1 << 40), ..self.options.clone() };
        // A backend that fails now and then lets a store open at last.
        for _ in 0..100 {
            match Store::open(faulty.clone(), options.clone()).await {
                Ok(store) => {
                    let watched = (0..if run.world.crowded { CROWD } else { 0 }).filter_map(|_| {
                        store.watch(Scope::all(&ResourceName::new("unheard-of")), store.revision()).ok()
                    });
                    *self.crowd.lock() = watched.collect();
                    self.up.replace(Up::Yes(store, self.faulty.lock().len()));
                    return Ok(());
                }
                Err(keelson_store::OpenError::Backend(BackendError::Unavailable(_))) => {
                    sleep(Duration::from_millis(10)).await;
                }
                Err(error) => return Err(Broken(format!("the store does not open: {error}"))),
            }
        }
        Err(Broken("the store does not open".to_owned()))
    }

    async fn go_down(&self, in_order: bool) {
        let Up::Yes(store, number) = self.up.replace(Up::No) else { return };
        if in_order {
            self.up.replace(Up::Closing(number));
            store.close().await;
            self.up.replace(Up::No);
        }
    }

    /// The store, as soon as one runs, and how to know that it does no more.
    pub(crate) async fn store(&self) -> (Store, Down) {
        match self.up.wait_for(|up| matches!(up, Up::Yes(..))).await {
            Up::Yes(store, number) => (store, Down { up: self.up.clone(), number }),
            Up::Closing(_) | Up::No => unreachable!("waited for the other"),
        }
    }

    /// Calls the store as soon as one runs. Nothing comes back if it crashes meanwhile.
    pub(crate) async fn call<T>(&self, call: impl AsyncFnOnce(Store) -> T) -> Option<Answer<T>> {
        let (store, mut down) = self.store().await;
        tokio::select! {
            biased;
            answer = call(store) => Some(Answer { answer, may_be_closed: down.may_be_closed() }),
            () = down.wait() => None,
        }
    }
}

/// The one history, and all of it: what is folded away below is still known here.
pub(crate) struct Truth {
    memory: Memory,
    batches: Mutex<Vec<Arc<Batch>>>,
    calls: AtomicU64,
}

impl Truth {
    fn new(memory: Memory) -> Self {
        Self { memory, batches: Mutex::default(), calls: AtomicU64::default() }
    }

    pub(crate) fn head_now(&self) -> Revision {
        self.batches.lock().last().map_or(Revision::GENESIS, |batch| batch.head())
    }

    pub(crate) fn history(&self) -> History {
        let mut history = History::new(0);
        self.batches.lock().iter().for_each(|batch| history.push(batch.clone()));
        history
    }

    /// Ends a test that would turn in circles for ever, where virtual time does not pass.
    fn count(&self) {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        assert!(calls < BACKEND_CALLS_MAX, "the stores ask the backend over and over");
    }
}

#[async_trait]
impl Backend for Truth {
    fn sharing(&self) -> Sharing {
        self.memory.sharing()
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        self.count();
        self.memory.head().await
    }

    async fn append(&self, batch: &Arc<Batch>) -> Appended {
        self.count();
        let appended = self.memory.append(batch).await;
        if matches!(appended, Appended::Committed) {
            self.batches.lock().push(batch.clone());
        }
        appended
    }

    async fn log(&self, after: Revision) -> Result<Batches, BackendError> {
        self.count();
        self.memory.log(after).await
    }

    async fn scan(&self) -> Result<Scan, BackendError> {
        self.count();
        self.memory.scan().await
    }

    async fn compact(&self, image: &Image) -> Result<(), BackendError> {
        self.count();
        self.memory.compact(image).await
    }

    async fn advanced(&self, past: Revision) -> Result<Revision, BackendError> {
        self.count();
        self.memory.advanced(past).await
    }

    async fn usage(&self) -> Result<Usage, BackendError> {
        self.memory.usage().await
    }
}
