//! Laws: what holds for all sets, all objects, all configurations.

use super::generate::{Numbers, configuration, kinds, set};
use crate::apply::fields::hits;
use crate::apply::managed::{self, take};
use crate::apply::node::{Node, Ty};
use crate::apply::owners::strip;
use crate::apply::{
    ApplyError, Comparison, Configuration, FieldPath, Managed, OneVersion, Operation, Set, Target, Writer,
    apply, extract, keep_times, typed, update,
};
use crate::arena::Schema;
use crate::json;
use crate::scalar::time::Time;
use crate::tree::{Object, Value};

const ROUNDS: u64 = 40;

fn target<'a>(api_version: &'a str, kind: &'a str) -> Target<'a> {
    Target { api_version, kind, subresource: "", filters: &[], versions: &OneVersion }
}

fn writer(manager: &str, second: i64) -> Writer<'_> {
    Writer { manager, now: Time { seconds: 1_700_000_000 + second, nanos: 0 } }
}

fn object_of(value: &Value, schema: &Schema) -> Object {
    typed::object(value.clone(), schema, "").unwrap()
}

/// Calls `law` with kinds and numbers.
fn for_all(law: impl Fn(&mut Numbers, &str, &str, &Schema)) {
    for (at, (api_version, kind, schema)) in kinds().iter().enumerate() {
        for round in 0..ROUNDS {
            law(&mut Numbers::new(1 + round * 100 + at as u64), api_version, kind, schema);
        }
    }
}

#[test]
fn sets_obey_the_laws_of_sets() {
    let mut numbers = Numbers::new(7);
    for _ in 0..4000 {
        let (a, b, c) = (set(&mut numbers), set(&mut numbers), set(&mut numbers));
        let both = a.clone().union(b.clone());
        assert_eq!(both, b.clone().union(a.clone()));
        assert_eq!(both.clone().union(c.clone()), a.clone().union(b.clone().union(c.clone())));
        assert_eq!(a.clone().union(a.clone()), a);
        assert_eq!(a.clone().difference(&a), Set::new());
        assert_eq!(a.clone().difference(&Set::new()), a);
        let shared = a.clone().intersection(&b);
        assert_eq!(shared, b.clone().intersection(&a));
        assert_eq!(shared, a.clone().difference(&a.clone().difference(&b)));
        assert_eq!(a.clone().difference(&b).union(shared.clone()), a);
        assert_eq!(both.len() + shared.len(), a.len() + b.len());
        assert_eq!(shared.is_empty(), a.is_disjoint(&b));
        assert!(both.is_superset(&a) && a.is_superset(&shared));
        assert_eq!(a.is_superset(&b), shared == b);
        assert!(a.clone().difference(&b).is_superset(&a.clone().recursive_difference(&b)));
        assert!(a.clone().recursive_difference(&a).is_empty());
        let leaves = a.clone().leaves();
        assert!(a.is_superset(&leaves) && leaves == leaves.clone().leaves());
        assert_eq!(a.paths().into_iter().collect::<Set>(), a);
        assert!(a.paths().iter().all(|path| a.contains(&path.0)));
        let written = a.to_json();
        assert_eq!(Set::from_json(&written).unwrap(), a);
        if let Some(hits) = hits(&written, &b) {
            assert_eq!(hits, shared.len(), "{a}\n--\n{b}");
        }
    }
}

#[test]
fn a_comparison_seen_from_the_other_side_is_its_mirror() {
    for_all(|numbers, api_version, kind, schema| {
        let a = object_of(&configuration(numbers, api_version, kind, schema), schema);
        let b = object_of(&configuration(numbers, api_version, kind, schema), schema);
        let (there, back) = (Comparison::of(Some(&a), &b).unwrap(), Comparison::of(Some(&b), &a).unwrap());
        assert!(Comparison::of(Some(&a), &a).unwrap().is_empty());
        assert_eq!((there.added, there.modified, there.removed), (back.removed, back.modified, back.added));
    });
}

#[test]
fn a_typed_tree_and_its_json_are_the_same_to_everyone() {
    for_all(|numbers, api_version, kind, schema| {
        let free = configuration(numbers, api_version, kind, schema);
        let object = object_of(&free, schema);
        let mut text = Vec::new();
        json::encode_value(schema.ty(), &free, &mut text).unwrap();
        let decoded = json::decode(&text, schema.ty(), false).unwrap().root;
        assert_eq!(&decoded, object.root(), "{kind}");
        let of = schema.ty().as_struct().unwrap();
        let shown = Node::Struct(of, object.root().entries()).to_any(Ty::of(schema.ty()));
        assert_eq!(Set::of_any(schema.ty(), &shown), Set::of(&object), "{kind}");
        let (mut a, mut b) = (Vec::new(), Vec::new());
        json::encode_value(schema.ty(), &shown, &mut a).unwrap();
        json::encode(schema.ty(), object.root(), &mut b).unwrap();
        assert_eq!(json::decode_any(&a), json::decode_any(&b), "{kind}");
    });
}

