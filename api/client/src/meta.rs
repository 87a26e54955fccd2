//! What all objects have, as small as it can be kept: no managed fields, no configuration that was last applied.

use std::fmt;

use compact_str::CompactString;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::resource::{Key, Resource};
use crate::time::Time;

/// An annotation that repeats the object, and that no component reads.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// `name`.
    pub name: CompactString,
    /// `namespace`.
    pub namespace: CompactString,
    /// `uid`.
    pub uid: CompactString,
    /// `resourceVersion`. The API promises since v1.35 that it is a number that grows.
    #[serde(deserialize_with = "revision")]
    pub resource_version: u64,
    /// `generation`.
    pub generation: i64,
    /// `creationTimestamp`.
    pub creation_timestamp: Option<Time>,
    /// `deletionTimestamp`.
    pub deletion_timestamp: Option<Time>,
    /// `deletionGracePeriodSeconds`.
    pub deletion_grace_period_seconds: i64,
    /// `labels`.
    pub labels: Labels,
    /// `annotations`, without what was last applied.
    pub annotations: Labels,
    /// `ownerReferences`.
    pub owner_references: Box<[OwnerReference]>,
    /// `finalizers`.
    pub finalizers: Box<[CompactString]>,
}

/// Reads a list; of nothing, where the server writes `null`.
///
/// # Errors
/// If it is neither.
pub fn or_none<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

impl Meta {
    /// The object's key.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(&self.namespace, &self.name)
    }

    /// The owner that decides over the object.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller == Some(true))
    }

    /// Whether the object of this uid decides over it.
    #[must_use]
    pub fn is_controlled_by(&self, uid: &str) -> bool {
        self.controller().is_some_and(|owner| owner.uid == uid)
    }

    /// Whether it is on its way out.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key)
    }
}

fn revision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom(format!("resource version {text:?} is no number")))
}

/// Who an object belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// `apiVersion`.
    pub api_version: CompactString,
    /// `kind`.
    pub kind: CompactString,
    /// `name`.
    pub name: CompactString,
    /// `uid`.
    pub uid: CompactString,
    /// Whether it is the one that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Whether it may not go before this object does, if it waits for what it owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

impl OwnerReference {
    /// A reference to an owner that decides.
    #[must_use]
    pub fn controller(resource: &Resource, owner: &Meta) -> Self {
        Self {
            api_version: resource.api_version().into(),
            kind: (*resource.kind).into(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        }
    }

    /// The group of its `apiVersion`.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// Labels or annotations, by key.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels(Box<[(CompactString, CompactString)]>);

impl Labels {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(found, _)| found.as_str().cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// All, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of `these` are among them.
    #[must_use]
    pub fn contain(&self, these: &Self) -> bool {
        these.iter().all(|(key, value)| self.get(key) == Some(value))
    }
}

impl<K: Into<CompactString>, V: Into<CompactString>> FromIterator<(K, V)> for Labels {
    /// Of several values of a key, the last one counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let all: std::collections::BTreeMap<CompactString, CompactString> =
            pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self(all.into_iter().collect())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_unit<E>(self) -> Result<Labels, E> {
                Ok(Labels::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut all: Vec<(CompactString, CompactString)> = Vec::new();
                while let Some(key) = map.next_key::<CompactString>()? {
                    if key == LAST_APPLIED {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    } else {
                        all.push((key, map.next_value()?));
                    }
                }
                all.sort_unstable();
                Ok(Labels(all.into()))
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_without_what_nobody_needs() {
        let text = r#"{"name":"a","namespace":"b","uid":"u","resourceVersion":"12","generation":3,
            "creationTimestamp":"2023-11-14T22:13:20Z","labels":{"z":"1","a":"2"},
            "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","k":"v"},
            "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"x","controller":true}],
            "managedFields":[{"manager":"m"}],"finalizers":["f"]}"#;
        let meta: Meta = serde_json::from_str(text).unwrap();
        assert_eq!((meta.key().as_str(), meta.resource_version, meta.generation), ("b/a", 12, 3));
        assert_eq!(meta.labels.iter().collect::<Vec<_>>(), [("a", "2"), ("z", "1")]);
        assert_eq!(meta.annotations.iter().collect::<Vec<_>>(), [("k", "v")]);
        assert!(meta.is_controlled_by("x") && !meta.is_deleting());
        assert_eq!(meta.controller().unwrap().group(), "apps");
    }
}
