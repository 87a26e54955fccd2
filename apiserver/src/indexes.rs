//! What the store finds objects by besides their paths, derived from the fields that resources say are indexed.

use std::collections::BTreeMap;

use keelson_schema::tree::Object as Tree;
use keelson_store::index::IndexDefinition;
use keelson_store::key::ResourceName;

use crate::catalog::Catalog;
use crate::offer::Offer;
use crate::resource::{Facts, Field, Resource};
use crate::selection::field_value;
use crate::stored::Stored;

/// The indexes to open the store with: lists and watches that select by such a field look at nothing else.
#[must_use]
pub fn indexes() -> BTreeMap<ResourceName, Vec<IndexDefinition>> {
    let catalog = Catalog::builtin(&Offer::default());
    let versions = catalog.groups().iter().flat_map(|group| &group.versions);
    let served = versions.flat_map(|version| &version.resources);
    served
        .map(|served| (served.store.clone(), definitions(served.resource)))
        .filter(|(_, definitions)| !definitions.is_empty())
        .collect()
}

fn definitions(resource: &'static dyn Resource) -> Vec<IndexDefinition> {
    let definition = |(nth, field): (usize, &'static Field)| {
        IndexDefinition::new(field.path, move |object, found| {
            // What cannot be read is found nowhere; whoever comes upon it by its path is told.
            let Ok(stored) = Stored::of(object) else { return };
            match stored.found_by(nth) {
                Some(value) => found(value),
                None => found(&field_value(resource.facts(), object, &stored, field.path)),
            }
        })
    };
    indexed(resource.facts()).enumerate().map(definition).collect()
}

fn indexed(facts: &Facts) -> impl Iterator<Item = &Field> {
    facts.fields.iter().filter(|field| field.is_indexed)
}

/// What an object, in its stored version, is found by: the values of its resource's indexed fields, in their order.
pub(crate) fn values<'a>(facts: &'a Facts, object: &'a Tree) -> impl Iterator<Item = &'a str> {
    indexed(facts).map(|field| {
        let text_at = |path: &str| object.view().path(path).text();
        let found = match field.stands_at {
            [] => text_at(field.path),
            places => {
                places.iter().map(|path| text_at(path)).find(|text| !text.is_empty()).unwrap_or_default()
            }
        };
        if found.is_empty() { field.absent } else { found }
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Method, Request};
    use http_body_util::BodyExt;
    use keelson_api::time::{Clock, UnixMillis};
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;
    use crate::caller::Caller;
    use crate::server::{ApiServer, Door, Parts};

    async fn ask(door: &Door, method: Method, uri: &str, body: &Value) -> Body {
        let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
        let Ok(answer) = door.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await;
        assert!(answer.status().is_success(), "{uri}: {}", answer.status());
        answer.into_body()
    }

    async fn make(door: &Door, uri: &str, object: &Value) {
        drop(ask(door, Method::POST, uri, object).await);
    }

    fn pod(name: &str, node: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}})
    }

    #[tokio::test]
    async fn pods_are_found_by_their_node() {
        assert_eq!(indexes().into_keys().map(|name| name.to_string()).collect::<Vec<_>>(), ["pods"]);
        let server = ApiServer::new(Parts::for_tests(Clock::new(|| UnixMillis(1_000))).await);
        let door = server.door(Caller::authenticated("admin", ["system:masters"]));
        let namespace = json!({"metadata": {"name": "a"}});
        make(&door, "/api/v1/namespaces", &namespace).await;
        let pods = "/api/v1/namespaces/a/pods";
        for (name, node) in [("one", "n1"), ("two", "n2"), ("three", "")] {
            make(&door, pods, &pod(name, node)).await;
        }
        let names = async |selector: &str| {
            let uri = format!("/api/v1/pods?fieldSelector={selector}");
            let body = ask(&door, Method::GET, &uri, &Value::Null).await.collect().await.unwrap().to_bytes();
            let list: Value = serde_json::from_slice(&body).unwrap();
            let items = list["items"].as_array().unwrap().iter();
            items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("spec.nodeName=n1").await, ["one"]);
        assert_eq!(names("spec.nodeName=").await, ["three"]);
        assert_eq!(names("spec.nodeName=n2,metadata.name=one").await, [""; 0]);

        // A watch of the index alone is told of a pod that enters it.
        let uri = "/api/v1/pods?watch=1&fieldSelector=spec.nodeName=n3&timeoutSeconds=60";
        let mut watch = ask(&door, Method::GET, uri, &Value::Null).await;
        make(&door, pods, &pod("other", "n2")).await;
        make(&door, pods, &pod("four", "n3")).await;
        let event = watch.frame().await.unwrap().unwrap().into_data().unwrap();
        let event: Value = serde_json::from_slice(&event).unwrap();
        assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&"ADDED".into(), &"four".into()));
    }
}
