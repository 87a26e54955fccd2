//! Who asks, and what proves it.
//!
//! A door (a TLS connection, or the in-process service) attaches [`Credentials`] to each request; the identity stage
//! of the pipeline alone turns them into a [`Caller`].

use std::collections::BTreeMap;
use std::sync::Arc;

use keelson_api::time::UnixMillis;

/// The group of everybody who proved who they are.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The user that everybody else is.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group of everybody else.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";

/// What else is known of a user, by upstream's names.
pub mod extra {
    /// Which credential it showed.
    pub const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
    /// The node of its pod, or the one that its token is bound to.
    pub const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
    /// That node's identity.
    pub const NODE_UID: &str = "authentication.kubernetes.io/node-uid";
    /// The pod that its token is bound to.
    pub const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
    /// That pod's identity.
    pub const POD_UID: &str = "authentication.kubernetes.io/pod-uid";
}

/// What else is known of a user.
pub type Extra = BTreeMap<Box<str>, Vec<Box<str>>>;

/// A user as every later stage sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's name.
    pub name: Arc<str>,
    /// The groups it is in.
    pub groups: Arc<[Arc<str>]>,
    /// Tells it from others that had the name before; empty if nobody does.
    pub uid: Arc<str>,
    /// What else is known of it.
    pub extra: Arc<Extra>,
}

impl Caller {
    /// A user in exactly these groups.
    #[must_use]
    pub fn new(name: &str, groups: Arc<[Arc<str>]>) -> Self {
        Self { name: name.into(), groups, uid: Arc::default(), extra: Arc::default() }
    }

    /// The same user, with an identity that outlives its name.
    #[must_use]
    pub fn with_uid(mut self, uid: &str) -> Self {
        self.uid = uid.into();
        self
    }

    /// The same user, of whom more is known.
    #[must_use]
    pub fn with_extra(mut self, extra: Extra) -> Self {
        self.extra = Arc::new(extra);
        self
    }

    /// A user that proved its name, in these groups and that of everybody who did.
    #[must_use]
    pub fn authenticated<'a>(name: &str, groups: impl IntoIterator<Item = &'a str>) -> Self {
        let groups = groups.into_iter().filter(|group| *group != AUTHENTICATED).chain([AUTHENTICATED]);
        Self::new(name, groups.map(Arc::from).collect())
    }

    /// Somebody unknown.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::new(ANONYMOUS, Arc::new([UNAUTHENTICATED.into()]))
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
