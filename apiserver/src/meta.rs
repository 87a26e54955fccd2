//! `metadata`, which all objects have in common, read and written by name.
//!
//! A custom resource's metadata is of the same type as everybody's, so the fields' places are looked up once.

use std::collections::HashSet;
use std::sync::LazyLock;

use keelson_api::meta::{ManagedFields, MetaView, OwnerReference};
use keelson_api::uid::Uid;
use keelson_schema::arena::builtin;
use keelson_schema::scalar::time::{Precision, Time};
use keelson_schema::tree::{Entries, Fields, Object, Value};

/// The places of the fields of `ObjectMeta`.
struct Places {
    name: u16,
    generate_name: u16,
    namespace: u16,
    self_link: u16,
    uid: u16,
    resource_version: u16,
    generation: u16,
    creation_timestamp: u16,
    deletion_timestamp: u16,
    deletion_grace_period_seconds: u16,
    labels: u16,
    annotations: u16,
    owner_references: u16,
    finalizers: u16,
    managed_fields: u16,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let place = places("ObjectMeta");
    Places {
        name: place("name"),
        generate_name: place("generateName"),
        namespace: place("namespace"),
        self_link: place("selfLink"),
        uid: place("uid"),
        resource_version: place("resourceVersion"),
        generation: place("generation"),
        creation_timestamp: place("creationTimestamp"),
        deletion_timestamp: place("deletionTimestamp"),
        deletion_grace_period_seconds: place("deletionGracePeriodSeconds"),
        labels: place("labels"),
        annotations: place("annotations"),
        owner_references: place("ownerReferences"),
        finalizers: place("finalizers"),
        managed_fields: place("managedFields"),
    }
});

fn place(object: &Object) -> u16 {
    object
        .ty()
        .as_struct()
        .and_then(|of| of.index_of("metadata"))
        .expect("objects that are served have metadata")
}

/// Metadata to read.
#[derive(Clone, Copy)]
pub(crate) struct Meta<'a>(Option<&'a Fields>);

/// Metadata to change.
pub(crate) struct MetaMut<'a>(&'a mut Fields);

/// The metadata of `object`; empty where it has none.
pub(crate) fn meta(object: &Object) -> Meta<'_> {
    Meta(object.root().get(place(object)).and_then(Value::as_fields))
}

/// The metadata of `object`, made where it has none.
pub(crate) fn meta_mut(object: &mut Object) -> MetaMut<'_> {
    let place = place(object);
    let value = object.root_mut().get_or_insert_with(place, || Value::Struct(Fields::new()));
    MetaMut(value.as_fields_mut().expect("metadata is a struct"))
}

impl<'a> Meta<'a> {
    fn get(self, place: u16) -> Option<&'a Value> {
        self.0.and_then(|fields| fields.get(place))
    }

    fn text(self, place: u16) -> &'a str {
        self.get(place).and_then(Value::as_str).unwrap_or_default()
    }

    fn texts(self, place: u16) -> impl Iterator<Item = &'a str> {
        self.get(place).map_or(&[][..], Value::items).iter().filter_map(Value::as_str)
    }

    pub(crate) fn name(self) -> &'a str {
        self.text(PLACES.name)
    }

    pub(crate) fn generate_name(self) -> &'a str {
        self.text(PLACES.generate_name)
    }

    pub(crate) fn namespace(self) -> &'a str {
        self.text(PLACES.namespace)
    }

    pub(crate) fn uid(self) -> &'a str {
        self.text(PLACES.uid)
    }

    pub(crate) fn resource_version(self) -> &'a str {
        self.text(PLACES.resource_version)
    }

    pub(crate) fn generation(self) -> i64 {
        self.get(PLACES.generation).and_then(Value::as_int).unwrap_or_default()
    }

    pub(crate) fn creation_timestamp(self) -> Option<Time> {
        self.get(PLACES.creation_timestamp).and_then(Value::as_time)
    }

    pub(crate) fn deletion_timestamp(self) -> Option<Time> {
        self.get(PLACES.deletion_timestamp).and_then(Value::as_time)
    }

    pub(crate) fn deletion_grace_period_seconds(self) -> Option<i64> {
        self.get(PLACES.deletion_grace_period_seconds).and_then(Value::as_int)
    }

    pub(crate) fn finalizers(self) -> impl Iterator<Item = &'a str> {
        self.texts(PLACES.finalizers)
    }

    pub(crate) fn labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs(PLACES.labels)
    }

    pub(crate) fn annotations(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.pairs(PLACES.annotations)
    }

    fn pairs(self, place: u16) -> impl Iterator<Item = (&'a str, &'a str)> {
        let map = self.get(place).and_then(Value::as_map);
        map.into_iter()
            .flat_map(|map| map.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))))
    }

    pub(crate) fn owner_references(self) -> &'a [Value] {
        self.get(PLACES.owner_references).map_or(&[][..], Value::items)
    }

    pub(crate) fn managed_fields(self) -> Option<&'a Value> {
        self.get(PLACES.managed_fields)
    }
}

