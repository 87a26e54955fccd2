//! What there is to be measured, by name.

use anyhow::{Result, bail};

use crate::bodies::Form::{self, Json, Protobuf};

/// A thing to be measured.
#[derive(Debug, PartialEq)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
}

/// How it is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Requests, as many as go.
    Closed(Request, Form),
    /// Requests at a rate.
    Open(Request, Form),
    /// Events, to so many watchers; written as fast as goes, or so many each second.
    Watch { watchers: usize, writes: u64, form: Form, pace: Option<f64> },
    /// A server that holds nothing: how soon it is ready, and what it takes up.
    Empty,
    /// A server that holds many objects: what it takes up, and how soon it is ready again.
    Filled,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    CreateConfigMap,
    CreatePod,
    GetPod,
    RenewLease,
    PatchStatus,
    Apply,
    List(Listing),
    /// What nodes do: five renewals of a lease, three reads of a pod and two of its status written, in turns.
    Nodes,
}

/// How a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// As it is now.
    Whole,
    /// As it is known, `resourceVersion=0`.
    Known,
    /// In pages of 500; each page counts.
    Pages,
}

const fn workload(name: &'static str, about: &'static str, kind: Kind) -> Workload {
    Workload { name, about, kind }
}

/// All of them, in the order of the report.
pub(crate) const ALL: &[Workload] = &[
    workload("create-configmap", "create ConfigMap 1 KB, JSON", Kind::Closed(Request::CreateConfigMap, Json)),
    workload(
        "create-configmap-protobuf",
        "create ConfigMap 1 KB, protobuf",
        Kind::Closed(Request::CreateConfigMap, Protobuf),
    ),
    workload("create-pod", "create pod, JSON", Kind::Closed(Request::CreatePod, Json)),
    workload("create-pod-protobuf", "create pod, protobuf", Kind::Closed(Request::CreatePod, Protobuf)),
    workload("get-pod", "get pod, JSON", Kind::Closed(Request::GetPod, Json)),
    workload("get-pod-protobuf", "get pod, protobuf", Kind::Closed(Request::GetPod, Protobuf)),
    workload("update-lease", "lease PUT, JSON", Kind::Closed(Request::RenewLease, Json)),
    workload("update-lease-protobuf", "lease PUT, protobuf", Kind::Closed(Request::RenewLease, Protobuf)),
    workload(
        "update-lease-open",
        "lease PUT, protobuf, at a rate",
        Kind::Open(Request::RenewLease, Protobuf),
    ),
    workload("patch-pod-status", "pod status patch, strategic", Kind::Closed(Request::PatchStatus, Json)),
    workload("apply-configmap", "server-side apply 1 KB", Kind::Closed(Request::Apply, Json)),
    workload("nodes", "mixed, like nodes", Kind::Closed(Request::Nodes, Protobuf)),
    workload("nodes-open", "mixed, like nodes, at a rate", Kind::Open(Request::Nodes, Protobuf)),
    workload("list-pods", "list of pods, JSON", Kind::Closed(Request::List(Listing::Whole), Json)),
    workload(
        "list-pods-known",
        "list of pods, JSON, resourceVersion=0",
        Kind::Closed(Request::List(Listing::Known), Json),
    ),
    workload("list-pods-pages", "page of 500 pods, JSON", Kind::Closed(Request::List(Listing::Pages), Json)),
    workload(
        "list-pods-protobuf",
        "list of pods, protobuf",
        Kind::Closed(Request::List(Listing::Whole), Protobuf),
    ),
    workload(
        "list-pods-known-protobuf",
        "list of pods, protobuf, resourceVersion=0",
        Kind::Closed(Request::List(Listing::Known), Protobuf),
    ),
    workload(
        "list-pods-pages-protobuf",
        "page of 500 pods, protobuf",
        Kind::Closed(Request::List(Listing::Pages), Protobuf),
    ),
    workload(
        "watch-100",
        "event to one of 100 watchers, JSON",
        Kind::Watch { watchers: 100, writes: 2_000, form: Json, pace: None },
    ),
    workload(
        "watch-100-protobuf",
        "event to one of 100 watchers, protobuf",
        Kind::Watch { watchers: 100, writes: 2_000, form: Protobuf, pace: None },
    ),
    workload(
        "watch-100-paced",
        "the same at 100 writes/s",
        Kind::Watch { watchers: 100, writes: 500, form: Protobuf, pace: Some(100.0) },
    ),
    workload(
        "watch-1000",
        "event to one of 1,000 watchers, JSON",
        Kind::Watch { watchers: 1_000, writes: 200, form: Json, pace: None },
    ),
    workload(
        "watch-1000-protobuf",
        "event to one of 1,000 watchers, protobuf",
        Kind::Watch { watchers: 1_000, writes: 200, form: Protobuf, pace: None },
    ),
    workload("start", "start and memory, empty", Kind::Empty),
    workload("memory", "memory and start with many pods", Kind::Filled),
];

/// Those with this name, or whose names begin so if it ends in `*`.
pub(crate) fn chosen(name: &str) -> Result<Vec<&'static Workload>> {
    let chosen: Vec<_> = match name.strip_suffix('*') {
        Some(beginning) => ALL.iter().filter(|workload| workload.name.starts_with(beginning)).collect(),
        None if name == "all" => ALL.iter().collect(),
        // Filling a server takes minutes, so that has to be asked for.
        None if name == "usual" => ALL.iter().filter(|workload| workload.kind != Kind::Filled).collect(),
        None => ALL.iter().filter(|workload| workload.name == name).collect(),
    };
    if chosen.is_empty() {
        bail!("there is no workload {name}; see --help");
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_chosen_by_their_names() {
        let names =
            |name: &str| chosen(name).unwrap().iter().map(|workload| workload.name).collect::<Vec<_>>();
        assert_eq!(names("start"), ["start"]);
        assert_eq!(names("get-*"), ["get-pod", "get-pod-protobuf"]);
        assert_eq!(names("all").len(), ALL.len());
        assert!(chosen("invented").is_err());
    }
}
