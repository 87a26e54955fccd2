//! Being told of changes, as they happen, until the time is up or the client goes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{BufMut, Bytes, BytesMut};
use futures::future::BoxFuture;
use http::{Response, StatusCode};
use keelson_api::resource_version::ResourceVersion;
use keelson_api::status::{Reason, Status};
use keelson_schema::tree::{Entries, Object as Tree, Value};
use keelson_store::event::{Event, Notification};
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use keelson_store::watch::{Part, Scope, Watch, WatchEnd};
use keelson_store::{At, ReadError};
use tokio::time::{Instant, Interval};

use super::list::Asked;
use crate::api::{Api, Call};
use crate::catalog::Served;
use crate::media::Encoding;
use crate::meta::meta_mut;
use crate::problem::{self, Problem};
use crate::render::{self, Look, MetaVersion, Shape, list, table};
use crate::selection::Selection;
use crate::stored::Stored;
use crate::{compress, refusal, render::metadata, websocket};

/// How long a watch lasts whose client does not say; up to twice that, so that not all end at once. Upstream's figure.
const LASTS_AT_LEAST: Duration = Duration::from_secs(1800);
/// How often a client is told how far it is, where nothing happens.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How much is handed to the connection at a time, in bytes, about.
const PIECE_BYTES: usize = 64 << 10;

pub(crate) async fn run(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, true)?;
    let asked = Asked::of(call)?;
    let seconds = call.query.number("timeoutSeconds").map_err(|error| refusal::bad_request(&error))?;
    let lasts = match seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0) {
        Some(seconds) => Duration::from_secs(seconds),
        None => {
            LASTS_AT_LEAST
                + Duration::from_secs(call.api.entropy.below(LASTS_AT_LEAST.as_secs() as usize) as u64)
        }
    };
    let (first, watch) = match begin(call, &asked).await {
        // As upstream: who asked rightly is told in the stream that the past is gone.
        Err(Problem::Refused(status)) if status.reason == Reason::Expired => return expired(look, &status),
        begun => begun?,
    };
    let bookmarks = call.query.truth("allowWatchBookmarks") == Some(true);
    let mut timer = tokio::time::interval_at(Instant::now() + BOOKMARK_EVERY, BOOKMARK_EVERY);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // A client that takes all there is at once may have it compressed.
    let is_packed = asked.options.send_initial_events == Some(true)
        && bookmarks
        && compress::is_taken(call.headers)
        && !websocket::is_wanted(call.headers);
    let stream = Stream {
        api: call.api.clone(),
        is_packed,
        served: call.served.clone(),
        look,
        selection: asked.selection,
        namespace: call.target.namespace.as_ref().into(),
        first,
        watch,
        until: Box::pin(over(lasts, call.api.leaving.clone())),
        timer,
        bookmarks,
        alone: None,
        told: Revision(0),
        headings: true,
        ended: false,
    };
    let pieces = futures::stream::unfold(stream, |mut stream| async move {
        let piece = stream.piece().await?;
        Some((piece, stream))
    });
    let mut answer = stream_of(look, Body::from_stream(pieces))?;
    if is_packed {
        compress::mark(answer.headers_mut());
    }
    Ok(answer)
}

fn stream_of(look: Look, body: Body) -> Result<Response<Body>, Problem> {
    let content_type =
        look.encoding.stream_type().ok_or_else(|| Problem::Defect("a stream has a type".into()))?;
    Ok(problem::answer(StatusCode::OK, content_type, body))
}

/// A stream that says that the past it was to begin with is gone.
fn expired(look: Look, status: &Status) -> Result<Response<Body>, Problem> {
    let mut out = BytesMut::new();
    error(look, status, &mut out)?;
    stream_of(look, Body::from(out.freeze()))
}

/// Waits until the time is up, or the server is about to end.
async fn over(lasts: Duration, mut leaving: tokio::sync::watch::Receiver<bool>) {
    // An error says that the server is gone, which is as good a reason.
    let _ = tokio::time::timeout(lasts, leaving.wait_for(|leaving| *leaving)).await;
}

/// What a watch sends before anything happens.
struct First {
    objects: VecDeque<Object>,
    /// The state they are of, if the client wants to know when it has seen them all.
    end: Option<Revision>,
}

