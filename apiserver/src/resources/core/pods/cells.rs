//! What is shown of a pod: how many containers are ready, what state it is in, how often they were started again.

use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Object, Value, View};
use serde_json::json;

use crate::cells::{self, Cell, NONE};
use crate::meta::meta;

/// The cells of a pod's row.
pub(super) fn cells(object: &Object, now: UnixMillis) -> Vec<Cell> {
    let view = object.view();
    let (spec, status) = (view.field("spec"), view.field("status"));
    let state = State::of(object);
    let restarts = match state.restarts {
        restarts @ Restarts { count: 1.., last: Some(_) } => {
            format!("{} ({} ago)", restarts.count, cells::age(restarts.last, now))
        }
        Restarts { count, .. } => count.to_string(),
    };
    vec![
        cells::name(object),
        format!("{}/{}", state.ready, state.containers).into(),
        state.reason.into(),
        restarts.into(),
        cells::age_of(object, now),
        cells::text_or(status.path("podIPs[0].ip"), NONE).into(),
        cells::text_or(spec.field("nodeName"), NONE).into(),
        cells::text_or(status.field("nominatedNodeName"), NONE).into(),
        gates(spec, status).into(),
    ]
}

/// What a pod that has ended is marked with.
pub(super) fn row_conditions(object: &Object) -> Vec<Cell> {
    let phase = object.view().path("status.phase").text();
    let message = match phase {
        "Succeeded" => "The pod has completed successfully.",
        "Failed" => "The pod failed.",
        _ => return Vec::new(),
    };
    vec![json!({"type": "Completed", "status": "True", "reason": phase, "message": message})]
}

/// How many of the conditions that the pod itself waits for are met.
fn gates(spec: View<'_>, status: View<'_>) -> String {
    let gates = spec.field("readinessGates");
    let met =
        gates.items().filter(|gate| condition(status, gate.field("conditionType").text()) == Some("True"));
    match gates.items().len() {
        0 => NONE.into(),
        all => format!("{}/{all}", met.count()),
    }
}

/// The status of the first condition of a type.
fn condition<'a>(status: View<'a>, of: &str) -> Option<&'a str> {
    let conditions = status.field("conditions");
    let found = conditions.items().find(|condition| condition.field("type").text() == of);
    found.map(|condition| condition.field("status").text())
}

/// How often containers were started again, and when the last one had ended.
#[derive(Clone, Copy, Default)]
struct Restarts {
    count: i64,
    last: Option<Time>,
}

impl Restarts {
    fn add(&mut self, container: View<'_>) {
        self.count += cells::integer(container.field("restartCount"));
        let ended = container.path("lastState.terminated.finishedAt").value().and_then(Value::as_time);
        let ended = ended.filter(|time| *time != Time::ZERO);
        let later = |time: &Time| {
            self.last.is_none_or(|last| (last.seconds, last.nanos) < (time.seconds, time.nanos))
        };
        if let Some(time) = ended.filter(later) {
            self.last = Some(time);
        }
    }
}

/// What the status of a pod comes to.
struct State {
    reason: String,
    ready: usize,
    containers: usize,
    restarts: Restarts,
}

impl State {
    fn of(object: &Object) -> Self {
        let view = object.view();
        let (spec, status) = (view.field("spec"), view.field("status"));
        let lasting = spec.field("initContainers").items().filter(|container| is_lasting(*container)).count();
        let mut state = Self {
            reason: phase(status),
            ready: 0,
            containers: spec.field("containers").items().len() + lasting,
            restarts: Restarts::default(),
        };
        let (begun, lasting_restarts) = state.add_initial(spec, status);
        if begun || condition(status, "Initialized") == Some("True") {
            state.restarts = lasting_restarts;
            state.add_main(status);
        }
        let is_ended = matches!(status.field("phase").text(), "Succeeded" | "Failed");
        if meta(object).deletion_timestamp().is_some() {
            if status.field("reason").text() == "NodeLost" {
                state.reason = "Unknown".into();
            } else if !is_ended {
                state.reason = "Terminating".into();
            }
        }
        state
    }

    /// Looks at the containers that come first, up to the one that is not done. Whether all are, and the restarts of
    /// those that go on beside the others.
    fn add_initial(&mut self, spec: View<'_>, status: View<'_>) -> (bool, Restarts) {
        let containers = spec.field("initContainers");
        let mut lasting_restarts = Restarts::default();
        for (at, container) in status.field("initContainerStatuses").items().enumerate() {
            self.restarts.add(container);
            let name = container.field("name").text();
            // Of containers with the same name the last one counts.
            let own = containers.items().filter(|one| one.field("name").text() == name).last();
            let is_lasting = own.is_some_and(is_lasting);
            if is_lasting {
                lasting_restarts.add(container);
            }
            let ended = container.path("state.terminated");
            if ended.value().is_some() && cells::integer(ended.field("exitCode")) == 0 {
                continue;
            }
            if is_lasting && container.field("started").is_true() {
                self.ready += usize::from(container.field("ready").is_true());
                continue;
            }
            let waiting = container.path("state.waiting.reason").text();
            self.reason = if ended.value().is_some() {
                format!("Init:{}", end(ended))
            } else if !matches!(waiting, "" | "PodInitializing") {
                format!("Init:{waiting}")
            } else {
                format!("Init:{at}/{}", containers.items().len())
            };
            return (false, lasting_restarts);
        }
        (true, lasting_restarts)
    }

