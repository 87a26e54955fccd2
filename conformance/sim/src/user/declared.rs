//! What users declare.

use keelson_client::Resource;
use keelson_store::fault::Random;
use serde_json::{Value, json};

use super::{BUDGETS, CRONJOBS, DAEMONSETS, DEPLOYMENTS, JOBS, SERVICES, STATEFULSETS};

/// The class of volumes that are there from the beginning.
const CLASS: &str = "by-hand";

/// Something to be declared, with its resource.
pub(super) fn drawn(random: &mut Random, number: u32) -> (Resource, Value) {
    match random.below(14) {
        0..5 => (DEPLOYMENTS, deployment(random)),
        5..8 => (STATEFULSETS, statefulset(random)),
        8 => (DAEMONSETS, daemonset(random)),
        9..11 => (JOBS, job(random, &format!("j{number}"))),
        11 => (CRONJOBS, cronjob(random)),
        12 => (BUDGETS, budget(random)),
        _ => (SERVICES, service(random)),
    }
}

pub(super) fn volume(number: u32) -> Value {
    json!({
        "metadata": {"name": format!("volume-{number}")},
        "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": CLASS,
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": format!("/volumes/{number}")},
        },
    })
}

/// How pods behave: annotations of hollow nodes.
pub(super) fn behaviour(random: &mut Random) -> Value {
    let mut seconds = |most: u64| format!("{}ms", random.below(most * 1000) + 1);
    let mut all = json!({
        "keelson.dev/start-delay": seconds(3), "keelson.dev/ready-after": seconds(4), "keelson.dev/stop-delay": seconds(6),
    });
    if random.chance(150) {
        all["keelson.dev/failing"] = json!("20%");
        all["keelson.dev/run-for"] = json!("ever");
    }
    all
}

pub(super) fn containers(random: &mut Random, image: &str) -> Value {
    let cpu = format!("{}m", random.between(1, 6) * 100);
    let memory = format!("{}Mi", random.between(1, 8) * 32);
    json!([{"name": "c", "image": image, "resources": {"requests": {"cpu": cpu, "memory": memory}}}])
}

fn template(random: &mut Random, app: &str) -> Value {
    let away = |key: &str| json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30});
    let mut template = json!({
        "metadata": {"labels": {"app": app}, "annotations": behaviour(random)},
        "spec": {
            "containers": containers(random, "image:0"),
            "terminationGracePeriodSeconds": random.between(1, 20),
            "tolerations": [away("not-ready"), away("unreachable")],
        },
    });
    if random.chance(150) {
        template["spec"]["priorityClassName"] = json!("important");
    }
    template
}

fn named(random: &mut Random, prefix: &str) -> String {
    format!("{prefix}{}", random.below(3))
}

fn selector(app: &str) -> Value {
    json!({"matchLabels": {"app": app}})
}

fn deployment(random: &mut Random) -> Value {
    let name = named(random, "d");
    let mut spec = json!({
        "replicas": random.below(7), "selector": selector(&name), "template": template(random, &name),
        "revisionHistoryLimit": random.below(4), "progressDeadlineSeconds": random.between(20, 120),
    });
    if random.chance(200) {
        spec["minReadySeconds"] = json!(random.between(1, 10));
    }
    spec["strategy"] = match random.below(6) {
        0 => json!({"type": "Recreate"}),
        1 => json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        2 => json!({"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}),
        3 => json!({"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "50%"}}),
        _ => json!({}),
    };
    json!({"metadata": {"name": name}, "spec": spec})
}

fn statefulset(random: &mut Random) -> Value {
    let name = named(random, "s");
    let mut spec = json!({
        "replicas": random.below(5), "selector": selector(&name), "template": template(random, &name), "serviceName": name,
        "podManagementPolicy": random.pick(&["OrderedReady", "OrderedReady", "Parallel"]),
    });
    if random.chance(200) {
        spec["ordinals"] = json!({"start": random.between(1, 3)});
    }
    if random.chance(200) {
        spec["updateStrategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": random.below(3)}});
    }
    if random.chance(300) {
        spec["volumeClaimTemplates"] = json!([{
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": CLASS,
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }]);
        let policy = |random: &mut Random| *random.pick(&["Retain", "Delete"]);
        spec["persistentVolumeClaimRetentionPolicy"] =
            json!({"whenDeleted": policy(random), "whenScaled": policy(random)});
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

fn daemonset(random: &mut Random) -> Value {
    let name = named(random, "ds");
    let mut template = template(random, &name);
    // There has to be room for it on each node, however full.
    template["spec"]["containers"][0]["resources"] = json!({});
    let mut spec = json!({"selector": selector(&name), "template": template});
    if random.chance(300) {
        spec["updateStrategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

fn job_spec(random: &mut Random, name: &str) -> Value {
    let mut template = template(random, name);
    template["metadata"]["annotations"] = json!({
        "keelson.dev/start-delay": "300ms", "keelson.dev/run-for": format!("{}ms", random.between(10, 15_000)),
        "keelson.dev/failing": if random.chance(400) { "25%" } else { "0%" },
    });
    template["spec"]["restartPolicy"] = json!(random.pick(&["Never", "Never", "OnFailure"]));
    let mut spec = json!({
        "template": template, "completions": random.between(1, 5), "parallelism": random.between(1, 4),
        "backoffLimit": random.below(5),
    });
    if random.chance(400) {
        spec["completionMode"] = json!("Indexed");
    }
    if random.chance(150) {
        spec["suspend"] = json!(true);
    }
    if random.chance(200) {
        spec["ttlSecondsAfterFinished"] = json!(random.below(60));
    }
    if random.chance(200) {
        spec["podReplacementPolicy"] = json!("Failed");
    }
    spec
}

fn job(random: &mut Random, name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": job_spec(random, name)})
}

fn cronjob(random: &mut Random) -> Value {
    let name = named(random, "c");
    let mut spec = job_spec(random, &name);
    spec["suspend"] = json!(false);
    json!({"metadata": {"name": name}, "spec": {
        "schedule": "* * * * *", "jobTemplate": {"spec": spec},
        "concurrencyPolicy": random.pick(&["Allow", "Forbid", "Replace"]),
        "successfulJobsHistoryLimit": random.below(3), "failedJobsHistoryLimit": random.below(2),
    }})
}

/// Of pods of a deployment, or of a stateful set.
fn app(random: &mut Random) -> String {
    let prefix = *random.pick(&["d", "d", "s"]);
    named(random, prefix)
}

fn budget(random: &mut Random) -> Value {
    let app = app(random);
    json!({"metadata": {"name": app}, "spec": {"minAvailable": random.between(1, 3), "selector": selector(&app)}})
}

fn service(random: &mut Random) -> Value {
    let app = app(random);
    json!({"metadata": {"name": app}, "spec": {"selector": {"app": app}, "ports": [{"port": 80}]}})
}
