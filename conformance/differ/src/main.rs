//! `keelson-differ`: records upstream's answers, compares others with them, and shows what is recorded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use keelson_differ::ask::{FLAGS, UNANSWERED, ask};
use keelson_differ::judge::{Judgement, judge};
use keelson_differ::known::Known;
use keelson_differ::manifests::{self, Manifests};
use keelson_differ::normal::{Normal, RUN};
use keelson_differ::questions;
use keelson_differ::record::{self, Record};
use keelson_differ::script::{Body, Script};
use keelson_subject::client::Client;
use keelson_subject::ours::Scratch;
use keelson_subject::upstream::{Programs, Upstream};

/// Puts the same questions to upstream's API server and to ours, and says what differs in the answers.
#[derive(Parser)]
#[command(name = "differ", version)]
struct Command {
    #[command(subcommand)]
    what: What,
    /// Only scripts whose name, AREA/SCRIPT, contains this
    #[arg(long, global = true, default_value = "")]
    only: String,
    /// Our binary; the one in the workspace's target directory, unless said
    #[arg(long, global = true)]
    binary: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// Starts upstream's API server, asks it everything twice, and writes down what it answers
    Record {
        /// The directory with upstream's `etcd` and `kube-apiserver`; not needed if one runs already
        #[arg(required_unless_present = "kubeconfig")]
        programs: Option<PathBuf>,
        /// The kubeconfig of an API server of upstream's that nobody else uses: it is asked, and none is started
        #[arg(long)]
        kubeconfig: Option<PathBuf>,
    },
    /// Asks a server and compares its answers with the recorded ones; without a kubeconfig, it starts ours
    Compare {
        /// The kubeconfig of a running server
        #[arg(long)]
        kubeconfig: Option<PathBuf>,
        /// The word that names of what is made there begin with; another one each time that a server is asked
        #[arg(long, default_value = RUN)]
        run: String,
        /// Leaves the list of known differences aside
        #[arg(long)]
        all: bool,
        /// Prints each difference by itself, as a line of that list would begin
        #[arg(long)]
        each: bool,
    },
    /// Asks both servers what they make of the manifests in a directory: each document is created, read, changed, applied,
    /// applied again and removed
    Manifests {
        /// The directory; all files below it whose names end in .yaml, .yml or .json are read
        directory: PathBuf,
        /// The directory with upstream's `etcd` and `kube-apiserver`
        programs: PathBuf,
        /// Asks only every so-many-th
        #[arg(long, default_value_t = 1)]
        every: usize,
        /// Prints each difference by itself
        #[arg(long)]
        each: bool,
    },
    /// Prints questions and their recorded answers
    Show,
}

/// The word of a second run on the same server.
const AGAIN: &str = "second";

