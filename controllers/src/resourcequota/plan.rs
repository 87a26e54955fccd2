//! What a quota's status is to say of what was counted.

use std::time::Duration;

use keelson_api::quantity::{Format, Quantity};
use keelson_api::quota::{Amounts, Measure, add};
use keelson_api::time::UnixMillis;
use keelson_client::{Labels, Resource};
use serde_json::{Value, json};

use super::measured::{Measured, amounts};
use crate::views::quota::Quota;

/// What was counted for a quota so far.
#[derive(Debug, Default)]
pub(super) struct Counted {
    used: Amounts,
    /// When less is used, though nothing happens.
    pub(super) less_in: Option<Duration>,
}

impl Counted {
    /// Adds the objects of a kind. What the quota has no name for is not kept.
    pub(super) fn add<V: Measured>(
        &mut self,
        quota: &Quota,
        measure: &Measure,
        objects: &[V],
        now: UnixMillis,
    ) {
        let scopes = quota.scopes();
        let names = quota.hard().iter().map(|(name, _)| name).filter(|name| measure.counts(name));
        for name in names {
            self.used.entry(name.to_owned()).or_insert_with(|| Quantity::new(0, Format::DecimalSI));
        }
        for object in objects {
            let Some(mut used) = object.used(measure, &scopes, now) else { continue };
            used.retain(|name, _| self.used.contains_key(name));
            add(&mut self.used, used);
            let both = [self.less_in, object.uses_less_in(now)];
            self.less_in = both.into_iter().flatten().min();
        }
    }
}

/// The kinds that a quota counts, of all that are served. The other half are names that no kind answers to.
pub(super) fn kinds<'a>(
    quota: &'a Quota,
    served: &[(Measure, Resource)],
) -> (Vec<(Measure, Resource)>, Vec<&'a str>) {
    let names = || quota.hard().iter().map(|(name, _)| name);
    let counts = |(measure, _): &&(Measure, Resource)| names().any(|name| measure.counts(name));
    let counted: Vec<(Measure, Resource)> = served.iter().filter(counts).cloned().collect();
    let unknown = names().filter(|name| !counted.iter().any(|(measure, _)| measure.counts(name))).collect();
    (counted, unknown)
}

/// The change of the status, if it has to change.
pub(super) fn status(quota: &Quota, counted: &Counted) -> Option<Value> {
    let hard = quota.hard();
    let old = &quota.status;
    let mut used = old.used.as_ref().map(amounts).unwrap_or_default();
    used.extend(counted.used.clone());
    used.retain(|name, _| hard.get(name).is_some());
    let same = |written: &Option<Labels>, now: &Amounts| {
        written.as_ref().is_some_and(|written| amounts(written) == *now)
    };
    if same(&old.hard, &amounts(hard)) && same(&old.used, &used) {
        return None;
    }
    let used: Labels = used.into_iter().map(|(name, amount)| (name, amount.to_string())).collect();
    Some(json!({
        "metadata": {"uid": quota.metadata.uid, "resourceVersion": quota.metadata.resource_version.to_string()},
        "status": {"hard": replaced(old.hard.as_ref(), hard), "used": replaced(old.used.as_ref(), &used)},
    }))
}

/// A merge that leaves of a list what is new.
fn replaced(old: Option<&Labels>, new: &Labels) -> Value {
    let mut merge = json!(new);
    for (name, _) in old.into_iter().flat_map(Labels::iter).filter(|(name, _)| new.get(name).is_none()) {
        merge[name] = Value::Null;
    }
    merge
}
