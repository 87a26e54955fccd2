//! When a namespace is gone, nothing of it is left, and nothing comes into it.

use super::{Check, Write};
use crate::world::World;

pub(super) struct Namespaces;

impl Check for Namespaces {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        if write.resource == "namespaces" && write.new.is_none() {
            let inside = format!("{}/", write.path);
            return left(world, &inside).into_iter().collect();
        }
        let made = write.made().and_then(|_| write.path.split_once('/'));
        made.filter(|(space, _)| world.get("namespaces", space).is_none())
            .map(|_| format!("{} {} was made in a namespace that is not there", write.resource, write.path))
            .into_iter()
            .collect()
    }
}

fn left(world: &World, inside: &str) -> Option<String> {
    world.by_resource.iter().find_map(|(resource, objects)| {
        let path = objects.keys().find(|path| path.starts_with(inside))?;
        Some(format!("{resource} {path} is left of a namespace that is gone"))
    })
}
