//! Service accounts: who a pod is when it speaks to this server.

use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct ServiceAccounts;

const FACTS: Facts = Facts {
    group: "",
    versions: &["v1"],
    stored_as: ("", "v1"),
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    singular: "serviceaccount",
    short_names: &["sa"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Object,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "token",
        kind: "TokenRequest",
        group_version: Some(("authentication.k8s.io", "v1")),
        verbs: Verb::CREATE_ONLY,
    }],
    fields: &[],
    columns: &[Column::NAME, Column::text("Age")],
};

impl Resource for ServiceAccounts {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        vec![cells::name(object), cells::age_of(object, now)]
    }

    fn prepare_create(&self, new: &mut Object, _: &Write<'_>) {
        name_secrets_only(new);
    }

    fn prepare_update(&self, new: &mut Object, _: &Object, _: &Write<'_>) {
        name_secrets_only(new);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        let has = |object: &Object| meta(object).annotations().any(|(key, _)| key == MOUNTABLE_SECRETS);
        if has(new) && !old.is_some_and(has) {
            warnings.push(format!(
                "metadata.annotations[{MOUNTABLE_SECRETS}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
            ));
        }
    }
}

/// Once said which secrets pods may mount.
const MOUNTABLE_SECRETS: &str = "kubernetes.io/enforce-mountable-secrets";

/// Of the references to secrets, only the names are kept.
fn name_secrets_only(object: &mut Object) {
    for mut secret in Edit::object(object).items("secrets") {
        let name: Option<Value> = secret.remove("name");
        let others: Vec<_> = secret.names().collect();
        for other in others {
            secret.remove(other);
        }
        secret.put("name", name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MOUNTABLE_SECRETS, ServiceAccounts};
    use crate::resource::check;

    #[test]
    fn secrets_are_referred_to_by_name_alone() {
        let text = r#"{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"a"},"secrets":[{"kind":"Secret","namespace":"b","name":"c","uid":"d"},{"kind":"Secret"}]}"#;
        let expected = r#"{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"a"},"secrets":[{"name":"c"},{}]}"#;
        check::create(&ServiceAccounts, text, expected);
        check::update(&ServiceAccounts, "", text, text, expected);
        check::cells(&ServiceAccounts, text, json!(["a", "<unknown>"]));
    }

    #[test]
    fn the_old_annotation_is_warned_of_once() {
        let text = format!(
            r#"{{"kind":"ServiceAccount","apiVersion":"v1","metadata":{{"name":"a","annotations":{{"{MOUNTABLE_SECRETS}":"true"}}}}}}"#
        );
        assert_eq!(check::warnings(&ServiceAccounts, &text, None).len(), 1);
        assert!(check::warnings(&ServiceAccounts, &text, Some(&text)).is_empty());
    }
}
