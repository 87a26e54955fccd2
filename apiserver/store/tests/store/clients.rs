//! Those who call the stores: what they do, and what they write down.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use keelson_api::uid::Uid;
use keelson_store::backend::BackendError;
use keelson_store::contract::{Broken, Outcome};
use keelson_store::fault::Random;
use keelson_store::key::{Key, ResourceName};
use keelson_store::object::Object;
use keelson_store::replica::OutOfRange;
use keelson_store::revision::Revision;
use keelson_store::transaction::{Change, CommitError, Committed, Expect, Operation, Transaction};
use keelson_store::{At, ReadError, Snapshot};

use crate::holds;
use crate::world::{Answer, Run, Site};

pub(crate) const KEYS: &[(&str, &str)] =
    &[("pods", "a/x"), ("pods", "a/y"), ("pods", "b/x"), ("nodes", "n1"), ("nodes", "n2"), ("nodes", "last")];
pub(crate) const COLORS: &[&str] = &["red", "green", "red,green", ""];

/// The first number of those who have the last word.
const LAST_WORD: usize = 1000;

/// What somebody does between the clients and the store, without their knowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    /// The most recent state is whatever is at hand.
    ReadsWhatIsAtHand,
    /// What a writer expects does not matter.
    IgnoresConditions,
    /// Every eighth transaction is made once more, a little later.
    MakesItTwice,
}

/// Something that a client was told.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) site: usize,
    pub(crate) began: u64,
    pub(crate) ended: u64,
    /// The latest revision that anybody had been told of when it began.
    pub(crate) known: Revision,
    /// The last one that there was when it ended.
    pub(crate) head: Revision,
    pub(crate) did: Did,
}

/// What the client did, and the answer.
#[derive(Clone, Debug)]
pub(crate) enum Did {
    Commit(Transaction, Result<Committed, CommitError>),
    Get(Key, At, Revision, Option<Object>),
    List(ResourceName, At, Snapshot),
}

/// Calls the store at a site, again and again, and takes its time in between.
pub(crate) async fn client(run: &Run, site: usize, number: usize, random: Random) -> Outcome {
    let mut client =
        Client { run, place: site, site: &run.sites[site], number, random, count: 0, seen: BTreeMap::new() };
    for _ in 0..run.world.calls {
        let pause = *client.random.pick(&[0, 0, 1, 5, 20]);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        client.call().await?;
    }
    Ok(())
}

/// Commits something once all is well again, so that nothing is left that nobody has looked at.
pub(crate) async fn last_word(run: &Run, site: usize) -> Outcome {
    let (number, random) = (LAST_WORD + site, Random::new(0));
    let mut client =
        Client { run, place: site, site: &run.sites[site], number, random, count: 0, seen: BTreeMap::new() };
    let key = Key { resource: ResourceName::new("nodes"), path: "last".into() };
    let change = Change::Put { uid: Uid::default(), value: format!("|{number}").into_bytes().into() };
    client.commit(Transaction::one(key, Expect::default(), change)).await?;
    let calls = run.calls.lock();
    let last = calls.last().map(|call| &call.did);
    holds(
        || format!("the last word of store {site} is {last:?}"),
        matches!(last, Some(Did::Commit(_, Ok(_)))),
    )
}

struct Client<'a> {
    run: &'a Run,
    place: usize,
    site: &'a Site,
    number: usize,
    random: Random,
    count: u64,
    /// The objects as this client saw them last.
    seen: BTreeMap<Key, Object>,
}

