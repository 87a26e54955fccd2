//! What is asked for on the command line.

use std::path::PathBuf;

use regex::Regex;

/// How it is used.
pub(crate) const USAGE: &str = "\
Runs upstream's conformance suite, v1.37, on a cluster of this machine's loopback, whose parts are ours or upstream's.

  conformance/run upstream                        all specs that need no node, the kubelet being still to come
  conformance/run upstream --sig cli,auth         those of these special interest groups
  conformance/run upstream --focus 'Watchers'     those whose names match
  conformance/run upstream --apiserver upstream   the same for upstream's own API server

  --sig NAMES            of these groups alone, as in [sig-cli]
  --focus RE             whose names match alone
  --skip RE              but those whose names match
  --with-nodes           also specs that need nodes, of which this cluster has none: they fail
  --procs N              processes side by side; 4
  --apiserver WHOSE      ours or upstream; ours
  --controllers WHOSE    ours, upstream or none; upstream
  --scheduler WHOSE      ours, upstream or none; upstream
  --out DIR              where logs and the suite's own report go; target/conformance/upstream
  --list                 only name the specs
  --record               write the table into conformance/RESULTS.md
  --programs DIR         where upstream's programs are; conformance/run says
  --ours FILE            our binary; conformance/run says
";

/// Whose part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Ours,
    Upstream,
    Nobody,
}

const EVERYBODY: [Whose; 3] = [Whose::Ours, Whose::Upstream, Whose::Nobody];

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) groups: Vec<String>,
    pub(crate) focus: Option<Regex>,
    pub(crate) skip: Option<Regex>,
    pub(crate) with_nodes: bool,
    pub(crate) processes: usize,
    pub(crate) apiserver: Whose,
    pub(crate) controllers: Whose,
    pub(crate) scheduler: Whose,
    pub(crate) out: PathBuf,
    pub(crate) list: bool,
    pub(crate) record: bool,
    pub(crate) programs: PathBuf,
    pub(crate) binary: PathBuf,
}

impl Options {
    /// Nothing if it is asked how it is used.
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            groups: Vec::new(),
            focus: None,
            skip: None,
            with_nodes: false,
            processes: 4,
            apiserver: Whose::Ours,
            controllers: Whose::Upstream,
            scheduler: Whose::Upstream,
            out: "target/conformance/upstream".into(),
            list: false,
            record: false,
            programs: PathBuf::new(),
            binary: "target/release/keelson".into(),
        };
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{flag} needs a value; see --help"));
            match flag.as_str() {
                "--sig" => options.groups = value()?.split(',').map(str::to_owned).collect(),
                "--focus" => options.focus = Some(expression(&value()?)?),
                "--skip" => options.skip = Some(expression(&value()?)?),
                "--with-nodes" => options.with_nodes = true,
                "--procs" => {
                    let text = value()?;
                    options.processes = text.parse().map_err(|_| format!("--procs {text}: give a number"))?;
                }
                "--apiserver" => {
                    options.apiserver = whose(&flag, &value()?, &[Whose::Ours, Whose::Upstream])?
                }
                "--controllers" => {
                    options.controllers = whose(&flag, &value()?, &EVERYBODY)?;
                }
                "--scheduler" => {
                    options.scheduler = whose(&flag, &value()?, &EVERYBODY)?;
                }
                "--out" => options.out = value()?.into(),
                "--list" => options.list = true,
                "--record" => options.record = true,
                "--programs" => options.programs = value()?.into(),
                "--ours" => options.binary = value()?.into(),
                "--help" => return Ok(None),
                _ => return Err(format!("{flag}: no such option; see --help")),
            }
        }
        if options.record && (!options.groups.is_empty() || options.focus.is_some() || options.skip.is_some())
        {
            return Err("--record writes down whole runs: leave out --sig, --focus and --skip".to_owned());
        }
        Ok(Some(options))
    }
}

fn expression(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

fn whose(flag: &str, text: &str, allowed: &[Whose]) -> Result<Whose, String> {
    let name = |whose: &Whose| match whose {
        Whose::Ours => "ours",
        Whose::Upstream => "upstream",
        Whose::Nobody => "none",
    };
    allowed.iter().find(|whose| name(whose) == text).copied().ok_or_else(|| {
        let names: Vec<_> = allowed.iter().map(name).collect();
        format!("{flag} {text}: there is {}", names.join(" and "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Options>, String> {
        Options::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let options = read("--sig cli,auth --focus ^a --procs 2 --apiserver upstream --scheduler none")
            .unwrap()
            .unwrap();
        assert_eq!((options.groups.len(), options.processes), (2, 2));
        assert_eq!((options.apiserver, options.scheduler), (Whose::Upstream, Whose::Nobody));
        assert!(read("--help").unwrap().is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_remedy() {
        for (line, said) in [
            ("--focus", "needs a value"),
            ("--focus (", "unclosed"),
            ("--procs many", "give a number"),
            ("--apiserver none", "there is ours and upstream"),
            ("--record --sig cli", "leave out --sig"),
            ("--everything", "see --help"),
        ] {
            let problem = read(line).unwrap_err();
            assert!(problem.contains(said), "{line}: {problem}");
        }
    }
}
