//! From JSON to a tree, in one pass over the bytes, guided by the type.
//!
//! What is wrong is found at full speed but put into words only afterwards: a syntax fault just stops, and the grammar
//! check then says what it was, because upstream reports it before anything else. A value of a wrong type is noted (the
//! first one counts) and decoding goes on; a text that a special type refuses ends it.

mod special;
mod text;

use std::borrow::Cow;

pub(crate) use text::valid;
pub(super) use text::{describe, unquote};

use super::scan::{self, check_value, skip_space};
use crate::arena::{Kind, StructRef, TypeRef};
use crate::error::{DecodeError, StrictErrors};
use crate::normal;
use crate::path::{Path, Step};
use crate::tree::{EXTRA, Entries, Entry, Fields, Str, Value};

/// How deep typed values and values without a schema may nest. Upstream allows 10,000, which only what is skipped or
/// kept raw may reach here: a tree is walked by recursion, and no real object comes near.
pub(crate) const TREE_DEPTH_MAX: u32 = 512;

/// How often in an object a repeated field is decoded over its earlier occurrence, as Go does it; after that it takes
/// its place. Each time costs as much as is already there.
pub(crate) const OVERLAYS_MAX: u32 = 64;

/// A decoded object and what strict checking found.
#[derive(Debug)]
pub struct Decoded {
    /// The object's fields.
    pub root: Fields,
    /// Unknown and duplicate fields; empty if they were not asked for.
    pub strict: StrictErrors,
}

/// Decodes an object of struct type `ty`. With `strict`, unknown and duplicate fields are collected.
///
/// # Errors
/// What upstream answers for a text that is no JSON or does not fit the type.
pub fn decode(input: &[u8], ty: TypeRef<'_>, strict: bool) -> Result<Decoded, DecodeError> {
    run(input, strict, |decoder| match decoder.value(ty, false, None, None)? {
        Some(Value::Struct(root)) => Ok(root),
        _ => Ok(Fields::new()),
    })
    .map(|(root, strict)| Decoded { root, strict })
}

/// Decodes a value without a schema.
///
/// # Errors
/// What upstream answers for a text that is no JSON.
pub fn decode_any(input: &[u8]) -> Result<Value, DecodeError> {
    run(input, false, |decoder| decoder.any(None)).map(|(value, _)| value)
}

/// Decodes a value of type `ty`; `None` if that is what a field of the type is when absent.
///
/// # Errors
/// As [`decode`].
pub fn decode_value(input: &[u8], ty: TypeRef<'_>) -> Result<Option<Value>, DecodeError> {
    run(input, false, |decoder| decoder.value(ty, false, None, None)).map(|(value, _)| value)
}

/// Decodes a value as that of a field of type `ty`, with what strict checking finds if it is asked for.
pub(crate) fn decode_field(
    input: &[u8],
    ty: TypeRef<'_>,
    pointer: bool,
    strict: bool,
) -> Result<(Option<Value>, StrictErrors), DecodeError> {
    run(input, strict, |decoder| decoder.value(ty, pointer, None, None))
}

/// Decodes a value without a schema, with the duplicate fields in it.
pub(crate) fn decode_strict(input: &[u8]) -> Result<(Value, StrictErrors), DecodeError> {
    run(input, true, |decoder| decoder.any(None))
}

fn run<T>(
    input: &[u8],
    strict: bool,
    decode: impl FnOnce(&mut Decoder<'_>) -> Result<T, Stop>,
) -> Result<(T, StrictErrors), DecodeError> {
    let text = valid(input);
    let mut decoder = Decoder {
        text: &text,
        at: skip_space(text.as_bytes(), 0),
        depth: 0,
        overlays: 0,
        strict: strict.then(StrictErrors::default),
        saved: None,
        entries: Vec::with_capacity(32),
        values: Vec::new(),
        pairs: Vec::new(),
    };
    let result = decode(&mut decoder);
    let result = result.and_then(|value| {
        let end = skip_space(text.as_bytes(), decoder.at);
        if end == text.len() { Ok(value) } else { Err(Stop::Syntax) }
    });
    match result {
        Ok(value) => match decoder.saved {
            Some(error) => Err(error),
            None => Ok((value, decoder.strict.unwrap_or_default())),
        },
        Err(stop) => {
            scan::check(input)?;
            match stop {
                Stop::Error(error) => Err(*error),
                Stop::Syntax => {
                    Err(DecodeError::Syntax("the decoder and the grammar check disagree".to_owned()))
                }
            }
        }
    }
}

/// Why decoding ended early.
pub(super) enum Stop {
    /// The text is no JSON; the grammar check knows why.
    Syntax,
    /// A special type refused its text.
    Error(Box<DecodeError>),
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Self::Error(Box::new(error))
    }
}

