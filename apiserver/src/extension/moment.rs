//! Which state a reader of one object means, where it means one in particular.

use keelson_api::status::Status;
use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::{Precision, Time};
use keelson_store::At;
use keelson_store::revision::Revision;

use crate::api::Call;
use crate::problem::Problem;
use crate::refusal;

/// The state that a call asks for by its revision or its time; nothing if it asks for none. `revision` is what it says of
/// that.
pub(crate) fn asked(call: &Call<'_>, revision: Option<u64>) -> Result<Option<At>, Problem> {
    if let Some(text) = call.query.first("asOf").filter(|text| !text.is_empty()) {
        if revision.is_some() {
            return Err(refusal::bad_request(
                &"asOf and resourceVersion cannot both say which state is meant",
            ));
        }
        let at = time(text)?;
        let found = call.api.store.revision_as_of(at);
        return found.map(|revision| Some(At::Exactly(revision))).ok_or_else(|| too_old(call));
    }
    match (call.query.text("resourceVersionMatch"), revision) {
        ("Exact", Some(revision @ 1..)) if revision < call.api.store.floor().0 => Err(too_old(call)),
        ("Exact", Some(revision @ 1..)) => Ok(Some(At::Exactly(Revision(revision)))),
        _ => Ok(None),
    }
}

/// The history that would tell is gone.
pub(crate) fn too_old(call: &Call<'_>) -> Problem {
    let floor = call.api.store.floor();
    Status::expired(format!(
        "the history before resource version {floor} is gone: ask for that one or a later one"
    ))
    .into()
}

/// A time as its reader writes it.
fn time(text: &str) -> Result<UnixMillis, Problem> {
    let time = Time::parse(text, Precision::Micros).or_else(|_| Time::parse(text, Precision::Seconds));
    let time = time.map_err(|_| {
        let words = format!(
            "asOf must be a time such as 2030-01-31T12:00:00Z or 2030-01-31T12:00:00.250000Z, not {text:?}"
        );
        refusal::bad_request(&words)
    })?;
    let millis = time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos / 1_000_000));
    Ok(UnixMillis(u64::try_from(millis).unwrap_or_default()))
}

/// A time as it is told, to the millisecond that the store knows.
pub(crate) fn shown(at: UnixMillis) -> String {
    let seconds = i64::try_from(at.0 / 1000).unwrap_or(i64::MAX);
    let time = Time { seconds, nanos: u32::try_from(at.0 % 1000).unwrap_or_default() * 1_000_000 };
    let mut out = Vec::new();
    time.push(&mut out, Precision::Micros);
    String::from_utf8_lossy(&out).into_owned()
}
