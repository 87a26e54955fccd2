//! What there is to know of a resource, and the trait through which the server knows it.
//!
//! A resource states its [`Facts`] once; routes, discovery, OpenAPI, tables, selectors and the contract tests are
//! derived from them. What cannot be said as a fact is a hook of [`Resource`], whose neutral body does what upstream
//! does for a resource without peculiarities.

#[cfg(test)]
pub(crate) mod check;

use std::fmt;

use keelson_api::field::Errors;
use keelson_api::names::{self, object::Rule};
use keelson_api::options::Propagation;
use keelson_api::time::UnixMillis;
use keelson_schema::arena::Schema;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::Object;

use crate::cells::{self, Cell};
use crate::claims::Claims;
use crate::defaults::gated::Gate;
use crate::object_life::Write;
use crate::on_demand::OnDemand;
use crate::parts;

/// Facts of one resource: everything that can be said of it without code.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The API group; empty for the core group.
    pub(crate) group: &'static str,
    /// The versions it is served in, the preferred one first.
    pub(crate) versions: &'static [&'static str],
    /// The group and version objects are stored in.
    pub(crate) stored_as: (&'static str, &'static str),
    /// The kind of its objects.
    pub(crate) kind: &'static str,
    /// The name in paths.
    pub(crate) plural: &'static str,
    /// The name for one of them.
    pub(crate) singular: &'static str,
    /// What `kubectl` also calls it.
    pub(crate) short_names: &'static [&'static str],
    /// The sets it is part of, such as `all`.
    pub(crate) categories: &'static [&'static str],
    /// Whether its objects live in namespaces.
    pub(crate) scope: Scope,
    /// What can be done with it, in alphabetical order.
    pub(crate) verbs: &'static [Verb],
    /// What a deletion that is done at once answers with.
    pub(crate) deletion_answers: Deletion,
    /// What lies below its objects, in alphabetical order.
    pub(crate) subresources: &'static [Subresource],
    /// What an update does to the object's generation.
    pub(crate) generation: Generation,
    /// Whether an update need not say which state it is based on.
    pub(crate) updates_blindly: bool,
    /// Whether an update of an object that is not there creates it.
    pub(crate) creates_on_update: bool,
    /// What field selectors may name, besides `metadata.name` and, in namespaces, `metadata.namespace`.
    pub(crate) fields: &'static [Field],
    /// The columns of its table.
    pub(crate) columns: &'static [Column],
}

/// Where objects live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In the cluster as a whole.
    Cluster,
    /// In a namespace each.
    Namespaced,
}

/// How `metadata.generation` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// It is not kept.
    Absent,
    /// Changes of `spec`.
    OfSpec,
    /// Changes of anything but metadata and status.
    OfContent,
}

/// What a deletion answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// That it succeeded.
    Status,
    /// The object as it was last.
    Object,
}

/// What can be done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    /// Make a new object.
    Create,
    /// Remove an object.
    Delete,
    /// Remove all objects of a selection.
    DeleteCollection,
    /// Read an object.
    Get,
    /// Read a selection of objects.
    List,
    /// Change an object by saying what is to be different.
    Patch,
    /// Replace an object.
    Update,
    /// Be told of changes.
    Watch,
}

impl Verb {
    /// All of them: what an ordinary resource can do.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Create,
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Update,
        Self::Watch,
    ];
    /// What can be done with a part of an object.
    pub(crate) const OF_A_PART: &'static [Self] = &[Self::Get, Self::Patch, Self::Update];
    /// What can be done with what is only asked, never kept.
    pub(crate) const CREATE_ONLY: &'static [Self] = &[Self::Create];

    /// The name in discovery, authorization and audit.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }
}

/// Something below an object's path.
#[derive(Debug)]
pub(crate) struct Subresource {
    /// The name in paths.
    pub(crate) name: &'static str,
    /// The kind that is read and written there.
    pub(crate) kind: &'static str,
    /// Group and version of that kind, where they are not the resource's own.
    pub(crate) group_version: Option<(&'static str, &'static str)>,
    /// What can be done there, in alphabetical order.
    pub(crate) verbs: &'static [Verb],
}

