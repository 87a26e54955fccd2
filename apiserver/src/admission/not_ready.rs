//! `TaintNodesByCondition`: nothing is placed on a new node before it is known to be ready.

use keelson_schema::tree::{Object, Value};

use crate::edit::Edit;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const NO_SCHEDULE: &str = "NoSchedule";

pub(super) fn taint(node: &mut Object) {
    let is_tainted =
        node.view().path("spec.taints").items().any(|taint| {
            taint.field("key").text() == NOT_READY && taint.field("effect").text() == NO_SCHEDULE
        });
    if is_tainted {
        return;
    }
    let mut node = Edit::object(node);
    let mut spec = node.made("spec");
    let taint = spec.item("taints", |taint| {
        taint.set("key", NOT_READY);
        taint.set("effect", NO_SCHEDULE);
    });
    let mut taints = spec.remove("taints").unwrap_or_else(|| Value::List([].into_iter().collect()));
    if let Some(taints) = taints.items_mut() {
        taints.push(taint);
    }
    spec.set("taints", taints);
}
