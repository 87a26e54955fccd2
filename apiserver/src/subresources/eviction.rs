//! Evictions: removing a pod, as far as the budgets of its kind allow it.

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use keelson_api::options::kind;
use keelson_api::selector::label::{Expression, Selector};
use keelson_api::status::{Cause, Details, Reason, Status};
use keelson_schema::arena::Schema;
use keelson_schema::json::{self, Gvk};
use keelson_schema::tree::{Entries, Object as Tree, Value, View};
use keelson_store::At;
use keelson_store::key::{Key, ResourceName};
use keelson_store::object::Object;
use keelson_store::transaction::{Change, CommitError, Expect, Transaction};

use crate::api::Call;
use crate::body::deletion::Deletion;
use crate::catalog::Served;
use crate::problem::Problem;
use crate::verbs::{delete, get};
use crate::{body, object_life, refusal, render};

/// How often a budget is charged anew because it has changed meanwhile.
const TRIES_MAX: usize = 16;
/// When to ask again where a budget's state is not known yet. Upstream's figure.
const UNPROCESSED_SECONDS: u32 = 10;

pub(crate) async fn create(call: &Call<'_>, bytes: &Bytes) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let options = body::options(call, &kind::CREATE)?;
    let schema = Schema::builtin("policy", "v1", "Eviction");
    let schema = schema.ok_or_else(|| Problem::Defect("there is no Eviction".into()))?;
    // It is the same in an older version that is no longer served for anything else.
    let is_old = json::interpret(bytes).is_ok_and(|gvk| gvk.group == "policy" && gvk.version == "v1beta1");
    let version = if is_old { "v1beta1" } else { "v1" };
    let gvk = Gvk { group: "policy".into(), version: version.into(), kind: "Eviction".into() };
    let eviction = body::object(call, bytes, &schema, &gvk, options.validation)?;
    if crate::meta::meta(&eviction).name() != call.target.name {
        return Err(refusal::bad_request(&"name in URL does not match name in Eviction object"));
    }
    let mut deletion = Deletion::of(eviction.view().field("deleteOptions"))?;
    deletion.dry_run |= options.dry_run;
    let pod = get::read(call, At::Latest).await?;
    let tree = render::tree(call.served, &pod)?;
    // What has ended, or never began, is missed by nobody.
    let is_missed = !matches!(tree.text("status.phase"), "Succeeded" | "Failed" | "Pending")
        && crate::meta::meta(&tree).deletion_timestamp().is_none();
    if is_missed {
        charge(call, &tree, deletion.dry_run).await?;
    }
    delete::remove(call, pod, &deletion).await?;
    render::status(look, &Status { code: StatusCode::CREATED.as_u16(), ..Status::success() })
}

/// Takes one disruption from the budget that the pod falls under, if it falls under one.
async fn charge(call: &Call<'_>, pod: &Tree, dry_run: bool) -> Result<(), Problem> {
    let budgets = call.api.catalog.resource("policy", "v1", "poddisruptionbudgets");
    let budgets = budgets.ok_or_else(|| Problem::Defect("there are no budgets".into()))?;
    for _ in 0..TRIES_MAX {
        let mut found = applying(call, budgets, pod).await?;
        let Some((stored, mut budget)) = found.pop() else { return Ok(()) };
        if !found.is_empty() {
            let words = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(Status { code: 500, ..Status::failure(Reason::Unknown, words) }.into());
        }
        if is_free(pod, &budget) {
            return Ok(());
        }
        spend(call, pod, &mut budget)?;
        if dry_run {
            return Ok(());
        }
        let key = Key { resource: budgets.store.clone(), path: stored.path().into() };
        let (uid, value) = object_life::bytes(budgets, budget)?;
        let transaction = Transaction::one(key, Expect::at(stored.revision()), Change::Put { uid, value });
        match call.api.store.commit(transaction).await {
            Ok(_) => return Ok(()),
            Err(CommitError::Unmet(_)) => {}
            Err(error) => return Err(refusal::unwritten(error)),
        }
    }
    Err(violated("The disruption budget is being changed too often to be charged.", UNPROCESSED_SECONDS))
}

