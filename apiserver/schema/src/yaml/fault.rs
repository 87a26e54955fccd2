//! The parser's complaints in the words of upstream's, which users search the web for.

use saphyr_parser::ScanError;

use crate::error::DecodeError;

/// What the parser says, what upstream's says, and which line it names: its scanner counts lines from one, its parser from
/// zero, and neither names the first line.
const WORDS: [(&str, &str, usize); 18] = [
    ("hexadecimal number", "did not find expected hexdecimal number", 1),
    ("invalid Unicode character escape code", "found invalid Unicode character escape code", 1),
    ("recursion limit exceeded", "exceeded max depth of 10000", 1),
    ("mapping values are not allowed", "mapping values are not allowed in this context", 1),
    ("mapping keys are not allowed", "mapping keys are not allowed in this context", 1),
    ("block sequence entries are not allowed", "block sequence entries are not allowed in this context", 1),
    ("flow sequence, expected", "did not find expected ',' or ']'", 0),
    ("flow mapping, did not find", "did not find expected ',' or '}'", 0),
    ("simple key expect", "could not find expected ':'", 1),
    ("unknown escape character", "found unknown escape character", 1),
    ("unexpected end of stream", "found unexpected end of stream", 1),
    ("did not find expected key", "did not find expected key", 0),
    ("trailing content after", "did not find expected key", 0),
    ("did not find expected node content", "did not find expected node content", 0),
    ("misplaced bracket", "did not find expected node content", 0),
    ("unexpected character", "found character that cannot start any token", 1),
    ("found a tab", "found a tab character that violates indentation", 2),
    ("tabs disallowed", "found character that cannot start any token", 1),
];

/// An error of the parser as upstream would name it.
pub(super) fn named(error: &ScanError) -> DecodeError {
    let known = WORDS.iter().find(|(part, ..)| error.info().contains(part));
    let (words, first) = known.map_or((error.info(), 1), |(_, words, first)| (*words, *first));
    let line = error.marker().line().saturating_sub(1);
    if line == 0 {
        return DecodeError::Yaml(words.to_owned());
    }
    DecodeError::Yaml(format!("line {}: {words}", line + first))
}
