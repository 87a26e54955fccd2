//! Sets of field paths, as tries: every node's entries rise by element, and none is there for nothing. So equal sets
//! are equal trees, and union, difference and intersection are one merge per level.
//!
//! A path that is in a set says nothing of the paths below it or above it, unless an operation says so.

use std::cmp::Ordering;
use std::fmt;

use thin_vec::ThinVec;

use super::element::{Element, FieldPath};

/// A set of field paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    entries: ThinVec<Entry>,
}

/// What a set holds of one element: the path that ends with it, paths that go on from it, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) element: Element,
    /// Whether the path that ends here is in the set.
    pub(super) member: bool,
    /// The paths that go on from here.
    pub(super) children: Set,
}

impl Entry {
    fn is_dead(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

impl Set {
    /// No paths.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: ThinVec::new() }
    }

    /// The entries, which have to rise and to be alive.
    pub(super) fn from_sorted(entries: ThinVec<Entry>) -> Self {
        debug_assert!(
            entries.is_sorted_by(|a, b| a.element < b.element) && !entries.iter().any(Entry::is_dead)
        );
        Self { entries }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Keeps what `keep` says to keep of each entry, and drops what that leaves dead.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut Entry)) {
        self.entries.retain_mut(|entry| {
            keep(entry);
            !entry.is_dead()
        });
    }

    /// Whether there are no paths.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many paths there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.iter().map(|entry| usize::from(entry.member) + entry.children.len()).sum()
    }

    pub(super) fn place(&self, element: &Element) -> Result<usize, usize> {
        match self.entries.last() {
            // What is inserted mostly comes in order.
            Some(last) if last.element < *element => Err(self.entries.len()),
            _ => self.entries.binary_search_by(|entry| entry.element.cmp(element)),
        }
    }

    fn entry(&mut self, element: &Element) -> &mut Entry {
        let at = match self.place(element) {
            Ok(at) => at,
            Err(at) => {
                self.entries
                    .insert(at, Entry { element: element.clone(), member: false, children: Self::new() });
                at
            }
        };
        &mut self.entries[at]
    }

    /// Puts a path into it. The empty path, the object itself, is never in a set.
    pub fn insert(&mut self, path: &[Element]) {
        let Some((last, way)) = path.split_last() else { return };
        let mut set = self;
        for element in way {
            set = &mut set.entry(element).children;
        }
        set.entry(last).member = true;
    }

    /// Puts an entry into it, over one with the same element.
    pub(super) fn put(&mut self, entry: Entry) {
        match self.place(&entry.element) {
            Ok(at) => {
                let known = &mut self.entries[at];
                known.member |= entry.member;
                if !entry.children.is_empty() {
                    known.children = entry.children;
                }
            }
            Err(at) => self.entries.insert(at, entry),
        }
    }

    /// Whether a path is in it.
    #[must_use]
    pub fn contains(&self, path: &[Element]) -> bool {
        let Some((last, way)) = path.split_last() else { return false };
        let mut set = self;
        for element in way {
            match set.get(element) {
                Some(entry) => set = &entry.children,
                None => return false,
            }
        }
        set.get(last).is_some_and(|entry| entry.member)
    }

    pub(super) fn get(&self, element: &Element) -> Option<&Entry> {
        self.place(element).ok().map(|at| &self.entries[at])
    }

    /// The paths in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let mut entries = ThinVec::with_capacity(self.entries.len().max(other.entries.len()));
        let (mut left, mut right) =
            (self.entries.into_iter().peekable(), other.entries.into_iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(a), Some(b)) => a.element.cmp(&b.element),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Self { entries },
            };
            let first = if order.is_le() { left.next() } else { None };
            let second = if order.is_ge() { right.next() } else { None };
            entries.extend(match (first, second) {
                (Some(a), Some(b)) => {
                    let children = a.children.union(b.children);
                    Some(Entry { element: a.element, member: a.member || b.member, children })
                }
                (one, other) => one.or(other),
            });
        }
    }

    /// Calls `visit` with every entry and the other set's entry for the same element, and drops what that leaves dead.
    fn zip(&mut self, other: &Self, mut visit: impl FnMut(&mut Entry, Option<&Entry>)) {
        let mut rest = &other.entries[..];
        self.retain(|entry| {
            let mut found = None;
            while let Some((first, behind)) = rest.split_first() {
                match first.element.cmp(&entry.element) {
                    Ordering::Greater => break,
                    Ordering::Equal => found = Some(first),
                    Ordering::Less => {}
                }
                rest = behind;
            }
            visit(entry, found);
        });
    }

    /// The paths in both.
    #[must_use]
    pub fn intersection(mut self, other: &Self) -> Self {
        self.zip(other, |entry, found| match found {
            Some(found) => {
                entry.member &= found.member;
                entry.children = std::mem::take(&mut entry.children).intersection(&found.children);
            }
            None => {
                entry.member = false;
                entry.children = Self::new();
            }
        });
        self
    }

    /// The paths in this and not in `other`.
    #[must_use]
    pub fn difference(mut self, other: &Self) -> Self {
        self.subtract(other);
        self
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.zip(other, |entry, found| {
            if let Some(found) = found {
                entry.member &= !found.member;
                entry.children.subtract(&found.children);
            }
        });
    }

    /// The paths in this that are not in `other` and have no path in `other` above them.
    #[must_use]
    pub fn recursive_difference(mut self, other: &Self) -> Self {
        self.zip(other, |entry, found| {
            if let Some(found) = found {
                entry.member &= !found.member;
                let children = std::mem::take(&mut entry.children);
                if !found.member {
                    entry.children = children.recursive_difference(&found.children);
                }
            }
        });
        self
    }

    /// The paths that no other path in it goes on from.
    #[must_use]
    pub fn leaves(mut self) -> Self {
        self.retain(|entry| {
            entry.member &= entry.children.is_empty();
            entry.children = std::mem::take(&mut entry.children).leaves();
        });
        self
    }

    /// Whether every path of `other` is in it.
    #[must_use]
    pub fn is_superset(&self, other: &Self) -> bool {
        other.entries.iter().all(|wanted| {
            self.get(&wanted.element).is_some_and(|entry| {
                (entry.member || !wanted.member) && entry.children.is_superset(&wanted.children)
            })
        })
    }

    /// Whether no path is in both.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.entries.iter().all(|entry| {
            other.get(&entry.element).is_none_or(|found| {
                !(entry.member && found.member) && entry.children.is_disjoint(&found.children)
            })
        })
    }

    /// All paths, in upstream's order: those that end at a node before those that go on from it.
    #[must_use]
    pub fn paths(&self) -> Vec<FieldPath> {
        let mut paths = Vec::with_capacity(self.len());
        self.gather(&mut Vec::new(), &mut paths);
        paths
    }

    fn gather(&self, way: &mut Vec<Element>, paths: &mut Vec<FieldPath>) {
        for entry in self.entries.iter().filter(|entry| entry.member) {
            let mut path = way.clone();
            path.push(entry.element.clone());
            paths.push(FieldPath(path));
        }
        for entry in &self.entries {
            way.push(entry.element.clone());
            entry.children.gather(way, paths);
            way.pop();
        }
    }
}

impl FromIterator<FieldPath> for Set {
    fn from_iter<T: IntoIterator<Item = FieldPath>>(paths: T) -> Self {
        let mut set = Self::new();
        for path in paths {
            set.insert(&path.0);
        }
        set
    }
}

/// One path per line.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, path) in self.paths().iter().enumerate() {
            write!(f, "{}{path}", if at > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}
