//! Secrets that hold tokens of service accounts, as far as controllers look at them. No other secret is even asked for.

use compact_str::CompactString;
use keelson_client::{Kind, Meta, Resource};
use serde::{Deserialize, Deserializer};

/// The resource.
pub(crate) const SECRETS: Resource = Resource::namespaced("", "v1", "secrets", "Secret");
/// What a secret of a token says of whose it is.
pub(crate) const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
pub(crate) const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

/// A secret with a token, or one that is to get it.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenSecret {
    pub(crate) metadata: Meta,
    #[serde(default, deserialize_with = "data")]
    pub(crate) data: Data,
}

/// What lies in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    #[serde(rename = "token", deserialize_with = "is_filled")]
    pub(crate) has_token: bool,
    #[serde(rename = "namespace", deserialize_with = "is_filled")]
    pub(crate) has_namespace: bool,
    /// Certificates, in base64.
    #[serde(rename = "ca.crt")]
    pub(crate) certificates: CompactString,
}

fn data<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Data, D::Error> {
    Ok(Option::<Data>::deserialize(deserializer)?.unwrap_or_default())
}

fn is_filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<std::borrow::Cow<'_, str>>::deserialize(deserializer)?.is_some_and(|text| !text.is_empty()))
}

impl Kind for TokenSecret {
    const RESOURCE: Resource = SECRETS;
    const FIELDS: &'static str = "type=kubernetes.io/service-account-token";

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}