    /// Looks at the containers that the pod is for. The first one that has something to say is heard.
    fn add_main(&mut self, status: View<'_>) {
        let (mut has_running, mut failure) = (false, None);
        let containers: Vec<View<'_>> = status.field("containerStatuses").items().collect();
        for container in containers.into_iter().rev() {
            self.restarts.add(container);
            let waiting = container.path("state.waiting.reason").text();
            let ended = container.path("state.terminated");
            if !waiting.is_empty() {
                self.reason = waiting.to_owned();
            } else if ended.value().is_some() {
                self.reason = end(ended);
                if cells::integer(ended.field("exitCode")) != 0 {
                    failure = Some(self.reason.clone());
                }
            } else if container.field("ready").is_true() && container.path("state.running").value().is_some()
            {
                has_running = true;
                self.ready += 1;
            }
        }
        if self.reason != "Completed" {
            return;
        }
        let conditions = status.field("conditions");
        let is_ready = conditions
            .items()
            .any(|one| one.field("type").text() == "Ready" && one.field("status").text() == "True");
        if has_running && is_ready {
            self.reason = "Running".into();
        } else if let Some(failure) = failure {
            self.reason = failure;
        } else if has_running {
            self.reason = "NotReady".into();
        }
    }
}

/// The phase, or what the pod says instead of it.
fn phase(status: View<'_>) -> String {
    let conditions = status.field("conditions");
    let is_gated = conditions.items().any(|condition| {
        condition.field("type").text() == "PodScheduled"
            && condition.field("reason").text() == "SchedulingGated"
    });
    if is_gated {
        return "SchedulingGated".into();
    }
    cells::text_or(status.field("reason"), status.field("phase").text()).to_owned()
}

/// Whether a container that comes first goes on beside the others.
fn is_lasting(container: View<'_>) -> bool {
    container.field("restartPolicy").text() == "Always"
}

