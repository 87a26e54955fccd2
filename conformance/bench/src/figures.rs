//! What one round of a workload on one server gave.

use std::collections::BTreeMap;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Figure {
    /// Operations each second.
    Rate,
    /// What half of the operations took at most, in milliseconds.
    Half,
    /// What 99 of 100 operations took at most, in milliseconds.
    Most,
    /// Processor seconds of the server's processes for 1,000 operations.
    Server,
    /// Processor seconds of the client for 1,000 operations.
    Client,
    /// Bytes of answers, in MB each second.
    Bytes,
    /// Memory of the server's processes afterwards, in MB.
    Resident,
    /// Operations that were refused or went wrong.
    Failed,
    /// Until a server that holds nothing is ready, in milliseconds.
    StartEmpty,
    /// Memory of a server that holds nothing and does nothing, in MB.
    ResidentIdle,
    /// Memory once all objects were written, in MB.
    ResidentFull,
    /// Memory after all objects were listed in both encodings, in MB.
    ResidentListed,
    /// Until a server that holds all objects is ready, in milliseconds.
    StartFull,
    /// Memory after that start, in MB.
    ResidentStarted,
    /// What the data takes up on the disk, in MB.
    Disk,
}

impl Figure {
    /// As the head of a column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Rate => "ops/s",
            Self::Half => "p50 ms",
            Self::Most => "p99 ms",
            Self::Server => "server CPU s per 1,000",
            Self::Client => "client CPU s per 1,000",
            Self::Bytes => "MB/s",
            Self::Resident => "RSS MB",
            Self::Failed => "failed",
            Self::StartEmpty => "start, empty, ms",
            Self::ResidentIdle => "RSS idle, MB",
            Self::ResidentFull => "RSS filled, MB",
            Self::ResidentListed => "RSS after lists, MB",
            Self::StartFull => "start, filled, ms",
            Self::ResidentStarted => "RSS after that start, MB",
            Self::Disk => "disk MB",
        }
    }

    /// Whether nothing is said of it where it is zero.
    pub(crate) fn goes_without_saying(self) -> bool {
        matches!(self, Self::Failed | Self::Bytes)
    }
}

/// One round's.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures(BTreeMap<Figure, f64>);

impl Figures {
    /// With one more. What is no number was not measured.
    pub(crate) fn with(mut self, figure: Figure, value: Option<f64>) -> Self {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.0.insert(figure, value);
        }
        self
    }

    /// One of them.
    pub(crate) fn get(&self, figure: Figure) -> Option<f64> {
        self.0.get(&figure).copied()
    }

    /// Which there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = Figure> {
        self.0.keys().copied()
    }
}
