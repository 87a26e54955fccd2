//! From YAML to JSON.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::resolve::{Scalar, resolve};
use super::{CONTROL, fault, is_allowed};
use crate::error::DecodeError;
use crate::json::push_string;
use crate::scalar::{base64, number, quote};

/// How deep YAML may nest: what is deeper than a tree may be is refused here already.
const DEPTH_MAX: usize = 1000;

/// A document as JSON.
pub struct Converted {
    /// The JSON, members sorted by name.
    pub json: Vec<u8>,
    /// What a strict reader says of keys that are set twice.
    pub duplicates: Option<String>,
}

/// The first document of a stream as JSON.
///
/// # Errors
/// If it is no YAML, or something JSON has no form for.
pub fn to_json(input: &[u8]) -> Result<Converted, DecodeError> {
    let text = std::str::from_utf8(input).map_err(|error| yaml(broken(&input[error.valid_up_to()..])))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().all(is_allowed) {
        return Err(yaml(CONTROL));
    }
    let bare_end = (!text.ends_with('\n')).then(|| text.chars().count());
    let mut composer =
        Composer { text, bare_end, parser: Parser::new_from_str(text), anchors: HashMap::new() };
    let Some(root) = composer.document()? else {
        return Ok(Converted { json: b"null".to_vec(), duplicates: None });
    };
    let mut builder = Builder::default();
    let value = builder.value(&root)?;
    let mut json = Vec::with_capacity(input.len());
    push(&value, &mut json)?;
    let duplicates = (!builder.duplicates.is_empty())
        .then(|| format!("yaml: unmarshal errors:\n  {}", builder.duplicates.join("\n  ")));
    Ok(Converted { json, duplicates })
}

fn yaml(problem: impl Into<String>) -> DecodeError {
    DecodeError::Yaml(problem.into())
}

/// What is written, aliases not followed.
struct Node {
    line: usize,
    content: Content,
}

enum Content {
    Scalar {
        text: String,
        plain: bool,
        tag: String,
    },
    List(Vec<Rc<Node>>),
    /// Keys and values in turn.
    Map(Vec<Rc<Node>>),
    Alias(Rc<Node>),
}

struct Composer<'a> {
    text: &'a str,
    /// Where the text ends, in characters, if its last line lacks a break.
    bare_end: Option<usize>,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Rc<Node>>,
}

/// A list or map whose end is still to come.
struct Open {
    anchor: usize,
    line: usize,
    is_map: bool,
    children: Vec<Rc<Node>>,
}

impl<'a> Composer<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), DecodeError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.fault(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn fault(&self, error: &ScanError) -> DecodeError {
        if error.info().contains("unknown anchor") {
            return yaml(format!("unknown anchor '{}' referenced", self.alias_at(error.marker().index())));
        }
        fault::named(error)
    }

    /// The name of the alias that begins at a character.
    fn alias_at(&self, index: usize) -> String {
        let name = self.text.chars().skip(index).skip_while(|character| *character == '*');
        name.take_while(|character| character.is_alphanumeric() || matches!(character, '-' | '_')).collect()
    }

    /// Reads the first document, without recursion.
    fn document(&mut self) -> Result<Option<Rc<Node>>, DecodeError> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let block =
                matches!(event, Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..)) && line > 0;
            let (anchor, content) = match event {
                Event::StreamEnd | Event::DocumentEnd => return Ok(None),
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => continue,
                Event::Alias(id) => {
                    let Some(node) = self.anchors.get(&id) else {
                        let name = self.alias_at(span.start.index());
                        return Err(yaml(format!("anchor '{name}' value contains itself")));
                    };
                    (0, Content::Alias(Rc::clone(node)))
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let plain = style == ScalarStyle::Plain;
                    let tag = tag.map_or_else(String::new, |tag| short_tag(&tag));
                    let mut text = text.into_owned();
                    if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
                        && self.ends_bare(&span)
                        && text.ends_with('\n')
                    {
                        // The parser supplies the break that the last line lacks; upstream's does not.
                        text.pop();
                    }
                    if matches!(style, ScalarStyle::Plain | ScalarStyle::SingleQuoted)
                        && text.contains(is_old_break)
                    {
                        text = unfolded(&text);
                    }
                    (anchor, Content::Scalar { text, plain: plain && tag.is_empty(), tag })
                }
                Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                    if open.len() >= DEPTH_MAX {
                        return Err(yaml("exceeded max depth"));
                    }
                    let is_map = matches!(event, Event::MappingStart(..));
                    open.push(Open { anchor, line, is_map, children: Vec::new() });
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(ended) = open.pop() else { return Err(yaml("unexpected end of a collection")) };
                    let content = if ended.is_map {
                        Content::Map(ended.children)
                    } else {
                        Content::List(ended.children)
                    };
                    let node = Rc::new(Node { line: ended.line, content });
                    if let Some(root) = self.place(&mut open, ended.anchor, node) {
                        return Ok(Some(root));
                    }
                    continue;
                }
            };
            // A block's text begins a line below its mark.
            let line = line - usize::from(block);
            let node = Rc::new(Node { line, content });
            if let Some(root) = self.place(&mut open, anchor, node) {
                return Ok(Some(root));
            }
        }
    }

    /// Whether something reaches to the end of an input without a final line break.
    fn ends_bare(&self, span: &Span) -> bool {
        self.bare_end.is_some_and(|end| span.end.index() >= end)
    }

    /// Puts a complete node where it belongs; the root is given back.
    fn place(&mut self, open: &mut [Open], anchor: usize, node: Rc<Node>) -> Option<Rc<Node>> {
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match open.last_mut() {
            Some(parent) => {
                parent.children.push(node);
                None
            }
            None => Some(node),
        }
    }
}

