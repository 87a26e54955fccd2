use serde_json::{Value, json};

use super::*;
use crate::plan::{What, lines};
use keelson_client::{Problem, Time};

fn now() -> UnixMillis {
    Time::parse("2026-01-01T01:00:00Z").unwrap().millis()
}

/// A job that has begun; `change` is merged into it.
fn job(change: Value) -> Value {
    let mut made = json!({
        "metadata": {"name": "pi", "namespace": "ns", "uid": "job", "resourceVersion": "7"},
        "spec": {
            "parallelism": 2, "completions": 3, "backoffLimit": 6, "completionMode": "NonIndexed",
            "selector": {"matchLabels": {"job": "pi"}},
            "template": {
                "metadata": {"labels": {"job": "pi"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]},
            },
        },
        "status": {"startTime": "2026-01-01T00:30:00Z", "active": 0, "ready": 0, "terminating": 0},
    });
    merge(&mut made, change);
    made
}

fn merge(into: &mut Value, change: Value) {
    match change {
        Value::Object(change) if change.is_empty() && into.is_null() => *into = json!({}),
        Value::Object(change) => change.into_iter().for_each(|(key, value)| merge(&mut into[key], value)),
        other => *into = other,
    }
}

fn indexed(change: Value) -> Value {
    let mut made = job(json!({"spec": {"completionMode": "Indexed"}}));
    merge(&mut made, change);
    made
}

