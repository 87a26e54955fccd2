//! The specs of the suite, and which of them are asked for.

use crate::options::Options;

/// One spec.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// Whether a pod of it reaches a kubelet.
    pub(crate) needs_node: bool,
    /// Whether nothing else may run at its side.
    pub(crate) alone: bool,
    /// How long it takes upstream, with nodes.
    pub(crate) seconds: f64,
}

impl Spec {
    /// The special interest group it belongs to.
    pub(crate) fn group(&self) -> &'static str {
        let name = self.name.strip_prefix("[sig-").unwrap_or(self.name);
        name.split(']').next().unwrap_or(name)
    }
}

/// All specs of the suite.
fn all() -> impl Iterator<Item = Spec> {
    include_str!("../specs.tsv").lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().expect("four columns");
        let (needs_node, alone) = (next() == "node", next() == "alone");
        Spec { needs_node, alone, seconds: next().parse().expect("a number"), name: next() }
    })
}

/// Those that are asked for.
pub(crate) fn selected(options: &Options) -> Vec<Spec> {
    let matches = |spec: &Spec| {
        (options.with_nodes || !spec.needs_node)
            && (options.groups.is_empty() || options.groups.iter().any(|group| group == spec.group()))
            && options.focus.as_ref().is_none_or(|focus| focus.is_match(spec.name))
            && !options.skip.as_ref().is_some_and(|skip| skip.is_match(spec.name))
    };
    all().filter(matches).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suite_has_its_specs() {
        assert_eq!(all().count(), 462);
        assert_eq!(all().filter(|spec| !spec.needs_node).count(), 133);
        assert!(
            all().all(|spec| spec.name.ends_with("[Conformance]") || spec.name.contains("[Conformance] "))
        );
    }

    #[test]
    fn a_selection_is_all_that_it_names() {
        let options =
            |line: &str| Options::read(line.split_whitespace().map(str::to_owned)).unwrap().unwrap();
        let chosen = selected(&options("--sig cli --focus Kubectl --skip version"));
        assert!(!chosen.is_empty());
        for spec in chosen {
            assert!(spec.group() == "cli" && spec.name.contains("Kubectl") && !spec.name.contains("version"));
        }
    }
}