/// A line break to YAML 1.1 alone.
fn is_old_break(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A text in which the old breaks are breaks: the spaces about them are layout, and the first of them is one too.
fn unfolded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(is_old_break) {
        out.push_str(rest[..at].trim_end_matches([' ', '\t']));
        let mut behind = rest[at..].chars();
        match behind.next() {
            Some('\u{85}') => out.push(' '),
            other => out.extend(other),
        }
        rest = behind.as_str().trim_start_matches([' ', '\t']);
    }
    out.push_str(rest);
    out
}

/// `!!str` for tags of YAML itself, `!x` for others; the tag `!` says text.
fn short_tag(tag: &saphyr_parser::Tag) -> String {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("tag:yaml.org,2002:" | "!!", suffix) => format!("!!{suffix}"),
        ("" | "!", "" | "!") => "!!str".to_owned(),
        (handle, suffix) => format!("{handle}{suffix}"),
    }
}

/// A value on its way to JSON.
#[derive(Clone)]
enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Big(u64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

#[derive(Default)]
struct Builder {
    duplicates: Vec<String>,
    // Upstream's measure against documents that blow up by aliases of aliases.
    nodes: u64,
    nodes_by_alias: u64,
    alias_depth: u32,
    depth: usize,
}

impl Builder {
    fn value(&mut self, node: &Node) -> Result<Value, DecodeError> {
        self.nodes += 1;
        self.nodes_by_alias += u64::from(self.alias_depth > 0);
        if self.nodes_by_alias > 100 && self.nodes > 1000 && self.by_alias() > allowed_by_alias(self.nodes) {
            return Err(yaml("document contains excessive aliasing"));
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(yaml("exceeded max depth"));
        }
        let value = match &node.content {
            Content::Scalar { text, plain, tag } => scalar(text, *plain, tag)?,
            Content::List(items) => {
                let items: Result<_, _> = items.iter().map(|item| self.value(item)).collect();
                Value::List(items?)
            }
            Content::Map(_) => {
                let mut map = Map::default();
                self.map(node, &mut map)?;
                Value::Map(map.members)
            }
            Content::Alias(target) => {
                self.alias_depth += 1;
                let value = self.value(target)?;
                self.alias_depth -= 1;
                value
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    fn by_alias(&self) -> f64 {
        self.nodes_by_alias as f64 / self.nodes as f64
    }

    fn map(&mut self, node: &Node, map: &mut Map) -> Result<(), DecodeError> {
        let Content::Map(children) = &node.content else { return Err(want_map()) };
        for pair in children.chunks_exact(2) {
            let (key, child) = (&pair[0], &pair[1]);
            if is_merge(key) {
                self.merge(child, map)?;
                continue;
            }
            let (shown, value) = (self.value(key)?, self.value(child)?);
            let shown = name(&shown, &value)?;
            if !map.seen.insert(shown.go.clone()) {
                self.duplicates.push(format!("line {}: key {} already set in map", child.line, shown.go));
            }
            map.members.insert(shown.json, value);
        }
        Ok(())
    }

    /// Takes over the members of another map, or of several, of which earlier ones win.
    fn merge(&mut self, node: &Node, map: &mut Map) -> Result<(), DecodeError> {
        match &node.content {
            Content::Map(_) => self.map(node, map),
            Content::Alias(target) if matches!(target.content, Content::Map(_)) => {
                self.alias_depth += 1;
                self.map(target, map)?;
                self.alias_depth -= 1;
                Ok(())
            }
            Content::List(items) => {
                for item in items.iter().rev() {
                    if matches!(&item.content, Content::List(_) | Content::Scalar { .. }) {
                        return Err(want_map());
                    }
                    self.merge(item, map)?;
                }
                Ok(())
            }
            _ => Err(want_map()),
        }
    }
}

/// The name that a key becomes in JSON.
fn name(key: &Value, value: &Value) -> Result<Key, DecodeError> {
    let (go, json) = match key {
        Value::Text(text) => (quote::quote(text), text.clone()),
        Value::Bool(key) => (key.to_string(), key.to_string()),
        Value::Int(number) => (number.to_string(), number.to_string()),
        Value::Float(number) => (float_key(*number), float_key(*number)),
        Value::List(_) | Value::Map(_) => return Err(yaml(format!("invalid map key: {}", go_syntax(key)))),
        Value::Null | Value::Big(_) => {
            let (kind, shown) = match key {
                Value::Big(number) => ("uint64", format!("{number:#x}")),
                _ => ("%!s(<nil>)", "<nil>".to_owned()),
            };
            let value = go_syntax(value);
            return Err(DecodeError::YamlShape(format!(
                "unsupported map key of type: {kind}, key: {shown}, value: {value}"
            )));
        }
    };
    Ok(Key { go, json })
}

/// A value as Go's `%#v` shows it.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Big(number) => format!("{number:#x}"),
        Value::Float(number) => number::general(*number),
        Value::Text(text) => quote::quote(text),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Map(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{}:{}", quote::quote(key), go_syntax(value)))
                .collect();
            format!("map[interface {{}}]interface {{}}{{{}}}", members.join(", "))
        }
    }
}

/// A key as Go shows it and as JSON writes it.
struct Key {
    go: String,
    json: String,
}

#[derive(Default)]
struct Map {
    members: BTreeMap<String, Value>,
    seen: HashSet<String>,
}

fn want_map() -> DecodeError {
    yaml("map merge requires map or sequence of maps as the value")
}

fn is_merge(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar { text, plain, tag } if text == "<<" && (*plain || tag == "!!merge"))
}

/// Which share of nodes may come from aliases: nearly all in small documents, a tenth in huge ones.
#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn allowed_by_alias(nodes: u64) -> f64 {
    const LOW: u64 = 400_000;
    const HIGH: u64 = 4_000_000;
    match nodes {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * ((nodes - LOW) as f64 / (HIGH - LOW) as f64),
    }
}

