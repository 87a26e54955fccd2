//! Requests that were approved are signed, if they are what their signer is there for.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Time};
use serde_json::json;

use super::{KUBELET_CLIENT, kubelet};
use crate::builtin::Settings;
use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan};
use crate::signing::{Asked, Certificates, Order};
use crate::views::certificaterequest::{CERTIFICATEREQUESTS, CertificateRequest};

const MINUTE_MILLIS: u64 = 60 * 1000;
const HOUR_MILLIS: u64 = 60 * MINUTE_MILLIS;
/// How long a certificate is good, and how long at least. Upstream's.
const LONGEST_MILLIS: u64 = 365 * 24 * HOUR_MILLIS;
const SHORTEST_MILLIS: u64 = 10 * MINUTE_MILLIS;
/// How much earlier it begins, for clocks that are behind; what is good for longer than a short time ends as much earlier.
const EARLIER_MILLIS: u64 = 5 * MINUTE_MILLIS;
const SHORT_MILLIS: u64 = 8 * HOUR_MILLIS;
/// How long until it is tried again to sign what could not be signed.
const AGAIN_SECONDS: u64 = 60;

/// The controller.
pub(crate) struct CertificateSigning {
    requests: Arc<Cache<CertificateRequest>>,
    certificates: Option<Arc<dyn Certificates>>,
}

impl CertificateSigning {
    pub(crate) fn new(caches: &Caches, settings: &Settings) -> Self {
        let certificates = settings.certificates.clone().filter(|certificates| certificates.can_sign());
        Self { requests: caches.of(), certificates }
    }

    #[cfg(test)]
    pub(super) fn over(
        requests: Arc<Cache<CertificateRequest>>,
        certificates: Arc<dyn Certificates>,
    ) -> Self {
        Self { requests, certificates: Some(certificates) }
    }
}

impl Controller for CertificateSigning {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.requests);
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(certificates) = self.certificates.as_deref() else { return Plan::nothing() };
        let Some(request) = self.requests.get(key) else { return Plan::nothing() };
        let has = |condition| request.condition(condition).is_some();
        let failed = request.condition("Failed").is_some_and(|failed| failed["status"] == "True");
        if request.is_issued() || !has("Approved") || has("Denied") || failed {
            return Plan::nothing();
        }
        let pem = request.request();
        let asked = match certificates.asked(&pem) {
            Ok(asked) => asked,
            Err(why) => return put_off(key, &why),
        };
        match check(&request.spec.signer_name, &asked, &request.spec.usages) {
            None => Plan::nothing(),
            Some(Err(why)) => Plan::of(vec![refused(&request, &why, now)]),
            Some(Ok(())) => {
                let (from, until) = times(request.spec.expiration_seconds, now);
                let order = Order { request: &pem, usages: &request.spec.usages, from, until, now };
                match certificates.sign(&order) {
                    Err(why) => put_off(key, &why),
                    Ok(certificate) => {
                        let change = json!({"status": {"certificate": BASE64_STANDARD.encode(certificate)}});
                        Plan::of(vec![Action::merge(
                            &CERTIFICATEREQUESTS,
                            &request.metadata,
                            "status",
                            change,
                        )])
                    }
                }
            }
        }
    }
}

fn put_off(key: &Key, why: &str) -> Plan {
    tracing::warn!(request = %key, why, "a certificate cannot be signed");
    Plan { again: Some(Duration::from_secs(AGAIN_SECONDS)), ..Plan::default() }
}

/// Whether a request is what its signer is there for, if that is one of ours.
fn check(signer: &str, asked: &Asked, usages: &[String]) -> Option<Result<(), String>> {
    Some(match signer {
        "kubernetes.io/kubelet-serving" => kubelet::serving(asked, usages),
        KUBELET_CLIENT => kubelet::client(asked, usages),
        "kubernetes.io/kube-apiserver-client" => client(usages),
        "kubernetes.io/legacy-unknown" => Ok(()),
        _ => return None,
    })
}

fn client(usages: &[String]) -> Result<(), String> {
    let fits =
        |usage: &&String| matches!(usage.as_str(), "digital signature" | "key encipherment" | "client auth");
    if let Some(usage) = usages.iter().find(|usage| !fits(usage)) {
        return Err(format!("invalid usage for client certificate: {usage}"));
    }
    if usages.iter().any(|usage| usage == "client auth") {
        return Ok(());
    }
    Err("missing required usage for client certificate: client auth".into())
}

/// From when until when a certificate is good.
fn times(seconds: Option<u64>, now: UnixMillis) -> (UnixMillis, UnixMillis) {
    let wanted = seconds.map_or(LONGEST_MILLIS, |seconds| seconds.saturating_mul(1000));
    let millis = wanted.clamp(SHORTEST_MILLIS, LONGEST_MILLIS);
    let until = if millis < SHORT_MILLIS { millis } else { millis - EARLIER_MILLIS };
    (now.before(EARLIER_MILLIS), UnixMillis(now.0.saturating_add(until)))
}

fn refused(request: &CertificateRequest, why: &str, now: UnixMillis) -> Action {
    let mut conditions = request.status.conditions.clone();
    conditions.push(json!({
        "type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": why,
        "lastUpdateTime": Time::of(now),
    }));
    let change = json!({"status": {"conditions": conditions}});
    Action::merge(&CERTIFICATEREQUESTS, &request.metadata, "status", change)
}
