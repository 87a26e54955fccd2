//! The run: servers are started, and take turns in each workload.

use anyhow::{Context, Result};

use crate::arguments::{Arguments, Named};
use crate::figures::{Figure, Figures};
use crate::place::Running;
use crate::report::Report;
use crate::workload::{Kind, Workload};
use crate::workloads::{Stage, filled, requests, watch};
use crate::{chart, report};

/// Does what was asked for, and says what came of it.
pub(crate) async fn all(arguments: &Arguments) -> Result<()> {
    let names = arguments.subjects.iter().map(|subject| subject.name.clone()).collect();
    let mut report = Report::new(names, arguments.rounds);
    let mut stages = Vec::new();
    for workload in &arguments.workloads {
        eprintln!("{}: {}", workload.name, workload.about);
        let rounds = match workload.kind {
            // Servers of their own: what others left behind would be in the figures.
            Kind::Empty | Kind::Filled => alone(arguments, workload).await,
            _ => {
                if stages.is_empty() {
                    stages = start(arguments).await?;
                }
                in_turns(arguments, workload, &mut stages).await
            }
        };
        report.add(workload, rounds.with_context(|| workload.name)?);
    }
    for stage in stages {
        stage.running.end().await;
    }
    let text = report::markdown(&report);
    println!("{text}");
    if let Some(path) = &arguments.markdown {
        std::fs::write(path, &text).with_context(|| path.display().to_string())?;
    }
    if let Some(path) = &arguments.chart {
        std::fs::write(path, chart::svg(&report)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

async fn start(arguments: &Arguments) -> Result<Vec<Stage>> {
    let mut stages = Vec::new();
    for subject in &arguments.subjects {
        stages.push(fresh(subject, arguments).await?);
    }
    Ok(stages)
}

async fn fresh(subject: &Named, arguments: &Arguments) -> Result<Stage> {
    let running = Running::start(subject, arguments).await?;
    Stage::on(running, arguments.scale, arguments.span).await.with_context(|| subject.name.clone())
}

/// Each round begins with another server, so that none is always the one after the same other.
async fn in_turns(
    arguments: &Arguments,
    workload: &Workload,
    stages: &mut [Stage],
) -> Result<Vec<Vec<Figures>>> {
    let mut rounds = Vec::new();
    for round in 0..arguments.rounds {
        let mut figures = vec![Figures::default(); stages.len()];
        for turn in 0..stages.len() {
            let at = (turn + round) % stages.len();
            let stage = &mut stages[at];
            let measured = match workload.kind {
                Kind::Closed(request, form) => requests::closed(stage, request, form).await,
                Kind::Open(request, form) => requests::open(stage, request, form).await,
                Kind::Watch { watchers, writes, form, pace } => {
                    watch::round(stage, watchers, writes, form, pace).await
                }
                Kind::Empty | Kind::Filled => unreachable!("these have servers of their own"),
            };
            let name = &arguments.subjects[at].name;
            figures[at] = measured.with_context(|| name.clone())?;
            say(round, name, &figures[at]);
        }
        rounds.push(figures);
    }
    Ok(rounds)
}

/// One server after the other: each has the machine's memory to itself. What is filled is filled once.
async fn alone(arguments: &Arguments, workload: &Workload) -> Result<Vec<Vec<Figures>>> {
    let count = if workload.kind == Kind::Filled { 1 } else { arguments.rounds };
    let mut rounds = vec![Vec::new(); count];
    for subject in &arguments.subjects {
        let mut stage = fresh(subject, arguments).await?;
        for (number, round) in rounds.iter_mut().enumerate() {
            let figures;
            (stage, figures) = match workload.kind {
                Kind::Filled => filled::filled(stage).await?,
                _ => filled::empty(stage).await?,
            };
            say(number, &subject.name, &figures);
            round.push(figures);
        }
        stage.running.end().await;
    }
    Ok(rounds)
}

/// Somebody may wait for it.
fn say(round: usize, name: &str, figures: &Figures) {
    let said: Vec<String> = figures
        .all()
        .filter(|figure| !matches!(figure, Figure::Failed) || figures.get(*figure) != Some(0.0))
        .map(|figure| format!("{} {}", figure.title(), report::number(figures.get(figure))))
        .collect();
    eprintln!("  {} {name}: {}", round + 1, said.join(", "));
}