impl MetaMut<'_> {
    fn set_text(&mut self, place: u16, text: &str) {
        if text.is_empty() {
            self.0.remove(place);
        } else {
            self.0.set(place, Value::from(text));
        }
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.set_text(PLACES.name, name);
    }

    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        self.set_text(PLACES.namespace, namespace);
    }

    pub(crate) fn set_uid(&mut self, uid: Uid) {
        self.set_text(PLACES.uid, &uid.to_string());
    }

    pub(crate) fn set_resource_version(&mut self, revision: &str) {
        self.set_text(PLACES.resource_version, revision);
    }

    pub(crate) fn set_generation(&mut self, generation: i64) {
        if generation == 0 {
            self.0.remove(PLACES.generation);
        } else {
            self.0.set(PLACES.generation, Value::Int(generation));
        }
    }

    pub(crate) fn set_creation_timestamp(&mut self, time: Time) {
        self.0.set(PLACES.creation_timestamp, Value::Time(time));
    }

    /// Says that the object is to go: when, and how long it was given.
    pub(crate) fn set_deletion(&mut self, deletion: Option<(Time, i64)>) {
        match deletion {
            Some((time, grace)) => {
                self.0.set(PLACES.deletion_timestamp, Value::Time(time));
                self.0.set(PLACES.deletion_grace_period_seconds, Value::Int(grace));
            }
            None => {
                self.0.remove(PLACES.deletion_timestamp);
                self.0.remove(PLACES.deletion_grace_period_seconds);
            }
        }
    }

    pub(crate) fn set_finalizers<'a>(&mut self, finalizers: impl Iterator<Item = &'a str>) {
        let items: thin_vec::ThinVec<Value> = finalizers.map(Value::from).collect();
        if items.is_empty() {
            self.0.remove(PLACES.finalizers);
        } else {
            self.0.set(PLACES.finalizers, Value::List(items));
        }
    }

    pub(crate) fn set_annotations(&mut self, annotations: Entries) {
        self.0.set(PLACES.annotations, Value::Map(annotations));
    }

    pub(crate) fn clear_self_link(&mut self) {
        self.0.remove(PLACES.self_link);
    }

    /// Takes everything over from `old` that writers of the whole object may write, but for the record of managers.
    pub(crate) fn keep_written(&mut self, old: Meta<'_>) {
        for place in
            [PLACES.self_link, PLACES.labels, PLACES.annotations, PLACES.finalizers, PLACES.owner_references]
        {
            match old.get(place) {
                Some(value) => self.0.set(place, value.clone()),
                None => self.0.remove(place),
            };
        }
    }

    /// Takes over from `old` what the server alone decides on: always its creation and a deletion that is under way,
    /// the rest where it is left out. What is then different is refused.
    pub(crate) fn keep_identity(&mut self, old: Meta<'_>) {
        let places = [
            (PLACES.uid, false),
            (PLACES.creation_timestamp, true),
            (PLACES.deletion_timestamp, true),
            (PLACES.deletion_grace_period_seconds, false),
        ];
        for (place, always) in places {
            if let Some(value) = old.get(place).filter(|_| always || self.0.get(place).is_none()) {
                self.0.set(place, value.clone());
            }
        }
    }
}

/// Takes out the owners that are named again; their uids.
pub(crate) fn drop_repeated_owners(object: &mut Object) -> Vec<String> {
    let mut known = HashSet::new();
    let mut repeated = Vec::new();
    let checked = Checked::new(meta(object));
    let is_new: Vec<bool> = checked
        .owner_references()
        .map(|owner| {
            let is_new = known.insert(owner);
            if !is_new {
                repeated.push(owner.uid.to_owned());
            }
            is_new
        })
        .collect();
    if !repeated.is_empty()
        && let Some(Value::List(owners)) = meta_mut(object).0.get_mut(PLACES.owner_references)
    {
        let mut is_new = is_new.into_iter();
        owners.retain(|_| is_new.next().unwrap_or(true));
    }
    repeated
}

