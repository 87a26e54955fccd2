//! Who asks, and what proves it.
//!
//! A door (a TLS connection, or the in-process service) attaches [`Credentials`] to each request; the identity stage
//! of the pipeline alone turns them into a [`Caller`].

use std::sync::Arc;

use keelson_api::time::UnixMillis;

/// The group of everybody who proved who they are.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The user that everybody else is.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group of everybody else.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";

/// A user as every later stage sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's name.
    pub name: Arc<str>,
    /// The groups it is in.
    pub groups: Arc<[Arc<str>]>,
}

impl Caller {
    /// A user that proved its name, in these groups and that of everybody who did.
    #[must_use]
    pub fn authenticated<'a>(name: &str, groups: impl IntoIterator<Item = &'a str>) -> Self {
        let groups = groups.into_iter().filter(|group| *group != AUTHENTICATED).chain([AUTHENTICATED]);
        Self { name: name.into(), groups: groups.map(Arc::from).collect() }
    }

    /// Somebody unknown.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: ANONYMOUS.into(), groups: Arc::new([UNAUTHENTICATED.into()]) }
    }

    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        &*self.name == ANONYMOUS || self.groups.iter().any(|group| &**group == UNAUTHENTICATED)
    }
}

/// What came with a request to prove who asks.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nothing beyond the request itself.
    None,
    /// A certificate that the client authority vouches for, good until then.
    Certificate {
        /// Whom it names.
        caller: Arc<Caller>,
        /// When it ends.
        not_after: UnixMillis,
    },
    /// A certificate that proves nothing, and why.
    Unacceptable(Arc<str>),
    /// A component of this process, which the binary vouches for.
    Component(Arc<Caller>),
}
