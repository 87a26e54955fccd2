//! The report: a table for each kind of workload, medians of the rounds, and how the servers compare.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::figures::{Figure, Figures};
use crate::statistics::median;
use crate::workload::{Kind, Workload};

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Report {
    /// What the servers are called; the last is what the others are compared with.
    pub(crate) subjects: Vec<String>,
    rounds: usize,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    workload: &'static Workload,
    /// By round and by server.
    rounds: Vec<Vec<Figures>>,
}

impl Report {
    pub(crate) fn new(subjects: Vec<String>, rounds: usize) -> Self {
        Self { subjects, rounds, rows: Vec::new() }
    }

    /// What one workload gave, by round and by server.
    pub(crate) fn add(&mut self, workload: &'static Workload, rounds: Vec<Vec<Figures>>) {
        self.rows.push(Row { workload, rounds });
    }

    /// How many times less processor time than the last each other server used: for each workload where that is known.
    pub(crate) fn ratios(&self) -> Vec<(&'static Workload, Vec<Option<f64>>)> {
        self.rows.iter().map(|row| (row.workload, self.ratios_of(row, Figure::Server))).collect()
    }

    /// The medians of the rounds' ratios: of the last server's figure to each other's.
    fn ratios_of(&self, row: &Row, figure: Figure) -> Vec<Option<f64>> {
        let last = self.subjects.len() - 1;
        let of_round =
            |round: &Vec<Figures>, at: usize| Some(round[last].get(figure)? / round[at].get(figure)?);
        (0..last).map(|at| median(row.rounds.iter().filter_map(|round| of_round(round, at)))).collect()
    }
}

impl Row {
    fn median(&self, subject: usize, figure: Figure) -> Option<f64> {
        median(self.rounds.iter().filter_map(|round| round[subject].get(figure)))
    }

    /// Which figures are worth a column.
    fn columns(&self) -> BTreeSet<Figure> {
        let all = self
            .rounds
            .iter()
            .flatten()
            .flat_map(|figures| figures.all().map(move |figure| (figure, figures)));
        let worth = |(figure, figures): &(Figure, &Figures)| {
            !figure.goes_without_saying() || figures.get(*figure).is_some_and(|value| value > 0.0)
        };
        all.filter(worth).map(|(figure, _)| figure).collect()
    }
}

/// The report as Markdown.
pub(crate) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    let is_list = |workload: &Workload| workload.name.starts_with("list-");
    let kinds: [(&str, &dyn Fn(&Workload) -> bool); 4] = [
        ("Requests", &|workload| {
            matches!(workload.kind, Kind::Closed(..) | Kind::Open(..)) && !is_list(workload)
        }),
        ("Lists", &is_list),
        ("Events", &|workload| matches!(workload.kind, Kind::Watch { .. })),
        ("Start and memory", &|workload| matches!(workload.kind, Kind::Empty | Kind::Filled)),
    ];
    for (title, is_of) in kinds {
        let rows: Vec<&Row> = report.rows.iter().filter(|row| is_of(row.workload)).collect();
        if !rows.is_empty() {
            let _ = writeln!(out, "### {title}\n");
            table(report, &rows, &mut out);
            out.push('\n');
        }
    }
    let rounds = report.rounds;
    if let [others @ .., last] = &report.subjects[..]
        && !others.is_empty()
    {
        let _ = writeln!(
            out,
            "Medians of {rounds} rounds; ratios are those of {last} to each other server, medians of the rounds' ratios."
        );
    } else {
        let _ = writeln!(out, "Medians of {rounds} rounds.");
    }
    out
}

fn table(report: &Report, rows: &[&Row], out: &mut String) {
    let columns: BTreeSet<Figure> = rows.iter().flat_map(|row| row.columns()).collect();
    let compared: Vec<Figure> = match columns.contains(&Figure::Rate) {
        true => vec![Figure::Server],
        false => columns.iter().copied().collect(),
    };
    let _ = write!(out, "| workload | server |");
    let cells = |say: &dyn Fn(Figure) -> String| -> String {
        columns.iter().map(|column| format!(" {} |", say(*column))).collect()
    };
    out.push_str(&cells(&|column| column.title().to_owned()));
    let _ = writeln!(out, " ratio |\n|---|---|{}---|", "---|".repeat(columns.len()));
    for row in rows {
        let ratios: Vec<_> = compared.iter().map(|figure| report.ratios_of(row, *figure)).collect();
        for (at, subject) in report.subjects.iter().enumerate() {
            let about = if at == 0 { row.workload.about } else { "" };
            let _ = write!(out, "| {about} | {subject} |");
            out.push_str(&cells(&|column| number(row.median(at, column))));
            let said: Vec<String> =
                ratios.iter().filter_map(|of| *of.get(at)?).map(|ratio| format!("×{ratio:.1}")).collect();
            let _ = writeln!(out, " {} |", said.join(", "));
        }
    }
}

/// A number with as many digits as mean something.
pub(crate) fn number(value: Option<f64>) -> String {
    match value {
        None => "–".into(),
        Some(0.0) => "0".into(),
        Some(value) if value.abs() >= 100.0 => thousands(value),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) if value.abs() >= 0.1 => format!("{value:.2}"),
        Some(value) => format!("{value:.4}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::chosen;

    fn figures(server: f64) -> Figures {
        Figures::default()
            .with(Figure::Rate, Some(1234.6))
            .with(Figure::Server, Some(server))
            .with(Figure::Failed, Some(0.0))
    }

    #[test]
    fn ratios_are_medians_of_rounds() {
        let mut report = Report::new(vec!["ours".into(), "upstream".into()], 3);
        let rounds =
            [(0.1, 1.0), (0.2, 3.0), (0.1, 2.0)].map(|(ours, other)| vec![figures(ours), figures(other)]);
        report.add(chosen("get-pod").unwrap()[0], rounds.to_vec());
        let ratio = report.ratios()[0].1[0].unwrap();
        assert!((ratio - 15.0).abs() < 1e-9, "{ratio}");
        let expected = "\
### Requests

| workload | server | ops/s | server CPU s per 1,000 | ratio |
|---|---|---|---|---|
| get pod, JSON | ours | 1,235 | 0.10 | ×15.0 |
|  | upstream | 1,235 | 2.00 |  |

Medians of 3 rounds; ratios are those of upstream to each other server, medians of the rounds' ratios.
";
        assert_eq!(markdown(&report), expected);
    }

    #[test]
    fn one_server_is_compared_with_nobody() {
        let mut report = Report::new(vec!["ours".into()], 1);
        report.add(
            chosen("start").unwrap()[0],
            vec![vec![Figures::default().with(Figure::StartEmpty, Some(40.0))]],
        );
        let text = markdown(&report);
        assert!(text.contains("| start and memory, empty | ours | 40.0 |  |"), "{text}");
    }

    #[test]
    fn numbers_are_as_long_as_they_mean_something() {
        let numbers =
            [None, Some(0.0), Some(0.01234), Some(0.5), Some(12.34), Some(123.4), Some(1_234_567.0)];
        assert_eq!(numbers.map(number), ["–", "0", "0.0123", "0.50", "12.3", "123", "1,234,567"]);
    }
}
