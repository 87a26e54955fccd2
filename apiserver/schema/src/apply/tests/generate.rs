//! Values of any type, from a seed. Texts and keys come from few, so that values meet.

use crate::apply::Set;
use crate::apply::element::Element;
use crate::apply::item::element;
use crate::apply::node::Ty;
use crate::arena::{FieldRef, Kind, ListShape, Schema, TypeRef};
use crate::tree::{Entries, Value};

/// Deterministic numbers.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

const TEXTS: [&str; 5] = ["a", "b", "web", "x-y", "ü<\"&"];
const KEYS: [&str; 4] = ["a", "app", "b", "x.y/z"];

/// The kinds that the laws are tried on.
pub(super) fn kinds() -> Vec<(&'static str, &'static str, Schema)> {
    let kinds = [
        ("apps", "v1", "Deployment"),
        ("", "v1", "Pod"),
        ("", "v1", "Service"),
        ("", "v1", "ConfigMap"),
        ("", "v1", "Node"),
        ("", "v1", "ServiceAccount"),
        ("networking.k8s.io", "v1", "Ingress"),
        ("rbac.authorization.k8s.io", "v1", "ClusterRole"),
        ("autoscaling", "v2", "HorizontalPodAutoscaler"),
        ("apps", "v1", "ControllerRevision"),
        ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
    ];
    let version = |group: &str| match group {
        "" => "v1",
        "apps" => "apps/v1",
        "networking.k8s.io" => "networking.k8s.io/v1",
        "rbac.authorization.k8s.io" => "rbac.authorization.k8s.io/v1",
        "autoscaling" => "autoscaling/v2",
        _ => "apiextensions.k8s.io/v1",
    };
    kinds.map(|(group, v, kind)| (version(group), kind, Schema::builtin(group, v, kind).unwrap())).into()
}

/// What somebody might apply: free JSON without explicit zeros and nulls.
pub(super) fn configuration(numbers: &mut Numbers, api_version: &str, kind: &str, schema: &Schema) -> Value {
    let mut config = value(numbers, schema.ty(), 0).unwrap_or(Value::Map(Entries::new()));
    let map = config.as_map_mut().unwrap();
    map.set("apiVersion", Value::from(api_version));
    map.set("kind", Value::from(kind));
    if !matches!(map.get("metadata"), Some(Value::Map(_))) {
        map.set("metadata", Value::Map(Entries::new()));
    }
    map.get_mut("metadata").unwrap().as_map_mut().unwrap().set("name", Value::from("n"));
    config
}

/// A value of a type, as JSON has it.
pub(super) fn value(numbers: &mut Numbers, ty: TypeRef<'_>, depth: u32) -> Option<Value> {
    let json = |text: &str| Some(crate::json::decode_any(text.as_bytes()).unwrap());
    match ty.kind() {
        Kind::Bool => Some(Value::Bool(true)),
        Kind::Int32 | Kind::Int64 => Some(Value::Int(numbers.pick(&[1, 2, 80, 443]))),
        Kind::Float64 => Some(Value::Float(numbers.pick(&[0.5, 1.5]))),
        Kind::String => Some(Value::from(numbers.pick(&TEXTS))),
        Kind::Bytes => Some(Value::from(numbers.pick(&["YQ==", "YWI="]))),
        Kind::Time => Some(Value::from(numbers.pick(&["2021-01-01T00:00:00Z", "2021-02-01T00:00:00Z"]))),
        Kind::MicroTime => Some(Value::from("2021-01-01T00:00:00.500000Z")),
        Kind::Quantity => Some(Value::from(numbers.pick(&["100m", "1", "2Gi"]))),
        Kind::IntOrString => Some(numbers.pick(&[Value::Int(80), Value::from("25%")].each_ref()).clone()),
        Kind::Raw | Kind::Json => json(numbers.pick(&["{\"a\":1,\"b\":{\"c\":[1]}}", "{\"a\":2}"])),
        Kind::SchemaOrBool => Some(Value::Bool(true)),
        Kind::SchemaOrArray | Kind::SchemaOrStrings | Kind::FieldsV1 => None,
        Kind::Any => json(numbers.pick(&["{\"k\":{\"l\":1}}", "{\"k\":{\"m\":true}}", "[1,2]", "\"t\""])),
        Kind::List => list(numbers, ty, depth),
        Kind::Map => {
            let mut entries = Entries::new();
            for _ in 0..=numbers.below(2) {
                if let Some(item) = value(numbers, ty.elem(), depth + 1) {
                    entries.set(numbers.pick(&KEYS), item);
                }
            }
            (!entries.is_empty()).then_some(Value::Map(entries))
        }
        Kind::Struct => object(numbers, ty, depth).map(Value::Map),
    }
}

fn object(numbers: &mut Numbers, ty: TypeRef<'_>, depth: u32) -> Option<Entries> {
    let of = ty.as_struct()?;
    let percent = match depth {
        0 => 70,
        1..4 => 35,
        _ => 15,
    };
    // Large structs are not filled any more than small ones.
    let percent = if of.len() > 12 { percent / 2 } else { percent };
    let mut entries = Entries::new();
    for field in of.fields().filter(|field| !is_left_out(*field, depth)) {
        if depth < 9 && (field.is_required() || numbers.chance(percent)) {
            if let Some(value) = value(numbers, field.ty(), depth + 1) {
                entries.set(field.name(), value);
            }
        }
    }
    (!entries.is_empty()).then_some(entries)
}

fn is_left_out(field: FieldRef<'_>, depth: u32) -> bool {
    let system =
        ["name", "uid", "managedFields", "creationTimestamp", "resourceVersion", "generation", "selfLink"];
    match depth {
        0 => matches!(field.name(), "apiVersion" | "kind"),
        1 => system.contains(&field.name()),
        _ => field.name() == "managedFields",
    }
}

/// Without items that cannot be told apart.
fn list(numbers: &mut Numbers, ty: TypeRef<'_>, depth: u32) -> Option<Value> {
    let mut seen = Set::new();
    let mut items = thin_vec::ThinVec::new();
    for _ in 0..=numbers.below(3) {
        let Some(item) = value(numbers, ty.elem(), depth + 1) else { continue };
        if ty.shape() != ListShape::Atomic {
            let Ok(element) = element(Ty::of(ty), &item) else { continue };
            let path: &[Element] = std::slice::from_ref(&element);
            if seen.contains(path) {
                continue;
            }
            seen.insert(path);
        }
        items.push(item);
    }
    (!items.is_empty()).then_some(Value::List(items))
}

/// A set of few paths.
pub(super) fn set(numbers: &mut Numbers) -> Set {
    const ELEMENTS: [&str; 7] =
        ["f:a", "f:b", "f:c", "k:{\"n\":\"x\"}", "k:{\"n\":\"y\",\"p\":80}", "v:1", "i:0"];
    let mut set = Set::new();
    for _ in 0..numbers.below(8) {
        let elements =
            (0..=numbers.below(3)).map(|_| Element::parse(numbers.pick(&ELEMENTS)).unwrap().unwrap());
        set.insert(&elements.collect::<Vec<_>>());
    }
    set
}
