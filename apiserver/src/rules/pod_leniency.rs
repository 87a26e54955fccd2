//! What is let through because it is stored so already: objects of old break rules that have come later, and can still
//! be changed elsewhere.

use keelson_api::field::{Errors, Path};
use keelson_schema::tree::View;

use super::pod_affinity::has_invalid_keys;
use super::pod_containers::each;
use super::pod_resources::is_divisible;
use super::pod_security::is_of_host;
use super::volume_path::is_descending_and_free;
use super::{At, pod_annotations, selector, selector_node};
use crate::defaults::pod_resources::is_huge_page;
use crate::defaults::quantity::amount;

/// What is let through, by what it is that breaks a rule.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leniency {
    /// What the deletion of a pod costs is no number.
    pub(super) deletion_costs: bool,
    /// Huge pages are no multiple of a page.
    pub(super) indivisible_huge_pages: bool,
    /// Selectors of pods have values that no label can have.
    pub(super) selector_values: bool,
    /// Selectors of nodes have values that no label can have.
    pub(super) required_node_values: bool,
    /// Selectors of pods that are to be spread are invalid.
    pub(super) spread_selectors: bool,
    /// Keys of labels of pods that are to be spread stand in their selectors as well.
    pub(super) spread_keys: bool,
    /// Tokens are written to paths that lead up.
    pub(super) token_paths: bool,
    /// Kernel parameters are those of the host.
    pub(super) sysctls_of_host: bool,
    /// Containers that only run first are restarted when they are resized.
    pub(super) restarted_init_containers: bool,
    /// Devices are used by users that are none of the host's.
    pub(super) devices_of_users: bool,
    /// Users that are none of the host's are in its network.
    pub(super) users_in_network: bool,
    /// Images have no reference.
    pub(super) empty_image_references: bool,
    /// Who must not get more rights administers the system.
    pub(super) unescalated_admins: bool,
    /// Values of taints are compared by size.
    pub(super) taint_comparisons: bool,
}

impl Leniency {
    /// What the stored spec of a pod, and its annotations, ask for.
    pub(crate) fn of(old: View<'_>, annotations: View<'_>) -> Self {
        let cost = annotations.key(pod_annotations::DELETION_COST);
        Self { deletion_costs: !pod_annotations::is_cost(cost), ..Self::of_spec(old) }
    }

    /// Whether selectors may have values that no label can have.
    pub(crate) fn has_selector_values(&self) -> bool {
        self.selector_values
    }

    /// What a stored spec asks for.
    pub(crate) fn of_spec(old: View<'_>) -> Self {
        let spec = &At { view: old, path: Path::NOWHERE };
        let affinity = old.field("affinity");
        let sysctls = old.path("securityContext.sysctls");
        let users_are_apart = spec.field("hostUsers").is_present() && !spec.field("hostUsers").is_true();
        let has = |name: &str| any_container(spec, |container| container.field(name).is_present());
        Self {
            deletion_costs: false,
            indivisible_huge_pages: has_odd_pages(spec),
            selector_values: pod_terms(affinity).any(|term| {
                let mut errors = Errors::new();
                let term = At { view: term, path: Path::NOWHERE };
                selector::label_selector(&term.field("labelSelector"), &mut errors);
                selector::label_selector(&term.field("namespaceSelector"), &mut errors);
                !errors.is_empty()
            }),
            required_node_values: selector_node::has_invalid_value(
                affinity.path("nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"),
            ),
            spread_selectors: breaks(|errors| {
                for constraint in spec.field("topologySpreadConstraints").items() {
                    selector::label_selector(&constraint.field("labelSelector"), errors);
                }
            }),
            spread_keys: has_invalid_keys(&spec.field("topologySpreadConstraints")),
            token_paths: breaks(|errors| {
                for source in projected(old).filter(|one| one.field("serviceAccountToken").is_present()) {
                    let path = source.path("serviceAccountToken.path");
                    is_descending_and_free(&At { view: path, path: Path::NOWHERE }, errors);
                }
            }),
            sysctls_of_host: sysctls.items().any(|one| is_of_host(spec, one.field("name").text()).is_some()),
            restarted_init_containers: old.field("initContainers").items().any(|container| {
                let mut policies = container.field("resizePolicy").items();
                container.field("restartPolicy").text() != "Always"
                    && policies.any(|policy| policy.field("restartPolicy").text() == "RestartContainer")
            }),
            devices_of_users: users_are_apart && has("volumeDevices"),
            users_in_network: users_are_apart && spec.field("hostNetwork").is_true(),
            empty_image_references: old.field("volumes").items().any(|volume| {
                let image = volume.field("image");
                image.is_present() && image.field("reference").text().is_empty()
            }),
            unescalated_admins: any_container(spec, |container| {
                let context = container.field("securityContext");
                let escalation = context.field("allowPrivilegeEscalation");
                let mut added = context.path("capabilities.add").items();
                escalation.is_present()
                    && !escalation.is_true()
                    && added.any(|one| one.text() == "CAP_SYS_ADMIN")
            }),
            taint_comparisons: old
                .field("tolerations")
                .items()
                .any(|toleration| matches!(toleration.field("operator").text(), "Lt" | "Gt")),
        }
    }
}

fn breaks(rule: impl FnOnce(&mut Errors)) -> bool {
    let mut errors = Errors::new();
    rule(&mut errors);
    !errors.is_empty()
}

fn any_container(spec: &At<'_, '_>, mut is_so: impl FnMut(View<'_>) -> bool) -> bool {
    let mut any = false;
    each(spec, |container| any |= is_so(container.view));
    any
}

fn has_odd_pages(spec: &At<'_, '_>) -> bool {
    let is_odd = |list: View<'_>| {
        let list = At { view: list, path: Path::NOWHERE };
        let mut pages = list.entries().filter(|(name, _)| is_huge_page(name));
        pages.any(|(name, much)| !is_divisible(name, &amount(much.view)))
    };
    is_odd(spec.view.field("overhead"))
        || any_container(spec, |container| {
            is_odd(container.path("resources.limits")) || is_odd(container.path("resources.requests"))
        })
}

fn pod_terms(affinity: View<'_>) -> impl Iterator<Item = View<'_>> {
    ["podAffinity", "podAntiAffinity"].into_iter().flat_map(move |kind| {
        let kind = affinity.field(kind);
        let preferred = kind.field("preferredDuringSchedulingIgnoredDuringExecution");
        let preferred = preferred.items().map(|one| one.field("podAffinityTerm"));
        kind.field("requiredDuringSchedulingIgnoredDuringExecution").items().chain(preferred)
    })
}

fn projected(spec: View<'_>) -> impl Iterator<Item = View<'_>> {
    spec.field("volumes").items().flat_map(|volume| volume.path("projected.sources").items())
}
