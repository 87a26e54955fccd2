//! Lists: many stored objects in one answer, written piece by piece as the client takes them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Frame, SizeHint};
use keelson_schema::arena::Schema;
use keelson_store::Snapshot;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use keelson_store::table::Table;

use super::{Look, MetaVersion, Shape, finish, metadata, table};
use crate::api::Call;
use crate::catalog::Served;
use crate::media::Encoding;
use crate::problem::{Problem, answer};
use crate::resource::Facts;
use crate::selection::Selection;
use crate::stored::{NOT_STORED, Stored};

/// How much is handed to the connection at a time, in bytes, about.
const PIECE_BYTES: usize = 64 << 10;

/// What a list shows.
pub(crate) struct Listing {
    pub(crate) revision: Revision,
    pub(crate) objects: Vec<Object>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// How many objects come after this page, where that is known.
    pub(crate) remaining: Option<usize>,
    /// Whether no object is left out between the first and the last.
    pub(crate) is_gapless: bool,
}

/// The objects of a state among which the selected ones are: fewer than all where an index helps.
pub(crate) fn narrow(state: &Snapshot, selection: &Selection, facts: &Facts) -> Table {
    let indexed = facts.fields.iter().filter(|field| field.is_indexed).find_map(|field| {
        let value = selection.fields.exact_match(field.path)?;
        state.select(field.path, value)
    });
    indexed.unwrap_or_else(|| state.table.clone())
}

/// Answers with a list.
pub(crate) async fn list(call: &Call<'_>, look: Look, listing: Listing) -> Result<Response<Body>, Problem> {
    look.check(call)?;
    let in_pieces =
        look.encoding == Encoding::Json && !look.pretty && !matches!(look.shape, Shape::Table(..));
    if in_pieces && listing.objects.len() > 1 {
        return Ok(streamed(call.served, look.shape, listing));
    }
    let body = match (look.encoding, look.shape) {
        (Encoding::Protobuf, Shape::Whole) => {
            let body = Body::new(protobuf(call, &listing).await?);
            return Ok(answer(StatusCode::OK, look.encoding.media_type(), body));
        }
        (Encoding::Protobuf, Shape::Metadata(version)) => {
            let body = Body::new(metadata_protobuf(version, &listing).await?);
            return Ok(answer(StatusCode::OK, look.encoding.media_type(), body));
        }
        (_, Shape::Table(version, include)) => {
            finish(look, table::of_list(call.served, version, include, call.api.clock.now(), &listing)?)?
        }
        _ => finish(look, whole(call.served, look.shape, &listing)?)?,
    };
    Ok(answer(StatusCode::OK, look.encoding.media_type(), body))
}

