//! An API server of ours, two schedulers at it, and the questions that are put to them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use http::Method;
use keelson_subject::client::Client;
use keelson_subject::ours::{Scratch, Server};
use keelson_subject::upstream::Programs;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::Options;

/// How long a scheduler may take to say anything about a pod.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const PODS: &str = "/api/v1/namespaces/default/pods";

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Upstream,
    Ours,
}

impl Whose {
    fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Ours => "ours",
        }
    }
}

/// What a scheduler said of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It put it there.
    Placed(String),
    /// It has no place, for this reason; room is made there, by these.
    Unfit { message: String, nominated: String, victims: Vec<String> },
}

/// The processes.
pub(crate) struct World {
    // In this order they are dropped, and so ended.
    schedulers: Vec<Child>,
    server: Server,
    client: Client,
    scratch: Scratch,
    /// Pods that are on nodes, by name.
    there: BTreeMap<String, Value>,
}

fn configuration(profile: &str, kubeconfig: Option<&Path>) -> String {
    let mut written = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": false}, "profiles": [{"schedulerName": profile}],
    });
    if let Some(path) = kubeconfig {
        written["clientConnection"] = json!({"kubeconfig": path, "qps": 1000, "burst": 1000});
    }
    written.to_string()
}

impl World {
    /// Brings it up.
    pub(crate) async fn start(options: &Options) -> Result<Self, String> {
        let programs = Programs::in_directory(&options.programs)?;
        let binary = std::path::absolute(&options.binary).unwrap();
        let scratch = Scratch::new(&binary, "data");
        let server = scratch.up(&[]).await;
        let kubeconfig = server.kubeconfig();
        let mut schedulers = Vec::new();
        for whose in [Whose::Upstream, Whose::Ours] {
            let told = scratch.path(&format!("{}.yaml", whose.name()));
            let mut command = match whose {
                Whose::Upstream => {
                    std::fs::write(&told, configuration(whose.name(), Some(&kubeconfig))).unwrap();
                    let mut command = Command::new(programs.path("kube-scheduler"));
                    command.arg("--secure-port=0").arg("--config").arg(&told);
                    command
                }
                Whose::Ours => {
                    std::fs::write(&told, configuration(whose.name(), None)).unwrap();
                    let mut command = Command::new(&binary);
                    command.arg("scheduler").arg("--kubeconfig").arg(&kubeconfig);
                    command.arg("--scheduler-config").arg(&told);
                    command
                }
            };
            let log = File::create(scratch.path(&format!("{}.log", whose.name()))).unwrap();
            command.env_clear().env("HOME", scratch.path(".")).stdin(Stdio::null()).kill_on_drop(true);
            command.stdout(log.try_clone().unwrap()).stderr(log);
            schedulers.push(command.spawn().map_err(|error| format!("{}: {error}", whose.name()))?);
        }
        let client = Client::of(&server.kubeconfig());
        Ok(Self { schedulers, server, client, scratch, there: BTreeMap::new() })
    }

    /// Ends it.
    pub(crate) async fn end(mut self) {
        for scheduler in &mut self.schedulers {
            scheduler.kill().await.unwrap();
        }
        self.server.end().await;
        drop(self.scratch);
    }

    /// Makes an object. A status that it has is written as well.
    pub(crate) async fn make(&self, collection: &str, object: &Value) {
        let answer =
            self.client.send(Method::POST, collection, "application/json", &object.to_string()).await;
        assert_eq!(answer.code, 201, "{collection}: {}", answer.body);
        if let Some(status) = object.get("status").filter(|status| status.is_object()) {
            let name = object["metadata"]["name"].as_str().unwrap();
            let path = format!("{collection}/{name}/status");
            let change = json!({"status": status}).to_string();
            let answer =
                self.client.send(Method::PATCH, &path, "application/merge-patch+json", &change).await;
            assert_eq!(answer.code, 200, "{path}: {}", answer.body);
        }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(path).await;
        if answer.code == 404 { Value::Null } else { serde_json::from_str(&answer.body).unwrap() }
    }

    /// Puts a pod on a node for good.
    pub(crate) async fn keep(&mut self, name: &str, pod: &Value, node: &str) {
        let mut pod = pod.clone();
        pod["metadata"]["name"] = json!(name);
        pod["spec"]["nodeName"] = json!(node);
        self.make(PODS, &pod).await;
        self.there.insert(name.to_owned(), pod);
    }

    /// Asks where a pod is to go, and leaves no trace of the question.
    pub(crate) async fn ask(&self, whose: Whose, name: &str, pod: &Value) -> Result<Verdict, String> {
        let mut asked = pod.clone();
        asked["metadata"]["name"] = json!(name);
        asked["spec"]["schedulerName"] = json!(whose.name());
        self.make(PODS, &asked).await;
        let verdict = self.verdict(whose, name).await;
        self.remove(name).await;
        if let Ok(Verdict::Unfit { victims, .. }) = &verdict {
            for victim in victims {
                self.make(PODS, &self.there[victim]).await;
            }
        }
        verdict
    }

    async fn verdict(&self, whose: Whose, name: &str) -> Result<Verdict, String> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let pod = self.get(&format!("{PODS}/{name}")).await;
            if let Some(node) = pod["spec"]["nodeName"].as_str() {
                return Ok(Verdict::Placed(node.to_owned()));
            }
            let told = pod["status"]["conditions"].as_array().into_iter().flatten();
            let told =
                told.filter(|one| one["type"] == "PodScheduled").find_map(|one| one["message"].as_str());
            if let Some(message) = told {
                let wanted = victims_said(message);
                let gone = self.gone().await;
                if gone.len() >= wanted {
                    let nominated = pod["status"]["nominatedNodeName"].as_str().unwrap_or_default();
                    return Ok(Verdict::Unfit {
                        message: message.to_owned(),
                        nominated: nominated.to_owned(),
                        victims: gone,
                    });
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let log = std::fs::read_to_string(self.scratch.path(&format!("{}.log", whose.name())));
        Err(format!("{} says nothing of {name}: {}", whose.name(), log.unwrap_or_default()))
    }

    /// Of the pods that were on nodes, those that are not any more.
    async fn gone(&self) -> Vec<String> {
        let list = self.get(PODS).await;
        let items = list["items"].as_array().unwrap();
        let is_there = |name: &str| items.iter().any(|pod| pod["metadata"]["name"] == *name);
        self.there.keys().filter(|name| !is_there(name)).cloned().collect()
    }

    async fn remove(&self, name: &str) {
        let path = format!("{PODS}/{name}?gracePeriodSeconds=0");
        self.client.ask(Method::DELETE, &path).await;
        let until = Instant::now() + PATIENCE;
        while !self.get(&format!("{PODS}/{name}")).await.is_null() {
            assert!(Instant::now() < until, "{name} does not go");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// How many pods go, by what is said.
fn victims_said(message: &str) -> usize {
    let behind = message.rsplit_once("preempting ").map_or("", |(_, behind)| behind);
    behind.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_victims_is_read() {
        let said = "preemption: found a potential placement for pod on node n1, preempting 2 victims";
        assert_eq!(
            (victims_said(said), victims_said("0/3 nodes are available: 3 Insufficient cpu.")),
            (2, 0)
        );
    }
}