async fn begin(call: &Call<'_>, asked: &Asked<'_>) -> Result<(First, Watch), Problem> {
    let version = ResourceVersion::parse(asked.options.resource_version);
    let version = version.map_err(|error| {
        Problem::from(Status { code: 500, ..Status::failure(Reason::Unknown, error.to_string()) })
    })?;
    let scope = scope(call, &asked.selection);
    let none = First { objects: VecDeque::new(), end: None };
    let at = match (asked.options.send_initial_events, version) {
        (Some(true), ResourceVersion::Unset) => At::Latest,
        (Some(true), ResourceVersion::Any) | (None, ResourceVersion::Any) => At::Cached,
        (Some(true), ResourceVersion::At(revision)) => At::AtLeast(Revision(revision)),
        (Some(false), ResourceVersion::Unset | ResourceVersion::Any) => {
            let after = call
                .api
                .store
                .list(&call.served.store, At::Latest)
                .await
                .map_err(refusal::unreadable)?
                .revision;
            return Ok((none, watch(call, scope, after)?));
        }
        (None, ResourceVersion::Unset) => At::Latest,
        (_, ResourceVersion::At(revision)) => return Ok((none, watch(call, scope, Revision(revision))?)),
    };
    let listed = call.api.store.list(&call.served.store, at);
    let state = refusal::within_reach(call, at, listed).await?;
    let watch = watch(call, scope, state.revision)?;
    let facts = call.served.facts();
    let table = list::narrow(&state, &asked.selection, facts);
    let selected = table.range(&call.target.namespace, None).filter(|object| {
        asked.selection.is_everything()
            || Stored::of(object).is_ok_and(|stored| asked.selection.matches(facts, object, &stored))
    });
    let end = (asked.options.send_initial_events == Some(true)).then_some(state.revision);
    Ok((First { objects: selected.cloned().collect(), end }, watch))
}

fn watch(call: &Call<'_>, scope: Scope, after: Revision) -> Result<Watch, Problem> {
    call.api.store.watch(scope, after).map_err(|error| match error {
        ReadError::OutOfRange(_) => Status::watch_expired(after.0, call.api.store.floor().0).into(),
        other => refusal::unreadable(other),
    })
}

/// The narrowest part of the resource that holds everything selected.
fn scope(call: &Call<'_>, selection: &Selection) -> Scope {
    let namespace = &*call.target.namespace;
    let part = if let Some(name) = selection.fields.exact_match("metadata.name")
        && namespace.is_empty() != call.served.is_namespaced()
    {
        let path = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
        Part::Path(path.into())
    } else if let Some((name, value)) = call
        .served
        .facts()
        .fields
        .iter()
        .filter(|field| field.is_indexed)
        .find_map(|field| Some((field.path, selection.fields.exact_match(field.path)?)))
    {
        Part::Index { name, value: value.into() }
    } else if namespace.is_empty() {
        Part::All
    } else {
        Part::Namespace(namespace.into())
    };
    Scope { resource: call.served.store.clone(), part }
}

/// A watch on its way to a client.
struct Stream {
    api: Arc<Api>,
    is_packed: bool,
    served: Arc<Served>,
    look: Look,
    selection: Selection,
    namespace: Box<str>,
    first: First,
    watch: Watch,
    until: BoxFuture<'static, ()>,
    timer: Interval,
    bookmarks: bool,
    /// An event in a form that many share, which is all there is to send so far: it is not copied.
    alone: Option<Bytes>,
    /// The last revision the client has been told.
    told: Revision,
    /// Whether a table still has to say what its columns are.
    headings: bool,
    ended: bool,
}

/// What an event is to one who watches a selection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Added,
    Modified,
    Deleted,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

impl Stream {
    /// The next bytes to send; nothing once the watch has ended.
    async fn piece(&mut self) -> Option<Result<Bytes, Problem>> {
        if self.ended {
            return None;
        }
        let mut out = BytesMut::new();
        match self.fill(&mut out).await {
            Ok(()) if let Some(alone) = self.alone.take() => Some(Ok(alone)),
            Ok(()) if out.is_empty() => None,
            Ok(()) if self.is_packed => Some(compress::piece(&out)),
            Ok(()) => Some(Ok(out.freeze())),
            Err(problem) => {
                self.ended = true;
                Some(Err(problem))
            }
        }
    }

    /// Waits for something to send, then takes what else there is.
    async fn fill(&mut self, out: &mut BytesMut) -> Result<(), Problem> {
        self.initial(out)?;
        while out.is_empty() && self.alone.is_none() && !self.ended {
            tokio::select! {
                biased;
                () = &mut self.until => self.ended = true,
                next = self.watch.next() => self.take(next, out)?,
                _ = self.timer.tick(), if self.bookmarks => self.bookmark(self.watch.progress(), false, out)?,
            }
        }
        while out.len() < PIECE_BYTES && !self.ended {
            let next = match self.watch.try_next() {
                Ok(Some(notification)) => Ok(notification),
                Ok(None) => break,
                Err(end) => Err(end),
            };
            if let Some(alone) = self.alone.take() {
                out.put_slice(&alone);
            }
            self.take(next, out)?;
        }
        Ok(())
    }

