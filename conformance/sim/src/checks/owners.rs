//! The garbage collector takes nothing whose owner is there; and whoever was to be orphaned stays.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Check, STALE_MILLIS, Write};
use crate::world::{Object, World};

#[derive(Default)]
pub(super) struct Owners {
    /// Uids of objects whose dependents were to stay.
    orphaning: BTreeSet<String>,
}

impl Check for Owners {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        if let Some(new) = write.new.filter(|new| new.is_deleting() && new.has_finalizer("orphan")) {
            self.orphaning.insert(new.uid().to_owned());
        }
        let mut wrongs = Vec::new();
        if let Some(old) = write.deleted().filter(|_| write.is_by("generic-garbage-collector")) {
            for owner in old.list("metadata/ownerReferences") {
                let found = find(world, old.space(), owner);
                if found
                    .is_some_and(|owner| !(owner.is_deleting() && owner.has_finalizer("foregroundDeletion")))
                {
                    wrongs.push(format!(
                        "{} {} was collected while its owner {} is there",
                        write.resource,
                        write.path,
                        owner.text("name")
                    ));
                }
            }
        }
        let gone = write.old.filter(|old| write.new.is_none() && self.orphaning.contains(old.uid()));
        if let Some(gone) = gone {
            let left = dependents(world, gone.uid(), write.now);
            wrongs.extend(left.map(|left| {
                format!("{left} was to be an orphan, and its owner {} is gone before", write.path)
            }));
        }
        wrongs
    }
}

/// The resource of a kind that owns others here.
fn resource(kind: &str) -> &'static str {
    match kind {
        "Deployment" => "deployments.apps",
        "ReplicaSet" => "replicasets.apps",
        "StatefulSet" => "statefulsets.apps",
        "DaemonSet" => "daemonsets.apps",
        "Job" => "jobs.batch",
        "CronJob" => "cronjobs.batch",
        "Node" => "nodes",
        "Service" => "services",
        "Endpoints" => "endpoints",
        "ConfigMap" => "configmaps",
        "Pod" => "pods",
        _ => "",
    }
}

/// The object that a reference to an owner means, if it is there.
pub(super) fn find<'a>(world: &'a World, space: &str, owner: &Value) -> Option<&'a Value> {
    let resource = resource(owner.text("kind"));
    let path = if resource == "nodes" {
        owner.text("name").to_owned()
    } else {
        format!("{space}/{}", owner.text("name"))
    };
    world.get(resource, &path).map(AsRef::as_ref).filter(|found| found.uid() == owner.text("uid"))
}

/// Something that names the object of this uid as its owner, and has been there for long enough to be seen.
fn dependents(world: &World, uid: &str, now: u64) -> Option<String> {
    let names = |object: &Value| {
        let mut all = object.list("metadata/ownerReferences").iter();
        all.any(|owner| owner.text("uid") == uid)
    };
    for (resource, objects) in &world.by_resource {
        let found = objects.iter().find(|(_, seen)| {
            names(&seen.object) && now > seen.made + STALE_MILLIS && !seen.object.is_deleting()
        });
        if let Some((path, _)) = found {
            return Some(format!("{resource} {path}"));
        }
    }
    None
}
