//! What is to be done about a deployment: which of a few ways it takes, and what they have in common.

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::events::Weight;
use keelson_client::{Labels, OwnerReference, Problem};
use serde_json::{Value, json};

use super::revision::{self, REVISION};
use super::scale::{self, Sized, room_for_new};
use super::status::{self, PAUSED, PROGRESSING, TIMED_OUT};
use crate::hash;
use crate::plan::{Action, Plan, Word};
use crate::views::condition::{self, Condition};
use crate::views::deployment::{DEPLOYMENTS, Deployment, Status, StrategyKind};
use crate::views::pod::Pod;
use crate::views::replicaset::{REPLICASETS, ReplicaSet};
use crate::views::template::HASH_LABEL;

/// The length of a name; longer ones are cut.
const NAME_BYTES_MAX: usize = 253;

/// What the decision rests on.
pub(super) struct View<'a> {
    pub(super) deployment: &'a Deployment,
    /// Its sets.
    pub(super) sets: Vec<Arc<ReplicaSet>>,
    /// The pods of a set.
    pub(super) pods: &'a dyn Fn(&ReplicaSet) -> Vec<Arc<Pod>>,
    /// Whether there is a set of this name, whosever it is.
    pub(super) is_taken: &'a dyn Fn(&str) -> bool,
}

/// What is known and decided so far.
pub(super) struct State<'a> {
    pub(super) deployment: &'a Deployment,
    /// Sets of other templates, the oldest first.
    pub(super) old: Vec<Sized>,
    /// The set of the template.
    pub(super) new: Option<Sized>,
    /// The conditions that progress is compared with.
    pub(super) conditions: Vec<Condition>,
    /// The deployment's revision, if a set says so.
    pub(super) revision: Option<i64>,
    pub(super) pods: &'a dyn Fn(&ReplicaSet) -> Vec<Arc<Pod>>,
    is_taken: &'a dyn Fn(&str) -> bool,
    /// What is done besides changing sets.
    pub(super) deletions: Vec<Action>,
    now: UnixMillis,
}

/// Decides.
pub(super) fn plan(view: View<'_>, now: UnixMillis) -> Plan {
    let deployment = view.deployment;
    if deployment.spec.selector.selector.is_everything() {
        return selecting_all(deployment);
    }
    let mut state = State::of(view, now);
    if deployment.metadata.is_deleting() {
        state.follow_new();
        return state.counted();
    }
    state.note_pause();
    state.follow_new();
    if deployment.spec.paused {
        return state.resized();
    }
    if let Some(to) = revision::rollback_to(deployment) {
        return state.rolled_back(to);
    }
    if state.is_resized() {
        return state.resized();
    }
    match deployment.spec.strategy.kind {
        StrategyKind::Recreate => state.recreated(),
        StrategyKind::RollingUpdate => state.rolled(),
    }
}

fn selecting_all(deployment: &Deployment) -> Plan {
    let note = "This deployment is selecting all pods. A non-empty selector is required.";
    let word = Word::new("SelectingAll", "SelectingAll", note);
    let mut actions = vec![Action::tell(&DEPLOYMENTS, &deployment.metadata, Weight::Warning, &word)];
    let observed_generation = deployment.metadata.generation;
    if deployment.status.observed_generation < observed_generation {
        let status = Status { observed_generation, ..deployment.status.clone() };
        actions.extend(status::written(deployment, &status, None));
    }
    Plan::of(actions)
}