/// The paths of a set that nobody owns.
fn is_system(path: &FieldPath) -> bool {
    let mut set = Set::new();
    set.insert(&path.0);
    strip(&mut set);
    set.is_empty()
}

#[test]
fn whoever_changes_a_field_owns_it_alone() {
    for_all(|numbers, api_version, kind, schema| {
        let target = target(api_version, kind);
        let mut first = object_of(&configuration(numbers, api_version, kind, schema), schema);
        update(None, &mut first, &writer("first", 0), &target).unwrap();
        let mut second = object_of(&configuration(numbers, api_version, kind, schema), schema);
        let list = managed::list(&first).value().cloned();
        if list.is_none() {
            return;
        }
        managed::put(&mut second, list.clone());
        let comparison = Comparison::of(Some(&first), &second).unwrap();
        update(Some(&first), &mut second, &writer("second", 1), &target).unwrap();
        let owners = Managed::of(&second).unwrap();
        let owned = |manager: &str| {
            let entry = owners.entries.iter().find(|entry| entry.identity.manager == manager);
            entry.map(|entry| entry.set().into_owned()).unwrap_or_default()
        };
        let (firsts, seconds) = (owned("first"), owned("second"));
        let changed = comparison.added.union(comparison.modified);
        let expected: Set = changed.paths().into_iter().filter(|path| !is_system(path)).collect();
        assert_eq!(seconds, expected, "{kind}");
        assert!(firsts.is_disjoint(&seconds) && firsts.is_disjoint(&comparison.removed));
        // What was not touched stays where it was.
        let before = Managed::of(&first).unwrap().entries[0].set().into_owned();
        assert_eq!(firsts, before.difference(&changed).difference(&comparison.removed));
        // And whoever changes nothing owns nothing more.
        let mut again = second.clone();
        update(Some(&second), &mut again, &writer("third", 2), &target).unwrap();
        assert_eq!(again, second);
    });
}

/// What is stored of an object that may be nothing new.
fn stored(before: &Object, after: Option<Object>) -> Object {
    let mut after = after.unwrap_or_else(|| before.clone());
    keep_times(before, &mut after);
    after
}

#[test]
fn applying_again_writes_nothing() {
    for_all(|numbers, api_version, kind, schema| {
        let target = target(api_version, kind);
        let mut live = object_of(&configuration(numbers, api_version, kind, schema), schema);
        update(None, &mut live, &writer("creator", 0), &target).unwrap();
        let config = Configuration::new(configuration(numbers, api_version, kind, schema), schema.clone());
        let applied = apply(Some(&live), &config, &writer("a", 1), true, &target).unwrap().unwrap_or(live);
        let again = apply(Some(&applied), &config, &writer("a", 2), false, &target).unwrap();
        assert_eq!(stored(&applied, again), applied, "{kind}");
        // So does applying what one has applied, taken from the object.
        let Some(extracted) = extract(&applied, "a", "") else { return };
        let config = Configuration::new(extracted, schema.clone());
        let again = apply(Some(&applied), &config, &writer("a", 2), false, &target).unwrap();
        assert_eq!(stored(&applied, again), applied, "{kind}");
    });
}

#[test]
fn an_applied_configuration_holds_and_is_owned() {
    for_all(|numbers, api_version, kind, schema| {
        let target = target(api_version, kind);
        let mut live = object_of(&configuration(numbers, api_version, kind, schema), schema);
        update(None, &mut live, &writer("creator", 0), &target).unwrap();
        let value = configuration(numbers, api_version, kind, schema);
        let config = Configuration::new(value.clone(), schema.clone());
        let applied = apply(Some(&live), &config, &writer("a", 1), true, &target).unwrap();
        let applied = applied.unwrap_or_else(|| live.clone());
        // Comparing the two, the configuration adds nothing and changes nothing.
        let only = object_of(&value, schema);
        let mut bare = applied.clone();
        take(&mut bare);
        let comparison = Comparison::of(Some(&bare), &only).unwrap();
        let set = Set::of_any(schema.ty(), &value);
        let wrong = comparison.added.union(comparison.modified).intersection(&set);
        assert!(wrong.is_empty(), "{kind} {wrong}");
        let managed = Managed::of(&applied).unwrap();
        let entry = managed.entries.iter().find(|entry| entry.identity.operation == Operation::Apply);
        let owned = entry.map(|entry| entry.set().into_owned()).unwrap_or_default();
        let expected: Set = set.paths().into_iter().filter(|path| !is_system(path)).collect();
        assert_eq!(owned, expected, "{kind}");
        // What nobody spoke of is as it was.
        let mut before = live.clone();
        take(&mut before);
        let comparison = Comparison::of(Some(&before), &bare).unwrap();
        assert!(comparison.removed.is_empty(), "{kind} {}", comparison.removed);
    });
}

