//! Volumes and claims as the texts that stand in cells.

use keelson_schema::tree::{Object, View};

use super::UNSET;
use crate::meta::meta;

/// Once said which class of storage a volume is of, and still decides.
pub(crate) const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

/// Access modes and how they are shown, in the order in which they are.
const ACCESS_MODES: [(&str, &str); 4] = [
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
];

/// A list of access modes.
pub(crate) fn access_modes(modes: View<'_>) -> String {
    let shown = ACCESS_MODES.into_iter().filter(|(mode, _)| modes.items().any(|one| one.text() == *mode));
    let shown: Vec<&str> = shown.map(|(_, short)| short).collect();
    shown.join(",")
}

/// The class of storage of a volume or a claim.
pub(crate) fn class(object: &Object) -> &str {
    let annotation = meta(object).annotations().find(|(key, _)| *key == CLASS_ANNOTATION);
    annotation.map_or_else(|| object.view().path("spec.storageClassName").text(), |(_, class)| class)
}

/// The phase of a volume or a claim.
pub(crate) fn phase(object: &Object) -> &str {
    match meta(object).deletion_timestamp() {
        Some(_) => "Terminating",
        None => object.view().path("status.phase").text(),
    }
}

/// The text that stands there, be it empty, or that there is none.
pub(crate) fn text_or_unset(view: View<'_>) -> &str {
    view.value().map_or(UNSET, |_| view.text())
}
