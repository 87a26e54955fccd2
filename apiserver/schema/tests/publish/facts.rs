//! The facts of upstream's resources as a description to publish.

use std::sync::Arc;

use keelson_schema::publish::{Api, GroupVersion, Name, Resource, Source, Subresource};
use serde_json::Value;

pub(crate) fn read(name: &str) -> Value {
    let path = format!("{}/facts/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Everything in the facts, though upstream does not serve all of it by default.
pub(crate) fn api(resources: &Value) -> Api {
    let mut group_versions = Vec::new();
    for (group, versions) in resources["groups"].as_object().unwrap() {
        for (version, of) in versions.as_object().unwrap() {
            let resources =
                of.as_object().unwrap().iter().map(|(plural, facts)| resource(plural, facts)).collect();
            let of = GroupVersion { group: name(group), version: name(version), custom: false, resources };
            group_versions.push(Arc::new(of));
        }
    }
    Api { version: "1.37".into(), group_versions }
}

fn resource(plural: &str, facts: &Value) -> Resource {
    let kind = facts["kind"].as_str().unwrap();
    let returned = facts["ops"]["delete"]["returns"].as_str().unwrap_or_default();
    let subresources = facts["subresources"].as_object().into_iter().flatten();
    Resource {
        kind: name(kind),
        list_kind: name(&format!("{kind}List")),
        plural: name(plural),
        namespaced: facts["namespaced"].as_bool().unwrap_or_default(),
        verbs: names(&facts["verbs"]),
        returns_deleted: returned.ends_with(&format!(".{kind}")),
        subresources: subresources.map(|(below, facts)| subresource(below, facts)).collect(),
        schema: Source::Builtin,
    }
}

fn subresource(below: &str, facts: &Value) -> Subresource {
    let group_version = facts["groupVersion"].as_str().map(|text| text.split_once('/').unwrap_or(("", text)));
    Subresource {
        name: name(below),
        kind: name(facts["kind"].as_str().unwrap()),
        group_version: group_version.map(|(group, version)| (name(group), name(version))),
        verbs: names(&facts["verbs"]),
    }
}

fn name(text: &str) -> Name {
    text.to_owned().into()
}

fn names(list: &Value) -> Vec<Name> {
    list.as_array().unwrap().iter().map(|item| name(item.as_str().unwrap())).collect()
}
