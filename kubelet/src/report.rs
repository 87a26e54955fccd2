//! What is said of a pod: its status, by what its runtime shows. Pure; reasons and words are upstream's.

mod change;
mod conditions;
mod containers;
mod phase;

use std::net::IpAddr;

pub(crate) use change::change;
pub(crate) use containers::formatted;
use keelson_api::time::UnixMillis;
use keelson_client::Time;

use crate::life::Step;
use crate::pod::Pod;
use crate::room::Refusal;
use crate::runtime::Observed;
use crate::status::{Address, Phase, Status};

/// Why and in which words a pod ends whose time ran out.
pub(crate) const EXPIRED: (&str, &str) =
    ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");

/// What a pod's status is to be. `said` is what was last said of it.
pub(crate) fn report(
    pod: &Pod,
    said: &Status,
    observed: &Observed,
    step: &Step,
    host: &[IpAddr],
    now: UnixMillis,
) -> Status {
    let mut status = Status {
        observed_generation: pod.metadata.generation,
        start_time: said.start_time.or(Some(Time::of(now))),
        init_container_statuses: containers::beginning(pod, said, observed, step),
        container_statuses: containers::regular(pod, said, observed, step),
        ephemeral_container_statuses: containers::ephemeral(pod, said, observed, step),
        ..Status::default()
    };
    let ends = step.over && !observed.is_running();
    status.phase = phase::phase(pod, &status, ends);
    if ends && !status.phase.is_terminal() {
        // It ends before it has begun.
        status.phase = Phase::Failed;
    }
    let held = [said, &pod.status].into_iter().find(|status| status.phase.is_terminal());
    if let Some(held) = held {
        status.phase = held.phase;
    } else if status.phase.is_terminal() && observed.is_running() {
        // Nobody may think that it is over before it is.
        status.phase = said.phase;
    }
    if status.phase == said.phase {
        (status.reason, status.message) = (said.reason.clone(), said.message.clone());
    }
    if step.expired && ends && held.is_none() {
        status.phase = Phase::Failed;
        (status.reason, status.message) = (EXPIRED.0.into(), EXPIRED.1.into());
    }
    addresses(pod, said, observed, host, &mut status);
    status.conditions = conditions::conditions(pod, said, observed, &status, now);
    status
}

/// What is said of a pod that the node does not take.
pub(crate) fn refused(pod: &Pod, refusal: &Refusal, now: UnixMillis) -> Status {
    Status {
        observed_generation: pod.metadata.generation,
        phase: Phase::Failed,
        reason: refusal.reason.into(),
        message: format!("Pod was rejected: {}", refusal.message),
        start_time: pod.status.start_time.or(Some(Time::of(now))),
        conditions: pod.status.conditions.clone(),
        ..Status::default()
    }
}

fn addresses(pod: &Pod, said: &Status, observed: &Observed, host: &[IpAddr], status: &mut Status) {
    let listed = |ips: &[IpAddr]| ips.iter().map(|ip| Address { ip: *ip }).collect::<Vec<_>>();
    status.host_ips = listed(host);
    status.host_ip = host.first().copied();
    status.pod_ips = match &observed.network {
        Some(_) if pod.spec.host_network => listed(host),
        Some(ips) => listed(ips),
        // Addresses are said as long as the pod is there.
        None => said.pod_ips.clone(),
    };
    status.pod_ip = status.pod_ips.first().map(|address| address.ip);
}
