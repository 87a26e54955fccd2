use serde_json::{Value, json};

use super::*;
use crate::plan::{What, lines};
use keelson_client::Time;

fn at(text: &str) -> UnixMillis {
    Time::parse(&format!("2026-01-01T{text}Z")).unwrap().millis()
}

/// A cron job of every hour that was made at midnight; `change` is merged into it.
fn cron(change: Value) -> Value {
    let mut made = json!({
        "metadata": {
            "name": "tidy", "namespace": "ns", "uid": "cron", "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "schedule": "0 * * * *", "concurrencyPolicy": "Allow",
            "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
                "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}},
            },
        },
        "status": {},
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

fn active(names: &[&str]) -> Value {
    let reference = |name: &&str| json!({"apiVersion": "batch/v1", "kind": "Job", "name": name, "namespace": "ns", "uid": name, "resourceVersion": "1"});
    names.iter().map(reference).collect()
}

/// A job: the hour for which it was made, and how it ended.
fn job(text: &str) -> Value {
    let owner = json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "tidy", "uid": "cron", "controller": true});
    let mut words = text.split_whitespace();
    let hour = words.next().unwrap();
    let scheduled = format!("2026-01-01T{hour}:00:00Z");
    let minute = Time::parse(&scheduled).map_or(0, |at| at.0 / 60);
    let name = format!("tidy-{minute}");
    let mut job = json!({
        "metadata": {
            "name": name, "namespace": "ns", "uid": hour, "resourceVersion": "1", "ownerReferences": [owner],
            "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": scheduled},
        },
        "status": {"startTime": scheduled},
    });
    let ended = |kind: &str| json!([{"type": kind, "status": "True"}]);
    for word in words {
        match word {
            "done" => {
                job["status"]["conditions"] = ended("Complete");
                job["status"]["completionTime"] = json!(format!("2026-01-01T{hour}:30:00Z"));
            }
            "failed" => job["status"]["conditions"] = ended("Failed"),
            "manual" => job["metadata"]["name"] = json!("by-hand"),
            other => panic!("{other}"),
        }
    }
    job
}

fn made(cron: Value, jobs: &[&str], now: &str) -> Plan {
    let read = |text: &&str| serde_json::from_value(job(text)).unwrap();
    let controller = CronJobs {
        crons: Cache::holding([serde_json::from_value(cron).unwrap()]),
        jobs: Cache::holding(jobs.iter().map(read)),
    };
    index(&controller.jobs);
    controller.plan(&Key::new("ns", "tidy"), at(now))
}

fn check(cron: Value, jobs: &[&str], now: &str, expected: &[&str]) {
    let short = |line: String| {
        let line = line.split(" | Successful").next().unwrap_or_default().to_owned();
        line.replace("patch cronjobs/status ns/tidy ", "status ")
    };
    let done: Vec<String> = lines(made(cron, jobs, now)).into_iter().map(short).collect();
    assert_eq!(done, expected, "{jobs:?} at {now}");
}

#[test]
fn a_job_is_made_when_its_time_has_come() {
    check(cron(json!({})), &[], "00:59:59", &["again in 1.1s"]);
    check(cron(json!({})), &[], "01:00:00", &["create jobs ns/tidy-29453820", "again in 3600.1s"]);
    // Of several that passed, the last one.
    check(cron(json!({})), &[], "05:20:00", &["create jobs ns/tidy-29454060", "again in 2400.1s"]);
    let plan = made(cron(json!({"spec": {"timeZone": "Europe/Berlin"}})), &[], "01:00:00");
    let What::Create { object, .. } = &plan.then[0].what else { panic!("{}", plan.then[0]) };
    assert_eq!(object["metadata"]["labels"], json!({"a": "b"}));
    let annotations =
        json!({"c": "d", "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-01T02:00:00+01:00"});
    assert_eq!(object["metadata"]["annotations"], annotations);
    assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "cron");
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["name"], "c");
}

