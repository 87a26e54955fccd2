//! Where the server's random numbers come from: identities, endings of generated names, spread of time-outs.

use std::fmt;
use std::sync::Arc;

use keelson_api::uid::Uid;

/// Draws random numbers. The binary hands in the machine's, a simulation one with a seed.
#[derive(Clone)]
pub struct Entropy(Arc<dyn Fn(&mut [u8]) + Send + Sync>);

impl Entropy {
    /// Random numbers that `fill` draws.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// A new identity.
    #[must_use]
    pub fn uid(&self) -> Uid {
        let mut bytes = [0; 16];
        (self.0)(&mut bytes);
        Uid::from_random(bytes)
    }

    /// A number below `bound`.
    #[must_use]
    pub fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        // 64 bits over a handful of values: the bias is nothing that anybody could notice.
        (u64::from_le_bytes(bytes) % bound.max(1) as u64) as usize
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
