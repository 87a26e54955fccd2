//! Sets made of values: the paths that a value consists of, and sets brought in line with a schema.

use super::element::Element;
use super::item::element;
use super::node::{Form, Node, Ty};
use super::set::{Entry, Set};
use crate::arena::TypeRef;
use crate::json::decode_any;
use crate::tree::{Object, Value};

impl Set {
    /// The paths that whoever applies `object` owns: its leaves, what is empty, the entries of maps, the items of sets
    /// and of lists with keys.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        let of = object.ty().as_struct();
        of.map_or_else(Self::new, |of| owned(Ty::of(object.ty()), Node::Struct(of, object.root().entries())))
    }

    /// The same for free JSON that is to be an object of type `ty`.
    #[must_use]
    pub fn of_any(ty: TypeRef<'_>, value: &Value) -> Self {
        owned(Ty::of(ty), Node::of(None, value))
    }

    /// With the paths of all declared fields that others go on from: an owner of `.spec.replicas` stands in `.spec`.
    #[must_use]
    pub(super) fn with_named_fields(mut self, ty: Option<Ty<'_>>) -> Self {
        self.retain(|entry| {
            let child = match (&entry.element, ty.and_then(|ty| Some((ty, ty.known()?)))) {
                (Element::Field(name), Some((ty, Form::Map))) => {
                    let declared = ty.as_struct().is_some_and(|of| of.index_of(name).is_some());
                    entry.member |= declared && !entry.children.is_empty();
                    ty.child(name)
                }
                (Element::Key(_), Some((ty, Form::List))) => Some(ty.item()),
                _ => None,
            };
            entry.children = std::mem::take(&mut entry.children).with_named_fields(child);
        });
        self
    }

    /// Brings a set in line with a schema that now takes as a whole what it took in parts: who owned parts owns the
    /// whole. Whether there was any such thing.
    pub(super) fn reconcile(&mut self, ty: Ty<'_>) -> bool {
        let mut changed = false;
        self.retain(|entry| changed |= reconcile(ty, entry));
        changed
    }
}

fn reconcile(ty: Ty<'_>, entry: &mut Entry) -> bool {
    if entry.children.is_empty() {
        return false;
    }
    let child = match (&entry.element, ty.known()) {
        (Element::Field(name), Some(Form::Map)) => ty.child(name),
        (_, Some(Form::List)) => Some(ty.item()),
        _ => None,
    };
    let Some(child) = child else { return false };
    let form = child.form(None);
    if form == Form::Scalar {
        return false;
    }
    if child.is_atomic(form) {
        entry.member = true;
        entry.children = Set::new();
        return true;
    }
    entry.children.reconcile(child)
}

/// The paths that a value consists of. Items that cannot be told from others have the path element [`nameless`].
pub(super) fn owned(ty: Ty<'_>, node: Node<'_>) -> Set {
    below(ty, node).0
}

/// Stands for an item without keys. Taking fields away may leave such: what nobody owns any more is null.
pub(super) fn nameless() -> Element {
    Element::Key(thin_vec::ThinVec::new())
}

/// The paths below a value, and whether its own path is in the set whatever it lies in.
fn below(ty: Ty<'_>, node: Node<'_>) -> (Set, bool) {
    if let Node::Raw(raw) = node {
        let read = decode_any(raw).unwrap_or(Value::Null);
        return below(ty, Node::of(None, &read));
    }
    let form = ty.form(Some(node));
    if form == Form::Scalar || ty.is_atomic(form) {
        return (Set::new(), true);
    }
    match node {
        Node::List(items) => (of_items(ty, items), false),
        _ => (of_parts(ty, node), false),
    }
}

fn of_parts(ty: Ty<'_>, node: Node<'_>) -> Set {
    let mut set = Set::new();
    node.each(ty, &mut |name, declared, child, node| {
        let (children, member) = below(child, node);
        let empty = matches!(node, Node::Null) || node.is_map() && node.is_empty();
        let member = member || empty || !declared;
        if member || !children.is_empty() {
            set.put(Entry { element: Element::field(name), member, children });
        }
    });
    set
}

fn of_items(ty: Ty<'_>, items: &[Value]) -> Set {
    let item_ty = ty.item();
    let mut keyed: Vec<(Element, &Value)> =
        items.iter().map(|item| (element(ty, item).unwrap_or_else(|_| nameless()), item)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let mut set = Set::new();
    for run in keyed.chunk_by(|a, b| a.0 == b.0) {
        // Of items that cannot be told apart only the whole is owned.
        let children = match run {
            [(_, item)] => below(item_ty, Node::of(item_ty.ty(), item)).0,
            _ => Set::new(),
        };
        set.put(Entry { element: run[0].0.clone(), member: true, children });
    }
    set
}