fn conflicts(result: Result<Option<Object>, ApplyError>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(ApplyError::Conflict(conflicts)) => {
            let mut paths: Vec<_> = conflicts.0.iter().map(|conflict| conflict.path.to_string()).collect();
            paths.sort();
            paths
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn conflicts_are_mutual() {
    for_all(|numbers, api_version, kind, schema| {
        let target = target(api_version, kind);
        let mut made =
            || Configuration::new(configuration(numbers, api_version, kind, schema), schema.clone());
        let (a, b) = (made(), made());
        let first = apply(None, &a, &writer("a", 0), false, &target).unwrap().unwrap();
        let there = conflicts(apply(Some(&first), &b, &writer("b", 1), false, &target));
        let first = apply(None, &b, &writer("b", 0), false, &target).unwrap().unwrap();
        let back = conflicts(apply(Some(&first), &a, &writer("a", 1), false, &target));
        assert_eq!(there, back, "{kind}");
    });
}

#[test]
fn who_gives_up_everything_leaves_what_others_own() {
    for_all(|numbers, api_version, kind, schema| {
        let target = target(api_version, kind);
        let mut made = || configuration(numbers, api_version, kind, schema);
        let (a, b) = (made(), made());
        let empty = {
            let text = format!(
                "{{\"apiVersion\":\"{api_version}\",\"kind\":\"{kind}\",\"metadata\":{{\"name\":\"n\"}}}}"
            );
            Configuration::new(json::decode_any(text.as_bytes()).unwrap(), schema.clone())
        };
        let (a, b) = (Configuration::new(a, schema.clone()), Configuration::new(b, schema.clone()));
        let alone = apply(None, &b, &writer("b", 0), false, &target).unwrap().unwrap();
        let first = apply(None, &b, &writer("b", 0), false, &target).unwrap().unwrap();
        let both = apply(Some(&first), &a, &writer("a", 1), true, &target).unwrap().unwrap_or(first);
        // Who owns in common keeps: b applies again over what a has taken, then a leaves.
        let both = apply(Some(&both), &b, &writer("b", 2), true, &target).unwrap().unwrap_or(both);
        let left = apply(Some(&both), &empty, &writer("a", 3), true, &target).unwrap().unwrap_or(both);
        let comparison = Comparison::of(Some(&left), &alone).unwrap();
        let missing: Vec<_> = comparison.added.union(comparison.modified).paths();
        let missing: Vec<_> = missing
            .iter()
            .map(ToString::to_string)
            .filter(|path| path != ".metadata.managedFields")
            .collect();
        assert!(missing.is_empty(), "{kind} {missing:?}");
    });
}

#[test]
fn merged_lists_keep_both_orders() {
    let schema = Schema::builtin("", "v1", "ConfigMap").unwrap();
    let mut numbers = Numbers::new(3);
    let names = ["a", "b", "c", "d", "e", "f"];
    for _ in 0..2000 {
        let mut some = || {
            let mut kept: Vec<&str> = names.iter().copied().filter(|_| numbers.chance(55)).collect();
            for at in (1..kept.len()).rev() {
                kept.swap(at, usize::try_from(numbers.below(at as u64 + 1)).unwrap());
            }
            kept
        };
        let (live, config) = (some(), some());
        let finalizers = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            let text = format!(
                "{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{{\"name\":\"n\",\"finalizers\":[{}]}}}}",
                names.join(",")
            );
            json::decode_any(text.as_bytes()).unwrap()
        };
        let target = target("v1", "ConfigMap");
        let mut object = object_of(&finalizers(&live), &schema);
        update(None, &mut object, &writer("x", 0), &target).unwrap();
        let config_of = Configuration::new(finalizers(&config), schema.clone());
        let applied = apply(Some(&object), &config_of, &writer("a", 1), true, &target).unwrap();
        let applied = applied.unwrap_or(object);
        let merged = applied.get("metadata.finalizers").map_or(&[][..], Value::items);
        let merged: Vec<&str> = merged.iter().filter_map(Value::as_str).collect();
        let within =
            |of: &[&str]| merged.iter().copied().filter(|name| of.contains(name)).collect::<Vec<_>>();
        assert_eq!(within(&config), config, "{live:?} {config:?} {merged:?}");
        let only_live: Vec<&str> = live.iter().copied().filter(|name| !config.contains(name)).collect();
        assert_eq!(within(&only_live), only_live, "{live:?} {config:?} {merged:?}");
        assert_eq!(merged.len(), only_live.len() + config.len());
    }
}
