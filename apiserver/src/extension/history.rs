//! `GET …/NAME/history`: what happened to an object, oldest first, as far back as history is kept.
//!
//! An object that was there before the oldest kept revision is listed first, as `EARLIER`: its state is known, the time
//! of its last write then is not.

use std::sync::Arc;

use axum::body::Body;
use bytes::{BufMut, BytesMut};
use http::{Method, Response, StatusCode};
use keelson_store::event::{Event, EventKind};
use keelson_store::object::Object;
use keelson_store::replica::OutOfRange;
use keelson_store::revision::Revision;
use keelson_store::{At, ReadError};

use super::moment;
use crate::api::Call;
use crate::problem::{Problem, answer as answer_with};
use crate::resource::Verb;
use crate::{refusal, render};

/// What stands behind an object's path.
pub(crate) const PART: &str = "history";

/// What is known of an object.
struct Past {
    floor: Revision,
    head: Revision,
    /// What it was when the known past began.
    earlier: Option<Object>,
    events: Vec<Arc<Event>>,
}

pub(crate) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    if *call.method != Method::GET || !call.served.can(Verb::Get) {
        return Err(refusal::no_such_method());
    }
    let past = past(call).await?;
    if past.earlier.is_none() && past.events.is_empty() {
        return Err(refusal::not_found(call, &call.target.name));
    }
    let mut out = BytesMut::new();
    let Past { floor, head, .. } = past;
    out.put_slice(
        format!(
            r#"{{"kind":"ObjectHistory","apiVersion":"{}/{}","metadata":{{"resourceVersion":"{head}"}},"oldestResourceVersion":"{floor}","items":["#,
            super::GROUP,
            super::VERSION,
        )
        .as_bytes(),
    );
    let earlier = past.earlier.iter().map(|object| ("EARLIER", object.revision(), None, object));
    let events = past.events.iter().map(|event| {
        let kind = match event.kind {
            EventKind::Created => "ADDED",
            EventKind::Updated => "MODIFIED",
            EventKind::Deleted => "DELETED",
        };
        (kind, event.revision, Some(event.at), &event.object)
    });
    for (place, (kind, revision, at, object)) in earlier.chain(events).enumerate() {
        if place > 0 {
            out.put_u8(b',');
        }
        out.put_slice(format!(r#"{{"type":"{kind}","resourceVersion":"{revision}""#).as_bytes());
        if let Some(at) = at {
            out.put_slice(format!(r#","time":"{}""#, moment::shown(at)).as_bytes());
        }
        out.put_slice(br#","object":"#);
        out.put_slice(&render::whole(call.served, object, revision)?);
        out.put_u8(b'}');
    }
    out.put_slice(b"]}\n");
    Ok(answer_with(StatusCode::OK, "application/json", out.freeze()))
}

async fn past(call: &Call<'_>) -> Result<Past, Problem> {
    let (store, key) = (&call.api.store, call.key());
    loop {
        let (head, _) = store.get(&key, At::Latest).await.map_err(refusal::unreadable)?;
        let floor = store.floor();
        let read = match store.get(&key, At::Exactly(floor)).await {
            Ok((_, earlier)) => store.history(&key, floor, head).map(|events| (earlier, events)),
            Err(error) => Err(error),
        };
        match read {
            Ok((earlier, events)) => return Ok(Past { floor, head, earlier, events }),
            // The oldest part was folded away between the two reads: there is a new floor to begin at.
            Err(ReadError::OutOfRange(OutOfRange::Compacted { .. })) => {}
            Err(error) => return Err(refusal::unreadable(error)),
        }
    }
}
