//! `STATUS.md` says what answers "not yet", in a form that can be read by eye and by program: under the title of the
//! work that will bring it, `- what: how it answers.`

use crate::sources::read;

fn check(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut section: Option<(usize, &str, usize)> = None;
    let empty = |section: Option<(usize, &str, usize)>| {
        let (number, title, _) = section.filter(|(.., entries)| *entries == 0)?;
        Some(format!("STATUS.md:{number} {title:?} has no entry: take the title out"))
    };
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line)) {
        if let Some(title) = line.strip_prefix("## ") {
            problems.extend(empty(section));
            section = Some((number, title, 0));
        } else if let Some((.., entries)) = &mut section {
            if let Some(entry) = line.strip_prefix("- ") {
                *entries += 1;
                let what =
                    entry.split_once(": ").filter(|(what, answer)| !what.is_empty() && answer.ends_with('.'));
                if what.is_none() {
                    problems.push(format!(
                        "STATUS.md:{number} is no entry: write `- what: how it answers.` on one line"
                    ));
                }
            } else if !line.is_empty() {
                problems.push(format!(
                    "STATUS.md:{number} is neither a title nor an entry: write `- what: how it answers.`"
                ));
            }
        }
    }
    problems.extend(empty(section));
    problems
}

#[test]
fn what_is_not_there_yet_is_listed_in_one_form() {
    crate::none(&check(&read("STATUS.md")));
}

#[test]
fn other_forms_are_found() {
    let text = "# Status\n\nSome words.\n\n## One\n\n- pods: 404.\n- no answer\nloose words\n\n## Two\n\n## Three\n- x: y\n";
    let expected = [
        "STATUS.md:8 is no entry",
        "STATUS.md:9 is neither",
        "STATUS.md:11 \"Two\" has no entry",
        "STATUS.md:14 is no entry",
    ];
    crate::found(&check(text), &expected);
}
