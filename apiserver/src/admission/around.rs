//! The other objects by which a write is judged.

use std::sync::Arc;

use keelson_schema::tree::Object;
use keelson_store::At;
use keelson_store::key::Key;

use crate::api::Call;
use crate::catalog::Served;
use crate::problem::Problem;
use crate::{refusal, render};

/// A kind of object that writes are judged by: group, version, and name in paths.
pub(super) type Kind = (&'static str, &'static str, &'static str);

pub(super) fn served(call: &Call<'_>, (group, version, plural): Kind) -> Result<Arc<Served>, Problem> {
    call.api
        .catalog
        .known(group, version, plural)
        .cloned()
        .ok_or_else(|| Problem::Defect(format!("nobody serves {plural}")))
}

/// The object of that name, if there is one.
pub(super) async fn one(
    call: &Call<'_>,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<Option<Object>, Problem> {
    let served = served(call, kind)?;
    let key = Key::new(&served.store, namespace, name);
    let (_, found) = call.api.store.get(&key, At::Latest).await.map_err(refusal::unreadable)?;
    found.map(|found| render::tree(&served, &found)).transpose()
}

/// The objects of a namespace, or all if that is empty.
pub(super) async fn all(call: &Call<'_>, kind: Kind, namespace: &str) -> Result<Vec<Object>, Problem> {
    let served = served(call, kind)?;
    let state = call.api.store.list(&served.store, At::Latest).await.map_err(refusal::unreadable)?;
    state.table.range(namespace, None).map(|found| render::tree(&served, found)).collect()
}
