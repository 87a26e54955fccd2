//! Rules for what pods and containers may do: users, capabilities, profiles, kernel parameters.

use std::collections::HashSet;

use keelson_api::field::{Detail, Error, Errors};
use keelson_api::names::number::{group_id, user_id};

use super::At;
use super::pod_leniency::Leniency;
use super::pod_windows;
use super::volume_path::is_descending;

/// What a pod may do as a whole.
pub(super) fn of_pod(spec: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let context = spec.field("securityContext");
    if !context.is_present() {
        return;
    }
    id(&context.field("fsGroup"), group_id, errors);
    id(&context.field("runAsUser"), user_id, errors);
    id(&context.field("runAsGroup"), group_id, errors);
    for group in context.field("supplementalGroups").items() {
        id(&group, group_id, errors);
    }
    sysctls(spec, &context.field("sysctls"), lenient, errors);
    choice(&context.field("fsGroupChangePolicy"), &["Always", "OnRootMismatch"], errors);
    seccomp(&context.field("seccompProfile"), errors);
    pod_windows::options(&context.field("windowsOptions"), errors);
    app_armor(&context.field("appArmorProfile"), errors);
    choice(&context.field("supplementalGroupsPolicy"), &["Merge", "Strict"], errors);
    choice(&context.field("seLinuxChangePolicy"), &["MountOption", "Recursive"], errors);
}

fn id(id: &At<'_, '_>, rule: fn(i64) -> Vec<Detail>, errors: &mut Errors) {
    for reason in id.int().map(rule).unwrap_or_default() {
        id.invalid(reason, errors);
    }
}

/// One of a few, if anything is said.
fn choice(choice: &At<'_, '_>, supported: &[&str], errors: &mut Errors) {
    if choice.is_present() {
        choice.one_of(supported, errors);
    }
}

/// What a container may do. `host_users`: users of the container are users of the host.
pub(super) fn of_container(context: &At<'_, '_>, host_users: bool, lenient: &Leniency, errors: &mut Errors) {
    if !context.is_present() {
        return;
    }
    id(&context.field("runAsUser"), user_id, errors);
    id(&context.field("runAsGroup"), group_id, errors);
    let mount = context.field("procMount");
    if mount.is_present() {
        mount.one_of(&["Default", "Unmasked"], errors);
        if host_users && mount.text() == "Unmasked" {
            mount.invalid("`hostUsers` must be false to use `Unmasked`", errors);
        }
    }
    seccomp(&context.field("seccompProfile"), errors);
    escalation(context, lenient, errors);
    pod_windows::options(&context.field("windowsOptions"), errors);
    app_armor(&context.field("appArmorProfile"), errors);
}

/// Who may not get more rights must not have all of them.
fn escalation(context: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let escalation = context.field("allowPrivilegeEscalation");
    if !escalation.is_present() || escalation.is_true() {
        return;
    }
    if context.field("privileged").is_true() {
        let words = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
        context.invalid(words, errors);
    }
    let added = context.view.path("capabilities.add");
    for _ in added.items().filter(|one| !lenient.unescalated_admins && one.text() == "CAP_SYS_ADMIN") {
        let words = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
        context.invalid(words, errors);
    }
}

/// The kinds of profiles there are, for seccomp as for `AppArmor`.
const PROFILES: &[&str] = &["Localhost", "RuntimeDefault", "Unconfined"];

fn seccomp(profile: &At<'_, '_>, errors: &mut Errors) {
    if !profile.is_present() {
        return;
    }
    let (kind, local) = (profile.field("type"), profile.field("localhostProfile"));
    if kind.require_saying("type is required when seccompProfile is set", errors) {
        kind.one_of(PROFILES, errors);
    }
    match (kind.text() == "Localhost", local.is_present()) {
        (true, true) => is_descending(&local, errors),
        (true, false) => local.missing("must be set when seccomp type is Localhost", errors),
        (false, true) => {
            // As upstream: it shows the whole profile.
            let of_all = At { view: profile.view, path: local.path };
            of_all.invalid("can only be set when seccomp type is Localhost", errors);
        }
        (false, false) => {}
    }
}

