//! How many replicas each set is to have: bounds, shares, and what a scaling is.

use std::sync::Arc;

use keelson_client::Meta;
use serde_json::{Map, Value, json};

use super::revision::{Changes, DESIRED, MAX, number};
use crate::plan::{Action, Word};
use crate::share::{Share, scaled};
use crate::views::deployment::{DEPLOYMENTS, Deployment, StrategyKind};
use crate::views::replicaset::{REPLICASETS, ReplicaSet};

/// What a deployment allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Replicas beyond those that are wanted.
    pub(super) surge: i32,
    /// Replicas that may be missing.
    pub(super) unavailable: i32,
}

impl Bounds {
    /// Those of a deployment.
    pub(super) fn of(deployment: &Deployment) -> Self {
        let spec = &deployment.spec;
        let Some(rolling) = spec
            .strategy
            .rolling_update
            .as_ref()
            .filter(|_| spec.strategy.kind == StrategyKind::RollingUpdate)
        else {
            return Self { surge: 0, unavailable: 0 };
        };
        let surge = scaled(&rolling.max_surge, spec.replicas, Share::Up);
        let mut unavailable = scaled(&rolling.max_unavailable, spec.replicas, Share::Down);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        // Nothing can be missing of nothing.
        let unavailable = if spec.replicas == 0 { 0 } else { unavailable.min(spec.replicas) };
        Self { surge, unavailable }
    }
}

/// A set while it is decided on.
#[derive(Clone, Debug)]
pub(super) struct Sized {
    pub(super) set: Arc<ReplicaSet>,
    /// What it will have.
    pub(super) replicas: i32,
    annotations: Changes,
    min_ready_seconds: Option<i64>,
    words: Vec<Word>,
}

impl Sized {
    /// As it is.
    pub(super) fn new(set: Arc<ReplicaSet>) -> Self {
        let replicas = set.spec.replicas;
        Self { set, replicas, annotations: Changes::new(), min_ready_seconds: None, words: Vec::new() }
    }

    /// Whether it has, or is to have, pods.
    pub(super) fn is_active(&self) -> bool {
        self.replicas > 0
    }

    /// Gives it another size, and says for which size of the deployment; says whether its own is another one.
    pub(super) fn scale(&mut self, to: i32, deployment: &Deployment) -> bool {
        let from = self.replicas;
        if from != to {
            let direction = if from < to { "up" } else { "down" };
            let note =
                format!("Scaled {direction} replica set {} from {from} to {to}", self.set.metadata.name);
            self.words.push(Word::new("ScalingReplicaSet", "Scaling", note));
            self.replicas = to;
        }
        self.remember(deployment);
        from != to
    }

