//! Everything the store holds, at one revision.

use std::collections::BTreeMap;

use crate::key::ResourceName;
use crate::revision::Revision;
use crate::table::Table;

/// All objects as they stand at a revision. Cloning shares everything; taking one copies no object.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// The revision.
    pub revision: Revision,
    /// The objects by resource. A resource without objects may be missing.
    pub tables: BTreeMap<ResourceName, Table>,
}

impl Image {
    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.values().map(Table::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.values().all(Table::is_empty)
    }
}
