//! Resources whose objects are kept nowhere, but made when somebody asks for them.

use futures::future::BoxFuture;
use keelson_api::group::GroupResource;
use keelson_api::status::Status;
use keelson_api::uid::Uid;
use keelson_store::object::Object;
use keelson_store::table::Table;

use crate::api::{Api, Call};
use crate::problem::Problem;
use crate::stored::{self, NOT_STORED};

/// Who makes the objects of a resource.
pub(crate) trait OnDemand: Sync {
    /// The objects, as they are now.
    fn objects<'a>(&'a self, api: &'a Api) -> BoxFuture<'a, Result<Table, Problem>>;
}

/// An object without a namespace that lies in no store, from its JSON without kind and API version.
pub(crate) fn object(version: &str, name: &str, json: &[u8]) -> Object {
    let path_and_value = [name.as_bytes(), &stored::unversioned(version, json)].concat();
    Object::new(NOT_STORED, NOT_STORED, Uid::default(), name.len(), &path_and_value)
}

/// The object that a call names.
pub(crate) async fn one(call: &Call<'_>, source: &dyn OnDemand) -> Result<Object, Problem> {
    let found = source.objects(call.api).await?.get(&call.key().path).cloned();
    let facts = call.served.facts();
    // Upstream names the one in the place of the many.
    let named = GroupResource::new(facts.group, facts.singular);
    found.ok_or_else(|| Status::not_found(&named, call.target.name).into())
}
