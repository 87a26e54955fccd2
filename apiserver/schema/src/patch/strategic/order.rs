//! The order of a merged list: what the patch names stands as the patch says, what only the object has stands as it
//! stood, and between the two the object's order decides as far as it goes.

use super::key::{Key, Places, required};
use super::list::{Merging, element_shape, list_of};
use super::open::Open;
use super::{
    PATCH, SET_ELEMENT_ORDER, Scope, Shape, Stop, StrategicError, clean, expected, named, no_merge_key,
};
use crate::arena::{Flags, TypeRef};
use crate::patch::print::PlainList;
use crate::tree::{Entries, Value};

/// An item of a list with what tells it apart.
pub(super) struct Item {
    pub(super) key: Key,
    pub(super) value: Value,
}

/// Items for which no order is known move as upstream's sorting happens to move them. Beyond this many they stay.
const UNORDERED_MAX: usize = 1000;

/// Puts the items of a patch and those that only the object has into one list.
pub(super) fn arrange(
    patch: Vec<Item>,
    server_only: Vec<Item>,
    patch_order: &Places,
    server_order: &Places,
) -> Result<Vec<Value>, Stop> {
    let patch = sorted(patch, patch_order)?;
    let server_only = sorted(server_only, server_order)?;
    let mut arranged = Vec::with_capacity(patch.len() + server_only.len());
    let mut patch = patch.into_iter().peekable();
    for item in server_only {
        let place = server_order.find(&item.key)?;
        while let Some(next) = patch.peek() {
            let first = match (place, server_order.find(&next.key)?) {
                (Some(place), Some(next)) => place < next,
                _ => false,
            };
            if first {
                break;
            }
            arranged.extend(patch.next().map(|item| item.value));
        }
        arranged.push(item.value);
    }
    arranged.extend(patch.map(|item| item.value));
    Ok(arranged)
}

fn sorted(items: Vec<Item>, order: &Places) -> Result<Vec<Item>, Stop> {
    let mut placed = Vec::with_capacity(items.len());
    for item in items {
        placed.push((order.find(&item.key)?, item));
    }
    if placed.iter().all(|(place, _)| place.is_some()) {
        placed.sort_by_key(|(place, _)| *place);
    } else if placed.len() <= UNORDERED_MAX {
        // Upstream takes everything it cannot compare for less, in an insertion sort.
        for start in 1..placed.len() {
            let mut at = start;
            while at > 0 && placed[at].0.zip(placed[at - 1].0).is_none_or(|(one, other)| one < other) {
                placed.swap(at, at - 1);
                at -= 1;
            }
        }
    }
    Ok(placed.into_iter().map(|(_, item)| item).collect())
}

/// Merges and orders the list that a `$setElementOrder` is for. The list's name, if there was anything to do.
pub(super) fn reorder<'a, 'p>(
    original: &mut Open<'a>,
    scope: Scope<'a>,
    patch: &'p Entries,
    directive: &'p str,
    order: &Value,
) -> Result<Option<&'p str>, Stop> {
    let list = |value: &'p Value| match value {
        Value::List(items) => Ok(&items[..]),
        other => Err(expected(Shape::List, Shape::of(other))),
    };
    let Value::List(order) = order else { return Err(expected(Shape::List, Shape::of(order)).into()) };
    let name = named(directive, SET_ELEMENT_ORDER).ok_or(StrategicError::SetElementOrder)?;
    let slot = original.slot(name);
    let before = original.shape(slot);
    if let Some(shape) = before.filter(|shape| *shape != Shape::List) {
        return Err(expected(Shape::List, shape).into());
    }
    let patched = patch.get(name).map(list).transpose()?;
    let (field, elem) = scope.list(name, original.field(slot))?;
    let key = field.merge_key().unwrap_or("");
    agree(patched.unwrap_or(&[]), order, key)?;
    if before.is_none() && patched.is_none() {
        return Ok(None);
    }
    let earlier = if before.is_some() { list_of(original.take(slot)) } else { Vec::new() };
    let shape = element_shape(elem.ty, &earlier, patched.unwrap_or(&[]));
    let mut server = match shape {
        Ok(Shape::Map) => required(elem.ty, &earlier, key),
        _ => Ok(earlier.iter().map(Key::of).collect()),
    };
    let merged = match patched {
        None => earlier,
        Some(items) if before.is_none() => items.iter().filter_map(|item| clean(item, false)).collect(),
        Some(items) if field.flags().has(Flags::MERGE) => {
            let merged = Merging { elem, key, deletes: false }.items(earlier, items, None)?;
            server = merged.server;
            merged.items
        }
        Some(items) => items.to_vec(),
    };
    let (patched, server_only) = part(merged, order, elem.ty, key)?;
    let order = match shape? {
        Shape::Map => required(elem.ty, order, key)?,
        _ => order.iter().map(Key::of).collect(),
    };
    let arranged = arrange(patched, server_only, &Places::new(order), &Places::new(server?))?;
    original.set(slot, Value::List(arranged.into_iter().collect()));
    Ok(Some(name))
}