/// What stands in front of the items.
fn opening(served: &Served, shape: Shape, listing: &Listing) -> String {
    let (api_version, kind) = match shape {
        Shape::Whole => (served.api_version.as_str(), format!("{}List", served.facts().kind)),
        Shape::Metadata(version) | Shape::Table(version, _) => {
            (version.api_version(), "PartialObjectMetadataList".into())
        }
    };
    format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{},"items":["#, list_meta(listing))
}

pub(super) fn list_meta(listing: &Listing) -> String {
    if listing.revision == NOT_STORED {
        return "{}".to_owned();
    }
    let mut meta = format!(r#"{{"resourceVersion":"{}""#, listing.revision);
    if let Some(token) = &listing.next {
        meta.push_str(&format!(r#","continue":"{token}""#));
    }
    if let Some(remaining) = listing.remaining {
        meta.push_str(&format!(r#","remainingItemCount":{remaining}"#));
    }
    meta.push('}');
    meta
}

fn whole(served: &Served, shape: Shape, listing: &Listing) -> Result<BytesMut, Problem> {
    let mut opening = opening(served, shape, listing);
    // An empty list of metadata is none at all in upstream's form.
    if listing.objects.is_empty() && matches!(shape, Shape::Metadata(_)) {
        opening.truncate(opening.len() - "[".len());
        return Ok(BytesMut::from(format!("{opening}null}}").as_bytes()));
    }
    let mut out = BytesMut::from(opening.as_bytes());
    for (at, object) in listing.objects.iter().enumerate() {
        item(served, shape, at > 0, object, &mut out)?;
    }
    out.put_slice(b"]}");
    Ok(out)
}

fn item(
    served: &Served,
    shape: Shape,
    follows: bool,
    object: &Object,
    out: &mut BytesMut,
) -> Result<(), Problem> {
    if follows {
        out.put_u8(b',');
    }
    if shape != Shape::Whole {
        let version = if let Shape::Metadata(version) = shape { Some(version) } else { None };
        return metadata(object, object.revision(), version, out);
    }
    let stored = Stored::of(object)?;
    if stored.version == served.version && served.is_stored_so() {
        stored.write("{", object.revision(), out);
        return Ok(());
    }
    let json = super::whole(served, object, object.revision())?;
    // Items do not say what they are: what is in front of the metadata goes.
    out.put_u8(b'{');
    out.put_slice(json.strip_prefix(served.opening.as_bytes()).unwrap_or(&json));
    Ok(())
}

fn streamed(served: &Arc<Served>, shape: Shape, listing: Listing) -> Response<Body> {
    let piece = BytesMut::from(opening(served, shape, &listing).as_bytes());
    let objects = listing.objects.into_iter();
    let body = Items { served: served.clone(), shape, objects, piece, follows: false, done: false };
    let mut answer = Response::new(Body::new(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// The body of a list, made while it is sent.
struct Items {
    served: Arc<Served>,
    shape: Shape,
    objects: std::vec::IntoIter<Object>,
    piece: BytesMut,
    follows: bool,
    done: bool,
}

impl http_body::Body for Items {
    type Data = Bytes;
    type Error = Problem;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Problem>>> {
        let this = self.get_mut();
        if this.done {
            return Poll::Ready(None);
        }
        this.piece.reserve(PIECE_BYTES + PIECE_BYTES / 4);
        while this.piece.len() < PIECE_BYTES {
            let Some(object) = this.objects.next() else {
                this.piece.put_slice(b"]}\n");
                this.done = true;
                break;
            };
            if let Err(problem) = item(&this.served, this.shape, this.follows, &object, &mut this.piece) {
                // The answer has begun: all that can be done is to break it off, so that nobody takes it for whole.
                this.done = true;
                return Poll::Ready(Some(Err(problem)));
            }
            this.follows = true;
        }
        Poll::Ready(Some(Ok(Frame::data(this.piece.split().freeze()))))
    }
}

/// A list in upstream's protobuf.
async fn protobuf(call: &Call<'_>, listing: &Listing) -> Result<Messages, Problem> {
    let mut parts = Vec::new();
    let mut rest = &listing.objects[..];
    let mut made = 0;
    // What lies in no store is like nothing else, and what has gaps is like no other list.
    let has_runs = listing.is_gapless && listing.revision != NOT_STORED;
    while let Some(first) = rest.first() {
        let_others_go_on(&mut made).await;
        let length = if has_runs {
            let make = |objects: &[Object]| run(call, objects);
            let (length, bytes) = call.api.encoded.run(rest, &call.served.api_version, make)?;
            parts.push(Part::Items(bytes));
            length
        } else {
            parts.push(Part::Item(super::message(call.api, call.served, first)?));
            1
        };
        rest = &rest[length..];
        made += length;
    }
    let kind = format!("{}List", call.served.facts().kind);
    list_envelope(&call.served.api_version, &kind, listing, parts)
}

/// Objects as a list holds them.
fn run(call: &Call<'_>, objects: &[Object]) -> Result<Bytes, Problem> {
    let mut out = BytesMut::new();
    for object in objects {
        // They are kept together: each by itself is made where nobody has asked for it so.
        let message = match call.api.encoded.find(object.revision(), &call.served.api_version) {
            Some(found) => found,
            None => super::encode_message(&super::tree(call.served, object)?)?,
        };
        put_field(2, &message, &mut out);
    }
    Ok(out.freeze())
}

/// The message says in front how long it is, so all items are made before the first is sent; other requests of the same
/// connection are answered in between.
async fn let_others_go_on(made: &mut usize) {
    const OBJECTS_TOGETHER: usize = 256;
    if *made >= OBJECTS_TOGETHER {
        *made = 0;
        tokio::task::yield_now().await;
    }
}

async fn metadata_protobuf(version: MetaVersion, listing: &Listing) -> Result<Messages, Problem> {
    let mut items = Vec::with_capacity(listing.objects.len());
    let mut made = 0;
    for object in &listing.objects {
        let_others_go_on(&mut made).await;
        made += 1;
        let mut json = BytesMut::new();
        metadata(object, object.revision(), None, &mut json)?;
        let tree = super::decode_as(version.metadata_kind(), &json)?;
        items.push(Part::Item(super::encode_message(&tree)?));
    }
    list_envelope(version.api_version(), "PartialObjectMetadataList", listing, items)
}

fn meta_message(listing: &Listing) -> Result<Bytes, Problem> {
    let schema = Schema::named("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta");
    let schema = schema.ok_or_else(|| Problem::Defect("there is no type ListMeta".into()))?;
    let decoded = keelson_schema::json::decode(list_meta(listing).as_bytes(), schema.ty(), false)
        .map_err(|error| Problem::Defect(format!("an answer cannot be read again: {error}")))?;
    super::encode_message(&keelson_schema::tree::Object::with_root(schema, decoded.root))
}

/// A list in its envelope: its message has the metadata as field 1 and the items as field 2.
fn list_envelope(
    api_version: &str,
    kind: &str,
    listing: &Listing,
    parts: Vec<Part>,
) -> Result<Messages, Problem> {
    let meta = meta_message(listing)?;
    let items_bytes = parts.iter().map(Part::bytes).sum::<usize>();
    let mut piece = BytesMut::new();
    open_envelope(api_version, kind, field_bytes(meta.len()) + items_bytes, &mut piece);
    put_field(1, &meta, &mut piece);
    let left = piece.len() + items_bytes + CLOSING_BYTES;
    Ok(Messages { parts: parts.into_iter(), piece, next: None, left })
}

/// Some of a list's items.
enum Part {
    /// One's message.
    Item(Bytes),
    /// Several, as the list holds them.
    Items(Bytes),
}

impl Part {
    /// What it takes up in the list.
    fn bytes(&self) -> usize {
        match self {
            Self::Item(message) => field_bytes(message.len()),
            Self::Items(bytes) => bytes.len(),
        }
    }
}

/// The body of a list in protobuf: its items are put together while it is sent, so that it is nowhere as a whole.
struct Messages {
    parts: std::vec::IntoIter<Part>,
    piece: BytesMut,
    /// What comes behind the piece, as it is.
    next: Option<Bytes>,
    /// Bytes still to be sent.
    left: usize,
}

impl http_body::Body for Messages {
    type Data = Bytes;
    type Error = Problem;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Problem>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let piece = match this.next.take() {
            Some(next) => next,
            None => this.piece(),
        };
        this.left -= piece.len();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

impl Messages {
    /// The next piece: of single items as many as go into one, but what is put together already is not copied.
    fn piece(&mut self) -> Bytes {
        while self.piece.len() < PIECE_BYTES {
            match self.parts.next() {
                Some(Part::Item(message)) => put_field(2, &message, &mut self.piece),
                Some(Part::Items(bytes)) if self.piece.is_empty() => return bytes,
                Some(Part::Items(bytes)) => {
                    self.next = Some(bytes);
                    break;
                }
                None => {
                    close_envelope(&mut self.piece);
                    break;
                }
            }
        }
        self.piece.split().freeze()
    }
}

/// A message in upstream's envelope, which says what it is of.
pub(crate) fn envelope(api_version: &str, kind: &str, message: &[u8]) -> Bytes {
    const AROUND_BYTES: usize = 64;
    let around = AROUND_BYTES + api_version.len() + kind.len();
    let mut out = BytesMut::with_capacity(around + message.len());
    open_envelope(api_version, kind, message.len(), &mut out);
    out.put_slice(message);
    close_envelope(&mut out);
    out.freeze()
}

/// What stands in front of a message of this length.
fn open_envelope(api_version: &str, kind: &str, length: usize, out: &mut BytesMut) {
    let type_meta = field_bytes(api_version.len()) + field_bytes(kind.len());
    out.put_slice(&keelson_schema::proto::PREFIX);
    put_length(1, type_meta, out);
    put_field(1, api_version.as_bytes(), out);
    put_field(2, kind.as_bytes(), out);
    put_length(2, length, out);
}

/// What stands behind it, in bytes.
const CLOSING_BYTES: usize = 4;

fn close_envelope(out: &mut BytesMut) {
    put_field(3, b"", out);
    put_field(4, b"", out);
}

/// What a field of so many bytes takes up.
fn field_bytes(length: usize) -> usize {
    1 + length_bytes(length) + length
}

pub(crate) fn put_field(number: u8, bytes: &[u8], out: &mut BytesMut) {
    put_length(number, bytes.len(), out);
    out.put_slice(bytes);
}

pub(crate) fn put_length(number: u8, mut length: usize, out: &mut BytesMut) {
    out.put_u8(number << 3 | 2);
    while length >= 0x80 {
        out.put_u8(length as u8 | 0x80);
        length >>= 7;
    }
    out.put_u8(length as u8);
}

fn length_bytes(length: usize) -> usize {
    (usize::BITS - length.max(1).leading_zeros()).div_ceil(7) as usize
}
