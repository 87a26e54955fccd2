//! From OpenMetrics to the older text format, which is what upstream serves and what every reader takes.
//!
//! They differ in what stands above a counter, which OpenMetrics names without its `_total`, in the last line, and in
//! the bounds of buckets: rules written for upstream look for `le="1"`, not `le="1.0"`.

/// Rewrites a whole exposition.
pub(super) fn prometheus(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len() + 256);
    let mut help: Option<(&str, &str)> = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // Its name is known only from the type, which comes next.
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, words)) = help.take().filter(|(helped, _)| *helped == name) {
                out.push_str(&format!("# HELP {name}{suffix} {words}\n"));
            }
            out.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            match line
                .split_once("_bucket{le=\"")
                .and_then(|(name, rest)| Some((name, rest.split_once('"')?)))
            {
                Some((name, (bound, rest))) => {
                    let bound = bound.strip_suffix(".0").unwrap_or(bound);
                    out.push_str(&format!("{name}_bucket{{le=\"{bound}\"{rest}\n"));
                }
                None => {
                    out.push_str(line);
                    out.push('\n');
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn counters_get_their_suffix_and_the_rest_stays() {
        let open = "# HELP a A.\n# TYPE a counter\na_total{x=\"# TYPE\"} 1\n# HELP b B.\n# TYPE b gauge\n# UNIT b bytes\nb 2\n# EOF\n";
        let text = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"# TYPE\"} 1\n# HELP b B.\n# TYPE b gauge\nb 2\n";
        assert_eq!(super::prometheus(open), text);
    }
}