#[test]
fn what_was_made_is_noted_and_not_made_again() {
    let noted = format!(
        r#"status {{"status":{{"active":[{}],"lastScheduleTime":"2026-01-01T01:00:00Z","lastSuccessfulTime":null}}}}"#,
        r#"{"apiVersion":"batch/v1","kind":"Job","name":"tidy-29453820","namespace":"ns","resourceVersion":"1","uid":"01"}"#,
    );
    check(cron(json!({})), &["01"], "01:00:05", &[&noted, "again in 3595.1s"]);
    let begun = json!({"status": {"active": active(&["01"]), "lastScheduleTime": "2026-01-01T01:00:00Z"}});
    check(cron(begun.clone()), &["01"], "01:00:05", &["again in 3595.1s"]);
    let ended = r#"status {"status":{"active":null,"lastScheduleTime":"2026-01-01T01:00:00Z","lastSuccessfulTime":"2026-01-01T01:30:00Z"}}"#;
    let told = "tell Normal SawCompletedJob: Saw completed job: tidy-29453820, condition: Complete";
    check(cron(begun.clone()), &["01 done"], "01:40:00", &[ended, told, "again in 1200.1s"]);
    let gone = r#"status {"status":{"active":null,"lastScheduleTime":"2026-01-01T01:00:00Z","lastSuccessfulTime":null}}"#;
    let told = "tell Normal MissingJob: Active job went missing: 01";
    check(cron(begun), &[], "01:40:00", &[told, gone, "again in 1200.1s"]);
}

#[test]
fn jobs_of_others_are_told_of() {
    let told = "tell Warning UnexpectedJob: Saw a job that the controller did not create or forgot: by-hand";
    check(cron(json!({})), &["00 manual"], "00:10:00", &[told, "again in 3000.1s"]);
}

#[test]
fn what_still_runs_may_hold_the_next_one_up_or_give_way() {
    let begun = |policy: &str| {
        json!({"spec": {"concurrencyPolicy": policy}, "status": {
            "active": active(&["01"]), "lastScheduleTime": "2026-01-01T01:00:00Z"}})
    };
    let create = "create jobs ns/tidy-29453880";
    check(cron(begun("Allow")), &["01"], "02:00:00", &[create, "again in 3600.1s"]);
    let waits = "tell Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid";
    check(cron(begun("Forbid")), &["01"], "02:00:00", &[waits, "again in 3600.1s"]);
    let gone = r#"status {"status":{"active":null,"lastScheduleTime":"2026-01-01T01:00:00Z","lastSuccessfulTime":null}}"#;
    let replaced = ["delete jobs ns/tidy-29453820", create, gone, "again in 3600.1s"];
    check(cron(begun("Replace")), &["01"], "02:00:00", &replaced);
}

#[test]
fn it_may_be_too_late() {
    let within = |seconds: i64| cron(json!({"spec": {"startingDeadlineSeconds": seconds}}));
    check(within(60), &[], "01:00:30", &["create jobs ns/tidy-29453820", "again in 3570.1s"]);
    check(within(60), &[], "01:30:00", &["again in 1800.1s"]);
    let often = json!({"spec": {"schedule": "* * * * *"}});
    let told = "tell Warning TooManyMissedTimes: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
    check(cron(often), &[], "03:00:10", &["create jobs ns/tidy-29453940", told, "again in 50.1s"]);
}

#[test]
fn some_make_no_jobs() {
    check(cron(json!({"spec": {"suspend": true}})), &[], "05:00:00", &[]);
    check(cron(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})), &[], "05:00:00", &[]);
    let told = "tell Warning UnknownTimeZone: invalid timeZone: \"Nowhere\": unknown time zone Nowhere";
    check(cron(json!({"spec": {"timeZone": "Nowhere"}})), &[], "05:00:00", &[told]);
    let told = "tell Warning UnparseableSchedule: unparseable schedule: \"often\" : expected exactly 5 fields, found 1: [often]";
    check(cron(json!({"spec": {"schedule": "often"}})), &[], "05:00:00", &[told]);
    let told = "tell Warning InvalidSchedule: invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second";
    check(cron(json!({"spec": {"schedule": "0 0 31 2 *"}})), &[], "05:00:00", &[told]);
}

#[test]
fn ended_jobs_are_kept_for_a_while() {
    let status = json!({"status": {"lastScheduleTime": "2026-01-01T05:00:00Z", "lastSuccessfulTime": "2026-01-01T03:30:00Z"}});
    let jobs = ["01 done", "02 failed", "03 done", "04 failed", "05"];
    let mut cron = cron(status);
    cron["status"]["active"] = active(&["05"]);
    check(
        cron,
        &jobs,
        "05:10:00",
        &["delete jobs ns/tidy-29453820", "delete jobs ns/tidy-29453880", "again in 3000.1s"],
    );
}
