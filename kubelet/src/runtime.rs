//! What passes between a node and whatever runs its containers.
//!
//! A runtime shows what there is of a pod ([`Observed`]) and does what it is told ([`Call`]); whether that was right it
//! does not judge. It wakes the pod's key when something has changed by itself.

use std::net::IpAddr;

use compact_str::CompactString;
use keelson_api::time::UnixMillis;

/// What a runtime has of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The pod's addresses, once there is a network for it. A pod in its node's network has none of its own.
    pub(crate) network: Option<Vec<IpAddr>>,
    /// The latest attempt of each container that was ever started.
    pub(crate) containers: Vec<Container>,
}

impl Observed {
    /// The container of a name.
    pub(crate) fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// Whether some container has not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.containers.iter().any(|container| !container.has_ended())
    }
}

/// The latest attempt of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: CompactString,
    /// How often it was started before.
    pub(crate) attempt: u32,
    /// With the runtime's scheme in front.
    pub(crate) id: CompactString,
    pub(crate) image_id: CompactString,
    pub(crate) state: State,
    /// How the attempt before ended.
    pub(crate) last: Option<Ended>,
    /// When it is killed, if it was told to end.
    pub(crate) stopping: Option<UnixMillis>,
}

impl Container {
    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<&Ended> {
        if let State::Ended(ended) = &self.state { Some(ended) } else { None }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended().is_some()
    }
}

/// Where a container stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is being made.
    Creating,
    Running {
        since: UnixMillis,
        /// Whether it has come up.
        started: bool,
        /// Whether it can serve.
        ready: bool,
    },
    Ended(Ended),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) id: CompactString,
    pub(crate) code: i32,
    pub(crate) reason: CompactString,
    pub(crate) message: String,
    pub(crate) started: UnixMillis,
    pub(crate) finished: UnixMillis,
}

/// What a runtime is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Give the pod a network.
    Network,
    /// Start a container.
    Start {
        name: CompactString,
        /// How often it was started before.
        attempt: u32,
    },
    /// Tell a container to end, and kill it then.
    Stop { name: CompactString, kill_at: UnixMillis },
}
