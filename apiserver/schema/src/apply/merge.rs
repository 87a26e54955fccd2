//! The typed merge: what an applied configuration says goes over what is there. Nothing is taken away. What the
//! configuration does not speak of stays in the form it has.

use super::element::Element;
use super::item::element;
use super::node::{Form, Node, Ty};
use super::zip::zip;
use super::{Fault, Invalid};
use crate::json::decode_any;
use crate::tree::{Entries, Str, Value};

/// Merges `config` into `live`.
pub(super) fn merge(ty: Ty<'_>, live: Node<'_>, config: Node<'_>) -> Result<Value, Invalid> {
    Ok(value(ty, Some(live), Some(config))?.unwrap_or(Value::Null))
}

type Side<'a> = Option<Node<'a>>;

fn value(ty: Ty<'_>, live: Side<'_>, config: Side<'_>) -> Result<Option<Value>, Invalid> {
    let (live, config) = match (live, config) {
        (None, None) => return Ok(None),
        (Some(live), None) => return Ok(Some(live.copied())),
        (None, Some(config)) => return Ok(Some(config.copied())),
        (Some(live), Some(config)) => (live, config),
    };
    if let Node::Raw(raw) = live {
        let read = decode_any(raw).unwrap_or(Value::Null);
        return value(ty, Some(Node::of(None, &read)), Some(config));
    }
    let form = ty.form(Some(config));
    let fits = |side: &Node<'_>| match form {
        Form::Scalar => false,
        Form::List => matches!(side, Node::List(_)),
        Form::Map => side.is_map(),
    };
    let (left, right) = (Some(live).filter(fits), Some(config).filter(fits));
    let empty = left.is_none_or(Node::is_empty) && right.is_none_or(Node::is_empty);
    if form == Form::Scalar || empty || ty.is_atomic(form) {
        return Ok(Some(config.copied()));
    }
    match (left, right) {
        (Some(left), None) => Ok(Some(left.copied())),
        (Some(Node::List(left)), Some(Node::List(right))) => List::merge(ty, left, right).map(Some),
        (Some(left), Some(right)) => maps(ty, left, right).map(Some),
        _ => Ok(Some(config.copied())),
    }
}

fn maps(ty: Ty<'_>, live: Node<'_>, config: Node<'_>) -> Result<Value, Invalid> {
    let mut pairs: Vec<(Str, Value)> = Vec::with_capacity(16);
    let mut result = Ok(());
    zip(ty, Some(live), Some(config), &mut |name, _, ty, live, config| match value(ty, live, config) {
        Ok(merged) => pairs.extend(merged.map(|merged| (Str::new(name), merged))),
        Err(invalid) => result = Err(invalid.below(&Element::field(name))),
    });
    result.map(|()| Value::Map(Entries::from_pairs(pairs.into_iter(), false)))
}

/// Two sets or lists with keys, merged: items only in `live` keep their places, the others come in the order of
/// `config`.
struct List<'a> {
    ty: Ty<'a>,
    live: Vec<Keyed<'a>>,
    config: Vec<Keyed<'a>>,
    /// For every live item: which of the config has its element.
    in_config: Vec<Option<usize>>,
    /// For every item of the config: the live item to merge it with. None if there is none, or several.
    in_live: Vec<Found>,
}

type Keyed<'a> = (Element, &'a Value);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    None,
    One(usize),
    Several,
}

impl<'a> List<'a> {
    fn merge(ty: Ty<'a>, live: &'a [Value], config: &'a [Value]) -> Result<Value, Invalid> {
        let config = keyed(ty, config)?;
        let live = keyed(ty, live)?;
        let mut by_element: Vec<usize> = (0..config.len()).collect();
        by_element.sort_by(|a, b| config[*a].0.cmp(&config[*b].0));
        if let Some(twice) = by_element.windows(2).find(|pair| config[pair[0]].0 == config[pair[1]].0) {
            return Err(Invalid::new(format!("duplicate entries for key {}", config[twice[0]].0)));
        }
        let mut in_live = vec![Found::None; config.len()];
        let mut in_config = Vec::with_capacity(live.len());
        for (at, (element, _)) in live.iter().enumerate() {
            let found = by_element
                .binary_search_by(|known| config[*known].0.cmp(element))
                .ok()
                .map(|at| by_element[at]);
            in_config.push(found);
            if let Some(found) = found {
                in_live[found] = if in_live[found] == Found::None { Found::One(at) } else { Found::Several };
            }
        }
        Self { ty, live, config, in_config, in_live }.run()
    }

    fn run(&self) -> Result<Value, Invalid> {
        let mut out = thin_vec::ThinVec::with_capacity(self.live.len().max(self.config.len()));
        // The items in both, in the order of the config: live items that are not the next of them wait.
        let mut shared = (0..self.config.len()).filter(|at| self.in_live[*at] != Found::None);
        let mut next = shared.next();
        let mut merged = vec![false; self.config.len()];
        let (mut left, mut right) = (0, 0);
        while left < self.live.len() || right < self.config.len() {
            let found = self.in_config.get(left).copied();
            if let Some(Some(at)) = found
                && right < self.config.len()
            {
                if at == right {
                    out.extend(self.item(right)?);
                    merged[right] = true;
                    (left, right) = (left + 1, right + 1);
                    next = shared.next();
                    continue;
                }
                if next.is_some_and(|next| next != at) {
                    left += 1;
                    continue;
                }
            }
            match found {
                Some(None) => {
                    out.push(self.live[left].1.clone());
                    left += 1;
                    continue;
                }
                Some(Some(at)) if merged[at] => left += 1,
                _ => {}
            }
            if right < self.config.len() {
                out.extend(self.item(right)?);
                merged[right] = true;
                if next == Some(right) {
                    next = shared.next();
                }
                right += 1;
            }
        }
        Ok(Value::List(out))
    }

    /// The item of the config over the live one.
    fn item(&self, at: usize) -> Result<Option<Value>, Invalid> {
        let ty = self.ty.item();
        let (element, config) = &self.config[at];
        let live = match self.in_live[at] {
            Found::None => None,
            Found::One(at) => Some(Node::of(ty.ty(), self.live[at].1)),
            // Which of several is meant nobody can say.
            Found::Several => Some(Node::Null),
        };
        value(ty, live, Some(Node::of(ty.ty(), config))).map_err(|invalid| invalid.below(element))
    }
}

fn keyed<'a>(ty: Ty<'a>, items: &'a [Value]) -> Result<Vec<Keyed<'a>>, Invalid> {
    let mut faults = Vec::new();
    let mut keyed = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        match element(ty, item) {
            Ok(element) => keyed.push((element, item)),
            Err(error) => faults.push(Fault::new(format!("element {at}: {error}"))),
        }
    }
    if faults.is_empty() { Ok(keyed) } else { Err(Invalid(faults)) }
}
