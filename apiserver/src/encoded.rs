//! Objects in protobuf, kept for whoever asks next: stored objects are JSON, and to make protobuf of one takes longer
//! than all else that an answer costs.
//!
//! A write has a revision of its own, so an object's message never changes and is found by that. Where there are too many,
//! some go, whichever: if the oldest went, whoever lists more than there is room for would never find one of them, for
//! each would be gone just before its turn comes again.

use std::collections::HashMap;

use bytes::Bytes;
use keelson_store::revision::Revision;
use parking_lot::Mutex;

/// Bytes of messages that are kept at most; beyond that some go.
const BYTES_MAX: usize = 32 << 20;
/// What a message takes up besides its bytes, about.
const OVERHEAD_BYTES: usize = 160;
/// Parts that are locked apart from each other.
const SHARDS: usize = 16;

/// Messages of objects.
#[derive(Default)]
pub(crate) struct Encoded {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    messages: HashMap<Revision, Message>,
    /// What there are messages of, in no order.
    revisions: Vec<Revision>,
    bytes: usize,
    /// Decides who goes next.
    lot: u64,
}

struct Message {
    /// The version it is in. An object that is asked for in two versions is kept in the one asked for last.
    api_version: Box<str>,
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
        let shard = &self.shards[revision.0 as usize % SHARDS];
        if let Some(found) = shard.lock().messages.get(&revision)
            && *found.api_version == *api_version
        {
            return Ok(found.bytes.clone());
        }
        let bytes = make()?;
        shard.lock().keep(revision, Message { api_version: api_version.into(), bytes: bytes.clone() });
        Ok(bytes)
    }
}

impl Shard {
    fn keep(&mut self, revision: Revision, message: Message) {
        self.bytes += message.bytes.len() + OVERHEAD_BYTES;
        match self.messages.insert(revision, message) {
            Some(before) => self.bytes -= before.bytes.len() + OVERHEAD_BYTES,
            None => self.revisions.push(revision),
        }
        while self.bytes > BYTES_MAX / SHARDS && !self.revisions.is_empty() {
            let at = self.draw() as usize % self.revisions.len();
            if let Some(gone) = self.messages.remove(&self.revisions.swap_remove(at)) {
                self.bytes -= gone.bytes.len() + OVERHEAD_BYTES;
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
        assert_eq!(shard.messages.len(), shard.revisions.len());
        assert_eq!(shard.messages.len(), 1);
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
}