    fn initial(&mut self, out: &mut BytesMut) -> Result<(), Problem> {
        while out.len() < PIECE_BYTES {
            let Some(object) = self.first.objects.pop_front() else { break };
            self.event(Kind::Added, &object, object.revision(), out)?;
        }
        if self.first.objects.is_empty()
            && let Some(end) = self.first.end.take()
            && self.bookmarks
        {
            self.bookmark(end, true, out)?;
        }
        Ok(())
    }

    fn take(&mut self, next: Result<Arc<Notification>, WatchEnd>, out: &mut BytesMut) -> Result<(), Problem> {
        match next {
            Ok(notification) => self.notify(&notification, out),
            Err(end) => {
                self.ended = true;
                match end {
                    // A client that is cut off begins again from the last revision it has seen.
                    WatchEnd::TooSlow | WatchEnd::Closed => Ok(()),
                    WatchEnd::Compacted => error(self.look, &Status::list_expired(), out),
                }
            }
        }
    }

    fn notify(&mut self, notification: &Notification, out: &mut BytesMut) -> Result<(), Problem> {
        let Some((kind, object)) = self.seen(notification)? else { return Ok(()) };
        self.told = notification.revision;
        let shared = form(self.look, &self.served).filter(|_| kind == natural(notification));
        let Some(form) = shared else {
            return self.event(kind, object, notification.revision, out);
        };
        let mut failed = None;
        let bytes = notification.form(form, |event| {
            let mut bytes = BytesMut::new();
            failed = self.event(kind, &event.object, event.revision, &mut bytes).err();
            bytes.freeze()
        });
        if let Some(problem) = failed {
            return Err(problem);
        }
        if out.is_empty() && !self.is_packed {
            self.alone = Some(bytes);
        } else {
            out.put_slice(&bytes);
        }
        Ok(())
    }

    /// What an event is to this watch, and which state of the object it shows; nothing if it is no affair of it.
    fn seen<'e>(&self, event: &'e Event) -> Result<Option<(Kind, &'e Object)>, Problem> {
        let is_here = |object: &&Object| self.namespace.is_empty() || object.namespace() == &*self.namespace;
        let selected = |object: Option<&'e Object>| -> Result<Option<&'e Object>, Problem> {
            let Some(object) = object.filter(is_here) else { return Ok(None) };
            if self.selection.is_everything() {
                return Ok(Some(object));
            }
            let stored = Stored::of(object)?;
            Ok(self.selection.matches(self.served.facts(), object, &stored).then_some(object))
        };
        Ok(match (selected(event.before())?, selected(event.after())?) {
            (None, None) => None,
            (None, Some(after)) => Some((Kind::Added, after)),
            (Some(_), Some(after)) => Some((Kind::Modified, after)),
            (Some(before), None) => Some((Kind::Deleted, before)),
        })
    }

    fn event(
        &mut self,
        kind: Kind,
        object: &Object,
        revision: Revision,
        out: &mut BytesMut,
    ) -> Result<(), Problem> {
        self.told = self.told.max(revision);
        let (encoding, now) = (self.look.encoding, self.api.clock.now());
        match self.look.shape {
            Shape::Whole => whole_event(&self.api, &self.served, encoding, kind, object, revision, out),
            Shape::Metadata(version) => {
                let mut json = BytesMut::new();
                metadata(object, revision, Some(version), &mut json)?;
                match encoding {
                    Encoding::Protobuf => {
                        let tree = render::decode_as(version.metadata_kind(), &json)?;
                        proto_frame(kind.name(), &render::proto(&tree)?, out);
                    }
                    _ => json_frame(kind.name(), &json, out),
                }
                Ok(())
            }
            Shape::Table(version, include) => {
                let headings = std::mem::replace(&mut self.headings, false);
                let table = table::of_event(&self.served, version, include, now, object, headings)?;
                json_frame(kind.name(), &table, out);
                Ok(())
            }
        }
    }

    /// Tells the client how far it is; or that it has seen everything there was in the beginning.
    fn bookmark(&mut self, revision: Revision, is_initial: bool, out: &mut BytesMut) -> Result<(), Problem> {
        if !is_initial && revision <= self.told {
            return Ok(());
        }
        self.told = revision;
        let mut tree = Tree::new(self.served.schema.clone());
        render::name(&self.served, &mut tree);
        let mut meta = meta_mut(&mut tree);
        meta.set_resource_version(&revision.to_string());
        if is_initial {
            let mut annotations = Entries::new();
            annotations.set("k8s.io/initial-events-end", Value::from("true"));
            meta.set_annotations(annotations);
        }
        match self.look.shape {
            Shape::Whole => frame(self.look.encoding, "BOOKMARK", &tree, out),
            Shape::Metadata(version) => {
                let json = render::metadata_of_tree(version, &tree)?;
                let tree = render::decode_as(version.metadata_kind(), &json)?;
                frame(self.look.encoding, "BOOKMARK", &tree, out)
            }
            Shape::Table(version, include) => {
                let headings = std::mem::replace(&mut self.headings, false);
                let now = self.api.clock.now();
                let table = table::of_bookmark(&self.served, version, include, now, &tree, headings)?;
                json_frame("BOOKMARK", &table, out);
                Ok(())
            }
        }
    }
}

