//! Objects found by something other than their path: a label, a field, an owner.

use std::fmt;
use std::sync::Arc;

use imbl::OrdMap;

use crate::object::Object;
use crate::table::Table;

/// Hands every value under which an object is to be found to the function it is given.
pub type Values = dyn Fn(&Object, &mut dyn FnMut(&str)) + Send + Sync;

/// What objects are found by. Its values depend on nothing but the object.
#[derive(Clone)]
pub struct IndexDefinition {
    /// Names it within its resource.
    pub name: &'static str,
    /// Finds the values in an object.
    pub values: Arc<Values>,
}

impl fmt::Debug for IndexDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl IndexDefinition {
    /// An index `name` over what `values` finds.
    pub fn new(
        name: &'static str,
        values: impl Fn(&Object, &mut dyn FnMut(&str)) + Send + Sync + 'static,
    ) -> Self {
        Self { name, values: Arc::new(values) }
    }

    /// Whether `object` is found under `value`.
    #[must_use]
    pub fn finds(&self, object: &Object, value: &str) -> bool {
        let mut found = false;
        (self.values)(object, &mut |has| found |= has == value);
        found
    }
}

/// The objects of a resource by the values of one index. A clone costs nothing and never changes.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) definition: IndexDefinition,
    tables: OrdMap<Box<str>, Table>,
}

impl Index {
    pub(crate) fn new(definition: IndexDefinition) -> Self {
        Self { definition, tables: OrdMap::new() }
    }

    pub(crate) fn select(&self, value: &str) -> Table {
        self.tables.get(value).cloned().unwrap_or_default()
    }

    /// Replaces what is found of `before` by what is found of `after`.
    pub(crate) fn replace(&mut self, before: Option<&Object>, after: Option<&Object>) {
        let tables = &mut self.tables;
        if let Some(before) = before {
            (self.definition.values)(before, &mut |value| {
                // What stays under the same value is overwritten below and need not be taken out first.
                if after.is_some_and(|after| self.definition.finds(after, value)) {
                    return;
                }
                if let Some(table) = tables.get_mut(value) {
                    table.remove(before.path());
                    if table.is_empty() {
                        tables.remove(value);
                    }
                }
            });
        }
        if let Some(after) = after {
            (self.definition.values)(after, &mut |value| {
                if let Some(table) = tables.get_mut(value) {
                    table.insert(after.clone());
                } else {
                    tables.insert(value.into(), std::iter::once(after.clone()).collect());
                }
            });
        }
    }
}
