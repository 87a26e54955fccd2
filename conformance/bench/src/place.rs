//! Servers that are started, measured and ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use keelson_subject::client::Client;
use keelson_subject::cost::{self, Cost};
use keelson_subject::ours::{Scratch, Server};
use keelson_subject::upstream::{Programs, Upstream};
use tokio::time::Instant;

use crate::arguments::{Arguments, Named, Origin};

/// With all of upstream's rules of admission, as upstream itself.
const ALL_RULES: [&str; 2] = ["--disable-admission-plugins", ""];

/// A server that runs.
#[derive(Debug)]
pub(crate) enum Running {
    Ours { scratch: Scratch, server: Box<Server> },
    Upstream(Box<Upstream>, Programs),
    Foreign(PathBuf),
}

impl Running {
    /// Starts what was named, on nothing. One that runs already is taken as it is.
    pub(crate) async fn start(named: &Named, arguments: &Arguments) -> Result<Self> {
        match &named.origin {
            Origin::Binary(binary) => {
                let scratch = Scratch::new(&whole(binary)?, "data");
                let server = Box::new(scratch.up(&ALL_RULES).await);
                Ok(Self::Ours { scratch, server })
            }
            Origin::Upstream => {
                let programs = Programs::in_directory(&arguments.peers).map_err(|error| anyhow!(error))?;
                let scratch = Scratch::new(&whole(certifier(arguments)?)?, "data");
                let upstream = Upstream::start(&programs, scratch, &[]).await;
                Ok(Self::Upstream(Box::new(upstream), programs))
            }
            Origin::Running(kubeconfig) => Ok(Self::Foreign(kubeconfig.clone())),
        }
    }

    /// Ends it and starts it again on its data, and says how long it took until it was ready.
    pub(crate) async fn again(self) -> Result<(Self, Duration)> {
        match self {
            Self::Ours { scratch, server } => {
                server.end().await;
                let began = Instant::now();
                let server = Box::new(scratch.up(&ALL_RULES).await);
                Ok((Self::Ours { scratch, server }, began.elapsed()))
            }
            Self::Upstream(upstream, programs) => {
                let scratch = upstream.end().await;
                let began = Instant::now();
                let upstream = Upstream::start(&programs, scratch, &[]).await;
                Ok((Self::Upstream(Box::new(upstream), programs), began.elapsed()))
            }
            Self::Foreign(_) => bail!("a server that runs cannot be started"),
        }
    }

    /// Ends it, if it was started here.
    pub(crate) async fn end(self) {
        match self {
            Self::Ours { server, .. } => server.end().await,
            Self::Upstream(upstream, _) => drop(upstream.end().await),
            Self::Foreign(_) => {}
        }
    }

    /// A client with all rights.
    pub(crate) fn access(&self) -> Client {
        match self {
            Self::Ours { server, .. } => Client::of(&server.kubeconfig()),
            Self::Upstream(upstream, _) => upstream.client(),
            Self::Foreign(kubeconfig) => Client::of(kubeconfig),
        }
    }

    /// What its processes have cost so far, if they are known.
    pub(crate) fn cost(&self) -> Option<Cost> {
        match self {
            Self::Ours { server, .. } => Some(cost::of(&[server.pid()])),
            Self::Upstream(upstream, _) => Some(cost::of(&upstream.pids())),
            Self::Foreign(_) => None,
        }
    }

    /// What its data takes up on the disk, in bytes, if it was started here.
    pub(crate) fn disk(&self) -> Result<Option<u64>> {
        match self {
            Self::Ours { scratch, .. } => below(&scratch.data()).map(Some),
            Self::Upstream(upstream, _) => {
                below(upstream.kubeconfig().parent().context("it has a place")?).map(Some)
            }
            Self::Foreign(_) => Ok(None),
        }
    }
}

/// Upstream's certificates are made by a binary of ours.
fn certifier(arguments: &Arguments) -> Result<&Path> {
    let mut origins = arguments.subjects.iter().map(|subject| &subject.origin);
    origins
        .find_map(|origin| match origin {
            Origin::Binary(binary) => Some(binary.as_path()),
            _ => None,
        })
        .context("upstream's certificates are made by our binary: there has to be a subject NAME=BINARY")
}

/// Processes are started elsewhere, so a path must not depend on where this one is.
fn whole(binary: &Path) -> Result<PathBuf> {
    binary.canonicalize().with_context(|| binary.display().to_string())
}

fn below(directory: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    const BLOCK: u64 = 512;
    let mut sum = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() { below(&entry.path())? } else { metadata.blocks() * BLOCK };
    }
    Ok(sum)
}
