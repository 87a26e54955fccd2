//! What was asked for on the command line.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::workload::{self, Workload};

/// A server to be measured, as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A binary of ours, which is started.
    Binary(PathBuf),
    /// Upstream's API server and etcd, which are started.
    Upstream,
    /// One that runs, as this kubeconfig says. Nothing is known of its processes.
    Running(PathBuf),
}

/// A server and what it is called in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) origin: Origin,
}

/// What is to be measured, and how long.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) subjects: Vec<Named>,
    pub(crate) workloads: Vec<&'static Workload>,
    /// How often each workload is run on each server.
    pub(crate) rounds: usize,
    /// How long a closed or open loop lasts.
    pub(crate) span: Duration,
    pub(crate) scale: Scale,
    /// Where upstream's programs are.
    pub(crate) peers: PathBuf,
    pub(crate) markdown: Option<PathBuf>,
    pub(crate) chart: Option<PathBuf>,
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    /// Requests under way at the same time.
    pub(crate) workers: usize,
    /// Connections they share.
    pub(crate) connections: usize,
    /// Pods that are read and listed.
    pub(crate) pods: usize,
    /// Requests each second in open loops.
    pub(crate) rate: f64,
    /// Objects that memory and starts are measured with.
    pub(crate) objects: usize,
    /// Writes that watchers are told of, if not as many as usual.
    pub(crate) writes: Option<u64>,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum Asked {
    Run(Box<Arguments>),
    Help,
}

impl Arguments {
    /// Reads the command line.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Asked> {
        let mut arguments = Self {
            subjects: Vec::new(),
            workloads: Vec::new(),
            rounds: 5,
            span: Duration::from_secs(5),
            scale: Scale {
                workers: 32,
                connections: 4,
                pods: 10_000,
                rate: 200.0,
                objects: 50_000,
                writes: None,
            },
            peers: peers(),
            markdown: None,
            chart: None,
        };
        let mut words = words;
        while let Some(word) = words.next() {
            if word == "--help" || word == "-h" {
                return Ok(Asked::Help);
            }
            let value =
                words.next().with_context(|| format!("{word} needs a value, or is no flag; see --help"))?;
            arguments.take(&word, &value).with_context(|| format!("{word} {value}"))?;
        }
        ensure!(!arguments.subjects.is_empty(), "no --subject; see --help");
        if arguments.workloads.is_empty() {
            arguments.workloads = workload::chosen("usual")?;
        }
        Ok(Asked::Run(Box::new(arguments)))
    }

    fn take(&mut self, flag: &str, value: &str) -> Result<()> {
        match flag {
            "--subject" => self.subjects.push(named(value)?),
            "--workload" => {
                for name in value.split(',') {
                    self.workloads.extend(workload::chosen(name)?);
                }
            }
            "--rounds" => self.rounds = at_least_one(value)?,
            "--seconds" => self.span = Duration::try_from_secs_f64(value.parse()?)?,
            "--workers" => self.scale.workers = at_least_one(value)?,
            "--connections" => self.scale.connections = at_least_one(value)?,
            "--pods" => self.scale.pods = at_least_one(value)?,
            "--objects" => self.scale.objects = at_least_one(value)?,
            "--writes" => self.scale.writes = Some(at_least_one(value)? as u64),
            "--rate" => {
                self.scale.rate = value.parse()?;
                ensure!(self.scale.rate > 0.0, "a rate is above zero");
            }
            "--programs" => self.peers = value.into(),
            "--markdown" => self.markdown = Some(value.into()),
            "--chart" => self.chart = Some(value.into()),
            _ => bail!("there is no such flag; see --help"),
        }
        Ok(())
    }
}

fn at_least_one(value: &str) -> Result<usize> {
    let number = value.parse()?;
    ensure!(number > 0, "at least 1");
    Ok(number)
}

fn named(text: &str) -> Result<Named> {
    let (name, origin) = text.split_once('=').unwrap_or((text, ""));
    let origin = match (name, origin) {
        ("upstream", "") => Origin::Upstream,
        (_, "") => bail!("say NAME=BINARY, NAME=kubeconfig:FILE, or upstream"),
        (_, path) => match path.strip_prefix("kubeconfig:") {
            Some(file) => Origin::Running(file.into()),
            None => Origin::Binary(path.into()),
        },
    };
    Ok(Named { name: name.to_owned(), origin })
}

/// Where upstream's programs are unless it is said.
#[expect(
    clippy::disallowed_methods,
    reason = "a judge is no part of the server; this is its one setting of the machine"
)]
fn peers() -> PathBuf {
    match (std::env::var_os("KEELSON_PEERS"), std::env::var_os("HOME")) {
        (Some(peers), _) => PathBuf::from(peers).join("bin"),
        (None, home) => PathBuf::from(home.unwrap_or_default()).join(".cache/keelson-peers/bin"),
    }
}

/// What there is to say.
pub(crate) fn help() -> String {
    let mut help = "\
Measures API servers side by side: the same work, in turns.

  --subject NAME=BINARY      a binary of ours, started on a fresh directory; any number of them
  --subject upstream         upstream's API server and etcd, started the same way
  --subject NAME=kubeconfig:FILE   one that runs; what its processes cost is not known
  --workload NAME,...        what to measure (`usual`): names, beginnings that end in `*`, `usual`, `all`
  --rounds N                 turns of each (5); medians are shown
  --seconds S                length of a loop (5)
  --workers N                requests under way at once (32), over --connections N (4)
  --pods N                   pods that are read and listed (10000)
  --rate R                   requests a second in open loops (200)
  --writes N                 writes that watchers are told of (2000 to 100 watchers, 200 to 1000)
  --objects N                objects that memory and starts are measured with (50000)
  --programs DIR             upstream's programs ($KEELSON_PEERS/bin, or ~/.cache/keelson-peers/bin)
  --markdown FILE            where the table goes besides the output
  --chart FILE               where a chart of the ratios goes, as SVG

The last subject is what the others are compared with.

Workloads:
"
    .to_owned();
    for workload in workload::ALL {
        let _ = writeln!(help, "  {:<26} {}", workload.name, workload.about);
    }
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Box<Arguments>> {
        match Arguments::parse(line.split_whitespace().map(str::to_owned))? {
            Asked::Run(arguments) => Ok(arguments),
            Asked::Help => bail!("help"),
        }
    }

    #[test]
    fn subjects_keep_their_order() {
        let line =
            "--subject a=/bin/a --rounds 3 --subject b=kubeconfig:/k --subject upstream --workload list-*";
        let arguments = parse(line).unwrap();
        let origins: Vec<_> = arguments.subjects.iter().map(|subject| &subject.origin).collect();
        let expected = [Origin::Binary("/bin/a".into()), Origin::Running("/k".into()), Origin::Upstream];
        assert_eq!(origins, expected.iter().collect::<Vec<_>>());
        assert_eq!(arguments.rounds, 3);
        assert!(arguments.workloads.iter().all(|workload| workload.name.starts_with("list-")));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for line in [
            "",
            "--subject a",
            "--rounds 0 --subject upstream",
            "--nonsense 1",
            "--subject upstream --workload x",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
