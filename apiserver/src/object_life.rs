//! The life of an object: the steps of every write, in running order, the same for all resources.
//!
//! A new object: read → default → own → admit → name → stamp → prepare → validate → admit → store. A changed one: read →
//! default → own → admit → keep what is the server's → prepare → validate → admit → store, or nothing at all where nothing
//! has changed. A resource takes part through the hooks of [`crate::resource::Resource`]; the order is decided here alone.

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use keelson_api::field::{Errors, Path};
use keelson_api::group::GroupKind;
use keelson_api::meta::{self as rules, Scope as MetaScope};
use keelson_api::names::generate;
use keelson_api::names::object::{Part, path_segment};
use keelson_api::resource_version;
use keelson_api::status::Status;
use keelson_api::uid::Uid;
use keelson_schema::apply::{self, Writer};
use keelson_schema::arena::handle::Handle;
use keelson_schema::normal;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Object, Value};

use crate::api::Call;
use crate::caller::Caller;
use crate::catalog::Served;
use crate::edit::Edit;
use crate::features::Features;
use crate::meta::{Checked, drop_repeated_owners, meta, meta_mut};
use crate::problem::Problem;
use crate::resource::{Generation, Scope};
use crate::rules::marked;
use crate::stored;
use crate::{admission, indexes, ownership, refusal};

/// What a write is done for and by whom.
pub(crate) struct Write<'a> {
    /// When it is done.
    pub(crate) now: Time,
    /// Which part of the object is written; empty for the object itself.
    pub(crate) part: &'a str,
    /// Who owns what is written.
    pub(crate) owner: Owner<'a>,
    /// Who writes.
    pub(crate) caller: &'a Caller,
    /// Whether it is only tried.
    pub(crate) is_trial: bool,
    /// Which features are on.
    pub(crate) features: &'a Features,
}

/// Who owns what is written.
#[derive(Clone, Copy)]
pub(crate) enum Owner<'a> {
    /// This manager: still to be recorded.
    Manager(&'a str),
    /// The object says so itself: it comes out of an apply.
    Recorded,
}

/// The groups whose objects may have finalizers of any name.
const ANY_FINALIZER: [&str; 6] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "policy",
];

/// The path of metadata in messages.
const METADATA: Path<'static> = Path::new("metadata");

/// Makes `new` an object that can be stored.
pub(crate) async fn create(call: &Call<'_>, mut new: Object, write: &Write<'_>) -> Result<Object, Problem> {
    let resource = call.served.resource;
    place(call, &mut new)?;
    if !write.is_trial && !matches!(meta(&new).resource_version(), "" | "0") {
        return Err(refusal::plain("resourceVersion should not be set on objects to be created"));
    }
    meta_mut(&mut new).set_deletion(None);
    default(call, &mut new);
    own(call, None, &mut new, write);
    let mut new = stored_form(call, new);
    admission::fill(call, &mut new, None).await?;
    let whole = drop_empty(call, &mut new);
    stamp(call, &mut new, write);
    resource.prepare_create(&mut new, write);
    let mut errors = check_new(call, &new);
    if let Some(mut whole) = whole.filter(|_| !errors.is_empty()) {
        keep_metadata(&mut whole, &new);
        resource.prepare_create(&mut whole, write);
        errors = in_words_of(check_new(call, &whole), errors);
    }
    let mut first = admission::devices::check(call, &new, None).await?;
    first.extend(errors);
    refuse(call, &new, first)?;
    resource.complete(&mut new);
    admission::check(call, &new, None).await?;
    warn(call, &new, None, write);
    Ok(new)
}

/// What is wrong with a new object.
fn check_new(call: &Call<'_>, new: &Object) -> Errors {
    let resource = call.served.resource;
    let mut errors = Errors::new();
    let rule = |text: &str, part: Part| match part {
        Part::Prefix if !resource.looks_at_prefix() => Vec::new(),
        part => resource.name_rule()(text, part),
    };
    let is_last = resource.looks_at_metadata_last();
    if is_last {
        resource.validate_create(new, &mut errors);
    }
    if errors.is_empty() {
        rules::check_create(&Checked::new(meta(new)), scope(call), rule, &METADATA, &mut errors);
        check_finalizers(call, new, &mut errors);
    }
    if !is_last {
        resource.validate_create(new, &mut errors);
    }
    let mut errors = errors.without_repetitions();
    marked::check(new, None, &mut errors);
    errors
}

