//! The one growing number that orders everything the store ever held.

use std::fmt;

/// A point in the store's history: the state after the write that was given this number.
///
/// Every single write has a revision of its own, also inside a transaction, whose writes get consecutive ones. A
/// client that saw half of a transaction's events can therefore resume after exactly what it saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The head of a store that nothing was ever written to. Not zero: to a client "0" means "any revision".
    pub const GENESIS: Self = Self(1);

    /// The revision `steps` writes later.
    #[must_use]
    pub const fn plus(self, steps: u64) -> Self {
        Self(self.0 + steps)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