impl<'a> State<'a> {
    fn of(view: View<'a>, now: UnixMillis) -> Self {
        let View { deployment, mut sets, pods, is_taken } = view;
        sets.sort_by(|a, b| {
            let age = |set: &ReplicaSet| set.metadata.creation_timestamp;
            age(a).cmp(&age(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
        });
        // Of several with the template, which a fault could leave behind, the oldest counts.
        let new = sets.iter().position(|set| set.spec.template == deployment.spec.template);
        let new = new.map(|at| Sized::new(sets.remove(at)));
        Self {
            deployment,
            old: sets.into_iter().map(Sized::new).collect(),
            new,
            conditions: deployment.status.conditions.clone(),
            revision: None,
            pods,
            is_taken,
            deletions: Vec::new(),
            now,
        }
    }

    fn next_revision(&self) -> i64 {
        revision::highest(self.old.iter().map(|old| &old.set)) + 1
    }

    /// Keeps the set of the template in step with the deployment.
    fn follow_new(&mut self) {
        let (deployment, next) = (self.deployment, self.next_revision());
        let Some(new) = &mut self.new else { return };
        let changes = revision::of_new(deployment, Some(&new.set), next);
        let changed = changes.get(REVISION).and_then(|text| text.parse().ok());
        self.revision = changed.or_else(|| revision::of(&new.set.metadata));
        new.annotate(changes);
        new.wait(deployment.spec.min_ready_seconds);
        if status::deadline(deployment).is_some() && condition::find(&self.conditions, PROGRESSING).is_none()
        {
            let message = format!("Found new replica set \"{}\"", new.set.metadata.name);
            self.say_progress("True", "FoundNewReplicaSet", &message);
        }
    }

    fn note_pause(&mut self) {
        let known = condition::find(&self.conditions, PROGRESSING);
        if status::deadline(self.deployment).is_none() || known.is_some_and(|known| known.reason == TIMED_OUT)
        {
            return;
        }
        let noted = known.is_some_and(|known| known.reason == PAUSED);
        match (self.deployment.spec.paused, noted) {
            (true, false) => self.say_progress("Unknown", PAUSED, "Deployment is paused"),
            (false, true) => self.say_progress("Unknown", "DeploymentResumed", "Deployment is resumed"),
            _ => {}
        }
    }

    fn say_progress(&mut self, status: &str, reason: &str, message: &str) {
        let said = status::condition(PROGRESSING, status, reason, message, self.now);
        condition::set(&mut self.conditions, said);
    }

    /// The changes of sets, in the order in which they may be made, and what else is done.
    fn actions(&mut self) -> Vec<Action> {
        let meta = &self.deployment.metadata;
        let sets = self.new.iter().chain(&self.old).filter_map(|set| set.action(meta));
        let mut actions: Vec<Action> = sets.collect();
        actions.append(&mut self.deletions);
        actions
    }

    /// Ends with counting what is there.
    pub(super) fn counted(mut self) -> Plan {
        let actions = self.actions();
        let status =
            status::counted(self.deployment, &self.old, self.new.as_ref(), self.conditions, self.now);
        Plan::of([actions, status::written(self.deployment, &status, self.revision)].concat())
    }

    /// Ends with saying how the rollout goes.
    pub(super) fn reported(mut self) -> Plan {
        let actions = self.actions();
        let (deployment, now) = (self.deployment, self.now);
        let status = status::of_rollout(deployment, &self.old, self.new.as_ref(), &self.conditions, now);
        let written = status::written(deployment, &status, self.revision);
        let again = status::due(deployment, &status, now);
        Plan { again, ..Plan::of([actions, written].concat()) }
    }

    /// Makes the set of the template, and ends with that: what else is to be done shows when it is there.
    pub(super) fn made(mut self) -> Plan {
        let (deployment, now) = (self.deployment, self.now);
        let meta = &deployment.metadata;
        let hash = hash::of_template(deployment.spec.template.text(), deployment.status.collision_count);
        let name = set_name(&meta.name, &hash);
        if (self.is_taken)(&name) {
            // Another template has the same hash: the next try counts that in.
            let count = Some(deployment.status.collision_count.unwrap_or(0) + 1);
            let status = Status { collision_count: count, ..deployment.status.clone() };
            return Plan::of(status::written(deployment, &status, None));
        }
        let all: i32 = self.old.iter().map(|old| old.replicas).sum();
        let (replicas, revision) = (room_for_new(deployment, all, 0), self.next_revision());
        let object = new_set(deployment, &name, &hash, replicas, revision);
        let done = (replicas > 0).then(|| {
            let note = format!("Scaled up replica set {name} from 0 to {replicas}");
            Word::new("ScalingReplicaSet", "Scaling", note)
        });
        let note = format!("Failed to create new replica set \"{name}\": {{error}}");
        let failed = Word::new("ReplicaSetCreateError", "Create", note);
        let create = Action::create(&REPLICASETS, &meta.namespace, object.clone());
        let create = create.telling((&DEPLOYMENTS, meta), done.into_iter().collect(), Some(failed));
        let first = self.actions();
        if status::deadline(deployment).is_some() {
            self.say_progress("True", "NewReplicaSetCreated", &format!("Created new replica set \"{name}\""));
        }
        let made: ReplicaSet = serde_json::from_value(object).unwrap_or_default();
        let new = Sized::new(Arc::new(made));
        let good = status::of_rollout(deployment, &self.old, Some(&new), &self.conditions, now);
        let good = status::written(deployment, &good, Some(revision));
        let deployment = deployment.clone();
        let plan = Plan { first, then: vec![create], ..Plan::default() };
        plan.finishing(move |failure| match failure {
            None => good,
            Some(problem) => not_made(&deployment, &name, problem, now),
        })
    }
}

fn not_made(deployment: &Deployment, name: &str, problem: &Problem, now: UnixMillis) -> Vec<Action> {
    if problem.is_already_exists() || status::deadline(deployment).is_none() {
        return Vec::new();
    }
    let message = format!("Failed to create new replica set \"{name}\": {problem}");
    let mut status = deployment.status.clone();
    let said = status::condition(PROGRESSING, "False", "ReplicaSetCreateError", &message, now);
    condition::set(&mut status.conditions, said);
    status::written(deployment, &status, None)
}

fn set_name(deployment: &str, hash: &str) -> String {
    let most = NAME_BYTES_MAX - 1 - hash.len();
    format!("{}-{hash}", &deployment[..deployment.len().min(most)])
}

fn new_set(deployment: &Deployment, name: &str, hash: &str, replicas: i32, revision: i64) -> Value {
    let (meta, spec) = (&deployment.metadata, &deployment.spec);
    let labels: Labels = spec.template.labels.iter().chain([(HASH_LABEL, hash)]).collect();
    let mut selector = spec.selector.written.clone();
    selector["matchLabels"][HASH_LABEL] = json!(hash);
    let mut annotations = revision::of_new(deployment, None, revision);
    annotations.extend(scale::sizes(deployment).map(|(key, value)| (key.to_owned(), value)));
    let mut object = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": meta.namespace, "labels": labels, "annotations": annotations,
            "ownerReferences": [OwnerReference::controller(&DEPLOYMENTS, meta)],
        },
        "spec": {
            "replicas": replicas, "selector": selector, "template": spec.template.with_labels(&labels),
        },
    });
    if spec.min_ready_seconds > 0 {
        object["spec"]["minReadySeconds"] = json!(spec.min_ready_seconds);
    }
    object
}
