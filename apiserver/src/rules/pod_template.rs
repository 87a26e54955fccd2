//! Rules for templates of pods.

use keelson_api::field::Errors;
use keelson_schema::tree::View;

use super::pod_leniency::Leniency;
use super::{At, pod, pod_annotations, selector};

/// What is let through of a template because the stored one is so already. `old` is that one.
pub(crate) fn leniency(old: View<'_>) -> Leniency {
    Leniency::of(old.field("spec"), old.path("metadata.annotations"))
}

/// A template of pods.
pub(crate) fn template(template: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    // As upstream: messages look for labels and annotations beside the spec.
    let metadata = At { view: template.view.field("metadata"), path: template.path };
    let (annotations, spec) = (metadata.field("annotations"), template.field("spec"));
    selector::labels(&metadata.field("labels"), errors);
    selector::annotations(&annotations, errors);
    pod_annotations::annotations(&annotations, &spec, lenient, errors);
    pod::spec(&spec, None, lenient, errors);
    pod_annotations::agree_with_fields(annotations.view, &spec, errors);
    let later = spec.field("ephemeralContainers");
    if !later.is_empty() {
        later.forbidden("ephemeral containers not allowed in pod template", errors);
    }
}
