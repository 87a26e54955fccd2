//! `PersistentVolumeClaimResize`: a claim grows only where its class can make it grow.

use keelson_api::quantity::Quantity;
use keelson_schema::tree::Object;

use super::around::{self, Kind};
use super::class::{STORAGE_OF_OLD, annotation};
use super::forbidden;
use crate::api::Call;
use crate::meta::meta;
use crate::problem::Problem;

const CLASSES: Kind = ("storage.k8s.io", "v1", "storageclasses");
const NOT_BOUND: &str = "Only bound persistent volume claims can be expanded";
const CANNOT: &str = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";

pub(super) async fn check(call: &Call<'_>, new: &Object, old: &Object) -> Result<(), Problem> {
    if size(new) <= size(old) {
        return Ok(());
    }
    if old.text("status.phase") != "Bound" {
        return Err(forbidden(call, new, NOT_BOUND));
    }
    let (class, old_class) = (class(new), class(old));
    let found = match class {
        "" => None,
        class if class != old_class => None,
        class => around::one(call, CLASSES, "", class).await?,
    };
    if found.is_some_and(|class| class.view().field("allowVolumeExpansion").is_true()) {
        return Ok(());
    }
    Err(forbidden(call, new, CANNOT))
}

fn size(claim: &Object) -> Quantity {
    let requests = claim.view().path("spec.resources.requests");
    requests.key("storage").text().parse().unwrap_or_default()
}

fn class(claim: &Object) -> &str {
    annotation(meta(claim), STORAGE_OF_OLD).unwrap_or_else(|| claim.text("spec.storageClassName"))
}