/// What is wrong is decided without empty lists and maps, which mean nothing, and told of what was written, where they
/// are shown: `whole` is what was found there.
fn in_words_of(whole: Errors, found: Errors) -> Errors {
    if whole.is_empty() { found } else { whole }
}

/// Gives `new` the metadata of the object that it is another form of.
fn keep_metadata(new: &mut Object, of: &Object) {
    if let Some(metadata) = of.get("metadata").cloned() {
        set(new, "metadata", metadata);
    }
}

/// Fills in what the writer left open.
fn default(call: &Call<'_>, new: &mut Object) {
    let schema = new.schema().clone();
    if let Some(of) = schema.ty().as_struct() {
        keelson_schema::defaults::apply(of, new.root_mut());
    }
    call.served.resource.default(new);
    call.served.resource.default_at(new, call.now());
}

/// Takes away the lists and maps without content, as upstream's storage does for all but a few kinds. Gives the object
/// as it was, if there were any.
fn drop_empty(call: &Call<'_>, new: &mut Object) -> Option<Object> {
    let is_kept_as_json =
        matches!(call.served.facts().group, "apiextensions.k8s.io" | "apiregistration.k8s.io");
    let schema = new.schema().clone();
    let of = schema.ty().as_struct().filter(|of| !is_kept_as_json && normal::has_empty(*of, new.root()))?;
    let whole = new.clone();
    normal::drop_empty(of, new.root_mut());
    Some(whole)
}

/// Refuses finalizers that nobody can know, where upstream does.
fn check_finalizers(call: &Call<'_>, new: &Object, errors: &mut Errors) {
    let facts = call.served.facts();
    if !ANY_FINALIZER.contains(&facts.group) && (facts.group, facts.kind) != ("", "Event") {
        rules::check_finalizers_of_builtin(&Checked::new(meta(new)), &METADATA, errors);
    }
}

/// Records who owns what is written, where that is not known yet. As upstream, owners that are named twice count in a
/// patch's ownership, and only go afterwards.
fn own(call: &Call<'_>, live: Option<&Object>, new: &mut Object, write: &Write<'_>) {
    let is_patch = *call.method == Method::PATCH;
    if !is_patch {
        merge_owners(call, new, "");
    }
    if let Owner::Manager(manager) = write.owner {
        let writer = Writer { manager, now: write.now };
        match call.served.resource.as_owned(new) {
            None => ownership::record(call, live, new, &writer),
            Some(mut whole) => {
                ownership::record(call, live, &mut whole, &writer);
                let owners = whole.get("metadata.managedFields").cloned();
                Edit::object(new).made("metadata").put("managedFields", owners);
            }
        }
    }
    if is_patch {
        merge_owners(call, new, " after mutating admission happens");
    }
}

/// Makes one of owners that are named twice, and warns of them.
fn merge_owners(call: &Call<'_>, new: &mut Object, when: &str) {
    let repeated = drop_repeated_owners(new);
    if !repeated.is_empty() {
        call.warn(&[format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            repeated.join(", ")
        )]);
    }
}

/// Sees to it that an object lies in the namespace of its path, and has the name of its path if that has one.
pub(crate) fn place(call: &Call<'_>, new: &mut Object) -> Result<(), Problem> {
    place_in_namespace(call, new)?;
    let (name, path_name) = (meta(new).name(), call.target.name);
    if !path_name.is_empty() && !name.is_empty() && name != path_name {
        let words =
            format!("the name of the object ({name}) does not match the name on the URL ({path_name})");
        return Err(refusal::bad_request(&words));
    }
    let path_name = if name.is_empty() { path_name.to_owned() } else { name.to_owned() };
    meta_mut(new).set_name(&path_name);
    Ok(())
}

/// Sees to it that an object lies in the namespace of its path. What lies in none may say that it does: that is
/// forgotten.
pub(crate) fn place_in_namespace(call: &Call<'_>, new: &mut Object) -> Result<(), Problem> {
    let (namespace, wanted) = (meta(new).namespace(), call.target.namespace);
    if !namespace.is_empty() && !wanted.is_empty() && namespace != wanted {
        let words = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(refusal::bad_request(&words));
    }
    meta_mut(new).set_namespace(wanted);
    Ok(())
}

pub(crate) fn stored_form(call: &Call<'_>, object: Object) -> Object {
    if call.served.is_stored_so() {
        object
    } else {
        call.served.resource.convert(object, &call.served.stored)
    }
}

