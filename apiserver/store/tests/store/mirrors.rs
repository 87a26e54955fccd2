//! Those who watch: each keeps a copy of a part of a resource by listing it once and following its events, as the
//! clients of an API server do. A copy knows by itself when an event is missing, comes twice or out of order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keelson_store::backend::BackendError;
use keelson_store::contract::{Broken, Outcome};
use keelson_store::event::{Event, EventKind, Notification};
use keelson_store::fault::Random;
use keelson_store::key::ResourceName;
use keelson_store::object::Object;
use keelson_store::replica::OutOfRange;
use keelson_store::revision::Revision;
use keelson_store::table::Table;
use keelson_store::watch::{Part, Scope, Watch, WatchEnd};
use keelson_store::{At, ReadError};
use tokio::time::{Instant, sleep};

use crate::model::colors;
use crate::world::{Down, Run, Site};
use crate::{holds, same};

/// How long a mirror may lag behind once all is well again.
const LAST_EVENT_AFTER: Duration = Duration::from_secs(120);

/// How often a mirror that hears nothing looks whether it is done.
const LOOK_UP_AFTER: Duration = Duration::from_millis(20);

/// What somebody does to the events between the store and the mirrors, to see whether these notice. Whatever it is,
/// it begins with the event of this number that a mirror is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tap {
    None,
    Drops(usize),
    Repeats(usize),
    /// It and the one after it change places.
    Swaps(usize),
    /// Updates bring what they replace.
    ServesOld(usize),
}

/// A copy of a part of a resource.
pub(crate) struct Copy {
    scope: Scope,
    held: BTreeMap<Box<str>, Object>,
    pub(crate) seen: Revision,
}

impl Copy {
    pub(crate) fn of(scope: Scope, table: &Table, revision: Revision) -> Self {
        let held = part(&scope, table);
        Self { scope, held, seen: revision }
    }

    /// Follows an event, which must be the next that there can be.
    pub(crate) fn follow(&mut self, event: &Event) -> Outcome {
        let (path, revision) = (event.object.path(), event.revision);
        holds(|| format!("event {revision} comes after {}", self.seen), revision > self.seen)?;
        self.seen = revision;
        let before = event.before().filter(|object| inside(&self.scope, object));
        let after = event.after().filter(|object| inside(&self.scope, object));
        holds(|| format!("{event:?} is none of {:?}", self.scope), before.is_some() || after.is_some())?;
        same("what an event replaces", self.held.get(path), before)?;
        let consistent = match event.kind {
            EventKind::Created => event.previous.is_none() && event.object.created() == revision,
            EventKind::Updated => event.previous.is_some(),
            EventKind::Deleted => event.previous.is_none() && event.object.revision() < revision,
        };
        holds(|| format!("{event:?} contradicts itself"), consistent)?;
        match after {
            Some(object) => {
                same("the revision of what an event brings", object.revision(), revision)?;
                self.held.insert(path.into(), object.clone())
            }
            None => self.held.remove(path),
        };
        Ok(())
    }

    /// Compares the copy with what is there.
    pub(crate) fn compare(&self, table: &Table) -> Outcome {
        same("a mirror in the end", &self.held, &part(&self.scope, table))
    }
}

fn part(scope: &Scope, table: &Table) -> BTreeMap<Box<str>, Object> {
    let objects = table.iter().filter(|object| inside(scope, object));
    objects.map(|object| (object.path().into(), object.clone())).collect()
}

pub(crate) fn inside(scope: &Scope, object: &Object) -> bool {
    match &scope.part {
        Part::All => true,
        Part::Namespace(namespace) => object.path().starts_with(&format!("{namespace}/")),
        Part::Path(path) => object.path() == &**path,
        Part::Index { value, .. } => colors(object.value()).contains(&&**value),
    }
}

/// What one watch told its mirror.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) scope: Scope,
    pub(crate) after: Revision,
    pub(crate) events: Vec<Revision>,
    /// Up to where the watch said that there was nothing else, and after how many events.
    pub(crate) claims: Vec<(Revision, usize)>,
}

/// Mirrors a part of a resource through everything that happens, until there will be no more.
pub(crate) async fn mirror(run: &Run, site: usize, number: usize, mut random: Random) -> Outcome {
    let resource = ResourceName::new(if number == 0 { "nodes" } else { "pods" });
    let part = match number {
        0 | 1 => Part::All,
        _ => match random.below(4) {
            0 => Part::Namespace((*random.pick(&["a", "b"])).into()),
            1 => Part::Path("a/x".into()),
            _ => Part::Index { name: "color", value: (*random.pick(&["red", "green"])).into() },
        },
    };
    let slow = random.chance(300);
    let mirror = Mirror { run, site: &run.sites[site], scope: Scope { resource, part }, random, slow };
    mirror.run().await
}

struct Mirror<'a> {
    run: &'a Run,
    site: &'a Site,
    scope: Scope,
    random: Random,
    /// Whether it takes its time, and so may be cut off.
    slow: bool,
}

