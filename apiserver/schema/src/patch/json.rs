//! JSON patch, RFC 6902, with the liberties of the library that upstream uses: `replace` of a member adds it, indices
//! below zero count from the end, numbers and texts are equal only if they are written alike.

mod equal;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use keelson_api::options::FieldValidation;

use super::document::{Members, Node, Opened};
use super::error::{COPIED_BYTES_MAX, OPERATIONS_MAX, OperationError, PatchError, WORK_MAX};
use super::text;
use crate::arena::Arena;
use crate::arena::builder::{Builder, FieldSpec, Member};
use crate::arena::row::{Kind, ListShape};
use crate::error::{DecodeError, EncodeError};
use crate::json;

/// The steps that a pointer may have, and the depth to which values are compared.
const DEPTH_MAX: usize = json::TREE_DEPTH_MAX as usize;

/// The operations of a patch, with the text their values are pieces of.
#[derive(Debug)]
pub(super) struct Operations {
    text: Box<str>,
    list: Vec<Operation>,
}

#[derive(Debug, Default)]
struct Operation {
    kind: Op,
    path: Option<Box<str>>,
    from: Option<Box<str>>,
    /// Where the value stands, if there is one.
    value: Option<Range<usize>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Op {
    Add,
    Remove,
    Replace,
    Move,
    Copy,
    Test,
    #[default]
    Unknown,
}

/// The types by which a patch is checked before it is read: a list of operations.
static CHECKED: LazyLock<(Arena, u16)> = LazyLock::new(|| {
    let mut builder = Builder::default();
    let text = builder.scalar(Kind::String, "", "string");
    let any = builder.scalar(Kind::Any, "", "interface {}");
    let operation = builder.declare("jsonPatchOp", "handlers.jsonPatchOp", false);
    let field =
        |name: &str, ty| Member::Field(FieldSpec { name: name.to_owned(), ty, ..FieldSpec::default() });
    let fields = vec![field("op", text), field("path", text), field("from", text), field("value", any)];
    builder.define(operation, fields, &[], false, false);
    let list = builder.list(operation, ListShape::Atomic, &[], "[]handlers.jsonPatchOp");
    (Arena::new(builder, false), list)
});

/// Reads a patch, whose text is JSON; adds to `found` what strict checking finds.
pub(super) fn parse(
    text: Box<str>,
    checks: FieldValidation,
    found: &mut Vec<String>,
) -> Result<Operations, PatchError> {
    if checks != FieldValidation::Ignore {
        let (arena, list) = &*CHECKED;
        let checked = json::decode_field(text.as_bytes(), arena.ty(*list), false, true);
        let (_, strict) = checked.map_err(PatchError::Undecodable)?;
        found.extend(strict.texts().iter().map(|text| format!("json patch {text}")));
    }
    let list = match text.as_bytes().first() {
        Some(b'[') => text::items(&text).map(|item| operation(&text, item)).collect::<Result<Vec<_>, _>>()?,
        Some(b'n') => Vec::new(),
        _ => return Err(mismatch(&text, "jsonpatch.Patch")),
    };
    if list.len() > OPERATIONS_MAX {
        return Err(PatchError::TooManyOperations(list.len()));
    }
    Ok(Operations { text, list })
}

fn mismatch(found: &str, go: &str) -> PatchError {
    PatchError::Malformed(DecodeError::Type {
        value: super::describe(found.as_bytes()).to_owned(),
        context: None,
        go: go.to_owned(),
    })
}

fn operation(whole: &str, item: &str) -> Result<Operation, PatchError> {
    match item.as_bytes().first() {
        Some(b'{') => {}
        Some(b'n') => return Ok(Operation::default()),
        _ => return Err(mismatch(item, "jsonpatch.Operation")),
    }
    let mut operation = Operation::default();
    for (name, value) in text::members(item) {
        let text = || value.starts_with('"').then(|| text::unquoted(value));
        match &*name {
            "op" => operation.kind = text().map_or(Op::Unknown, |text| Op::of(&text)),
            "path" => operation.path = text().map(|text| text.into()),
            "from" => operation.from = text().map(|text| text.into()),
            "value" => {
                // A piece of the whole, so its distance from the start says where.
                let at = value.as_ptr().addr() - whole.as_ptr().addr();
                operation.value = Some(at..at + value.len());
            }
            _ => {}
        }
    }
    Ok(operation)
}

impl Op {
    fn of(word: &str) -> Self {
        match word {
            "add" => Self::Add,
            "remove" => Self::Remove,
            "replace" => Self::Replace,
            "move" => Self::Move,
            "copy" => Self::Copy,
            "test" => Self::Test,
            _ => Self::Unknown,
        }
    }
}

impl Operations {
    /// Applies all of them to a document.
    pub(super) fn apply<'a>(&'a self, document: &mut Node<'a>) -> Result<(), PatchError> {
        document.open().map_err(PatchError::Encode)?;
        let mut run = Run { document, text: &self.text, copied: 0, work: 0 };
        for (at, operation) in self.list.iter().enumerate() {
            run.step(operation).map_err(|stop| match stop {
                Stop::Operation(why) => PatchError::Operation { at, why },
                Stop::Encode(error) => PatchError::Encode(error),
                Stop::Work => PatchError::TooMuchWork,
                Stop::Fatal => PatchError::Fatal,
            })?;
        }
        Ok(())
    }
}

