//! Lives of pods, told step by step: the pure parts and the hollow runtime, without a server.

use std::net::IpAddr;

use keelson_api::time::UnixMillis;
use keelson_client::queue::Queue;
use serde_json::{Value, json};

use crate::backoff::Backoff;
use crate::hollow::Hollow;
use crate::hollow::addresses::Range;
use crate::life::step;
use crate::pod::Pod;
use crate::report::{change, report};
use crate::status::Status;

/// A pod that lives, and what is said of it.
struct Life {
    pod: Value,
    said: Status,
    runtime: Hollow,
    backoff: Backoff,
    now: UnixMillis,
}

const BEGINNING: u64 = 1_767_225_600_000;

impl Life {
    fn of(spec: &Value) -> Self {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "ns", "uid": "u", "generation": 1}, "spec": spec,
        });
        let mut life = Self {
            pod,
            said: Status::default(),
            runtime: Hollow::new("".parse().unwrap(), Queue::default()),
            backoff: Backoff::default(),
            now: UnixMillis(BEGINNING),
        };
        life.pod["spec"]["nodeName"] = json!("n");
        life.runtime.expect("n", vec![Range::parse("10.0.0.0/24").unwrap()]);
        life
    }

    fn annotated(mut self, annotations: Value) -> Self {
        self.pod["metadata"]["annotations"] = annotations;
        self
    }

    /// What is said so many seconds after the beginning: the phase, conditions that do not hold, and the containers.
    fn at(&mut self, seconds: u64) -> String {
        self.now = UnixMillis(BEGINNING + seconds * 1000);
        let mut pod: Pod = serde_json::from_value(self.pod.clone()).unwrap();
        pod.status = self.said.clone();
        let host: IpAddr = "172.16.0.2".parse().unwrap();
        for _ in 0..20 {
            let observed = self.runtime.observe(&pod, self.now);
            let next = step(&pod, &self.said, &observed, &mut self.backoff, self.now);
            if next.calls.is_empty() {
                self.said = report(&pod, &self.said, &observed, &next, &[host], self.now);
                let end = if next.over { " over" } else { "" };
                return format!("{}{end}", told(&self.said));
            }
            next.calls.iter().for_each(|call| self.runtime.act(&pod, call, self.now).unwrap());
        }
        panic!("it never comes to rest");
    }

    fn delete(&mut self, seconds: u64) {
        let at = keelson_client::Time::of(UnixMillis(BEGINNING + seconds * 1000)).to_string();
        self.pod["metadata"]["deletionTimestamp"] = json!(at);
    }
}

fn told(status: &Status) -> String {
    let all = status.init_container_statuses.iter().chain(&status.container_statuses);
    let containers = all.map(|container| {
        let (state, marks) = (&container.state, if container.ready { "+" } else { "" });
        let state = match (&state.waiting, &state.running, &state.terminated) {
            (Some(waiting), ..) => waiting.reason.to_string(),
            (_, Some(_), _) => "runs".to_owned(),
            (.., Some(ended)) => format!("ended {}", ended.exit_code),
            _ => "?".to_owned(),
        };
        format!("{}#{}{marks}: {state}", container.name, container.restart_count)
    });
    let containers: Vec<String> = containers.collect();
    let lacks = status.conditions.iter().filter(|condition| condition.status != "True");
    let lacks: Vec<String> = lacks.map(|lack| format!("-{}({})", lack.kind, lack.reason)).collect();
    format!("{:?} [{}] {}", status.phase, containers.join(", "), lacks.join(" ")).trim().to_owned()
}

fn container(name: &str) -> Value {
    json!({"name": name, "image": "i"})
}

#[test]
fn a_pod_comes_up_and_is_ready() {
    let mut life = Life::of(&json!({"containers": [container("b"), container("a")]}))
        .annotated(json!({"keelson.dev/start-delay": "2s", "keelson.dev/ready-after": "3s"}));
    let not_ready = "-Ready(ContainersNotReady) -ContainersReady(ContainersNotReady)";
    assert_eq!(life.at(0), format!("Pending [a#0: ContainerCreating, b#0: ContainerCreating] {not_ready}"));
    assert_eq!(life.at(2), format!("Running [a#0: runs, b#0: runs] {not_ready}"));
    assert_eq!(life.at(5), "Running [a#0+: runs, b#0+: runs]");
    assert_eq!(life.said.pod_ip, Some("10.0.0.2".parse().unwrap()));
    assert_eq!(life.said.observed_generation, 1);
    let ready = life.said.conditions.iter().find(|condition| condition.kind == "Ready").unwrap();
    assert_eq!(ready.last_transition_time.unwrap().millis().0, BEGINNING + 5000);
}

