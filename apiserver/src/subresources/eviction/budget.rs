//! What budgets say of an eviction, and what they are charged for it.

use keelson_api::group::GroupResource;
use keelson_api::selector::label::{Expression, Selector};
use keelson_api::status::{Cause, Details, Reason, Status};
use keelson_schema::tree::{Entries, Object as Tree, Value, View};
use keelson_store::At;
use keelson_store::key::Key;
use keelson_store::object::Object;
use keelson_store::transaction::{Change, CommitError, Expect, Transaction};

use crate::api::Call;
use crate::catalog::Served;
use crate::condition::Condition;
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;
use crate::{object_life, ownership, refusal, render};

/// How often a budget is charged anew because it has changed meanwhile.
const TRIES_MAX: usize = 16;
/// When to ask again where a budget's state is not known yet. Upstream's figure.
const UNPROCESSED_SECONDS: u32 = 10;
/// How many pods a budget may name that are still to go. Upstream's figure.
const DISRUPTED_MAX: usize = 2000;
/// The condition that says whether a budget has anything left.
const ALLOWED: &str = "DisruptionAllowed";

/// What the budgets say.
pub(super) enum Verdict {
    /// The pod may go; where there is a budget, it has been charged.
    Granted,
    /// This budget lets the pod go without counting it, as long as it is as it was looked at.
    Free {
        /// The budget's name.
        budget: String,
    },
}

