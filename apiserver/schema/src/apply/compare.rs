//! What is added, modified and removed between two values.

use thin_vec::ThinVec;

use super::Invalid;
use super::element::Element;
use super::filter::Filter;
use super::item::element;
use super::node::{Form, Node, Ty, extra, same};
use super::set::{self, Set};
use super::zip::zip;
use crate::arena::StructRef;
use crate::json::decode_any;
use crate::tree::{EXTRA, Entry, Object, Value};

/// What is different between an old and a new object. No path is in two of the sets, except that of a list's items
/// which were several and are one, or the other way round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The paths that only the new one has.
    pub added: Set,
    /// The paths whose values differ.
    pub modified: Set,
    /// The paths that only the old one has.
    pub removed: Set,
}

impl Comparison {
    /// Compares two objects of the same type; `None` stands for one that does not exist yet.
    ///
    /// # Errors
    /// If items of a list cannot be told apart.
    pub fn of(old: Option<&Object>, new: &Object) -> Result<Self, Invalid> {
        let Some(of) = new.ty().as_struct() else { return Ok(Self::default()) };
        let old = old.map_or(&[][..], |old| old.root().entries());
        compare(Ty::of(new.ty()), Node::Struct(of, old), Node::Struct(of, new.root().entries()), true)
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// What the filter leaves of it.
    #[must_use]
    pub fn filtered(self, filter: Option<&Filter>) -> Self {
        let Some(filter) = filter else { return self };
        let Self { added, modified, removed } = self;
        Self { added: filter.keep(added), modified: filter.keep(modified), removed: filter.keep(removed) }
    }
}

/// Compares two values. `typed` says that both are as their Go types hold them: within what is merged as a whole, an
/// empty list then differs from none, though JSON shows neither.
pub(super) fn compare(ty: Ty<'_>, old: Node<'_>, new: Node<'_>, typed: bool) -> Result<Comparison, Invalid> {
    let change = Walk { typed }.value(ty, Some(old), Some(new))?;
    Ok(Comparison {
        added: change.added.below,
        modified: change.modified.below,
        removed: change.removed.below,
    })
}

/// A path's own membership and the paths below it.
#[derive(Default)]
struct Part {
    member: bool,
    below: Set,
}

impl Part {
    fn put(self, element: &Element, entries: &mut ThinVec<set::Entry>) {
        if self.member || !self.below.is_empty() {
            entries.push(set::Entry { element: element.clone(), member: self.member, children: self.below });
        }
    }

    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

/// What is different at a path and below.
#[derive(Default)]
struct Change {
    added: Part,
    modified: Part,
    removed: Part,
}

impl Change {
    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// What is different below a path, growing.
#[derive(Default)]
struct Level {
    added: ThinVec<set::Entry>,
    modified: ThinVec<set::Entry>,
    removed: ThinVec<set::Entry>,
}

impl Level {
    #[inline]
    fn put(&mut self, change: Change, element: impl FnOnce() -> Element) {
        if change.is_empty() {
            return;
        }
        let element = element();
        change.added.put(&element, &mut self.added);
        change.modified.put(&element, &mut self.modified);
        change.removed.put(&element, &mut self.removed);
    }

