//! How hollow containers behave: how long things take, and how they end.
//!
//! What holds for all pods is a setting; a pod says otherwise by annotations of the same names, such as
//! `keelson.dev/run-for: 30s`, and for one of its containers by the container's name behind a dot,
//! `keelson.dev/exit-code.main: "3"`. Containers of the beginning that are no sidecars end at once and well, unless they
//! are named.

use std::str::FromStr;
use std::time::Duration;

use keelson_api::duration::Span;

use super::hash;
use crate::pod::{Container, Pod};

/// What annotations begin with.
const DOMAIN: &str = "keelson.dev/";

/// How containers behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// How long it takes until a container runs.
    pub(crate) start_delay: Duration,
    /// How long it runs until it is ready.
    pub(crate) ready_after: Until,
    /// How long it runs.
    pub(crate) run_for: Ends,
    /// How it ends then.
    pub(crate) exit_code: i32,
    /// How long it takes to end when it is told to.
    pub(crate) stop_delay: Duration,
    /// Of a hundred starts, how many fail.
    pub(crate) failing: u8,
}

/// When something comes to be, if ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    After(Duration),
    Never,
}

impl Default for Until {
    fn default() -> Self {
        Self::After(Duration::ZERO)
    }
}

/// When something ends, if ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ends {
    After(Duration),
    #[default]
    Never,
}

/// All that can be said.
const WORDS: [&str; 6] = ["start-delay", "ready-after", "run-for", "exit-code", "stop-delay", "failing"];

impl Behaviour {
    fn say(&mut self, word: &str, value: &str) -> Result<(), String> {
        let wrong = |wanted: &str| Err(format!("{word}={value}: give {wanted}"));
        let span = value.parse::<Span>().ok().and_then(|span| u64::try_from(span.0).ok());
        let span = span.map(Duration::from_nanos);
        match (word, span) {
            ("start-delay", Some(span)) => self.start_delay = span,
            ("stop-delay", Some(span)) => self.stop_delay = span,
            ("ready-after", _) if value == "never" => self.ready_after = Until::Never,
            ("ready-after", Some(span)) => self.ready_after = Until::After(span),
            ("run-for", _) if value == "ever" => self.run_for = Ends::Never,
            ("run-for", Some(span)) => self.run_for = Ends::After(span),
            ("exit-code", _) => match value.parse::<u8>() {
                Ok(code) => self.exit_code = code.into(),
                Err(_) => return wrong("a number from 0 to 255"),
            },
            ("failing", _) => match value.trim_end_matches('%').parse::<u8>() {
                Ok(percent) if percent <= 100 => self.failing = percent,
                _ => return wrong("a number from 0 to 100"),
            },
            ("ready-after", None) => return wrong("a duration such as 1.5s, or never"),
            ("run-for", None) => return wrong("a duration such as 1.5s, or ever"),
            ("start-delay" | "stop-delay", None) => return wrong("a duration such as 1.5s"),
            _ => return Err(format!("{word:?} is none of {}", WORDS.join(", "))),
        }
        Ok(())
    }

    /// How a pod's container behaves that is started for the so-manieth time.
    pub(crate) fn of(self, pod: &Pod, container: &Container, attempt: u32) -> Self {
        let first = pod.spec.init_containers.iter().any(|one| one.name == container.name);
        let begins = first && !container.is_sidecar();
        let mut own = if begins {
            Self { run_for: Ends::After(Duration::ZERO), exit_code: 0, failing: 0, ..self }
        } else {
            self
        };
        let mut said: Vec<(&str, &str, bool)> = Vec::new();
        for (key, value) in pod.metadata.annotations.iter() {
            let Some(word) = key.strip_prefix(DOMAIN) else { continue };
            match word.split_once('.') {
                Some((word, name)) if name == container.name => said.push((word, value, true)),
                None if !begins => said.push((word, value, false)),
                _ => {}
            }
        }
        // What is said of the container alone wins.
        said.sort_by_key(|(.., named)| *named);
        for (word, value, _) in said.into_iter().filter(|(word, ..)| WORDS.contains(word)) {
            if let Err(wrong) = own.say(word, value) {
                tracing::warn!(pod = %pod.metadata.key(), annotation = wrong, "cannot be read");
            }
        }
        let drawn = hash(&[&pod.metadata.uid, &container.name, &attempt.to_string()], 0) % 100;
        if drawn < u64::from(own.failing) {
            let run_for = if own.run_for == Ends::Never { Ends::After(Duration::ZERO) } else { own.run_for };
            own = Self { run_for, exit_code: own.exit_code.max(1), ..own };
        }
        own
    }
}

impl FromStr for Behaviour {
    type Err = String;

    /// Reads `WORD=VALUE`, with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut behaviour = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (word, value) =
                part.split_once('=').ok_or(format!("{part:?} is not of the form WORD=VALUE"))?;
            behaviour.say(word, value)?;
        }
        Ok(behaviour)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_of_one_wins() {
        let all: Behaviour = "run-for=10s, exit-code=3,start-delay=1s".parse().unwrap();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": "u", "annotations": {
                "keelson.dev/exit-code": "4", "keelson.dev/exit-code.b": "5", "keelson.dev/run-for.i": "2s",
                "keelson.dev/other": "x", "keelson.dev/ready-after": "never",
            }},
            "spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "i"}]},
        }))
        .unwrap();
        let of = |container: &Container| {
            let own = all.of(&pod, container, 0);
            (own.run_for, own.exit_code, own.ready_after)
        };
        let seconds = |seconds| Ends::After(Duration::from_secs(seconds));
        assert_eq!(of(&pod.spec.containers[0]), (seconds(10), 4, Until::Never));
        assert_eq!(of(&pod.spec.containers[1]), (seconds(10), 5, Until::Never));
        assert_eq!(of(&pod.spec.init_containers[0]), (seconds(2), 0, Until::default()));
    }

    #[test]
    fn some_fail() {
        let all: Behaviour = "failing=30%".parse().unwrap();
        let mut failed = 0;
        for number in 0..1000 {
            let mut pod = Pod::default();
            pod.metadata.uid = number.to_string().into();
            let own = all.of(&pod, &Container::default(), 0);
            failed += usize::from(own.exit_code == 1 && own.run_for != Ends::Never);
        }
        assert!((250..350).contains(&failed), "{failed}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("run-for", "\"run-for\" is not of the form WORD=VALUE"),
            (
                "run=1s",
                "\"run\" is none of start-delay, ready-after, run-for, exit-code, stop-delay, failing",
            ),
            ("run-for=1", "run-for=1: give a duration such as 1.5s, or ever"),
            ("start-delay=never", "start-delay=never: give a duration such as 1.5s"),
            ("exit-code=256", "exit-code=256: give a number from 0 to 255"),
            ("failing=101", "failing=101: give a number from 0 to 100"),
        ] {
            assert_eq!(text.parse::<Behaviour>().unwrap_err(), said);
        }
    }
}
