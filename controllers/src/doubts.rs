//! Requests of which nobody knows what became: their answer was lost on the way, or the server failed over them.
//!
//! A creation under a name that the server draws cannot simply be tried again: the first try may have made its object,
//! which the caches do not show yet, and there would be one too many. So before anything is decided about a key again,
//! it is found out what is there, and then waited until the caches show it.

use std::collections::HashMap;

use keelson_client::expect::Expected;
use keelson_client::meta::or_none;
use keelson_client::{Caches, Client, Key, Meta, Problem, Resource};
use parking_lot::Mutex;
use serde::Deserialize;

use crate::plan::What;

/// By key whose work it was: what is in doubt.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<HashMap<Key, Vec<Doubt>>>);

/// Where something may have been made, changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doubt {
    /// A new object of this kind in this namespace.
    Made(Resource, String),
    /// This object, and the uid that it had where that was said.
    Touched(Resource, Key, Option<String>),
}

#[derive(Deserialize)]
struct Partial {
    metadata: Meta,
}

#[derive(Deserialize)]
struct Partials {
    #[serde(default = "Vec::new", deserialize_with = "or_none")]
    items: Vec<Partial>,
}

impl Doubts {
    /// Remembers that nobody knows what became of `what`.
    pub(crate) fn remember(&self, key: &Key, what: &What) {
        let doubt = match what {
            What::Create { resource, namespace, object } => match object["metadata"]["name"].as_str() {
                Some(name) => Doubt::Touched(resource.clone(), Key::new(namespace, name), None),
                None => Doubt::Made(resource.clone(), namespace.clone()),
            },
            What::Patch { resource, key, .. } => Doubt::Touched(resource.clone(), key.clone(), None),
            What::Delete { resource, key, how } => {
                Doubt::Touched(resource.clone(), key.clone(), how.uid.clone())
            }
            What::Tell(_) => return,
        };
        let mut all = self.0.lock();
        let all = all.entry(key.clone()).or_default();
        if !all.contains(&doubt) {
            all.push(doubt);
        }
    }

    /// Finds out what is there; gives back what will show it.
    pub(crate) async fn settle(
        &self,
        key: &Key,
        client: &Client,
        caches: &Caches,
    ) -> Result<Vec<Expected>, Problem> {
        let open = self.0.lock().get(key).cloned().unwrap_or_default();
        let mut expected = Vec::new();
        for doubt in &open {
            expected.extend(find_out(doubt, client, caches).await?);
        }
        if !open.is_empty() {
            self.0.lock().remove(key);
        }
        Ok(expected)
    }
}

async fn find_out(doubt: &Doubt, client: &Client, caches: &Caches) -> Result<Option<Expected>, Problem> {
    let (Doubt::Made(resource, _) | Doubt::Touched(resource, ..)) = doubt;
    // What no cache shows is decided about by asking anyway.
    let Some(seen) = caches.seen(resource) else { return Ok(None) };
    match doubt {
        Doubt::Made(_, namespace) => {
            let there: Partials = client.metadata(resource, namespace, "").await?;
            let newest = there.items.iter().map(|item| item.metadata.resource_version).max();
            Ok(newest.map(|newest| Expected::Reached(seen, newest)))
        }
        Doubt::Touched(_, key, uid) => {
            match client.metadata::<Partial>(resource, key.namespace(), key.name()).await {
                Err(problem) if problem.is_not_found() => {
                    Ok(uid.clone().map(|uid| Expected::Going(seen, key.clone(), uid)))
                }
                found => Ok(Some(Expected::Reached(seen, found?.metadata.resource_version))),
            }
        }
    }
}
