//! Stories of jobs and of what makes them.

use std::time::Duration;

use keelson_client::Resource;
use serde_json::{Value, json};

use crate::stories::cluster::{Cluster, EVENTS, PODS};

const WORKLOADS: &str = "job-controller,cronjob-controller";
const JOBS: Resource = Resource::namespaced("batch", "v1", "jobs", "Job");
const CRONJOBS: Resource = Resource::namespaced("batch", "v1", "cronjobs", "CronJob");

/// A job whose pods end as the annotation says.
fn job(name: &str, ends: &str, spec: &Value) -> Value {
    let mut job = json!({
        "metadata": {"name": name},
        "spec": {"template": {
            "metadata": {"annotations": {crate::stories::pods::ENDS: ends}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]},
        }},
    });
    for (key, value) in spec.as_object().into_iter().flatten() {
        job["spec"][key] = value.clone();
    }
    job
}

async fn ended(cluster: &Cluster, name: &str) -> Value {
    let look = async || cluster.get(&JOBS, &format!("default/{name}")).await.unwrap();
    let has_ended = |job: &Value| {
        let conditions = job["status"]["conditions"].as_array();
        let mut kinds = conditions.into_iter().flatten().map(|condition| condition["type"].as_str().unwrap());
        kinds.any(|kind| kind == "Complete" || kind == "Failed")
    };
    cluster.until("the job has ended", look, has_ended).await
}

