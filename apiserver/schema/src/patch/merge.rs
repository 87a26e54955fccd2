//! Merge patch, RFC 7386: objects are merged member by member, null takes away, everything else replaces.

use super::document::{Members, Node, Opened};
use super::text;
use crate::error::EncodeError;

/// Merges the text of a patch into a document. A list instead of an object replaces the document.
pub(super) fn apply<'a>(document: &mut Node<'a>, patch: &'a str) -> Result<(), EncodeError> {
    match (patch.starts_with('{'), document.open()?) {
        (true, Opened::Doc(members)) => merge(members, patch),
        _ => {
            *document = Node::Pruned(patch);
            Ok(())
        }
    }
}

fn merge<'a>(members: &mut Members<'a>, patch: &'a str) -> Result<(), EncodeError> {
    // Of equal names the last one counts.
    let last: std::collections::BTreeMap<_, _> = text::members(patch).collect();
    for (name, value) in last {
        if value == "null" {
            members.remove(&name);
            continue;
        }
        match members.get_mut(&name) {
            None => {
                members.insert(name, Node::Pruned(value));
            }
            Some(member) => match member.open()? {
                Opened::Doc(inner) if value.starts_with('{') => merge(inner, value)?,
                // Upstream prunes only what replaces something that is no object.
                Opened::Doc(_) => *member = Node::Text(value.into()),
                _ => *member = Node::Pruned(value),
            },
        }
    }
    Ok(())
}
