//! Differences that are known, with their reasons: `known.txt`. Each line is a pattern and its reason:
//!
//!     area/script/step place :: why it differs
//!
//! A `*` stands for any characters. A line that no difference matches has to go, so that the list only shrinks.

use crate::judge::Difference;

/// The list in the repository.
const LIST: &str = include_str!("../known.txt");

/// The list, and which of its lines have been of use.
#[derive(Debug, Default)]
pub struct Known(Vec<(String, bool)>);

impl Known {
    /// The list in the repository.
    ///
    /// # Errors
    /// If a line has no reason.
    pub fn listed() -> Result<Self, String> {
        Self::of(LIST)
    }

    fn of(list: &str) -> Result<Self, String> {
        let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let read = |line: &str| match line.split_once(" :: ") {
            Some((pattern, _)) => Ok((pattern.trim().to_owned(), false)),
            None => Err(format!("a known difference without reason: {line}")),
        };
        lines.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this one is known.
    pub fn knows(&mut self, difference: &Difference) -> bool {
        let text = format!("{} {}", difference.question, difference.place);
        let mut knows = false;
        for (pattern, used) in self.0.iter_mut().filter(|(pattern, _)| matches(pattern, &text)) {
            (*used, knows) = (true, !pattern.is_empty());
        }
        knows
    }

    /// The patterns that matched nothing.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        self.0.iter().filter(|(_, used)| !used).map(|(pattern, _)| pattern.clone()).collect()
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("a/b code", "a/b code", true),
            ("a/b code", "a/b codes", false),
            ("a/* code", "a/b/c code", true),
            ("*", "x", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("a*bc", "abc", true),
            ("ab*bc", "abc", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_line_that_is_of_no_use_is_named() {
        let mut known = Known::of("# why\n\na/* code :: because\nb/* code :: because\n").unwrap();
        let difference = |question: &str| Difference {
            question: question.to_owned(),
            place: "code".to_owned(),
            found: String::new(),
            expected: String::new(),
        };
        assert!(known.knows(&difference("a/x")));
        assert!(!known.knows(&difference("c/x")));
        assert_eq!(known.unused(), ["b/* code"]);
        assert!(Known::of("a/* code").is_err());
    }
}
