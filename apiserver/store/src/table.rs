//! The objects of one resource, in order: a copy-on-write map whose snapshots cost nothing.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Bound;

use imbl::OrdSet;

use crate::object::Object;

/// The objects of one resource by path. Cloning is O(1), and a clone never changes.
#[derive(Clone, Default)]
pub struct Table {
    entries: OrdSet<Entry>,
}

/// An object ordered by its path, which therefore needs no second copy as a key.
#[derive(Clone)]
struct Entry(Object);

impl Table {
    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The object at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Object> {
        self.entries.get(path.as_bytes()).map(|entry| &entry.0)
    }

    /// Puts an object in and returns the one whose place it took.
    pub fn insert(&mut self, object: Object) -> Option<Object> {
        self.entries.insert(Entry(object)).map(|entry| entry.0)
    }

    /// Takes the object at `path` out.
    pub fn remove(&mut self, path: &str) -> Option<Object> {
        self.entries.remove(path.as_bytes()).map(|entry| entry.0)
    }

    /// All objects in order of their paths.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Object> {
        self.entries.iter().map(|entry| &entry.0)
    }

    /// The objects of `namespace` (empty: of all) whose paths come after `after`, in order.
    pub fn range<'a>(
        &'a self,
        namespace: &str,
        after: Option<&str>,
    ) -> impl DoubleEndedIterator<Item = &'a Object> + use<'a> {
        // `0` is the character after `/`: everything in the namespace lies between the two.
        let (first, end) = (format!("{namespace}/"), format!("{namespace}0"));
        let from = match after {
            Some(after) if namespace.is_empty() || after > first.as_str() => {
                Bound::Excluded(after.as_bytes())
            }
            _ if namespace.is_empty() => Bound::Unbounded,
            _ => Bound::Included(first.as_bytes()),
        };
        let to = if namespace.is_empty() { Bound::Unbounded } else { Bound::Excluded(end.as_bytes()) };
        // A start behind the end would be a panic in some maps; it is an empty range here.
        let reversed = matches!((from, to), (Bound::Excluded(from), Bound::Excluded(to)) if from >= to);
        let range = (!reversed).then(|| self.entries.range::<_, [u8]>((from, to)));
        range.into_iter().flatten().map(|entry| &entry.0)
    }

    /// The objects from `from` on and before `until` (absent: to the end), by the bytes of their paths.
    pub fn between<'a>(
        &'a self,
        from: &str,
        until: Option<&str>,
    ) -> impl Iterator<Item = &'a Object> + use<'a> {
        let to = until.map_or(Bound::Unbounded, |until| Bound::Excluded(until.as_bytes()));
        let range = until.is_none_or(|until| from < until);
        let range = range.then(|| self.entries.range::<_, [u8]>((Bound::Included(from.as_bytes()), to)));
        range.into_iter().flatten().map(|entry| &entry.0)
    }
}

impl FromIterator<Object> for Table {
    fn from_iter<I: IntoIterator<Item = Object>>(objects: I) -> Self {
        Self { entries: objects.into_iter().map(Entry).collect() }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Borrow<[u8]> for Entry {
    fn borrow(&self) -> &[u8] {
        self.0.path_bytes()
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0.path_bytes() == other.0.path_bytes()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.path_bytes().cmp(other.0.path_bytes())
    }
}

#[cfg(test)]
mod tests {
    use keelson_api::uid::Uid;

    use super::*;
    use crate::revision::Revision;

    fn table(paths: &[&str]) -> Table {
        paths
            .iter()
            .map(|path| Object::new(Revision(2), Revision(2), Uid::default(), path.len(), path.as_bytes()))
            .collect()
    }

    fn range(table: &Table, namespace: &str, after: Option<&str>) -> Vec<String> {
        table.range(namespace, after).map(|object| object.path().to_owned()).collect()
    }

    #[test]
    fn a_namespace_is_a_range_and_pages_go_on_behind_a_path() {
        let table = table(&["a/x", "a/y", "a-b/x", "a0/x", "b/x"]);
        assert_eq!(range(&table, "", None), ["a-b/x", "a/x", "a/y", "a0/x", "b/x"]);
        assert_eq!(range(&table, "a", None), ["a/x", "a/y"]);
        assert_eq!(range(&table, "a", Some("a/x")), ["a/y"]);
        assert_eq!(range(&table, "a", Some("a/xx")), ["a/y"]);
        assert_eq!(range(&table, "a", Some("0")), ["a/x", "a/y"]);
        assert!(range(&table, "a", Some("zzz")).is_empty());
        assert_eq!(range(&table, "", Some("a/y")), ["a0/x", "b/x"]);
        assert!(range(&table, "none", None).is_empty());
    }

    #[test]
    fn a_clone_stands_still() {
        let mut live = table(&["a", "b"]);
        let frozen = live.clone();
        live.remove("a");
        live.insert(Object::new(Revision(3), Revision(3), Uid::default(), 1, b"c"));
        assert_eq!(range(&frozen, "", None), ["a", "b"]);
        assert_eq!(range(&live, "", None), ["b", "c"]);
    }

    #[test]
    fn between_takes_its_start_and_leaves_its_end() {
        let table = table(&["a", "b", "c"]);
        let paths = |from, until| {
            table.between(from, until).map(|object| object.path().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(paths("a", Some("c")), ["a", "b"]);
        assert_eq!(paths("b", None), ["b", "c"]);
        assert!(paths("c", Some("a")).is_empty());
    }
}
