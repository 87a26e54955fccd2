//! Merging a list into another: scalars as sets, objects by their key.

use std::collections::HashSet;

use thin_vec::ThinVec;

use super::key::{Key, Places, required};
use super::order::{Item, arrange};
use super::{PATCH, Scope, Shape, Stop, StrategicError, expected, merge, no_merge_key, unknown_directive};
use crate::arena::TypeRef;
use crate::json;
use crate::patch::print::{self, PlainList};
use crate::tree::Value;

/// How a list is merged.
pub(super) struct Merging<'a> {
    /// The type of the items.
    pub(super) elem: Scope<'a>,
    /// Their key; empty for none.
    pub(super) key: &'a str,
    /// Whether the patch names the scalars to be deleted.
    pub(super) deletes: bool,
}

/// A merged list.
pub(super) struct Merged {
    pub(super) items: Vec<Value>,
    /// The order of the items that were there before, as a `$setElementOrder` then sees it.
    pub(super) server: Result<Vec<Key>, StrategicError>,
}

impl Merging<'_> {
    /// Merges `patch` into a value that is a list to upstream. `left` is what is left of the patch.
    pub(super) fn run(
        &self,
        original: Value,
        patch: &[Value],
        left: Option<&mut ThinVec<Value>>,
    ) -> Result<Value, Stop> {
        Ok(Value::List(self.items(list_of(original), patch, left)?.items.into_iter().collect()))
    }

    pub(super) fn items(
        &self,
        original: Vec<Value>,
        patch: &[Value],
        left: Option<&mut ThinVec<Value>>,
    ) -> Result<Merged, Stop> {
        if original.is_empty() && patch.is_empty() {
            return Ok(Merged { items: original, server: Ok(Vec::new()) });
        }
        let shape = element_shape(self.elem.ty, &original, patch)?;
        if shape == Shape::Map {
            return self.objects(original, patch, left);
        }
        let patched: HashSet<Key> = patch.iter().map(Key::of).collect();
        if self.deletes {
            let items = original.into_iter().filter(|item| !patched.contains(&Key::of(item))).collect();
            return Ok(Merged { items, server: Ok(Vec::new()) });
        }
        if !self.key.is_empty() {
            return Err(expected(Shape::Map, shape).into());
        }
        let server: Vec<Key> = original.iter().map(Key::of).collect();
        let order: Vec<Key> = patch.iter().map(Key::of).collect();
        let mut seen = HashSet::new();
        let mut both = (Vec::new(), Vec::new());
        for item in original.into_iter().chain(patch.iter().cloned()) {
            let key = Key::of(&item);
            if seen.insert(key.clone()) {
                let part = if patched.contains(&key) { &mut both.0 } else { &mut both.1 };
                part.push(Item { key, value: item });
            }
        }
        let items = arrange(both.0, both.1, &Places::new(order), &Places::new(server.clone()))?;
        Ok(Merged { items, server: Ok(server) })
    }

    fn objects(
        &self,
        original: Vec<Value>,
        patch: &[Value],
        mut left: Option<&mut ThinVec<Value>>,
    ) -> Result<Merged, Stop> {
        if self.key.is_empty() {
            return Err(StrategicError::NoKey(self.elem.kind_name()).into());
        }
        let Special { deleted, replaces } = self.special(patch)?;
        let before = original.len();
        let mut items = original;
        if !deleted.is_empty() {
            items.retain(|item| !deleted.contains(&self.key_of(item)));
        }
        let gone = before - items.len();
        let plain = || patch.iter().enumerate().filter(|(_, item)| !is_special(item));
        if replaces {
            let server = required(self.elem.ty, &items, self.key);
            items = plain().map(|(_, item)| item.clone()).collect();
            return Ok(Merged { server, ..Growing::new(self, items, 0).arranged(Vec::new())? });
        }
        let mut growing = Growing::new(self, items, gone);
        let mut order = Vec::new();
        for (at, item) in plain() {
            order.push(growing.put(at, item, left.as_deref_mut())?);
        }
        growing.arranged(order)
    }

    fn key_of(&self, item: &Value) -> Key {
        Key::of_item(self.elem.ty, item, self.key).unwrap_or(Key::Missing)
    }

    /// What the items with a `$patch` want.
    fn special(&self, patch: &[Value]) -> Result<Special, Stop> {
        let mut special = Special::default();
        for item in patch {
            let Value::Map(entries) = item else { continue };
            let Some(directive) = entries.get(PATCH) else { continue };
            match directive.as_str() {
                Some("delete") => {
                    let key = entries.get(self.key).ok_or_else(|| no_merge_key(item, self.key))?;
                    special.deleted.insert(Key::of(key));
                }
                Some("replace") => special.replaces = true,
                Some("merge") => return Err(StrategicError::MergeDirective.into()),
                _ => return Err(unknown_directive(directive, entries).into()),
            }
        }
        Ok(special)
    }
}

