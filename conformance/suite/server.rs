//! The binary as a process: run to its end, or started, talked to and stopped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Longer than this nothing takes, on whatever machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, with nothing set in its environment that it could read.
pub(crate) fn keelson(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keelson"));
    command.env_clear().env("HOME", home).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Waits until `found` finds something.
pub(crate) async fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = found() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, look).await.expect("it comes about")
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a command to its end.
pub(crate) async fn run(mut command: Command) -> Ended {
    let output = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A place for one test, removed at its end.
pub(crate) struct Scratch {
    dir: TempDir,
    data: PathBuf,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self::with_data("data")
    }

    /// With the data directory at this path below it.
    pub(crate) fn with_data(path: &str) -> Self {
        let dir = TempDir::new().unwrap();
        Self { data: dir.path().join(path), dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The data directory, which is not there yet.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    pub(crate) fn keelson(&self, args: &[&str]) -> Command {
        let mut command = keelson(self.dir.path());
        command.args(args);
        command
    }

    /// Runs `keelson args --data-dir DATA`.
    pub(crate) async fn run(&self, args: &[&str]) -> Ended {
        let mut command = self.keelson(args);
        command.arg("--data-dir").arg(self.data());
        run(command).await
    }

    /// Like `run`, and it has to go well.
    pub(crate) async fn must(&self, args: &[&str]) -> String {
        let ended = self.run(args).await;
        assert_eq!(ended.code, Some(0), "keelson {args:?}: {ended:?}");
        ended.out
    }

    /// Starts `keelson up` on the data directory and a free port.
    pub(crate) async fn up(&self, args: &[&str]) -> Server {
        self.start(&[&["up", "--listen", "127.0.0.1:0"], args].concat()).await
    }

    /// Starts a server on the data directory and waits until it says that it is ready.
    pub(crate) async fn start(&self, args: &[&str]) -> Server {
        let mut server = self.spawn(args);
        while let Some(line) =
            timeout(PATIENCE, server.lines.next_line()).await.expect("it says something").unwrap()
        {
            server.said.push(line.clone());
            if let Some((_, rest)) = line.split_once(" ready at https://") {
                server.address = rest.split(' ').next().unwrap().parse().unwrap();
                return server;
            }
        }
        panic!("it ended before it was ready: {:?} {}", server.said, server.log());
    }

    /// Starts a server and does not wait.
    pub(crate) fn spawn(&self, args: &[&str]) -> Server {
        let mut command = self.keelson(args);
        let log = self.path("log");
        command.arg("--data-dir").arg(self.data()).stdout(Stdio::piped());
        command.stderr(std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Server { child, lines, said: Vec::new(), address: ([0; 4], 0).into(), data: self.data(), log }
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it said until it was ready.
    pub(crate) said: Vec<String>,
    pub(crate) address: SocketAddr,
    pub(crate) data: PathBuf,
    log: PathBuf,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.data.join("admin.kubeconfig")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) async fn wait(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }

    /// Tells it to end, and it has to end well.
    pub(crate) async fn end(mut self) {
        self.signal(Signal::TERM);
        let status = self.wait().await;
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Kills it as nobody can prevent.
    pub(crate) async fn kill(mut self) {
        self.signal(Signal::KILL);
        self.wait().await;
    }
}
