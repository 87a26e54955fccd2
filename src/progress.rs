//! What a person in front of the terminal is told while the cluster comes up. A machine reads the log instead.

use std::io::Write;

use crate::config::{LogFormat, Settings};

/// Tells, or keeps quiet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    tells: bool,
    steps: bool,
}

impl Progress {
    /// Tells people, and each step only on a first start: later ones are over before a line is read.
    pub(crate) fn new(settings: &Settings, first_start: bool) -> Self {
        let tells = settings.log_format == LogFormat::Human;
        Self { tells, steps: tells && first_start }
    }

    /// Something is being done.
    pub(crate) fn step(self, line: &str) {
        if self.steps {
            show(&format!("  {line}"));
        }
    }

    /// Everything is done. Returns whether somebody was told.
    pub(crate) fn done(self, line: &str) -> bool {
        if self.tells {
            show(line);
        }
        self.tells
    }
}

/// Nobody may be reading any more, which is no reason to end.
fn show(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
