//! Two maps or structs side by side, part by part.

use std::cmp::Ordering;

use super::node::{Node, Ty, each_field, extra};
use crate::arena::StructRef;
use crate::tree::{Entries, Entry, Value};

/// What is called with the name of every part that either has, whether a struct declares it, its type, and what the
/// two have there.
type Visit<'v, 'a> = &'v mut dyn FnMut(&'a str, bool, Ty<'a>, Option<Node<'a>>, Option<Node<'a>>);

/// Visits the parts of two maps, of which one may be missing.
pub(super) fn zip<'a>(ty: Ty<'a>, a: Option<Node<'a>>, b: Option<Node<'a>>, visit: Visit<'_, 'a>) {
    match (a, b) {
        (Some(Node::Map(a)), Some(Node::Map(b))) => entries(ty, a, b, visit),
        (Some(Node::Struct(of, a)), Some(Node::Map(b))) => {
            if !beside(ty, of, a, b, visit) {
                by_name(ty, Node::Struct(of, a), Node::Map(b), visit);
            }
        }
        (Some(Node::Map(a)), Some(Node::Struct(of, b))) => {
            let mut turned = |name, declared, ty, left, right| visit(name, declared, ty, right, left);
            if !beside(ty, of, b, a, &mut turned) {
                by_name(ty, Node::Map(a), Node::Struct(of, b), visit);
            }
        }
        (Some(a), Some(b)) => by_name(ty, a, b, visit),
        (Some(a), None) => {
            a.each(ty, &mut |name, declared, ty, node| visit(name, declared, ty, Some(node), None))
        }
        (None, Some(b)) => {
            b.each(ty, &mut |name, declared, ty, node| visit(name, declared, ty, None, Some(node)))
        }
        (None, None) => {}
    }
}

/// Two maps that both rise by key.
fn entries<'a>(ty: Ty<'a>, a: &'a Entries, b: &'a Entries, visit: Visit<'_, 'a>) {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some((a, _)), Some((b, _))) => a.as_str().cmp(b.as_str()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let left = if order.is_le() { a.next() } else { None };
        let right = if order.is_ge() { b.next() } else { None };
        if let Some((name, _)) = left.or(right) {
            let child = ty.child(name).unwrap_or(Ty::DEDUCED);
            let node = |pair: Option<(_, &'a Value)>| pair.map(|(_, value)| Node::of(child.ty(), value));
            visit(name, ty.declares(name), child, node(left), node(right));
        }
    }
}

/// A struct beside its like that stands as its JSON did: both by rising field. `false`, and nothing visited, if
/// there are fields that the struct does not know.
fn beside<'a>(ty: Ty<'a>, of: StructRef<'a>, a: &'a [Entry], b: &'a Entries, visit: Visit<'_, 'a>) -> bool {
    let mut fields: Vec<(u16, &Value)> = Vec::with_capacity(b.len());
    for (name, value) in b.iter() {
        match of.index_of(name) {
            Some(index) => fields.push((index, value)),
            None => return false,
        }
    }
    if extra(a).is_some() {
        return false;
    }
    fields.sort_unstable_by_key(|(index, _)| *index);
    let mut rest = &fields[..];
    let node = |index, value| {
        let field = of.field(index);
        (field.name(), ty.of_child(field), Node::of(Some(field.ty()), value))
    };
    each_field(of, a, &mut |field, left| {
        while let Some(((index, value), behind)) =
            rest.split_first().filter(|((index, _), _)| *index < field.index)
        {
            let (name, child, right) = node(*index, value);
            visit(name, true, child, None, Some(right));
            rest = behind;
        }
        let right =
            rest.split_first().filter(|((index, _), _)| *index == field.index).map(|((_, value), behind)| {
                rest = behind;
                Node::of(Some(field.ty()), value)
            });
        visit(field.name(), true, ty.of_child(field), Some(left), right);
    });
    for (index, value) in rest {
        let (name, child, right) = node(*index, value);
        visit(name, true, child, None, Some(right));
    }
    true
}

/// Any two, each looked up in the other.
fn by_name<'a>(ty: Ty<'a>, a: Node<'a>, b: Node<'a>, visit: Visit<'_, 'a>) {
    a.each(ty, &mut |name, declared, child, node| visit(name, declared, child, Some(node), b.get(ty, name)));
    b.each(ty, &mut |name, declared, child, node| {
        if a.get(ty, name).is_none() {
            visit(name, declared, child, None, Some(node));
        }
    });
}
