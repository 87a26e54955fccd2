//! `LimitRanger`: in a namespace with limits, containers that say nothing get its defaults, and nobody gets less or more
//! than it allows.

use std::collections::BTreeMap;

use keelson_api::quantity::Quantity;
use keelson_schema::tree::{Entries, Object, Value, View};

use super::around::{self, Kind};
use super::forbidden;
use crate::api::Call;
use crate::defaults::pod_resources::{Amounts, is_of_pods, limits_of_containers, requests_of_containers};
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;

const RANGES: Kind = ("", "v1", "limitranges");
/// Where a pod says what it has been given.
const NOTE: &str = "kubernetes.io/limit-ranger";
/// Amounts up to this are compared by thousandths, greater ones by whole units.
const MILLI_MAX: i64 = i64::MAX / 1000;

async fn ranges(call: &Call<'_>) -> Result<Vec<Object>, Problem> {
    around::all(call, RANGES, call.target.namespace).await
}

/// What one object of limits says of one type of thing.
fn of_type<'a>(range: &'a Object, kind: &'a str) -> impl Iterator<Item = View<'a>> {
    range.view().path("spec.limits").items().filter(move |limit| limit.field("type").text() == kind)
}

fn entries<'a>(list: View<'a>) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let entries = list.value().and_then(Value::as_map);
    entries.into_iter().flat_map(|entries| entries.iter().map(|(name, value)| (name.as_str(), value)))
}

