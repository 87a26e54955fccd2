//! The history of what stateful sets and daemon sets are made of, kept as patches that bring a template back.

use std::sync::Arc;

use keelson_client::{Cache, Meta, OwnerReference, Resource};
use serde_json::{Value, json};

use crate::claim::{claim, selects};
use crate::hash::{fnv32_of_revision, safe};
use crate::plan::Action;
use crate::views::labels::Selection;
use crate::views::revision::{REVISIONS, Revision, written};
use crate::views::template::Template;

/// The index of revisions by whose they are: by uid, or `NAMESPACE/` where they are nobody's.
const BY_OWNER: &str = "owner";
/// How many are kept besides those in use, if nobody says.
pub(crate) const KEPT: i32 = 10;
/// How much of an owner's name is part of a revision's.
const PREFIX_BYTES_MAX: usize = 223;

/// Makes revisions findable by whose they are.
pub(crate) fn index(cache: &Cache<Revision>) {
    cache.index(BY_OWNER, |revision| {
        let meta = &revision.metadata;
        let orphaned = || compact_str::format_compact!("{}/", meta.namespace);
        vec![meta.controller().map_or_else(orphaned, |owner| owner.uid.clone())]
    });
}

/// An owner's revisions, the oldest first. Those that are nobody's and match are adopted by `actions`.
pub(crate) fn of(
    cache: &Cache<Revision>,
    owner: (&Resource, &Meta),
    selection: &Selection,
    actions: &mut Vec<Action>,
) -> Vec<Arc<Revision>> {
    let mut all = cache.by(BY_OWNER, &owner.1.uid);
    all.extend(cache.by(BY_OWNER, &format!("{}/", owner.1.namespace)));
    let selector = &selection.selector;
    all.retain(|revision| selects(selector, &revision.metadata.labels));
    let mut all = claim(owner, selector, all, actions);
    all.sort_by(|a, b| {
        let order = |one: &Revision| (one.revision, one.metadata.creation_timestamp);
        order(a).cmp(&order(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
    });
    all
}

/// The patch that brings a template back.
pub(crate) fn patch_to(template: &Template) -> String {
    let mut template = template.with_labels(&template.labels);
    template["$patch"] = json!("replace");
    written(&json!({"spec": {"template": template}}))
}

/// The template that a revision brings back.
pub(crate) fn template_of(revision: &Revision) -> Template {
    let mut patch: Value = serde_json::from_str(&revision.data).unwrap_or_default();
    let mut template = patch["spec"]["template"].take();
    template.as_object_mut().map(|template| template.remove("$patch"));
    Template::new(template)
}

/// The number that comes next.
pub(crate) fn next(revisions: &[Arc<Revision>]) -> i64 {
    revisions.last().map_or(0, |last| last.revision) + 1
}

/// The hash of a patch, and of how often that one was taken already.
pub(crate) fn hash(patch: &str, collisions: i32) -> String {
    safe(fnv32_of_revision(&[patch.as_bytes(), collisions.to_string().as_bytes()]))
}

/// The name of an owner's revision.
pub(crate) fn name(owner: &str, hash: &str) -> String {
    format!("{}-{hash}", &owner[..owner.len().min(PREFIX_BYTES_MAX)])
}

/// What a new revision is made of.
pub(crate) struct New<'a> {
    pub(crate) template: &'a Template,
    /// The label that says its hash.
    pub(crate) label: &'a str,
    pub(crate) hash: &'a str,
    pub(crate) number: i64,
    pub(crate) patch: &'a str,
}

/// Makes a revision.
pub(crate) fn create((resource, owner): (&Resource, &Meta), new: &New<'_>) -> Action {
    let mut labels = json!(new.template.labels);
    labels[new.label] = json!(new.hash);
    let mut metadata = json!({
        "name": name(&owner.name, new.hash),
        "labels": labels,
        "ownerReferences": [OwnerReference::controller(resource, owner)],
    });
    if !owner.annotations.is_empty() {
        metadata["annotations"] = json!(owner.annotations);
    }
    let data: Value = serde_json::from_str(new.patch).unwrap_or_default();
    let revision = json!({
        "apiVersion": REVISIONS.api_version(), "kind": REVISIONS.kind, "metadata": metadata,
        "data": data, "revision": new.number,
    });
    Action::create(&REVISIONS, &owner.namespace, revision)
}

/// Makes a revision the newest one again.
pub(crate) fn renumber(revision: &Revision, number: i64) -> Action {
    Action::merge(&REVISIONS, &revision.metadata, "", json!({"revision": number}))
}

/// Deletes the oldest of those that are not in use, beyond those that are kept.
pub(crate) fn forget(
    revisions: &[Arc<Revision>],
    limit: Option<i32>,
    is_used: impl Fn(&Revision) -> bool,
) -> Vec<Action> {
    let Ok(kept) = usize::try_from(limit.unwrap_or(KEPT)) else { return Vec::new() };
    let old: Vec<_> = revisions.iter().filter(|revision| !is_used(revision)).collect();
    let going = old.iter().take(old.len().saturating_sub(kept));
    going.map(|revision| Action::delete(&REVISIONS, &revision.metadata)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_written_as_upstream_writes_them() {
        let template = json!({
            "spec": {"containers": [{"name": "c", "args": ["a<b && c>d"], "resources": {}}]},
            "metadata": {"labels": {"b": "2", "a": "1"}},
        });
        let template = Template::new(template);
        let patch = patch_to(&template);
        assert_eq!(
            patch,
            r#"{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"1","b":"2"}},"spec":{"containers":[{"args":["a\u003cb \u0026\u0026 c\u003ed"],"name":"c","resources":{}}]}}}}"#
        );
        let data: Value = serde_json::from_str(&patch).unwrap();
        let revision: Revision = serde_json::from_value(json!({"data": data, "metadata": {}})).unwrap();
        assert_eq!(*revision.data, *patch);
        assert_eq!(template_of(&revision), template);
    }

    /// As upstream's controller named the revision of such a set.
    #[test]
    fn names_are_upstreams() {
        let container = json!({
            "name": "c", "image": "registry.k8s.io/pause:3.9", "args": ["a<b&&c>d"], "resources": {},
            "imagePullPolicy": "IfNotPresent", "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}],
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        });
        let template = json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
                "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30,
            },
        });
        let hash = hash(&patch_to(&Template::new(template)), 0);
        assert_eq!(name("web", &hash), "web-f894dcd5f");
    }
}