enum Stop {
    Operation(OperationError),
    Encode(EncodeError),
    Work,
    /// Upstream's process follows a nil pointer here.
    Fatal,
}

impl From<OperationError> for Stop {
    fn from(why: OperationError) -> Self {
        Self::Operation(why)
    }
}

impl From<EncodeError> for Stop {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

struct Run<'d, 'a> {
    document: &'d mut Node<'a>,
    text: &'a str,
    copied: usize,
    work: usize,
}

/// A place in an opened object or list.
enum Place<'n, 'a> {
    Member(&'n mut Members<'a>, String),
    Item(&'n mut Vec<Node<'a>>, String),
}

impl<'a> Run<'_, 'a> {
    fn step(&mut self, operation: &Operation) -> Result<(), Stop> {
        let path = || operation.path.as_deref().ok_or(OperationError::NoPointer);
        let from = || operation.from.as_deref().ok_or(OperationError::NoPointer);
        match operation.kind {
            Op::Add => self.add(path()?, self.value(operation)),
            Op::Remove => self.remove(path()?).map(drop),
            Op::Replace => self.replace(path()?, operation),
            Op::Move => {
                let moved = self.remove(from()?)?;
                let moved = self.closed(moved)?;
                self.add(path()?, moved)
            }
            Op::Copy => {
                self.find(from()?)?;
                // Opened first: where it lies in what is copied, the copy shows that.
                self.place(path()?)?;
                let copied = self.copy(from()?)?;
                self.add(path()?, copied)
            }
            Op::Test => self.test(path()?, operation),
            Op::Unknown => Err(OperationError::Unknown.into()),
        }
    }

