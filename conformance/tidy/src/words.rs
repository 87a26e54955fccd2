//! What stands in files: an opening that says what they are for, silenced lints with reasons, nothing left undone
//! without saying so, and no word about the machine that somebody wrote them on.

use crate::sources::{Source, files, read, sources};

/// Places that only their writer has. Put together here, so that this file does not hold them.
const PLACES: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("../sha", "red/"),
    concat!("sha", "red/DESIGN"),
    concat!("sha", "red/facts"),
    concat!("pkg/", "mod/"),
];
/// Marks of things left undone, which belong into STATUS.md.
const UNDONE: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

fn check_source(source: &Source) -> Vec<String> {
    let (path, mut problems) = (&source.path, Vec::new());
    // What `x/tests.rs` is for, its name says.
    let opens = source.text.starts_with("//! ") || source.stem() == "tests";
    if !opens && !source.is_generated() {
        problems.push(format!("{path} does not say what it is for: open it with a `//!` paragraph"));
    }
    for (number, line) in
        source.text.lines().enumerate().map(|(number, line)| (number + 1, line.trim_start()))
    {
        if line.starts_with("#[allow(") || line.starts_with("#![allow(") {
            let rest: String = source.text.lines().skip(number - 1).take(5).collect();
            let attribute = rest.split(")]").next().unwrap_or_default();
            if !attribute.contains("reason =") {
                problems.push(format!("{path}:{number} silences a lint: mend it, or add `reason = \"...\"`"));
            }
        }
        let ignored = line.starts_with("#[ignore") || line.starts_with("#[should_panic");
        if ignored {
            problems.push(format!("{path}:{number} sets a test aside: make it pass, or take it out"));
        }
    }
    problems
}

fn check_words(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line)) {
        for place in PLACES.into_iter().filter(|place| line.contains(place)) {
            problems
                .push(format!("{path}:{number} names {place:?}, which only its writer has: say it without"));
        }
        let has_word = |word: &str| line.split(|c: char| !c.is_alphanumeric()).any(|found| found == word);
        for mark in UNDONE.into_iter().filter(|mark| has_word(mark)) {
            problems
                .push(format!("{path}:{number} says {mark}: do it, or write into STATUS.md what is missing"));
        }
    }
    problems
}

#[test]
fn files_say_what_they_are_for() {
    crate::none(&sources().iter().flat_map(check_source).collect::<Vec<_>>());
}

#[test]
fn files_are_about_the_project() {
    // Data is somebody else's words.
    let text = |path: &&String| {
        let kind = path.rsplit('.').next().unwrap_or_default();
        matches!(kind, "rs" | "md" | "toml" | "sh" | "yaml" | "yml")
            || !path.rsplit('/').next().unwrap_or_default().contains('.')
    };
    let all: Vec<_> = files().iter().filter(text).flat_map(|path| check_words(path, &read(path))).collect();
    crate::none(&all);
}

#[test]
fn bad_files_are_found() {
    let text = "// not a paragraph\n#[allow(dead_code)]\nfn a() {}\n#[allow(dead_code, reason = \"x\")]\nfn b() {}\n\
                #[allow(\n    dead_code,\n    reason = \"x\"\n)]\nfn c() {}\n#[ignore]\nfn d() {}\n";
    let expected = ["does not say what it is for", "a.rs:2 silences a lint", "a.rs:11 sets a test aside"];
    crate::found(&check_source(&Source::sample("a.rs", text)), &expected);
    let text = format!("see {}main\n// {}: later\nMASTODON\n", PLACES[0], UNDONE[0]);
    crate::found(&check_words("a.md", &text), &["a.md:1 names", "a.md:2 says"]);
}