fn scalar(text: &str, plain: bool, tag: &str) -> Result<Value, DecodeError> {
    if tag.is_empty() && !plain || tag == "!!str" {
        return Ok(Value::Text(text.to_owned()));
    }
    if tag == "!!binary" {
        let octets = base64::decode(text.as_bytes())
            .map_err(|_| yaml("!!binary value contains invalid base64 data"))?;
        return Ok(Value::Text(String::from_utf8_lossy(&octets).into_owned()));
    }
    if !matches!(tag, "" | "!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp") {
        return Ok(Value::Text(text.to_owned()));
    }
    let scalar = resolve(text);
    if !tag.is_empty() && scalar.tag() != tag {
        if let (Scalar::Int(number), "!!float") = (&scalar, tag) {
            #[expect(clippy::cast_precision_loss, reason = "asked for by the tag")]
            return Ok(Value::Float(*number as f64));
        }
        return Err(yaml(format!("cannot decode {} `{text}` as a {tag}", scalar.tag())));
    }
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Int(number) => Value::Int(number),
        Scalar::Big(number) => Value::Big(number),
        Scalar::Float(number) => Value::Float(number),
        Scalar::Timestamp | Scalar::Text => Value::Text(text.to_owned()),
    })
}

/// A number that is a key: written with the precision of 32 bits.
fn float_key(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "as upstream")]
    let short = number as f32;
    if short.is_nan() {
        ".nan".to_owned()
    } else if short.is_infinite() {
        if short > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() }
    } else {
        // The shortest digits for 32 bits, laid out like any other number.
        number::general(short.to_string().parse().unwrap_or(number))
    }
}

