//! Runs specs with upstream's runner, and reads its report.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::cluster::Cluster;
use crate::options::Options;
use crate::specs::Spec;

/// What came of a spec.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) seconds: f64,
    /// Why it failed or was skipped.
    pub(crate) reason: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Passed,
    Failed,
    Skipped,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Suite {
    #[serde(default)]
    spec_reports: Option<Vec<Report>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    #[serde(default)]
    container_hierarchy_texts: Option<Vec<String>>,
    leaf_node_type: String,
    leaf_node_text: String,
    state: String,
    /// In nanoseconds.
    #[serde(default)]
    run_time: f64,
    #[serde(default)]
    failure: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    #[serde(default)]
    message: String,
}

impl Report {
    fn name(&self) -> String {
        let mut words = self.container_hierarchy_texts.clone().unwrap_or_default();
        words.push(self.leaf_node_text.clone());
        words.join(" ")
    }

    /// Nothing if it was not selected.
    fn outcome(&self) -> Option<Outcome> {
        let reason = self.failure.as_ref().map_or("", |failure| failure.message.as_str());
        let state = match self.state.as_str() {
            "passed" => State::Passed,
            "skipped" | "pending" if reason.is_empty() => return None,
            "skipped" => State::Skipped,
            _ => State::Failed,
        };
        Some(Outcome { name: self.name(), state, seconds: self.run_time / 1e9, reason: reason.to_owned() })
    }
}

/// What came of the specs: first those that bear company, side by side, and then the others.
pub(crate) async fn run(
    options: &Options,
    cluster: &Cluster,
    specs: &[Spec],
) -> Result<Vec<Outcome>, String> {
    if options.out.exists() {
        std::fs::remove_dir_all(&options.out)
            .map_err(|error| format!("{}: {error}", options.out.display()))?;
    }
    std::fs::create_dir_all(&options.out).map_err(|error| format!("{}: {error}", options.out.display()))?;
    let mut outcomes = Vec::new();
    for (name, alone, processes) in [("beside", false, options.processes), ("alone", true, 1)] {
        let names: Vec<&str> =
            specs.iter().filter(|spec| spec.alone == alone).map(|spec| spec.name).collect();
        if !names.is_empty() {
            let out = options.out.join(name);
            std::fs::create_dir(&out).unwrap();
            let out = std::path::absolute(out).unwrap();
            eprintln!(
                "{} specs, {processes} at a time; what they say: {}",
                names.len(),
                out.join("log").display()
            );
            run_some(options, cluster, &names, processes, &out).await;
            outcomes.extend(read(&out.join("report.json"))?);
        }
    }
    Ok(outcomes)
}

async fn run_some(options: &Options, cluster: &Cluster, names: &[&str], processes: usize, out: &Path) {
    let log = File::create(out.join("log")).unwrap();
    let focus: Vec<String> = names.iter().map(|name| format!("{}$", regex::escape(name))).collect();
    let program = |name: &str| std::path::absolute(options.programs.join(name)).unwrap();
    let mut command = Command::new(program("ginkgo"));
    command.args(["run", "--no-color", "--timeout=2h", "--json-report=report.json"]);
    if processes > 1 {
        command.arg(format!("--procs={processes}"));
    }
    command
        .arg("--output-dir")
        .arg(out)
        .arg("--focus")
        .arg(focus.join("|"))
        .arg(program("e2e.test"))
        .arg("--");
    command.arg(format!("--kubeconfig={}", cluster.kubeconfig().display()));
    command.arg(format!("--kubectl-path={}", program("kubectl").display()));
    command.arg(format!("--report-dir={}", out.display()));
    command.args([
        "--provider=skeleton",
        "--num-nodes=0",
        "--allowed-not-ready-nodes=0",
        "--disable-log-dump=true",
    ]);
    command.env("KUBECONFIG", cluster.kubeconfig()).current_dir(out).stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
    let mut running = Running(command.spawn().unwrap());
    // Its exit code says again what stands in the report.
    running.0.wait().await.unwrap();
}

/// The runner, and the processes that it began: they end with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(pid) = self.0.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)) {
            // An error says that they have ended by themselves.
            let _ended = kill_process_group(pid, Signal::KILL);
        }
    }
}

fn read(path: &Path) -> Result<Vec<Outcome>, String> {
    let problem = |error: String| format!("{}: {error}; the log beside it says why", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    let suites: Vec<Suite> = serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
    let reports = || suites.iter().flat_map(|suite| suite.spec_reports.iter().flatten());
    let outcomes: Vec<Outcome> =
        reports().filter(|report| report.leaf_node_type == "It").filter_map(Report::outcome).collect();
    match reports().find(|report| report.leaf_node_type != "It" && report.state != "passed") {
        Some(report) if outcomes.is_empty() => {
            let failure = report.failure.as_ref().map_or("", |failure| &failure.message);
            Err(problem(format!("{} {}: {failure}", report.leaf_node_type, report.state)))
        }
        _ => Ok(outcomes),
    }
}
