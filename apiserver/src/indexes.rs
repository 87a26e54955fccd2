//! What the store finds objects by besides their paths, derived from the fields that resources say are indexed.

use std::collections::BTreeMap;

use keelson_store::index::IndexDefinition;
use keelson_store::key::ResourceName;

use crate::catalog::Catalog;
use crate::resource::Resource;
use crate::selection::field_value;
use crate::stored::Stored;

/// The indexes to open the store with: lists and watches that select by such a field look at nothing else.
#[must_use]
pub fn indexes() -> BTreeMap<ResourceName, Vec<IndexDefinition>> {
    let catalog = Catalog::builtin();
    let versions = catalog.groups().iter().flat_map(|group| &group.versions);
    let served = versions.flat_map(|version| &version.resources);
    served
        .map(|served| (served.store.clone(), definitions(served.resource)))
        .filter(|(_, definitions)| !definitions.is_empty())
        .collect()
}

fn definitions(resource: &'static dyn Resource) -> Vec<IndexDefinition> {
    let indexed = resource.facts().fields.iter().filter(|field| field.is_indexed);
    let definition = |path: &'static str| {
        IndexDefinition::new(path, move |object, found| {
            // What cannot be read is found nowhere; whoever comes upon it by its path is told.
            if let Ok(stored) = Stored::of(object) {
                found(&field_value(resource.facts(), object, &stored, path));
            }
        })
    };
    indexed.map(|field| definition(field.path)).collect()
}