fn push(value: &Value, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Big(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Float(number) if number.is_finite() => number::push_json(out, *number),
        Value::Float(number) => {
            let shown = if number.is_nan() {
                "NaN"
            } else if *number > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(DecodeError::YamlShape(format!("json: unsupported value: {shown}")));
        }
        Value::Text(text) => push_string(text, out),
        Value::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push(item, out)?;
            }
            out.push(b']');
        }
        Value::Map(members) => {
            out.push(b'{');
            for (at, (name, member)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_string(name, out);
                out.push(b':');
                push(member, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// What is wrong with bytes that do not begin with a character in UTF-8, in the words of libyaml's reader.
fn broken(bytes: &[u8]) -> &'static str {
    let width = match bytes.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    let Some(sequence) = bytes.get(..width) else { return "incomplete UTF-8 octet sequence" };
    if sequence[1..].iter().any(|octet| octet & 0xc0 != 0x80) {
        return "invalid trailing UTF-8 octet";
    }
    match sequence {
        [0xc0..=0xc1, ..] | [0xe0, 0..0xa0, ..] | [0xf0, 0..0x90, ..] => "invalid length of a UTF-8 sequence",
        _ => "invalid Unicode character",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expected: Result<&str, &str>) {
        let found = to_json(yaml.as_bytes()).map(|converted| String::from_utf8(converted.json).unwrap());
        let found = found.map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{yaml}");
    }

    #[test]
    fn bytes_that_are_no_text_are_named_as_upstream_names_them() {
        for (bytes, words) in [
            (&b"a: \xff"[..], "yaml: invalid leading UTF-8 octet"),
            (b"a: \x80", "yaml: invalid leading UTF-8 octet"),
            (b"a: \xe2\x82", "yaml: incomplete UTF-8 octet sequence"),
            (b"a: \xe2\x28\xa1", "yaml: invalid trailing UTF-8 octet"),
            (b"a: \xc0\x80", "yaml: invalid length of a UTF-8 sequence"),
            (b"a: \xed\xa0\x80", "yaml: invalid Unicode character"),
        ] {
            assert_eq!(
                to_json(bytes).err().map(|error| error.to_string()).as_deref(),
                Some(words),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn yaml_becomes_json() {
        check("", Ok("null"));
        check("a: yes\nb: [1, 0755, 1.5, ~]\n", Ok(r#"{"a":true,"b":[1,493,1.5,null]}"#));
        check("b: 1\na: 2\nb: 3\n", Ok(r#"{"a":2,"b":3}"#));
        check("1: a\n1.5: b\ntrue: c\n", Ok(r#"{"1":"a","1.5":"b","true":"c"}"#));
        check("x: &x {a: 1, b: 2}\nz:\n  <<: *x\n  b: 3\n", Ok(r#"{"x":{"a":1,"b":2},"z":{"a":1,"b":3}}"#));
        check(
            "a: !!str 1\nb: !!binary YQ==\nc: \"yes\"\nd: 2020-01-01\n",
            Ok(r#"{"a":"1","b":"a","c":"yes","d":"2020-01-01"}"#),
        );
        check("a: |\n  x\n  y\nb: >-\n  x\n  y\n", Ok(r#"{"a":"x\ny\n","b":"x y"}"#));
        check("a: 1\n---\nb: 2\n", Ok(r#"{"a":1}"#));
        check("a: .nan", Err("json: unsupported value: NaN"));
        check("a: \u{1}", Err("yaml: control characters are not allowed"));
        check("a: !!int x", Err("yaml: cannot decode !!str `x` as a !!int"));
    }

    #[test]
    fn keys_set_twice_are_reported() {
        let converted = to_json(b"a: 1\nb:\n  c: 1\n  c: 2\na: 3\n").unwrap();
        let report = "yaml: unmarshal errors:\n  line 4: key \"c\" already set in map\n  line 5: key \"a\" already set in map";
        assert_eq!(converted.duplicates.as_deref(), Some(report));
    }

    #[test]
    fn bombs_are_refused() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let alias = format!("*a{},", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
        }
        assert!(
            matches!(to_json(bomb.as_bytes()), Err(DecodeError::Yaml(text)) if text.contains("excessive aliasing"))
        );
        let deep = "[".repeat(5000);
        assert!(to_json(deep.as_bytes()).is_err());
    }
}
