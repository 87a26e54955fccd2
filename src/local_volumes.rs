//! The class of volumes that a new cluster has: directories on its nodes' own disks, so that claims come to volumes
//! without anybody having set up anything.
//!
//! It is made once. Whoever deletes or changes it has decided that.

use keelson_apiserver::caller::Caller;
use keelson_apiserver::server::ApiServer;
use keelson_client::{Client, Key, Problem, Resource};
use keelson_controllers::{LOCAL_PATH_CONTROLLER, LOCAL_PATH_PROVISIONER};
use serde_json::{Value, json};

use crate::config::Settings;
use crate::failure::Failure;

const NAME: &str = "local-path";
/// What says that claims without a class get this one.
const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
const CLASSES: Resource = Resource::cluster("storage.k8s.io", "v1", "storageclasses", "StorageClass");
const NAMESPACES: Resource = Resource::cluster("", "v1", "namespaces", "Namespace");

/// Makes the class, if the cluster is new and somebody makes its volumes. Comes before the server makes what every cluster
/// has: of that, the namespace `kube-system` tells old clusters from new ones.
pub(crate) async fn make_class(server: &ApiServer, settings: &Settings) -> Result<(), Failure> {
    if !settings.controllers.includes(LOCAL_PATH_CONTROLLER) {
        return Ok(());
    }
    let caller = Caller::authenticated("system:apiserver", ["system:masters"]);
    let client =
        Client::in_process(server.door(caller), "keelson").expect("the name is one that can be sent");
    let made = async {
        match client.get::<Value>(&NAMESPACES, &Key::new("", "kube-system")).await {
            Ok(_) => return Ok(()),
            Err(problem) if !problem.is_not_found() => return Err(problem),
            Err(_) => {}
        }
        match client.create::<Value>(&CLASSES, "", &class()).await {
            Err(problem) if !problem.is_already_exists() => Err(problem),
            _ => Ok::<(), Problem>(()),
        }
    };
    made.await.map_err(|problem| Failure::from_error("cannot begin a cluster", &problem, ""))
}

fn class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": NAME, "annotations": {IS_DEFAULT: "true"}},
        "provisioner": LOCAL_PATH_PROVISIONER,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
    })
}
