//! Requests of kubelets are approved, if whoever asks may ask for that: the server is asked whether they may.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use keelson_client::queue::Queue;
use keelson_client::{Cache, Key, Patch, Problem, Resource};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{KUBELET_CLIENT, kubelet};
use crate::builtin::Settings;
use crate::driver::{Context, Inputs, Worker, drive};
use crate::signing::{Asked, Certificates};
use crate::views::certificaterequest::{CERTIFICATEREQUESTS, CertificateRequest};

const REVIEWS: Resource =
    Resource::cluster("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview");

/// Begins it.
pub(crate) fn begin(context: Context, settings: &Settings) -> BoxFuture<'static, ()> {
    let requests: Arc<Cache<CertificateRequest>> = context.caches.of();
    let queue = Queue::default();
    Inputs::new(queue.clone()).own(&requests);
    let Some(certificates) = settings.certificates.clone() else {
        return Box::pin(std::future::pending());
    };
    let worker =
        Arc::new(Approving { context: context.clone(), requests: Arc::clone(&requests), certificates });
    Box::pin(async move {
        requests.synced().await;
        drive(&context, queue, worker).await;
    })
}

struct Approving {
    context: Context,
    requests: Arc<Cache<CertificateRequest>>,
    certificates: Arc<dyn Certificates>,
}

/// What somebody has to be allowed for a request of theirs to be approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leave {
    pub(super) part: &'static str,
    message: &'static str,
}

/// For a certificate of their own.
const OWN: Leave = Leave {
    part: "selfnodeclient",
    message: "Auto approving self kubelet client certificate after SubjectAccessReview.",
};
/// For one of any node.
const ANY: Leave = Leave {
    part: "nodeclient",
    message: "Auto approving kubelet client certificate after SubjectAccessReview.",
};

/// What would let a request be approved; nothing for what is not to be approved here, or is decided.
pub(super) fn leaves(request: &CertificateRequest, asked: &Asked) -> Vec<Leave> {
    let is_decided = ["Approved", "Denied"].iter().any(|kind| request.condition(kind).is_some());
    let spec = &request.spec;
    if request.is_issued()
        || is_decided
        || spec.signer_name != KUBELET_CLIENT
        || kubelet::client(asked, &spec.usages).is_err()
    {
        return Vec::new();
    }
    if spec.username == asked.common_name { vec![OWN, ANY] } else { vec![ANY] }
}

#[derive(Deserialize)]
struct Review {
    status: Verdict,
}

#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    allowed: bool,
}

impl Worker for Approving {
    async fn work(&self, key: &Key) -> Result<Option<Duration>, Problem> {
        let Some(request) = self.requests.get(key) else { return Ok(None) };
        let Ok(asked) = self.certificates.asked(&request.request()) else { return Ok(None) };
        let leaves = leaves(&request, &asked);
        for leave in &leaves {
            if self.is_allowed(&request, *leave).await? {
                return self.approve(&request, *leave).await;
            }
        }
        if leaves.is_empty() {
            return Ok(None);
        }
        // They may be allowed later.
        let tried: Vec<&str> = leaves.iter().map(|leave| leave.part).collect();
        let tried = tried.join(" ");
        Err(Problem::Stale(format!(
            "recognized csr \"{key}\" as [{tried}] but subject access review was not approved"
        )))
    }
}

impl Approving {
    async fn is_allowed(&self, request: &CertificateRequest, leave: Leave) -> Result<bool, Problem> {
        let spec = &request.spec;
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {
                "user": spec.username, "uid": spec.uid, "groups": spec.groups, "extra": spec.extra,
                "resourceAttributes": {
                    "group": CERTIFICATEREQUESTS.group, "resource": CERTIFICATEREQUESTS.plural, "version": "*",
                    "verb": "create", "subresource": leave.part,
                },
            },
        });
        let review: Review = self.context.client.create(&REVIEWS, "", &review).await?;
        Ok(review.status.allowed)
    }

    async fn approve(&self, request: &CertificateRequest, leave: Leave) -> Result<Option<Duration>, Problem> {
        let mut conditions = request.status.conditions.clone();
        conditions.push(json!({
            "type": "Approved", "status": "True", "reason": "AutoApproved", "message": leave.message,
        }));
        let meta = &request.metadata;
        let change = json!({
            "metadata": {"uid": meta.uid, "resourceVersion": meta.resource_version.to_string()},
            "status": {"conditions": conditions},
        });
        let patch = (Patch::Merge, &change);
        let client = &self.context.client;
        match client.patch::<Value>(&CERTIFICATEREQUESTS, &meta.key(), "approval", patch).await {
            Err(problem) if problem.is_not_found() => Ok(None),
            written => written.map(|_| None),
        }
    }
}
