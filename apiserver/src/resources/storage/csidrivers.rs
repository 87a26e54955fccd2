//! CSI drivers: what a storage driver can do.

use std::collections::BTreeSet;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::meta::{meta, meta_mut};
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};
use crate::rules::At;

/// The resource.
#[derive(Debug)]
pub(crate) struct CSIDrivers;

const FACTS: Facts = Facts {
    group: "storage.k8s.io",
    versions: &["v1"],
    stored_as: ("storage.k8s.io", "v1"),
    kind: "CSIDriver",
    plural: "csidrivers",
    singular: "csidriver",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: false,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::boolean("AttachRequired"),
        Column::boolean("PodInfoOnMount"),
        Column::boolean("StorageCapacity"),
        Column::text("TokenRequests"),
        Column::boolean("RequiresRepublish"),
        Column::text("Modes"),
        Column::text("Age"),
    ],
};

impl Resource for CSIDrivers {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let spec = object.view().field("spec");
        let truth = |name: &str, otherwise: bool| -> Cell {
            spec.field(name).value().and_then(Value::as_bool).unwrap_or(otherwise).into()
        };
        let tokens = spec.field("tokenRequests");
        let audiences: Vec<&str> = tokens.items().map(|token| token.field("audience").text()).collect();
        vec![
            cells::name(object),
            truth("attachRequired", true),
            truth("podInfoOnMount", false),
            truth("storageCapacity", false),
            if tokens.is_present() { audiences.join(",") } else { cells::UNSET.into() }.into(),
            truth("requiresRepublish", false),
            cells::joined_or(spec.field("volumeLifecycleModes").items().map(View::text), cells::NONE).into(),
            cells::age_of(object, now),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        spec.default("attachRequired", true);
        spec.default("fsGroupPolicy", "ReadWriteOnceWithFSType");
        if cells::count(spec.view().field("volumeLifecycleModes")) == 0 {
            spec.set("volumeLifecycleModes", Value::List([Value::from("Persistent")].into_iter().collect()));
        }
        for name in [
            "podInfoOnMount",
            "storageCapacity",
            "requiresRepublish",
            "seLinuxMount",
            "preventPodSchedulingIfMissing",
        ] {
            spec.default(name, false);
        }
    }

    /// Changes are counted, but not that there is a first state.
    fn prepare_update(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        if new.get("spec") != old.get("spec") {
            meta_mut(new).set_generation(meta(old).generation() + 1);
        }
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        const TOKENS: &str = "spec.tokenRequests";
        let has_tokens = cells::count(new.view().path(TOKENS)) > 0;
        let is_open = !new.view().path("spec.serviceAccountTokenInSecrets").is_present();
        if has_tokens && is_open && old.is_none_or(|old| old.get(TOKENS) != new.get(TOKENS)) {
            let words = "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes";
            warnings.push(words.into());
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        check(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        check(new, errors);
        let (spec, before) = (At::root(new, "spec"), old.view().field("spec"));
        for (name, shown) in
            [("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")]
        {
            spec.field_as(name, shown).immutable(before.field(name), errors);
        }
    }
}

fn check(new: &Object, errors: &mut Errors) {
    let spec = At::root(new, "spec");
    for (name, shown) in [
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ] {
        require(&spec.field_as(name, shown), errors);
    }
    let policy = spec.field("fsGroupPolicy");
    if policy.is_present() {
        policy.one_of(&["File", "None", "ReadWriteOnceWithFSType"], errors);
    }
    let tokens = spec.field("tokenRequests");
    check_tokens(&tokens, errors);
    let modes = spec.field("volumeLifecycleModes");
    for mode in modes.view.items() {
        At { view: mode, path: modes.path }.one_of(&["Persistent", "Ephemeral"], errors);
    }
    require(&spec.field("seLinuxMount"), errors);
    let period = spec.field("nodeAllocatableUpdatePeriodSeconds");
    if period.int().is_some_and(|seconds| seconds < 10) {
        period.invalid("must be greater than or equal to 10 seconds", errors);
    }
    let in_secrets = spec.field("serviceAccountTokenInSecrets");
    if in_secrets.is_present() && tokens.is_empty() {
        let words = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        in_secrets.invalid(words, errors);
    }
    require(&spec.field("preventPodSchedulingIfMissing"), errors);
}

/// It is said, one way or the other.
fn require(field: &At<'_, '_>, errors: &mut Errors) {
    if !field.is_present() {
        field.missing("", errors);
    }
}

fn check_tokens(tokens: &At<'_, '_>, errors: &mut Errors) {
    const SECONDS_MIN: i64 = 600;
    const SECONDS_MAX: i64 = 1 << 32;
    let mut audiences = BTreeSet::new();
    for token in tokens.items() {
        let audience = token.field("audience");
        if !audiences.insert(audience.text()) {
            audience.duplicate(errors);
            continue;
        }
        let expiration = token.field("expirationSeconds");
        if expiration.int().is_some_and(|seconds| seconds < SECONDS_MIN) {
            expiration.invalid("may not specify a duration less than 10 minutes", errors);
        }
        if expiration.int().is_some_and(|seconds| seconds > SECONDS_MAX) {
            expiration.invalid("may not specify a duration larger than 2^32 seconds", errors);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn driver(metadata: &str, spec: &str) -> String {
        format!(
            r#"{{"apiVersion":"storage.k8s.io/v1","kind":"CSIDriver","metadata":{{"name":"d","creationTimestamp":"2029-12-31T23:59:50Z"{metadata}}},"spec":{{{spec}}}}}"#
        )
    }

    #[test]
    fn cells() {
        check::cells(
            &CSIDrivers,
            &driver("", ""),
            json!(["d", true, false, false, "<unset>", false, "<none>", "10s"]),
        );
        check::cells(
            &CSIDrivers,
            &driver(
                "",
                r#""attachRequired":false,"podInfoOnMount":true,"storageCapacity":true,"requiresRepublish":true,"tokenRequests":[{"audience":"a"},{"audience":"b"}],"volumeLifecycleModes":["Persistent","Ephemeral"]"#,
            ),
            json!(["d", false, true, true, "a,b", true, "Persistent,Ephemeral", "10s"]),
        );
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        check::default(
            &CSIDrivers,
            &driver("", ""),
            &driver(
                "",
                r#""attachRequired":true,"fsGroupPolicy":"ReadWriteOnceWithFSType","podInfoOnMount":false,"preventPodSchedulingIfMissing":false,"requiresRepublish":false,"seLinuxMount":false,"storageCapacity":false,"volumeLifecycleModes":["Persistent"]"#,
            ),
        );
    }

    #[test]
    fn changes_are_counted_from_nothing() {
        let (old, new) = (driver("", ""), r#""attachRequired":false"#);
        check::update(&CSIDrivers, "", &old, &driver("", new), &driver(r#","generation":1"#, new));
        check::update(&CSIDrivers, "", &old, &old, &old);
    }

    #[test]
    fn tokens_in_the_open_are_warned_of() {
        let with = driver("", r#""tokenRequests":[{"audience":"a"}]"#);
        assert_eq!(check::warnings(&CSIDrivers, &with, None).len(), 1);
        assert_eq!(check::warnings(&CSIDrivers, &with, Some(&driver("", ""))).len(), 1);
        assert!(check::warnings(&CSIDrivers, &with, Some(&with)).is_empty());
        let decided =
            driver("", r#""tokenRequests":[{"audience":"a"}],"serviceAccountTokenInSecrets":false"#);
        assert!(check::warnings(&CSIDrivers, &decided, None).is_empty());
    }
}