type Where<'p> = Option<&'p Path<'p>>;

pub(super) struct Decoder<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    overlays: u32,
    strict: Option<StrictErrors>,
    /// The first value of a wrong type.
    saved: Option<DecodeError>,
    // Children gather here and then move to a place of their own of just the right size.
    entries: Vec<Entry>,
    values: Vec<Value>,
    pairs: Vec<(Str, Value)>,
}

impl<'a> Decoder<'a> {
    #[inline]
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline]
    fn space(&mut self) {
        // Mostly there is none.
        if self.bytes().get(self.at).is_some_and(|byte| *byte <= b' ') {
            self.at = skip_space(self.bytes(), self.at);
        }
    }

    #[inline]
    fn peek(&self) -> Result<u8, Stop> {
        self.bytes().get(self.at).copied().ok_or(Stop::Syntax)
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek()? != byte {
            return Err(Stop::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes past a value that nobody wants.
    fn skip(&mut self) -> Result<&'a [u8], Stop> {
        let start = self.at;
        self.at = check_value(self.bytes(), self.at, self.depth as usize).map_err(|_| Stop::Syntax)?;
        Ok(&self.bytes()[start..self.at])
    }

    fn enter(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > TREE_DEPTH_MAX {
            let open = char::from(self.bytes()[self.at]);
            return Err(DecodeError::Syntax(format!("invalid character '{open}' exceeded max depth")).into());
        }
        self.at += 1;
        Ok(())
    }

    /// Decodes a value of type `ty` over `previous`, which an earlier occurrence of the same field left; `None` is
    /// what the field is when absent.
    fn value(
        &mut self,
        ty: TypeRef<'_>,
        pointer: bool,
        path: Where<'_>,
        previous: Option<Value>,
    ) -> Result<Option<Value>, Stop> {
        let first = self.peek()?;
        let kind = ty.kind();
        if first == b'n' {
            self.word("null")?;
            return Ok(if ty.arena().is_untyped() {
                Some(Value::Null)
            } else {
                null(kind, pointer, previous)
            });
        }
        match (kind, first) {
            (Kind::String, b'"') => Ok(Some(Value::Str(self.short()?))),
            (Kind::Struct, b'{') => {
                let previous = match previous {
                    Some(Value::Struct(fields)) => fields,
                    _ => Fields::new(),
                };
                let Some(of) = ty.as_struct() else { return Err(Stop::Syntax) };
                Ok(Some(Value::Struct(self.object(of, path, previous)?)))
            }
            (Kind::List, b'[') => self.list(ty.elem(), path, previous).map(Some),
            (Kind::Map, b'{') => self.map(ty.elem(), path, previous).map(Some),
            (Kind::Bool, b't' | b'f') => self.boolean().map(Some),
            (Kind::Int32 | Kind::Int64, b'-' | b'0'..=b'9') => self.integer(ty, path, previous),
            (Kind::Float64, b'-' | b'0'..=b'9') => self.float(path, previous),
            (Kind::Any, _) => self.any(path).map(Some),
            _ => self.special(ty, first, path, previous),
        }
    }

    /// Notes a value of a wrong type and goes past it.
    fn mismatch(
        &mut self,
        ty: TypeRef<'_>,
        first: u8,
        path: Where<'_>,
        previous: Option<Value>,
    ) -> Result<Option<Value>, Stop> {
        if ty.arena().is_untyped() {
            // What a custom resource holds is judged by validation, not by decoding.
            return self.any(path).map(Some);
        }
        self.wrong_type(describe(first).to_owned(), ty.go(), path);
        self.skip()?;
        Ok(previous)
    }

    fn wrong_type(&mut self, value: String, go: &str, path: Where<'_>) {
        if self.saved.is_none() {
            self.saved =
                Some(DecodeError::Type { value, context: Path::go_context(path), go: go.to_owned() });
        }
    }

    fn object(&mut self, of: StructRef<'_>, path: Where<'_>, previous: Fields) -> Result<Fields, Stop> {
        self.enter()?;
        let mut gathered = Gathered::new(self.entries.len(), of.len());
        if !previous.is_empty() {
            self.entries.extend(previous.into_entries());
            gathered.overlaid = true;
        }
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
        } else {
            loop {
                self.member(of, path, &mut gathered)?;
                self.space();
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        self.space();
                    }
                    b'}' => break,
                    _ => return Err(Stop::Syntax),
                }
            }
            self.at += 1;
        }
        self.depth -= 1;
        self.place_extra(&mut gathered);
        let tail = &mut self.entries[gathered.start..];
        if gathered.unordered || gathered.overlaid {
            tail.sort_by_key(|entry| entry.index);
        }
        Ok(Fields::from_sorted(self.entries.split_off(gathered.start)))
    }

    fn member(&mut self, of: StructRef<'_>, path: Where<'_>, gathered: &mut Gathered) -> Result<(), Stop> {
        // Objects written by Go come in this very order, so the next field is worth a guess.
        let guess = gathered.next;
        let index = if let Some(key) = of.key(guess)
            && self.bytes()[self.at..].starts_with(key)
        {
            self.at += key.len();
            self.space();
            guess
        } else {
            let key = self.string()?;
            let found = of.index_of(&key);
            self.colon()?;
            match found {
                Some(index) => index,
                None => return self.unknown(of, &key, path, gathered),
            }
        };
        gathered.next = index + 1;
        let field = of.field(index);
        let first_time = gathered.see(index);
        if !first_time {
            self.complain(path, field.name(), StrictErrors::duplicate);
        }
        let previous =
            if first_time && !gathered.overlaid { None } else { self.overlay(gathered.start, index) };
        let value = self.value(
            field.ty(),
            field.is_pointer(),
            Some(&Path::new(path, Step::Field(of, index))),
            previous,
        )?;
        if let Some(value) = value
            && !normal::is_absent(field, &value)
        {
            gathered.note(index);
            self.entries.push(Entry { index, value });
        }
        Ok(())
    }

    /// Takes out what an earlier occurrence of a field left, to decode this one over it.
    fn overlay(&mut self, start: usize, index: u16) -> Option<Value> {
        let previous = self.take_previous(start, index);
        self.overlays += u32::from(previous.is_some());
        previous.filter(|_| self.overlays <= OVERLAYS_MAX)
    }

    fn complain(&mut self, path: Where<'_>, name: &str, of: impl FnOnce(&mut StrictErrors, &str)) {
        if let Some(strict) = self.strict.as_mut().filter(|strict| strict.has_room()) {
            of(strict, &joined(path, name));
        }
    }

    fn take_previous(&mut self, start: usize, index: u16) -> Option<Value> {
        let at = self.entries[start..].iter().position(|entry| entry.index == index)?;
        Some(self.entries.remove(start + at).value)
    }

    #[cold]
    fn unknown(
        &mut self,
        of: StructRef<'_>,
        key: &str,
        path: Where<'_>,
        gathered: &mut Gathered,
    ) -> Result<(), Stop> {
        if !of.is_open() {
            self.complain(path, key, StrictErrors::unknown);
            return self.skip().map(drop);
        }
        let extra = &mut gathered.extra;
        extra.sorted = extra.sorted && extra.pairs.last().is_none_or(|(last, _)| last.as_str() < key);
        if self.strict.is_some() && !extra.seen.first_time(key, extra.sorted, &extra.pairs) {
            self.complain(path, key, StrictErrors::duplicate);
        }
        let value = self.any(Some(&Path::new(path, Step::Member(key))))?;
        extra.pairs.push((Str::from(key), value));
        Ok(())
    }

    /// Puts the fields that the schema does not know behind the others, over those of an earlier occurrence.
    fn place_extra(&mut self, gathered: &mut Gathered) {
        let Extra { pairs, mut sorted, .. } = std::mem::take(&mut gathered.extra);
        if pairs.is_empty() {
            return;
        }
        let mut all = match self.take_previous(gathered.start, EXTRA) {
            Some(Value::Map(earlier)) => {
                sorted = false;
                earlier.into_pairs().into_iter().collect()
            }
            _ => Vec::new(),
        };
        all.extend(pairs);
        let value = Value::Map(Entries::from_pairs(all.into_iter(), sorted));
        self.entries.push(Entry { index: EXTRA, value });
    }

    #[inline]
    fn colon(&mut self) -> Result<(), Stop> {
        self.space();
        self.take(b':')?;
        self.space();
        Ok(())
    }

    fn list(&mut self, elem: TypeRef<'_>, path: Where<'_>, previous: Option<Value>) -> Result<Value, Stop> {
        self.enter()?;
        let start = self.values.len();
        // A repeated list is decoded over the items of the first one.
        let mut earlier = match previous {
            Some(Value::List(items)) => items.into_iter(),
            _ => thin_vec::ThinVec::new().into_iter(),
        };
        self.space();
        if self.peek()? != b']' {
            loop {
                let here = Path::new(path, Step::Index(self.values.len() - start));
                let value = self.value(elem, false, Some(&here), earlier.next())?;
                self.values.push(value.unwrap_or_else(|| normal::zero(elem)));
                self.space();
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        self.space();
                    }
                    b']' => break,
                    _ => return Err(Stop::Syntax),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        let mut items = thin_vec::ThinVec::with_capacity(self.values.len() - start);
        items.extend(self.values.drain(start..));
        Ok(Value::List(items))
    }

    fn map(&mut self, elem: TypeRef<'_>, path: Where<'_>, previous: Option<Value>) -> Result<Value, Stop> {
        let members = |decoder: &mut Self, key: &str| {
            let here = Path::new(path, Step::Key(key));
            let value = decoder.value(elem, false, Some(&here), None)?;
            Ok(value.unwrap_or_else(|| normal::zero(elem)))
        };
        self.members(path, previous, members)
    }

    fn any_object(&mut self, path: Where<'_>) -> Result<Value, Stop> {
        self.members(path, None, |decoder, key| decoder.any(Some(&Path::new(path, Step::Member(key)))))
    }

    /// Reads an object whose names are data.
    fn members(
        &mut self,
        path: Where<'_>,
        previous: Option<Value>,
        mut read: impl FnMut(&mut Self, &str) -> Result<Value, Stop>,
    ) -> Result<Value, Stop> {
        self.enter()?;
        let start = self.pairs.len();
        if let Some(Value::Map(entries)) = previous {
            self.pairs.extend(entries.into_pairs());
        }
        let fresh = self.pairs.len();
        let mut seen = Seen::default();
        let mut sorted = fresh == start;
        self.space();
        if self.peek()? != b'}' {
            loop {
                let key = self.string()?;
                self.colon()?;
                sorted = sorted && self.pairs[start..].last().is_none_or(|(last, _)| last.as_str() < &*key);
                if self.strict.is_some() && !seen.first_time(&key, sorted, &self.pairs[fresh..]) {
                    self.complain(path, &key, StrictErrors::duplicate);
                }
                let value = read(self, &key)?;
                self.pairs.push((Str::from(key), value));
                self.space();
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        self.space();
                    }
                    b'}' => break,
                    _ => return Err(Stop::Syntax),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(Value::Map(Entries::from_pairs(self.pairs.drain(start..), sorted)))
    }

    /// Reads a value without a schema.
    fn any(&mut self, path: Where<'_>) -> Result<Value, Stop> {
        match self.peek()? {
            b'{' => self.any_object(path),
            b'[' => {
                self.enter()?;
                let start = self.values.len();
                self.space();
                if self.peek()? != b']' {
                    loop {
                        let here = Path::new(path, Step::Index(self.values.len() - start));
                        let value = self.any(Some(&here))?;
                        self.values.push(value);
                        self.space();
                        match self.peek()? {
                            b',' => {
                                self.at += 1;
                                self.space();
                            }
                            b']' => break,
                            _ => return Err(Stop::Syntax),
                        }
                    }
                }
                self.at += 1;
                self.depth -= 1;
                let mut items = thin_vec::ThinVec::with_capacity(self.values.len() - start);
                items.extend(self.values.drain(start..));
                Ok(Value::List(items))
            }
            b'"' => Ok(Value::Str(self.short()?)),
            b't' | b'f' => self.boolean(),
            b'n' => self.word("null").map(|()| Value::Null),
            _ => {
                let literal = self.number()?;
                if !literal.contains('.')
                    && let Ok(number) = literal.parse()
                {
                    return Ok(Value::Int(number));
                }
                Ok(self.float_of(literal, path).map_or(Value::Null, Value::Float))
            }
        }
    }

    fn short(&mut self) -> Result<Str, Stop> {
        Ok(match self.string()? {
            Cow::Borrowed(text) => Str::new(text),
            Cow::Owned(text) => Str::from(text),
        })
    }
}

/// What a null leaves in a field.
fn null(kind: Kind, pointer: bool, previous: Option<Value>) -> Option<Value> {
    if pointer {
        return None;
    }
    match kind {
        Kind::List | Kind::Map | Kind::Bytes | Kind::Any | Kind::Time | Kind::MicroTime => None,
        Kind::SchemaOrArray | Kind::SchemaOrStrings => Some(Value::Null),
        Kind::IntOrString => previous.filter(|value| matches!(value, Value::Int(_))),
        _ => previous,
    }
}

fn joined(path: Where<'_>, name: &str) -> String {
    match path {
        Some(_) => format!("{}.{name}", Path::strict_text(path)),
        None => name.to_owned(),
    }
}

/// What is known of the fields of the struct being read.
struct Gathered {
    /// Where its entries begin.
    start: usize,
    /// Which fields were met, also those whose value left nothing.
    seen: u64,
    /// The same for fields from the 65th on.
    seen_beyond: Vec<bool>,
    last: Option<u16>,
    /// The field that comes next if all come in order.
    next: u16,
    unordered: bool,
    /// Whether it is read over an earlier occurrence.
    overlaid: bool,
    extra: Extra,
}

/// The fields that the schema does not know but keeps.
struct Extra {
    pairs: Vec<(Str, Value)>,
    seen: Seen,
    sorted: bool,
}

impl Default for Extra {
    fn default() -> Self {
        Self { pairs: Vec::new(), seen: Seen::default(), sorted: true }
    }
}

impl Gathered {
    fn new(start: usize, fields: usize) -> Self {
        let seen_beyond = vec![false; fields.saturating_sub(64)];
        let extra = Extra::default();
        Self { start, seen: 0, seen_beyond, last: None, next: 0, unordered: false, overlaid: false, extra }
    }

    /// Whether the field is met for the first time.
    #[inline]
    fn see(&mut self, index: u16) -> bool {
        if index < 64 {
            let bit = 1 << index;
            let first = self.seen & bit == 0;
            self.seen |= bit;
            first
        } else {
            !std::mem::replace(&mut self.seen_beyond[usize::from(index) - 64], true)
        }
    }

    #[inline]
    fn note(&mut self, index: u16) {
        self.unordered |= self.last.is_some_and(|last| last >= index);
        self.last = Some(index);
    }
}

/// The keys of a map met so far, as a set once they come out of order.
#[derive(Default)]
struct Seen(Option<std::collections::HashSet<Str>>);

impl Seen {
    fn first_time(&mut self, key: &str, sorted: bool, before: &[(Str, Value)]) -> bool {
        if sorted {
            return true;
        }
        let set = self.0.get_or_insert_with(|| before.iter().map(|(key, _)| key.clone()).collect());
        set.insert(Str::new(key))
    }
}
