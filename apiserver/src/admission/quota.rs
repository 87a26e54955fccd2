//! `ResourceQuota`: a namespace uses no more than its quotas allow.
//!
//! What a write uses is written into the quotas in the write's own transaction, on the condition that they are still what
//! they were: so no two writers can share the last of something, on any number of servers. What goes is given back by the
//! controller that counts anew, as upstream.

#[cfg(test)]
mod tests;
mod usage;

use keelson_api::quota::Amounts;
use keelson_schema::tree::{Entries, Object, Value, View};
use keelson_store::At;
use keelson_store::object::Object as StoredObject;
use keelson_store::transaction::{Change, Expect, Operation};

use self::usage::Used;
use super::around::{self, Kind};
use super::plugins::Plugin;
use super::{forbidden, part};
use crate::api::Call;
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;
use crate::{object_life, ownership, refusal, render};

const QUOTAS: Kind = ("", "v1", "resourcequotas");

/// Refuses a write that uses more than is left, and returns what belongs into its transaction.
pub(crate) async fn charge(
    call: &Call<'_>,
    old: Option<&Object>,
    new: &Object,
) -> Result<Vec<Operation>, Problem> {
    let namespace = call.target.namespace;
    if namespace.is_empty() || !call.api.admission.has(Plugin::ResourceQuota) {
        return Ok(Vec::new());
    }
    // Most writes change nothing that is counted: they need not look for quotas.
    let Some(used) = Used::of(call.served.facts(), part(call), new, old) else { return Ok(Vec::new()) };
    let served = around::served(call, QUOTAS)?;
    let state = call.api.store.list(&served.store, At::Latest).await.map_err(refusal::unreadable)?;
    let quotas: Vec<&StoredObject> = state.table.range(namespace, None).collect();
    if quotas.is_empty() {
        return Ok(Vec::new());
    }
    let mut operations = Vec::new();
    for stored in quotas {
        let before = render::tree(&served, stored)?;
        let Some(sum) = sum(call, &before, &used, new, old)? else { continue };
        let mut quota = before.clone();
        let mut status = Edit::object(&mut quota);
        let mut status = status.made("status");
        let mut entries = Entries::new();
        for (name, amount) in &sum {
            entries.set(name, Value::from(amount.to_string().as_str()));
        }
        status.set("used", Value::Map(entries));
        ownership::record_own_status(call, &served, &before, &mut quota);
        let (uid, value) = object_life::bytes(&served, &mut quota)?;
        operations.push(Operation {
            key: keelson_store::key::Key { resource: served.store.clone(), path: stored.path().into() },
            expect: Expect::at(stored.revision()),
            change: Change::Put { uid, value },
        });
    }
    Ok(operations)
}

/// What is used of a quota with the write; nothing if the write changes nothing of it.
fn sum(
    call: &Call<'_>,
    quota: &Object,
    used: &Used,
    new: &Object,
    old: Option<&Object>,
) -> Result<Option<Amounts>, Problem> {
    let refuse = |words: String| forbidden(call, new, &words);
    let (name, scopes) = (meta(quota).name(), usage::scopes(quota));
    let hard = amounts(quota.view().path("status.hard"));
    let restricted: Vec<&str> = hard.keys().map(String::as_str).filter(|name| used.counts(name)).collect();
    if restricted.is_empty() || !used.is_in(&scopes, new) {
        return Ok(None);
    }
    used.has_all(&restricted, new).map_err(|missing| refuse(format!("failed quota: {name}: {missing}")))?;
    let spent = amounts(quota.view().path("status.used"));
    if restricted.iter().any(|name| !spent.contains_key(*name)) {
        return Err(refuse(format!("status unknown for quota: {name}, resources: {}", restricted.join(","))));
    }
    let before = old.filter(|old| used.is_in(&scopes, old)).map(|old| used.amounts(old));
    let mut asked = used.amounts(new);
    for (name, before) in before.into_iter().flatten() {
        if let Some(amount) = asked.get_mut(&name) {
            *amount = amount.minus(&before);
        }
    }
    asked.retain(|name, amount| hard.contains_key(name) && !amount.is_zero() && !amount.is_negative());
    if asked.is_empty() {
        return Ok(None);
    }
    let mut sum = spent.clone();
    for (name, amount) in &asked {
        let spent = sum.entry(name.clone()).or_default();
        *spent = if spent.is_zero() { amount.clone() } else { spent.plus(amount) };
    }
    let exceeded: Vec<&String> = asked.keys().filter(|name| sum[*name] > hard[*name]).collect();
    if exceeded.is_empty() {
        return Ok(Some(sum));
    }
    let shown = |amounts: &Amounts| {
        let of = |name: &&&String| amounts.get(**name).map(|amount| format!("{name}={amount}"));
        exceeded.iter().filter_map(|name| of(&name)).collect::<Vec<_>>().join(",")
    };
    Err(refuse(format!(
        "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
        shown(&asked),
        shown(&spent),
        shown(&hard)
    )))
}

fn amounts(list: View<'_>) -> Amounts {
    let entries = list.value().and_then(Value::as_map);
    let entries = entries.into_iter().flat_map(|entries| entries.iter());
    let parsed = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
    entries.map(|(name, value)| (name.to_string(), parsed(value))).collect()
}
