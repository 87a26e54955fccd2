//! `DefaultTolerationSeconds`: a pod bears for a while that its node is not ready or cannot be reached. And what becomes of
//! tolerations that come from two sides.

use keelson_schema::tree::{Object, Value, View};

use crate::edit::Edit;

/// How long a pod stays on a node that has failed, where it does not say. Upstream's figure.
const SECONDS: i64 = 300;

/// How long pods that do not say stay on a node that has failed, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// On one that says that it is not ready.
    pub not_ready: i64,
    /// On one that says nothing.
    pub unreachable: i64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { not_ready: SECONDS, unreachable: SECONDS }
    }
}
const NO_EXECUTE: &str = "NoExecute";
const EXISTS: &str = "Exists";

pub(super) fn fill(pod: &mut Object, patience: Patience) {
    let failures = [
        ("node.kubernetes.io/not-ready", patience.not_ready),
        ("node.kubernetes.io/unreachable", patience.unreachable),
    ];
    for (failure, seconds) in failures {
        let bears = |toleration: View<'_>| {
            let (key, effect) = (toleration.field("key").text(), toleration.field("effect").text());
            (key == failure || key.is_empty()) && (effect == NO_EXECUTE || effect.is_empty())
        };
        if !pod.view().path("spec.tolerations").items().any(bears) {
            let mut pod = Edit::object(pod);
            let mut spec = pod.made("spec");
            let toleration = spec.item("tolerations", |toleration| {
                toleration.set("key", failure);
                toleration.set("operator", EXISTS);
                toleration.set("effect", NO_EXECUTE);
                toleration.set("tolerationSeconds", seconds);
            });
            let present = spec.remove("tolerations");
            let all = present.iter().flat_map(Value::items).cloned().chain([toleration]);
            spec.set("tolerations", Value::List(all.collect()));
        }
    }
}

/// Both sides' tolerations, `first` in front, without those that others contain.
pub(super) fn merged<'a>(first: View<'a>, second: View<'a>) -> Vec<&'a Value> {
    let all: Vec<View<'a>> = first.items().chain(second.items()).collect();
    let mut kept: Vec<View<'a>> = Vec::new();
    for (at, one) in all.iter().enumerate() {
        let is_contained = kept.iter().any(|other| contains(*other, *one))
            || all[at + 1..].iter().any(|other| other.value() != one.value() && contains(*other, *one));
        if !is_contained {
            kept.push(*one);
        }
    }
    kept.into_iter().filter_map(View::value).collect()
}

/// Whether `more` bears all that `less` bears.
fn contains(more: View<'_>, less: View<'_>) -> bool {
    if more.value() == less.value() {
        return true;
    }
    let text = |of: View<'_>, name: &str| of.field(name).text().to_owned();
    let (more_operator, less_operator) = (text(more, "operator"), text(less, "operator"));
    let is_any_key = text(more, "key").is_empty() && more_operator == EXISTS;
    if text(less, "key") != text(more, "key") && !is_any_key {
        return false;
    }
    let effect = text(more, "effect");
    if text(less, "effect") != effect && !effect.is_empty() {
        return false;
    }
    if effect == NO_EXECUTE
        && let Some(most) = more.field("tolerationSeconds").int()
        && less.field("tolerationSeconds").int().is_none_or(|seconds| seconds > most)
    {
        return false;
    }
    match more_operator.as_str() {
        "" | "Equal" => {
            matches!(less_operator.as_str(), "" | "Equal") && text(less, "value") == text(more, "value")
        }
        EXISTS => true,
        _ => false,
    }
}
