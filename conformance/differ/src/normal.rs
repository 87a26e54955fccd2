//! What of an answer is compared: without what no two servers have alike, or one server twice: times, identities,
//! revisions, generated names, addresses, ports, keys.
//!
//! An identity or a revision becomes a number, in the order in which a script first sees it, so that it still shows
//! whether two answers speak of the same.

use std::sync::LazyLock;

use keelson_schema::convert::{self, Encoding};
use regex_lite::{Captures, Regex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::script::{Reading, hex};
use crate::value::Value;
use crate::wire::Answer;

/// The word that a recorded run's names begin with.
pub const RUN: &str = "differ";
/// Headers that are compared.
const HEADERS: &[&str] = &[
    "content-type",
    "warning",
    "retry-after",
    "location",
    "vary",
    "cache-control",
    "x-content-type-options",
    "allow",
    "content-encoding",
];
/// Headers of which only is compared whether they are there.
const PRESENT: &[&str] = &["etag", "audit-id"];
/// What a text is rid of: a pattern, and what stands there instead.
const PLAIN: &[(&str, &str)] = &[
    (r"\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "MICROTIME"),
    (r"\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", "TIME"),
    (r"eyJ[\w-]{10,}\.[\w-]+\.[\w-]+", "JWT"),
    // 10.7x are ranges that scripts make: while they are there, other scripts' services are given some of them.
    // What ends in 0 may be a range's own name.
    (r"\b10\.(?:96\.[1-9]\d*\.\d+|(?:96|7\d)\.\d+\.[1-9]\d*)\b", "CLUSTERIP"),
    (r"(?s)-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----", "CERTIFICATE"),
    (r"\b\d+\.\d+\.\d+\.\d+:\d{4,5}\b", "ADDRESS"),
    (r":3[0-2]\d{3}/", ":NODEPORT/"),
    (r"(nodePort: \{\w+) 3[0-2]\d{3}\}", "$1 NODEPORT}"),
    (r"\b([Gg]en[-_./]+)[bcdfghjklmnpqrstvwxz2456789]{5}\b", "${1}XXXXX"),
    (r"\b(?i:hash)=[0-9A-F]{64,}", "hash=HASH"),
    // Upstream names the file by where it was built.
    (r#"(in scheme \\?")[\w./]+\.go:\d+"#, "${1}SCHEME"),
    (r"\bX509SHA256=[0-9a-f]{64}", "X509SHA256=HASH"),
    (r"\bkube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "kube-api-access-XXXXX"),
    (r#"(\\?"resourceVersion\\?":\\?")\d+"#, "${1}N"),
    (r"(resource ?[vV]ersion:|current:|RV:|revision:) \d+", "$1 N"),
    (r"(too old resource version: )\d+ \(\d+\)", "${1}N (N)"),
    (r"(ResourceVersion in (?:the precondition|record)) \(\d+\)", "$1 (N)"),
];

static TEXTS: LazyLock<Vec<(Regex, &str)>> =
    LazyLock::new(|| PLAIN.iter().map(|(pattern, instead)| (compiled(pattern), *instead)).collect());
static UID: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"));
static AGE: LazyLock<Regex> = LazyLock::new(|| compiled(r"^\d+[smhdy](?:\d+[smhd])?$"));
/// The names of groups that scripts make.
static PASSING: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"\bdiffer\d\.example\.|org\.example\.differ\d\."));
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| compiled(r"^((?:#/parameters/)?[A-Za-z]+)-[\w-]{8}$"));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern that stands in this file")
}

/// What is recorded of an answer, and compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    /// The status code.
    pub code: u16,
    /// Some of its headers.
    pub headers: Value,
    /// Its body.
    pub body: Value,
}

/// What a script has seen so far.
#[derive(Debug)]
pub struct Seen {
    run: String,
    uids: Vec<String>,
    revisions: Vec<String>,
}

impl Seen {
    /// Nothing yet, in a run whose names begin with this word.
    #[must_use]
    pub fn new(run: &str) -> Self {
        Self { run: run.to_owned(), uids: Vec::new(), revisions: Vec::new() }
    }