    fn finish(self, change: &mut Change) {
        change.added.below = sorted(self.added);
        change.modified.below = sorted(self.modified);
        change.removed.below = sorted(self.removed);
    }
}

fn sorted(mut entries: ThinVec<set::Entry>) -> Set {
    if !entries.is_sorted_by(|a, b| a.element < b.element) {
        entries.sort_unstable_by(|a, b| a.element.cmp(&b.element));
    }
    Set::from_sorted(entries)
}

struct Walk {
    typed: bool,
}

type Side<'a> = Option<Node<'a>>;

impl Walk {
    /// Compares two values of which one may be absent.
    fn value(&self, ty: Ty<'_>, old: Side<'_>, new: Side<'_>) -> Result<Change, Invalid> {
        match (old, new) {
            (Some(Node::Raw(a)), Some(Node::Raw(b))) if a == b => return Ok(Change::default()),
            (Some(Node::Raw(raw)), _) => {
                let read = decode_any(raw).unwrap_or(Value::Null);
                return self.value(ty, Some(Node::of(None, &read)), new);
            }
            (_, Some(Node::Raw(raw))) => {
                let read = decode_any(raw).unwrap_or(Value::Null);
                return self.value(ty, old, Some(Node::of(None, &read)));
            }
            _ => {}
        }
        let mut change = Change::default();
        let (form, other) = match (old, new) {
            (_, None) => (ty.form(old), None),
            (None, _) => (ty.form(new), None),
            _ => (ty.form(new), Some(ty.form(old))),
        };
        if let Some(other) = other.filter(|other| *other != form) {
            // Where a value may be anything and has turned into something else, both ways of looking at it count.
            self.pass(ty, other, old, new, &mut change)?;
        }
        let leaf = self.pass(ty, form, old, new, &mut change)?;
        if !leaf {
            change.added.member |= old.is_none();
            change.removed.member |= new.is_none();
        }
        Ok(change)
    }

    /// Compares as values of one form; whether they are one leaf.
    fn pass(
        &self,
        ty: Ty<'_>,
        form: Form,
        old: Side<'_>,
        new: Side<'_>,
        change: &mut Change,
    ) -> Result<bool, Invalid> {
        let fits = |side: &Node<'_>| match form {
            Form::Scalar => false,
            Form::List => matches!(side, Node::List(_)),
            Form::Map => side.is_map(),
        };
        let (left, right) = (old.filter(fits), new.filter(fits));
        let empty = left.is_none_or(Node::is_empty) && right.is_none_or(Node::is_empty);
        if form == Form::Scalar || empty || ty.is_atomic(form) {
            match (old, new) {
                (None, _) => change.added.member = true,
                (_, None) => change.removed.member = true,
                (Some(old), Some(new)) => change.modified.member |= !self.same(ty, old, new),
            }
            return Ok(true);
        }
        let mut level = Level::default();
        match (left, right) {
            (Some(Node::Struct(of, a)), Some(Node::Struct(_, b))) => {
                self.structs(ty, of, a, b, &mut level)?
            }
            (Some(Node::List(a)), Some(Node::List(b))) if a == b => {}
            (Some(Node::Map(a)), Some(Node::Map(b))) if a == b => {}
            _ if form == Form::List => self.items(ty, items(left), items(right), &mut level)?,
            _ => self.maps(ty, left, right, &mut level)?,
        }
        level.finish(change);
        Ok(false)
    }

    fn same(&self, ty: Ty<'_>, old: Node<'_>, new: Node<'_>) -> bool {
        match (old, new) {
            (Node::List(a), Node::List(b)) if self.typed => a == b,
            _ => same(ty, old, new),
        }
    }

    /// Compares two structs of one type field by field.
    fn structs(
        &self,
        ty: Ty<'_>,
        of: StructRef<'_>,
        old: &[Entry],
        new: &[Entry],
        level: &mut Level,
    ) -> Result<(), Invalid> {
        let (mut old, mut new) = (old, new);
        loop {
            let index = match (old.first(), new.first()) {
                (Some(a), Some(b)) => a.index.min(b.index),
                (Some(one), None) | (None, Some(one)) => one.index,
                (None, None) => return Ok(()),
            };
            if index == EXTRA {
                let (a, b) = (extra(old).map(Node::Map), extra(new).map(Node::Map));
                return self.maps(Ty::DEDUCED, a, b, level);
            }
            let a = take(&mut old, index);
            let b = take(&mut new, index);
            if let (Some(a), Some(b)) = (a, b)
                && !matches!(a, Value::Struct(_))
                && a == b
            {
                continue;
            }
            let field = of.field(index);
            let (a, b) = (Node::of_field(field, a), Node::of_field(field, b));
            if a.is_none() && b.is_none() {
                continue;
            }
            let child = ty.of_child(field);
            let change =
                self.value(child, a, b).map_err(|invalid| invalid.below(&Element::field(field.name())))?;
            level.put(change, || Element::field(field.name()));
        }
    }

