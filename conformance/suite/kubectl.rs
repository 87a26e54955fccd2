//! Stock kubectl against the binary. The cases are files beside this one: commands as people type them, each followed by
//! what it is to print.
//!
//! A line of output is matched as it stands, however many spaces there are between its words. `<age>`, `<uid>` and
//! other words in angle brackets stand for anything within their line; a line `<...>` for any number of lines. A
//! command that is to fail is followed by `(fails)`. `$NAMESPACE` is the namespace that commands work in. Where there is no kubectl, `./test` says so.

use std::process::{Command, Stdio};

use crate::judged::Judged;

/// One command and what it is to print.
struct Case<'a> {
    line: usize,
    command: &'a str,
    fails: bool,
    expected: Vec<&'a str>,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, fails) =
                command.strip_suffix(" (fails)").map_or((command, false), |command| (command, true));
            cases.push(Case { line: number + 1, command, fails, expected: Vec::new() });
        } else if let Some(case) = cases.last_mut().filter(|_| !line.starts_with("# ")) {
            case.expected.push(line);
        }
    }
    for case in &mut cases {
        while case.expected.last().is_some_and(|line| line.is_empty()) {
            case.expected.pop();
        }
    }
    cases
}

/// Whether the lines are what was expected.
fn are(expected: &[&str], got: &[&str]) -> bool {
    match (expected, got) {
        ([], []) => true,
        (["<...>", rest @ ..], _) => (0..=got.len()).any(|skipped| are(rest, &got[skipped..])),
        ([first, expected @ ..], [line, got @ ..]) => is(first, line) && are(expected, got),
        _ => false,
    }
}

fn is(expected: &str, line: &str) -> bool {
    let [expected, line] = [expected, line].map(words);
    matches(&expected, &line)
}

/// The line with one space where there are several, but for those it begins with.
fn words(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    line[..indent]
        .chars()
        .chain(line[indent..].split_whitespace().collect::<Vec<_>>().join(" ").chars())
        .collect()
}

fn matches(expected: &str, line: &str) -> bool {
    let Some((before, rest)) = expected.split_once('<') else { return expected == line };
    let Some((name, rest)) = rest.split_once('>').filter(|(name, _)| is_name(name)) else {
        let Some(line) = line.strip_prefix(before).and_then(|line| line.strip_prefix('<')) else {
            return false;
        };
        return matches(rest, line);
    };
    // What kubectl itself writes in angle brackets stands for itself.
    let Some(line) = line.strip_prefix(before) else { return false };
    if ["none", "unknown", "unset", "pending", "invalid"].contains(&name) {
        let shown = format!("<{name}>");
        return line.strip_prefix(shown.as_str()).is_some_and(|line| matches(rest, line));
    }
    let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    ends.skip(1).any(|end| matches(rest, &line[end..]))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|symbol| symbol.is_ascii_lowercase())
}

fn kubectl_is_there() -> bool {
    let version = Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

async fn run(file: &str, text: &str) {
    if !kubectl_is_there() {
        eprintln!("kubectl is not there: {file} is not tried");
        return;
    }
    let judged = Judged::start(file.trim_end_matches(".txt")).await;
    let mut problems = Vec::new();
    for case in cases(text) {
        let (succeeds, printed) = shell(case.command, &judged).await;
        let got: Vec<_> = printed.lines().map(|line| as_of_old(line.trim_end())).collect();
        if succeeds == case.fails || !are(&case.expected, &got) {
            let expected = case.expected.join("\n    ");
            let ended = if succeeds { "" } else { " (fails)" };
            problems.push(format!(
                "{file}:{}: $ {}{ended}\n  expected\n    {expected}\n  got\n    {}",
                case.line,
                case.command,
                got.join("\n    ")
            ));
        }
    }
    judged.end().await;
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The line as kubectl printed it before it named the namespace of what it deletes, so that any kubectl will do.
fn as_of_old(line: &str) -> &str {
    const DELETED: &str = " deleted";
    match line.split_once(" deleted from ") {
        Some((before, place)) if place.ends_with(" namespace") => &line[..before.len() + DELETED.len()],
        _ => line,
    }
}

/// Runs a line as a shell does, and returns whether it succeeded and all that it printed.
async fn shell(line: &str, judged: &Judged) -> (bool, String) {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", &format!("exec 2>&1; {line}")]).kill_on_drop(true);
    command.env("KUBECONFIG", judged.kubeconfig()).env("NAMESPACE", &judged.namespace);
    command.env("HOME", judged.home()).current_dir(judged.home()).stdin(Stdio::null());
    let output = tokio::time::timeout(keelson_subject::ours::PATIENCE, command.output())
        .await
        .expect("it ends")
        .unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

macro_rules! files {
    ($($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                run(concat!(stringify!($name), ".txt"), include_str!(concat!("kubectl/", stringify!($name), ".txt"))).await;
            }
        )*
    };
}

files! { workloads changes manifests questions listings deletions }

#[test]
fn output_is_matched_by_line() {
    assert!(are(&["a <age> b", "<...>", "<none> c"], &["a   3s  b", "x", "y", "<none>  c"]));
    assert!(!are(&["a <age> b"], &["a b"]));
    assert!(!are(&["<none>"], &["none"]));
    assert!(!are(&["  a"], &["a"]));
    assert!(!are(&["a"], &["a", "b"]));
    assert_eq!(as_of_old(r#"pod "p" force deleted from default namespace"#), r#"pod "p" force deleted"#);
    assert_eq!(as_of_old(r#"pod "p" deleted from the list"#), r#"pod "p" deleted from the list"#);
}
