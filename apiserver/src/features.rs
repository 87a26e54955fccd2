//! Upstream's features, by name: which there are, in which stage, and which are on otherwise than by themselves.
//!
//! What a feature decides here are fields: those of one that is off are dropped as they are written
//! (`crate::defaults::gated`). Many of upstream's decide on something that is not here, or on how the server is made inside;
//! they may be named all the same, and [`Features::idle`] says which of those that were named change nothing.

use std::collections::BTreeMap;

use crate::defaults::gated;

/// Each feature of this version: its name, its stage, whether it is on by itself, and whether it stays so.
const KNOWN: &str = include_str!("features/known.txt");
/// What stands for all features of a stage.
const OF_STAGES: [(&str, &str); 2] = [("AllAlpha", "Alpha"), ("AllBeta", "Beta")];

/// Which features are on. By itself, those that upstream has on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Those that are otherwise than by themselves.
    changed: BTreeMap<&'static str, bool>,
    /// Those that were named, or are of a stage that was.
    named: Vec<&'static str>,
}

/// A line of the list.
#[derive(Clone, Copy, Debug)]
struct Known {
    name: &'static str,
    stage: &'static str,
    is_on: bool,
    is_locked: bool,
}

fn known() -> impl Iterator<Item = Known> {
    KNOWN.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (name, stage, is_on) = (words.next()?, words.next()?, words.next()? == "on");
        Some(Known { name, stage, is_on, is_locked: words.next().is_some() })
    })
}

impl Features {
    /// Features as `NAME=true,OTHER=false` sets them.
    ///
    /// # Errors
    /// In upstream's words: the first that is none, has no truth, or is not to be changed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut wanted = BTreeMap::new();
        for piece in text.split(',').filter(|piece| !piece.is_empty()) {
            let Some((name, value)) = piece.split_once('=') else {
                return Err(format!("missing bool value for {}", piece.trim()));
            };
            let (name, value) = (name.trim(), value.trim());
            let truth = truth(value).ok_or_else(|| {
                format!("invalid value of {name}={value}, err: strconv.ParseBool: parsing {value:?}: invalid syntax")
            })?;
            wanted.insert(name, truth);
        }
        let mut features = Self::default();
        // One that is named counts for more than its stage.
        for (name, stage) in OF_STAGES {
            if let Some(is_on) = wanted.remove(name) {
                known()
                    .filter(|one| one.stage == stage && !one.is_locked)
                    .for_each(|one| features.set(one, is_on));
            }
        }
        for (name, is_on) in wanted {
            let Some(one) = known().find(|one| one.name == name) else {
                return Err(format!("unrecognized feature gate: {name}"));
            };
            if one.is_locked && one.is_on != is_on {
                return Err(format!(
                    "cannot set feature gate {name} to {is_on}, feature is locked to {}",
                    one.is_on
                ));
            }
            features.set(one, is_on);
        }
        Ok(features)
    }

    fn set(&mut self, one: Known, is_on: bool) {
        if !self.named.contains(&one.name) {
            self.named.push(one.name);
        }
        if one.is_on == is_on {
            self.changed.remove(one.name);
        } else {
            self.changed.insert(one.name, is_on);
        }
    }

    /// Whether a feature is on, which by itself is so or not.
    pub(crate) fn is_on(&self, name: &str, by_itself: bool) -> bool {
        self.changed.get(name).copied().unwrap_or(by_itself)
    }

    /// Those that are otherwise than by themselves, and decide on nothing that is here.
    #[must_use]
    pub fn idle(&self) -> Vec<&'static str> {
        let effective = gated::features();
        self.changed.keys().copied().filter(|name| !effective.contains(name)).collect()
    }

    /// Those that were named though they are what they are for good, or will be gone: what upstream warns of.
    #[must_use]
    pub fn settled(&self) -> Vec<(&'static str, &'static str)> {
        let named = known().filter(|one| self.named.contains(&one.name));
        named
            .filter(|one| matches!(one.stage, "GA" | "Deprecated"))
            .map(|one| (one.name, one.stage))
            .collect()
    }

    /// Whether a feature is on by itself; nothing if there is none of this name.
    #[cfg(test)]
    pub(crate) fn by_itself(name: &str) -> Option<bool> {
        known().find(|one| one.name == name).map(|one| one.is_on)
    }
}

/// A truth, as Go reads one.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_set_by_name() {
        let features =
            Features::parse("EnvFiles=false, ContainerStopSignals=1,,EmptyDirVolumeMode=false").unwrap();
        for (name, by_itself, is_on) in [
            ("EnvFiles", true, false),
            ("ContainerStopSignals", false, true),
            ("EmptyDirVolumeMode", false, false),
            ("PodLevelResources", true, true),
        ] {
            assert_eq!(Features::by_itself(name), Some(by_itself), "{name}");
            assert_eq!(features.is_on(name, by_itself), is_on, "{name}");
        }
        assert_eq!(Features::parse(""), Ok(Features::default()));
    }

    #[test]
    fn a_stage_stands_for_all_of_it_and_a_name_for_more() {
        let features = Features::parse("AllAlpha=true,EmptyDirVolumeMode=false").unwrap();
        assert!(features.is_on("ContainerStopSignals", false));
        assert!(!features.is_on("EmptyDirVolumeMode", false));
        assert!(!Features::parse("AllBeta=false").unwrap().is_on("EnvFiles", true));
    }

    #[test]
    fn what_cannot_be_set_is_refused_in_upstreams_words() {
        for (text, words) in [
            ("Nonsense=true", "unrecognized feature gate: Nonsense"),
            ("EnvFiles", "missing bool value for EnvFiles"),
            (
                "EnvFiles=maybe",
                "invalid value of EnvFiles=maybe, err: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
            ("ImageVolume=false", "cannot set feature gate ImageVolume to false, feature is locked to true"),
        ] {
            assert_eq!(Features::parse(text), Err(words.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_changes_nothing_here_is_said() {
        let features =
            Features::parse("ContainerStopSignals=true,APIServerIdentity=false,ImageVolume=true").unwrap();
        assert_eq!(features.idle(), ["APIServerIdentity"]);
        assert_eq!(features.settled(), [("ImageVolume", "GA")]);
    }
}