    /// Compares two maps, or structs of which one stands as its JSON did, entry by entry.
    fn maps(&self, ty: Ty<'_>, old: Side<'_>, new: Side<'_>, level: &mut Level) -> Result<(), Invalid> {
        let mut result = Ok(());
        zip(ty, old, new, &mut |name, _, ty, old, new| {
            let element = || Element::field(name);
            match self.value(ty, old, new) {
                Ok(change) => level.put(change, element),
                Err(invalid) => result = Err(invalid.below(&element())),
            }
        });
        result
    }

    /// Compares the items of two sets or of two lists with keys.
    fn items(&self, ty: Ty<'_>, old: &[Value], new: &[Value], level: &mut Level) -> Result<(), Invalid> {
        let (old, new) = (elements(ty, old)?, elements(ty, new)?);
        let (mut old, mut new) = (&old[..], &new[..]);
        loop {
            let element = match (old.first(), new.first()) {
                (Some((a, _)), Some((b, _))) => a.min(b),
                (Some((one, _)), None) | (None, Some((one, _))) => one,
                (None, None) => return Ok(()),
            };
            let a = take_run(&mut old, element);
            let b = take_run(&mut new, element);
            let change = self.run(ty.item(), a, b).map_err(|invalid| invalid.below(element))?;
            level.put(change, || element.clone());
        }
    }

    /// Compares the items that have one path element. Several are one thing, which changes as a whole.
    fn run(&self, ty: Ty<'_>, old: &[Keyed<'_>], new: &[Keyed<'_>]) -> Result<Change, Invalid> {
        fn node<'a>(ty: Ty<'a>, run: &[Keyed<'a>]) -> Side<'a> {
            run.first().map(|keyed| Node::of(ty.ty(), keyed.1))
        }
        let mut change = Change::default();
        match (old.len(), new.len()) {
            (0..=1, 0..=1) => return self.value(ty, node(ty, old), node(ty, new)),
            (2.., 2..) => {
                let equal = |(a, b): (&Keyed<'_>, &Keyed<'_>)| {
                    same(ty, Node::of(ty.ty(), a.1), Node::of(ty.ty(), b.1))
                };
                change.modified.member = old.len() != new.len() || !old.iter().zip(new).all(equal);
            }
            (2.., _) => {
                if let Some(one) = node(ty, new) {
                    change = self.value(ty, None, Some(one))?;
                }
                change.removed.member = true;
            }
            _ => {
                if let Some(one) = node(ty, old) {
                    change = self.value(ty, Some(one), None)?;
                }
                change.added.member = true;
            }
        }
        Ok(change)
    }
}

type Keyed<'a> = (Element, &'a Value);

fn items(side: Side<'_>) -> &[Value] {
    match side {
        Some(Node::List(items)) => items,
        _ => &[],
    }
}

/// The items with their path elements, rising, equal ones in their order.
fn elements<'a>(ty: Ty<'_>, items: &'a [Value]) -> Result<Vec<Keyed<'a>>, Invalid> {
    let mut keyed = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let element = element(ty, item).map_err(|error| Invalid::new(format!("element {at}: {error}")))?;
        keyed.push((element, item));
    }
    if !keyed.is_sorted_by(|a, b| a.0 <= b.0) {
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
    }
    Ok(keyed)
}

/// Takes the first value if it belongs to field `index`.
#[inline]
fn take<'a>(entries: &mut &'a [Entry], index: u16) -> Option<&'a Value> {
    let (first, rest) = entries.split_first().filter(|(first, _)| first.index == index)?;
    *entries = rest;
    Some(&first.value)
}

/// Takes the items with that element.
fn take_run<'k, 'a>(keyed: &mut &'k [Keyed<'a>], element: &Element) -> &'k [Keyed<'a>] {
    let len = keyed.iter().take_while(|(known, _)| known == element).count();
    let (run, rest) = keyed.split_at(len);
    *keyed = rest;
    run
}
