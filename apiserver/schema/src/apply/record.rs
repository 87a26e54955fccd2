//! What every write but an apply does to ownership: who changed a field owns it, and whoever owned it does no more.

use super::compare::Comparison;
use super::element::Element;
use super::managed::{self, Entry, Identity, Managed, Operation};
use super::node::{Node, Ty, same};
use super::owners::{Change, Changes, convert, reconcile, strip};
use super::set::Set;
use super::{Invalid, Target, Writer};
use crate::tree::{Object, Str, Value, View};

/// How many entries of other writes than applies an object keeps.
const UPDATE_ENTRIES_MAX: usize = 10;

/// Who owns what was owned by those whose entries were too many.
const ANCIENT: &str = "ancient-changes";

/// Why ownership could not be recorded. The object then keeps the entries that it had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// Items of a list cannot be told apart.
    #[error("failed to compare objects: {0}")]
    Compare(#[from] Invalid),
    /// The object could not be brought into a version in which somebody owns fields.
    #[error("{0}")]
    Convert(String),
}

/// Records in `new` that `writer` has made it of `live`; `None` stands for an object that is being created.
///
/// Both objects come in the target's version. `new` may carry the managed fields that the client sent: they count if
/// they are well formed and the target is no subresource; a single empty entry takes all ownership away.
///
/// # Errors
/// If the objects cannot be compared. That is no reason to refuse the write.
pub fn update(
    live: Option<&Object>,
    new: &mut Object,
    writer: &Writer<'_>,
    target: &Target<'_>,
) -> Result<(), UpdateError> {
    let sent = managed::take(new);
    let kept = live.and_then(|live| managed::list(live).value());
    let unchanged = !target.subresource.is_empty() || sent.as_ref() == kept;
    let told = if unchanged { None } else { told(new, sent.as_ref()) };
    let stored = told.is_none();
    let mut managed =
        told.unwrap_or_else(|| live.and_then(|live| Managed::stored(live).ok()).unwrap_or_default());
    if managed.entries.is_empty() && live.is_some() {
        // Whoever has lost track stays without it until somebody applies.
        return Ok(());
    }
    let result = record(&mut managed, live, new, writer, target);
    match result {
        Ok(changed) if changed || !stored => managed.write(new),
        _ => managed::put(new, kept.cloned()),
    }
    result.map(drop)
}

/// The managers that a client has sent, if it sent any, or said that there are to be none.
fn told(new: &Object, sent: Option<&Value>) -> Option<Managed> {
    let list = View::new(managed::list_type(new.ty())?, sent);
    if managed::is_reset(list) {
        return Some(Managed::default());
    }
    Managed::read(list, false).ok().filter(|managed| !managed.entries.is_empty())
}

/// Changes the owners as the write does; whether anything changed.
pub(super) fn record(
    managed: &mut Managed,
    live: Option<&Object>,
    new: &Object,
    writer: &Writer<'_>,
    target: &Target<'_>,
) -> Result<bool, UpdateError> {
    let empty = Object::new(new.schema().clone());
    let mut changed = reconcile(managed, live.unwrap_or(&empty), target)?;
    let mut comparison = Comparison::of(live, new)?;
    comparison.removed.retain(unlist);
    let idle = comparison.is_empty();
    let comparison = comparison.filtered(target.filter(target.api_version));
    let foreign = |version: &str| foreign(live.unwrap_or(&empty), new, target, version);
    let mut changes =
        Changes::new(target.api_version, Change::new(comparison, new.schema().clone()), idle, &foreign);
    let identity = target.identity(writer.manager, Operation::Update);
    let mut own = changes.first().own.clone();
    strip(&mut own);
    let covered = covers(managed.get(&identity), &own, &changes.first().touched);
    for entry in &mut managed.entries {
        if !(covered && entry.identity.is(&identity)) {
            changed |= changes.release(entry)?;
        }
    }
    changed |= drop_empty(managed);
    if !own.is_empty() {
        changed = true;
        let time = Some(writer.time());
        match managed.get_mut(&identity) {
            Some(entry) => {
                if !covered {
                    let set = entry.set_mut(new.ty());
                    *set = std::mem::take(set).union(own);
                }
                entry.time = time;
            }
            None => managed.entries.push(Entry::new(identity, time, own)),
        }
    }
    Ok(cap(managed) || changed)
}

/// Whether an entry owns all of `own` already, and nothing else of what is touched. That is the usual write: somebody
/// brings its own fields up to date.
fn covers(entry: Option<&Entry>, own: &Set, touched: &Set) -> bool {
    let Some(entry) = entry.filter(|_| !own.is_empty()) else { return false };
    let wanted = Some(own.len());
    entry.hits(touched) == wanted && entry.hits(own) == wanted
}

