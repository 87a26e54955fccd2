//! How a command ends when it does not succeed: one line that says what is wrong and what to do.

use std::fmt;

/// What goes to standard error, and how the process ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// What was asked for makes no sense.
    Usage(String),
    /// It cannot be done.
    Stopped(String),
}

impl Failure {
    /// A usage error: what is wrong and what would be right.
    pub(crate) fn usage(line: impl fmt::Display) -> Self {
        Self::Usage(one_line(&line))
    }

    /// Something that cannot be done: what is wrong and what to do.
    pub(crate) fn stopped(line: impl fmt::Display) -> Self {
        Self::Stopped(one_line(&line))
    }

    /// The same, for an error whose causes say the rest; `remedy` says what to do.
    pub(crate) fn from_error(doing: &str, error: &dyn std::error::Error, remedy: &str) -> Self {
        let mut line = doing.to_owned();
        let mut cause = Some(error);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        Self::stopped(if remedy.is_empty() { line } else { format!("{line}; {remedy}") })
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Stopped(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(line) | Self::Stopped(line) => f.write_str(line),
        }
    }
}

/// A text on one line, however its author wrote it.
fn one_line(text: &impl fmt::Display) -> String {
    let text = text.to_string();
    let mut words = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |line, next| line + " " + next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_said_is_one_line() {
        assert_eq!(Failure::stopped("a\n  b\n\nc\n").to_string(), "a b c");
        let io = std::io::Error::other("no\nway");
        assert_eq!(Failure::from_error("reading x", &io, "try y").to_string(), "reading x: no way; try y");
    }
}