/// The budgets whose selector the pod matches.
async fn applying(call: &Call<'_>, budgets: &Served, pod: &Tree) -> Result<Vec<(Object, Tree)>, Problem> {
    let listed = call.api.store.list(&ResourceName::new(budgets.store.as_str()), At::Latest).await;
    let state = listed.map_err(refusal::unreadable)?;
    let mut found = Vec::new();
    for object in state.table.range(call.target.namespace, None) {
        let budget = render::tree(budgets, object)?;
        if selects(budget.view().path("spec.selector"), pod) {
            found.push((object.clone(), budget));
        }
    }
    Ok(found)
}

fn selects(selector: View<'_>, pod: &Tree) -> bool {
    if !selector.is_present() {
        return false;
    }
    let labels = selector.field("matchLabels").value().and_then(Value::as_map);
    let labels = labels
        .into_iter()
        .flat_map(Entries::iter)
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
    let values: Vec<Vec<&str>> = selector
        .field("matchExpressions")
        .items()
        .map(|expression| expression.field("values").items().map(View::text).collect())
        .collect();
    let expressions =
        selector.field("matchExpressions").items().zip(&values).map(|(expression, values)| Expression {
            key: expression.field("key").text(),
            operator: expression.field("operator").text(),
            values,
        });
    let Ok(selector) = Selector::from_parts(labels, expressions) else { return false };
    let labels: Vec<_> = crate::meta::meta(pod).labels().collect();
    selector.matches(|key| labels.iter().find(|(has, _)| *has == key).map(|(_, value)| *value))
}

/// Whether a pod that is not ready may go without being counted.
fn is_free(pod: &Tree, budget: &Tree) -> bool {
    let conditions = pod.view().path("status.conditions");
    let is_ready = conditions
        .items()
        .any(|item| item.field("type").text() == "Ready" && item.field("status").text() == "True");
    if is_ready {
        return false;
    }
    let (healthy, desired) = (count(budget, "currentHealthy"), count(budget, "desiredHealthy"));
    budget.text("spec.unhealthyPodEvictionPolicy") == "AlwaysAllow" || (healthy >= desired && desired > 0)
}

fn count(budget: &Tree, name: &str) -> i64 {
    budget.get(&format!("status.{name}")).and_then(Value::as_int).unwrap_or(0)
}

/// Counts the pod among those that the budget lets go.
fn spend(call: &Call<'_>, pod: &Tree, budget: &mut Tree) -> Result<(), Problem> {
    let name = crate::meta::meta(budget).name().to_owned();
    if count(budget, "observedGeneration") < crate::meta::meta(budget).generation() {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(violated(&why, UNPROCESSED_SECONDS));
    }
    let allowed = count(budget, "disruptionsAllowed");
    if allowed <= 0 {
        let (needs, has) = (count(budget, "desiredHealthy"), count(budget, "currentHealthy"));
        return Err(violated(
            &format!("The disruption budget {name} needs {needs} healthy pods and has {has} currently"),
            0,
        ));
    }
    object_life::set(budget, "status.disruptionsAllowed", Value::Int(allowed - 1));
    let mut disrupted =
        budget.get("status.disruptedPods").and_then(Value::as_map).cloned().unwrap_or_default();
    disrupted.set(crate::meta::meta(pod).name(), Value::Time(call.now()));
    object_life::set(budget, "status.disruptedPods", Value::Map(disrupted));
    Ok(())
}

fn violated(why: &str, retry_after_seconds: u32) -> Problem {
    let cause = Cause { reason: "DisruptionBudget".into(), message: why.into(), field: Box::default() };
    let words = "Cannot evict pod as it would violate the pod's disruption budget.";
    let details = Details { causes: vec![cause], retry_after_seconds, ..Details::default() };
    Status::failure(Reason::TooManyRequests, words).with_details(details).into()
}
