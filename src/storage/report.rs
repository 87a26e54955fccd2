//! What is told of stored data: by a running server over its control socket, or by the command that opened it, in
//! the same words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is stored and what it takes up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// The process that has it open.
    pub(crate) pid: u32,
    pub(crate) head: u64,
    pub(crate) floor: u64,
    pub(crate) objects: Vec<(String, u64)>,
    pub(crate) history_events: u64,
    pub(crate) history_bytes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) base_bytes: u64,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) watches: u64,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == std::process::id() {
            writeln!(f, "server:    none running")?;
        } else {
            writeln!(f, "server:    process {}, {} watches", self.pid, self.watches)?;
        }
        writeln!(f, "revision:  {}", self.head)?;
        let (events, bytes) = (self.history_events, Bytes(self.history_bytes));
        writeln!(f, "history:   from revision {}, {events} events, {bytes}", self.floor)?;
        let (log, base) = (Bytes(self.log_bytes), Bytes(self.base_bytes));
        writeln!(f, "disk:      {} ({log} log, {base} base)", Bytes(self.log_bytes + self.base_bytes))?;
        if let Some(free) = self.free_bytes {
            writeln!(f, "disk left: {}", Bytes(free))?;
        }
        writeln!(f, "objects:   {}", self.objects.iter().map(|(_, count)| count).sum::<u64>())?;
        for (resource, count) in &self.objects {
            writeln!(f, "  {resource}: {count}")?;
        }
        Ok(())
    }
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checked {
    pub(crate) head: u64,
    pub(crate) floor: u64,
    pub(crate) base_objects: u64,
    pub(crate) base_bytes: u64,
    pub(crate) log_writes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) torn: Option<String>,
    pub(crate) problems: Vec<String>,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "damaged:   {problem}")?;
        }
        writeln!(
            f,
            "base:      {} objects, {}, at revision {}",
            self.base_objects,
            Bytes(self.base_bytes),
            self.floor
        )?;
        writeln!(
            f,
            "log:       {} writes, {}, to revision {}",
            self.log_writes,
            Bytes(self.log_bytes),
            self.head
        )?;
        if let Some(torn) = &self.torn {
            writeln!(f, "cut short: a write that was never acknowledged, {torn}; dropped at the next start")?;
        }
        let verdict = if self.problems.is_empty() { "everything is sound" } else { "restore a snapshot" };
        writeln!(f, "verdict:   {verdict}")
    }
}

/// What compacting has brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Compacted {
    pub(crate) floor: u64,
    pub(crate) bytes_before: u64,
    pub(crate) bytes_after: u64,
}

impl fmt::Display for Compacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (Bytes(self.bytes_before), Bytes(self.bytes_after));
        writeln!(f, "history now begins at revision {}; on disk {before} became {after}", self.floor)
    }
}

/// A number of bytes, for people.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1024.0 {
                return if unit == "B" { write!(f, "{value} B") } else { write!(f, "{value:.1} {unit}") };
            }
            value /= 1024.0;
        }
        write!(f, "{value:.1} TiB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_for_people() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3.0 TiB")]
        {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
