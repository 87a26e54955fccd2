//! Values without a message of their own are carried as YAML, in the block style of the Go library that upstream uses.

use super::super::node::{Node, Object};

/// The library's indentation. Items of a list are indented by two.
const INDENT: usize = 4;

/// `node` as a YAML document.
pub(super) fn yaml(node: &Node<'_>) -> String {
    let mut out = String::new();
    write(node, 0, &mut out);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn write(node: &Node<'_>, column: usize, out: &mut String) {
    match node {
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Number(number) => out.push_str(number),
        Node::Text(text) => write_text(text, column, out),
        Node::List(items) if items.is_empty() => out.push_str("[]"),
        Node::Object(Object(members)) if members.is_empty() => out.push_str("{}"),
        Node::List(items) => each(items, column, out, |item, out| {
            out.push_str("- ");
            write(item, column + 2, out);
        }),
        Node::Object(Object(members)) => each(members, column, out, |(name, value), out| {
            write_text(name, column, out);
            out.push(':');
            if is_block(value) {
                let below = INDENT * ((column + INDENT) / INDENT);
                out.push('\n');
                indent(below, out);
                write(value, below, out);
            } else {
                out.push(' ');
                write(value, column, out);
            }
        }),
    }
}

/// Writes items below each other; the first stands where the cursor is.
fn each<T>(items: &[T], column: usize, out: &mut String, mut write: impl FnMut(&T, &mut String)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            indent(column, out);
        }
        write(item, out);
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
}

fn is_block(node: &Node<'_>) -> bool {
    match node {
        Node::List(items) => !items.is_empty(),
        Node::Object(Object(members)) => !members.is_empty(),
        _ => false,
    }
}

fn indent(column: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', column));
}

fn write_text(text: &str, column: usize, out: &mut String) {
    if text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && text.chars().all(|c| c == '\n' || !c.is_control())
    {
        return write_lines(text, column, out);
    }
    let means_something_else = text.is_empty() || is_other_scalar(text);
    if means_something_else || text.chars().any(char::is_control) {
        // The escapes of YAML's double quotes include those of JSON.
        let mut quoted = Vec::new();
        super::super::node::write_text(text, &mut quoted, false);
        out.push_str(&String::from_utf8_lossy(&quoted));
    } else if is_plain(text) {
        out.push_str(text);
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    }
}

/// Several lines in literal style.
fn write_lines(text: &str, column: usize, out: &mut String) {
    out.push('|');
    match text.len() - text.trim_end_matches('\n').len() {
        0 => out.push('-'),
        1 => {}
        _ => out.push('+'),
    }
    let below = INDENT * ((column + INDENT) / INDENT);
    for line in text.split_inclusive('\n') {
        if !out.ends_with('\n') {
            out.push('\n');
        }
        if line != "\n" {
            indent(below, out);
        }
        out.push_str(line);
    }
}

/// Whether it would be read as something other than a text.
fn is_other_scalar(text: &str) -> bool {
    const WORDS: [&str; 11] = ["~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<"];
    let lower = text.to_lowercase();
    WORDS.contains(&lower.as_str())
        || text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
            && (text.parse::<f64>().is_ok() || text.starts_with("0x") || text.starts_with("0o"))
}

fn is_plain(text: &str) -> bool {
    let first = text.chars().next().unwrap_or(' ');
    let second = text.chars().nth(1);
    let starts = match first {
        '-' | '?' | ':' => second.is_some_and(|c| c != ' '),
        ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
        | ' ' => false,
        _ => true,
    };
    starts && !text.ends_with([' ', ':']) && !text.contains(": ") && !text.contains(" #")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_written_as_upstream_does() {
        let text = |text: &'static str| Node::from(text);
        let kind = || Object::default().with("group", "").with("kind", "Pod").with("version", "v1");
        let members = Object::default().with("exempt", "Exempt").with("limited", "Limited");
        let union = Object::default().with("discriminator", "type").with("fields-to-discriminateBy", members);
        for (node, expected) in [
            (text("list"), "list\n"),
            (text(""), "\"\"\n"),
            (text("*"), "'*'\n"),
            (text("true"), "\"true\"\n"),
            (text("1"), "\"1\"\n"),
            (text("s/mime"), "s/mime\n"),
            (text("SIGRTMIN+8"), "SIGRTMIN+8\n"),
            (text("data encipherment"), "data encipherment\n"),
            (Node::texts(["port", "protocol"]), "- port\n- protocol\n"),
            (kind().into(), "group: \"\"\nkind: Pod\nversion: v1\n"),
            (
                vec![kind().into(), kind().into()].into(),
                "- group: \"\"\n  kind: Pod\n  version: v1\n- group: \"\"\n  kind: Pod\n  version: v1\n",
            ),
            (
                vec![union.into()].into(),
                "- discriminator: type\n  fields-to-discriminateBy:\n    exempt: Exempt\n    limited: Limited\n",
            ),
            (Node::from(true), "true\n"),
            (Node::Number("10".into()), "10\n"),
        ] {
            assert_eq!(yaml(&node), expected);
        }
    }
}