/// A list of objects to which the items of a patch are added, one by one.
struct Growing<'m, 'a> {
    merging: &'m Merging<'a>,
    items: Vec<Value>,
    places: Places,
    /// How many of the items were there before.
    kept: usize,
    /// How many more there were, which the patch deleted.
    gone: usize,
    /// Where in the patch the other items come from.
    sources: Vec<usize>,
}

impl<'m, 'a> Growing<'m, 'a> {
    fn new(merging: &'m Merging<'a>, items: Vec<Value>, gone: usize) -> Self {
        let places = Places::new(items.iter().map(|item| merging.key_of(item)).collect());
        Self { merging, kept: items.len(), items, places, gone, sources: Vec::new() }
    }

    /// Merges an item into the one with its key, or puts it at the end; its key.
    fn put(&mut self, at: usize, item: &Value, left: Option<&mut ThinVec<Value>>) -> Result<Key, Stop> {
        let key = self.merging.key_of(item);
        let Value::Map(entries) = item else { return Err(StrategicError::NotAMap(at).into()) };
        if key == Key::Missing {
            return Err(no_merge_key(item, self.merging.key).into());
        }
        let Some(place) = self.places.find(&key)? else {
            self.items.push(item.clone());
            self.sources.push(at);
            self.places.push(key.clone());
            return Ok(key);
        };
        let earlier = std::mem::replace(&mut self.items[place], Value::Null);
        let source = place.checked_sub(self.kept).map(|added| self.sources[added]);
        let Some(left) = left else {
            self.items[place] = merge(earlier, self.merging.elem, entries, None)?;
            return Ok(key);
        };
        let here = left.get_mut(at).and_then(Value::as_map_mut);
        self.items[place] = merge(earlier, self.merging.elem, entries, here)?;
        // Upstream has put the patch's own item into the list, and merges into that.
        if let Some(source) = source {
            left[source] = self.items[place].clone();
        }
        Ok(key)
    }

    /// The list in its order; `order` are the keys of the patch.
    fn arranged(self, order: Vec<Key>) -> Result<Merged, Stop> {
        let mut keys = self.places.into_keys();
        let added = keys.split_off(self.kept);
        let survivors = Places::new(keys.clone());
        // Where deleted items stood in the list that gives the order, upstream writes new ones.
        keys.extend(added.into_iter().take(self.gone));
        let order = Places::new(order);
        let mut parts = (Vec::new(), Vec::new());
        for value in self.items {
            let key = self.merging.key_of(&value);
            if key == Key::Missing {
                let item = print::untyped(self.merging.elem.ty, &value);
                return Err(no_merge_key(&item, self.merging.key).into());
            }
            let part = if order.find(&key)?.is_some() { &mut parts.0 } else { &mut parts.1 };
            part.push(Item { key, value });
        }
        Ok(Merged { items: arrange(parts.0, parts.1, &order, &survivors)?, server: Ok(keys) })
    }
}

#[derive(Default)]
struct Special {
    deleted: HashSet<Key>,
    replaces: bool,
}

fn is_special(item: &Value) -> bool {
    item.as_map().is_some_and(|entries| entries.get(PATCH).is_some())
}

/// The items of a value that is a list to upstream.
pub(super) fn list_of(value: Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.into_iter().collect(),
        Value::Raw(raw) => match json::decode_any(&raw) {
            Ok(Value::List(items)) => items.into_iter().collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What the items of both lists are, which must be one thing.
pub(super) fn element_shape(ty: TypeRef<'_>, original: &[Value], patch: &[Value]) -> Result<Shape, Stop> {
    let mut shape = None;
    for item in original.iter().chain(patch) {
        let found = Shape::of(item);
        match shape {
            None if found == Shape::Null => return Err(Stop::Fatal),
            None if found == Shape::List => return Err(StrategicError::ListOfLists.into()),
            None => shape = Some(found),
            Some(shape) if shape == found => {}
            Some(_) => {
                let original: Vec<Value> = original.iter().map(|item| print::untyped(ty, item)).collect();
                let lists = format!("[{} {}]", PlainList(&original), PlainList(patch));
                return Err(StrategicError::Mixed(lists).into());
            }
        }
    }
    shape.ok_or_else(|| StrategicError::Empty.into())
}
