//! Whom the cases judge that every API server has to pass: `SUBJECT` says.
//!
//! `keelson`, which it is if nothing is said, is this tree's; `upstream` is upstream's, whose programs are looked for where
//! `KEELSON_PEERS` says. Anything else is the kubeconfig of a cluster that runs; its cases get a namespace each, but for
//! what they make for the whole cluster: it should be one that is there for that.

use std::path::{Path, PathBuf};

use keelson_subject::client::Client;
use keelson_subject::ours::{Scratch, Server};
use keelson_subject::upstream::{Programs, Upstream};

use crate::place;

/// A server that is judged, and a place for files.
pub(crate) struct Judged {
    who: Who,
    kubeconfig: PathBuf,
    /// Where cases make what lies in a namespace.
    pub(crate) namespace: String,
    home: PathBuf,
}

enum Who {
    Ours(Server, Scratch),
    Upstream(Upstream),
    Other(Scratch),
}

impl Judged {
    /// A server for the case of that name: a fresh one, or a fresh namespace of one that runs.
    pub(crate) async fn start(case: &str) -> Self {
        let scratch = place();
        let (home, namespace) = (scratch.path(""), "default".to_owned());
        match variable("SUBJECT").unwrap_or_default().as_str() {
            "" | "keelson" => {
                let server = scratch.up(&[]).await;
                Self { kubeconfig: server.kubeconfig(), who: Who::Ours(server, scratch), namespace, home }
            }
            "upstream" => {
                let flags = ["--disable-admission-plugins=ServiceAccount"];
                let upstream = Upstream::start(&programs(), scratch, &flags).await;
                let kubeconfig = upstream.kubeconfig().to_owned();
                Self { who: Who::Upstream(upstream), kubeconfig, namespace, home }
            }
            file => {
                let kubeconfig = scratch.path("kubeconfig");
                std::fs::copy(file, &kubeconfig).unwrap_or_else(|error| {
                    panic!("SUBJECT={file} is not keelson, not upstream, and no kubeconfig: {error}")
                });
                let namespace = format!("suite-{case}-{}", std::process::id());
                let other = Self { who: Who::Other(scratch), kubeconfig, namespace, home };
                other.kubectl(&["create", "namespace", &other.namespace]).await;
                let here = format!("--namespace={}", other.namespace);
                other.kubectl(&["config", "set-context", "--current", &here]).await;
                other
            }
        }
    }

    /// The same, for cases that name the namespace `default` in paths.
    pub(crate) async fn start_fresh(case: &str) -> Self {
        let judged = Self::start(case).await;
        let is_fresh = !matches!(judged.who, Who::Other(_));
        assert!(is_fresh, "{case} needs a server of its own: SUBJECT=keelson or upstream");
        judged
    }

    /// With all rights.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client with all rights.
    pub(crate) fn client(&self) -> Client {
        Client::of(&self.kubeconfig)
    }

    /// A directory for whatever a case writes.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    async fn kubectl(&self, args: &[&str]) {
        let mut command = tokio::process::Command::new("kubectl");
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(args).env("HOME", &self.home);
        let output = command.output().await.unwrap();
        assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Ends it, or leaves it as it was.
    pub(crate) async fn end(self) {
        if matches!(self.who, Who::Other(_)) {
            self.kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]).await;
        }
        match self.who {
            Who::Ours(server, scratch) => {
                server.end().await;
                drop(scratch);
            }
            Who::Upstream(upstream) => drop(upstream.end().await),
            Who::Other(scratch) => drop(scratch),
        }
    }
}

fn programs() -> Programs {
    let usual = || format!("{}/.cache/keelson-peers/bin", variable("HOME").unwrap_or_default());
    Programs::in_directory(Path::new(&variable("KEELSON_PEERS").unwrap_or_else(usual))).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the judges says by it what they judge")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
