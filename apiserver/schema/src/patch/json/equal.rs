//! When the `test` of a JSON patch holds: members in any order, everything else written alike. What is compared is
//! opened, as upstream opens it, which shows in echoes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{DEPTH_MAX, Stop};
use crate::patch::document::{Node, Opened};
use crate::patch::error::OperationError;
use crate::patch::text;

/// Whether a node equals a text, neither of them null; and how many bytes that took to find out.
pub(super) fn equals(node: &mut Node<'_>, value: &str) -> Result<(bool, usize), Stop> {
    let mut read = 0;
    let equal = node_equals(node, value, &mut read, 0)?;
    Ok((equal, read))
}

fn node_equals(node: &mut Node<'_>, value: &str, read: &mut usize, depth: usize) -> Result<bool, Stop> {
    if depth > DEPTH_MAX {
        return Err(OperationError::TooDeep.into());
    }
    *read += node.unread() + value.len();
    match node.open()? {
        Opened::Doc(members) => {
            if !value.starts_with('{') {
                return Ok(false);
            }
            let others: BTreeMap<Cow<'_, str>, &str> = text::members(value).collect();
            if members.len() != others.len() {
                return Ok(false);
            }
            for (name, member) in members {
                let equal = match (member, others.get(name).copied()) {
                    (_, None) => false,
                    (Node::Null, Some(other)) => other == "null",
                    (_, Some("null")) => false,
                    (member, Some(other)) => node_equals(member, other, read, depth + 1)?,
                };
                if !equal {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Opened::Ary(items) => {
            if !value.starts_with('[') || text::items(value).count() != items.len() {
                return Ok(false);
            }
            for (item, other) in items.iter_mut().zip(text::items(value)) {
                if matches!(item, Node::Null) || other == "null" {
                    return Err(Stop::Fatal);
                }
                if !node_equals(item, other, read, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Opened::Scalar => Ok(match node {
            Node::Text(text) => text == value,
            other => other.to_text()? == value,
        }),
    }
}
