//! `StorageObjectInUseProtection`: storage goes only when nobody uses it, which its controllers find out.

use keelson_schema::tree::Object;

use crate::meta::{meta, meta_mut};

/// What holds a claim that pods use.
pub(super) const CLAIM: &str = "kubernetes.io/pvc-protection";
/// What holds a volume that is bound.
pub(super) const VOLUME: &str = "kubernetes.io/pv-protection";
/// What holds a class that volumes have.
pub(super) const ATTRIBUTES: &str = "kubernetes.io/vac-protection";

pub(super) fn protect(object: &mut Object, finalizer: &'static str) {
    let mut finalizers: Vec<String> = meta(object).finalizers().map(str::to_owned).collect();
    if finalizers.iter().all(|present| present != finalizer) {
        finalizers.push(finalizer.to_owned());
        meta_mut(object).set_finalizers(finalizers.iter().map(String::as_str));
    }
}
