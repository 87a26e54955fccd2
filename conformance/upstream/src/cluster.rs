//! A cluster on loopback, of parts that are ours or upstream's. It has no nodes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use keelson_subject::ours::{Scratch, Server};
use keelson_subject::upstream::{Programs, Upstream};
use tokio::process::{Child, Command};

use crate::options::{Options, Whose};

/// The parts, each a process.
pub(crate) struct Cluster {
    // In this order they are dropped, and so ended.
    components: Vec<Child>,
    server: ApiServer,
    kubeconfig: PathBuf,
    logs: Vec<PathBuf>,
    /// Where all this is, if the server does not keep it.
    scratch: Option<Scratch>,
}

enum ApiServer {
    Ours(Server),
    Upstream(Upstream),
}

impl Cluster {
    /// Brings up the parts.
    pub(crate) async fn start(options: &Options) -> Result<Self, String> {
        let programs = Programs::in_directory(&options.programs)?;
        let place = Scratch::new(&std::path::absolute(&options.binary).unwrap(), "data");
        let (pki, here) = (place.path("pki"), place.path("."));
        let mut logs = Vec::new();
        let (server, kubeconfig, scratch) = match options.apiserver {
            Whose::Upstream => {
                let upstream = Upstream::start(&programs, place, &[]).await;
                let kubeconfig = upstream.kubeconfig().to_owned();
                logs.extend(["kube-apiserver.log", "etcd.log"].map(|name| here.join(name)));
                (ApiServer::Upstream(upstream), kubeconfig, None)
            }
            Whose::Ours | Whose::Nobody => {
                let ours =
                    place.up(&["--pki-dir", pki.to_str().unwrap(), "--disable-admission-plugins", ""]).await;
                let kubeconfig = ours.kubeconfig();
                logs.push(here.join("log"));
                (ApiServer::Ours(ours), kubeconfig, Some(place))
            }
        };
        let mut cluster = Self { components: Vec::new(), server, kubeconfig, logs, scratch };
        if options.controllers == Whose::Upstream {
            let key = |flag: &str, name: &str| format!("--{flag}={}", pki.join(name).display());
            let flags = [
                "--leader-elect=false".to_owned(),
                "--use-service-account-credentials=true".to_owned(),
                "--allocate-node-cidrs=false".to_owned(),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                key("root-ca-file", "ca.crt"),
                key("service-account-private-key-file", "sa.key"),
                key("cluster-signing-cert-file", "ca.crt"),
                key("cluster-signing-key-file", "ca.key"),
            ];
            cluster.begin_upstreams(&programs, &here, "kube-controller-manager", &flags);
        }
        if options.controllers == Whose::Ours {
            let authority = pki.join("ca.crt").display().to_string();
            cluster.begin_ours(&options.binary, &here, "controllers", &["--root-ca-file", &authority]);
        }
        match options.scheduler {
            Whose::Upstream => {
                let flags = ["--leader-elect=false".to_owned()];
                cluster.begin_upstreams(&programs, &here, "kube-scheduler", &flags);
            }
            Whose::Ours => cluster.begin_ours(&options.binary, &here, "scheduler", &[]),
            Whose::Nobody => {}
        }
        Ok(cluster)
    }

    fn begin_upstreams(&mut self, programs: &Programs, here: &Path, name: &str, flags: &[String]) {
        let mut command = Command::new(programs.path(name));
        command.args(["--secure-port=0", "--v=1"]).args(flags);
        self.begin(command, here, name);
    }

    fn begin_ours(&mut self, binary: &Path, here: &Path, name: &str, flags: &[&str]) {
        let mut command = Command::new(binary);
        command.args([name, "--no-leader-election"]).args(flags);
        self.begin(command, here, name);
    }

    fn begin(&mut self, mut command: Command, here: &Path, name: &str) {
        let path = here.join(format!("{name}.log"));
        let log = File::create(&path).unwrap();
        command.arg("--kubeconfig").arg(&self.kubeconfig).env_clear().env("HOME", here).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        self.components.push(command.spawn().unwrap());
        self.logs.push(path);
    }

    /// With all rights.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Ends the parts, and leaves in `out` what they said.
    pub(crate) async fn end(mut self, out: &Path) {
        for component in &mut self.components {
            component.kill().await.unwrap();
        }
        let scratch = match self.server {
            ApiServer::Ours(ours) => {
                ours.end().await;
                self.scratch
            }
            ApiServer::Upstream(upstream) => Some(upstream.end().await),
        };
        for log in &self.logs {
            let name = log.file_name().unwrap().to_str().unwrap();
            let name = if name == "log" { "keelson.log" } else { name };
            std::fs::copy(log, out.join(name)).unwrap();
        }
        drop(scratch);
    }
}
