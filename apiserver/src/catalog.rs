//! What is served: the list of resources, ready for look-ups by group, version and name.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use keelson_schema::arena::Schema;
use keelson_store::key::ResourceName;

use crate::offer::Offer;
use crate::resource::{Facts, Resource, Scope, Subresource, Verb};
use crate::resources::RESOURCES;
use crate::stored;

/// Everything that is served. Built once; cheap to share.
#[derive(Debug)]
pub(crate) struct Catalog {
    groups: Vec<Group>,
    /// What is stored and not offered to anybody.
    hidden: Vec<Arc<Served>>,
}

/// A group and its versions, the preferred one first.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) versions: Vec<Version>,
}

/// A version and its resources, in order of their names.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) name: &'static str,
    pub(crate) resources: Vec<Arc<Served>>,
    by_name: HashMap<&'static str, usize>,
}

/// A resource in one of its versions.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) resource: &'static dyn Resource,
    pub(crate) version: &'static str,
    /// `apps/v1`; `v1` in the core group.
    pub(crate) api_version: String,
    /// The same of all versions that the resource has.
    pub(crate) api_versions: Arc<[String]>,
    /// The type of its objects in this version.
    pub(crate) schema: Schema,
    /// The type of its objects as they are stored.
    pub(crate) stored: Schema,
    /// Where they are stored.
    pub(crate) store: ResourceName,
    /// How an object begins in JSON.
    pub(crate) opening: String,
    /// Whether what clients see is what is stored, version and all.
    is_stored_so: bool,
}

impl Served {
    pub(crate) fn facts(&self) -> &Facts {
        self.resource.facts()
    }

    pub(crate) fn is_namespaced(&self) -> bool {
        self.facts().scope == Scope::Namespaced
    }

    pub(crate) fn can(&self, verb: Verb) -> bool {
        self.facts().verbs.contains(&verb)
    }

    pub(crate) fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        let subresources: &'static [Subresource] = self.facts().subresources;
        subresources.iter().find(|subresource| subresource.name == name)
    }

    /// Whether what clients see is what is stored, version and all.
    pub(crate) fn is_stored_so(&self) -> bool {
        self.is_stored_so
    }
}

impl Catalog {
    /// The built-in resources, in the versions that are offered.
    pub(crate) fn builtin(offer: &Offer) -> Self {
        let mut catalog = Self { groups: Vec::new(), hidden: Vec::new() };
        for resource in RESOURCES {
            catalog.add(*resource, offer);
        }
        for group in &mut catalog.groups {
            group.versions.sort_by_key(|version| rank(version.name));
        }
        catalog
    }

    fn add(&mut self, resource: &'static dyn Resource, offer: &Offer) {
        let facts = resource.facts();
        let offered = facts.versions.iter().copied();
        let offered = offered.filter(|version| offer.serves(facts.group, version, facts.plural));
        let hidden =
            facts.versions.iter().filter(|version| !offer.serves(facts.group, version, facts.plural));
        let hidden: Vec<_> = hidden.copied().collect();
        let offered: Vec<_> = offered.chain(offer.beside(facts.group, facts.plural)).collect();
        let all: Arc<[String]> =
            offered.iter().chain(&hidden).map(|version| api_version(facts.group, version)).collect();
        self.hidden.extend(hidden.iter().map(|version| Arc::new(served(resource, version, &all))));
        if offered.is_empty() {
            return;
        }
        let at = self.groups.iter().position(|group| group.name == facts.group).unwrap_or_else(|| {
            self.groups.push(Group { name: facts.group, versions: Vec::new() });
            self.groups.len() - 1
        });
        let versions = &mut self.groups[at].versions;
        for version in offered {
            let at = versions.iter().position(|known| known.name == version).unwrap_or_else(|| {
                versions.push(Version { name: version, resources: Vec::new(), by_name: HashMap::new() });
                versions.len() - 1
            });
            let place = versions[at].resources.len();
            versions[at].by_name.insert(facts.plural, place);
            versions[at].resources.push(Arc::new(served(resource, version, &all)));
        }
    }

    /// All groups, in the order in which discovery names them.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    pub(crate) fn version(&self, group: &str, version: &str) -> Option<&Version> {
        self.group(group)?.versions.iter().find(|known| known.name == version)
    }

    /// A resource by which the server itself goes, whether or not it is offered.
    pub(crate) fn known(&self, group: &str, version: &str, name: &str) -> Option<&Arc<Served>> {
        let is_it = |served: &&Arc<Served>| {
            let facts = served.facts();
            (facts.group, served.version, facts.plural) == (group, version, name)
        };
        self.resource(group, version, name).or_else(|| self.hidden.iter().find(is_it))
    }

    pub(crate) fn resource(&self, group: &str, version: &str, name: &str) -> Option<&Arc<Served>> {
        let version = self.version(group, version)?;
        version.by_name.get(name).map(|at| &version.resources[*at])
    }
}

/// What a version is sorted by, those that people should use first: stable ones, beta and alpha, and of each the newest.
fn rank(version: &str) -> (u8, Reverse<u32>, Reverse<u32>) {
    let mut numbers =
        version.split(|letter: char| !letter.is_ascii_digit()).filter_map(|text| text.parse().ok());
    let stage = if version.contains("alpha") { 2 } else { u8::from(version.contains("beta")) };
    (stage, Reverse(numbers.next().unwrap_or(0)), Reverse(numbers.next().unwrap_or(0)))
}

fn served(resource: &'static dyn Resource, version: &'static str, all: &Arc<[String]>) -> Served {
    let facts = resource.facts();
    let schema = |group, version| {
        Schema::builtin(group, version, facts.kind)
            .expect("the arena has a type for every kind that is listed")
    };
    let api_version = api_version(facts.group, version);
    let (stored_group, stored_version) = facts.stored_as;
    let store = match stored_group {
        "" => facts.plural.to_owned(),
        group => format!("{}.{group}", facts.plural),
    };
    Served {
        resource,
        version,
        schema: schema(facts.group, version),
        stored: schema(stored_group, stored_version),
        store: ResourceName::new(&store),
        opening: stored::opening(&api_version, facts.kind),
        is_stored_so: (facts.group, version) == facts.stored_as,
        api_version,
        api_versions: Arc::clone(all),
    }
}

/// `group/version`, or the version alone in the core group.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}