/// How a container ended.
fn end(ended: View<'_>) -> String {
    let reason = ended.field("reason").text();
    let (signal, code) = (cells::integer(ended.field("signal")), cells::integer(ended.field("exitCode")));
    match (reason, signal) {
        ("", 0) => format!("ExitCode:{code}"),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Pods;
    use crate::resource::check;

    /// Checks ready, status and restarts of a pod with these initial and main containers.
    fn check(initial: &Value, status: &Value, expected: [&str; 3]) {
        check_spec(
            &json!({"containers": [{"name": "a"}, {"name": "b"}], "initContainers": initial}),
            status,
            expected,
        );
    }

    fn check_spec(spec: &Value, status: &Value, [ready, state, restarts]: [&str; 3]) {
        let mut metadata = json!({"name": "p", "creationTimestamp": "2029-12-31T23:50:00Z"});
        let mut status = status.clone();
        if status["going"] == true {
            status.as_object_mut().unwrap().remove("going");
            metadata["deletionTimestamp"] = json!("2030-01-01T00:00:30Z");
        }
        let pod =
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": status});
        let expected = json!(["p", ready, state, restarts, "10m", "<none>", "<none>", "<none>", "<none>"]);
        check::cells(&Pods, &pod.to_string(), expected);
    }

    fn container(name: &str, ready: bool, restarts: i64, state: &Value) -> Value {
        json!({"name": name, "image": "i", "imageID": "", "ready": ready, "restartCount": restarts, "state": state})
    }

    #[test]
    fn the_containers_decide_on_the_state() {
        let running = json!({"running": {}});
        let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
        let ready = json!([{"type": "Ready", "status": "True"}]);
        let none = json!(null);
        let status =
            |first: &Value, second: &Value| json!({"phase": "Running", "containerStatuses": [first, second]});
        let fine = container("b", true, 0, &running);
        check(&none, &json!({"phase": "Pending"}), ["0/2", "Pending", "0"]);
        check(&none, &json!({"phase": "Failed", "reason": "Evicted"}), ["0/2", "Evicted", "0"]);
        check(&none, &status(&container("a", true, 0, &running), &fine), ["2/2", "Running", "0"]);
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        check(&none, &status(&container("a", false, 3, &waiting), &fine), ["1/2", "CrashLoopBackOff", "3"]);
        let ends = [
            (json!({"exitCode": 3}), "ExitCode:3"),
            (json!({"exitCode": 137, "signal": 9}), "Signal:9"),
            (json!({"exitCode": 1, "signal": 9, "reason": "OOMKilled"}), "OOMKilled"),
        ];
        for (end, expected) in ends {
            check(
                &none,
                &status(&container("a", false, 1, &json!({"terminated": end})), &fine),
                ["1/2", expected, "1"],
            );
        }
        let mut half = status(&container("a", false, 0, &done), &fine);
        check(&none, &half, ["1/2", "NotReady", "0"]);
        half["conditions"] = ready;
        check(&none, &half, ["1/2", "Running", "0"]);
        let failed = container("b", false, 0, &json!({"terminated": {"exitCode": 2, "reason": "Error"}}));
        check(&none, &status(&container("a", false, 0, &done), &failed), ["0/2", "Error", "0"]);
        let all = json!({"phase": "Succeeded", "containerStatuses": [container("a", false, 0, &done), container("b", false, 0, &done)]});
        check(&none, &all, ["0/2", "Completed", "0"]);
    }

    #[test]
    fn containers_that_come_first_are_counted_on() {
        let initial = json!([{"name": "i"}, {"name": "s", "restartPolicy": "Always"}, {"name": "j"}]);
        let done = container("i", true, 0, &json!({"terminated": {"exitCode": 0}}));
        let mut lasting = container("s", true, 4, &json!({"running": {}}));
        let status = |statuses: &Value| json!({"phase": "Pending", "initContainerStatuses": statuses});
        let waits = container("i", false, 0, &json!({"waiting": {"reason": "PodInitializing"}}));
        check(&initial, &status(&json!([waits])), ["0/3", "Init:0/3", "0"]);
        check(&initial, &status(&json!([done, lasting])), ["0/3", "Init:1/3", "4"]);
        lasting["started"] = json!(true);
        let more = container("j", false, 1, &json!({"running": {}}));
        check(&initial, &status(&json!([done, lasting, more])), ["1/3", "Init:2/3", "5"]);
        let pulls = container("j", false, 0, &json!({"waiting": {"reason": "ImagePullBackOff"}}));
        check(&initial, &status(&json!([done, lasting, pulls])), ["1/3", "Init:ImagePullBackOff", "4"]);
        let ends = [
            (json!({"exitCode": 1}), "Init:ExitCode:1"),
            (json!({"exitCode": 1, "signal": 15}), "Init:Signal:15"),
            (json!({"exitCode": 1, "reason": "Error"}), "Init:Error"),
        ];
        for (end, expected) in ends {
            let ended = container("j", false, 2, &json!({"terminated": end}));
            check(&initial, &status(&json!([done, lasting, ended])), ["1/3", expected, "6"]);
        }
        let mut all =
            status(&json!([done, lasting, container("j", true, 7, &json!({"terminated": {"exitCode": 0}}))]));
        all["phase"] = json!("Running");
        all["containerStatuses"] = json!([
            container("a", true, 1, &json!({"running": {}})),
            container("b", true, 0, &json!({"running": {}}))
        ]);
        // Those that are done no longer count; the one that goes on does.
        check(&initial, &all, ["3/3", "Running", "5"]);
    }

    #[test]
    fn restarts_say_when() {
        let mut first = container("a", true, 2, &json!({"running": {}}));
        first["lastState"] = json!({"terminated": {"exitCode": 1, "finishedAt": "2029-12-31T23:55:00Z"}});
        let mut second = container("b", true, 1, &json!({"running": {}}));
        second["lastState"] = json!({"terminated": {"exitCode": 1, "finishedAt": "2029-12-31T23:40:00Z"}});
        let status = json!({"phase": "Running", "containerStatuses": [first, second]});
        check(&json!(null), &status, ["2/2", "Running", "3 (5m ago)"]);
    }

    #[test]
    fn a_pod_that_is_to_go() {
        let none = json!(null);
        check(&none, &json!({"phase": "Running", "going": true}), ["0/2", "Terminating", "0"]);
        check(&none, &json!({"phase": "Succeeded", "going": true}), ["0/2", "Succeeded", "0"]);
        check(
            &none,
            &json!({"phase": "Running", "reason": "NodeLost", "going": true}),
            ["0/2", "Unknown", "0"],
        );
    }

    #[test]
    fn where_a_pod_is() {
        let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"},
            "spec": {"nodeName": "n", "containers": [], "readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}], "schedulingGates": [{"name": "g"}]},
            "status": {"phase": "Pending", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}], "nominatedNodeName": "m",
                "conditions": [{"type": "a", "status": "True"}, {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}});
        let expected = json!(["p", "0/0", "SchedulingGated", "0", "<unknown>", "10.0.0.1", "n", "m", "1/2"]);
        check::cells(&Pods, &pod.to_string(), expected);
    }
}