fn amounts(list: View<'_>) -> Amounts<'_> {
    entries(list).map(|(name, value)| (name, quantity(value))).collect()
}

fn quantity(value: &Value) -> Quantity {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Gives containers what they leave open.
pub(super) async fn fill(call: &Call<'_>, pod: &mut Object) -> Result<(), Problem> {
    for range in ranges(call).await? {
        let mut defaults = Defaults::default();
        for limit in of_type(&range, "Container") {
            defaults.requests.extend(entries(limit.field("defaultRequest")));
            defaults.limits.extend(entries(limit.field("default")));
        }
        let mut given = Vec::new();
        {
            let mut pod = Edit::object(pod);
            let mut spec = pod.made("spec");
            for (list, what) in [("containers", "container"), ("initContainers", "init container")] {
                for mut container in spec.items(list) {
                    fill_container(&mut container, &defaults, what, &mut given);
                }
            }
        }
        if !given.is_empty() {
            let mut annotations: Entries = Entries::new();
            for (key, value) in meta(pod).annotations() {
                annotations.set(key, Value::from(value));
            }
            let note = format!("LimitRanger plugin set: {}", given.join("; "));
            annotations.set(NOTE, Value::from(note.as_str()));
            crate::meta::meta_mut(pod).set_annotations(annotations);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Defaults<'a> {
    requests: BTreeMap<&'a str, &'a Value>,
    limits: BTreeMap<&'a str, &'a Value>,
}

fn fill_container(container: &mut Edit<'_>, defaults: &Defaults<'_>, what: &str, given: &mut Vec<String>) {
    let name = container.text("name").to_owned();
    for (list, word, defaults) in
        [("requests", "request", &defaults.requests), ("limits", "limit", &defaults.limits)]
    {
        let is_open = |resource: &&str| {
            let present = container.view().field("resources").field(list).key(resource);
            !present.is_present()
        };
        let open: Vec<&str> = defaults.keys().copied().filter(is_open).collect();
        if open.is_empty() {
            continue;
        }
        let mut resources = container.made("resources");
        for resource in &open {
            resources.map(list).set(resource, Value::clone(defaults[resource]));
        }
        given.push(format!("{} {word} for {what} {name}", open.join(", ")));
    }
}

/// Refuses a pod that keeps not within the limits of its namespace.
pub(super) async fn check_pod(call: &Call<'_>, pod: &Object, old: Option<&Object>) -> Result<(), Problem> {
    let spec = pod.view().field("spec");
    check(call, pod, old, |range| {
        let mut problems = Vec::new();
        for limit in range.view().path("spec.limits").items() {
            match limit.field("type").text() {
                "Container" => {
                    let containers =
                        spec.field("containers").items().chain(spec.field("initContainers").items());
                    for container in containers {
                        let resources = container.field("resources");
                        let (requests, limits) =
                            (amounts(resources.field("requests")), amounts(resources.field("limits")));
                        Asked { kind: "Container", requests, limits }.check(limit, &mut problems);
                    }
                }
                "Pod" => {
                    let requests = of_pod(spec, "requests", requests_of_containers(spec));
                    let limits = of_pod(spec, "limits", limits_of_containers(spec));
                    Asked { kind: "Pod", requests, limits }.check(limit, &mut problems);
                }
                _ => {}
            }
        }
        problems
    })
    .await
}

/// What a pod asks for as a whole goes before what its containers ask for together.
fn of_pod<'a>(spec: View<'a>, list: &str, mut amounts: Amounts<'a>) -> Amounts<'a> {
    let own = entries(spec.field("resources").field(list)).filter(|(name, _)| is_of_pods(name));
    amounts.extend(own.map(|(name, value)| (name, quantity(value))));
    amounts
}

/// Refuses a claim that keeps not within the limits of its namespace.
pub(super) async fn check_claim(
    call: &Call<'_>,
    claim: &Object,
    old: Option<&Object>,
) -> Result<(), Problem> {
    const KIND: &str = "PersistentVolumeClaim";
    check(call, claim, old, |range| {
        let requests = amounts(claim.view().path("spec.resources.requests"));
        let asked = Asked { kind: KIND, requests, limits: Amounts::new() };
        let mut problems = Vec::new();
        for limit in of_type(range, KIND) {
            problems
                .extend(entries(limit.field("min")).filter_map(|(name, least)| asked.minimum(name, least)));
            problems.extend(
                entries(limit.field("max")).filter_map(|(name, most)| asked.maximum_request(name, most)),
            );
        }
        problems
    })
    .await
}

async fn check(
    call: &Call<'_>,
    new: &Object,
    old: Option<&Object>,
    problems: impl Fn(&Object) -> Vec<String>,
) -> Result<(), Problem> {
    if old.is_some_and(|old| meta(old).deletion_timestamp().is_some()) {
        return Ok(());
    }
    for range in ranges(call).await? {
        let mut problems = problems(&range);
        let mut seen = std::collections::HashSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        match &problems[..] {
            [] => {}
            [problem] => return Err(forbidden(call, new, problem)),
            several => return Err(forbidden(call, new, &format!("[{}]", several.join(", ")))),
        }
    }
    Ok(())
}

/// What something asks for.
struct Asked<'a> {
    kind: &'static str,
    requests: Amounts<'a>,
    limits: Amounts<'a>,
}

impl Asked<'_> {
    fn check(&self, limit: View<'_>, problems: &mut Vec<String>) {
        problems.extend(entries(limit.field("min")).filter_map(|(name, least)| self.minimum(name, least)));
        problems.extend(entries(limit.field("max")).filter_map(|(name, most)| self.maximum(name, most)));
        let ratios = entries(limit.field("maxLimitRequestRatio"));
        problems.extend(ratios.filter_map(|(name, most)| self.ratio(name, most)));
    }

    /// Request, limit and what they are held to, in numbers that compare.
    fn compared(&self, name: &str, bound: &Value) -> (i64, i64, i64) {
        let zero = Quantity::default();
        let (request, limit) =
            (self.requests.get(name).unwrap_or(&zero), self.limits.get(name).unwrap_or(&zero));
        let bound = quantity(bound);
        let by_thousandths = [request, limit, &bound].iter().all(|amount| amount.value() <= MILLI_MAX);
        let number = |amount: &Quantity| if by_thousandths { amount.milli_value() } else { amount.value() };
        (number(request), number(limit), number(&bound))
    }

    fn minimum(&self, name: &str, least: &Value) -> Option<String> {
        let (request, limit, bound) = self.compared(name, least);
        let rule = format!("minimum {name} usage per {} is {}", self.kind, text(least));
        match (self.requests.get(name), self.limits.get(name)) {
            (None, _) => Some(format!("{rule}.  No request is specified")),
            (Some(own), _) if request < bound => Some(format!("{rule}, but request is {own}")),
            (_, Some(own)) if limit < bound => Some(format!("{rule}, but limit is {own}")),
            _ => None,
        }
    }

    fn maximum(&self, name: &str, most: &Value) -> Option<String> {
        let (request, limit, bound) = self.compared(name, most);
        let rule = format!("maximum {name} usage per {} is {}", self.kind, text(most));
        match (self.requests.get(name), self.limits.get(name)) {
            (_, None) => Some(format!("{rule}.  No limit is specified")),
            (_, Some(own)) if limit > bound => Some(format!("{rule}, but limit is {own}")),
            (Some(own), _) if request > bound => Some(format!("{rule}, but request is {own}")),
            _ => None,
        }
    }

    fn maximum_request(&self, name: &str, most: &Value) -> Option<String> {
        let (request, _, bound) = self.compared(name, most);
        let rule = format!("maximum {name} usage per {} is {}", self.kind, text(most));
        match self.requests.get(name) {
            None => Some(format!("{rule}.  No request is specified")),
            Some(own) if request > bound => Some(format!("{rule}, but request is {own}")),
            Some(_) => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "ratios are compared as upstream compares them")]
    fn ratio(&self, name: &str, most: &Value) -> Option<String> {
        let (request, limit, _) = self.compared(name, most);
        let rule = format!("{name} max limit to request ratio per {} is {}", self.kind, text(most));
        if request == 0 {
            return Some(format!("{rule}, but no request is specified or request is 0"));
        }
        if limit == 0 {
            return Some(format!("{rule}, but no limit is specified or limit is 0"));
        }
        let (ratio, bound) = (limit as f64 / request as f64, quantity(most));
        let is_over = if bound.value() <= MILLI_MAX {
            ratio * 1000.0 > bound.milli_value() as f64
        } else {
            ratio > bound.value() as f64
        };
        is_over.then(|| format!("{rule}, but provided ratio is {ratio:.6}"))
    }
}

fn text(bound: &Value) -> &str {
    bound.as_str().unwrap_or_default()
}
