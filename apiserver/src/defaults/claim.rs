//! What a claim for storage is given that its writer left open.

use super::quantity::round_up_requirements;
use crate::edit::Edit;

/// Fills in the `spec` of a claim, be it an object or a template.
pub(crate) fn spec(spec: &mut Edit<'_>) {
    spec.default("volumeMode", "Filesystem");
    round_up_requirements(spec, "resources");
}
