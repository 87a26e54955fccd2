//! Objects in protobuf, kept for whoever asks next: stored objects are JSON, and to make protobuf of one takes longer
//! than all else that an answer costs.
//!
//! A write has a revision of its own, so an object's message never changes and is found by that. What was put in first
//! goes first; the messages in use at the same time are those of the latest lists and events.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use keelson_store::revision::Revision;
use parking_lot::Mutex;

/// Bytes of messages that are kept at most; beyond that the oldest go.
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
    in_order: VecDeque<Revision>,
    bytes: usize,
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
            None => self.in_order.push_back(revision),
        }
        while self.bytes > BYTES_MAX / SHARDS {
            let Some(oldest) = self.in_order.pop_front() else { break };
            if let Some(gone) = self.messages.remove(&oldest) {
                self.bytes -= gone.bytes.len() + OVERHEAD_BYTES;
            }
        }
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
    fn the_oldest_go_when_there_are_too_many() {
        let (encoded, large) = (Encoded::default(), vec![0; BYTES_MAX / SHARDS / 2]);
        let same_shard = |number: u64| number * SHARDS as u64;
        for number in 0..10 {
            ask(&encoded, same_shard(number), "v1", &large);
        }
        let shard = encoded.shards[0].lock();
        assert!(shard.bytes <= BYTES_MAX / SHARDS);
        assert_eq!(shard.messages.len(), shard.in_order.len());
        drop(shard);
        assert_eq!(ask(&encoded, same_shard(9), "v1", b"made again"), large);
        assert_eq!(ask(&encoded, same_shard(0), "v1", b"made again"), b"made again");
    }
}
