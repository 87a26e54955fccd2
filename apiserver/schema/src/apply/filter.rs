//! What of an object a resource or subresource can change at all: everything else is neither compared nor owned.

use super::element::Element;
use super::set::Set;

/// Takes paths out of sets.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Drops these paths and what lies below them.
    Exclude(Set),
    /// Keeps what is matched.
    Include(Matcher),
}

impl Filter {
    /// What the filter leaves of `set`.
    #[must_use]
    pub fn keep(&self, set: Set) -> Set {
        match self {
            Self::Exclude(excluded) => set.recursive_difference(excluded),
            Self::Include(matcher) => matcher.keep(set),
        }
    }
}

/// Paths with wildcards in them.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// Whether everything from here on matches.
    everything: bool,
    /// The steps that match, `None` for any; with that, it is the only one looked at.
    steps: Vec<(Option<Element>, Matcher)>,
}

impl Matcher {
    const EVERYTHING: Self = Self { everything: true, steps: Vec::new() };

    /// Matches all paths that begin with these fields; `None` stands for any step.
    #[must_use]
    pub fn prefix(fields: &[Option<&str>]) -> Self {
        match fields.split_first() {
            None => Self::EVERYTHING,
            Some((first, rest)) => {
                Self { everything: false, steps: vec![(first.map(Element::field), Self::prefix(rest))] }
            }
        }
    }

    /// Matches what either matches.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        if self.everything || other.everything {
            return Self::EVERYTHING;
        }
        for (step, below) in other.steps {
            match self.steps.iter_mut().find(|(known, _)| *known == step) {
                Some((_, known)) => *known = known.clone().or(below),
                None => self.steps.push((step, below)),
            }
        }
        self.steps.sort_by(|a, b| a.0.cmp(&b.0));
        self
    }

    fn keep(&self, mut set: Set) -> Set {
        if self.everything {
            return set;
        }
        set.retain(|entry| {
            let step =
                self.steps.iter().find(|(step, _)| step.as_ref().is_none_or(|step| *step == entry.element));
            entry.member &= step.is_some();
            let children = std::mem::take(&mut entry.children);
            if let Some((_, below)) = step {
                entry.children = below.keep(children);
            }
        });
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(json: &str) -> Set {
        Set::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn filters_keep_what_can_be_changed() {
        let all = r#"{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:image":{},"f:resources":{"f:limits":{}}}},"f:nodeName":{}},"f:status":{}}"#;
        let exclude = Filter::Exclude(set(
            r#"{"f:status":{},"f:spec":{"f:containers":{}},"f:metadata":{"f:labels":{"f:a":{}}}}"#,
        ));
        assert_eq!(
            exclude.keep(set(all)),
            set(r#"{"f:metadata":{"f:labels":{}},"f:spec":{"f:nodeName":{}}}"#)
        );
        let resources = Matcher::prefix(&[Some("spec"), Some("containers"), None, Some("resources")]);
        let kept =
            r#"{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:resources":{"f:limits":{}}}}}}"#;
        assert_eq!(Filter::Include(resources.clone()).keep(set(all)), set(kept));
        let both = resources.or(Matcher::prefix(&[Some("spec"), Some("nodeName")]));
        let kept = r#"{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:resources":{"f:limits":{}}}},"f:nodeName":{}}}"#;
        assert_eq!(Filter::Include(both.clone()).keep(set(all)), set(kept));
        assert_eq!(Filter::Include(both.or(Matcher::prefix(&[]))).keep(set(all)), set(all));
    }
}
