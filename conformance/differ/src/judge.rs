//! Judging: where two answers differ, which of that is known, and the rest by kind.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::known::Known;
use crate::normal::Normal;
use crate::record::Record;
use crate::script::Script;
use crate::value::Value;

/// How much of a value is shown.
const SHOWN_CHARS_MAX: usize = 300;

/// Where an answer differs from the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Area, script and step.
    pub question: String,
    /// Where in the answer.
    pub place: String,
    /// What stands there.
    pub found: String,
    /// What stands there in upstream's.
    pub expected: String,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Judgement {
    /// Answers that were compared.
    pub answers: usize,
    /// Answers that upstream itself does not give twice alike, and that are not compared.
    pub unsteady: usize,
    /// Answers that differ.
    pub differ: usize,
    /// Differences that nobody knows of.
    pub unknown: Vec<Difference>,
    /// Differences that are known.
    pub known: usize,
    /// Known differences that are none any more.
    pub gone: Vec<String>,
    /// Questions whose recorded answer is missing or is one to another question.
    pub unrecorded: Vec<String>,
}

/// Compares what was found with what is recorded.
#[must_use]
pub fn judge(scripts: &[Script], found: &Record, recorded: &Record, known: &mut Known) -> Judgement {
    let mut judgement = Judgement::default();
    for script in scripts {
        let name = script.full_name();
        let expected = recorded.get(&name).map(|recorded| recorded.answers.as_slice()).unwrap_or_default();
        for answer in found.get(&name).map(|found| found.answers.as_slice()).unwrap_or_default() {
            let question = format!("{name}/{}", answer.step);
            let Some(one) = expected.iter().find(|one| one.step == answer.step && one.asked == answer.asked)
            else {
                judgement.unrecorded.push(question);
                continue;
            };
            if one.unsteady {
                judgement.unsteady += 1;
                continue;
            }
            judgement.answers += 1;
            let differences = differences(&question, &answer.answer, &one.answer);
            judgement.differ += usize::from(!differences.is_empty());
            for difference in differences {
                if known.knows(&difference) {
                    judgement.known += 1;
                } else {
                    judgement.unknown.push(difference);
                }
            }
        }
    }
    judgement.gone = known.unused();
    judgement
}

impl Judgement {
    /// With what another comparison found.
    pub fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.unsteady += other.unsteady;
        self.differ += other.differ;
        self.known += other.known;
        self.unknown.extend(other.unknown);
        self.gone.extend(other.gone);
        self.unrecorded.extend(other.unrecorded);
    }

    /// Whether nothing differs but what is known, and all that is known differs.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unknown.is_empty() && self.gone.is_empty() && self.unrecorded.is_empty()
    }

    /// What there is to say, differences of one kind together, the most frequent first.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = String::new();
        let mut kinds: BTreeMap<(String, &str, &str), Vec<&Difference>> = BTreeMap::new();
        for one in &self.unknown {
            kinds.entry((generic(&one.place), &one.found, &one.expected)).or_default().push(one);
        }
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, differences)| std::cmp::Reverse(differences.len()));
        for ((place, found, expected), differences) in &kinds {
            let _ = writeln!(
                text,
                "{} × {place}\n    found:    {found}\n    upstream: {expected}",
                differences.len()
            );
            for difference in differences.iter().take(4) {
                let _ = writeln!(text, "      {}", difference.question);
            }
        }
        for gone in &self.gone {
            let _ = writeln!(text, "known, but no difference any more; take it out of the list: {gone}");
        }
        if let Some(first) = self.unrecorded.first() {
            let count = self.unrecorded.len();
            let _ =
                writeln!(text, "{count} questions have no recorded answer, {first} the first: record them");
        }
        let _ = writeln!(
            text,
            "{} answers compared, {} left out as unsteady; {} differ; {} differences are known, {} are not, of {} kinds",
            self.answers,
            self.unsteady,
            self.differ,
            self.known,
            self.unknown.len(),
            kinds.len()
        );
        text
    }
}

/// A place without the numbers of list items in it.
fn generic(place: &str) -> String {
    place
        .split('.')
        .map(|step| if step.parse::<usize>().is_ok() { "#" } else { step })
        .collect::<Vec<_>>()
        .join(".")
}