/// Parts items into those that an order names and the others.
fn part(
    merged: Vec<Value>,
    order: &[Value],
    ty: TypeRef<'_>,
    key: &str,
) -> Result<(Vec<Item>, Vec<Item>), Stop> {
    let mut parts = (Vec::new(), Vec::new());
    let scalars = key.is_empty();
    let stranger = order.iter().position(|item| Shape::of(item) != Shape::Map).filter(|_| !scalars);
    let known: Vec<Key> = if scalars {
        order.iter().map(Key::of).collect()
    } else {
        let objects = &order[..stranger.unwrap_or(order.len())];
        objects.iter().filter_map(|item| Key::of_item(ty, item, key)).collect()
    };
    if scalars && known.iter().any(Key::is_odd) {
        return Err(Stop::Fatal);
    }
    let known = Places::new(known);
    let keys = if scalars { merged.iter().map(Key::of).collect() } else { required(ty, &merged, key)? };
    for (key, value) in keys.into_iter().zip(merged) {
        if scalars && key.is_odd() {
            return Err(Stop::Fatal);
        }
        let named = known.find(&key)?.is_some();
        if let Some(at) = stranger.filter(|_| !named) {
            return Err(StrategicError::NotAMap(at).into());
        }
        let part = if named { &mut parts.0 } else { &mut parts.1 };
        part.push(Item { key, value });
    }
    Ok(parts)
}

/// Refuses a list that contradicts its order.
fn agree(patched: &[Value], order: &[Value], key: &str) -> Result<(), Stop> {
    if patched.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut kept = Vec::with_capacity(patched.len());
    for item in patched {
        if !key.is_empty() && Shape::of(item) != Shape::Map {
            return Err(expected(Shape::Map, Shape::of(item)).into());
        }
        if key.is_empty() || directive(item).and_then(Value::as_str) != Some("delete") {
            kept.push(item);
        }
    }
    let (mut at, mut place) = (0, 0);
    while at < kept.len() && place < order.len() {
        if directive(kept[at]).is_some() {
            at += 1;
            continue;
        }
        if alike(kept[at], &order[place], key)? {
            at += 1;
        }
        place += 1;
    }
    if at < kept.len() && place >= order.len() {
        let (patch, order) = (PlainList(patched).to_string(), PlainList(order).to_string());
        return Err(StrategicError::Order { patch, order }.into());
    }
    Ok(())
}

/// The `$patch` of an item.
fn directive(item: &Value) -> Option<&Value> {
    item.as_map().and_then(|entries| entries.get(PATCH))
}

/// Whether two items of a patch mean the same.
fn alike(one: &Value, other: &Value, key: &str) -> Result<bool, Stop> {
    if key.is_empty() {
        return Key::of(one).same(&Key::of(other));
    }
    let key_of = |item: &Value| match item {
        Value::Map(entries) => Ok(entries.get(key).map(Key::of)),
        other => Err(expected(Shape::Map, Shape::of(other))),
    };
    let (left, right) = (key_of(one)?, key_of(other)?);
    let left = left.ok_or_else(|| no_merge_key(one, key))?;
    let right = right.ok_or_else(|| no_merge_key(other, key))?;
    left.same(&right)
}
