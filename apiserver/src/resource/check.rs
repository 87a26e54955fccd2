//! Asking a resource's hooks in tests: JSON in, cells or JSON out.

use std::sync::LazyLock;

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::convert::{Encoding, decode};
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::Object;
use serde_json::Value;

use super::Resource;
use crate::caller::Caller;
use crate::features::Features;
use crate::object_life::{Owner, Write};

/// When tests happen: 2030-01-01T00:00:00Z.
pub(crate) const NOW: UnixMillis = UnixMillis(1_893_456_000_000);

/// The object that JSON or YAML stands for.
pub(crate) fn object(text: &str) -> Object {
    let (object, strict) = decode(text.as_bytes(), Encoding::detect(text.as_bytes()), true).unwrap();
    assert!(strict.is_empty(), "{text}: {strict:?}");
    object
}

/// An object as JSON.
pub(crate) fn json(object: &Object) -> Value {
    serde_json::from_slice(&crate::render::encode(object).unwrap()).unwrap()
}

/// Sees to it that an object has these cells. `now` is [`NOW`], and there are as many cells as columns.
#[expect(clippy::needless_pass_by_value, reason = "a table of cases reads better without references")]
pub(crate) fn cells(resource: &dyn Resource, text: &str, expected: Value) {
    let cells = resource.cells(&object(text), NOW);
    assert_eq!(cells.len(), resource.facts().columns.len(), "{text}");
    assert_eq!(Value::Array(cells), expected, "{text}");
}

/// Who writes in tests.
static CALLER: LazyLock<Caller> = LazyLock::new(|| Caller::authenticated("tester", ["testers"]));

/// What is on in tests.
static FEATURES: LazyLock<Features> = LazyLock::new(Features::default);

/// A write to `part` of an object (the object itself if empty), at [`NOW`].
pub(crate) fn write(part: &str) -> Write<'_> {
    let now = Time { seconds: i64::try_from(NOW.0 / 1000).unwrap(), nanos: 0 };
    Write { now, part, owner: Owner::Recorded, caller: &CALLER, is_trial: false, features: &FEATURES }
}

/// Sees to it that a new object is prepared like that.
pub(crate) fn create(resource: &dyn Resource, text: &str, expected: &str) {
    let mut new = object(text);
    resource.default_at(&mut new, write("").now);
    resource.prepare_create(&mut new, &write(""));
    resource.complete(&mut new);
    assert_eq!(json(&new), json(&object(expected)), "{text}");
}

/// Sees to it that `new` written in the place of `old` (to `part`) is prepared like that.
pub(crate) fn update(resource: &dyn Resource, part: &str, old: &str, new: &str, expected: &str) {
    let (old, mut prepared) = (object(old), object(new));
    resource.default_at(&mut prepared, write(part).now);
    match part {
        "status" => resource.prepare_status(&mut prepared, &old, &write(part)),
        _ => resource.prepare_update(&mut prepared, &old, &write(part)),
    }
    assert_eq!(json(&prepared), json(&object(expected)), "{new}");
}

/// Sees to it that an object's defaults are filled in like that.
pub(crate) fn default(resource: &dyn Resource, text: &str, expected: &str) {
    let mut new = object(text);
    let schema = new.schema().clone();
    let of = schema.ty().as_struct().unwrap();
    keelson_schema::defaults::apply(of, new.root_mut());
    resource.default(&mut new);
    assert_eq!(json(&new), json(&object(expected)), "{text}");
}

/// What a writer is warned of.
pub(crate) fn warnings(resource: &dyn Resource, new: &str, old: Option<&str>) -> Vec<String> {
    let mut warnings = Vec::new();
    resource.warn(&object(new), old.map(object).as_ref(), &mut warnings);
    warnings
}

/// An object with its defaults, and prepared as a new one that has been given an identity.
fn made(resource: &dyn Resource, text: &str) -> Object {
    let mut new = object(text);
    fill(resource, &mut new);
    resource.prepare_create(&mut new, &write(""));
    new
}

fn fill(resource: &dyn Resource, new: &mut Object) {
    let schema = new.schema().clone();
    keelson_schema::defaults::apply(schema.ty().as_struct().unwrap(), new.root_mut());
    resource.default(new);
    keelson_schema::normal::drop_empty(schema.ty().as_struct().unwrap(), new.root_mut());
}

fn sorted(errors: &Errors) -> Vec<String> {
    let mut causes: Vec<String> = errors.iter().map(ToString::to_string).collect();
    causes.sort_unstable();
    causes.dedup();
    causes
}

/// What is wrong with a new object, sorted: upstream goes through maps in no order.
pub(crate) fn causes(resource: &dyn Resource, text: &str) -> Vec<String> {
    let mut errors = Errors::new();
    resource.validate_create(&made(resource, text), &mut errors);
    sorted(&errors)
}

/// What is wrong with an object in the place of the one that came of `old`: `change` makes the former of the latter.
pub(crate) fn causes_of_change(
    resource: &dyn Resource,
    part: &str,
    old: &str,
    change: impl FnOnce(&mut Value),
) -> Vec<String> {
    let old = made(resource, old);
    let mut changed = json(&old);
    change(&mut changed);
    let mut new = object(&changed.to_string());
    fill(resource, &mut new);
    let mut errors = Errors::new();
    match part {
        "" => {
            resource.prepare_update(&mut new, &old, &write(part));
            resource.validate_update(&new, &old, &mut errors);
        }
        "status" => {
            resource.prepare_status(&mut new, &old, &write(part));
            resource.validate_status(&new, &old, &mut errors);
        }
        _ => {
            resource.prepare_update(&mut new, &old, &write(part));
            resource.validate_part(part, &new, &old, &mut errors);
        }
    }
    sorted(&errors)
}
