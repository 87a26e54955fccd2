//! Settings as a YAML file: one key per setting.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::Surroundings;
use super::table::SETTINGS;
use crate::failure::Failure;

/// The values in the file at `path` by their settings' names, each with its line.
pub(super) fn read(path: &Path) -> Result<BTreeMap<&'static str, (String, u64)>, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let remedy = "check the path, or print a file to begin with by `keelson config default`";
        Failure::from_error(&format!("cannot read the configuration {shown}"), &error, remedy)
    })?;
    let entries = parse(&text).map_err(|error| {
        Failure::usage(format!("{shown}: {error}; `keelson config default` prints a file as it should be"))
    })?;
    let mut values = BTreeMap::new();
    for (key, value, line) in entries {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key) else {
            return Err(Failure::usage(format!(
                "{shown} line {line}: there is no setting {key:?}; did you mean {:?}? (`keelson config default` lists all)",
                nearest(&key)
            )));
        };
        // An empty value leaves the setting to its default, as the commented file shows it.
        if let Some(value) = value {
            values.insert(setting.name, (value, line));
        }
    }
    Ok(values)
}

/// Key, value, and line of each entry; a value that is not given is absent.
type Entries = Vec<(String, Option<String>, u64)>;

/// Reads one flat mapping: settings have no parts.
fn parse(text: &str) -> Result<Entries, String> {
    let mut entries: Entries = Vec::new();
    let (mut key, mut inside) = (None, false);
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| format!("line {}: {}", error.marker().line(), error.info()))?;
        let line = span.start.line() as u64;
        match event {
            Event::MappingStart(0, None) if !inside => inside = true,
            Event::Scalar(text, style, 0, None) if inside => match key.take() {
                None if entries.iter().any(|(known, ..)| *known == text) => {
                    return Err(format!("line {line}: {text:?} is said a second time"));
                }
                None => key = Some((text.into_owned(), line)),
                Some((key, line)) => {
                    let nothing = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null");
                    entries.push((key, (!nothing).then(|| text.into_owned()), line));
                }
            },
            // What an empty file, or one of comments, is read as.
            Event::Scalar(text, ScalarStyle::Plain, 0, None) if matches!(&*text, "" | "~" | "null") => {}
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
            Event::MappingEnd => {}
            _ => return Err(format!("line {line}: expected settings, one `name: value` per line")),
        }
    }
    Ok(entries)
}

/// The known key that looks most like this one.
fn nearest(key: &str) -> &'static str {
    let key = key.replace('_', "-").to_lowercase();
    let names = SETTINGS.iter().map(|setting| setting.name);
    names.min_by_key(|name| distance(&key, name)).unwrap_or_default()
}

/// How many characters have to be put in, taken out or changed to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, character) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for j in 0..to.len() {
            let changed = diagonal + usize::from(character != to[j]);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// A file in which every setting stands with its meaning and what holds anyway.
pub(super) fn default_text(around: &Surroundings) -> String {
    let mut text = String::from(
        "# Keelson's settings, as they are where nothing is said.\n\
         # A flag wins over the environment, the environment over this file.\n",
    );
    for setting in SETTINGS {
        let default = (setting.default)(around);
        let (name, help) = (setting.name, setting.help);
        let _ = write!(text, "\n# {help}.\n# Flag --{name}, environment {}.\n{name}:", setting.variable());
        // Quoted where YAML would take it for something else than text.
        let plain = default.chars().all(|c| c.is_ascii_alphanumeric() || "/-.".contains(c));
        let _ = match (default.is_empty(), plain) {
            (true, _) => writeln!(text),
            (_, true) => writeln!(text, " {default}"),
            (_, false) => writeln!(text, " {default:?}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_what_was_meant() {
        for (written, meant) in [
            ("data_dir", "data-dir"),
            ("datadir", "data-dir"),
            ("Listen", "listen"),
            ("log", "listen"),
            ("loglevel", "log-level"),
            ("shutdown", "shutdown-timeout"),
        ] {
            let near = nearest(written);
            assert!(
                near == meant || distance(written, near) <= distance(written, meant),
                "{written}: {near}"
            );
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn values_are_text_however_they_are_written() {
        let entries = parse("a: 1\nb: \"x\"\n\n# c\nc: ~\nd: true\ne: 127.0.0.1:6443\nf:\n").unwrap();
        let entries: Vec<_> = entries.iter().map(|(k, v, line)| (k.as_str(), v.as_deref(), *line)).collect();
        assert_eq!(
            entries,
            [
                ("a", Some("1"), 1),
                ("b", Some("x"), 2),
                ("c", None, 5),
                ("d", Some("true"), 6),
                ("e", Some("127.0.0.1:6443"), 7),
                ("f", None, 8),
            ]
        );
        assert!(parse("").unwrap().is_empty());
        assert!(parse("# only a comment\n").unwrap().is_empty());
        for (text, said) in [
            ("- a\n", "line 1: expected settings"),
            ("a: 1\nb: [1]\n", "line 2: expected settings"),
            ("a: 1\nb:\n  c: 1\n", "line 3: expected settings"),
            ("a: 1\n---\nb: 1\n", "line 3: expected settings"),
            ("only words\n", "line 1: expected settings"),
            ("a: 1\na: 2\n", "line 2: \"a\" is said a second time"),
            ("a: \"1\n", "line 1: while scanning"),
            ("a: &x 1\nb: *x\n", "line 1: expected settings"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(said), "{text:?}: {error}");
        }
    }
}