/// A field that objects can be selected by.
#[derive(Debug)]
pub(crate) struct Field {
    /// What the selector says.
    pub(crate) label: &'static str,
    /// The path of the field in the object.
    pub(crate) path: &'static str,
    /// What it counts as where it is absent.
    pub(crate) absent: &'static str,
    /// Where the text stands, if not at the path: the first of these that holds any.
    pub(crate) stands_at: &'static [&'static str],
    /// Whether objects are found by it without looking at all of them.
    pub(crate) is_indexed: bool,
}

impl Field {
    /// A field whose label is its path.
    #[must_use]
    pub(crate) const fn new(label: &'static str) -> Self {
        Self::at(label, label)
    }

    /// A field at another path.
    #[must_use]
    pub(crate) const fn at(label: &'static str, path: &'static str) -> Self {
        Self { label, path, absent: "", stands_at: &[], is_indexed: false }
    }

    /// The same field, with an index.
    #[must_use]
    pub(crate) const fn indexed(self) -> Self {
        Self { is_indexed: true, ..self }
    }

    /// The same field, whose text is the first that stands at one of these paths.
    #[must_use]
    pub(crate) const fn standing_at(self, stands_at: &'static [&'static str]) -> Self {
        Self { stands_at, ..self }
    }

    /// The same field, which counts as `absent` where it is absent.
    #[must_use]
    pub(crate) const fn or(self, absent: &'static str) -> Self {
        Self { absent, ..self }
    }
}

/// A column of a table.
#[derive(Debug)]
pub(crate) struct Column {
    /// The heading.
    pub(crate) name: &'static str,
    /// What the cells hold: `string`, `integer`, `boolean`, `date`.
    pub(crate) type_: &'static str,
    /// A closer description: `name` for the column that names the object.
    pub(crate) format: &'static str,
    /// 0 is always shown, 1 where there is room (`-o wide`).
    pub(crate) priority: i32,
}

impl Column {
    /// The name of the object, first in every table.
    pub(crate) const NAME: Self = Self { name: "Name", type_: "string", format: "name", priority: 0 };

    /// An ordinary column of text.
    #[must_use]
    pub(crate) const fn text(name: &'static str) -> Self {
        Self { name, type_: "string", format: "", priority: 0 }
    }

    /// A column of numbers.
    #[must_use]
    pub(crate) const fn integer(name: &'static str) -> Self {
        Self { name, type_: "integer", format: "", priority: 0 }
    }

    /// A column of truths.
    #[must_use]
    pub(crate) const fn boolean(name: &'static str) -> Self {
        Self { name, type_: "boolean", format: "", priority: 0 }
    }

    /// The same column, shown only where there is room.
    #[must_use]
    pub(crate) const fn wide(self) -> Self {
        Self { priority: 1, ..self }
    }
}

/// A resource, as the server knows it. Built-in resources are unit structs, one to a file.
///
/// Every hook has a body that does what upstream does for a resource without peculiarities.
pub(crate) trait Resource: Send + Sync + fmt::Debug {
    /// What can be said of it without code.
    fn facts(&self) -> &Facts;

