//! Requests go when nobody needs them any more: some time after they were decided, or after nobody has decided them.

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Time};

use crate::builtin::Settings;
use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan};
use crate::signing::Certificates;
use crate::views::certificaterequest::{CERTIFICATEREQUESTS, CertificateRequest};

/// How long requests stay that have led to a certificate, were denied or have failed; and those that wait. Upstream's.
const DECIDED_SECONDS: i64 = 60 * 60;
const WAITING_SECONDS: i64 = 24 * 60 * 60;

/// The controller.
pub(crate) struct CertificateCleaning {
    requests: Arc<Cache<CertificateRequest>>,
    certificates: Option<Arc<dyn Certificates>>,
}

impl CertificateCleaning {
    pub(crate) fn new(caches: &Caches, settings: &Settings) -> Self {
        Self::over(caches.of(), settings.certificates.clone())
    }

    pub(super) fn over(
        requests: Arc<Cache<CertificateRequest>>,
        certificates: Option<Arc<dyn Certificates>>,
    ) -> Self {
        Self { requests, certificates }
    }

    /// When a request is to go.
    fn due(&self, request: &CertificateRequest) -> Option<UnixMillis> {
        let after = |since: Option<Time>, seconds: i64| Some(Time(since?.0 + seconds).millis());
        let approved = request.since("Approved");
        let ended = self.certificates.as_deref().and_then(|read| read.not_after(&request.certificate()));
        let all = [
            after(request.since("Denied"), DECIDED_SECONDS),
            after(request.since("Failed"), DECIDED_SECONDS),
            after(approved, if request.is_issued() { DECIDED_SECONDS } else { WAITING_SECONDS }),
            ended.filter(|_| request.condition("Approved").is_some()),
            after(request.metadata.creation_timestamp, WAITING_SECONDS)
                .filter(|_| request.status.conditions.is_empty()),
        ];
        all.into_iter().flatten().min()
    }
}

impl Controller for CertificateCleaning {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.requests);
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(request) = self.requests.get(key).filter(|request| !request.metadata.is_deleting()) else {
            return Plan::nothing();
        };
        match self.due(&request) {
            None => Plan::nothing(),
            Some(due) if due < now => Plan::of(vec![Action::delete(&CERTIFICATEREQUESTS, &request.metadata)]),
            Some(due) => {
                let again = Duration::from_millis(due.since(now) + 1);
                Plan { again: Some(again), ..Plan::default() }
            }
        }
    }
}
