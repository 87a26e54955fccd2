//! All that is asked, by area.

use crate::fixed;
use crate::script::Script;

mod accepts;
mod applies;
mod bodies;
#[cfg(test)]
mod coverage;
mod deletes;
mod documents;
mod facts;
mod fields;
mod headers;
mod kinds;
mod life;
mod lists;
mod names;
mod options;
mod parts;
mod patches;
mod paths;
mod reviews;
mod samples;
mod watches;

/// Every script.
#[must_use]
pub fn all() -> Vec<Script> {
    let areas = [
        life::scripts(),
        parts::scripts(),
        lists::scripts(),
        watches::scripts(),
        accepts::scripts(),
        paths::scripts(),
        bodies::scripts(),
        options::scripts(),
        headers::scripts(),
        documents::scripts(),
        names::scripts(),
        patches::scripts(),
        applies::scripts(),
        deletes::scripts(),
        reviews::scripts(),
        fields::scripts(),
    ];
    areas.into_iter().flatten().collect()
}

/// What waits until a server that says that it is ready gives addresses to services: upstream's does so a little later.
#[must_use]
pub fn settled() -> Script {
    let mut script = Script::new("settled", "services");
    let service = fixed!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "settled"},
        "spec": {"ports": [{"port": 80}]}});
    script
        .post("service", "/api/v1/namespaces/default/services?dryRun=All", &service)
        .until("spec.type", "ClusterIP");
    script
}

/// Percent-encodes what may not stand in a query. Placeholders stay.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'$' | b'(' | b')' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_given_once() {
        let (mut scripts, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
        for script in all() {
            assert!(scripts.insert(script.full_name()), "two scripts {}", script.full_name());
            assert!(
                namespaces.insert(script.namespace("differ")),
                "two namespaces of {}",
                script.full_name()
            );
            let mut steps = BTreeSet::new();
            for step in &script.steps {
                assert!(steps.insert(&step.name), "two steps {} in {}", step.name, script.full_name());
            }
        }
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(encoded("a in (b), $(rv x)"), "a%20in%20(b)%2C%20$(rv%20x)");
    }
}
