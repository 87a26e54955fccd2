//! Which kinds a server has: its own, custom ones, and those of servers behind it.

use serde::Deserialize;

use crate::client::Client;
use crate::problem::Problem;
use crate::resource::Resource;

/// Asks for all groups in one document.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A kind that is served, in the version that its group prefers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The kind.
    pub resource: Resource,
    /// What can be done with it.
    pub verbs: Vec<String>,
    /// What else people call it: in the singular, and in short.
    pub names: Vec<String>,
}

impl Served {
    /// Whether people who say `name`, in small letters, mean it.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.resource.plural == name
            || self.names.iter().any(|known| known == name)
            || self.resource.kind.to_lowercase() == name
    }

    /// Whether all of `verbs` can be done.
    #[must_use]
    pub fn can(&self, verbs: &[&str]) -> bool {
        verbs.iter().all(|verb| self.verbs.iter().any(|known| known == verb))
    }
}

/// What a server says of itself.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// Its kinds, in the versions that their groups prefer.
    pub served: Vec<Served>,
    /// Groups of servers behind it that cannot be asked now, with their versions: what lies there is not known.
    pub unreachable: Vec<String>,
    /// Every kind of every version: group, version, kind, and the kind's resource.
    all: Vec<Resource>,
}

impl Discovered {
    /// The resource of a kind, as an owner reference names it.
    #[must_use]
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Resource> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let is = |known: &&Resource| known.group == group && known.kind == kind;
        let exact = self.all.iter().find(|known| is(known) && known.version == version);
        exact.or_else(|| self.all.iter().find(is))
    }
}

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Name,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Kind>,
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    resource: String,
    #[serde(default)]
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    singular_resource: String,
    #[serde(default)]
    short_names: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseKind {
    kind: String,
}

/// Asks a server what it has.
///
/// # Errors
/// [`Problem`] if it does not say.
pub async fn discover(client: &Client) -> Result<Discovered, Problem> {
    let mut discovered = Discovered::default();
    for path in ["/api", "/apis"] {
        let groups: Groups = client.document(path, ACCEPT).await?;
        groups.items.into_iter().for_each(|group| add(&mut discovered, group));
    }
    Ok(discovered)
}

fn add(discovered: &mut Discovered, group: Group) {
    let name = group.metadata.name;
    let mut known: Vec<String> = Vec::new();
    for version in group.versions {
        if version.freshness == "Stale" {
            discovered.unreachable.push(format!("{name}/{}", version.version));
        }
        for kind in version.resources {
            let Some(response) = kind.response_kind.filter(|response| !response.kind.is_empty()) else {
                continue;
            };
            let resource = Resource {
                group: name.clone().into(),
                version: version.version.clone().into(),
                plural: kind.resource.clone().into(),
                kind: response.kind.into(),
                namespaced: kind.scope == "Namespaced",
            };
            discovered.all.push(resource.clone());
            // Versions come in the order in which they are preferred.
            if !known.contains(&kind.resource) {
                known.push(kind.resource);
                let names = kind.short_names.into_iter().chain([kind.singular_resource]);
                let names = names.filter(|name| !name.is_empty()).collect();
                discovered.served.push(Served { resource, verbs: kind.verbs, names });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_version_of_each_kind_is_served() {
        let groups = r#"{"items":[{"metadata":{"name":"g"},"versions":[
            {"version":"v2","freshness":"Current","resources":[
                {"resource":"as","responseKind":{"kind":"A"},"scope":"Namespaced","verbs":["list","delete"]}]},
            {"version":"v1","freshness":"Stale","resources":[
                {"resource":"as","responseKind":{"kind":"A"},"scope":"Namespaced","verbs":["list"]},
                {"resource":"bs","responseKind":{"kind":"B"},"scope":"Cluster","verbs":["get"]}]}]}]}"#;
        let groups: Groups = serde_json::from_str(groups).unwrap();
        let mut discovered = Discovered::default();
        groups.items.into_iter().for_each(|group| add(&mut discovered, group));
        let served: Vec<String> = discovered
            .served
            .iter()
            .map(|served| format!("{} {}", served.resource.api_version(), served.resource.plural))
            .collect();
        assert_eq!(served, ["g/v2 as", "g/v1 bs"]);
        assert!(discovered.served[0].can(&["delete", "list"]) && !discovered.served[1].can(&["list"]));
        assert_eq!(discovered.unreachable, ["g/v1"]);
        assert_eq!(discovered.of_kind("g/v1", "A").unwrap().version, "v1");
        assert_eq!(discovered.of_kind("g/v9", "B").unwrap().plural, "bs");
        assert_eq!(discovered.of_kind("v1", "A"), None);
    }
}
