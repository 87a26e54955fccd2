//! The parser's complaints in the words of upstream's, which users search the web for.

use saphyr_parser::ScanError;

use crate::error::DecodeError;

/// What the parser says, what upstream's says, and whether there it is the scanner that says it: that one counts lines
/// from one, the parser from zero, and neither names the first line.
const WORDS: [(&str, &str, bool); 15] = [
    ("mapping values are not allowed", "mapping values are not allowed in this context", true),
    ("mapping keys are not allowed", "mapping keys are not allowed in this context", true),
    (
        "block sequence entries are not allowed",
        "block sequence entries are not allowed in this context",
        true,
    ),
    ("flow sequence, expected", "did not find expected ',' or ']'", false),
    ("flow mapping, did not find", "did not find expected ',' or '}'", false),
    ("simple key expect", "could not find expected ':'", true),
    ("unknown escape character", "found unknown escape character", true),
    ("unexpected end of stream", "found unexpected end of stream", true),
    ("did not find expected key", "did not find expected key", false),
    ("trailing content after", "did not find expected key", false),
    ("did not find expected node content", "did not find expected node content", false),
    ("misplaced bracket", "did not find expected node content", false),
    ("unexpected character", "found character that cannot start any token", true),
    ("found a tab", "found a tab character that violates indentation", true),
    ("tabs disallowed", "found character that cannot start any token", true),
];

/// An error of the parser as upstream would name it.
pub(super) fn named(error: &ScanError) -> DecodeError {
    let known = WORDS.iter().find(|(part, ..)| error.info().contains(part));
    let (words, from_one) = known.map_or((error.info(), true), |(_, words, from_one)| (*words, *from_one));
    let line = error.marker().line().saturating_sub(1);
    if line == 0 {
        return DecodeError::Yaml(words.to_owned());
    }
    DecodeError::Yaml(format!("line {}: {words}", line + usize::from(from_one)))
}
