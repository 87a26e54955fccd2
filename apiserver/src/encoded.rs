//! Objects in protobuf, kept for whoever asks next: stored objects are JSON, and to make protobuf of one takes longer
//! than all else that an answer costs.
//!
//! A write has a revision of its own, so an object's message never changes and is found by that. Lists are kept in runs:
//! messages of objects that stand side by side, put together as a list holds them, so that a list that many ask for is
//! found, and let go, run by run. Where there are too many, some go, whichever: if the oldest went, whoever lists more than
//! there is room for would never find one of them, for each would be gone just before its turn comes again.

use std::collections::HashMap;

use bytes::Bytes;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use parking_lot::Mutex;

/// Bytes of messages that are kept at most, and of runs; beyond that some go.
const BYTES_MAX: usize = 32 << 20;
/// What a message or a run takes up besides its bytes, about.
const OVERHEAD_BYTES: usize = 160;
/// Parts that are locked apart from each other.
const SHARDS: usize = 16;
/// Objects of a new run: where one of them changes, all are put together anew.
const RUN_USUAL: usize = 64;
/// Objects of a run at least and at most, where it ends at the beginning of another: so runs neither shift when an
/// object comes or goes, nor are worn down.
const RUN_MIN: usize = 32;
const RUN_MAX: usize = 96;

/// Messages of objects.
#[derive(Default)]
pub(crate) struct Encoded {
    shards: [Mutex<Room<Message>>; SHARDS],
    /// By the revisions of the objects that they begin with.
    runs: Mutex<Room<Run>>,
}

struct Message {
    /// The version it is in. An object that is asked for in two versions is kept in the one asked for last.
    api_version: Box<str>,
    bytes: Bytes,
}

struct Run {
    api_version: Box<str>,
    revisions: Box<[Revision]>,
    bytes: Bytes,
}

impl Encoded {
    /// The message of the object written by `revision`, in this version; made by `make` if nobody has lately.
    pub(crate) fn message<E>(
        &self,
        revision: Revision,
        api_version: &str,
        make: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        if let Some(found) = self.find(revision, api_version) {
            return Ok(found);
        }
        let bytes = make()?;
        let message = Message { api_version: api_version.into(), bytes: bytes.clone() };
        self.shard(revision).lock().keep(revision, message, BYTES_MAX / SHARDS);
        Ok(bytes)
    }

    /// That message, if somebody has made it lately.
    pub(crate) fn find(&self, revision: Revision, api_version: &str) -> Option<Bytes> {
        let shard = self.shard(revision).lock();
        shard
            .get(revision)
            .filter(|found| *found.api_version == *api_version)
            .map(|found| found.bytes.clone())
    }

    fn shard(&self, revision: Revision) -> &Mutex<Room<Message>> {
        &self.shards[revision.0 as usize % SHARDS]
    }

    /// The first few of `objects`, which stand side by side in a list, as that holds them in this version, and how many
    /// they are; put together by `make` if nobody has lately. At least one object is asked for.
    pub(crate) fn run<E>(
        &self,
        objects: &[Object],
        api_version: &str,
        make: impl FnOnce(&[Object]) -> Result<Bytes, E>,
    ) -> Result<(usize, Bytes), E> {
        let first = objects[0].revision();
        let length = {
            let runs = self.runs.lock();
            if let Some(run) = runs.get(first).filter(|run| run.is(objects, api_version)) {
                return Ok((run.revisions.len(), run.bytes.clone()));
            }
            let begins = |place: &usize| runs.get(objects[*place].revision()).is_some();
            let known = (RUN_MIN..objects.len().min(RUN_MAX + 1)).find(begins);
            known.unwrap_or(objects.len().min(RUN_USUAL))
        };
        let objects = &objects[..length];
        let bytes = make(objects)?;
        let run = Run {
            api_version: api_version.into(),
            revisions: objects.iter().map(Object::revision).collect(),
            bytes: bytes.clone(),
        };
        self.runs.lock().keep(first, run, BYTES_MAX);
        Ok((length, bytes))
    }
}

impl Run {
    /// Whether it is what `objects` begin with.
    fn is(&self, objects: &[Object], api_version: &str) -> bool {
        let revisions = objects.iter().map(Object::revision);
        *self.api_version == *api_version
            && self.revisions.len() <= objects.len()
            && self.revisions.iter().copied().eq(revisions.take(self.revisions.len()))
    }
}

/// What takes up room.
trait Takes {
    fn bytes(&self) -> usize;
}

impl Takes for Message {
    fn bytes(&self) -> usize {
        self.bytes.len() + OVERHEAD_BYTES
    }
}

impl Takes for Run {
    fn bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.revisions) + OVERHEAD_BYTES
    }
}

/// Some of what was put in, by revision.
struct Room<T> {
    kept: HashMap<Revision, T>,
    /// What there is, in no order.
    revisions: Vec<Revision>,
    bytes: usize,
    /// Decides who goes next.
    lot: u64,
}

impl<T> Default for Room<T> {
    fn default() -> Self {
        Self { kept: HashMap::new(), revisions: Vec::new(), bytes: 0, lot: 0 }
    }
}

impl<T: Takes> Room<T> {
    fn get(&self, revision: Revision) -> Option<&T> {
        self.kept.get(&revision)
    }

