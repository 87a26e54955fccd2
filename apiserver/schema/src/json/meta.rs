//! Looking for an object's kind and version before it is known what it is.

use super::scan::{check, check_value, skip_space};
use crate::error::DecodeError;

/// A group, version and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gvk {
    /// The group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind.
    pub kind: String,
}

impl Gvk {
    /// Of an `apiVersion` and a `kind`.
    ///
    /// # Errors
    /// If the version has more than one slash.
    pub fn new(api_version: &str, kind: &str) -> Result<Self, DecodeError> {
        let (group, version) = match api_version.split_once('/') {
            _ if api_version == "/" => ("", ""),
            None => ("", api_version),
            Some((_, version)) if version.contains('/') => {
                return Err(DecodeError::GroupVersion(api_version.to_owned()));
            }
            Some(parts) => parts,
        };
        Ok(Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() })
    }

    /// Group and version as one text.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// The kind and version that a JSON text names. As upstream: names in any case, the last one counts.
///
/// # Errors
/// If the text is no JSON object, or kind or version is no text.
pub fn interpret(input: &[u8]) -> Result<Gvk, DecodeError> {
    let wrap = |error| DecodeError::Interpret(Box::new(error));
    check(input).map_err(wrap)?;
    let at = skip_space(input, 0);
    let mut found = Found::default();
    match input[at] {
        b'{' => found.members(input, at + 1).map_err(wrap)?,
        b'n' => {}
        other => found.mismatch(other, input, at, None),
    }
    match found.error {
        Some(error) => Err(wrap(error)),
        None => Gvk::new(&found.api_version, &found.kind),
    }
}

#[derive(Default)]
struct Found {
    api_version: String,
    kind: String,
    error: Option<DecodeError>,
}

/// What upstream decodes into to find the kind.
const TARGET: &str =
    r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

impl Found {
    /// Reads the members of an object that is known to be well formed.
    fn members(&mut self, input: &[u8], start: usize) -> Result<(), DecodeError> {
        let mut at = skip_space(input, start);
        while input[at] == b'"' {
            let end = check_value(input, at, 0)?;
            let key = super::decode::unquote(&input[at..end]);
            let value = skip_space(input, skip_space(input, end) + 1);
            let end = check_value(input, value, 0)?;
            if folds_to(&key, "apiversion") {
                self.member(input, value, end, "apiVersion");
            } else if folds_to(&key, "kind") {
                self.member(input, value, end, "kind");
            }
            at = skip_space(input, end);
            if input[at] == b',' {
                at = skip_space(input, at + 1);
            }
        }
        Ok(())
    }

    fn member(&mut self, input: &[u8], at: usize, end: usize, name: &str) {
        let target = if name == "kind" { &mut self.kind } else { &mut self.api_version };
        match input[at] {
            b'"' => *target = super::decode::unquote(&input[at..end]).into_owned(),
            b'n' => {}
            other => self.mismatch(other, input, at, Some(name)),
        }
    }

    fn mismatch(&mut self, first: u8, _input: &[u8], _at: usize, name: Option<&str>) {
        let value = super::decode::describe(first).to_owned();
        let context = name.map(|name| (String::new(), name.to_owned()));
        let go = if name.is_some() { "string" } else { TARGET }.to_owned();
        self.error.get_or_insert(DecodeError::Type { value, context, go });
    }
}

/// Go's folding: ASCII letters, and the two other characters that Unicode folds onto them.
fn folds_to(key: &str, lower: &str) -> bool {
    let fold = |character: char| match character {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(lower.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_wherever_they_stand() {
        for (input, expected) in [
            (r#"{"kind":"Pod","apiVersion":"v1"}"#, Ok(("", "v1", "Pod"))),
            (
                r#"{"spec":{"kind":"X"},"apiVersion":"apps/v1", "kind" : "Deployment" }"#,
                Ok(("apps", "v1", "Deployment")),
            ),
            (r#"{"Kind":"A","KIND":"B","APIVERSION":"v2"}"#, Ok(("", "v2", "B"))),
            (r#"{"kind":null}"#, Ok(("", "", ""))),
            ("null", Ok(("", "", ""))),
            (r#"{"apiVersion":"a/b/c"}"#, Err("unexpected GroupVersion string: a/b/c")),
            (
                r#"{"kind":1}"#,
                Err(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string",
                ),
            ),
            ("{", Err("couldn't get version/kind; json parse error: unexpected end of JSON input")),
            (
                "[]",
                Err(
                    r#"couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#,
                ),
            ),
        ] {
            let found = interpret(input.as_bytes()).map_err(|error| error.to_string());
            let found =
                found.as_ref().map(|gvk| (&*gvk.group, &*gvk.version, &*gvk.kind)).map_err(|error| &**error);
            assert_eq!(found, expected, "{input}");
        }
    }
}