/// Takes the managed fields themselves out of what an object has lost.
fn unlist(entry: &mut super::set::Entry) {
    if matches!(&entry.element, Element::Field(name) if name == "metadata") {
        entry.children.retain(|entry| {
            entry.member &= !matches!(&entry.element, Element::Field(name) if name == "managedFields");
        });
    }
}

pub(super) fn drop_empty(managed: &mut Managed) -> bool {
    let before = managed.entries.len();
    managed.entries.retain(|entry| !entry.is_empty());
    managed.entries.len() < before
}

/// What has changed between two objects, as it looks in another version.
pub(super) fn foreign(
    live: &Object,
    new: &Object,
    target: &Target<'_>,
    version: &str,
) -> Result<Change, UpdateError> {
    let wrong =
        |what: &str, error: String| UpdateError::Convert(format!("failed to convert {what} object: {error}"));
    let live = convert(live, target, version).map_err(|error| wrong("old", error))?;
    let new = convert(new, target, version).map_err(|error| wrong("new", error))?;
    let comparison = Comparison::of(Some(&live), &new)?.filtered(target.filter(version));
    Ok(Change::new(comparison, new.schema().clone()))
}

/// Puts the oldest entries of other writes than applies together where there are too many; whether there were.
fn cap(managed: &mut Managed) -> bool {
    let mut updaters: Vec<(i64, Vec<u8>, Identity)> = Vec::new();
    for entry in managed.entries.iter().filter(|entry| entry.identity.operation == Operation::Update) {
        let seconds = entry.time.map_or(0, |time| time.seconds);
        updaters.push((seconds, Vec::new(), entry.identity.clone()));
    }
    let mut count = updaters.len();
    if count <= UPDATE_ENTRIES_MAX {
        return false;
    }
    for (_, key, identity) in &mut updaters {
        *key = identity.sort_key();
    }
    updaters.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut firsts: Vec<(Str, Identity)> = Vec::new();
    for (.., identity) in updaters {
        if count <= UPDATE_ENTRIES_MAX {
            break;
        }
        let version = identity.api_version.clone();
        let Some((_, first)) = firsts.iter().find(|(known, _)| *known == version) else {
            firsts.push((version, identity));
            continue;
        };
        fold(managed, first, &identity);
        count -= 1;
    }
    true
}

/// Puts an entry into its version's bucket, which `first`, the oldest of that version, becomes if there is none yet.
fn fold(managed: &mut Managed, first: &Identity, identity: &Identity) {
    let bucket = Identity {
        manager: ANCIENT.into(),
        operation: Operation::Update,
        api_version: identity.api_version.clone(),
        subresource: Str::default(),
    };
    let Some(at) = managed.entries.iter().position(|entry| entry.identity.is(identity)) else { return };
    let (set, time) = (managed.entries[at].set().into_owned(), managed.entries[at].time);
    if managed.get(&bucket).is_none()
        && let Some(entry) = managed.get_mut(first)
    {
        entry.identity = bucket.clone();
    }
    let known = managed.get(&bucket).map(|entry| entry.set().into_owned()).unwrap_or_default();
    // Where the bucket itself is not the oldest it goes here, as it does upstream.
    managed.entries.retain(|entry| !entry.identity.is(identity));
    if let Some(entry) = managed.get_mut(&bucket) {
        *entry = Entry::new(bucket, time, set.union(known));
    }
}

/// Gives `new` the times of `old` back, where nothing else is different between the two. To be called last before an
/// object is stored, when it is clear what defaulting and admission have made of it.
pub fn keep_times(old: &Object, new: &mut Object) {
    let (Ok(before), Ok(after)) = (Managed::stored(old), Managed::stored(new)) else { return };
    let pairs = || before.entries.iter().zip(&after.entries);
    let alike = before.entries.len() == after.entries.len()
        && pairs().any(|(a, b)| a.time != b.time)
        && pairs().all(|(a, b)| a.is_like(b));
    if !alike {
        return;
    }
    let sent = managed::take(new);
    let mut bare = old.clone();
    let kept = managed::take(&mut bare);
    let equal = new.ty().as_struct().is_some_and(|of| {
        let (a, b) = (Node::Struct(of, bare.root().entries()), Node::Struct(of, new.root().entries()));
        same(Ty::of(new.ty()), a, b)
    });
    managed::put(new, if equal { kept } else { sent });
}