    fn keep(&mut self, revision: Revision, new: T, bytes_max: usize) {
        self.bytes += new.bytes();
        match self.kept.insert(revision, new) {
            Some(before) => self.bytes -= before.bytes(),
            None => self.revisions.push(revision),
        }
        while self.bytes > bytes_max && !self.revisions.is_empty() {
            let at = self.draw() as usize % self.revisions.len();
            if let Some(gone) = self.kept.remove(&self.revisions.swap_remove(at)) {
                self.bytes -= gone.bytes();
            }
        }
    }

    /// The next of a row of numbers without pattern (Knuth's, by multiplication), of which the upper bits are good.
    fn draw(&mut self) -> u32 {
        self.lot = self.lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.lot >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn ask(encoded: &Encoded, revision: u64, api_version: &str, made: &[u8]) -> Vec<u8> {
        let make = || Ok::<_, Infallible>(Bytes::copy_from_slice(made));
        encoded.message(Revision(revision), api_version, make).unwrap().to_vec()
    }

    #[test]
    fn a_message_is_made_once_for_each_version() {
        let encoded = Encoded::default();
        assert_eq!(ask(&encoded, 1, "v1", b"one"), b"one");
        assert_eq!(ask(&encoded, 1, "v1", b"made again"), b"one");
        assert_eq!(ask(&encoded, 1, "v2", b"two"), b"two");
        assert_eq!(ask(&encoded, 2, "v1", b"three"), b"three");
    }

    #[test]
    fn some_go_when_there_are_too_many() {
        let (encoded, large) = (Encoded::default(), vec![0; BYTES_MAX / SHARDS / 2]);
        let same_shard = |number: u64| number * SHARDS as u64;
        for number in 0..10 {
            ask(&encoded, same_shard(number), "v1", &large);
        }
        let shard = encoded.shards[0].lock();
        assert!(shard.bytes <= BYTES_MAX / SHARDS);
        assert_eq!(shard.kept.len(), shard.revisions.len());
        assert_eq!(shard.kept.len(), 1);
    }

    #[test]
    fn who_asks_for_more_than_there_is_room_for_finds_a_part() {
        const ROOM: u64 = 100;
        let (encoded, message) =
            (Encoded::default(), vec![0; BYTES_MAX / SHARDS / ROOM as usize - OVERHEAD_BYTES]);
        let mut made = 0;
        for number in (0..2 * ROOM).cycle().take(2_000) {
            let make = || {
                made += 1;
                Ok::<_, Infallible>(Bytes::copy_from_slice(&message))
            };
            encoded.message(Revision(number * SHARDS as u64), "v1", make).unwrap();
        }
        assert!(made < 1_700, "{made} of 2,000");
    }

    fn object(revision: u64) -> Object {
        Object::new(Revision(1), Revision(revision), keelson_api::uid::Uid::default(), 1, b"a")
    }

    /// The runs that a list of objects of these revisions is put together of, and which of them are made for it.
    fn list(encoded: &Encoded, revisions: &[u64]) -> (Vec<usize>, Vec<usize>) {
        let objects: Vec<Object> = revisions.iter().copied().map(object).collect();
        let (mut lengths, mut made, mut rest) = (Vec::new(), Vec::new(), &objects[..]);
        while !rest.is_empty() {
            let mut new = false;
            let make = |few: &[Object]| {
                new = true;
                Ok::<_, Infallible>(few.iter().map(|one| one.revision().0 as u8).collect())
            };
            let (length, bytes) = encoded.run(rest, "v1", make).unwrap();
            assert!(rest[..length].iter().map(|one| one.revision().0 as u8).eq(bytes));
            if new {
                made.push(lengths.len());
            }
            lengths.push(length);
            rest = &rest[length..];
        }
        (lengths, made)
    }

    #[test]
    fn a_list_is_put_together_anew_only_where_it_has_changed() {
        let encoded = Encoded::default();
        let mut revisions: Vec<u64> = (1..=200).collect();
        assert_eq!(list(&encoded, &revisions), (vec![64, 64, 64, 8], vec![0, 1, 2, 3]));
        assert_eq!(list(&encoded, &revisions), (vec![64, 64, 64, 8], vec![]));
        // One changes, one comes, one goes, one that begins a run changes.
        revisions[70] = 201;
        assert_eq!(list(&encoded, &revisions), (vec![64, 64, 64, 8], vec![1]));
        revisions.insert(3, 202);
        assert_eq!(list(&encoded, &revisions), (vec![65, 64, 64, 8], vec![0]));
        revisions.remove(10);
        revisions.remove(20);
        assert_eq!(list(&encoded, &revisions), (vec![63, 64, 64, 8], vec![0]));
        revisions[63] = 203;
        assert_eq!(list(&encoded, &revisions), (vec![63, 64, 64, 8], vec![1]));
        // A page that begins elsewhere finds its way back, and runs that have become short are taken up.
        assert_eq!(list(&encoded, &revisions[190..]), (vec![9], vec![0]));
        assert_eq!(list(&encoded, &revisions[90..]), (vec![37, 64, 8], vec![0]));
        revisions.drain(70..110);
        assert_eq!(list(&encoded, &revisions), (vec![63, 87, 9], vec![1]));
    }
}
