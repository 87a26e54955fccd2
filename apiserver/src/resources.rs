//! The list of all built-in resources: one line each. Everything the server does with a resource starts here.

mod admissionregistration;
mod apiextensions;
mod apiregistration;
mod apps;
mod authentication;
mod authorization;
mod autoscaling;
mod batch;
mod certificates;
mod coordination;
mod core;
mod discovery;
mod events;
mod flowcontrol;
mod networking;
mod node;
mod policy;
mod rbac;
#[cfg(test)]
mod recorded;
mod resource;
mod scheduling;
mod storage;
mod storagemigration;

use crate::resource::Resource;

/// Every built-in resource, in the order in which discovery names their groups.
pub(crate) const RESOURCES: &[&dyn Resource] = &[
    &core::bindings::Bindings,
    &core::componentstatuses::ComponentStatuses,
    &core::configmaps::ConfigMaps,
    &core::endpoints::Endpoints,
    &core::events::Events,
    &core::limitranges::LimitRanges,
    &core::namespaces::Namespaces,
    &core::nodes::Nodes,
    &core::persistentvolumeclaims::PersistentVolumeClaims,
    &core::persistentvolumes::PersistentVolumes,
    &core::pods::Pods,
    &core::podtemplates::PodTemplates,
    &core::replicationcontrollers::ReplicationControllers,
    &core::resourcequotas::ResourceQuotas,
    &core::secrets::Secrets,
    &core::serviceaccounts::ServiceAccounts,
    &core::services::Services,
    &apiregistration::apiservices::APIServices,
    &apps::controllerrevisions::ControllerRevisions,
    &apps::daemonsets::DaemonSets,
    &apps::deployments::Deployments,
    &apps::replicasets::ReplicaSets,
    &apps::statefulsets::StatefulSets,
    &events::events::Events,
    &authentication::selfsubjectreviews::SelfSubjectReviews,
    &authentication::tokenreviews::TokenReviews,
    &authorization::localsubjectaccessreviews::LocalSubjectAccessReviews,
    &authorization::selfsubjectaccessreviews::SelfSubjectAccessReviews,
    &authorization::selfsubjectrulesreviews::SelfSubjectRulesReviews,
    &authorization::subjectaccessreviews::SubjectAccessReviews,
    &autoscaling::horizontalpodautoscalers::HorizontalPodAutoscalers,
    &batch::cronjobs::CronJobs,
    &batch::jobs::Jobs,
    &certificates::certificatesigningrequests::CertificateSigningRequests,
    &certificates::clustertrustbundles::ClusterTrustBundles,
    &certificates::podcertificaterequests::PodCertificateRequests,
    &networking::ingressclasses::IngressClasses,
    &networking::ingresses::Ingresses,
    &networking::ipaddresses::IPAddresses,
    &networking::networkpolicies::NetworkPolicies,
    &networking::servicecidrs::ServiceCIDRs,
    &policy::poddisruptionbudgets::PodDisruptionBudgets,
    &rbac::clusterrolebindings::ClusterRoleBindings,
    &rbac::clusterroles::ClusterRoles,
    &rbac::rolebindings::RoleBindings,
    &rbac::roles::Roles,
    &storage::csidrivers::CSIDrivers,
    &storage::csinodes::CSINodes,
    &storage::csistoragecapacities::CSIStorageCapacities,
    &storage::storageclasses::StorageClasses,
    &storage::volumeattachments::VolumeAttachments,
    &storage::volumeattributesclasses::VolumeAttributesClasses,
    &admissionregistration::mutatingadmissionpolicies::MutatingAdmissionPolicies,
    &admissionregistration::mutatingadmissionpolicybindings::MutatingAdmissionPolicyBindings,
    &admissionregistration::mutatingwebhookconfigurations::MutatingWebhookConfigurations,
    &admissionregistration::validatingadmissionpolicies::ValidatingAdmissionPolicies,
    &admissionregistration::validatingadmissionpolicybindings::ValidatingAdmissionPolicyBindings,
    &admissionregistration::validatingwebhookconfigurations::ValidatingWebhookConfigurations,
    &apiextensions::customresourcedefinitions::CustomResourceDefinitions,
    &scheduling::priorityclasses::PriorityClasses,
    &coordination::leases::Leases,
    &node::runtimeclasses::RuntimeClasses,
    &discovery::endpointslices::EndpointSlices,
    &resource::deviceclasses::DeviceClasses,
    &resource::devicetaintrules::DeviceTaintRules,
    &resource::resourceclaims::ResourceClaims,
    &resource::resourceclaimtemplates::ResourceClaimTemplates,
    &resource::resourceslices::ResourceSlices,
    &flowcontrol::flowschemas::FlowSchemas,
    &flowcontrol::prioritylevelconfigurations::PriorityLevelConfigurations,
    &storagemigration::storageversionmigrations::StorageVersionMigrations,
];
