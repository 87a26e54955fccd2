//! Names that are allowed and make trouble later.

use keelson_api::names::dns;
use keelson_schema::tree::Object;

/// Warns of a name that is no label of DNS, where pods are going to be named after the object.
pub(crate) fn for_pods(new: &Object, warnings: &mut Vec<String>) {
    let reasons = dns::label(new.name());
    if !reasons.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [{}]",
            reasons.join(" ")
        ));
    }
}
