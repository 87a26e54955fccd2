//! The machine's clock: the only place that asks it for the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use keelson_api::time::{Clock, UnixMillis};

/// The clock that is handed to every part.
#[expect(clippy::disallowed_methods, reason = "this is the clock's owner")]
pub(crate) fn machine() -> Clock {
    Clock::new(|| {
        // A clock set before 1970 reads as 1970: certificates will then say what is wrong better than we could.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    })
}
