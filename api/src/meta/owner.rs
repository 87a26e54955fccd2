//! Owners: whom an object belongs to.

use std::fmt::Write as _;

use super::MetaView;
use crate::field::{Error, Errors, Path, Value};
use crate::golang::JsonText;
use crate::group::GroupVersion;

/// An entry of `ownerReferences`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnerReference<'a> {
    /// `apiVersion`.
    pub api_version: &'a str,
    /// `kind`.
    pub kind: &'a str,
    /// `name`.
    pub name: &'a str,
    /// `uid`.
    pub uid: &'a str,
    /// `controller`.
    pub controller: Option<bool>,
    /// `blockOwnerDeletion`.
    pub block_owner_deletion: Option<bool>,
}

impl OwnerReference<'_> {
    /// As an error shows it.
    fn json(&self) -> String {
        let [version, kind, name, uid] = [self.api_version, self.kind, self.name, self.uid].map(JsonText);
        let mut json = format!(r#"{{"apiVersion":{version},"kind":{kind},"name":{name},"uid":{uid}"#);
        let optional = [("controller", self.controller), ("blockOwnerDeletion", self.block_owner_deletion)];
        for (field, value) in optional {
            if let Some(value) = value {
                write!(json, r#","{field}":{value}"#).expect("writing to a text cannot fail");
            }
        }
        json + "}"
    }
}

pub(super) fn check_owners(meta: &impl MetaView, path: &Path<'_>, errors: &mut Errors) {
    let mut controller: Option<OwnerReference<'_>> = None;
    for (i, owner) in meta.owner_references().enumerate() {
        check_owner(&owner, &path.index(i), errors);
        if owner.controller != Some(true) {
            continue;
        }
        match controller {
            None => controller = Some(owner),
            Some(_) if errors.is_full() => return,
            Some(first) => {
                let all: Vec<_> = meta.owner_references().map(|owner| owner.json()).collect();
                let words = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {}/{} and {}/{}",
                    first.kind, first.name, owner.kind, owner.name
                );
                errors.push(Error::invalid(path, Value::Json(format!("[{}]", all.join(",")).into()), words));
            }
        }
    }
}

fn check_owner(owner: &OwnerReference<'_>, path: &Path<'_>, errors: &mut Errors) {
    let version = GroupVersion::parse(owner.api_version).unwrap_or_default();
    if owner.api_version.is_empty() {
        errors.push(Error::required(&path.child("apiVersion"), "must not be empty"));
    } else if version.version.is_empty() {
        let words = "must be <group>/<version> or <version>";
        errors.push(Error::invalid(&path.child("apiVersion"), owner.api_version, words));
    }
    for (field, value) in [("kind", owner.kind), ("name", owner.name), ("uid", owner.uid)] {
        if value.is_empty() {
            errors.push(Error::required(&path.child(field), "must not be empty"));
        }
    }
    let kind = version.with_kind(owner.kind);
    if (&*kind.group, &*kind.version, &*kind.kind) == ("", "v1", "Event") {
        let words = format!("{kind} is disallowed from being an owner");
        errors.push(Error::invalid(path, Value::Json(owner.json().into()), words));
    }
}