fn differences(question: &str, found: &Normal, expected: &Normal) -> Vec<Difference> {
    let mut differences = Differences { question, all: Vec::new() };
    if found.code != expected.code {
        let said = |answer: &Normal| match answer.body.field("message").and_then(Value::text) {
            Some(message) => format!("{} {message}", answer.code),
            None => answer.code.to_string(),
        };
        differences.put("code", &said(found), &said(expected));
        return differences.all;
    }
    differences.compare("headers", &found.headers, &expected.headers);
    differences.compare("body", &found.body, &expected.body);
    differences.all
}

struct Differences<'a> {
    question: &'a str,
    all: Vec<Difference>,
}

impl Differences<'_> {
    fn put(&mut self, place: &str, found: &str, expected: &str) {
        // Of long texts what is shown begins a little before the place where they part.
        let alike = found.chars().zip(expected.chars()).take_while(|(ours, theirs)| ours == theirs).count();
        let begin =
            if found.len().max(expected.len()) > SHOWN_CHARS_MAX { alike.saturating_sub(40) } else { 0 };
        let shown = |text: &str| {
            let piece: String = text.chars().skip(begin).take(SHOWN_CHARS_MAX).collect();
            let (before, behind) = (begin > 0, text.chars().nth(begin + SHOWN_CHARS_MAX).is_some());
            format!("{}{piece}{}", if before { "…" } else { "" }, if behind { "…" } else { "" })
        };
        self.all.push(Difference {
            question: self.question.to_owned(),
            place: place.to_owned(),
            found: shown(found),
            expected: shown(expected),
        });
    }

    fn compare(&mut self, place: &str, found: &Value, expected: &Value) {
        match (found, expected) {
            (Value::Map(found), Value::Map(expected)) => self.fields(place, found, expected),
            (Value::List(ours), Value::List(theirs)) if ours.len() == theirs.len() => {
                for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                    self.compare(&format!("{place}.{index}"), ours, theirs);
                }
            }
            _ if found != expected => self.put(place, &found.to_string(), &expected.to_string()),
            _ => {}
        }
    }

    fn fields(&mut self, place: &str, found: &[(String, Value)], expected: &[(String, Value)]) {
        if found == expected {
            return;
        }
        let names =
            |fields: &[(String, Value)]| fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let (ours, theirs) = (names(found), names(expected));
        let before = self.all.len();
        for (name, value) in expected {
            let below = format!("{place}.{name}");
            match found.iter().find(|(one, _)| one == name) {
                Some((_, ours)) => self.compare(&below, ours, value),
                None => self.put(&below, "nothing", &value.to_string()),
            }
        }
        for (name, value) in found.iter().filter(|(name, _)| !theirs.contains(name)) {
            self.put(&format!("{place}.{name}"), &value.to_string(), "nothing");
        }
        if self.all.len() == before && ours != theirs {
            self.put(&format!("{place} in order"), &ours.join(" "), &theirs.join(" "));
        } else if self.all.len() == before {
            // Fields that are there twice.
            self.put(place, &format!("{found:?}"), &format!("{expected:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(code: u16, body: &str) -> Normal {
        Normal { code, headers: Value::Map(Vec::new()), body: Value::read(body.as_bytes()).unwrap() }
    }

    fn found(ours: &Normal, theirs: &Normal) -> Vec<String> {
        let all = differences("a/b/c", ours, theirs);
        all.into_iter().map(|one| format!("{}: {} not {}", one.place, one.found, one.expected)).collect()
    }

    #[test]
    fn differences_are_named_by_place() {
        let ours = normal(200, r#"{"a":1,"b":[{"x":1},{"x":2}],"d":4}"#);
        let theirs = normal(200, r#"{"a":1,"b":[{"x":1},{"x":3}],"c":null}"#);
        let expected = ["body.b.1.x: 2 not 3", "body.c: nothing not null", "body.d: 4 not nothing"];
        assert_eq!(found(&ours, &theirs), expected);
        assert!(found(&ours, &ours).is_empty());
    }

    #[test]
    fn order_and_repetition_count() {
        let one = normal(200, r#"{"a":1,"b":2}"#);
        assert_eq!(found(&normal(200, r#"{"b":2,"a":1}"#), &one), ["body in order: b a not a b"]);
        assert_eq!(found(&normal(200, r#"{"a":1,"a":1,"b":2}"#), &one), ["body in order: a a b not a b"]);
    }

    #[test]
    fn another_code_says_enough() {
        let theirs = normal(404, r#"{"message":"not found"}"#);
        assert_eq!(found(&normal(200, r#"{"a":1}"#), &theirs), ["code: 200 not 404 not found"]);
    }
}