    /// What is compared of an answer.
    pub fn normal(&mut self, reading: Reading, answer: &Answer) -> Normal {
        let mut headers = Vec::new();
        for name in HEADERS {
            headers.extend(
                answer.header(name).map(|value| ((*name).to_owned(), Value::Text(self.words(value)))),
            );
        }
        for name in PRESENT.iter().filter(|name| answer.header(name).next().is_some()) {
            headers.push(((*name).to_owned(), Value::Text("there".to_owned())));
        }
        if let Some(layout) = layout(&answer.body) {
            headers.push(("layout".to_owned(), Value::Text(layout.to_owned())));
        }
        let body = match reading {
            Reading::Head => Value::Null,
            Reading::Events => events(&answer.body),
            Reading::Whole => whole(answer),
            Reading::Object => without_identity(whole(answer)),
            Reading::Digest => match Value::read(&answer.body) {
                Some(document) => {
                    return Normal {
                        code: answer.code,
                        headers: Value::Map(headers),
                        body: digests(&document),
                    };
                }
                None => whole(answer),
            },
        };
        Normal { code: answer.code, headers: Value::Map(headers), body: self.value("", body, false) }
    }

    /// `listing`: a revision here is one of all objects, and not one object's.
    fn value(&mut self, key: &str, value: Value, listing: bool) -> Value {
        match value {
            Value::Text(text) => Value::Text(self.text(key, &text, listing)),
            Value::List(mut items) => {
                if matches!(key, "groups" | "items" | "paths") {
                    items.retain(|item| !is_passing(item));
                }
                let mut items: Vec<_> =
                    items.into_iter().map(|item| self.value(key, item, listing)).collect();
                if key == "managedFields" {
                    items.sort_by_cached_key(owner);
                }
                Value::List(items)
            }
            Value::Map(fields) => {
                let has = |name: &str| fields.iter().any(|(field, _)| field == name);
                let bookmark =
                    fields.iter().any(|(field, value)| field == "type" && value.text() == Some("BOOKMARK"));
                let lists = has("items") || has("columnDefinitions") || bookmark;
                let below = |name: &str| match name {
                    "metadata" => lists || listing && key == "object",
                    "object" => bookmark,
                    _ => listing,
                };
                let fields = fields.into_iter().filter(|(name, _)| key != "paths" || !PASSING.is_match(name));
                let new = |(name, value): (String, Value)| {
                    let value = self.value(&name, value, below(&name));
                    (name, value)
                };
                Value::Map(fields.map(new).collect())
            }
            Value::Number(number)
                if matches!(key, "nodePort" | "healthCheckNodePort")
                    && number.as_u64().is_some_and(|port| (30_000..32_768).contains(&port)) =>
            {
                Value::Text("NODEPORT".to_owned())
            }
            other => other,
        }
    }

    fn text(&mut self, key: &str, text: &str, listing: bool) -> String {
        match key {
            "resourceVersion" if text.is_empty() || text == "0" => text.to_owned(),
            "resourceVersion" if listing => "RV".to_owned(),
            "resourceVersion" => numbered(&mut self.revisions, "rv", text),
            "continue" if !text.is_empty() => "TOKEN".to_owned(),
            "cells" if AGE.is_match(text) => "AGE".to_owned(),
            _ => self.words(text),
        }
    }

    fn words(&mut self, text: &str) -> String {
        let mut text = if self.run == RUN { text.to_owned() } else { text.replace(self.run.as_str(), RUN) };
        // All patterns but that of generated names need a digit, and most texts have none.
        let digits = text.bytes().any(|byte| byte.is_ascii_digit());
        if !digits
            && !["gen", "Gen", "kube-api-access-", "-----BEGIN "].iter().any(|word| text.contains(word))
        {
            return text;
        }
        if text.len() >= 36 && UID.is_match(&text) {
            let uids = &mut self.uids;
            text =
                UID.replace_all(&text, |found: &Captures<'_>| numbered(uids, "uid", &found[0])).into_owned();
        }
        for (pattern, instead) in TEXTS.iter() {
            if let std::borrow::Cow::Owned(changed) = pattern.replace_all(&text, *instead) {
                text = changed;
            }
        }
        text
    }
}

/// Whether this is a group, or a path to one, that is only there while some script has it: others see it by chance.
fn is_passing(item: &Value) -> bool {
    let name = match item {
        Value::Text(path) => Some(path.as_str()),
        group if group.field("versions").is_some() => {
            group.field("name").or_else(|| group.at("metadata.name")).and_then(Value::text)
        }
        _ => None,
    };
    name.is_some_and(|name| PASSING.is_match(name))
}

fn numbered(known: &mut Vec<String>, word: &str, text: &str) -> String {
    let at = known.iter().position(|one| one == text).unwrap_or_else(|| {
        known.push(text.to_owned());
        known.len() - 1
    });
    format!("{word}{}", at + 1)
}

/// What entries of `managedFields` are put in order by: their own order is one of times.
fn owner(entry: &Value) -> String {
    ["manager", "operation", "subresource", "apiVersion"]
        .map(|name| format!("{:?}", entry.field(name)))
        .concat()
}

/// How JSON is laid out, if not on one line with a newline behind it.
fn layout(body: &[u8]) -> Option<&'static str> {
    if !body.starts_with(b"{") {
        return None;
    }
    let ended = body.ends_with(b"\n");
    match (body.windows(3).any(|three| three == b"\n  "), ended) {
        (true, true) => Some("indented"),
        (true, false) => Some("indented, without newline"),
        (false, false) => Some("without newline"),
        (false, true) => None,
    }
}

