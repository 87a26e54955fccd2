//! `DefaultStorageClass` and `DefaultIngressClass`: the class of what names none.

use std::cmp::Reverse;

use keelson_schema::tree::Object;

use super::around::{self, Kind};
use crate::api::Call;
use crate::edit::Edit;
use crate::meta::{Meta, meta};
use crate::problem::Problem;

const STORAGE: Kind = ("storage.k8s.io", "v1", "storageclasses");
const STORAGE_DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
const INGRESS: Kind = ("networking.k8s.io", "v1", "ingressclasses");
const INGRESS_DEFAULT: [&str; 1] = ["ingressclass.kubernetes.io/is-default-class"];
/// Where claims and ingresses named their classes once.
pub(super) const STORAGE_OF_OLD: &str = "volume.beta.kubernetes.io/storage-class";
const INGRESS_OF_OLD: &str = "kubernetes.io/ingress.class";

pub(super) fn annotation<'a>(of: Meta<'a>, name: &str) -> Option<&'a str> {
    of.annotations().find(|(key, _)| *key == name).map(|(_, value)| value)
}

pub(super) async fn fill_claim(call: &Call<'_>, claim: &mut Object) -> Result<(), Problem> {
    let has_one = claim.view().path("spec.storageClassName").is_present()
        || annotation(meta(claim), STORAGE_OF_OLD).is_some();
    if !has_one && let Some(name) = the_default(call, STORAGE, &STORAGE_DEFAULT).await? {
        Edit::object(claim).made("spec").set("storageClassName", name.as_str());
    }
    Ok(())
}

pub(super) async fn fill_ingress(call: &Call<'_>, ingress: &mut Object) -> Result<(), Problem> {
    let has_one = ingress.view().path("spec.ingressClassName").is_present()
        || annotation(meta(ingress), INGRESS_OF_OLD).is_some();
    if !has_one && let Some(name) = the_default(call, INGRESS, &INGRESS_DEFAULT).await? {
        Edit::object(ingress).made("spec").set("ingressClassName", name.as_str());
    }
    Ok(())
}

/// The class that says it is the one to take; the newest if several do, and of those the first by name.
async fn the_default(call: &Call<'_>, kind: Kind, marks: &[&str]) -> Result<Option<String>, Problem> {
    let classes = around::all(call, kind, "").await?;
    let is_marked = |class: &Object| marks.iter().any(|mark| annotation(meta(class), mark) == Some("true"));
    let newest_first = |class: &&Object| {
        let made = meta(class).creation_timestamp().map(|time| time.seconds);
        (Reverse(made), meta(class).name().to_owned())
    };
    let the_one = classes.iter().filter(|class| is_marked(class)).min_by_key(newest_first);
    Ok(the_one.map(|class| meta(class).name().to_owned()))
}
