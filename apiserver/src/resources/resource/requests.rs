//! What claims for devices ask for, be they objects or templates.

use keelson_schema::tree::Object;

use crate::defaults::gated::{self, Gate};
use crate::edit::Edit;
use crate::features::Features;

/// Fields of a claim's `spec` that belong to features that are off.
pub(super) const GATES: &[Gate] =
    &[Gate::off("DRADerivedAttributes", &["devices.requests.exactly|firstAvailable.derivedAttributes"])];

/// Fills in the `spec` of a claim.
pub(super) fn default(spec: &mut Edit<'_>) {
    let Some(mut devices) = spec.part("devices") else { return };
    for mut request in devices.items("requests") {
        if let Some(mut exactly) = request.part("exactly") {
            count(&mut exactly);
        }
        request.items("firstAvailable").for_each(|mut one| count(&mut one));
    }
}

/// Who does not say how many asks for one.
fn count(request: &mut Edit<'_>) {
    request.default("allocationMode", "ExactCount");
    if request.text("allocationMode") == "ExactCount" {
        request.default("count", 1_i64);
    }
}

/// Drops what belongs to features that are off from the claim's `spec` at `path`.
pub(super) fn drop_gated(features: &Features, new: &mut Object, old: Option<&Object>, path: &[&str]) {
    let old = old.map(|old| path.iter().fold(old.view(), |view, name| view.field(name)));
    gated::at(new, path, &mut |spec| gated::drop(features, spec, old, GATES));
}
