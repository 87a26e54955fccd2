//! Our binary as a process: run to its end, or started, talked to and stopped.

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
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, with nothing set in its environment that it could read.
pub fn keelson(binary: &Path, home: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().env("HOME", home).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Waits until `found` finds something.
pub async fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
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
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs a command to its end.
pub async fn run(mut command: Command) -> Ended {
    let output = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A place for one test, removed at its end, and the binary that is used there.
#[derive(Debug)]
pub struct Scratch {
    binary: PathBuf,
    dir: TempDir,
    data: PathBuf,
}

impl Scratch {
    /// For this binary, with the data directory at this path below it.
    #[must_use]
    pub fn new(binary: &Path, data: &str) -> Self {
        let dir = TempDir::new().unwrap();
        Self { binary: binary.to_owned(), data: dir.path().join(data), dir }
    }

    /// A path below it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The data directory, which is not there yet.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// `keelson args`, to be run.
    #[must_use]
    pub fn keelson(&self, args: &[&str]) -> Command {
        let mut command = keelson(&self.binary, self.dir.path());
        command.args(args);
        command
    }

    /// Runs `keelson args --data-dir DATA`.
    pub async fn run(&self, args: &[&str]) -> Ended {
        let mut command = self.keelson(args);
        command.arg("--data-dir").arg(self.data());
        run(command).await
    }

    /// Like `run`, and it has to go well.
    pub async fn must(&self, args: &[&str]) -> String {
        let ended = self.run(args).await;
        assert_eq!(ended.code, Some(0), "keelson {args:?}: {ended:?}");
        ended.out
    }

    /// Starts the API server alone on the data directory and a free port: nobody but the judge changes anything. Nobody
    /// makes accounts either, so pods need none, unless `args` say what is switched off.
    pub async fn up(&self, args: &[&str]) -> Server {
        const OFF: &str = "--disable-admission-plugins";
        let usual: &[&str] = if args.contains(&OFF) { &[] } else { &[OFF, "ServiceAccount"] };
        self.start(&[&["apiserver", "--listen", "127.0.0.1:0"], usual, args].concat()).await
    }

    /// Starts a server on the data directory and waits until it says that it is ready.
    pub async fn start(&self, args: &[&str]) -> Server {
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
    pub fn spawn(&self, args: &[&str]) -> Server {
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
#[derive(Debug)]
pub struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it said until it was ready.
    pub said: Vec<String>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its data directory.
    pub data: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The admin's kubeconfig that it wrote.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.data.join("admin.kubeconfig")
    }

    /// What it said on standard error.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until it has ended.
    pub async fn wait(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }

    /// Tells it to end, and it has to end well.
    pub async fn end(mut self) {
        self.signal(Signal::TERM);
        let status = self.wait().await;
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Kills it as nobody can prevent.
    pub async fn kill(mut self) {
        self.signal(Signal::KILL);
        self.wait().await;
    }
}
