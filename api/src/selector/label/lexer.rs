//! Cuts a label selector's text into tokens. A NUL ends a token, and in the place of one the text, as upstream.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    End,
    ClosingParenthesis,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    GreaterThan,
    Identifier,
    In,
    LessThan,
    NotEquals,
    NotIn,
    OpeningParenthesis,
}

/// The text that is still to be cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a>(pub(super) &'a str);

const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];
const SPECIAL: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];

impl<'a> Lexer<'a> {
    /// The next token, and what it was written as.
    pub(super) fn next(&mut self) -> (Token, &'a str) {
        self.0 = self.0.trim_start_matches(WHITE);
        match self.0.chars().next() {
            None | Some('\0') => (Token::End, ""),
            Some(c) if SPECIAL.contains(&c) => self.special(c),
            Some(_) => self.word(),
        }
    }

    fn special(&mut self, first: char) -> (Token, &'a str) {
        let is_followed_by_equals = self.0[1..].starts_with('=');
        let (token, length) = match first {
            '=' if is_followed_by_equals => (Token::DoubleEquals, 2),
            '=' => (Token::Equals, 1),
            '!' if is_followed_by_equals => (Token::NotEquals, 2),
            '!' => (Token::Not, 1),
            '(' => (Token::OpeningParenthesis, 1),
            ')' => (Token::ClosingParenthesis, 1),
            ',' => (Token::Comma, 1),
            '>' => (Token::GreaterThan, 1),
            _ => (Token::LessThan, 1),
        };
        (token, self.take(length))
    }

    fn word(&mut self) -> (Token, &'a str) {
        let end = |c: char| c == '\0' || WHITE.contains(&c) || SPECIAL.contains(&c);
        let word = self.take(self.0.find(end).unwrap_or(self.0.len()));
        match word {
            "in" => (Token::In, word),
            "notin" => (Token::NotIn, word),
            _ => (Token::Identifier, word),
        }
    }

    /// Takes so many bytes, and the NUL that ends them.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest.strip_prefix('\0').unwrap_or(rest);
        taken
    }
}