/// How a watch went out.
enum Went {
    /// It can be begun again where it ended.
    On,
    /// What lies between is gone.
    Stale,
    /// There will be no more.
    Out,
}

impl Mirror<'_> {
    async fn run(mut self) -> Outcome {
        let mut copy = None;
        let mut count = 0;
        loop {
            let Some(mut mirrored) = (match copy.take() {
                Some(copy) => Some(copy),
                None => self.list().await?,
            }) else {
                continue;
            };
            let (store, down) = self.site.store().await;
            let after = mirrored.seen;
            let watch = match store.watch(self.scope.clone(), after) {
                Ok(watch) => watch,
                Err(ReadError::OutOfRange(OutOfRange::Compacted { .. })) if self.run.world.forgetful => {
                    continue;
                }
                Err(other) => return Err(Broken(format!("a watch after {after} was answered with {other}"))),
            };
            drop(store);
            let session = Session { scope: self.scope.clone(), after, events: vec![], claims: vec![] };
            let mut tapped = Tapped { session, tap: self.run.world.tap, count, kept: None };
            let went = self.follow(watch, down, &mut mirrored, &mut tapped).await;
            count = tapped.count;
            self.run.sessions.lock().push(tapped.session);
            match went? {
                Went::On => copy = Some(mirrored),
                Went::Stale => {}
                Went::Out => return self.compare(&mirrored).await,
            }
        }
    }

    async fn list(&mut self) -> Outcome<Option<Copy>> {
        let at = *self.random.pick(&[At::Latest, At::Cached]);
        let list = self.site.call(async |store| store.list(&self.scope.resource, at).await).await;
        match list.map(|list| list.answer) {
            Some(Ok(snapshot)) => Ok(Some(Copy::of(self.scope.clone(), &snapshot.table, snapshot.revision))),
            None | Some(Err(ReadError::Closed(_) | ReadError::Backend(BackendError::Unavailable(_)))) => {
                sleep(Duration::from_millis(5)).await;
                Ok(None)
            }
            Some(Err(other)) => Err(Broken(format!("a list was answered with {other}"))),
        }
    }

    async fn follow(
        &mut self,
        mut watch: Watch,
        mut down: Down,
        copy: &mut Copy,
        tapped: &mut Tapped,
    ) -> Outcome<Went> {
        let mut overdue = None;
        loop {
            if self.slow {
                sleep(Duration::from_millis(self.random.between(0, 60))).await;
            }
            let progress = watch.progress();
            let claim = (progress, tapped.session.events.len());
            if tapped.session.claims.last() != Some(&claim) {
                tapped.session.claims.push(claim);
            }
            if let Some(end) = self.run.last.get() {
                if progress >= end {
                    return Ok(Went::Out);
                }
                let overdue = *overdue.get_or_insert_with(|| Instant::now() + LAST_EVENT_AFTER);
                holds(|| format!("{:?} does not come to {end}", self.scope), Instant::now() < overdue)?;
            }
            let next = tokio::select! {
                biased;
                next = watch.next() => next,
                () = down.wait() => return Ok(Went::On),
                () = sleep(LOOK_UP_AFTER) => continue,
            };
            match next {
                Ok(event) => tapped.pass(&event, copy)?,
                Err(WatchEnd::TooSlow) => return Ok(Went::On),
                Err(WatchEnd::Compacted) if self.run.world.forgetful => return Ok(Went::Stale),
                Err(WatchEnd::Closed) if down.may_be_closed() => return Ok(Went::On),
                Err(other) => return Err(Broken(format!("a watch ended: {other}"))),
            }
        }
    }

    async fn compare(&self, copy: &Copy) -> Outcome {
        let list = self.site.store().await.0.list(&self.scope.resource, At::Cached).await;
        let list = list.map_err(|error| Broken(format!("the last list was answered with {error}")))?;
        copy.compare(&list.table)
    }
}

/// What lies between a watch and its mirror.
struct Tapped {
    session: Session,
    tap: Tap,
    count: usize,
    kept: Option<Arc<Notification>>,
}

impl Tapped {
    fn pass(&mut self, event: &Arc<Notification>, copy: &mut Copy) -> Outcome {
        self.count += 1;
        match self.tap {
            Tap::Drops(at) if at == self.count => Ok(()),
            Tap::Repeats(at) if at == self.count => {
                self.on(event, copy)?;
                self.on(event, copy)
            }
            Tap::Swaps(at) if at == self.count => {
                self.kept = Some(event.clone());
                Ok(())
            }
            Tap::ServesOld(at) if at <= self.count && event.previous.is_some() => {
                let previous = event.previous.clone().expect("asked for above");
                self.on(&Event { object: previous, ..Event::clone(event) }, copy)
            }
            _ => {
                self.on(event, copy)?;
                self.kept.take().map_or(Ok(()), |kept| self.on(&kept, copy))
            }
        }
    }

    fn on(&mut self, event: &Event, copy: &mut Copy) -> Outcome {
        self.session.events.push(event.revision);
        copy.follow(event)
    }
}
