//! From JSON to YAML, laid out as libyaml's emitter does: two spaces, lists at their key's indent, texts plain where
//! they would read back as texts, folded at spaces beyond column 80.

use super::order::order;
use super::resolve::{Scalar, is_sexagesimal, resolve};
use super::{CONTROL, is_allowed};
use crate::error::EncodeError;
use crate::json::Free;
use crate::scalar::number::general;

const WIDTH: usize = 80;
const INDENT: usize = 2;
/// Longer keys are written in the long form, `? key`.
const SIMPLE_KEY_MAX: usize = 128;

/// Well-formed JSON as YAML.
///
/// # Errors
/// If it holds characters that YAML cannot, or nests too deeply.
pub fn from_json(json: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let value = Free::read(json).ok_or_else(|| EncodeError::Yaml("yaml: exceeded max depth".to_owned()))?;
    let mut emitter = Emitter {
        out: String::with_capacity(json.len()),
        column: 0,
        whitespace: true,
        indention: true,
        indent: None,
    };
    emitter.node(&value, Context::Root)?;
    emitter.write_indent();
    Ok(emitter.out.into_bytes())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    Item,
    /// A value in a mapping, or a key too long to be simple.
    Mapped,
    SimpleKey,
}

struct Emitter {
    out: String,
    column: usize,
    /// Whether the last character was a space or nothing.
    whitespace: bool,
    /// Whether there was only indentation in this line.
    indention: bool,
    indent: Option<usize>,
}

impl Emitter {
    fn node(&mut self, value: &Free<'_>, context: Context) -> Result<(), EncodeError> {
        match value {
            Free::Null => self.scalar("null", Style::Plain, context),
            Free::Bool(true) => self.scalar("true", Style::Plain, context),
            Free::Bool(false) => self.scalar("false", Style::Plain, context),
            Free::Number(literal) => {
                let text = match resolve(literal) {
                    Scalar::Int(number) => number.to_string(),
                    Scalar::Big(number) => number.to_string(),
                    Scalar::Float(number) => general(number),
                    // Beyond all bounds: a text to upstream.
                    _ => (*literal).to_owned(),
                };
                self.scalar(&text, Style::Plain, context);
            }
            Free::Text(text) => self.text(text, context)?,
            Free::List(items) if items.is_empty() => self.empty("[", "]"),
            Free::List(items) => self.list(items, context)?,
            Free::Object(members) if members.is_empty() => self.empty("{", "}"),
            Free::Object(members) => self.object(members)?,
        }
        Ok(())
    }