fn stored_form_of<'a>(call: &Call<'_>, object: &'a Object) -> Cow<'a, Object> {
    if call.served.is_stored_so() {
        Cow::Borrowed(object)
    } else {
        Cow::Owned(stored_form(call, object.clone()))
    }
}

/// Gives a new object what only the server decides on.
fn stamp(call: &Call<'_>, new: &mut Object, write: &Write<'_>) {
    let facts = call.served.facts();
    let generated = {
        let meta = meta(new);
        (meta.name().is_empty() && !meta.generate_name().is_empty())
            .then(|| generate::name(meta.generate_name(), |bound| call.api.entropy.below(bound)))
    };
    let is_nameless = generated.is_none() && meta(new).name().is_empty();
    let generated = generated.or_else(|| {
        (is_nameless && call.served.resource.names_itself()).then(|| call.api.entropy.uid().to_string())
    });
    let mut meta = meta_mut(new);
    if let Some(name) = generated {
        meta.set_name(&name);
    }
    meta.set_uid(call.api.entropy.uid());
    meta.set_creation_timestamp(write.now);
    meta.clear_self_link();
    if facts.generation != Generation::Absent {
        meta.set_generation(1);
    }
}

/// Makes `new` the successor of `old`. Both are in the version of the call.
pub(crate) async fn update(
    call: &Call<'_>,
    mut new: Object,
    old: &Object,
    write: &Write<'_>,
) -> Result<Object, Problem> {
    let resource = call.served.resource;
    place(call, &mut new)?;
    check_state(call, &new, old)?;
    default(call, &mut new);
    own(call, Some(old), &mut new, write);
    let mut new = stored_form(call, new);
    let old = &*stored_form_of(call, old);
    admission::fill(call, &mut new, Some(old)).await?;
    let counts_empty_lists = resource.counts_empty_lists();
    let mut whole = if counts_empty_lists { None } else { drop_empty(call, &mut new) };
    let mut kept = meta_mut(&mut new);
    kept.set_generation(meta(old).generation());
    kept.keep_identity(meta(old));
    kept.clear_self_link();
    if kept_revision_is_unset(&new) {
        meta_mut(&mut new).set_resource_version(meta(old).resource_version());
    }
    prepare(call, &mut new, old, write);
    count_generation(call, &mut new, old);
    if counts_empty_lists {
        whole = drop_empty(call, &mut new);
    }
    let mut errors = check_changed(call, &new, old, write);
    if let Some(mut whole) = whole.filter(|_| !errors.is_empty()) {
        keep_metadata(&mut whole, &new);
        prepare(call, &mut whole, old, write);
        errors = in_words_of(check_changed(call, &whole, old, write), errors);
    }
    let mut first = admission::devices::check(call, &new, Some(old)).await?;
    first.extend(errors);
    refuse(call, &new, first)?;
    admission::check(call, &new, Some(old)).await?;
    warn(call, &new, Some(old), write);
    apply::keep_times(old, &mut new);
    Ok(new)
}

fn prepare(call: &Call<'_>, new: &mut Object, old: &Object, write: &Write<'_>) {
    match write.part {
        "status" => call.served.resource.prepare_status(new, old, write),
        _ => call.served.resource.prepare_update(new, old, write),
    }
}

/// What is wrong with `new` in the place of `old`.
fn check_changed(call: &Call<'_>, new: &Object, old: &Object, write: &Write<'_>) -> Errors {
    let resource = call.served.resource;
    let mut errors = Errors::new();
    rules::check_create(&Checked::new(meta(new)), scope(call), path_segment, &METADATA, &mut errors);
    rules::check_update(&Checked::new(meta(new)), &Checked::new(meta(old)), &METADATA, &mut errors);
    check_finalizers(call, new, &mut errors);
    match write.part {
        "" => resource.validate_update(new, old, &mut errors),
        "status" => resource.validate_status(new, old, &mut errors),
        part => resource.validate_part(part, new, old, &mut errors),
    }
    let mut errors = errors.without_repetitions();
    marked::check(new, Some(old), &mut errors);
    errors
}

fn kept_revision_is_unset(new: &Object) -> bool {
    meta(new).resource_version().is_empty()
}

