//! The resources, and a small valid object of each: `kinds.yaml`.

use serde::Deserialize;
use serde_json::{Value as Json, json};

const KINDS: &str = include_str!("kinds.yaml");

/// A resource.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Kind {
    /// Group and version, as `apiVersion` has them.
    pub(super) version: String,
    /// Its name in paths.
    pub(super) resource: String,
    /// Its kind.
    pub(super) kind: String,
    #[serde(default)]
    pub(super) namespaced: bool,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    body: Json,
    /// A change of its objects.
    #[serde(default)]
    pub(super) change: Json,
    /// A status of its objects, if it has any that is written by itself.
    #[serde(default)]
    pub(super) status: Option<Json>,
}

/// All kinds, for an area with this digit.
pub(super) fn all(area: u8) -> Vec<Kind> {
    let json = keelson_schema::yaml::to_json(KINDS.as_bytes()).expect("YAML beside this file").json;
    let mut kinds: Vec<Kind> = serde_json::from_slice(&json).expect("the fields of a kind");
    for kind in &mut kinds {
        let digit = |text: &str| text.replace('#', &area.to_string());
        kind.name = kind.name.as_deref().map(digit);
        kind.body = serde_json::from_str(&digit(&kind.body.to_string())).expect("JSON as before");
    }
    kinds
}

/// The one of this name.
pub(super) fn one(area: u8, version: &str, resource: &str) -> Kind {
    let mut kinds = all(area).into_iter();
    kinds.find(|kind| kind.version == version && kind.resource == resource).expect("a resource of the list")
}

impl Kind {
    /// What its scripts are called by.
    pub(super) fn script(&self) -> String {
        format!("{}.{}", self.resource, self.version.replace('/', "."))
    }

    /// The name that its object has.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(if self.namespaced { "one" } else { "$(ns)" })
    }

    /// The path of its objects in the script's namespace.
    pub(super) fn collection(&self) -> String {
        let root = if self.version.contains('/') { "/apis" } else { "/api" };
        let namespace = if self.namespaced { "namespaces/$(ns)/" } else { "" };
        format!("{root}/{}/{namespace}{}", self.version, self.resource)
    }

    /// The path of its object.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name())
    }

    /// Its object.
    pub(super) fn object(&self) -> Json {
        self.with(&json!({"name": self.name()}))
    }

    /// Its object with this metadata.
    pub(super) fn with(&self, metadata: &Json) -> Json {
        let mut object = json!({"apiVersion": self.version, "kind": self.kind, "metadata": metadata});
        if let (Json::Object(object), Json::Object(body)) = (&mut object, &self.body) {
            object.extend(body.clone());
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has no objects that last: it is asked elsewhere, or makes nothing.
    const WITHOUT_OBJECTS: &[&str] = &[
        "bindings",
        "componentstatuses",
        "tokenreviews",
        "selfsubjectreviews",
        "localsubjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "subjectaccessreviews",
    ];

    #[test]
    fn every_served_resource_is_asked_for() {
        let facts = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apiserver/schema/facts");
        let facts = std::fs::read(facts.join("resources.json")).unwrap();
        let facts: Json = serde_json::from_slice(&facts).unwrap();
        let kinds = all(0);
        for kind in &kinds {
            let (group, version) = kind.version.split_once('/').unwrap_or(("", &kind.version));
            let fact = &facts["groups"][group][version][&kind.resource];
            assert_eq!(fact["kind"].as_str(), Some(kind.kind.as_str()), "{kind:?}");
            assert_eq!(fact["namespaced"].as_bool(), Some(kind.namespaced), "{kind:?}");
        }
        let known = |resource: &str| {
            WITHOUT_OBJECTS.contains(&resource) || kinds.iter().any(|kind| kind.resource == resource)
        };
        let stable =
            facts["groups"].as_object().unwrap().values().filter_map(|versions| versions["v1"].as_object());
        for resource in stable.flat_map(|resources| resources.keys()) {
            assert!(known(resource) || resource.contains('/'), "{resource} is not in kinds.yaml");
        }
    }
}
