//! All controllers, one line each.

use std::sync::Arc;

use futures::future::BoxFuture;
use keelson_client::Caches;

use crate::certificaterequests::approving;
use crate::certificaterequests::cleaning::CertificateCleaning;
use crate::certificaterequests::signing::CertificateSigning;
use crate::clusterrole::ClusterRoles;
use crate::cronjob::CronJobs;
use crate::daemonset::DaemonSets;
use crate::deployment::Deployments;
use crate::disruption::Disruptions;
use crate::driver::{Context, Controller};
use crate::endpoints::EndpointsController;
use crate::endpointslice::EndpointSlices;
use crate::endpointslicemirroring::EndpointSliceMirroring;
use crate::ephemeralvolume::EphemeralVolumes;
use crate::job::Jobs;
use crate::localpath::LocalPaths;
use crate::nodeipam::{NodeIpam, PodRanges};
use crate::nodelifecycle::NodeLifecycle;
use crate::podgarbage::PodGarbage;
use crate::protection::{AttributesProtection, ClaimProtection, VolumeProtection};
use crate::replicaset::Sets;
use crate::rootca::RootCa;
use crate::serviceaccount::ServiceAccounts;
use crate::serviceaccounttoken::ServiceAccountTokens;
use crate::servicecidr::ServiceCidrs;
use crate::signing::{Certificates, TokenSigner};
use crate::statefulset::StatefulSets;
use crate::tainteviction::TaintEviction;
use crate::ttlafterfinished::TtlAfterFinished;
use crate::views::replicaset::{ReplicaSet, ReplicationController};
use crate::volumebinder::VolumeBinder;
use crate::{garbage, legacytokens, localpath, namespace, resourcequota};

/// What controllers are told by whoever starts them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The certificates by which to know the API server, in PEM, if they are known.
    pub(crate) root_ca: Option<Arc<str>>,
    /// What nodes get their pods' addresses from.
    pub(crate) pod_ranges: PodRanges,
    /// What signs tokens that lie in secrets, if somebody does.
    pub(crate) token_signer: Option<TokenSigner>,
    /// What reads and issues certificates, if somebody does.
    pub(crate) certificates: Option<Arc<dyn Certificates>>,
}

/// A controller: its name for `--controllers`, the service account that it works as, and how it begins. Without an
/// account it works as what fills the caches.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) account: &'static str,
    pub(crate) begins: Begins,
}