/// Refuses a successor that is said to be of another state.
fn check_state(call: &Call<'_>, new: &Object, old: &Object) -> Result<(), Problem> {
    let (new, old) = (meta(new), meta(old));
    let resource = call.group_resource();
    // What is written through another kind has rules of its own.
    let is_elsewhere = call.subresource.is_some_and(|part| part.kind != call.served.facts().kind);
    match new.resource_version() {
        "" | "0" if call.served.facts().updates_blindly || is_elsewhere => Ok(()),
        "" | "0" => {
            let mut errors = Errors::new();
            let path = METADATA.child("resourceVersion");
            errors.push(keelson_api::field::Error::invalid(&path, 0_i64, "must be specified for an update"));
            // Upstream has put the resource where the kind belongs.
            let named = GroupKind::new(call.served.facts().group, call.served.facts().plural);
            Err(refusal::invalid(&named, call.target.name, &errors))
        }
        revision if revision == old.resource_version() => Ok(()),
        revision if let Err(error) = resource_version::of_object(revision) => {
            Err(refusal::plain(&error.to_string()))
        }
        _ => Err(Status::modified(&resource, call.target.name).into()),
    }
}

/// Counts a change of what the object's generation counts.
fn count_generation(call: &Call<'_>, new: &mut Object, old: &Object) {
    let changed = match call.served.facts().generation {
        Generation::Absent => false,
        Generation::OfSpec => field(new, "spec") != field(old, "spec"),
        Generation::OfContent => {
            let of = old.ty().as_struct().expect("objects are structs");
            of.fields()
                .filter(|field| !matches!(field.name(), "apiVersion" | "kind" | "metadata" | "status"))
                .any(|field| new.root().get(field.index) != old.root().get(field.index))
        }
    };
    // A binding places the pod; what it is to be stays the same.
    let changed = changed && call.subresource.is_none_or(|part| part.name != "binding");
    if changed {
        let generation = meta(old).generation() + 1;
        meta_mut(new).set_generation(generation);
    }
}

fn field<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.root().get(object.ty().as_struct()?.index_of(name)?)
}

/// Warns whoever writes the object itself; its parts are written by programs.
fn warn(call: &Call<'_>, new: &Object, old: Option<&Object>, write: &Write<'_>) {
    if !write.part.is_empty() {
        return;
    }
    let mut warnings = Vec::new();
    call.served.resource.warn(new, old, &mut warnings);
    call.warn(&warnings);
}

fn scope(call: &Call<'_>) -> MetaScope {
    match call.served.facts().scope {
        Scope::Cluster => MetaScope::Cluster,
        Scope::Namespaced => MetaScope::Namespaced,
    }
}

fn refuse(call: &Call<'_>, object: &Object, errors: Errors) -> Result<(), Problem> {
    errors.into_result().map_err(|errors| refusal::invalid(&call.group_kind(), meta(object).name(), &errors))
}

/// Whether an object that was to go has nothing left to wait for.
pub(crate) fn is_done(call: &Call<'_>, object: &Object) -> bool {
    let meta = meta(object);
    meta.deletion_timestamp().is_some()
        && meta.deletion_grace_period_seconds().unwrap_or(0) == 0
        && meta.finalizers().next().is_none()
        && call.served.resource.may_go(object)
}

/// An object in its stored version as the caller sees it.
pub(crate) fn shown(call: &Call<'_>, stored: Object) -> Object {
    let served = call.served;
    let mut object =
        if served.is_stored_so() { stored } else { served.resource.convert(stored, &served.schema) };
    crate::render::name(served, &mut object);
    object
}

/// The bytes to be stored for an object in its stored version, and its identity. It loses what is not stored.
pub(crate) fn bytes(served: &Served, object: &mut Object) -> Result<(Uid, Bytes), Problem> {
    let uid = meta(object).uid().parse();
    let uid = uid.map_err(|error| Problem::Defect(format!("an object's uid is {error}")))?;
    for name in ["apiVersion", "kind"] {
        let place = object.ty().as_struct().and_then(|of| of.index_of(name));
        if let Some(place) = place {
            object.root_mut().remove(place);
        }
    }
    meta_mut(object).set_resource_version("");
    let json = crate::render::encode(object)?;
    let found_by: Vec<&str> = indexes::values(served.facts(), object).collect();
    Ok((uid, stored::store(served.facts().stored_as.1, &found_by, &json)))
}

/// Sets the field at `path`, whose parts lead through structs, making those that are missing.
///
/// # Panics
/// If the object's type has no such field: the path is a constant of the program.
pub(crate) fn set(object: &mut Object, path: &str, value: Value) {
    let handle = Handle::resolve(object.ty(), path).expect("the path names a field of the type");
    object.set(&handle, value);
}
