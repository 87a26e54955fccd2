//! Who owns which fields: what every write records in `metadata.managedFields`.
//!
//! The rules are the schema model's ([`keelson_schema::apply`]); here stands what they need to know of a resource: its
//! versions, and which fields a part of it cannot change at all.

use keelson_schema::apply::{
    self, FieldPath, Filter, Managed, OneVersion, Scale, Set, Target, Versions, Writer,
};
use keelson_schema::json::Gvk;
use keelson_schema::tree::Object;

use crate::api::Call;
use crate::bootstrap::OWN_MANAGER;
use crate::catalog::{Catalog, Served};

/// The versions of a resource, for owners who wrote in another one.
struct Known<'a> {
    served: &'a Served,
    catalog: &'a Catalog,
}

impl Known<'_> {
    fn served(&self, wanted: &str) -> Option<&Served> {
        let facts = self.served.facts();
        self.served.api_versions.iter().find(|version| *version == wanted)?;
        let version = wanted.rsplit('/').next()?;
        self.catalog.known(facts.group, version, facts.plural).map(|served| &**served)
    }
}

impl Versions for Known<'_> {
    fn knows(&self, wanted: &str) -> bool {
        self.served(wanted).is_some()
    }

    fn convert(&self, object: &Object, wanted: &str) -> Result<Object, String> {
        let to = self.served(wanted).ok_or_else(|| format!("no version {wanted}"))?;
        Ok(to.resource.convert(object.clone(), &to.schema))
    }
}

/// Does something with what is written to.
pub(crate) fn with_target<T>(call: &Call<'_>, act: impl FnOnce(&Target<'_>) -> T) -> T {
    let part = call.subresource.map_or("", |subresource| subresource.name);
    with_target_in(&known(call), &call.gvk().kind, part, act)
}

fn known<'a>(call: &'a Call<'_>) -> Known<'a> {
    Known { served: call.served, catalog: &call.api.catalog }
}

fn with_target_in<T>(known: &Known<'_>, kind: &str, part: &str, act: impl FnOnce(&Target<'_>) -> T) -> T {
    let filters: Vec<_> = match reach(known.served, part) {
        Some(filter) => {
            let versions = known.served.api_versions.iter();
            versions.map(|version| (version.as_str(), filter.clone())).collect()
        }
        None => Vec::new(),
    };
    act(&Target {
        api_version: &known.served.api_version,
        kind,
        subresource: part,
        filters: &filters,
        versions: known,
    })
}

/// What of an object a write of `part` can change at all; nothing if that is all of it.
fn reach(served: &Served, part: &str) -> Option<Filter> {
    let resource = served.resource;
    match part {
        "" if served.subresource("status").is_some() => Some(all_but(resource.fixed())),
        "approval" => Some(all_but(&[&["spec"], &["status", "certificate"]])),
        "finalize" => Some(all_but(&[&["status"]])),
        "status" => Some(all_but(resource.fixed_by_status())),
        _ => None,
    }
}

fn all_but(fixed: &[&[&str]]) -> Filter {
    let path = |names: &&[&str]| FieldPath::of(names);
    Filter::Exclude(Set::from_iter(fixed.iter().map(path)))
}

/// Records in `new` that `writer` has made it of `live`.
pub(crate) fn record(call: &Call<'_>, live: Option<&Object>, new: &mut Object, writer: &Writer<'_>) {
    with_target(call, |target| record_in(target, live, new, writer));
}

/// Records in `new` that this server has of its own accord given `live` another status. Both are in the stored version,
/// and that is what `served` serves.
pub(crate) fn record_own_status(call: &Call<'_>, served: &Served, live: &Object, new: &mut Object) {
    let known = Known { served, catalog: &call.api.catalog };
    let writer = Writer { manager: OWN_MANAGER, now: call.now() };
    with_target_in(&known, served.facts().kind, "status", |target| {
        record_in(target, Some(live), new, &writer);
    });
}

/// Records in `new`, which is what `target` says, that `writer` has made it of `live`.
pub(crate) fn record_in(target: &Target<'_>, live: Option<&Object>, new: &mut Object, writer: &Writer<'_>) {
    if let Err(error) = apply::update(live, new, writer, target) {
        // As upstream: ownership that cannot be recorded is no reason to refuse the write.
        tracing::debug!(%error, kind = target.kind, "ownership not recorded");
    }
}

/// What is written to where somebody scales something.
pub(crate) const SCALE: Target<'static> = Target {
    api_version: "autoscaling/v1",
    kind: "Scale",
    subresource: "scale",
    filters: &[],
    versions: &OneVersion,
};

/// The owners of the scale of `object`.
pub(crate) fn scale_owners(call: &Call<'_>, object: &Object) -> Managed {
    with_scale(call, |scale| scale.of_resource(&owners(object)))
}

/// The owners of `object` once its scale is `scale`.
pub(crate) fn owners_by_scale(call: &Call<'_>, object: &Object, scale: &Object) -> Managed {
    with_scale(call, |rule| rule.to_resource(&owners(object), &owners(scale)))
}

fn owners(object: &Object) -> Managed {
    Managed::of(object).unwrap_or_default()
}

fn with_scale<T>(call: &Call<'_>, act: impl FnOnce(&Scale<'_>) -> T) -> T {
    let versions = &call.served.api_versions;
    let replicas = FieldPath::of(&["spec", "replicas"]);
    let paths: Vec<_> = versions.iter().map(|version| (version.as_str(), Some(replicas.clone()))).collect();
    act(&Scale { replicas: &paths, api_version: &call.served.api_version })
}

/// Records in `new`, which is of another kind than the resource and is kept nowhere, that `writer` has made it.
pub(crate) fn record_as(call: &Call<'_>, gvk: &Gvk, new: &mut Object, writer: &Writer<'_>) {
    let target = Target {
        api_version: &gvk.api_version(),
        kind: &gvk.kind,
        subresource: call.subresource.map_or("", |subresource| subresource.name),
        filters: &[],
        versions: &known(call),
    };
    if let Err(error) = apply::update(None, new, writer, &target) {
        tracing::debug!(%error, kind = gvk.kind, "ownership not recorded");
    }
}