#[test]
fn containers_of_the_beginning_go_one_after_the_other() {
    let mut sidecar = container("s");
    sidecar["restartPolicy"] = json!("Always");
    let mut life = Life::of(&json!({
        "initContainers": [container("i"), sidecar, container("j")], "containers": [container("c")],
    }))
    .annotated(json!({"keelson.dev/run-for.i": "1s", "keelson.dev/run-for.j": "1s"}));
    let waits = "-Initialized(ContainersNotInitialized) -Ready(ContainersNotReady) -ContainersReady(ContainersNotReady)";
    assert_eq!(
        life.at(0),
        format!(
            "Pending [i#0: runs, s#0: PodInitializing, j#0: PodInitializing, c#0: PodInitializing] {waits}"
        )
    );
    assert_eq!(
        life.at(1),
        format!("Pending [i#0+: ended 0, s#0+: runs, j#0: runs, c#0: PodInitializing] {waits}")
    );
    assert_eq!(life.at(2), "Running [i#0+: ended 0, s#0+: runs, j#0+: ended 0, c#0+: runs]");
}

#[test]
fn a_sidecar_does_not_keep_a_pod_from_ending() {
    let mut sidecar = container("s");
    sidecar["restartPolicy"] = json!("Always");
    let spec = json!({"restartPolicy": "Never", "initContainers": [sidecar], "containers": [container("c")]});
    let mut life =
        Life::of(&spec).annotated(json!({"keelson.dev/run-for.c": "5s", "keelson.dev/stop-delay.s": "2s"}));
    assert_eq!(life.at(0), "Running [s#0+: runs, c#0+: runs]");
    assert!(life.at(5).starts_with("Running [s#0+: runs, c#0: ended 0]"));
    assert_eq!(
        life.at(7),
        "Succeeded [s#0: ended 143, c#0: ended 0] -Ready(PodCompleted) -ContainersReady(PodCompleted) over"
    );
}

#[test]
fn whoever_fails_is_started_again_ever_later() {
    let mut life = Life::of(&json!({"containers": [container("c")]}))
        .annotated(json!({"keelson.dev/run-for": "1s", "keelson.dev/exit-code": "3"}));
    assert_eq!(life.at(0), "Running [c#0+: runs]");
    // The first time it is started again at once.
    assert_eq!(life.at(1), "Running [c#1+: runs]");
    let waits = "-Ready(ContainersNotReady) -ContainersReady(ContainersNotReady)";
    assert_eq!(life.at(2), format!("Running [c#1: CrashLoopBackOff] {waits}"));
    let status = &life.said.container_statuses[0];
    assert_eq!(
        status.state.waiting.as_ref().unwrap().message,
        "back-off 10s restarting failed container=c pod=p_ns(u)"
    );
    assert_eq!(status.last_state.terminated.as_ref().unwrap().exit_code, 3);
    assert!(life.at(11).contains("CrashLoopBackOff"));
    assert_eq!(life.at(12), "Running [c#2+: runs]");
    assert!(life.at(13).contains("CrashLoopBackOff"));
    assert!(life.at(32).contains("CrashLoopBackOff"));
    assert_eq!(life.at(33), "Running [c#3+: runs]");
}

#[test]
fn how_a_pod_ends_follows_its_policy() {
    let ends = |policy: &str, code: &str| {
        let spec = json!({"restartPolicy": policy, "containers": [container("c")]});
        let mut life =
            Life::of(&spec).annotated(json!({"keelson.dev/run-for": "1s", "keelson.dev/exit-code": code}));
        life.at(0);
        life.at(1)
    };
    let lacks = |reason: &str| format!("-Ready({reason}) -ContainersReady({reason})");
    assert_eq!(ends("Never", "0"), format!("Succeeded [c#0: ended 0] {} over", lacks("PodCompleted")));
    assert_eq!(ends("Never", "1"), format!("Failed [c#0: ended 1] {} over", lacks("PodFailed")));
    assert_eq!(ends("OnFailure", "0"), format!("Succeeded [c#0: ended 0] {} over", lacks("PodCompleted")));
    assert_eq!(ends("OnFailure", "1"), "Running [c#1+: runs]");
    assert_eq!(ends("Always", "0"), "Running [c#1+: runs]");
}