    fn text(&mut self, text: &str, context: Context) -> Result<(), EncodeError> {
        if !text.chars().all(|character| is_allowed(character) || u32::from(character) < 0x20) {
            // Upstream writes these into JSON unescaped and then fails to read that as YAML.
            return Err(EncodeError::Yaml(format!("yaml: {CONTROL}")));
        }
        let style = if text.contains('\n') {
            Style::Literal
        } else if resolve(text) == Scalar::Text && !is_sexagesimal(text) {
            Style::Plain
        } else {
            Style::DoubleQuoted
        };
        self.scalar(text, style, context);
        Ok(())
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true, false);
        self.whitespace = true;
        self.indicator(close, false, false);
    }

    fn list(&mut self, items: &[Free<'_>], context: Context) -> Result<(), EncodeError> {
        let outer = self.indent;
        let same = context == Context::Mapped && !self.indention;
        self.indent = Some(match outer {
            None => 0,
            Some(indent) if same => indent,
            Some(indent) => indent + INDENT,
        });
        for item in items {
            self.write_indent();
            self.indicator("-", true, true);
            self.node(item, Context::Item)?;
        }
        self.indent = outer;
        Ok(())
    }

    fn object(&mut self, members: &[(std::borrow::Cow<'_, str>, Free<'_>)]) -> Result<(), EncodeError> {
        let outer = self.indent;
        self.indent = Some(outer.map_or(0, |indent| indent + INDENT));
        // Of members with the same name the last one counts.
        let mut sorted: Vec<(&str, &Free<'_>)> =
            members.iter().rev().map(|(name, value)| (&**name, value)).collect();
        sorted.sort_by(|(a, _), (b, _)| order(a, b).then_with(|| a.cmp(b)));
        sorted.dedup_by(|(a, _), (b, _)| a == b);
        for (name, value) in sorted {
            self.write_indent();
            if Shape::of(name).multiline || name.len() > SIMPLE_KEY_MAX {
                self.indicator("?", true, true);
                self.text(name, Context::Mapped)?;
                self.write_indent();
                self.indicator(":", true, true);
            } else {
                self.text(name, Context::SimpleKey)?;
                self.indicator(":", false, false);
            }
            self.node(value, Context::Mapped)?;
        }
        self.indent = outer;
        Ok(())
    }

    fn scalar(&mut self, text: &str, wanted: Style, context: Context) {
        let shape = Shape::of(text);
        let style = shape.style(wanted, context == Context::SimpleKey);
        let outer = self.indent;
        self.indent = Some(outer.map_or(INDENT, |indent| indent + INDENT));
        let fold = context != Context::SimpleKey;
        match style {
            Style::Plain => self.plain(text, fold),
            Style::SingleQuoted => self.single_quoted(text, fold),
            Style::DoubleQuoted => self.double_quoted(text, fold),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
    }

    fn put(&mut self, character: char) {
        self.out.push(character);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Writes a break as it is in the text.
    fn write_break(&mut self, character: char) {
        self.out.push(character);
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || self.column == indent && !self.whitespace {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, keeps_indention: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        for character in text.chars() {
            self.put(character);
        }
        self.whitespace = false;
        self.indention = self.indention && keeps_indention;
    }

    fn plain(&mut self, text: &str, fold: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        let mut spaces = false;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            // A plain text has no breaks.
            if character == ' ' {
                if fold && !spaces && self.column > WIDTH && characters.peek() != Some(&' ') {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(character);
                self.indention = false;
                spaces = false;
            }
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, fold: bool) {
        self.indicator("'", true, false);
        let (mut spaces, mut breaks) = (false, false);
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            if character == ' ' {
                if fold
                    && !spaces
                    && self.column > WIDTH
                    && at > 0
                    && at + 1 < text.len()
                    && next != Some(' ')
                {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(character) {
                if !breaks && character == '\n' {
                    self.put_break();
                }
                self.write_break(character);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if character == '\'' {
                    self.put('\'');
                }
                self.put(character);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
        self.indicator("'", false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn double_quoted(&mut self, text: &str, fold: bool) {
        self.indicator("\"", true, false);
        // Upstream's check for a byte order mark looks at the text's beginning, whichever character it is asked about.
        let marked = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if marked || !is_printable(character) || is_break(character) || matches!(character, '"' | '\\') {
                self.escaped(character);
                spaces = false;
            } else if character == ' ' {
                if fold && !spaces && self.column > WIDTH && at > 0 && at + 1 < text.len() {
                    self.write_indent();
                    if characters.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(character);
                spaces = false;
            }
        }
        self.indicator("\"", false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escaped(&mut self, character: char) {
        self.put('\\');
        let short = match character {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(character);
                let (mark, digits) = match code {
                    0..=0xff => ('x', 2),
                    0x100..=0xffff => ('u', 4),
                    _ => ('U', 8),
                };
                for escaped in format!("{mark}{code:0digits$X}").chars() {
                    self.put(escaped);
                }
                return;
            }
        };
        self.put(short);
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false);
        if text.starts_with(|first: char| first == ' ' || is_break(first)) {
            self.indicator("2", false, false);
        }
        let mut last = text.chars().rev();
        match (last.next().is_some_and(is_break), last.next()) {
            (false, _) => self.indicator("-", false, false),
            (true, None) => self.indicator("+", false, false),
            (true, Some(before)) if is_break(before) => self.indicator("+", false, false),
            _ => {}
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for character in text.chars() {
            if is_break(character) {
                self.write_break(character);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(character);
                self.indention = false;
                breaks = false;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What a text holds that bears on how it may be written.
#[expect(clippy::struct_excessive_bools, reason = "independent findings")]
struct Shape {
    empty: bool,
    multiline: bool,
    plain: bool,
    single_quoted: bool,
    literal: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self { empty: true, multiline: false, plain: true, single_quoted: true, literal: false };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut breaks, mut special, mut break_space, mut space_break) = (false, false, false, false);
        let (mut after_space, mut after_break) = (false, false);
        let mut after_blank = true;
        let mut characters = text.chars().peekable();
        let mut first = true;
        while let Some(character) = characters.next() {
            let before_blank = characters.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
            indicators |= match character {
                '#' if after_blank => true,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    first
                }
                '?' | '-' => first && before_blank,
                ':' => before_blank,
                _ => false,
            };
            special |= !is_printable(character);
            if character == ' ' {
                break_space |= after_break;
            } else if is_break(character) {
                breaks = true;
                space_break |= after_space;
            }
            after_space = character == ' ';
            after_break = is_break(character);
            after_blank = matches!(character, ' ' | '\t' | '\0') || is_break(character);
            first = false;
        }
        let edge = |character: Option<char>| {
            character.is_some_and(|character| character == ' ' || is_break(character))
        };
        let ragged = edge(text.chars().next()) || edge(text.chars().next_back());
        let broken = space_break || special;
        Self {
            empty: false,
            multiline: breaks,
            plain: !(ragged || break_space || broken || breaks || indicators),
            single_quoted: !(break_space || broken),
            literal: !(text.ends_with(' ') || broken),
        }
    }

    /// The style it gets where `wanted` is asked for.
    fn style(&self, wanted: Style, simple_key: bool) -> Style {
        let mut style = if simple_key && self.multiline { Style::DoubleQuoted } else { wanted };
        if style == Style::Plain && (!self.plain || self.empty && simple_key) {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !self.single_quoted
            || style == Style::Literal && (!self.literal || simple_key)
        {
            style = Style::DoubleQuoted;
        }
        style
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What libyaml writes unescaped; nothing beyond the basic plane.
fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        assert_eq!(String::from_utf8(from_json(json.as_bytes()).unwrap()).unwrap(), expected, "{json}");
    }

    #[test]
    fn json_becomes_yaml() {
        check(r#"{"b":[1,{"c":"d","a":null}],"a":{}}"#, "a: {}\nb:\n- 1\n- a: null\n  c: d\n");
        check(r#"[[1,2],[],{"x":[[3]]}]"#, "- - 1\n  - 2\n- []\n- x:\n  - - 3\n");
        check(
            r#"{"a":"yes","b":"1","c":"","d":"x: y","e":"it's","f":" x","g":"- a","h":"~"}"#,
            "a: \"yes\"\nb: \"1\"\nc: \"\"\nd: 'x: y'\ne: it's\nf: ' x'\ng: '- a'\nh: \"~\"\n",
        );
        check(
            r#"{"a":"x\ny\n","b":"x\ny","c":"x\n\n","d":" x\ny"}"#,
            "a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |+\n  x\n\nd: |2-\n   x\n  y\n",
        );
        check(r#""x""#, "x\n");
        check(
            r#"{"a":1e21,"b":1.5e-7,"c":12345678901234567890,"d":1234567.5}"#,
            "a: 1e+21\nb: 1.5e-07\nc: 12345678901234567890\nd: 1.2345675e+06\n",
        );
        let words = |count| ["word"].repeat(count).join(" ");
        check(&format!("{{\"a\":\"{}\"}}", words(30)), &format!("a: {}\n  {}\n", words(16), words(14)));
    }

    #[test]
    fn what_yaml_cannot_hold_is_refused() {
        assert_eq!(
            from_json("\"\u{7f}\"".as_bytes()),
            Err(EncodeError::Yaml("yaml: control characters are not allowed".to_owned()))
        );
    }
}
