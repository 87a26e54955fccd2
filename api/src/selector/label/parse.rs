//! The grammar of a label selector's text:
//!
//! ```text
//! selector    = [ requirement { "," requirement } ]
//! requirement = [ "!" ] key | key comparison
//! comparison  = ( "=" | "==" | "!=" | ">" | "<" ) [ value ] | ( "in" | "notin" ) "(" [ value ] { "," [ value ] } ")"
//! ```

use super::lexer::{Lexer, Token};
use super::requirement::check_key;
use super::{Operator, REQUIREMENTS_MAX, Requirement, TEXT_BYTES_MAX};
use crate::field::{Errors, Path};

/// Why a text is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It breaks off or goes on in the wrong way between requirements.
    #[error(transparent)]
    Syntax(SyntaxError),
    /// A requirement is none.
    #[error("unable to parse requirement: {0}")]
    Requirement(RequirementError),
    /// It is longer than a selector may be.
    #[error("label selector is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// It has more requirements than a selector may have.
    #[error("label selector has more than {REQUIREMENTS_MAX} requirements")]
    TooMany,
}

/// Why a piece of text is no requirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// It is not written as one.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// It has an invalid key or invalid values.
    #[error(transparent)]
    Parts(#[from] Errors),
}

/// Something else was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// At the place of `found`.
    #[error("found '{found}', expected: {expected}")]
    Unexpected {
        /// What stands there.
        found: Box<str>,
        /// What should.
        expected: &'static str,
    },
    /// A set was to begin.
    #[error("found '{0}' expected: '('")]
    NoSet(Box<str>),
}

fn unexpected(found: &str, expected: &'static str) -> SyntaxError {
    SyntaxError::Unexpected { found: found.into(), expected }
}

/// The requirements of a text, in its order.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, ParseError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ParseError::TooLong);
    }
    let mut requirements = Vec::new();
    let mut parser = Parser::new(text);
    loop {
        match parser.next.0 {
            Token::Identifier | Token::Not => {}
            Token::End => return Ok(requirements),
            _ => {
                let expected = "!, identifier, or 'end of string'";
                return Err(ParseError::Syntax(unexpected(parser.next.1, expected)));
            }
        }
        if requirements.len() == REQUIREMENTS_MAX {
            return Err(ParseError::TooMany);
        }
        requirements.push(parser.requirement().map_err(ParseError::Requirement)?);
        match parser.take() {
            (Token::End, _) => return Ok(requirements),
            (Token::Comma, _) if matches!(parser.next.0, Token::Identifier | Token::Not) => {}
            (Token::Comma, _) => {
                return Err(ParseError::Syntax(unexpected(parser.next.1, "identifier after ','")));
            }
            (_, found) => return Err(ParseError::Syntax(unexpected(found, "',' or 'end of string'"))),
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token in front. Where a value may stand, `in` and `notin` are ordinary words.
    next: (Token, &'a str),
    /// The same as the lexer saw it.
    raw: Token,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        let mut parser = Self { lexer: Lexer(text), next: (Token::End, ""), raw: Token::End };
        parser.take();
        parser
    }

    fn take(&mut self) -> (Token, &'a str) {
        let taken = self.next;
        let (token, literal) = self.lexer.next();
        self.raw = token;
        let token = if matches!(token, Token::In | Token::NotIn) { Token::Identifier } else { token };
        self.next = (token, literal);
        taken
    }

    fn requirement(&mut self) -> Result<Requirement, RequirementError> {
        let (key, operator) = self.key()?;
        let operator = match operator {
            Some(operator) => return Ok(Requirement::new(key, operator, &[])?),
            None => self.operator()?,
        };
        let mut values = match operator {
            Operator::In | Operator::NotIn => self.set()?,
            _ => vec![self.value()?],
        };
        values.sort_unstable();
        values.dedup();
        Ok(Requirement::new(key, operator, &values)?)
    }

    /// A key, and the operator if there is no comparison.
    fn key(&mut self) -> Result<(&'a str, Option<Operator>), RequirementError> {
        let is_negated = self.next.0 == Token::Not;
        if is_negated {
            self.take();
        }
        let (token, key) = self.take();
        if token != Token::Identifier {
            return Err(unexpected(key, "identifier").into());
        }
        let mut errors = Errors::new();
        check_key(key, &Path::NOWHERE, &mut errors);
        errors.into_result()?;
        let operator = match self.next.0 {
            // Upstream does not look at what follows a negated key here: it is refused behind it.
            _ if is_negated => Some(Operator::DoesNotExist),
            Token::End | Token::Comma => Some(Operator::Exists),
            _ => None,
        };
        Ok((key, operator))
    }

    fn operator(&mut self) -> Result<Operator, SyntaxError> {
        let token = self.raw;
        let (_, literal) = self.take();
        Ok(match token {
            Token::In => Operator::In,
            Token::NotIn => Operator::NotIn,
            Token::Equals => Operator::Equals,
            Token::DoubleEquals => Operator::DoubleEquals,
            Token::NotEquals => Operator::NotEquals,
            Token::GreaterThan => Operator::GreaterThan,
            Token::LessThan => Operator::LessThan,
            _ => return Err(unexpected(literal, "in, notin, =, ==, !=, gt, lt")),
        })
    }

    /// The value of a comparison with one; it may be missing.
    fn value(&mut self) -> Result<&'a str, SyntaxError> {
        if matches!(self.next.0, Token::End | Token::Comma) {
            return Ok("");
        }
        match self.take() {
            (Token::Identifier, value) => Ok(value),
            (_, found) => Err(unexpected(found, "identifier")),
        }
    }

    /// The values of a comparison with several.
    fn set(&mut self) -> Result<Vec<&'a str>, SyntaxError> {
        let (token, found) = self.take();
        if token != Token::OpeningParenthesis {
            return Err(SyntaxError::NoSet(found.into()));
        }
        match self.next.0 {
            Token::Identifier | Token::Comma => self.listed(),
            Token::ClosingParenthesis => {
                self.take();
                Ok(vec![""])
            }
            _ => Err(unexpected(self.next.1, "',', ')' or identifier")),
        }
    }

    /// Values with commas between them, up to the parenthesis. Where nothing stands between two commas, or beside one
    /// and a parenthesis, the empty value does.
    fn listed(&mut self) -> Result<Vec<&'a str>, SyntaxError> {
        let mut values = Vec::new();
        loop {
            match self.take() {
                (Token::Identifier, value) => {
                    values.push(value);
                    if !matches!(self.next.0, Token::Comma | Token::ClosingParenthesis) {
                        return Err(unexpected(self.next.1, "',' or ')'"));
                    }
                }
                (Token::Comma, _) => {
                    let is_first = values.is_empty();
                    if is_first || matches!(self.next.0, Token::Comma | Token::ClosingParenthesis) {
                        values.push("");
                    }
                }
                (_, found) => return Err(unexpected(found, "',', or identifier")),
            }
            if self.next.0 == Token::ClosingParenthesis {
                self.take();
                return Ok(values);
            }
        }
    }
}