#[test]
fn what_fails_in_the_beginning_fails_the_pod_if_it_may() {
    let spec =
        json!({"restartPolicy": "Never", "initContainers": [container("i")], "containers": [container("c")]});
    let mut life = Life::of(&spec).annotated(json!({"keelson.dev/exit-code.i": "2"}));
    let lacks = "-Initialized(ContainersNotInitialized) -Ready(PodFailed) -ContainersReady(PodFailed)";
    assert_eq!(life.at(0), format!("Failed [i#0: ended 2, c#0: PodInitializing] {lacks} over"));
}

#[test]
fn a_deleted_pod_ends_within_its_grace() {
    let ready = "-Ready(PodFailed) -ContainersReady(PodFailed)";
    for (delay, code, after) in [("1s", 143, 11), ("60s", 137, 40)] {
        let mut life = Life::of(&json!({"containers": [container("c")]}))
            .annotated(json!({"keelson.dev/stop-delay": delay}));
        life.at(0);
        // Deleted after ten seconds, with thirty of grace.
        life.delete(40);
        assert_eq!(life.at(10), "Running [c#0+: runs]");
        assert_eq!(life.at(after), format!("Failed [c#0: ended {code}] {ready} over"));
    }
    let mut life = Life::of(&json!({"containers": [container("c")]}));
    life.delete(30);
    let lacks =
        "-PodReadyToStartContainers(PodSandboxNotReady) -Ready(PodFailed) -ContainersReady(PodFailed)";
    assert_eq!(life.at(0), format!("Failed [c#0: ContainerCreating] {lacks} over"));
}

#[test]
fn time_may_run_out() {
    let mut life = Life::of(&json!({"activeDeadlineSeconds": 5, "containers": [container("c")]}));
    assert_eq!(life.at(0), "Running [c#0+: runs]");
    assert_eq!(life.at(5), "Failed [c#0: ended 143] -Ready(PodFailed) -ContainersReady(PodFailed) over");
    assert_eq!(life.said.reason, "DeadlineExceeded");
    // It stays so.
    assert!(life.at(6).starts_with("Failed"));
    assert_eq!(life.said.reason, "DeadlineExceeded");
}

#[test]
fn gates_are_waited_for() {
    let mut life = Life::of(
        &json!({"readinessGates": [{"conditionType": "example.com/g"}], "containers": [container("c")]}),
    );
    assert_eq!(life.at(0), "Running [c#0+: runs] -Ready(ReadinessGatesNotReady)");
    let ready = life.said.conditions.iter().find(|condition| condition.kind == "Ready").unwrap();
    assert_eq!(
        ready.message,
        "corresponding condition of pod readiness gate \"example.com/g\" does not exist."
    );
    let open = json!({"type": "example.com/g", "status": "True"});
    life.said.conditions.push(serde_json::from_value(open).unwrap());
    assert_eq!(life.at(1), "Running [c#0+: runs]");
}

#[test]
fn a_pod_is_taken_over_as_it_was_said_to_be() {
    let mut life =
        Life::of(&json!({"containers": [container("c")]})).annotated(json!({"keelson.dev/run-for": "60s"}));
    life.at(0);
    let mut pod: Pod = serde_json::from_value(life.pod.clone()).unwrap();
    pod.status = life.said.clone();
    life.runtime = Hollow::new("".parse().unwrap(), Queue::default());
    life.runtime.expect("n", vec![Range::parse("10.0.0.0/24").unwrap()]);
    life.runtime.adopt(&pod);
    let before = life.said.clone();
    assert_eq!(life.at(20), "Running [c#0+: runs]");
    assert_eq!(change("u", &before, &life.said).unwrap(), None);
    assert_eq!(life.at(60), "Running [c#1+: runs]");
    let other: Pod =
        serde_json::from_value(json!({"metadata": {"uid": "v"}, "spec": {"nodeName": "n"}})).unwrap();
    life.runtime.act(&other, &crate::runtime::Call::Network, life.now).unwrap();
    let observed = life.runtime.observe(&other, life.now);
    assert_eq!(observed.network.unwrap(), ["10.0.0.3".parse::<IpAddr>().unwrap()], "10.0.0.2 is taken");
}

#[test]
fn only_what_has_changed_is_written() {
    let mut life = Life::of(&json!({"containers": [container("c")]}))
        .annotated(json!({"keelson.dev/ready-after": "3s"}));
    life.at(0);
    let before = life.said.clone();
    life.at(3);
    let written = change("u", &before, &life.said).unwrap().unwrap();
    let keys: Vec<_> = written["status"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["conditions", "containerStatuses"]);
    // What is not said any more is taken out.
    assert_eq!(written["status"]["conditions"][0]["reason"], Value::Null);
    assert!(written["status"]["conditions"][0].get("reason").is_some());
    assert_eq!(written["status"]["conditions"].as_array().unwrap().len(), 2);
}
