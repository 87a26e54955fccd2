//! What the columns of tables are said to mean: `headings.json`, which is read when the first table is asked for.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::resource::Facts;

/// Words by heading, by resource: `services`, `deployments.apps`, or `*` for all.
type Words = HashMap<&'static str, HashMap<&'static str, String>>;

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    serde_json::from_str(include_str!("headings.json")).expect("JSON beside this file: tests read it")
});

/// The resource, as words of its columns are found by it.
pub(super) fn resource(facts: &Facts) -> String {
    match facts.group {
        "" => facts.plural.to_owned(),
        group => format!("{}.{group}", facts.plural),
    }
}

/// What this column of this resource means.
pub(super) fn meaning(resource: &str, heading: &str) -> &'static str {
    let find = |resource: &str| WORDS.get(resource).and_then(|words| words.get(heading));
    find(resource).or_else(|| find("*")).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_of_columns_that_are_there() {
        let resources = crate::resources::RESOURCES;
        for (name, words) in WORDS.iter().filter(|(name, _)| !["*", "scale"].contains(name)) {
            let (plural, group) = name.split_once('.').unwrap_or((name, ""));
            let facts = resources.iter().map(|resource| resource.facts());
            let mut facts = facts.filter(|facts| facts.plural == plural && facts.group == group);
            let facts = facts.next().unwrap_or_else(|| panic!("no resource {name}"));
            for heading in words.keys() {
                assert!(facts.columns.iter().any(|column| column.name == *heading), "{name}: {heading}");
            }
        }
    }
}
