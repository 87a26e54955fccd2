//! What the keys of a cluster are asked for: they are handed in, for this crate knows neither keys nor their forms.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use keelson_api::time::UnixMillis;
use serde_json::Value;

type Sign = dyn Fn(&Value) -> Result<String, String> + Send + Sync;

/// Signs tokens of service accounts.
#[derive(Clone)]
pub struct TokenSigner(Arc<Sign>);

impl TokenSigner {
    /// `sign` makes a token of what it is to say, or tells why it cannot.
    pub fn new(sign: impl Fn(&Value) -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(sign))
    }

    /// A token that says `claims`.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, String> {
        (self.0)(claims)
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSigner")
    }
}

/// What somebody wants a certificate to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Who it is for.
    pub common_name: String,
    /// The groups that it is in.
    pub organizations: Vec<String>,
    /// The names of servers.
    pub names: Vec<String>,
    /// The addresses of servers.
    pub addresses: Vec<IpAddr>,
    /// How many addresses of mail.
    pub mails: usize,
    /// How many URIs.
    pub uris: usize,
}

/// A certificate that is to be issued.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The request, in PEM.
    pub request: &'a [u8],
    /// What it is for, in the API's words; those that certificates know.
    pub usages: &'a [String],
    /// From when.
    pub from: UnixMillis,
    /// Until when; not longer than whoever issues it.
    pub until: UnixMillis,
    /// When that is wanted.
    pub now: UnixMillis,
}

/// Reads what certificates and requests for them say, and issues them.
pub trait Certificates: fmt::Debug + Send + Sync {
    /// What a request in PEM asks for.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn asked(&self, request: &[u8]) -> Result<Asked, String>;

    /// Until when a certificate in PEM is good.
    fn not_after(&self, certificate: &[u8]) -> Option<UnixMillis>;

    /// Whether it issues any.
    fn can_sign(&self) -> bool;

    /// Issues a certificate, in PEM.
    ///
    /// # Errors
    /// Why it was not issued, for people.
    fn sign(&self, order: &Order<'_>) -> Result<String, String>;
}
