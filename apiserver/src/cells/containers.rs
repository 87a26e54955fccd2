//! The containers of a pod template as the texts that stand in cells.

use keelson_schema::tree::View;

/// The names of a pod's containers; `spec` is the pod's.
pub(crate) fn names(spec: View<'_>) -> String {
    each(spec, "name")
}

/// The images of a pod's containers; `spec` is the pod's.
pub(crate) fn images(spec: View<'_>) -> String {
    each(spec, "image")
}

fn each(spec: View<'_>, field: &str) -> String {
    let texts: Vec<&str> = spec.field("containers").items().map(|item| item.field(field).text()).collect();
    texts.join(",")
}