/// Puts an object that is not stored into a frame.
fn frame(encoding: Encoding, kind: &str, tree: &Tree, out: &mut BytesMut) -> Result<(), Problem> {
    match encoding {
        Encoding::Protobuf => proto_frame(kind, &render::proto(tree)?, out),
        _ => json_frame(kind, &render::encode(tree)?, out),
    }
    Ok(())
}

/// Tells the client why there will be no more.
fn error(look: Look, status: &Status, out: &mut BytesMut) -> Result<(), Problem> {
    match look.encoding {
        Encoding::Protobuf => proto_frame("ERROR", &render::status_proto(status)?, out),
        _ => json_frame("ERROR", status.to_json().trim_end().as_bytes(), out),
    }
    Ok(())
}

/// What an event is to one who watches everything.
fn natural(event: &Event) -> Kind {
    use keelson_store::event::EventKind;
    match event.kind {
        EventKind::Created => Kind::Added,
        EventKind::Updated => Kind::Modified,
        EventKind::Deleted => Kind::Deleted,
    }
}

/// Where the forms of an event that many share are kept; tables show ages, and are made anew for everybody.
fn form(look: Look, served: &Served) -> Option<usize> {
    match (look.shape, look.encoding) {
        (Shape::Whole, Encoding::Json) if served.is_stored_so() => Some(0),
        (Shape::Whole, Encoding::Protobuf) if served.is_stored_so() => Some(1),
        (Shape::Metadata(MetaVersion::V1), Encoding::Json) => Some(2),
        (Shape::Metadata(MetaVersion::V1), Encoding::Protobuf) => Some(3),
        _ => None,
    }
}

fn whole_event(
    api: &Api,
    served: &Served,
    encoding: Encoding,
    kind: Kind,
    object: &Object,
    revision: Revision,
    out: &mut BytesMut,
) -> Result<(), Problem> {
    if encoding != Encoding::Protobuf {
        json_frame(kind.name(), &render::whole(served, object, revision)?, out);
        return Ok(());
    }
    let message = if revision == object.revision() {
        render::message(api, served, object)?
    } else {
        let mut tree = render::tree(served, object)?;
        meta_mut(&mut tree).set_resource_version(&revision.to_string());
        render::encode_message(&tree)?
    };
    let enveloped = list::envelope(&served.api_version, served.facts().kind, &message);
    proto_frame(kind.name(), &enveloped, out);
    Ok(())
}

fn json_frame(kind: &str, object: &[u8], out: &mut BytesMut) {
    out.reserve(object.len() + 48);
    out.put_slice(br#"{"type":""#);
    out.put_slice(kind.as_bytes());
    out.put_slice(br#"","object":"#);
    out.put_slice(object);
    out.put_slice(b"}\n");
}

/// An event in protobuf: its length in four bytes, then its type and, wrapped once more, the object.
fn proto_frame(kind: &str, object: &[u8], out: &mut BytesMut) {
    let mut extension = BytesMut::with_capacity(object.len() + 8);
    list::put_field(1, object, &mut extension);
    let mut event = BytesMut::with_capacity(extension.len() + 24);
    list::put_field(1, kind.as_bytes(), &mut event);
    list::put_field(2, &extension, &mut event);
    out.reserve(event.len() + 4);
    out.put_u32(u32::try_from(event.len()).expect("objects are far below 4 GiB"));
    out.put_slice(&event);
}