    /// Says for which size of the deployment it has its own.
    pub(super) fn remember(&mut self, deployment: &Deployment) {
        let wanted = sizes(deployment);
        self.annotate(wanted.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
    }

    /// Annotates it, as far as it is not.
    pub(super) fn annotate(&mut self, changes: Changes) {
        let new = changes.into_iter().filter(|(key, value)| self.set.metadata.annotation(key) != Some(value));
        self.annotations.extend(new);
    }

    /// Makes its pods wait so long until they are available.
    pub(super) fn wait(&mut self, min_ready_seconds: i64) {
        if self.set.spec.min_ready_seconds != min_ready_seconds {
            self.min_ready_seconds = Some(min_ready_seconds);
        }
    }

    /// What has to be written, if anything.
    pub(super) fn action(&self, deployment: &Meta) -> Option<Action> {
        let mut spec = Map::new();
        if self.replicas != self.set.spec.replicas {
            spec.insert("replicas".into(), json!(self.replicas));
        }
        if let Some(seconds) = self.min_ready_seconds {
            spec.insert("minReadySeconds".into(), json!(seconds));
        }
        if spec.is_empty() && self.annotations.is_empty() {
            return None;
        }
        let mut change = json!({});
        if !spec.is_empty() {
            change["spec"] = Value::Object(spec);
        }
        if !self.annotations.is_empty() {
            change["metadata"] = json!({"annotations": self.annotations});
        }
        let action = Action::merge(&REPLICASETS, &self.set.metadata, "", change);
        Some(action.telling((&DEPLOYMENTS, deployment), self.words.clone(), None))
    }
}

/// The annotations that say for which size of the deployment a set has its own.
pub(super) fn sizes(deployment: &Deployment) -> [(&'static str, String); 2] {
    let replicas = deployment.spec.replicas;
    [(DESIRED, replicas.to_string()), (MAX, (replicas + Bounds::of(deployment).surge).to_string())]
}

/// How many the set of the template may have, when all sets together have `all` and it has `own`.
pub(super) fn room_for_new(deployment: &Deployment, all: i32, own: i32) -> i32 {
    let wanted = deployment.spec.replicas;
    if deployment.spec.strategy.kind == StrategyKind::Recreate {
        return wanted;
    }
    let rolling = deployment.spec.strategy.rolling_update.as_ref();
    let surge = rolling.map_or(0, |rolling| scaled(&rolling.max_surge, wanted, Share::Up));
    let most = wanted + surge;
    if all >= most { own } else { own + (most - all).min(wanted - own) }
}

/// Whether a set has all that the deployment wants, for its present size.
pub(super) fn is_saturated(deployment: &Deployment, set: &Sized) -> bool {
    let wanted = deployment.spec.replicas;
    set.replicas == wanted
        && number(&set.set, DESIRED) == Some(wanted)
        && set.set.status.available_replicas == wanted
}

/// Spreads a change of the deployment's size over its sets, by what they have.
pub(super) fn in_proportion(deployment: &Deployment, sets: &mut [&mut Sized]) {
    let all: i32 = sets.iter().map(|set| set.replicas).sum();
    let wanted = deployment.spec.replicas;
    let allowed = if wanted > 0 { wanted + Bounds::of(deployment).surge } else { 0 };
    let to_add = allowed - all;
    // What cannot be shared evenly goes to the largest; of several, to the newest when growing, the oldest otherwise.
    sets.sort_by(|a, b| {
        let (of_a, of_b) = (&a.set.metadata, &b.set.metadata);
        let age =
            of_a.creation_timestamp.cmp(&of_b.creation_timestamp).then_with(|| of_a.name.cmp(&of_b.name));
        b.replicas.cmp(&a.replicas).then(if to_add > 0 { age.reverse() } else { age })
    });
    let (mut added, mut new_sizes) = (0, Vec::with_capacity(sets.len()));
    for set in sets.iter() {
        let share = share(deployment, set, to_add, added);
        added += share;
        new_sizes.push(set.replicas + share);
    }
    if let Some(largest) = new_sizes.first_mut().filter(|_| to_add != 0) {
        *largest = (*largest + to_add - added).max(0);
    }
    for (set, size) in sets.iter_mut().zip(new_sizes) {
        set.scale(size, deployment);
    }
}

fn share(deployment: &Deployment, set: &Sized, to_add: i32, added: i32) -> i32 {
    if set.replicas == 0 || to_add == 0 || to_add == added {
        return 0;
    }
    let (fraction, left) = (fraction(deployment, set), to_add - added);
    if to_add > 0 { fraction.min(left) } else { fraction.max(left) }
}

fn fraction(deployment: &Deployment, set: &Sized) -> i32 {
    let wanted = deployment.spec.replicas;
    if wanted == 0 {
        return -set.replicas;
    }
    let most = wanted + Bounds::of(deployment).surge;
    let before = number(&set.set, MAX).filter(|most| *most > 0).unwrap_or(deployment.status.replicas);
    if before == 0 {
        return 0;
    }
    let size = f64::from(set.replicas) * f64::from(most) / f64::from(before);
    // Sizes are small whole numbers: nothing is lost.
    #[expect(clippy::cast_possible_truncation, reason = "a share of an i32")]
    let size = size.round() as i32;
    size - set.replicas
}
