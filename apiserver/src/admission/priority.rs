//! `Priority`: the class of a pod says how much it matters, and there is one class at most for those that name none.

use keelson_schema::tree::{Object, Value, View};

use super::around::{self, Kind};
use super::forbidden;
use crate::api::Call;
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;

const CLASSES: Kind = ("scheduling.k8s.io", "v1", "priorityclasses");
/// What pods do to those that matter less, where nothing says it.
const PREEMPTS: &str = "PreemptLowerPriority";

pub(super) async fn fill(call: &Call<'_>, pod: &mut Object) -> Result<(), Problem> {
    let named = pod.text("spec.priorityClassName").to_owned();
    let class =
        if named.is_empty() { the_default(call).await? } else { Some(class(call, pod, &named).await?) };
    let class_view = class.as_ref().map(Object::view);
    let value = class_view.and_then(|class| class.field("value").int()).unwrap_or_default();
    let policy = class_view.map_or(PREEMPTS, |class| class.field("preemptionPolicy").text()).to_owned();
    let spec = pod.view().field("spec");
    if let Some(priority) = spec.field("priority").int().filter(|priority| *priority != value) {
        let why = format!(
            "the integer value of priority ({priority}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
        );
        return Err(forbidden(call, pod, &why));
    }
    let own = spec.field("preemptionPolicy");
    if own.is_present() && !policy.is_empty() && own.text() != policy {
        let why = format!(
            "the string value of PreemptionPolicy ({}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name",
            own.text()
        );
        return Err(forbidden(call, pod, &why));
    }
    let mut pod = Edit::object(pod);
    let mut spec = pod.made("spec");
    if let Some(class) = &class {
        spec.set("priorityClassName", meta(class).name());
    }
    spec.set("priority", value);
    if !policy.is_empty() {
        spec.set("preemptionPolicy", policy.as_str());
    }
    Ok(())
}

/// A writer who does not know of priorities does not mean to take them away.
pub(super) fn keep(pod: &mut Object, old: &Object) {
    let old = old.view().field("spec");
    let mut pod = Edit::object(pod);
    let mut spec = pod.made("spec");
    for name in ["priority", "preemptionPolicy"] {
        if let Some(value) = old.field(name).value() {
            spec.default(name, Value::clone(value));
        }
    }
}

async fn class(call: &Call<'_>, pod: &Object, name: &str) -> Result<Object, Problem> {
    let found = around::one(call, CLASSES, "", name).await?;
    found.ok_or_else(|| forbidden(call, pod, &format!("no PriorityClass with name {name} was found")))
}

/// The class of pods that name none. Should there be several, it is the one that matters least.
async fn the_default(call: &Call<'_>) -> Result<Option<Object>, Problem> {
    let classes = around::all(call, CLASSES, "").await?;
    let defaults = classes.into_iter().filter(|class| is_default(class.view()));
    Ok(defaults.min_by_key(|class| class.view().field("value").int()))
}

fn is_default(class: View<'_>) -> bool {
    class.field("globalDefault").is_true()
}

/// Refuses a second class for pods that name none.
pub(super) async fn check_class(call: &Call<'_>, new: &Object, old: Option<&Object>) -> Result<(), Problem> {
    if !is_default(new.view()) {
        return Ok(());
    }
    match the_default(call).await? {
        Some(present) if old.is_none() || meta(&present).name() != meta(new).name() => {
            let name = meta(&present).name();
            let why =
                format!("PriorityClass {name} is already marked as default. Only one default can exist");
            Err(forbidden(call, new, &why))
        }
        _ => Ok(()),
    }
}
