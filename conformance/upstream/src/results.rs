//! What came of a run, as tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::ginkgo::{Outcome, State};
use crate::options::{Options, Whose};
use crate::specs::Spec;

/// Where whole runs are written down.
const RESULTS: &str = "conformance/RESULTS.md";
/// Of a reason, as much as says what it is.
const REASON_CHARACTERS_MAX: usize = 240;

#[derive(Default)]
struct Score {
    passed: usize,
    failed: usize,
    skipped: usize,
    missing: usize,
    seconds: f64,
    upstream_seconds: f64,
}

/// By group: how many passed, and how long they took; then each that did not pass, and why.
pub(crate) fn table(specs: &[Spec], outcomes: &[Outcome]) -> String {
    let mut groups: BTreeMap<&str, Score> = BTreeMap::new();
    let mut sum = Score::default();
    for spec in specs {
        let outcome = outcomes.iter().find(|outcome| outcome.name == spec.name);
        for score in [groups.entry(spec.group()).or_default(), &mut sum] {
            let count = match outcome.map(|outcome| outcome.state) {
                Some(State::Passed) => &mut score.passed,
                Some(State::Failed) => &mut score.failed,
                Some(State::Skipped) => &mut score.skipped,
                None => &mut score.missing,
            };
            *count += 1;
            score.seconds += outcome.map_or(0.0, |outcome| outcome.seconds);
            score.upstream_seconds += spec.seconds;
        }
    }
    let mut text = String::from(
        "| group | passed | failed | skipped | did not run | seconds | upstream's seconds |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    for (group, score) in groups.iter().map(|(group, score)| (*group, score)).chain([("all", &sum)]) {
        let Score { passed, failed, skipped, missing, seconds, upstream_seconds } = score;
        writeln!(
            text,
            "| {group} | {passed} | {failed} | {skipped} | {missing} | {seconds:.0} | {upstream_seconds:.0} |"
        )
        .unwrap();
    }
    let mut others: Vec<&Outcome> =
        outcomes.iter().filter(|outcome| outcome.state != State::Passed).collect();
    others.sort_by(|one, other| one.name.cmp(&other.name));
    if !others.is_empty() {
        text.push_str("\n| not passed | why |\n|---|---|\n");
    }
    for outcome in others {
        writeln!(text, "| {} | {} |", cell(&outcome.name), cell(&brief(&outcome.reason))).unwrap();
    }
    text
}

/// The reason on one line, without what only this run has.
fn brief(reason: &str) -> String {
    let words: Vec<&str> = reason.split_whitespace().collect();
    words.join(" ").chars().take(REASON_CHARACTERS_MAX).collect()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Puts the table in the place of the one that was measured before with the same parts.
pub(crate) fn record(options: &Options, specs: &[Spec], outcomes: &[Outcome]) -> Result<(), String> {
    let whose = |whose: Whose| match whose {
        Whose::Ours => "ours",
        Whose::Upstream => "upstream's",
        Whose::Nobody => "none",
    };
    let heading = format!(
        "## API server: {}, controllers: {}, scheduler: {}, no nodes",
        whose(options.apiserver),
        whose(options.controllers),
        whose(options.scheduler)
    );
    let problem = |error: std::io::Error| format!("{RESULTS}: {error}; run it at the top of the repository");
    let text = std::fs::read_to_string(RESULTS).map_err(problem)?;
    std::fs::write(RESULTS, replaced(&text, &heading, &table(specs, outcomes))).map_err(problem)
}

/// `text`, in which the section of this heading holds this table.
fn replaced(text: &str, heading: &str, table: &str) -> String {
    let section = format!("{heading}\n\n{table}");
    let Some((before, rest)) = text.split_once(heading) else {
        return format!("{}\n\n{section}", text.trim_end());
    };
    match rest.split_once("\n## ") {
        Some((_, after)) => format!("{before}{section}\n## {after}"),
        None => format!("{before}{section}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec { name: "[sig-cli] a | b", needs_node: false, alone: false, seconds: 2.0 };

    #[test]
    fn a_failure_is_counted_and_says_why() {
        let outcome = Outcome {
            name: SPEC.name.to_owned(),
            state: State::Failed,
            seconds: 1.0,
            reason: "it\n  broke".to_owned(),
        };
        let table = table(&[SPEC], &[outcome]);
        assert!(table.contains("| cli | 0 | 1 | 0 | 0 | 1 | 2 |"), "{table}");
        assert!(table.contains("| [sig-cli] a \\| b | it broke |"), "{table}");
    }

    #[test]
    fn what_did_not_run_is_not_passed() {
        assert!(table(&[SPEC], &[]).contains("| all | 0 | 0 | 0 | 1 | 0 | 2 |"));
    }

    #[test]
    fn a_section_takes_the_place_of_its_older_self() {
        let text = replaced("# Results\n", "## a", "1\n");
        let text = replaced(&text, "## b", "2\n");
        let text = replaced(&text, "## a", "3\n");
        assert_eq!(text, "# Results\n\n## a\n\n3\n\n## b\n\n2\n");
    }
}