    fn value_text(&self, operation: &Operation) -> Option<&'a str> {
        operation.value.clone().and_then(|range| self.text.get(range))
    }

    fn value(&self, operation: &Operation) -> Node<'a> {
        self.value_text(operation).map_or(Node::Null, |text| Node::text(text.into()))
    }

    fn work(&mut self, done: usize) -> Result<(), Stop> {
        self.work = self.work.saturating_add(done);
        if self.work > WORK_MAX { Err(Stop::Work) } else { Ok(()) }
    }

    /// Opens what `pointer` leads to.
    fn place(&mut self, pointer: &str) -> Result<Place<'_, 'a>, Stop> {
        // What stands in front of the first slash is nothing to upstream.
        let (_, steps) = pointer.split_once('/').ok_or(OperationError::NoPlace)?;
        if steps.bytes().filter(|byte| *byte == b'/').count() >= DEPTH_MAX {
            return Err(OperationError::TooDeep.into());
        }
        let mut work = 0;
        let mut node = &mut *self.document;
        let (outer, last) = steps.rsplit_once('/').map_or((None, steps), |(outer, last)| (Some(outer), last));
        for step in outer.into_iter().flat_map(|outer| outer.split('/')) {
            let step = unescaped(step);
            work += node.unread();
            node = match node.open()? {
                Opened::Doc(members) => members.get_mut(&*step),
                Opened::Ary(items) => index(&step, items.len()).ok().map(|at| &mut items[at]),
                Opened::Scalar => None,
            }
            .ok_or(OperationError::NoPlace)?;
        }
        work += node.unread();
        // Not by the method: the node is lent out.
        self.work = self.work.saturating_add(work);
        if self.work > WORK_MAX {
            return Err(Stop::Work);
        }
        let last = unescaped(last).into_owned();
        match node.open()? {
            Opened::Doc(members) => Ok(Place::Member(members, last)),
            Opened::Ary(items) => Ok(Place::Item(items, last)),
            Opened::Scalar => Err(OperationError::NoPlace.into()),
        }
    }

    fn add(&mut self, path: &str, value: Node<'a>) -> Result<(), Stop> {
        let moved = match self.place(path)? {
            Place::Member(members, name) => {
                members.insert(name.into(), value);
                0
            }
            Place::Item(items, at) => {
                let at = if at == "-" { items.len() } else { index(&at, items.len() + 1)? };
                items.insert(at, value);
                items.len() - at
            }
        };
        self.work(moved)
    }

    fn remove(&mut self, path: &str) -> Result<Node<'a>, Stop> {
        let (removed, moved) = match self.place(path)? {
            Place::Member(members, name) => (members.remove(&*name).ok_or(OperationError::NoPlace)?, 0),
            Place::Item(items, at) => {
                let at = index(&at, items.len())?;
                (items.remove(at), items.len() - at)
            }
        };
        self.work(moved)?;
        Ok(removed)
    }

    /// A node that may be put elsewhere: what was opened becomes text, so that opened places never nest deeper than the
    /// pointers that lead there.
    fn closed(&mut self, node: Node<'a>) -> Result<Node<'a>, Stop> {
        if !matches!(node, Node::Doc(_) | Node::Ary(_)) {
            return Ok(node);
        }
        let text = node.to_text()?;
        self.work(text.len())?;
        Ok(Node::Text(text.into()))
    }

    fn replace(&mut self, path: &str, operation: &Operation) -> Result<(), Stop> {
        let value = self.value(operation);
        if path.is_empty() {
            let text = self.value_text(operation).ok_or(Stop::Fatal)?;
            if !text.starts_with(['{', '[']) {
                return Err(OperationError::NoObject.into());
            }
            *self.document = value;
            self.document.open()?;
            return self.work(text.len());
        }
        match self.place(path)? {
            Place::Member(members, name) => {
                members.insert(name.into(), value);
            }
            Place::Item(items, at) => {
                let at = index(&at, items.len())?;
                items[at] = value;
            }
        }
        Ok(())
    }

    /// What `pointer` leads to; a member need not be there.
    fn find(&mut self, pointer: &str) -> Result<Option<&mut Node<'a>>, Stop> {
        Ok(match self.place(pointer)? {
            Place::Member(members, name) => members.get_mut(&*name),
            Place::Item(items, at) => {
                let at = index(&at, items.len())?;
                Some(&mut items[at])
            }
        })
    }

    fn copy(&mut self, from: &str) -> Result<Node<'a>, Stop> {
        let text = self.find(from)?.map(|node| node.to_text());
        let Some(text) = text.transpose()?.filter(|text| text != "null") else { return Ok(Node::Null) };
        self.copied += text.len();
        if self.copied > COPIED_BYTES_MAX {
            return Err(OperationError::Copied.into());
        }
        Ok(Node::Text(text.into()))
    }

    fn test(&mut self, path: &str, operation: &Operation) -> Result<(), Stop> {
        let value = self.value_text(operation);
        let found = if path.is_empty() { Some(&mut *self.document) } else { self.find(path)? };
        let (equal, read) = match (found, value) {
            (None | Some(Node::Null), _) => (value.is_none_or(|value| value == "null"), 0),
            (Some(_), None) if path.is_empty() => return Err(Stop::Fatal),
            (Some(_), None) => (false, 0),
            (Some(found), Some(value)) => equal::equals(found, value)?,
        };
        self.work(read)?;
        if equal { Ok(()) } else { Err(OperationError::TestFailed.into()) }
    }
}

/// The place below `bound` that an index means.
fn index(text: &str, bound: usize) -> Result<usize, OperationError> {
    let number: i64 = text.parse().map_err(|_| OperationError::NoIndex)?;
    let from_end = |back: u64| usize::try_from(back).ok().and_then(|back| bound.checked_sub(back));
    let at = if number < 0 { from_end(number.unsigned_abs()) } else { usize::try_from(number).ok() };
    at.filter(|at| *at < bound).ok_or(OperationError::NoIndex)
}

/// A step of a pointer without its escapes.
fn unescaped(step: &str) -> Cow<'_, str> {
    if !step.contains('~') {
        return Cow::Borrowed(step);
    }
    let mut out = String::with_capacity(step.len());
    let mut rest = step;
    while let Some((plain, behind)) = rest.split_once('~') {
        out.push_str(plain);
        rest = match behind.as_bytes().first() {
            Some(b'0') => {
                out.push('~');
                &behind[1..]
            }
            Some(b'1') => {
                out.push('/');
                &behind[1..]
            }
            _ => {
                out.push('~');
                behind
            }
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}
