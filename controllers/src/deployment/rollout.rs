//! The ways that a deployment takes: changing its size, rolling, recreating, and going back.

use keelson_client::Patch;
use keelson_client::events::Weight;
use serde_json::{Map, Value, json};

use super::plan::State;
use super::revision::{self, DESIRED};
use super::scale::{self, Bounds, Sized, room_for_new};
use super::status;
use crate::plan::{Action, Plan, What, Word};
use crate::views::deployment::{DEPLOYMENTS, StrategyKind};
use crate::views::pod::{Phase, Pod};
use crate::views::replicaset::REPLICASETS;

/// A number of sets kept that is none.
const ALL: i32 = i32::MAX;

impl State<'_> {
    fn sets(&mut self) -> impl Iterator<Item = &mut Sized> {
        self.old.iter_mut().chain(&mut self.new)
    }

    /// Whether some set was sized for another size of the deployment.
    pub(super) fn is_resized(&self) -> bool {
        let wanted = self.deployment.spec.replicas;
        let mut active = self.old.iter().chain(&self.new).filter(|set| set.is_active());
        active.any(|set| revision::number(&set.set, DESIRED).is_some_and(|desired| desired != wanted))
    }

    /// Follows a change of size without going on with a rollout.
    pub(super) fn resized(mut self) -> Plan {
        self.resize();
        let deployment = self.deployment;
        if deployment.spec.paused && revision::rollback_to(deployment).is_none() {
            self.clean_up();
        }
        self.counted()
    }

    fn resize(&mut self) {
        let deployment = self.deployment;
        let wanted = deployment.spec.replicas;
        let mut active: Vec<&mut Sized> = self.sets().filter(|set| set.is_active()).collect();
        match active.len() {
            1 => {
                if active[0].replicas != wanted {
                    active[0].scale(wanted, deployment);
                }
                return;
            }
            0 => {
                let latest = if self.new.is_some() { self.new.as_mut() } else { self.old.last_mut() };
                if let Some(latest) = latest.filter(|latest| latest.replicas != wanted) {
                    latest.scale(wanted, deployment);
                }
                return;
            }
            _ => {}
        }
        if self.new.as_ref().is_some_and(|new| scale::is_saturated(deployment, new)) {
            for old in self.old.iter_mut().filter(|old| old.is_active()) {
                old.scale(0, deployment);
            }
        } else if deployment.spec.strategy.kind == StrategyKind::RollingUpdate {
            let mut active: Vec<&mut Sized> = self.sets().filter(|set| set.is_active()).collect();
            scale::in_proportion(deployment, &mut active);
        }
    }

    /// Replaces old pods by new ones, within the deployment's bounds.
    pub(super) fn rolled(mut self) -> Plan {
        if self.new.is_none() {
            return self.made();
        }
        if !self.grow_new() && !self.shrink_old() && self.is_complete() {
            self.clean_up();
        }
        self.reported()
    }

    fn is_complete(&self) -> bool {
        status::is_complete(self.deployment, &self.deployment.status)
    }

    fn grow_new(&mut self) -> bool {
        let deployment = self.deployment;
        let wanted = deployment.spec.replicas;
        let all: i32 = self.sets().map(|set| set.replicas).sum();
        let Some(new) = &mut self.new else { return false };
        match new.replicas.cmp(&wanted) {
            std::cmp::Ordering::Equal => false,
            std::cmp::Ordering::Greater => new.scale(wanted, deployment),
            std::cmp::Ordering::Less => {
                let room = room_for_new(deployment, all, new.replicas);
                room != new.replicas && new.scale(room, deployment)
            }
        }
    }

    fn shrink_old(&mut self) -> bool {
        let deployment = self.deployment;
        let old: i32 = self.old.iter().map(|old| old.replicas).sum();
        let Some(new) = self.new.as_ref().filter(|_| old > 0) else { return false };
        let least = deployment.spec.replicas - Bounds::of(deployment).unavailable;
        let missing = new.replicas - new.set.status.available_replicas;
        let spare = old + new.replicas - least - missing;
        if spare <= 0 {
            return false;
        }
        let unhealthy = self.drop_unhealthy(spare);
        let new = self.new.as_ref().map_or(0, |new| new.set.status.available_replicas);
        let active = self.old.iter().filter(|old| old.set.spec.replicas > 0);
        let available = new + active.map(|old| old.set.status.available_replicas).sum::<i32>();
        unhealthy + self.drop_available(available - least) > 0
    }

    /// Pods that serve nobody go first.
    fn drop_unhealthy(&mut self, most: i32) -> i32 {
        let (deployment, mut dropped) = (self.deployment, 0);
        for old in self.old.iter_mut().filter(|old| old.is_active()) {
            let unhealthy = old.replicas - old.set.status.available_replicas;
            let count = unhealthy.min(most - dropped);
            if count > 0 {
                old.scale(old.replicas - count, deployment);
                dropped += count;
            }
        }
        dropped
    }

    fn drop_available(&mut self, most: i32) -> i32 {
        let (deployment, mut dropped) = (self.deployment, 0);
        for old in self.old.iter_mut().filter(|old| old.is_active()) {
            let count = old.replicas.min(most - dropped);
            if count > 0 {
                old.scale(old.replicas - count, deployment);
                dropped += count;
            }
        }
        dropped
    }

    /// Takes all old pods away before there are new ones.
    pub(super) fn recreated(mut self) -> Plan {
        let deployment = self.deployment;
        let mut scaled = false;
        for old in self.old.iter_mut().filter(|old| old.is_active()) {
            scaled |= old.scale(0, deployment);
        }
        if scaled || self.has_old_pods() {
            return self.reported();
        }
        let Some(new) = &mut self.new else { return self.made() };
        if new.replicas != deployment.spec.replicas {
            new.scale(deployment.spec.replicas, deployment);
        }
        if self.is_complete() {
            self.clean_up();
        }
        self.reported()
    }

    fn has_old_pods(&self) -> bool {
        let is_there = |pod: &Pod| !matches!(pod.status.phase, Phase::Failed | Phase::Succeeded);
        self.old
            .iter()
            .any(|old| old.set.status.replicas > 0 || (self.pods)(&old.set).iter().any(|pod| is_there(pod)))
    }

    /// Takes away old sets beyond those that are kept.
    fn clean_up(&mut self) {
        let Some(kept) = self.deployment.spec.revision_history_limit.filter(|kept| *kept != ALL) else {
            return;
        };
        let mut old: Vec<&Sized> = self.old.iter().filter(|old| !old.set.metadata.is_deleting()).collect();
        let surplus = old.len().saturating_sub(usize::try_from(kept).unwrap_or(0));
        // They lie in the order of their age, which stays where revisions do not tell.
        old.sort_by_key(|old| revision::of(&old.set.metadata).unwrap_or(0));
        for old in &old[..surplus] {
            let (set, meta) = (&old.set, &old.set.metadata);
            let unused = set.status.replicas == 0
                && set.spec.replicas == 0
                && old.replicas == 0
                && meta.generation <= set.status.observed_generation;
            if unused {
                self.deletions.push(Action::delete(&REPLICASETS, meta));
            }
        }
    }

    /// Goes back to the template of a revision; zero is the one before. The older way, by an annotation; `kubectl
    /// rollout undo` changes the template itself.
    pub(super) fn rolled_back(self, to: i64) -> Plan {
        if self.new.is_none() {
            return self.made();
        }
        let deployment = self.deployment;
        let meta = &deployment.metadata;
        let all = || self.old.iter().chain(&self.new).map(|set| &set.set);
        let tell = |weight, reason: &'static str, note: String| {
            Action::tell(&DEPLOYMENTS, meta, weight, &Word::new(reason, "Rollback", note))
        };
        let mut annotations = Map::new();
        annotations.insert(revision::rollback_annotation().into(), Value::Null);
        let not_found = |note: &str| {
            let told = tell(Weight::Warning, "DeploymentRollbackRevisionNotFound", note.to_owned());
            let change = json!({"metadata": {"annotations": annotations}});
            Plan::of(vec![told, Action::merge(&DEPLOYMENTS, meta, "", change)])
        };
        let to = if to == 0 { revision::last(all()) } else { to };
        if to == 0 {
            return not_found("Unable to find last revision.");
        }
        let Some(set) = all().find(|set| revision::of(&set.metadata) == Some(to)) else {
            return not_found("Unable to find the revision to rollback to.");
        };
        if set.spec.template == deployment.spec.template {
            let note = format!(
                "The rollback revision contains the same template as current deployment \"{}\"",
                meta.name
            );
            let told = tell(Weight::Warning, "DeploymentRollbackTemplateUnchanged", note);
            let change = json!({"metadata": {"annotations": annotations}});
            return Plan::of(vec![told, Action::merge(&DEPLOYMENTS, meta, "", change)]);
        }
        for (key, _) in meta.annotations.iter().filter(|(key, _)| revision::is_copied(key)) {
            annotations.insert(key.to_owned(), Value::Null);
        }
        for (key, value) in set.metadata.annotations.iter().filter(|(key, _)| revision::is_copied(key)) {
            annotations.insert(key.to_owned(), json!(value));
        }
        let note = format!("Rolled back deployment \"{}\" to revision {to}", meta.name);
        let labels =
            set.spec.template.labels.iter().filter(|(key, _)| *key != crate::views::template::HASH_LABEL);
        let template = set.spec.template.with_labels(&labels.collect());
        // A template is replaced as a whole, which no merge can do: one that tests what it replaces.
        let mut change = json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": meta.resource_version.to_string()},
            {"op": "replace", "path": "/spec/template", "value": template},
        ]);
        for (key, value) in &annotations {
            let path = format!("/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1"));
            let step = if value.is_null() {
                json!({"op": "remove", "path": path})
            } else {
                json!({"op": "add", "path": path, "value": value})
            };
            change.as_array_mut().map(|steps| steps.push(step)).unwrap_or_default();
        }
        let what =
            What::Patch { resource: DEPLOYMENTS, key: meta.key(), part: "", form: Patch::Steps, change };
        let done = Word::new("DeploymentRollback", "Rollback", note);
        Plan::of(vec![Action::new(what).telling((&DEPLOYMENTS, meta), vec![done], None)])
    }
}
