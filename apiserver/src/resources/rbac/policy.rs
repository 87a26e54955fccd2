//! What roles allow: what both kinds of roles have in common.

use keelson_api::field::Errors;
use keelson_schema::tree::Object;

use crate::rules::{At, marked};

/// What is wrong with a role's rules.
pub(super) fn check(new: &Object, is_namespaced: bool, errors: &mut Errors) {
    for rule in At::root(new, "rules").items() {
        let verbs = rule.field("verbs");
        marked::covered(errors, |errors| {
            verbs.require_saying("verbs must contain at least one value", errors);
        });
        let urls = rule.field("nonResourceURLs");
        let [groups, resources, names] =
            ["apiGroups", "resources", "resourceNames"].map(|name| rule.view.field(name).items().len() > 0);
        if urls.is_empty() {
            let words = "resource rules must supply at least one api group";
            rule.field("apiGroups").require_saying(words, errors);
            let words = "resource rules must supply at least one resource";
            rule.field("resources").require_saying(words, errors);
            continue;
        }
        if is_namespaced {
            urls.invalid("namespaced rules cannot apply to non-resource URLs", errors);
        }
        if groups || resources || names {
            let words = "rules cannot apply to both regular resources and non-resource URLs";
            urls.invalid(words, errors);
        }
    }
}