/// How a controller begins.
pub(crate) enum Begins {
    /// It plans, over caches.
    Planning(fn(&Caches, &Settings) -> Box<dyn Controller>),
    /// It works by itself, for ever, as soon as the future is run.
    Working(fn(Context, &Settings) -> BoxFuture<'static, ()>),
}

use Begins::{Planning, Working};

/// By upstream's names; `local-path-provisioner` is ours.
pub(crate) const BUILTIN: &[Entry] = &[
    entry(
        "serviceaccount-token-controller",
        "",
        Planning(|caches, settings| Box::new(ServiceAccountTokens::new(caches, settings))),
    ),
    entry(
        "endpoints-controller",
        "endpoint-controller",
        Planning(|caches, _| Box::new(EndpointsController::new(caches))),
    ),
    entry(
        "endpointslice-controller",
        "endpointslice-controller",
        Planning(|caches, _| Box::new(EndpointSlices::new(caches))),
    ),
    entry(
        "endpointslice-mirroring-controller",
        "endpointslicemirroring-controller",
        Planning(|caches, _| Box::new(EndpointSliceMirroring::new(caches))),
    ),
    entry(
        "replicationcontroller-controller",
        "replication-controller",
        Planning(|caches, _| Box::new(Sets::<ReplicationController>::new(caches))),
    ),
    entry(
        "pod-garbage-collector-controller",
        "pod-garbage-collector",
        Planning(|caches, _| Box::new(PodGarbage::new(caches))),
    ),
    entry("namespace-controller", "namespace-controller", Working(namespace::begin)),
    entry(
        "serviceaccount-controller",
        "service-account-controller",
        Planning(|caches, _| Box::new(ServiceAccounts::new(caches))),
    ),
    entry("resourcequota-controller", "resourcequota-controller", Working(resourcequota::begin)),
    entry("garbage-collector-controller", "generic-garbage-collector", Working(garbage::begin)),
    entry(
        "deployment-controller",
        "deployment-controller",
        Planning(|caches, _| Box::new(Deployments::new(caches))),
    ),
    entry("cronjob-controller", "cronjob-controller", Planning(|caches, _| Box::new(CronJobs::new(caches)))),
    entry(
        "daemonset-controller",
        "daemon-set-controller",
        Planning(|caches, _| Box::new(DaemonSets::new(caches))),
    ),
    entry("job-controller", "job-controller", Planning(|caches, _| Box::new(Jobs::new(caches)))),
    entry(
        "replicaset-controller",
        "replicaset-controller",
        Planning(|caches, _| Box::new(Sets::<ReplicaSet>::new(caches))),
    ),
    entry(
        "disruption-controller",
        "disruption-controller",
        Planning(|caches, _| Box::new(Disruptions::new(caches))),
    ),
    entry(
        "statefulset-controller",
        "statefulset-controller",
        Planning(|caches, _| Box::new(StatefulSets::new(caches))),
    ),
    entry(
        "certificatesigningrequest-signing-controller",
        "certificate-controller",
        Planning(|caches, settings| Box::new(CertificateSigning::new(caches, settings))),
    ),
    entry(
        "certificatesigningrequest-approving-controller",
        "certificate-controller",
        Working(approving::begin),
    ),
    entry(
        "certificatesigningrequest-cleaner-controller",
        "certificate-controller",
        Planning(|caches, settings| Box::new(CertificateCleaning::new(caches, settings))),
    ),
    entry(
        "ttl-after-finished-controller",
        "ttl-after-finished-controller",
        Planning(|caches, _| Box::new(TtlAfterFinished::new(caches))),
    ),
    entry(
        "node-ipam-controller",
        "node-controller",
        Planning(|caches, settings| Box::new(NodeIpam::new(caches, settings))),
    ),
    entry(
        "taint-eviction-controller",
        "node-controller",
        Planning(|caches, _| Box::new(TaintEviction::new(caches))),
    ),
    entry(
        "node-lifecycle-controller",
        "node-controller",
        Planning(|caches, _| Box::new(NodeLifecycle::new(caches))),
    ),
    entry(
        "persistentvolumeclaim-protection-controller",
        "pvc-protection-controller",
        Planning(|caches, _| Box::new(ClaimProtection::new(caches))),
    ),
    entry(
        "persistentvolume-protection-controller",
        "pv-protection-controller",
        Planning(|caches, _| Box::new(VolumeProtection::new(caches))),
    ),
    entry(
        "persistentvolume-binder-controller",
        "persistent-volume-binder",
        Planning(|caches, _| Box::new(VolumeBinder::new(caches))),
    ),
    entry(
        localpath::NAME,
        "persistent-volume-binder",
        Planning(|caches, _| Box::new(LocalPaths::new(caches))),
    ),
    entry(
        "volumeattributesclass-protection-controller",
        "volumeattributesclass-protection-controller",
        Planning(|caches, _| Box::new(AttributesProtection::new(caches))),
    ),
    entry(
        "ephemeral-volume-controller",
        "ephemeral-volume-controller",
        Planning(|caches, _| Box::new(EphemeralVolumes::new(caches))),
    ),
    entry(
        "service-cidr-controller",
        "service-cidrs-controller",
        Planning(|caches, _| Box::new(ServiceCidrs::new(caches))),
    ),
    entry(
        "clusterrole-aggregation-controller",
        "clusterrole-aggregation-controller",
        Planning(|caches, _| Box::new(ClusterRoles::new(caches))),
    ),
    entry(
        "legacy-serviceaccount-token-cleaner-controller",
        "legacy-service-account-token-cleaner",
        Working(legacytokens::begin),
    ),
    entry(
        "root-ca-certificate-publisher-controller",
        "root-ca-cert-publisher",
        Planning(|caches, settings| Box::new(RootCa::new(caches, settings))),
    ),
];

const fn entry(name: &'static str, account: &'static str, begins: Begins) -> Entry {
    Entry { name, account, begins }
}
