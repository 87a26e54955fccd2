//! Names: a file is called after what it holds, and `x.rs` lies beside `x/`.

use crate::sources::{Source, sources};

/// Names under which everything could be put, and therefore is.
const SAY_NOTHING: [&str; 10] = [
    "util",
    "utils",
    "common",
    "helper",
    "helpers",
    "misc",
    "shared_utils",
    "manager",
    "stuff",
    "base_types",
];

fn check(source: &Source) -> Vec<String> {
    let (path, mut problems) = (&source.path, Vec::new());
    if source.stem() == "mod" {
        let parent = path.rsplit('/').nth(1).unwrap_or_default();
        problems.push(format!("{path}: a module lies beside its folder: call it {parent}.rs, one level up"));
    }
    for part in path.trim_end_matches(".rs").split('/').filter(|part| SAY_NOTHING.contains(part)) {
        problems.push(format!(
            "{path}: {part:?} says nothing: call it after what it holds, or put it with its user"
        ));
    }
    problems
}

#[test]
fn modules_have_names_that_say_something() {
    crate::none(&sources().iter().flat_map(check).collect::<Vec<_>>());
}

#[test]
fn a_name_that_says_nothing_is_found() {
    let paths =
        ["a/src/util.rs", "a/src/common/b.rs", "a/src/c/mod.rs", "a/src/committer.rs", "a/src/utility.rs"];
    let problems: Vec<_> = paths.iter().flat_map(|path| check(&Source::sample(path, ""))).collect();
    crate::found(&problems, &["\"util\"", "\"common\"", "call it c.rs"]);
}
