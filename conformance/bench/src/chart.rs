//! The ratios as a chart: a bar for each workload and server, in SVG.

use std::fmt::Write;

use crate::report::Report;

const WIDTH: f64 = 820.0;
const LABELS: f64 = 330.0;
const NUMBERS: f64 = 60.0;
const BAR: f64 = 14.0;
const GAP: f64 = 8.0;
const TOP: f64 = 56.0;
/// Of the servers, in their order.
const COLOURS: [&str; 4] = ["#2f6f9f", "#d08a2e", "#5a9a5a", "#8a6aa8"];

/// Draws how many times less processor time than the last server each other used.
pub(crate) fn svg(report: &Report) -> String {
    let rows: Vec<_> =
        report.ratios().into_iter().filter(|(_, ratios)| ratios.iter().any(Option::is_some)).collect();
    let others = report.subjects.len().saturating_sub(1);
    let most = rows.iter().flat_map(|(_, ratios)| ratios).flatten().copied().fold(1.0, f64::max);
    let scale = (WIDTH - LABELS - NUMBERS) / most;
    let row_height = BAR * others as f64 + GAP;
    let height = TOP + row_height * rows.len() as f64 + GAP;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let last = report.subjects.last().map_or("", String::as_str);
    let _ = writeln!(
        out,
        "<text x=\"10\" y=\"20\" font-size=\"14\">Work for one processor second of the server, as a multiple of {}</text>",
        escaped(last)
    );
    for (at, subject) in report.subjects.iter().take(others).enumerate() {
        let (x, colour) = (LABELS + 120.0 * at as f64, colour(at));
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"32\" width=\"10\" height=\"10\" fill=\"{colour}\"/><text x=\"{}\" y=\"41\">{}</text>",
            x + 14.0,
            escaped(subject)
        );
    }
    let one = LABELS + scale;
    let _ = writeln!(
        out,
        "<line x1=\"{one:.1}\" y1=\"{}\" x2=\"{one:.1}\" y2=\"{height}\" stroke=\"#bbb\" stroke-dasharray=\"3 3\"/>",
        TOP - 6.0
    );
    for (row, (workload, ratios)) in rows.iter().enumerate() {
        let top = TOP + row_height * row as f64;
        let middle = top + BAR * others as f64 / 2.0 + 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            LABELS - 8.0,
            escaped(workload.about)
        );
        for (at, ratio) in ratios.iter().enumerate().filter_map(|(at, ratio)| Some((at, (*ratio)?))) {
            let (y, width) = (top + BAR * at as f64, ratio * scale);
            let _ = writeln!(
                out,
                "<rect x=\"{LABELS}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\">×{ratio:.1}</text>",
                BAR - 2.0,
                colour(at),
                LABELS + width + 5.0,
                y + BAR - 4.0
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn colour(at: usize) -> &'static str {
    COLOURS[at % COLOURS.len()]
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Figure, Figures};
    use crate::workload::chosen;

    #[test]
    fn each_ratio_has_a_bar() {
        let mut report = Report::new(vec!["a<b".into(), "c".into(), "upstream".into()], 1);
        let figures = [0.5, 1.0, 4.0].map(|server| Figures::default().with(Figure::Server, Some(server)));
        report.add(chosen("get-pod").unwrap()[0], vec![figures.to_vec()]);
        report.add(chosen("start").unwrap()[0], vec![vec![Figures::default(); 3]]);
        let chart = svg(&report);
        for part in ["×8.0", "×4.0", "a&lt;b", "get pod, JSON"] {
            assert_eq!(chart.matches(part).count(), 1, "{part} in {chart}");
        }
        assert!(!chart.contains("start and memory"));
    }
}