fn app_armor(profile: &At<'_, '_>, errors: &mut Errors) {
    /// The longest path there is.
    const BYTES_MAX: usize = 4095;
    const MISSING: &str = "must be set when AppArmor type is Localhost";
    if !profile.is_present() {
        return;
    }
    let (kind, local) = (profile.field("type"), profile.field("localhostProfile"));
    match kind.text() {
        "Localhost" if !local.is_present() => local.missing(MISSING, errors),
        "Localhost" => {
            let text = local.text();
            if text.trim() != text {
                local.invalid("must not be padded with whitespace", errors);
            } else if text.is_empty() {
                local.missing(MISSING, errors);
            }
            if text.len() > BYTES_MAX {
                errors.push(Error::too_long(&local.path, BYTES_MAX));
            }
        }
        "RuntimeDefault" | "Unconfined" if local.is_present() => {
            local.invalid("can only be set when AppArmor type is Localhost", errors);
        }
        "RuntimeDefault" | "Unconfined" => {}
        "" => kind.missing("type is required when appArmorProfile is set", errors),
        _ => kind.not_supported(PROFILES, errors),
    }
}

fn sysctls(spec: &At<'_, '_>, sysctls: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let mut names = HashSet::new();
    for sysctl in sysctls.items() {
        let name = sysctl.field("name");
        let text = name.text();
        if !name.require(errors) {
        } else if !is_sysctl(text) {
            let words = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            name.invalid(words, errors);
        } else if names.contains(text) {
            name.duplicate(errors);
        }
        if !lenient.sysctls_of_host
            && let Some(words) = is_of_host(spec, text)
        {
            name.invalid(words, errors);
        }
        names.insert(text);
    }
}

/// Whether a text is the name of a kernel parameter: segments between points or slashes.
fn is_sysctl(name: &str) -> bool {
    name.len() <= 253
        && name.split(['.', '/']).all(|segment| {
            let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            segment.starts_with(is_edge)
                && segment.ends_with(is_edge)
                && segment.chars().all(|c| is_edge(c) || matches!(c, '-' | '_'))
        })
}

/// Why a kernel parameter cannot be a pod's own: the pod shares with the host what it is a parameter of.
pub(super) fn is_of_host(spec: &At<'_, '_>, sysctl: &str) -> Option<&'static str> {
    let name = normal_sysctl(sysctl);
    let name = name.split('*').next().unwrap_or_default();
    let of_processes = matches!(
        name,
        "kernel.sem"
            | "kernel.shmall"
            | "kernel.shmmax"
            | "kernel.shmmni"
            | "kernel.shm_rmid_forced"
            | "kernel.shm"
            | "kernel.msgmax"
            | "kernel.msgmnb"
            | "kernel.msgmni"
            | "kernel.msg"
    ) || name.starts_with("fs.mqueue.");
    if spec.field("hostNetwork").is_true() && name.starts_with("net.") {
        Some("may not be specified when 'hostNetwork' is true")
    } else if spec.field("hostIPC").is_true() && of_processes {
        Some("may not be specified when 'hostIPC' is true")
    } else {
        None
    }
}

/// A kernel parameter's name with points between its parts: where a slash comes first, points belong to the parts.
fn normal_sysctl(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(first) if name[first..].starts_with('/') => {
            let swap = |c| match c {
                '/' => '.',
                '.' => '/',
                other => other,
            };
            name.chars().map(swap).collect()
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_parameters_have_segments() {
        assert!(["a", "a.b", "a/b", "net.ipv4.conf.eth0-1_2", "9"].iter().all(|name| is_sysctl(name)));
        assert!(
            ["", ".", "a.", "-a", "A", "a..b", "a_", &"a".repeat(254)].iter().all(|name| !is_sysctl(name))
        );
    }

    #[test]
    fn slashes_may_stand_between_parts() {
        let cases = [
            ("net.ipv4.conf", "net.ipv4.conf"),
            ("net/ipv4/conf", "net.ipv4.conf"),
            ("net/ipv4/conf/eno2.100/rp_filter", "net.ipv4.conf.eno2/100.rp_filter"),
            ("kernel", "kernel"),
        ];
        for (written, expected) in cases {
            assert_eq!(normal_sysctl(written), expected);
        }
    }
}
