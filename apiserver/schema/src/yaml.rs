//! YAML as upstream reads and writes it: through JSON, by the rules of YAML 1.1 that `sigs.k8s.io/yaml` keeps (`yes` is
//! true, `0755` is octal), maps sorted, lists not indented under their key.

mod decode;
mod emit;
mod fault;
mod order;
mod resolve;

pub use decode::{Converted, to_json};
pub use emit::from_json;

/// The documents of a stream, parted at lines of `---`, as upstream's document reader parts them.
pub fn documents(stream: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(stream);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let (document, behind) = part(text);
            rest = behind;
            if !document.trim().is_empty() {
                return Some(document);
            }
        }
    })
}

/// What lies in front of the first separator line, and behind it.
fn part(text: &str) -> (&str, Option<&str>) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        // Only spaces and a comment may follow on the line.
        if let Some(tail) = line.strip_prefix("---")
            && (tail.trim().is_empty() || tail.trim_start().starts_with('#'))
        {
            return (&text[..at], Some(&text[at + line.len()..]));
        }
        at += line.len();
    }
    (text, None)
}

/// Whether a character may stand in YAML unescaped.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// What upstream says of any other character.
const CONTROL: &str = "control characters are not allowed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_part_at_separator_lines() {
        let stream = "a: 1\n--- # next\n---\nb: |\n  ---x\n--- \nc: 3";
        assert_eq!(documents(stream).collect::<Vec<_>>(), ["a: 1\n", "b: |\n  ---x\n", "c: 3"]);
        assert_eq!(documents("---\n").count(), 0);
    }
}