    /// What everybody who asks for it is warned of, because it is on its way out.
    fn deprecation(&self) -> Option<&'static str> {
        None
    }

    /// The version that discovery's hash says its objects are stored in. Upstream still stores a few in an older one,
    /// and clients see the hash alone.
    fn hashed_version(&self) -> &'static str {
        self.facts().stored_as.1
    }

    /// What its names keep to.
    fn name_rule(&self) -> Rule {
        names::object::subdomain
    }

    /// Whether what a name is to be generated from is looked at, besides the name.
    fn looks_at_prefix(&self) -> bool {
        true
    }

    /// Whether one without a name gets one that nobody else has.
    fn names_itself(&self) -> bool {
        false
    }

    /// Whether metadata is looked at only where all else is well.
    fn looks_at_metadata_last(&self) -> bool {
        false
    }

    /// Fills in what upstream fills in as it reads what it has stored: new objects are looked at without it.
    fn complete(&self, new: &mut Object) {
        let _ = new;
    }

    /// The object as those who own its fields are told from: by itself, as it is; nothing if that is so.
    fn as_owned(&self, new: &Object) -> Option<Object> {
        let _ = new;
        None
    }

    /// The same object in another version. Most kinds are served in one, or in versions that look alike.
    fn convert(&self, object: Object, to: &Schema) -> Object {
        Object::with_root(to.clone(), object.into_root())
    }

    /// The cells of its row, in the order of the columns.
    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        cells::of_metadata(self.facts(), object, now)
    }

    /// What its row is marked with, beside its cells: conditions of tables, such as that a pod has ended.
    fn row_conditions(&self, object: &Object) -> Vec<Cell> {
        let _ = object;
        Vec::new()
    }

    /// The features that decide on some of its fields, beside those of pods.
    fn gates(&self) -> &'static [&'static [Gate]] {
        &[]
    }

    /// Fills in what the writer left open and the structural defaults do not say.
    fn default(&self, object: &mut Object) {
        let _ = object;
    }

    /// Makes a new object, which has got its name and identity, what it is to be in the beginning: by itself, it
    /// begins without status if that is written apart.
    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        let _ = write;
        parts::forget_status(self.facts(), new);
    }

    /// Brings what is written to the object itself, or to a part that is not its status, into line with `old`: by
    /// itself, it keeps its status if that is written apart.
    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        let _ = write;
        parts::keep_status(self.facts(), new, old);
    }

    /// Brings what is written to the object's status into line with `old`: by itself, it keeps all but status and
    /// metadata. Many newer kinds keep their metadata too ([`parts::keep_metadata`]).
    fn prepare_status(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        let _ = write;
        parts::keep_content(new, old);
    }

    /// Whether its generation counts a list without content as a change from none, as a few kinds' do.
    fn counts_empty_lists(&self) -> bool {
        false
    }

    /// The fields that a write of an object whose status is written apart cannot change, and therefore cannot own.
    fn fixed(&self) -> &'static [&'static [&'static str]] {
        &[&["status"]]
    }

    /// The fields that a write of the status cannot change, and therefore cannot own.
    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["spec"]]
    }

    /// What is wrong with a new object, beyond its metadata.
    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        let _ = (new, errors);
    }

    /// What is wrong with `new` in the place of `old`, beyond its metadata, where the object itself is written.
    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let _ = (new, old, errors);
    }

    /// What is wrong with `new` in the place of `old`, beyond its metadata, where its status is written.
    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        let _ = (new, old, errors);
    }

    /// What is wrong with `new` in the place of `old`, beyond its metadata, where a part of it other than its status is
    /// written. A part is by itself what the object is.
    fn validate_part(&self, part: &str, new: &Object, old: &Object, errors: &mut Errors) {
        let _ = part;
        self.validate_update(new, old, errors);
    }

    /// What becomes of an object's dependents if its deletion does not say; nothing if it has none by its nature.
    fn default_propagation(&self) -> Option<Propagation> {
        Some(Propagation::Background)
    }

    /// What whoever removes an object, and does not say what is to become of its dependents, is warned of.
    fn deletion_warning(&self) -> Option<&'static str> {
        None
    }

    /// How long an object is given before it goes, where it is given time at all. `asked` is what the deletion says.
    fn grace_seconds(&self, object: &Object, asked: Option<i64>) -> Option<i64> {
        let _ = (object, asked);
        None
    }

    /// Fills in what depends on when the object is written.
    fn default_at(&self, object: &mut Object, now: Time) {
        let _ = (object, now);
    }

    /// Whether an object that is to go, and has no finalizers, may go now.
    fn may_go(&self, object: &Object) -> bool {
        let _ = object;
        true
    }

    /// Changes an object that is told to go.
    fn prepare_deletion(&self, object: &mut Object) {
        let _ = object;
    }

    /// What its objects take out of a common stock; nothing if they take nothing.
    fn claims(&self) -> Option<&'static dyn Claims> {
        None
    }

    /// Who makes its objects when somebody asks for them; nothing if they are stored.
    fn on_demand(&self) -> Option<&'static dyn OnDemand> {
        None
    }

    /// What a writer is to be warned of.
    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        let _ = (new, old, warnings);
    }
}
