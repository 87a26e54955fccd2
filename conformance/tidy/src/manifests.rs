//! Every crate's `Cargo.toml`: what all share is inherited, and said once in the workspace's.

use crate::sources::{manifests, read};

/// What is the same for all.
const SHARED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

fn check(path: &str, text: &str) -> Vec<String> {
    let manifest: toml::Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{path} is no TOML: {error}")],
    };
    let Some(package) = manifest.get("package") else { return Vec::new() };
    let mut problems = Vec::new();
    let inherits =
        |value: Option<&toml::Value>| value.and_then(|value| value.get("workspace")) == Some(&true.into());
    if !inherits(manifest.get("lints")) {
        problems
            .push(format!("{path} does not inherit the lint table: add `[lints]` with `workspace = true`"));
    }
    for field in SHARED.into_iter().filter(|field| !inherits(package.get(field))) {
        problems.push(format!("{path} says its own {field}: write `{field}.workspace = true`"));
    }
    if package.get("description").is_none() {
        problems.push(format!("{path} has no description: say in one line what the crate is"));
    }
    // A crate that needs itself with other features in its tests is no dependency.
    let itself = |value: &toml::Value| value.get("path").and_then(toml::Value::as_str) == Some(".");
    let own = |value: &toml::Value| !inherits(Some(value)) && !itself(value);
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(table).and_then(toml::Value::as_table);
        for (name, value) in dependencies.into_iter().flatten().filter(|(_, value)| own(value)) {
            problems.push(format!(
                "{path} says its own version of {name} ({value}): name it in the workspace's dependencies and write \
                 `{name}.workspace = true`"
            ));
        }
    }
    problems
}

#[test]
fn every_crate_inherits_what_all_share() {
    let all: Vec<String> = manifests().iter().flat_map(|path| check(path, &read(path))).collect();
    crate::none(&all);
}

#[test]
fn a_crate_of_its_own_mind_is_found() {
    let text = "[package]\nname = \"x\"\nversion = \"1\"\nedition.workspace = true\nrust-version.workspace = true\n\
                license.workspace = true\npublish.workspace = true\n[dependencies]\nserde = \"1\"\n\
                tokio = { workspace = true, features = [\"net\"] }\n";
    let expected =
        ["does not inherit the lint table", "its own version:", "no description", "its own version of serde"];
    crate::found(&check("x/Cargo.toml", text), &expected);
}
