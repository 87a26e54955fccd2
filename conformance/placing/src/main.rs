//! Whether our scheduler says of generated clusters what upstream's says: which pods have no place and why, who goes for
//! whom, and for pods that have a place, that ours is one that upstream's would take.
//!
//! Both run at the same time on one API server, under different names, and get each pod alone, one after the other.
//! `cluster` draws clusters, `world` runs the processes and asks, `judge` compares.

#![allow(clippy::unwrap_used, reason = "a judge that does not get what it needs has nothing to say")]

mod cluster;
mod judge;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

/// How it is used.
const USAGE: &str = "\
Compares where upstream's scheduler, v1.37, and ours put the pods of generated clusters, and why not.

  conformance/run scheduler                       twenty clusters
  conformance/run scheduler --seed 7 --count 1    this one

  --seed NUMBER          the first cluster; 1
  --count NUMBER         how many clusters; 20
  --pods NUMBER          how many pods each gets; 30
  --programs DIR         where upstream's programs are; conformance/run says
  --ours FILE            our binary; conformance/run says
";

/// What is asked for.
#[derive(Debug)]
struct Options {
    seed: u64,
    count: u64,
    pods: usize,
    programs: PathBuf,
    binary: PathBuf,
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        seed: 1,
        count: 20,
        pods: 30,
        programs: PathBuf::new(),
        binary: "target/release/keelson".into(),
    };
    while let Some(flag) = arguments.next() {
        if flag == "--help" {
            return Ok(None);
        }
        let value = arguments.next().ok_or_else(|| format!("{flag} needs a value; see --help"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} {value}: give a number"));
        match flag.as_str() {
            "--seed" => options.seed = number()?,
            "--count" => options.count = number()?,
            "--pods" => options.pods = usize::try_from(number()?).unwrap_or(usize::MAX),
            "--programs" => options.programs = value.into(),
            "--ours" => options.binary = value.into(),
            _ => return Err(format!("{flag}: no such option; see --help")),
        }
    }
    Ok(Some(options))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    let mut total = judge::Tally::default();
    for seed in options.seed..options.seed + options.count {
        match judge::run(&options, seed).await {
            Ok(tally) => total.add(&tally),
            Err(problem) => {
                eprintln!("{problem}");
                return ExitCode::from(2);
            }
        }
    }
    println!("{total}");
    if total.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_understood() {
        let said = |line: &str| read(line.split_whitespace().map(str::to_owned));
        assert_eq!(
            said("--seed 7 --count 2").unwrap().map(|options| (options.seed, options.count)),
            Some((7, 2))
        );
        assert!(said("--help").unwrap().is_none());
        assert!(said("--seed x").unwrap_err().contains("give a number"));
        assert!(said("--foo x").unwrap_err().contains("see --help"));
    }
}