/// Metadata as the shared rules see it.
pub(crate) struct Checked<'a> {
    meta: Meta<'a>,
    creation: Option<String>,
    deletion: Option<String>,
}

impl<'a> Checked<'a> {
    pub(crate) fn new(meta: Meta<'a>) -> Self {
        let text = |time: Option<Time>| {
            time.filter(|time| *time != Time::ZERO).map(|time| {
                let mut text = Vec::new();
                time.push(&mut text, Precision::Seconds);
                String::from_utf8_lossy(&text).into_owned()
            })
        };
        Self { meta, creation: text(meta.creation_timestamp()), deletion: text(meta.deletion_timestamp()) }
    }
}

impl MetaView for Checked<'_> {
    fn name(&self) -> &str {
        self.meta.name()
    }

    fn generate_name(&self) -> &str {
        self.meta.generate_name()
    }

    fn namespace(&self) -> &str {
        self.meta.namespace()
    }

    fn uid(&self) -> &str {
        self.meta.uid()
    }

    fn resource_version(&self) -> &str {
        self.meta.resource_version()
    }

    fn generation(&self) -> i64 {
        self.meta.generation()
    }

    fn creation_timestamp(&self) -> Option<&str> {
        self.creation.as_deref()
    }

    fn deletion_timestamp(&self) -> Option<&str> {
        self.deletion.as_deref()
    }

    fn deletion_grace_period_seconds(&self) -> Option<i64> {
        self.meta.deletion_grace_period_seconds()
    }

    fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.meta.labels()
    }

    fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.meta.annotations()
    }

    fn owner_references(&self) -> impl Iterator<Item = OwnerReference<'_>> {
        self.meta.owner_references().iter().filter_map(Value::as_fields).map(|owner| {
            let text = |place| owner.get(place).and_then(Value::as_str).unwrap_or_default();
            let truth = |place| owner.get(place).and_then(Value::as_bool);
            OwnerReference {
                api_version: text(OWNER.api_version),
                kind: text(OWNER.kind),
                name: text(OWNER.name),
                uid: text(OWNER.uid),
                controller: truth(OWNER.controller),
                block_owner_deletion: truth(OWNER.block_owner_deletion),
            }
        })
    }

    fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.meta.finalizers()
    }

    fn managed_fields(&self) -> impl Iterator<Item = ManagedFields<'_>> {
        let entries = self.meta.managed_fields().map_or(&[][..], Value::items);
        entries.iter().filter_map(Value::as_fields).map(|entry| {
            let text = |place| entry.get(place).and_then(Value::as_str).unwrap_or_default();
            ManagedFields {
                manager: text(MANAGED.manager),
                operation: text(MANAGED.operation),
                fields_type: text(MANAGED.fields_type),
                subresource: text(MANAGED.subresource),
            }
        })
    }
}

/// The places of the fields of `OwnerReference`.
struct OwnerPlaces {
    api_version: u16,
    kind: u16,
    name: u16,
    uid: u16,
    controller: u16,
    block_owner_deletion: u16,
}

static OWNER: LazyLock<OwnerPlaces> = LazyLock::new(|| {
    let place = places("OwnerReference");
    OwnerPlaces {
        api_version: place("apiVersion"),
        kind: place("kind"),
        name: place("name"),
        uid: place("uid"),
        controller: place("controller"),
        block_owner_deletion: place("blockOwnerDeletion"),
    }
});

/// The places of the fields of `ManagedFieldsEntry`.
struct ManagedPlaces {
    manager: u16,
    operation: u16,
    fields_type: u16,
    subresource: u16,
}

static MANAGED: LazyLock<ManagedPlaces> = LazyLock::new(|| {
    let place = places("ManagedFieldsEntry");
    ManagedPlaces {
        manager: place("manager"),
        operation: place("operation"),
        fields_type: place("fieldsType"),
        subresource: place("subresource"),
    }
});

/// Finds the places of fields in one of the types of metadata.
fn places(name: &str) -> impl Fn(&str) -> u16 {
    let ty = builtin().by_name(&format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}"));
    let of = ty.and_then(|ty| ty.as_struct()).expect("the arena has the types of metadata");
    move |field| of.index_of(field).expect("the field is one of the type's")
}
