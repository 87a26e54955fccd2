//! What processes cost, as the kernel accounts for them.

use std::path::Path;
use std::time::Duration;

/// What some processes have cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Processor time, of user and kernel, of all their threads.
    pub processor: Duration,
    /// Memory they have resident now, in bytes; what they share is counted for each.
    pub resident: u64,
    /// The most memory they have had resident.
    pub resident_at_most: u64,
}

/// What these processes have cost so far.
#[must_use]
pub fn of(pids: &[u32]) -> Cost {
    pids.iter().map(|pid| of_one(*pid)).fold(Cost::default(), |sum, one| Cost {
        processor: sum.processor + one.processor,
        resident: sum.resident + one.resident,
        resident_at_most: sum.resident_at_most + one.resident_at_most,
    })
}

fn of_one(pid: u32) -> Cost {
    let read = |name: &str| {
        let path = Path::new("/proc").join(pid.to_string()).join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let status = read("status");
    Cost {
        processor: processor(&read("stat")),
        resident: kibibytes(&status, "VmRSS:"),
        resident_at_most: kibibytes(&status, "VmHWM:"),
    }
}

/// The time in `utime` and `stime`, the 14th and 15th field; the 2nd is the name in parentheses, which may hold anything.
fn processor(stat: &str) -> Duration {
    let (_, behind_name) = stat.rsplit_once(')').unwrap();
    let ticks: u64 =
        behind_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap()
}

fn kibibytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_is_no_obstacle() {
        let ticks = u64::try_from(rustix::param::clock_ticks_per_second().cast_signed()).unwrap();
        let stat = format!("7 (a) b) S 1 7 7 0 -1 4194304 1 2 3 4 {} {} 0 0 20 0", 3 * ticks, 2 * ticks);
        assert_eq!(processor(&stat), Duration::from_secs(5));
    }

    #[test]
    fn this_process_has_memory() {
        let cost = of(&[std::process::id()]);
        assert!(cost.resident > 1_000_000 && cost.resident_at_most >= cost.resident, "{cost:?}");
    }
}