/// The conditions, as `TYPE/REASON`.
fn conditions(job: &Value) -> Vec<String> {
    let all = job["status"]["conditions"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.map(|condition| format!("{}/{}", text(&condition["type"]), text(&condition["reason"]))).collect()
}

async fn reasons(cluster: &Cluster) -> Vec<String> {
    let events = cluster.list(&EVENTS, "default").await;
    events.iter().filter_map(|event| event["reason"].as_str()).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn one_completes_though_its_controller_dies_again_and_again() {
    let mut cluster = Cluster::with(WORKLOADS).await;
    let spec = json!({"completions": 20, "parallelism": 4, "completionMode": "Indexed"});
    cluster.create(&JOBS, "default", job("pi", "well", &spec)).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        cluster.kill().await;
        cluster.begin_all(WORKLOADS);
    }
    let done = ended(&cluster, "pi").await;
    let status = &done["status"];
    assert_eq!(conditions(&done), ["SuccessCriteriaMet/CompletionsReached", "Complete/CompletionsReached"]);
    assert_eq!((status["succeeded"].as_i64(), status["completedIndexes"].as_str()), (Some(20), Some("0-19")));
    assert!(status["active"].is_null() && status["failed"].is_null(), "{status}");
    assert_eq!(status["uncountedTerminatedPods"], json!({}));
    let pods = cluster.list(&PODS, "default").await;
    assert_eq!(pods.len(), 20);
    assert!(pods.iter().all(|pod| pod["metadata"]["finalizers"].is_null()), "all are let go");
    assert!(reasons(&cluster).await.contains(&"Completed".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_tried_again_more_and_more_slowly() {
    let cluster = Cluster::with(WORKLOADS).await;
    let began = tokio::time::Instant::now();
    cluster.create(&JOBS, "default", job("bad", "badly", &json!({"backoffLimit": 3}))).await;
    let failed = ended(&cluster, "bad").await;
    let waited = began.elapsed().as_secs();
    // Ten, twenty and forty seconds between four tries.
    assert!((70..=80).contains(&waited), "{waited}");
    assert_eq!(conditions(&failed), ["FailureTarget/BackoffLimitExceeded", "Failed/BackoffLimitExceeded"]);
    assert_eq!(failed["status"]["failed"], 4);
    assert!(reasons(&cluster).await.contains(&"BackoffLimitExceeded".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn one_is_suspended_and_resumed_and_its_pods_are_not_held_when_it_goes() {
    let cluster = Cluster::with(WORKLOADS).await;
    let spec = json!({"completions": 2, "parallelism": 2});
    cluster.create(&JOBS, "default", job("slow", "never", &spec)).await;
    let pods = async || cluster.list(&PODS, "default").await.len();
    cluster.until("its pods are there", pods, |count| *count == 2).await;
    cluster.merge(&JOBS, "default/slow", json!({"spec": {"suspend": true}})).await;
    let pods = async || cluster.list(&PODS, "default").await.len();
    cluster.until("its pods are gone", pods, |count| *count == 0).await;
    let job = async || cluster.get(&JOBS, "default/slow").await.unwrap();
    let quiet = cluster.until("that is noted", job, |job| job["status"]["terminating"] == 0).await;
    assert_eq!(conditions(&quiet), ["Suspended/JobSuspended"]);
    assert!(quiet["status"]["startTime"].is_null() && quiet["status"]["failed"].is_null());
    cluster.merge(&JOBS, "default/slow", json!({"spec": {"suspend": false}})).await;
    let pods = async || cluster.list(&PODS, "default").await.len();
    cluster.until("its pods are there again", pods, |count| *count == 2).await;
    let told = reasons(&cluster).await;
    assert!(["Suspended", "Resumed"].iter().all(|reason| told.iter().any(|told| told == reason)), "{told:?}");

    cluster.delete(&JOBS, "default/slow", "Orphan").await;
    let pods = async || cluster.list(&PODS, "default").await;
    let free = |pods: &Vec<Value>| pods.iter().all(|pod| pod["metadata"]["finalizers"].is_null());
    cluster.until("its pods are let go", pods, free).await;
}

#[tokio::test(start_paused = true)]
async fn a_cron_job_goes_on_for_days_and_through_the_night_in_which_clocks_change() {
    let mut cluster = Cluster::empty().await;
    // It is the first of January; in the night to the 29th of March clocks go from two to three.
    tokio::time::sleep(Duration::from_secs(86 * 24 * 3600)).await;
    cluster.begin_all(WORKLOADS);
    let cron = json!({
        "metadata": {"name": "nightly"},
        "spec": {
            "schedule": "30 2,3 * * *", "timeZone": "Europe/Berlin",
            "jobTemplate": {"spec": job("", "well", &json!({}))["spec"]},
        },
    });
    cluster.create(&CRONJOBS, "default", cron).await;
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..(4 * 24 * 6) {
        tokio::time::sleep(Duration::from_secs(600)).await;
        for job in cluster.list(&JOBS, "default").await {
            let at = &job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
            let at = at.as_str().unwrap().to_owned();
            if !seen.contains(&at) {
                seen.push(at);
            }
        }
    }
    let expected = [
        "2026-03-28T02:30:00+01:00",
        "2026-03-28T03:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T02:30:00+02:00",
        "2026-03-30T03:30:00+02:00",
        "2026-03-31T02:30:00+02:00",
        "2026-03-31T03:30:00+02:00",
    ];
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(expected.iter().all(|at| seen.iter().any(|seen| seen == at)), "{seen:?}");
    assert!(!seen.iter().any(|at| at.starts_with("2026-03-29T02")), "{seen:?}");
    let left = cluster.list(&JOBS, "default").await;
    assert_eq!(left.len(), 3, "as many as are kept");
    let cron = cluster.get(&CRONJOBS, "default/nightly").await.unwrap();
    assert!(cron["status"]["active"].is_null() && !cron["status"]["lastSuccessfulTime"].is_null(), "{cron}");
    let told = reasons(&cluster).await;
    assert!(!told.iter().any(|told| told == "MissingJob" || told == "UnexpectedJob"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_says_how_long_it_is_kept_goes_then_and_its_pods_with_it() {
    let all = "job-controller,ttl-after-finished-controller,garbage-collector-controller";
    let cluster = Cluster::with(all).await;
    cluster.create(&JOBS, "default", job("brief", "well", &json!({"ttlSecondsAfterFinished": 100}))).await;
    ended(&cluster, "brief").await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(cluster.get(&JOBS, "default/brief").await.is_some(), "it is kept for a while");
    let look = async || cluster.get(&JOBS, "default/brief").await;
    cluster.until("it is gone", look, Option::is_none).await;
    assert!(cluster.list(&PODS, "default").await.is_empty());
}