fn main() -> ExitCode {
    let command = Command::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("differ: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("differ: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &Command) -> Result<ExitCode, String> {
    let mut scripts = questions::all();
    scripts.retain(|script| script.full_name().contains(&command.only));
    let binary = command
        .binary
        .clone()
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/keelson"));
    match &command.what {
        What::Record { programs: Some(programs), kubeconfig: None } => {
            let programs = Programs::in_directory(programs)?;
            let (first, second) =
                (fresh(&scripts, &binary, &programs).await?, fresh(&scripts, &binary, &programs).await?);
            record(&scripts, first, &second)
        }
        What::Record { kubeconfig, .. } => {
            let client = Client::of(kubeconfig.as_deref().ok_or("neither programs nor a kubeconfig")?);
            let first = asked(&client, RUN, &scripts).await?;
            record(&scripts, first, &asked(&client, AGAIN, &scripts).await?)
        }
        What::Compare { kubeconfig, run, all, each } => {
            let mut known = if *all { Known::default() } else { Known::listed()? };
            let found = match kubeconfig {
                Some(kubeconfig) => asked(&Client::of(kubeconfig), run, &scripts).await?,
                None => {
                    let scratch = Scratch::new(&binary, "data");
                    let server = scratch.up(&FLAGS).await;
                    let found = asked(&Client::of(&server.kubeconfig()), run, &scripts).await;
                    server.end().await;
                    found?
                }
            };
            let recorded = record::read(&record::directory())?;
            let mut judgement = judge(&scripts, &found, &recorded, &mut known);
            if !command.only.is_empty() {
                judgement.gone.clear();
            }
            for one in judgement.unknown.iter().filter(|_| *each) {
                println!("{} {} :: {} not {}", one.question, one.place, one.found, one.expected);
            }
            print!("{}", judgement.report());
            Ok(if judgement.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        What::Manifests { directory, programs, every, each } => {
            let mut found = manifests::read(directory)?;
            found.documents.retain(|one| one.source.contains(&command.only));
            let mut count = 0;
            found.documents.retain(|_| {
                count += 1;
                count % every.max(&1) == 0
            });
            both(&binary, &Programs::in_directory(programs)?, &found, *each).await
        }
        What::Show => {
            show(&scripts, &record::read(&record::directory())?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn asked(client: &Client, run: &str, scripts: &[Script]) -> Result<Record, String> {
    Ok(record::record(scripts, ask(client, run, scripts).await?))
}

/// Starts upstream's server and ours, and asks both what they make of manifests.
async fn both(binary: &Path, programs: &Programs, found: &Manifests, each: bool) -> Result<ExitCode, String> {
    let upstream = Upstream::start(programs, Scratch::new(binary, "data"), &[]).await;
    let scratch = Scratch::new(binary, "data");
    let ours = scratch.up(&FLAGS).await;
    let compared = beside(&Client::of(&ours.kubeconfig()), &upstream.client(), found, each).await;
    ours.end().await;
    upstream.end().await;
    compared
}

/// How many scripts are asked before their answers are compared and let go.
const BATCH: usize = 400;

/// Asks two servers what they make of manifests, and says where they differ.
async fn beside(ours: &Client, theirs: &Client, found: &Manifests, each: bool) -> Result<ExitCode, String> {
    ask(theirs, RUN, &[questions::settled()]).await?;
    let scripts = manifests::scripts(found);
    let mut whole = Judgement::default();
    for batch in scripts.chunks(BATCH) {
        let (expected, answers) = (asked(theirs, RUN, batch).await?, asked(ours, RUN, batch).await?);
        let judgement = judge(batch, &answers, &expected, &mut Known::default());
        whole.add(judgement);
        eprintln!("{} answers, {} differ", whole.answers, whole.differ);
    }
    for one in whole.unknown.iter().filter(|_| each) {
        println!("{} {} :: {} not {}", one.question, one.place, one.found, one.expected);
    }
    found.lossy.iter().for_each(|lossy| println!("not given back as it was: {lossy}"));
    print!("{}", whole.report());
    println!(
        "{} documents asked, {} of kinds that are not upstream's own, {} texts that are no objects",
        found.documents.len(),
        found.custom,
        found.unreadable
    );
    let clean = whole.is_clean() && found.lossy.is_empty();
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a server of upstream's answers that has just begun.
async fn fresh(scripts: &[Script], binary: &Path, programs: &Programs) -> Result<Record, String> {
    let upstream = Upstream::start(programs, Scratch::new(binary, "data"), &[]).await;
    let ready = ask(&upstream.client(), RUN, &[questions::settled()]).await;
    let answers = match ready {
        Ok(_) => asked(&upstream.client(), RUN, scripts).await,
        Err(error) => Err(error),
    };
    upstream.end().await;
    answers
}

/// Writes down the first answers. What is not answered twice alike proves nothing of another server: it is marked.
fn record(scripts: &[Script], mut first: Record, second: &Record) -> Result<ExitCode, String> {
    let unsteady = judge(scripts, second, &first, &mut Known::default());
    print!("{}", unsteady.report());
    let unsteady: BTreeSet<_> = unsteady.unknown.into_iter().map(|difference| difference.question).collect();
    for (name, recorded) in &mut first {
        for answer in &mut recorded.answers {
            // A question that upstream dies of has no answer.
            let unanswered = answer.answer.code == UNANSWERED || is_passing(&answer.answer);
            answer.unsteady = unanswered || unsteady.contains(&format!("{name}/{}", answer.step));
        }
    }
    record::write(&record::directory(), &first)?;
    let answers: usize = first.values().map(|recorded| recorded.answers.len()).sum();
    println!("{answers} answers to {} scripts, {} of them unsteady", scripts.len(), unsteady.len());
    Ok(ExitCode::SUCCESS)
}

/// Whether it is a refusal only because upstream has not yet looked at a range of addresses that another script made.
fn is_passing(answer: &Normal) -> bool {
    answer.body.to_string().contains("allocator not ready")
}

fn show(scripts: &[Script], recorded: &Record) {
    for script in scripts {
        println!("### {}", script.full_name());
        for step in &script.steps {
            println!("\n--- {}\n{} {}", step.name, step.method, step.path);
            step.headers.iter().for_each(|(name, value)| println!("{name}: {value}"));
            match &step.body {
                Body::None => {}
                Body::Bytes(bytes) => println!("{}", String::from_utf8_lossy(bytes)),
                Body::Edited(of, change) => println!("(the answer to `{of}`, and {change})"),
            }
            let recorded = recorded.get(&script.full_name());
            let answer = recorded.and_then(|all| all.answers.iter().find(|answer| answer.step == step.name));
            match answer {
                Some(one) => println!("=> {} {}\n{}", one.answer.code, one.answer.headers, one.answer.body),
                None => println!("=> (not recorded)"),
            }
        }
    }
}
