//! The namespace that cases work in, and what they say of calls.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Error, Resource};
use serde_json::{Value, json};

/// A namespace of a server, and the client that reaches it.
pub struct World {
    pub client: Client,
    pub namespace: String,
}

impl World {
    pub async fn make() -> anyhow::Result<Self> {
        let client = Client::try_default().await?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let wanted = object(json!({"metadata": {"generateName": "clients-rust-"}}))?;
        let made =
            namespaces.create(&PostParams::default(), &wanted).await.context("cannot make a namespace")?;
        let world = Self { client, namespace: made.metadata.name.context("no name")? };
        // Pods need one, and a server without controllers makes none.
        let account: ServiceAccount = object(json!({"metadata": {"name": "default"}}))?;
        match world.api().create(&PostParams::default(), &account).await {
            Err(Error::Api(status)) if status.code == 409 => {}
            other => drop(other?),
        }
        Ok(world)
    }

    /// The objects of a kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Makes one, labelled with its case.
    pub async fn config_map(&self, name: &str, case: &str, data: Value) -> kube::Result<ConfigMap> {
        let map = json!({"metadata": {"name": name, "labels": {"case": case}}, "data": data});
        self.api().create(&PostParams::default(), &object(map).expect("it is a config map")).await
    }

    pub async fn deployment(&self, name: &str) -> anyhow::Result<Deployment> {
        let wanted = object(json!({
            "metadata": {"name": name, "labels": {"case": name}},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "web", "image": "web:1"}, {"name": "side", "image": "side:1"}]},
                },
            },
        }))?;
        Ok(self.api().create(&PostParams::default(), &wanted).await?)
    }

    /// Makes one that no scheduler takes.
    pub async fn pod(&self, name: &str) -> anyhow::Result<Pod> {
        let wanted = object(json!({
            "metadata": {"name": name, "labels": {"case": name}},
            "spec": {"schedulerName": "nobody", "containers": [{"name": "main", "image": "image:1"}]},
        }))?;
        Ok(self.api().create(&PostParams::default(), &wanted).await?)
    }

    /// Takes everything away that cases have left. Where no controller looks after namespaces that go, it says itself
    /// that nothing is left in there.
    pub async fn remove(&self) -> anyhow::Result<()> {
        let (now, all) = (DeleteParams::default().grace_period(0), ListParams::default());
        self.api::<ConfigMap>().delete_collection(&now, &all).await?;
        self.api::<Pod>().delete_collection(&now, &all).await?;
        self.api::<Deployment>().delete_collection(&now, &all).await?;
        self.api::<ServiceAccount>().delete_collection(&now, &all).await?;
        self.api::<PodDisruptionBudget>().delete_collection(&now, &all).await?;
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(&self.namespace, &DeleteParams::default()).await?;
        while let Some(mut namespace) = namespaces.get_opt(&self.namespace).await? {
            namespace.spec.get_or_insert_default().finalizers = None;
            let body = serde_json::to_vec(&namespace)?;
            match namespaces
                .replace_subresource("finalize", &self.namespace, &PostParams::default(), body)
                .await
            {
                Err(Error::Api(status)) if [404, 409].contains(&status.code) => {}
                other => drop(other?),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// An object of the form that a kind has.
pub fn object<K: serde::de::DeserializeOwned>(value: Value) -> anyhow::Result<K> {
    Ok(serde_json::from_value(value)?)
}

/// A call has to be refused with this status and reason. Gives the message.
pub fn refused<T: Debug>(code: u16, reason: &str, result: kube::Result<T>) -> anyhow::Result<String> {
    match result {
        Err(Error::Api(status)) if status.code == code && status.reason == reason => {
            Ok(status.message.clone())
        }
        other => bail!("{other:?} instead of {code} {reason}"),
    }
}