fn whole(answer: &Answer) -> Value {
    let body = answer.body.as_slice();
    let named = |form: &str, value: Value| Value::Map(vec![(form.to_owned(), value)]);
    let text = || Value::Text(String::from_utf8_lossy(body).into_owned());
    let media = answer.header("content-type").next().unwrap_or_default();
    if body.is_empty() {
        return Value::Null;
    }
    if media.contains("yaml") {
        let json = keelson_schema::yaml::to_json(body).ok().and_then(|read| Value::read(&read.json));
        return named("yaml", json.unwrap_or_else(text));
    }
    if body.starts_with(b"k8s\0") {
        let json = convert::decode(body, Encoding::Protobuf, false).ok();
        let json = json.and_then(|(object, _)| convert::encode(&object, Encoding::Json).ok());
        let json = json.and_then(|json| Value::read(&json));
        return named(
            "protobuf",
            json.unwrap_or_else(|| Value::Text("of a kind that cannot be read".to_owned())),
        );
    }
    Value::read(body).unwrap_or_else(text)
}

/// An object without what the server alone writes into its metadata, which other questions are about; a refusal without
/// the message that only says its causes once more.
fn without_identity(mut object: Value) -> Value {
    let has_causes = matches!(object.at("details.causes"), Some(Value::List(causes)) if !causes.is_empty());
    if let Value::Map(fields) = &mut object {
        fields.retain(|(name, _)| name != "message" || !has_causes);
        if let Some((_, Value::Map(metadata))) = fields.iter_mut().find(|(name, _)| name == "metadata") {
            let own = ["uid", "resourceVersion", "creationTimestamp", "managedFields", "namespace", "name"];
            metadata.retain(|(name, _)| !own.contains(&name.as_str()));
        }
    }
    object
}

fn events(body: &[u8]) -> Value {
    let mut events: Vec<Value> = Vec::new();
    let mut stream = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    while let Some(Ok(event)) = stream.next() {
        events.push(event);
    }
    let rest = String::from_utf8_lossy(&body[stream.byte_offset()..]).trim().to_owned();
    if !rest.is_empty() {
        events.push(Value::Text(rest));
    }
    Value::List(events)
}

/// Of each part of an OpenAPI document two digests: of its structure, and of its descriptions.
fn digests(document: &Value) -> Value {
    let Value::Map(fields) = document else { return digest(document) };
    let parts = |parts: &Value| match parts {
        Value::Map(parts) => {
            let parts = parts.iter().filter(|(name, _)| !PASSING.is_match(name));
            Value::Map(parts.map(|(name, part)| (unhashed(name), digest(part))).collect())
        }
        other => digest(other),
    };
    let new = |(name, value): &(String, Value)| {
        let value = match (name.as_str(), value) {
            ("paths" | "definitions" | "parameters", value) => parts(value),
            ("components", Value::Map(kinds)) => {
                Value::Map(kinds.iter().map(|(name, kind)| (name.clone(), parts(kind))).collect())
            }
            (_, value) => digest(value),
        };
        (name.clone(), value)
    };
    Value::Map(fields.iter().map(new).collect())
}

fn digest(part: &Value) -> Value {
    let (mut structure, mut words) = (String::new(), String::new());
    split(part, &mut structure, &mut words);
    let short = |text: &str| Value::Text(hex(&Sha256::digest(text)[..3]));
    Value::Map(vec![("form".to_owned(), short(&structure)), ("words".to_owned(), short(&words))])
}