/// A pod: its name and what is special about it, `#N` being its number.
fn pod(text: &str) -> Value {
    let owner =
        json!({"apiVersion": "batch/v1", "kind": "Job", "name": "pi", "uid": "job", "controller": true});
    let mut words = text.split_whitespace();
    let name = words.next().unwrap();
    let mut pod = json!({
        "metadata": {
            "name": name, "namespace": "ns", "uid": name, "labels": {"job": "pi"}, "ownerReferences": [owner],
            "creationTimestamp": "2026-01-01T00:30:00Z", "finalizers": [FINALIZER],
        },
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running"},
    });
    for word in words {
        match word {
            "ready" => pod["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]),
            "done" => pod["status"]["phase"] = json!("Succeeded"),
            "failed" => pod["status"]["phase"] = json!("Failed"),
            "counted" => pod["metadata"]["finalizers"] = json!([]),
            "going" => pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:40:00Z"),
            "orphan" => pod["metadata"]["ownerReferences"] = json!([]),
            "disrupted" => {
                pod["status"]["conditions"] = json!([{"type": "DisruptionTarget", "status": "True"}])
            }
            word => match word.split_at(1) {
                ("#", index) => pod["metadata"]["annotations"][INDEX] = json!(index),
                ("!", failures) => pod["metadata"]["annotations"][failure::FAILURES] = json!(failures),
                ("x", code) => {
                    let (code, at) = code.split_once('@').unwrap_or((code, "2026-01-01T00:59:58Z"));
                    let terminated = json!({"exitCode": code.parse::<i32>().unwrap(), "finishedAt": at});
                    pod["status"] = json!({
                        "phase": "Failed",
                        "containerStatuses": [{"name": "c", "state": {"terminated": terminated}}],
                    });
                }
                _ => panic!("{word}"),
            },
        }
    }
    pod
}

fn controller(job: Value, pods: &[&str]) -> Jobs {
    let read = |text: &&str| serde_json::from_value(pod(text)).unwrap();
    let controller = Jobs {
        jobs: Cache::holding([serde_json::from_value(job).unwrap()]),
        pods: Cache::holding(pods.iter().map(read)),
    };
    index(&controller.pods);
    controller
}

fn made(job: Value, pods: &[&str]) -> Plan {
    controller(job, pods).plan(&Key::new("ns", "pi"), now())
}

/// What is done, in short; of a status only what is not what it was.
fn short(job: &Value, plan: Plan) -> Vec<String> {
    let told = |line: String| line.split(" | SuccessfulCreate").next().unwrap_or_default().to_owned();
    let told = |line: String| told(line).split(" | SuccessfulDelete").next().unwrap_or_default().to_owned();
    let status = |line: String| {
        let Some(rest) = line.strip_prefix("patch jobs/status ns/pi ") else { return line };
        let (change, words) = rest.split_once(" | ").unwrap_or((rest, ""));
        let change: Value = serde_json::from_str(change).unwrap();
        let mut parts: Vec<String> = Vec::new();
        for (key, value) in change["status"].as_object().unwrap() {
            let same = job["status"][key] == *value || (value.is_null() && job["status"][key].is_null());
            match key.as_str() {
                "conditions" => {
                    let names = value.as_array().into_iter().flatten();
                    parts.extend(names.map(|one| {
                        format!(
                            "{}={}/{}",
                            one["type"].as_str().unwrap(),
                            one["status"].as_str().unwrap(),
                            one["reason"].as_str().unwrap()
                        )
                    }));
                }
                "uncountedTerminatedPods" => {
                    for (kind, uids) in value.as_object().unwrap() {
                        parts.extend((!uids.is_null()).then(|| format!("{kind}+{uids}")));
                    }
                }
                _ if !(same || value.is_null() && job["status"][key] == 0) => {
                    parts.push(format!("{key}={value}"))
                }
                _ => {}
            }
        }
        parts.extend((!words.is_empty()).then(|| words.to_owned()));
        format!("status {}", parts.join(" "))
    };
    let release = |line: String| {
        if line.contains("$deleteFromPrimitiveList") {
            let name = line.split(' ').nth(2).unwrap_or_default();
            format!("release {name}")
        } else {
            line
        }
    };
    lines(plan).into_iter().map(told).map(status).map(release).collect()
}

fn check(job: &Value, pods: &[&str], expected: &[&str]) {
    let done = short(job, made(job.clone(), pods));
    assert_eq!(done, expected, "{pods:?} of {job}");
}

#[test]
fn pods_are_made_as_far_as_they_are_wanted() {
    let create = "create pods ns/pi-*";
    check(&job(json!({})), &[], &[create, create, "status active=2"]);
    check(&job(json!({})), &["a ready"], &[create, "status active=2 ready=1"]);
    let one_left = json!({"status": {"succeeded": 2, "active": 1}});
    check(&job(one_left), &["a"], &[]);
    let unnumbered = json!({"spec": {"completions": null}, "status": {"succeeded": 1, "active": 1}});
    check(&job(unnumbered), &["a"], &[]);
}

#[test]
fn those_too_many_go_and_are_not_counted() {
    let job = job(json!({"spec": {"parallelism": 1}, "status": {"active": 2, "ready": 1}}));
    check(&job, &["a ready", "b"], &["release ns/b", "delete pods ns/b", "status active=1 terminating=1"]);
}

#[test]
fn a_pod_that_ended_is_noted_then_let_go_then_counted() {
    let begun = json!({"spec": {"parallelism": 1}, "status": {"active": 1}});
    let noted = job(
        json!({"spec": {"parallelism": 1}, "status": {"active": 1, "uncountedTerminatedPods": {"succeeded": ["a"]}}}),
    );
    check(&job(begun), &["a done", "b"], &[r#"status succeeded+["a"]"#, "release ns/a"]);
    check(&noted, &["a done", "b"], &["release ns/a"]);
    check(&noted, &["a done counted", "b"], &["status succeeded=1"]);
    check(&noted, &["b"], &["status succeeded=1"]);
}

#[test]
fn it_is_complete_when_the_last_one_is_counted() {
    let enough = json!({"type": "SuccessCriteriaMet", "status": "True", "reason": "CompletionsReached", "message": "m"});
    let last = job(json!({"status": {"succeeded": 2}}));
    let met = "SuccessCriteriaMet=True/CompletionsReached";
    check(&last, &["a done"], &[&format!(r#"status {met} succeeded+["a"]"#), "release ns/a"]);
    let noted = json!({"status": {"succeeded": 2, "conditions": [enough], "uncountedTerminatedPods": {"succeeded": ["a"]}}});
    let ended = format!(
        r#"status completionTime="2026-01-01T01:00:00Z" {met} Complete=True/CompletionsReached succeeded=3"#
    );
    check(&job(noted), &["a done counted"], &[&ended, "tell Normal Completed: Job completed"]);
}

#[test]
fn failures_make_the_next_one_wait() {
    let job_of = |failed| job(json!({"spec": {"parallelism": 1}, "status": {"failed": failed}}));
    let first = made(job_of(0), &["a x1"]);
    assert_eq!(first.again, Some(Duration::from_secs(8)), "two seconds of ten are over");
    check(&job_of(0), &["a x1"], &[r#"status failed+["a"]"#, "release ns/a", "again in 8s"]);
    check(&job_of(1), &["a x1 counted"], &["again in 8s"]);
    check(&job_of(2), &["a x1 counted", "b x1 counted"], &["again in 18s"]);
    check(&job_of(1), &["a x1@2026-01-01T00:59:50Z counted"], &["create pods ns/pi-*", "status active=1"]);
    // A success in between is a new beginning.
    let pods = ["a x1@2026-01-01T00:10:00Z counted", "b done counted", "c x1 counted"];
    check(&job_of(2), &pods, &["again in 8s"]);
}

#[test]
fn too_many_failures_end_it() {
    let limited = json!({"spec": {"backoffLimit": 0, "parallelism": 2}, "status": {"active": 1, "ready": 1}});
    let failing = "FailureTarget=True/BackoffLimitExceeded";
    let first = format!(r#"status active=null {failing} ready=0 terminating=1 failed+["a","b"]"#);
    check(
        &job(limited.clone()),
        &["a x1", "b ready"],
        &["delete pods ns/b", &first, "release ns/a", "release ns/b"],
    );
    // What cannot be deleted holds it up.
    let plan = made(job(limited.clone()), &["a x1", "b ready"]);
    let written = plan.finish.unwrap()(Some(&Problem::refused(500, b"")));
    assert!(!written[0].to_string().contains("FailureTarget"), "{}", written[0]);

    let mut target = limited;
    merge(
        &mut target,
        json!({"status": {"active": 0, "ready": 0, "terminating": 1, "failed": 2, "conditions": [
        {"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"}]}}),
    );
    check(&job(target.clone()), &["b going counted"], &[]);
    let ended = format!("status {failing} Failed=True/BackoffLimitExceeded terminating=0");
    check(&job(target), &[], &[&ended, "tell Warning BackoffLimitExceeded: m"]);
}

#[test]
fn time_that_is_up_ends_it() {
    let within = |seconds: i64| json!({"spec": {"activeDeadlineSeconds": seconds}, "status": {"active": 2}});
    check(&job(within(1810)), &["a", "b"], &["again in 10s"]);
    let late = r#"status active=null FailureTarget=True/DeadlineExceeded terminating=2 failed+["a","b"]"#;
    let deleted = ["delete pods ns/a", "delete pods ns/b"];
    check(&job(within(1800)), &["a", "b"], &[deleted[0], deleted[1], late, "release ns/a", "release ns/b"]);
}

#[test]
fn numbers_are_given_and_told() {
    let job = indexed(json!({"status": {"completedIndexes": "0", "succeeded": 1}}));
    let plan = made(job, &["b #1"]);
    let What::Create { object, .. } = &plan.then[0].what else { panic!("{}", plan.then[0]) };
    assert_eq!(plan.then.len(), 1);
    let meta = &object["metadata"];
    assert_eq!(
        (meta["generateName"].as_str(), object["spec"]["hostname"].as_str()),
        (Some("pi-2-"), Some("pi-2"))
    );
    assert_eq!(meta["labels"], json!({"job": "pi", INDEX: "2"}));
    assert_eq!(meta["annotations"], json!({INDEX: "2"}));
    assert_eq!(meta["finalizers"], json!([FINALIZER]));
    let variable = &object["spec"]["containers"][0]["env"][0];
    assert_eq!(variable["name"], "JOB_COMPLETION_INDEX");
    assert_eq!(variable["valueFrom"]["fieldRef"]["fieldPath"], format!("metadata.labels['{INDEX}']"));
    assert!(object["spec"].get("initContainers").is_none());
}

#[test]
fn numbers_are_counted_once() {
    let job = indexed(json!({"status": {"completedIndexes": "0", "succeeded": 1, "active": 1}}));
    let pods = ["a #0 done", "b #1 done", "c #2"];
    let counted = r#"status completedIndexes="0,1" succeeded=2"#;
    check(&job, &pods, &[counted, "release ns/a", "release ns/b"]);
    // Twins, pods without a number and with one beyond the last go.
    let pods = ["b #1", "c #1 ready", "d", "e #7"];
    let done = short(&job, made(job.clone(), &pods));
    let deleted: Vec<&str> = done.iter().filter_map(|line| line.strip_prefix("delete pods ns/")).collect();
    assert_eq!(deleted, ["d", "e", "b"]);
}

#[test]
fn numbers_fail_by_themselves() {
    let spec = json!({"parallelism": 3, "backoffLimitPerIndex": 1, "backoffLimit": 2_147_483_647});
    let job = indexed(json!({"spec": spec, "status": {"failedIndexes": "", "active": 2}}));
    // The first failure of a number is kept until the next pod has taken over the count.
    check(&job, &["a #0 x1", "b #1", "c #2"], &["again in 8s"]);
    let plan = made(job.clone(), &["a #0 x1@2026-01-01T00:59:00Z", "b #1", "c #2"]);
    let What::Create { object, .. } = &plan.then[0].what else { panic!("{}", plan.then[0]) };
    assert_eq!(object["metadata"]["annotations"], json!({INDEX: "0", failure::FAILURES: "1"}));
    // The second one is the last.
    let failed = r#"status failedIndexes="0" failed+["a"]"#;
    check(&job, &["a #0 !1 x1", "b #1", "c #2"], &[failed, "release ns/a"]);
    let most = json!({"spec": {"maxFailedIndexes": 0}, "status": {"active": 1, "failedIndexes": ""}});
    let mut job = indexed(json!({"spec": spec}));
    merge(&mut job, most);
    let ended = r#"status active=null FailureTarget=True/MaxFailedIndexesExceeded failedIndexes="0" terminating=1 failed+["a","b"]"#;
    check(&job, &["a #0 !1 x1", "b #1"], &["delete pods ns/b", ended, "release ns/a", "release ns/b"]);
    let all = json!({"spec": spec, "status": {"failedIndexes": "0", "completedIndexes": "1", "succeeded": 1, "failed": 2}});
    let ended = r#"status completedIndexes="1,2" FailureTarget=True/FailedIndexes succeeded=2"#;
    check(&indexed(all), &["c #2 done"], &[ended, "release ns/c"]);
}

#[test]
fn a_policy_says_what_follows_from_failures() {
    let policy = |rule: Value| json!({"spec": {"parallelism": 1, "podFailurePolicy": {"rules": [rule]}}});
    let code =
        |action: &str| policy(json!({"action": action, "onExitCodes": {"operator": "In", "values": [42]}}));
    let failing = r#"status FailureTarget=True/PodFailurePolicy failed+["a"]"#;
    check(&job(code("FailJob")), &["a x42"], &[failing, "release ns/a"]);
    let plan = made(job(code("FailJob")), &["a x42"]);
    let message = "Container c for pod ns/a failed with exit code 42 matching FailJob rule at index 0";
    assert!(lines(plan)[0].contains(message));
    check(&job(code("FailJob")), &["a x1"], &[r#"status failed+["a"]"#, "release ns/a", "again in 8s"]);
    check(&job(code("Count")), &["a x42"], &[r#"status failed+["a"]"#, "release ns/a", "again in 8s"]);
    check(&job(code("Ignore")), &["a x42"], &["release ns/a", "again in 8s"]);
    let disrupted = policy(
        json!({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}),
    );
    check(
        &job(disrupted),
        &["a failed disrupted"],
        &["create pods ns/pi-*", "status active=1", "release ns/a"],
    );
    let mut index = indexed(code("FailIndex"));
    merge(
        &mut index,
        json!({"spec": {"backoffLimitPerIndex": 5}, "status": {"failedIndexes": "", "active": 1}}),
    );
    let failed = r#"status failedIndexes="0" failed+["a"]"#;
    check(&index, &["a #0 x42", "b #1"], &[failed, "release ns/a"]);
}

#[test]
fn enough_can_be_less_than_all() {
    let rule = json!({"succeededIndexes": "1-2", "succeededCount": 1});
    let job = indexed(json!({"spec": {"successPolicy": {"rules": [rule]}}, "status": {"active": 1}}));
    let met = r#"status active=null completedIndexes="2" SuccessCriteriaMet=True/SuccessPolicy succeeded=1 terminating=1"#;
    check(&job, &["a #0", "c #2 done"], &["delete pods ns/a", met, "release ns/a", "release ns/c"]);
}

#[test]
fn it_can_be_suspended_and_resumed() {
    let suspended = job(json!({"spec": {"suspend": true}, "status": {"active": 1}}));
    let status = "status active=null Suspended=True/JobSuspended startTime=null terminating=1 Suspended: Job suspended";
    check(&suspended, &["a"], &["release ns/a", "delete pods ns/a", status]);
    let condition = json!([{"type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "Job suspended"}]);
    let resumed =
        job(json!({"spec": {"parallelism": 1}, "status": {"startTime": null, "conditions": condition}}));
    let status =
        r#"status active=1 Suspended=False/JobResumed startTime="2026-01-01T01:00:00Z" Resumed: Job resumed"#;
    check(&resumed, &[], &["create pods ns/pi-*", status]);
}

#[test]
fn a_pod_may_have_to_end_before_another_takes_its_place() {
    let base = json!({"spec": {"parallelism": 1, "completions": 1}, "status": {"terminating": 1}});
    let mut waits = job(base.clone());
    waits["spec"]["podReplacementPolicy"] = json!("Failed");
    check(&waits, &["a going"], &[]);
    let noted = r#"status failed+["a"]"#;
    check(
        &job(base),
        &["a going"],
        &["create pods ns/pi-*", &noted.replace("status", "status active=1"), "release ns/a"],
    );
}

#[test]
fn pods_are_adopted_with_the_finalizer() {
    let done = lines(made(job(json!({})), &["a orphan counted"]));
    assert_eq!(done.len(), 1, "{done:?}");
    assert!(done[0].contains(r#""finalizers":["batch.kubernetes.io/job-tracking"]"#), "{done:?}");
}

#[test]
fn what_nobody_counts_is_let_go() {
    let ended = job(json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}}));
    let key = Key::new("ns", "pod/a");
    let plan = |job: Value, pod: &str| lines(controller(job, &[pod]).plan(&key, now())).len();
    assert_eq!(plan(ended.clone(), "a"), 1);
    assert_eq!(plan(ended, "a counted"), 0);
    assert_eq!(plan(job(json!({})), "a"), 0);
    assert_eq!(plan(job(json!({})), "a orphan"), 1);
    assert_eq!(plan(job(json!({"metadata": {"uid": "other"}})), "a"), 1);
}

#[test]
fn others_jobs_are_left_alone() {
    check(&job(json!({"spec": {"managedBy": "example.com/other"}})), &["a done"], &[]);
}
