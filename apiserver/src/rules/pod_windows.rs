//! Rules for pods of Windows, and for what only pods of Windows or only pods of Linux can have.

use keelson_api::field::{Error, Errors};
use keelson_api::names::dns;

use super::At;
use super::pod_containers::each;

/// How much a credential's description may say.
const CREDENTIAL_BYTES_MAX: usize = 64 * 1024;
/// How long the domain of a user can be, and the user.
const DOMAIN_BYTES_MAX: usize = 256;
const USER_BYTES_MAX: usize = 104;

/// What is said for Windows of a pod or a container.
pub(super) fn options(options: &At<'_, '_>, errors: &mut Errors) {
    let name = options.field("gmsaCredentialSpecName");
    if name.is_present() {
        for reason in dns::subdomain(name.text()) {
            errors.push(Error::invalid(&name.path, Some(name.text()), reason));
        }
    }
    let credential = options.field("gmsaCredentialSpec");
    if credential.is_present() {
        let words = match credential.text().len() {
            0 => Some("gmsaCredentialSpec cannot be an empty string"),
            bytes if bytes > CREDENTIAL_BYTES_MAX => Some("gmsaCredentialSpec size must be under 64 KiB"),
            _ => None,
        };
        if let Some(words) = words {
            credential.invalid(words, errors);
        }
    }
    let user = options.field("runAsUserName");
    if user.is_present() {
        for words in wrong_with_user(user.text()) {
            user.invalid(words, errors);
        }
    }
}

/// What is wrong with a user's name: `user` or `domain\user`.
fn wrong_with_user(text: &str) -> Vec<&'static str> {
    let parts: Vec<&str> = text.split('\\').collect();
    let (domain, user) = match &parts[..] {
        [""] => return vec!["runAsUserName cannot be an empty string"],
        _ if text.contains(|c: char| c.is_ascii_control()) => {
            return vec!["runAsUserName cannot contain control characters"];
        }
        [user] => (None, *user),
        [domain, user] => (Some(*domain), *user),
        _ => return vec!["runAsUserName cannot contain more than one backslash"],
    };
    let cannot_be = |c: char| r#""/\:;|=,+*?<>@[]"#.contains(c);
    let rules = [
        (
            domain.is_some_and(|domain| domain.len() >= DOMAIN_BYTES_MAX),
            "runAsUserName's Domain length must be under 256 characters",
        ),
        (
            domain.is_some_and(|domain| !is_net_bios(domain) && !is_domain(domain)),
            "runAsUserName's Domain doesn't match the NetBios nor the DNS format",
        ),
        (user.is_empty(), "runAsUserName's User cannot be empty"),
        (user.len() > USER_BYTES_MAX, "runAsUserName's User length must not be longer than 104 characters"),
        (
            !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')),
            "runAsUserName's User cannot contain only periods or spaces",
        ),
        (
            user.contains(cannot_be),
            r#"runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[]"#,
        ),
    ];
    rules.into_iter().filter(|(breaks, _)| *breaks).map(|(_, words)| words).collect()
}

fn is_net_bios(domain: &str) -> bool {
    (1..=15).contains(&domain.chars().count())
        && !domain.starts_with('.')
        && !domain.contains(|c| r#"\/:*?"<>|"#.contains(c))
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let is_edge = |c: char| c.is_ascii_alphanumeric();
        (1..=63).contains(&label.len())
            && label.starts_with(is_edge)
            && label.ends_with(is_edge)
            && label.chars().all(|c| is_edge(c) || c == '-')
    })
}

/// If one container is a process of the host, all are, and the pod is in the host's network.
pub(super) fn host_processes(spec: &At<'_, '_>, errors: &mut Errors) {
    let of_pod = spec.view.path("securityContext.windowsOptions.hostProcess");
    let (mut all, mut on_host) = (0, 0);
    each(spec, |container| {
        all += 1;
        let context = container.field("securityContext");
        let options = context.field("windowsOptions");
        let own = options.field("hostProcess");
        if of_pod.is_present() && own.is_present() && of_pod.is_true() != own.is_true() {
            let words = format!(
                "pod hostProcess value must be identical if both are specified, was {}",
                of_pod.is_true()
            );
            own.invalid(words, errors);
        }
        if own.is_true() || !own.is_present() && of_pod.is_true() {
            on_host += 1;
        }
    });
    if on_host == 0 {
        return;
    }
    if on_host != all {
        let words =
            "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        errors.push(Error::invalid(&spec.path, "", words));
    }
    let network = spec.field("hostNetwork");
    if !network.is_true() {
        network.invalid("hostNetwork must be true if pod contains any hostProcess containers", errors);
    }
}

/// The operating system, and what that does not have.
pub(super) fn system(spec: &At<'_, '_>, errors: &mut Errors) {
    let system = spec.field("os");
    let name = system.field("name");
    if !system.is_present() || !name.require(errors) {
        return;
    }
    match name.text() {
        "linux" => only_linux(spec, errors),
        "windows" => only_windows(spec, errors),
        // As upstream: the message shows the name and looks for it in what it is the name of.
        _ => At { view: name.view, path: system.path }.not_supported(&["linux", "windows"], errors),
    }
}

fn only_linux(spec: &At<'_, '_>, errors: &mut Errors) {
    const WORDS: &str = "windows options cannot be set for a linux pod";
    let mut refuse = |context: &At<'_, '_>| {
        let options = context.field("windowsOptions");
        if options.is_present() {
            options.forbidden(WORDS, errors);
        }
    };
    refuse(&spec.field("securityContext"));
    each(spec, |container| refuse(&container.field("securityContext")));
}

/// What a pod of Windows cannot have.
const NOT_IN_PODS: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "seLinuxChangePolicy",
];

const NOT_IN_CONTAINERS: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

fn only_windows(spec: &At<'_, '_>, errors: &mut Errors) {
    let mut refuse = |of: &At<'_, '_>, names: &[&str]| {
        for name in names {
            let field = of.field(name);
            if field.is_present() {
                field.forbidden("cannot be set for a windows pod", errors);
            }
        }
    };
    refuse(&spec.field("securityContext"), NOT_IN_PODS);
    refuse(spec, &["hostUsers", "hostPID", "hostIPC", "shareProcessNamespace"]);
    each(spec, |container| refuse(&container.field("securityContext"), NOT_IN_CONTAINERS));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_may_be_of_domains() {
        let good = ["user", r"domain\user", r"a.example.com\user", "a b", r"NT AUTHORITY\SYSTEM"];
        for name in good {
            assert_eq!(wrong_with_user(name), [] as [&str; 0], "{name}");
        }
        let bad = [
            ("", "cannot be an empty string"),
            ("a\tb", "cannot contain control characters"),
            (r"a\b\c", "cannot contain more than one backslash"),
            (r"a\", "'s User cannot be empty"),
            (r".a..b\c", "'s Domain doesn't match the NetBios nor the DNS format"),
            (". .", "'s User cannot contain only periods or spaces"),
        ];
        for (name, words) in bad {
            assert_eq!(
                wrong_with_user(name),
                [format!("runAsUserName{}{words}", if words.starts_with('\'') { "" } else { " " })],
                "{name}"
            );
        }
    }
}
