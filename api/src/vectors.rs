//! Tables of what upstream's own code answered, kept as text beside the tests that read them.
//!
//! A line is a row, tabs separate its columns; `\\`, `\n`, `\t`, `\r`, `\0` and `\u{…}` are characters escaped.
//! Lines that begin with `#` and empty ones are for readers.

use crate::golang::Quoted;

/// The rows of a table, each of `N` columns.
pub(crate) fn rows<const N: usize>(table: &str) -> Vec<[String; N]> {
    let rows: Vec<_> =
        table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect();
    assert!(!rows.is_empty(), "an empty table proves nothing");
    rows
}

/// The cases of a table that lists its samples first, by number, and then under each rule the samples it treats alike:
/// rule, sample, outcome.
pub(crate) fn grouped(table: &str) -> Vec<(String, String, String)> {
    let (samples, groups): (Vec<_>, Vec<[String; 3]>) =
        rows(table).into_iter().partition(|[kind, _, _]| kind == "sample");
    let samples: Vec<_> = samples.into_iter().map(|[_, _, sample]| sample).collect();
    let mut cases = Vec::new();
    for [rule, numbers, outcome] in groups {
        for range in numbers.split(' ') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
            for sample in &samples[first..=last] {
                let outcome = outcome.replace("{}", &Quoted(sample).to_string());
                cases.push((rule.clone(), sample.clone(), outcome));
            }
        }
    }
    cases
}

fn row<const N: usize>(line: &str) -> [String; N] {
    let columns: Vec<_> = line.split('\t').map(unescape).collect();
    columns.try_into().unwrap_or_else(|columns| panic!("{N} columns expected: {columns:?}"))
}

fn unescape(column: &str) -> String {
    let mut text = String::new();
    let mut characters = column.chars();
    while let Some(c) = characters.next() {
        text.push(match c {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('0') => '\0',
                Some('\\') => '\\',
                Some('u') => code_point(&mut characters),
                other => panic!("no such escape: {other:?} in {column}"),
            },
            c => c,
        });
    }
    text
}

fn code_point(characters: &mut std::str::Chars<'_>) -> char {
    let rest = characters.as_str();
    let (code, rest) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).expect("\\u{…}");
    *characters = rest.chars();
    u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a code point")
}