fn split(part: &Value, structure: &mut String, words: &mut String) {
    match part {
        Value::Map(fields) => {
            structure.push('{');
            for (name, value) in fields {
                match value {
                    Value::Text(text) if name == "description" => words.push_str(&format!("{text}\0")),
                    value => {
                        structure.push_str(&unhashed(name));
                        split(value, structure, words);
                    }
                }
            }
            structure.push('}');
        }
        Value::List(items) => {
            structure.push('[');
            items.iter().for_each(|item| split(item, structure, words));
            structure.push(']');
        }
        Value::Text(text) => structure.push_str(&format!("{:?}", unhashed(text))),
        other => structure.push_str(&other.to_string()),
    }
}

/// The name of a shared parameter ends with a hash of what it says, which is compared for itself.
fn unhashed(name: &str) -> String {
    PARAMETER.replace(name, "$1").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(seen: &mut Seen, json: &str) -> String {
        let answer = Answer { code: 200, headers: Vec::new(), body: json.as_bytes().to_vec() };
        seen.normal(Reading::Whole, &answer).body.to_string()
    }

    #[test]
    fn identities_and_revisions_are_numbered() {
        let mut seen = Seen::new("other");
        let object = |uid: &str, rv: &str| {
            format!(r#"{{"metadata":{{"name":"other-a","uid":"{uid}","resourceVersion":"{rv}"}}}}"#)
        };
        let (one, two) = ("0f9c2a30-0000-4000-8000-000000000001", "0f9c2a30-0000-4000-8000-000000000002");
        let expected = |uid: u8, rv: u8| {
            format!(r#"{{"metadata":{{"name":"differ-a","uid":"uid{uid}","resourceVersion":"rv{rv}"}}}}"#)
        };
        assert_eq!(normal(&mut seen, &object(one, "7")), expected(1, 1));
        assert_eq!(normal(&mut seen, &object(two, "9")), expected(2, 2));
        assert_eq!(normal(&mut seen, &object(one, "9")), expected(1, 2));
        let list = r#"{"metadata":{"resourceVersion":"12","continue":"abc"},"items":[{"metadata":{"resourceVersion":"7"}}]}"#;
        assert_eq!(
            normal(&mut seen, list),
            r#"{"metadata":{"resourceVersion":"RV","continue":"TOKEN"},"items":[{"metadata":{"resourceVersion":"rv1"}}]}"#
        );
    }

    #[test]
    fn what_chance_and_time_decide_is_gone() {
        let mut seen = Seen::new(RUN);
        for (text, expected) in [
            (
                r#"{"t":"2026-11-21T15:41:01Z","old":"2020-01-01T00:00:00Z"}"#,
                r#"{"t":"TIME","old":"2020-01-01T00:00:00Z"}"#,
            ),
            (r#"{"name":"gen-x2bcd"}"#, r#"{"name":"gen-XXXXX"}"#),
            (r#"{"spec":{"nodePort":30123,"port":80}}"#, r#"{"spec":{"nodePort":"NODEPORT","port":80}}"#),
            (r#"{"cells":["one",3,"12s","80:31000/TCP"]}"#, r#"{"cells":["one",3,"AGE","80:NODEPORT/TCP"]}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2}"#),
        ] {
            assert_eq!(normal(&mut seen, text), expected);
        }
    }

    #[test]
    fn documents_become_digests_of_their_parts() {
        let document = |words: &str, hash: &str| {
            let text = format!(
                r##"{{"paths":{{"/a":{{"description":"{words}","$ref":"#/parameters/limit-{hash}"}}}},"swagger":"2.0"}}"##
            );
            let answer = Answer { code: 200, headers: Vec::new(), body: text.into_bytes() };
            Seen::new(RUN).normal(Reading::Digest, &answer).body
        };
        let (one, two) = (document("x", "12345678"), document("y", "abcd-fgh"));
        let part = |value: &Value, name: &str| {
            let part = value.field("paths").and_then(|paths| paths.field("/a")?.field(name)?.text());
            part.unwrap().to_owned()
        };
        assert_eq!(part(&one, "form"), part(&two, "form"));
        assert_ne!(part(&one, "words"), part(&two, "words"));
    }
}
