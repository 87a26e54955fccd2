//! Rules for what is done to containers: probes, and hooks of their life.

use keelson_api::field::{Error, Errors};
use keelson_api::names::{number, variable::http_header};

use super::At;
use super::pod_ports::number_or_name;

/// What a container is probed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Liveness,
    Readiness,
    Startup,
}

/// All probes of a container.
pub(super) fn probes(container: &At<'_, '_>, errors: &mut Errors) {
    probe(&container.field("livenessProbe"), For::Liveness, errors);
    probe(&container.field("readinessProbe"), For::Readiness, errors);
    probe(&container.field("startupProbe"), For::Startup, errors);
}

fn probe(probe: &At<'_, '_>, what: For, errors: &mut Errors) {
    if !probe.is_present() {
        return;
    }
    handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], None, errors);
    let counts =
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
    for name in counts {
        probe.field(name).non_negative(errors);
    }
    let grace = probe.field("terminationGracePeriodSeconds");
    if grace.int().is_some_and(|seconds| seconds <= 0) {
        grace.invalid("must be greater than 0", errors);
    }
    let successes = probe.field("successThreshold");
    match what {
        For::Readiness if grace.is_present() => {
            grace.invalid("must not be set for readinessProbes", errors);
        }
        For::Liveness | For::Startup if successes.int() != Some(1) => {
            successes.invalid("must be 1", errors);
        }
        _ => {}
    }
}

/// The hooks of a container's life. `grace` is how long the pod has to end.
pub(super) fn lifecycle(
    lifecycle: &At<'_, '_>,
    system: &At<'_, '_>,
    grace: Option<i64>,
    errors: &mut Errors,
) {
    for name in ["postStart", "preStop"] {
        let hook = lifecycle.field(name);
        if hook.is_present() {
            handler(&hook, &["exec", "httpGet", "tcpSocket", "sleep"], grace, errors);
        }
    }
    let signal = lifecycle.field("stopSignal");
    if !signal.is_present() {
        return;
    }
    match system.field("name").text() {
        _ if !system.is_present() => {
            signal.forbidden("may not be set for containers with empty `spec.os.name`", errors);
        }
        "windows" => signal.one_of(&["SIGKILL", "SIGTERM"], errors),
        "linux" => {
            let known = signals();
            signal.one_of(&known.iter().map(String::as_str).collect::<Vec<_>>(), errors);
        }
        _ => {}
    }
}

/// The signals of Linux, in the order of their names.
fn signals() -> Vec<String> {
    const NAMED: &str = "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV \
        STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMAX RTMIN";
    let named = NAMED.split_whitespace().map(|name| format!("SIG{name}"));
    let low = (1..=15).map(|number| format!("SIGRTMIN+{number}"));
    let high = (1..=14).map(|number| format!("SIGRTMAX-{number}"));
    let mut all: Vec<String> = named.chain(low).chain(high).collect();
    all.sort_unstable();
    all
}

/// One thing that is done, of these kinds.
fn handler(handler: &At<'_, '_>, kinds: &[&str], grace: Option<i64>, errors: &mut Errors) {
    let mut is_chosen = false;
    for name in kinds {
        let action = handler.field(name);
        if !action.is_present() {
            continue;
        }
        if is_chosen {
            action.forbidden("may not specify more than 1 handler type", errors);
            continue;
        }
        is_chosen = true;
        match *name {
            "exec" => _ = action.field("command").require(errors),
            "httpGet" => http(&action, errors),
            "tcpSocket" => number_or_name(&action.field("port"), errors),
            "grpc" => grpc(&action, errors),
            _ => sleep(&action, grace, errors),
        }
    }
    if !is_chosen {
        handler.missing("must specify a handler type", errors);
    }
}

fn http(get: &At<'_, '_>, errors: &mut Errors) {
    get.field("path").require(errors);
    number_or_name(&get.field("port"), errors);
    let scheme = get.field("scheme");
    scheme.one_of(&["HTTP", "HTTPS"], errors);
    let headers = get.field("httpHeaders");
    for header in headers.view.items() {
        let name = header.field("name").text();
        errors.push_invalid(&headers.path, name, http_header(name));
    }
    let (protocol, host) = (get.field("protocol"), get.field("host"));
    if !protocol.is_present() {
        return;
    }
    protocol.one_of(&["HTTP1", "HTTP2"], errors);
    if protocol.text() == "HTTP2" {
        if scheme.text() != "HTTP" {
            protocol.invalid("is only supported with HTTP (H2C)", errors);
        } else if !host.is_empty() {
            host.invalid(r#"must be empty when `protocol` is "HTTP2""#, errors);
        }
    }
}

fn grpc(call: &At<'_, '_>, errors: &mut Errors) {
    let port = call.field("port");
    let number = port.int().unwrap_or(0);
    for reason in number::port(number) {
        errors.push(Error::invalid(&port.path, number, reason));
    }
    let mode = call.field("mode");
    if mode.is_present() {
        mode.one_of(&["Plaintext", "TLS"], errors);
    }
}

/// A pause is no longer than the pod has to end. Where that is not said, this is told elsewhere.
fn sleep(sleep: &At<'_, '_>, grace: Option<i64>, errors: &mut Errors) {
    let Some(grace) = grace else { return };
    let seconds = sleep.field("seconds").int().unwrap_or(0);
    if !(0..=grace).contains(&seconds) {
        let words = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.push(Error::invalid(&sleep.path, seconds, words));
    }
}
