//! Upstream's API server beside its etcd, with flags as in production: TLS, RBAC, every write flushed to the disk.
//!
//! Its certificates are made by our binary, which names them as kubeadm does; their keys are of the same kind for both.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::ours::{PATIENCE, Scratch};

/// Longer than this the API server does not need until it is ready, on whatever machine.
const START: Duration = Duration::from_secs(180);

/// Where upstream's programs are.
#[derive(Clone, Debug)]
pub struct Programs(PathBuf);

impl Programs {
    /// Those in this directory; an error says what is not there, and how it comes there.
    pub fn in_directory(directory: &Path) -> Result<Self, String> {
        match ["etcd", "kube-apiserver"].iter().find(|name| !directory.join(name).is_file()) {
            None => Ok(Self(directory.to_owned())),
            Some(name) => Err(format!(
                "{}: there is no {name}; `conformance/upstream/build control` makes upstream's programs",
                directory.display()
            )),
        }
    }

    /// One of them.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// A running API server of upstream's, with its etcd.
#[derive(Debug)]
pub struct Upstream {
    // In this order they are dropped, and so ended.
    server: Child,
    etcd: Child,
    /// Where it listens.
    pub address: SocketAddr,
    kubeconfig: PathBuf,
    scratch: Scratch,
}

impl Upstream {
    /// Starts both in `scratch`, or starts them again there, with further flags of the API server's, and waits until
    /// the server is ready.
    pub async fn start(programs: &Programs, scratch: Scratch, flags: &[&str]) -> Self {
        let (pki, authority) = (scratch.path("pki"), scratch.path("upstream.kubeconfig"));
        if !authority.exists() {
            let ours = scratch.up(&["--pki-dir", pki.to_str().unwrap()]).await;
            std::fs::copy(ours.kubeconfig(), &authority).unwrap();
            ours.end().await;
        }
        let [store, peers, address] = free();
        let etcd = etcd(programs, &scratch, store, peers);
        let server = server(programs, &scratch, &pki, store, address, flags);
        let kubeconfig = point(&authority, address);
        let mut upstream = Self { server, etcd, address, kubeconfig, scratch };
        upstream.ready().await;
        upstream
    }

    async fn ready(&mut self) {
        let client = self.client();
        let look = async {
            loop {
                if client.try_ask(http::Method::GET, "/readyz").await.is_ok_and(|answer| answer.code == 200) {
                    return;
                }
                for child in [&mut self.server, &mut self.etcd] {
                    if let Some(status) = child.try_wait().unwrap() {
                        panic!("{status}: {}", log(&self.scratch));
                    }
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(START, look).await.is_err() {
            panic!("upstream's API server is not ready in {START:?}: {}", log(&self.scratch));
        }
    }

    /// A client with all rights.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::of(&self.kubeconfig)
    }

    /// The kubeconfig of that client.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Its processes: the server and etcd.
    #[must_use]
    pub fn pids(&self) -> [u32; 2] {
        [&self.server, &self.etcd].map(|child| child.id().expect("it runs"))
    }

    /// Ends both, and gives back the place, where they can be started again.
    pub async fn end(mut self) -> Scratch {
        for child in [&mut self.server, &mut self.etcd] {
            end(child).await;
        }
        self.scratch
    }
}

async fn end(child: &mut Child) -> ExitStatus {
    let pid = Pid::from_raw(child.id().expect("it runs").try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap()
}

fn etcd(programs: &Programs, scratch: &Scratch, store: SocketAddr, peers: SocketAddr) -> Child {
    let (store, peers) = (format!("http://{store}"), format!("http://{peers}"));
    let mut command = command(programs, scratch, "etcd");
    command.arg("--data-dir").arg(scratch.path("etcd"));
    command.args(["--listen-client-urls", &store, "--advertise-client-urls", &store]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args([
        "--initial-cluster",
        &format!("default={peers}"),
        "--force-new-cluster",
        "--log-level",
        "warn",
    ]);
    command.spawn().unwrap()
}

fn server(
    programs: &Programs,
    scratch: &Scratch,
    pki: &Path,
    store: SocketAddr,
    address: SocketAddr,
    flags: &[&str],
) -> Child {
    let mut command = command(programs, scratch, "kube-apiserver");
    for (flag, name) in [
        ("client-ca-file", "ca.crt"),
        ("tls-cert-file", "apiserver.crt"),
        ("tls-private-key-file", "apiserver.key"),
        ("kubelet-client-certificate", "apiserver-kubelet-client.crt"),
        ("kubelet-client-key", "apiserver-kubelet-client.key"),
        ("kubelet-certificate-authority", "ca.crt"),
        ("service-account-key-file", "sa.pub"),
        ("service-account-signing-key-file", "sa.key"),
        ("requestheader-client-ca-file", "front-proxy-ca.crt"),
        ("proxy-client-cert-file", "front-proxy-client.crt"),
        ("proxy-client-key-file", "front-proxy-client.key"),
    ] {
        command.arg(format!("--{flag}={}", pki.join(name).display()));
    }
    command.args([
        &format!("--etcd-servers=http://{store}"),
        &format!("--bind-address={}", address.ip()),
        &format!("--secure-port={}", address.port()),
    ]);
    command.args([
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        "--enable-aggregator-routing=true",
        "--allow-privileged=true",
        "--v=1",
    ]);
    command.args(flags);
    command.spawn().unwrap()
}

/// A program that says what it says into the log.
fn command(programs: &Programs, scratch: &Scratch, name: &str) -> Command {
    let log = scratch.path(&format!("{name}.log"));
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut command = Command::new(programs.path(name));
    command.env_clear().env("HOME", scratch.path(".")).stdin(Stdio::null());
    command.stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
    command
}

/// The end of what both said.
fn log(scratch: &Scratch) -> String {
    let end = |name: &str| {
        let text = std::fs::read_to_string(scratch.path(&format!("{name}.log"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    };
    format!("{}\n{}", end("etcd"), end("kube-apiserver"))
}

/// Ports on which nobody listens: they are let go for the programs to take, which cannot be told to choose.
fn free<const COUNT: usize>() -> [SocketAddr; COUNT] {
    let held = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}

/// The kubeconfig with another server in it.
fn point(kubeconfig: &Path, address: SocketAddr) -> PathBuf {
    let text = std::fs::read_to_string(kubeconfig).unwrap();
    let lines = text.lines().map(|line| match line.split_once("server: ") {
        Some((indent, _)) => format!("{indent}server: https://{address}"),
        None => line.to_owned(),
    });
    std::fs::write(kubeconfig, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    kubeconfig.to_owned()
}
