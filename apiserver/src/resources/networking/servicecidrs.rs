//! Service CIDRs: the ranges that service addresses are given out from.

use keelson_api::field::{Error, Errors};
use keelson_api::names::address::{check_cidr, parse_cidr};
use keelson_api::time::UnixMillis;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::{At, IMMUTABLE, internal};

/// The resource.
#[derive(Debug)]
pub(crate) struct ServiceCIDRs;

const FACTS: Facts = Facts {
    group: "networking.k8s.io",
    versions: &["v1"],
    stored_as: ("networking.k8s.io", "v1"),
    kind: "ServiceCIDR",
    plural: "servicecidrs",
    singular: "servicecidr",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "ServiceCIDR",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[Column::NAME, Column::text("CIDRs"), Column::text("Age")],
};

impl Resource for ServiceCIDRs {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let ranges = cells::joined(object.view().path("spec.cidrs"));
        vec![cells::name(object), ranges.into(), cells::age_of(object, now)]
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["metadata"], &["spec"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        parts::keep_content(new, old);
        parts::keep_metadata(new, old);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let spec = At::root(new, "spec");
        let (ranges, before) = (spec.field("cidrs"), old.view().path("spec.cidrs"));
        match (before.items().len(), ranges.len()) {
            (1, 2) => {
                ranges.index(0).immutable(before.item(0), errors);
                check(new, errors);
            }
            (before_count, count) if before_count == count => {
                for (range, before) in ranges.items().zip(before.items()) {
                    range.immutable(before, errors);
                }
            }
            _ => ranges.invalid(IMMUTABLE, errors),
        }
    }
}

/// One range, or one of each family.
fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    let ranges = spec.field("cidrs");
    match ranges.len() {
        0 => return ranges.missing("at least one CIDR required", errors),
        1 | 2 => {}
        _ => {
            let shown = internal::shown(spec.view);
            errors.push(Error::invalid(&ranges.path, shown, "may only hold up to 2 values"));
            return;
        }
    }
    for range in ranges.items() {
        check_cidr(&range.path, range.text(), errors);
    }
    let family = |index: usize| parse_cidr(ranges.view.item(index).text()).map(|(ip, _)| ip.is_ipv4());
    if ranges.len() == 2 && family(0).is_some() && family(0) == family(1) {
        let words =
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
        ranges.invalid(words, errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    #[test]
    fn cells_and_parts() {
        let object = |labels: &str, ranges: &str, status: &str| {
            format!(
                r#"{{"apiVersion":"networking.k8s.io/v1","kind":"ServiceCIDR","metadata":{{"name":"s","labels":{{{labels}}},"creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{"cidrs":[{ranges}]}},"status":{{{status}}}}}"#
            )
        };
        let ready = r#""conditions":[{"type":"Ready","status":"True","lastTransitionTime":null,"reason":"r","message":"m"}]"#;
        let (old, new) =
            (object("", r#""10.0.0.0/16","fd00::/64""#, ""), object(r#""a":"b""#, r#""10.0.0.0/8""#, ready));
        check::cells(&ServiceCIDRs, &old, json!(["s", "10.0.0.0/16,fd00::/64", "10s"]));
        check::create(&ServiceCIDRs, &new, &object(r#""a":"b""#, r#""10.0.0.0/8""#, ""));
        check::update(
            &ServiceCIDRs,
            "status",
            &old,
            &new,
            &object("", r#""10.0.0.0/16","fd00::/64""#, ready),
        );
    }
}