/// Takes one disruption from the budget that the pod falls under, if it falls under one.
pub(super) async fn charge(call: &Call<'_>, pod: &Tree, dry_run: bool) -> Result<Verdict, Problem> {
    let budgets = call.api.catalog.known("policy", "v1", "poddisruptionbudgets");
    let budgets = budgets.ok_or_else(|| Problem::Defect("there are no budgets".into()))?;
    for _ in 0..TRIES_MAX {
        let mut found = applying(call, budgets, pod).await?;
        let Some((stored, before)) = found.pop() else { return Ok(Verdict::Granted) };
        if !found.is_empty() {
            return Err(refusal::plain(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
        if is_free(pod, &before) {
            return Ok(Verdict::Free { budget: meta(&before).name().to_owned() });
        }
        check(&before)?;
        if dry_run {
            return Ok(Verdict::Granted);
        }
        let mut after = before.clone();
        spend(call, pod, &mut after);
        ownership::record_own_status(call, budgets, &before, &mut after);
        let key = Key { resource: budgets.store.clone(), path: stored.path().into() };
        let (uid, value) = object_life::bytes(budgets, &mut after)?;
        let transaction = Transaction::one(key, Expect::at(stored.revision()), Change::Put { uid, value });
        match call.api.store.commit(transaction).await {
            Ok(_) => return Ok(Verdict::Granted),
            Err(CommitError::Unmet(_)) => {}
            Err(error) => return Err(refusal::unwritten(error)),
        }
    }
    Err(violated("The disruption budget is being changed too often to be charged.", UNPROCESSED_SECONDS))
}

/// The budgets whose selector the pod matches.
async fn applying(call: &Call<'_>, budgets: &Served, pod: &Tree) -> Result<Vec<(Object, Tree)>, Problem> {
    let state = call.api.store.list(&budgets.store, At::Latest).await.map_err(refusal::unreadable)?;
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
    // As upstream: what cannot be read selects nothing.
    let Ok(selector) = Selector::from_parts(labels, expressions) else { return false };
    let labels: Vec<_> = meta(pod).labels().collect();
    selector.matches(|key| labels.iter().find(|(has, _)| *has == key).map(|(_, value)| *value))
}

/// Whether a pod that is not ready may go without being counted.
fn is_free(pod: &Tree, budget: &Tree) -> bool {
    if condition(pod, "Ready").is_some_and(|ready| ready.field("status").text() == "True") {
        return false;
    }
    let (healthy, desired) = (count(budget, "currentHealthy"), count(budget, "desiredHealthy"));
    budget.text("spec.unhealthyPodEvictionPolicy") == "AlwaysAllow" || (healthy >= desired && desired > 0)
}

fn condition<'a>(object: &'a Tree, kind: &str) -> Option<View<'a>> {
    object.view().path("status.conditions").items().find(|one| one.field("type").text() == kind)
}

fn count(budget: &Tree, name: &str) -> i64 {
    budget.get(&format!("status.{name}")).and_then(Value::as_int).unwrap_or(0)
}

/// Refuses where nothing is left, or nobody knows what is.
fn check(budget: &Tree) -> Result<(), Problem> {
    let name = meta(budget).name();
    if count(budget, "observedGeneration") < meta(budget).generation() {
        return Err(unprocessed(name));
    }
    let allowed = count(budget, "disruptionsAllowed");
    if allowed < 0 {
        return Err(broken(
            name,
            "pdb disruptions allowed is negative",
            "pdb disruptions allowed is negative",
        ));
    }
    let disrupted = budget.get("status.disruptedPods").and_then(Value::as_map);
    if disrupted.is_some_and(|pods| pods.iter().len() > DISRUPTED_MAX) {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        return Err(broken(name, why, "too many pending evictions not confirmed by PDB controller"));
    }
    if allowed == 0 {
        return Err(violated(&why_not(budget), 0));
    }
    Ok(())
}

fn why_not(budget: &Tree) -> String {
    let name = meta(budget).name();
    let (needs, has) = (count(budget, "desiredHealthy"), count(budget, "currentHealthy"));
    let says = condition(budget, ALLOWED).filter(|one| one.field("status").text() == "False");
    let says = says.map(|one| (one.field("reason").text(), one.field("message").text()));
    match says.filter(|(_, message)| !message.is_empty()) {
        Some(("SyncFailed", message)) => format!(
            "The disruption budget {name} does not allow evicting pods currently because it failed sync: {message}"
        ),
        _ if has <= needs => {
            format!("The disruption budget {name} needs {needs} healthy pods and has {has} currently")
        }
        Some((reason, message)) => format!(
            "The disruption budget {name} does not allow evicting pods currently ({reason}): {message}"
        ),
        None => format!("The disruption budget {name} does not allow evicting pods currently"),
    }
}

/// Counts the pod among those that the budget lets go.
fn spend(call: &Call<'_>, pod: &Tree, budget: &mut Tree) {
    let allowed = count(budget, "disruptionsAllowed") - 1;
    let observed = count(budget, "observedGeneration");
    let mut budget = Edit::object(budget);
    let mut status = budget.made("status");
    status.set("disruptionsAllowed", Value::Int(allowed));
    status.map("disruptedPods").set(meta(pod).name(), Value::Time(call.now()));
    if allowed == 0 {
        let nothing_left = Condition {
            kind: ALLOWED,
            reason: "InsufficientPods",
            observed: Some(observed),
            ..Condition::default()
        };
        nothing_left.say(&mut status, call.now());
    }
}

/// Nobody knows yet what the budget of that name has left.
pub(super) fn unprocessed(name: &str) -> Problem {
    let why = format!("The disruption budget {name} is still being processed by the server.");
    violated(&why, UNPROCESSED_SECONDS)
}

fn violated(why: &str, retry_after_seconds: u32) -> Problem {
    let words = "Cannot evict pod as it would violate the pod's disruption budget.";
    let details = Details { causes: vec![cause(why)], retry_after_seconds, ..Details::default() };
    Status::failure(Reason::TooManyRequests, words).with_details(details).into()
}

/// The budget is in a state that nobody can take anything from.
fn broken(name: &str, why: &str, short: &str) -> Problem {
    let refused = Status::forbidden(&GroupResource::new("policy", "poddisruptionbudget"), name, why);
    let words = format!("The disruption budget {name} does not allow evicting pods currently: {short}");
    refused.with_cause(cause(&words)).into()
}

fn cause(why: &str) -> Cause {
    Cause { reason: "DisruptionBudget".into(), message: why.into(), field: Box::default() }
}
