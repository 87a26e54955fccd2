//! Indexes of the pods of a job as one text: `1,3-5,7`.

use keelson_api::golang::{Quoted, atoi};

/// A run of indexes, from the first to the last.
type Run = (i64, i64);

/// How many indexes a text names, all below `completions`.
///
/// # Errors
/// If it is not well-formed.
pub(super) fn count(text: &str, completions: i64) -> Result<i64, String> {
    let (mut total, mut before) = (0, None);
    for run in text.split(',').filter(|_| !text.is_empty()) {
        let (first, last) = read(run, completions)?;
        if let Some(before) = before.filter(|before| *before >= first) {
            return Err(format!("non-increasing order, previous: {before}, current: {first}"));
        }
        total += last - first + 1;
        before = Some(last);
    }
    Ok(total)
}

fn read(run: &str, completions: i64) -> Result<Run, String> {
    let index = |text: &str| {
        let index = atoi(text)
            .map_err(|_| format!("cannot convert string to integer for index: {}", Quoted(text)))?;
        if index >= completions { Err(format!("too large index: {}", Quoted(text))) } else { Ok(index) }
    };
    let parts: Vec<&str> = run.split('-').collect();
    match parts[..] {
        [one] => index(one).map(|one| (one, one)),
        [first, last] => {
            let (first, last) = (index(first)?, index(last)?);
            if first >= last {
                return Err(format!("non-increasing order, previous: {first}, current: {last}"));
            }
            Ok((first, last))
        }
        _ => Err(format!(
            "the fragment {} violates the requirement that an index interval can have at most two parts separated by '-'",
            Quoted(run)
        )),
    }
}

/// The first index that both texts name, as far as they are well-formed.
pub(super) fn overlap(completed: &str, failed: &str, completions: i64) -> Option<i64> {
    let runs =
        |text: &str| -> Vec<Run> { text.split(',').filter_map(|run| read(run, completions).ok()).collect() };
    let (completed, failed) = (runs(completed), runs(failed));
    let (mut one, mut other) = (completed.iter().peekable(), failed.iter().peekable());
    while let (Some(done), Some(lost)) = (one.peek(), other.peek()) {
        if done.0 <= lost.1 && lost.0 <= done.1 {
            return Some(done.0.max(lost.0));
        }
        if done.0 <= lost.0 {
            one.next()
        } else {
            other.next()
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_rise() {
        assert_eq!(count("", 5), Ok(0));
        assert_eq!(count("0,2-4", 5), Ok(4));
        let cases = [
            ("5", r#"too large index: "5""#),
            ("a", r#"cannot convert string to integer for index: "a""#),
            ("3,2", "non-increasing order, previous: 3, current: 2"),
            ("3-2", "non-increasing order, previous: 3, current: 2"),
            (
                "1-2-3",
                "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(count(text, 5), Err(expected.into()), "{text}");
        }
    }

    #[test]
    fn no_index_is_in_both() {
        assert_eq!(overlap("0-2", "3,4", 5), None);
        assert_eq!(overlap("0,2-4", "1,3", 5), Some(3));
        assert_eq!(overlap("x,1", "1", 5), Some(1));
    }
}