impl Client<'_> {
    async fn call(&mut self) -> Outcome {
        match self.random.below(100) {
            0..52 => {
                let key = self.key();
                let transaction = Transaction { operations: vec![self.operation(key)] };
                self.commit(transaction).await
            }
            52..64 => {
                let mut keys = vec![self.key(), self.key(), self.key()];
                keys.sort();
                keys.dedup();
                let operations = keys.into_iter().map(|key| self.operation(key)).collect();
                self.commit(Transaction { operations }).await
            }
            64..76 => self.get(At::Latest).await,
            76..80 => self.get(At::Cached).await,
            80..84 => self.get(At::AtLeast(self.run.known())).await,
            84..90 => self.list(At::Latest).await,
            90..94 => self.pages().await,
            _ if self.run.world.forgetful => self.compact().await,
            _ => self.list(At::Cached).await,
        }
    }

    fn key(&mut self) -> Key {
        let (resource, path) = *self.random.pick(&KEYS[..5]);
        Key { resource: ResourceName::new(resource), path: path.into() }
    }

    fn operation(&mut self, key: Key) -> Operation {
        let seen = self.seen.get(&key).cloned();
        let at_seen = seen.as_ref().map_or(Expect::ABSENT, |seen| Expect::at(seen.revision()));
        let mut uid = [0; 16];
        uid[..8].copy_from_slice(&self.random.draw().to_le_bytes());
        let fresh = Uid::from_random(uid);
        let kept = seen.map_or(fresh, |seen| seen.uid());
        self.count += 1;
        let color = *self.random.pick(COLORS);
        let value = Bytes::from(format!("{color}|{}.{}", self.number, self.count));
        let (expect, change) = match self.random.below(10) {
            0..2 => (Expect::ABSENT, Change::Put { uid: fresh, value }),
            2..5 => (at_seen, Change::Put { uid: kept, value }),
            5 => (Expect::default(), Change::Put { uid: kept, value }),
            6 => (Expect::PRESENT, Change::Delete),
            7 => (at_seen, Change::Delete),
            8 => (at_seen, Change::Check),
            _ => (*self.random.pick(&[Expect::ABSENT, Expect::PRESENT]), Change::Check),
        };
        Operation { key, expect, change }
    }

    fn see(&mut self, key: &Key, object: Option<&Object>) {
        match object {
            Some(object) => self.seen.insert(key.clone(), object.clone()),
            None => self.seen.remove(key),
        };
    }

    /// Begins to write a call down.
    fn begin(&self) -> (u64, Revision) {
        (self.run.tick(), self.run.known())
    }

    fn end(&self, (began, known): (u64, Revision), did: Did) {
        let call = Call {
            site: self.place,
            began,
            ended: self.run.tick(),
            known,
            head: self.run.truth.head_now(),
            did,
        };
        self.run.calls.lock().push(call);
    }

    async fn commit(&mut self, transaction: Transaction) -> Outcome {
        let begun = self.begin();
        let sent = self.sent(&transaction);
        let answer = self.site.call(async |store| store.commit(sent.clone()).await).await;
        if self.run.world.lie == Lie::MakesItTwice && self.count.is_multiple_of(8) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.site.call(async |store| store.commit(sent.clone()).await).await;
        }
        let crashed = || Err(CommitError::Unknown(BackendError::Unavailable("the store crashed".to_owned())));
        let crashed = || Answer { answer: crashed(), may_be_closed: true };
        let Answer { answer, may_be_closed } = answer.unwrap_or_else(crashed);
        match &answer {
            Ok(committed) => {
                self.run.know(committed.revision);
                for (operation, object) in transaction.operations.iter().zip(&committed.objects) {
                    let deleted = matches!(operation.change, Change::Delete);
                    self.see(&operation.key, object.as_ref().filter(|_| !deleted));
                }
            }
            Err(CommitError::Unmet(condition)) => self.see(&condition.key, condition.current.as_ref()),
            Err(CommitError::Closed(why)) => {
                holds(|| format!("the store ended by itself: {why}"), may_be_closed)?;
            }
            Err(CommitError::Refused(_) | CommitError::Unknown(_)) => {}
            Err(other) => return Err(Broken(format!("a transaction was answered with {other:?}"))),
        }
        self.end(begun, Did::Commit(transaction, answer));
        Ok(())
    }

    /// What the store gets to see of a transaction.
    fn sent(&self, transaction: &Transaction) -> Transaction {
        let mut sent = transaction.clone();
        if self.run.world.lie == Lie::IgnoresConditions {
            sent.operations.iter_mut().for_each(|operation| operation.expect = Expect::default());
        }
        sent
    }

    /// And of where to read.
    fn asked(&self, at: At) -> At {
        if self.run.world.lie == Lie::ReadsWhatIsAtHand { At::Cached } else { at }
    }

    async fn get(&mut self, at: At) -> Outcome {
        let (key, begun) = (self.key(), self.begin());
        let asked = self.asked(at);
        let answer = self.site.call(async |store| store.get(&key, asked).await).await;
        let Some((revision, object)) = self.answered(at, answer)? else { return Ok(()) };
        self.run.know(revision);
        self.see(&key, object.as_ref());
        self.end(begun, Did::Get(key, at, revision, object));
        Ok(())
    }

    async fn list(&mut self, at: At) -> Outcome {
        let (resource, begun) = (self.key().resource, self.begin());
        let answer = self.site.call(async |store| store.list(&resource, at).await).await;
        let Some(snapshot) = self.answered(at, answer)? else { return Ok(()) };
        self.run.know(snapshot.revision);
        self.end(begun, Did::List(resource, at, snapshot));
        Ok(())
    }

    /// Reads a list page by page, frozen at the revision of the first; each page is of the same list, or none at all.
    async fn pages(&mut self) -> Outcome {
        let resource = self.key().resource;
        let first = self.site.call(async |store| store.list(&resource, At::Latest).await).await;
        let Some(first) = self.answered(At::Latest, first)? else { return Ok(()) };
        self.run.know(first.revision);
        let (mut read, at) = (Vec::new(), At::Exactly(first.revision));
        loop {
            tokio::time::sleep(Duration::from_millis(self.random.between(0, 30))).await;
            let last = read.last().map(|object: &Object| object.path().to_owned());
            let page = self.site.call(async |store| store.list(&resource, at).await).await;
            let Some(page) = self.answered(at, page)? else { return Ok(()) };
            match page.table.range("", last.as_deref()).next() {
                Some(object) => read.push(object.clone()),
                None => break,
            }
        }
        let expected: Vec<_> = first.table.iter().cloned().collect();
        holds(
            || format!("pages at {}: expected {expected:?}, got {read:?}", first.revision),
            read == expected,
        )
    }

    async fn compact(&mut self) -> Outcome {
        let back = self.random.below(10);
        let compacted = async |store: keelson_store::Store| {
            let to = Revision(store.revision().0.saturating_sub(back)).max(store.floor());
            store.compact(to).await
        };
        let answer = self.site.call(compacted).await;
        self.answered(At::Latest, answer).map(|_| ())
    }

    /// The answer, or nothing where there is a good reason that there is none.
    fn answered<T>(&self, at: At, answer: Option<Answer<Result<T, ReadError>>>) -> Outcome<Option<T>> {
        let faults = self.run.world.plan.read > 0 || self.run.world.outages;
        let Some(Answer { answer, may_be_closed }) = answer else { return Ok(None) };
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(ReadError::Closed(_)) if may_be_closed => Ok(None),
            Err(ReadError::Backend(BackendError::Unavailable(_))) if faults => Ok(None),
            // What was there for the first page may be gone, and a store that crashed may come back further behind.
            Err(ReadError::OutOfRange(OutOfRange::Compacted { .. })) if self.run.world.forgetful => Ok(None),
            Err(ReadError::OutOfRange(OutOfRange::Future { .. })) if at != At::Latest => Ok(None),
            Err(other) => Err(Broken(format!("a read at {at:?} was answered with {other}"))),
        }
    }
}
