//! Requests for certificates, as far as controllers look at them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use compact_str::CompactString;
use keelson_client::meta::or_none;
use keelson_client::{Kind, Meta, Resource, Time};
use serde::Deserialize;
use serde_json::Value;

/// The resource.
pub(crate) const CERTIFICATEREQUESTS: Resource =
    Resource::cluster("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest");

/// A request.
#[derive(Debug, Deserialize)]
pub(crate) struct CertificateRequest {
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: Spec,
    #[serde(default)]
    pub(crate) status: Status,
}

/// What is wanted, and by whom.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec {
    /// In base64.
    request: String,
    pub(crate) signer_name: CompactString,
    pub(crate) expiration_seconds: Option<u64>,
    pub(crate) usages: Vec<String>,
    pub(crate) username: String,
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
    pub(crate) extra: Value,
}

/// What became of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    /// As they are written, for they are written back whole.
    #[serde(deserialize_with = "or_none")]
    pub(crate) conditions: Vec<Value>,
    /// In base64.
    certificate: String,
}

impl Kind for CertificateRequest {
    const RESOURCE: Resource = CERTIFICATEREQUESTS;

    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl CertificateRequest {
    /// The request itself, in PEM.
    pub(crate) fn request(&self) -> Vec<u8> {
        BASE64_STANDARD.decode(&self.spec.request).unwrap_or_default()
    }

    /// The certificate, in PEM.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        BASE64_STANDARD.decode(&self.status.certificate).unwrap_or_default()
    }

    /// Whether it has led to a certificate.
    pub(crate) fn is_issued(&self) -> bool {
        !self.status.certificate.is_empty()
    }

    /// A condition of it.
    pub(crate) fn condition(&self, kind: &str) -> Option<&Value> {
        self.status.conditions.iter().find(|condition| condition["type"] == kind)
    }

    /// Since when it has this condition, if it has it.
    pub(crate) fn since(&self, kind: &str) -> Option<Time> {
        Time::parse(self.condition(kind)?["lastUpdateTime"].as_str()?)
    }
}
