//! Cluster trust bundles: certificate authorities for everybody to trust.

use crate::meta::meta;
use crate::rules::{At, certificate, signer};
use keelson_api::field::{Error, Errors, Path};
use keelson_api::names::object::{self, Rule};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ClusterTrustBundles;

const FACTS: Facts = Facts {
    group: "certificates.k8s.io",
    versions: &["v1"],
    stored_as: ("certificates.k8s.io", "v1"),
    kind: "ClusterTrustBundle",
    plural: "clustertrustbundles",
    singular: "clustertrustbundle",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[],
    fields: &[Field::new("spec.signerName")],
    columns: &[Column::NAME, Column::text("SignerName")],
};

impl Resource for ClusterTrustBundles {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn hashed_version(&self) -> &'static str {
        "v1beta1"
    }

    /// The rest depends on the signer that the bundle names, and is a matter of validation.
    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn cells(&self, object: &Object, _: UnixMillis) -> Vec<Cell> {
        let signer = cells::text_or(object.view().path("spec.signerName"), cells::NONE);
        vec![cells::name(object), signer.into()]
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, Some(old), errors);
        let spec = At::root(new, "spec");
        spec.field("signerName").immutable(old.view().path("spec.signerName"), errors);
    }
}

/// How many bytes a bundle may have.
const BUNDLE_BYTES_MAX: usize = 1 << 20;

fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let (signer, bundle) = (spec.field("signerName"), spec.field("trustBundle"));
    let (name, prefix) = (meta(new).name(), meta(new).generate_name());
    if !prefix.is_empty() {
        let reasons = signer::bundle_name(prefix, signer.text(), object::Part::Prefix);
        errors.push_invalid(&Path::new("metadata.generateName"), prefix, reasons);
    }
    if !name.is_empty() {
        let reasons = signer::bundle_name(name, signer.text(), object::Part::Whole);
        errors.push_invalid(&Path::new("metadata.name"), name, reasons);
    }
    if !signer.is_empty() {
        signer::name(&signer.path, signer.text(), errors);
    }
    let is_same = |old: &Object| old.view().path("spec.trustBundle").text() == bundle.text();
    if old.is_some_and(is_same) {
        return;
    }
    if bundle.text().len() > BUNDLE_BYTES_MAX {
        errors.push(Error::too_long(&bundle.path, BUNDLE_BYTES_MAX));
        return;
    }
    for fault in certificate::faults_of_bundle(bundle.text()) {
        errors.push(Error::invalid(&bundle.path, "<value omitted>", fault));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells() {
        let check = |signer: &str, expected: &str| {
            let object = format!(
                r#"{{"apiVersion":"certificates.k8s.io/v1","kind":"ClusterTrustBundle","metadata":{{"name":"x"}},"spec":{{{signer}"trustBundle":"t"}}}}"#
            );
            check::cells(&ClusterTrustBundles, &object, json!(["x", expected]));
        };
        check("", "<none>");
        check(r#""signerName":"e.com/s","#, "e.com/s");
    }
}
