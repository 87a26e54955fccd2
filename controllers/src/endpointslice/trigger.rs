//! What has led to a change of endpoints, and when that was: written beside them, so that people can tell how long it took
//! until traffic went where it should.
//!
//! This is the one thing that controllers of endpoints remember: of each service, the times that they have seen already.
//! Whoever begins anew takes the service's own time, as upstream does.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use keelson_client::{Key, Kind, Time};
use parking_lot::Mutex;

use crate::views::pod::Pod;
use crate::views::service::Service;

/// The annotation.
pub(crate) const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// The times that were seen, by service.
#[derive(Debug, Default)]
pub(crate) struct TriggerTimes {
    seen: Mutex<HashMap<Key, Seen>>,
}

/// When a service was made, and when each of its pods became ready or ceased to be.
#[derive(Debug, Default)]
struct Seen {
    service: Option<Time>,
    pods: HashMap<CompactString, Time>,
}

impl TriggerTimes {
    /// The earliest of the times that were not seen yet; of a service that was not seen, when it was made.
    pub(crate) fn of(&self, service: &Service, pods: &[Arc<Pod>]) -> Option<Time> {
        let times = pods
            .iter()
            .filter_map(|pod| Some((pod.metadata.name.clone(), pod.status.conditions.ready.since?)));
        let now = Seen { service: service.metadata.creation_timestamp, pods: times.collect() };
        let mut seen = self.seen.lock();
        let Some(before) = seen.get(&service.key()) else {
            let made = now.service;
            seen.insert(service.key(), now);
            return made;
        };
        let is_new =
            |(name, time): &(&CompactString, &Time)| before.pods.get(*name).is_none_or(|known| *time > known);
        let changed = now.pods.iter().filter(is_new).map(|(_, time)| *time);
        let earliest = changed.chain(now.service.filter(|_| now.service > before.service)).min();
        seen.insert(service.key(), now);
        earliest
    }

    /// A service is gone.
    pub(crate) fn forget(&self, key: &Key) {
        self.seen.lock().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pods(times: &[(&str, &str)]) -> Vec<Arc<Pod>> {
        let pod = |(name, time): &(&str, &str)| {
            let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": format!("2026-01-01T{time}Z")}]);
            let pod = json!({"metadata": {"name": name}, "status": {"conditions": ready}});
            Arc::new(serde_json::from_value(pod).unwrap())
        };
        times.iter().map(pod).collect()
    }

    #[test]
    fn the_earliest_change_counts() {
        let service = |time: &str| -> Service {
            let metadata = json!({"name": "s", "creationTimestamp": format!("2026-01-01T{time}Z")});
            serde_json::from_value(json!({"metadata": metadata})).unwrap()
        };
        let triggers = TriggerTimes::default();
        let of = |made: &str, times: &[(&str, &str)]| {
            let time = triggers.of(&service(made), &pods(times));
            time.map(|time| time.to_string()[11..19].to_owned()).unwrap_or_default()
        };
        assert_eq!(of("00:00:00", &[("a", "00:00:05")]), "00:00:00", "it was not known");
        assert_eq!(of("00:00:00", &[("a", "00:00:05")]), "");
        assert_eq!(of("00:00:00", &[("a", "00:00:09"), ("b", "00:00:07")]), "00:00:07");
        assert_eq!(of("00:00:00", &[("a", "00:00:09"), ("b", "00:00:08")]), "00:00:08");
        assert_eq!(of("00:01:00", &[("a", "00:00:09")]), "00:01:00", "it is another one");
        triggers.forget(&Key::new("", "s"));
        assert_eq!(triggers.of(&service("00:01:00"), &[]).unwrap().to_string(), "2026-01-01T00:01:00Z");
    }
}
