//! What the process takes up, as the kernel tells it, and what it may.

use std::fs;

use keelson_api::time::UnixMillis;
use keelson_apiserver::metrics::Figure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Reads the process's figures by the names that Prometheus gave them. What cannot be read is left out.
pub(crate) fn figures(started: UnixMillis) -> Vec<Figure> {
    let mut figures = Vec::with_capacity(6);
    if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(parse) {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let page = rustix::param::page_size() as f64;
        figures.extend([
            Figure::one(
                "process_cpu_seconds_total",
                "CPU time the process has used, in seconds",
                true,
                stat.cpu_ticks as f64 / ticks,
            ),
            Figure::one(
                "process_resident_memory_bytes",
                "Memory that is resident",
                false,
                stat.resident_pages as f64 * page,
            ),
            Figure::one(
                "process_virtual_memory_bytes",
                "Address space in use",
                false,
                stat.virtual_bytes as f64,
            ),
        ]);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        figures.push(Figure::one("process_open_fds", "Open file descriptors", false, open.count() as f64));
    }
    if let Some(max) = getrlimit(Resource::Nofile).current {
        figures.push(Figure::one("process_max_fds", "File descriptors it may open", false, max as f64));
    }
    let help = "When the process started, in seconds since 1970";
    figures.push(Figure::one("process_start_time_seconds", help, false, started.0 as f64 / 1e3));
    figures
}

/// Takes as many open files as the system allows. A connection is one, and what a process begins with is meant for
/// programs that have few: there it would end at a thousand clients.
pub(crate) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "cannot have more open files than {:?}", limit.current);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

/// The fields count from behind the command's name, which may itself hold anything.
fn parse(stat: &str) -> Option<Stat> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        cpu_ticks: number(11)? + number(12)?,
        virtual_bytes: number(20)?,
        resident_pages: number(21)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_have_any_name() {
        let stat = "7 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 100 20 13 14 15 16 17 18 19 4096 3 22";
        assert_eq!(parse(stat), Some(Stat { cpu_ticks: 120, virtual_bytes: 4096, resident_pages: 3 }));
        assert_eq!(parse("nonsense"), None);
    }

    #[test]
    fn this_process_has_figures() {
        let names: Vec<_> = figures(UnixMillis(1)).iter().map(|figure| figure.name).collect();
        assert_eq!(names.len(), 6, "{names:?}");
    }
}
