//! Requests: through the router of this process, or over TLS by a kubeconfig, behind one type.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use http::{Method, Request, header};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use tower::{BoxError, Service};

use crate::problem::Problem;
use crate::resource::{Key, Resource};

/// The longest line of a watch in bytes. Objects are bounded by the server far below it; a longer one ends the watch.
const LINE_BYTES_MAX: usize = 64 << 20;
/// How often a request is made that the server has no time for; upstream's clients do so.
const TRIES_MAX: u32 = 10;
/// Asks for metadata alone, of one object or of each that is watched; and of a list.
const METADATA_ALONE: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Reaches one API server as somebody. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    kube: kube::Client,
    /// What writes are attributed to in managed fields, and requests in logs.
    agent: header::HeaderValue,
    /// Whether what it writes is only tried.
    trial: bool,
}

/// The forms of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// RFC 7386. With a `resourceVersion` inside it is refused if the object has changed.
    Merge,
    /// RFC 6902: steps, which may test what they change.
    Steps,
    /// Kubernetes' own, which knows the keys of lists.
    Strategic,
    /// Server-side apply, forced: the fields are `manager`'s from then on.
    Apply {
        /// Whose they are.
        manager: &'static str,
    },
}

impl Patch {
    fn media_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Steps => "application/json-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Apply { .. } => "application/apply-patch+yaml",
        }
    }
}

/// What a deletion must hold to, and what becomes of what the object owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Only the object of this uid.
    pub uid: Option<String>,
    /// Only the object at this revision.
    pub resource_version: Option<u64>,
    /// `Background`, `Foreground` or `Orphan`; else what the kind does by itself.
    pub propagation: Option<&'static str>,
    /// How long it may take to end.
    pub grace_seconds: Option<u32>,
}

impl Deletion {
    /// Of the object of this uid alone.
    #[must_use]
    pub fn of(uid: &str) -> Self {
        Self { uid: Some(uid.to_owned()), ..Self::default() }
    }

    fn body(&self) -> Value {
        let mut body = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
        if self.uid.is_some() || self.resource_version.is_some() {
            let mut preconditions = json!({});
            if let Some(uid) = &self.uid {
                preconditions["uid"] = json!(uid);
            }
            if let Some(revision) = self.resource_version {
                preconditions["resourceVersion"] = json!(revision.to_string());
            }
            body["preconditions"] = preconditions;
        }
        if let Some(propagation) = self.propagation {
            body["propagationPolicy"] = json!(propagation);
        }
        if let Some(seconds) = self.grace_seconds {
            body["gracePeriodSeconds"] = json!(seconds);
        }
        body
    }
}

/// Cannot make a client of a kubeconfig.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing or is none.
    #[error("cannot read the kubeconfig: {0}")]
    Unreadable(#[from] kube::config::KubeconfigError),
    /// What it says cannot be used.
    #[error("cannot use the kubeconfig: {0}")]
    Unusable(#[from] kube::Error),
    /// The name is none that can stand in a request.
    #[error("{0:?} cannot be the name of a client")]
    Name(String),
}

impl Client {
    /// Goes through a service of this process, which says who asks. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// If `agent` cannot stand in a header.
    pub fn in_process<S, B>(service: S, agent: &str) -> Result<Self, ConfigError>
    where
        S: Service<Request<Body>, Response = http::Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Ok(Self { kube: kube::Client::new(service, ""), agent: named(agent)?, trial: false })
    }

    /// Goes where the current context of a kubeconfig says, as whom it says. The other half are the certificates by which
    /// it knows the server, in PEM, if the kubeconfig names any.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be used.
    pub async fn from_kubeconfig(path: &Path, agent: &str) -> Result<(Self, Option<String>), ConfigError> {
        let file = Kubeconfig::read_from(path)?;
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        let authority = config.root_cert.as_ref().map(|certificates| pem(certificates));
        Ok((Self { kube: kube::Client::try_from(config)?, agent: named(agent)?, trial: false }, authority))
    }

    /// Reads one object.
    ///
    /// # Errors
    /// [`Problem`] if it is not there, or cannot be had.
    pub async fn get<T: DeserializeOwned>(&self, resource: &Resource, key: &Key) -> Result<T, Problem> {
        decode(&self.ask(Method::GET, &resource.path_of(key), "", None, None).await?)
    }

    /// Reads all objects of a namespace, or of all with an empty one; `query` is appended to the path.
    ///
    /// # Errors
    /// [`Problem`] if they cannot be had.
    pub async fn list<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        namespace: &str,
        query: &str,
    ) -> Result<T, Problem> {
        decode(&self.ask(Method::GET, &resource.path(namespace), query, None, None).await?)
    }

    /// Reads a document at a path of its own, such as discovery's.
    ///
    /// # Errors
    /// [`Problem`] if it cannot be had.
    pub async fn document<T: DeserializeOwned>(&self, path: &str, accept: &str) -> Result<T, Problem> {
        decode(&self.ask(Method::GET, path, "", Some(accept), None).await?)
    }

    /// Reads metadata alone: of one object, or of all of a namespace if `name` is empty.
    ///
    /// # Errors
    /// [`Problem`] if it cannot be had.
    pub async fn metadata<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<T, Problem> {
        let (path, accept) = match name {
            "" => (resource.path(namespace), METADATA_LIST),
            name => (resource.path_of(&Key::new(namespace, name)), METADATA_ALONE),
        };
        decode(&self.ask(Method::GET, &path, "", Some(accept), None).await?)
    }

    /// The same, but what it writes is only tried: the server says what would be, and nothing is.
    #[must_use]
    pub fn trying(self) -> Self {
        Self { trial: true, ..self }
    }

    /// Makes an object, and gives back what the server made of it.
    ///
    /// # Errors
    /// [`Problem`] if it was not made.
    pub async fn create<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
    ) -> Result<T, Problem> {
        self.write(Method::POST, &resource.path(namespace), "", "application/json", object).await
    }

    /// Posts to a part of an object, such as a pod's `binding`.
    ///
    /// # Errors
    /// [`Problem`] if it was refused.
    pub async fn create_part<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        key: &Key,
        part: &str,
        object: &Value,
    ) -> Result<T, Problem> {
        self.write(Method::POST, &path_of(resource, key, part), "", "application/json", object).await
    }

    /// Replaces an object, or the part of it that `part` names; empty for the whole.
    ///
    /// # Errors
    /// [`Problem`] if it was not replaced.
    pub async fn update<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        key: &Key,
        part: &str,
        object: &Value,
    ) -> Result<T, Problem> {
        self.write(Method::PUT, &path_of(resource, key, part), "", "application/json", object).await
    }

    /// Changes an object, or the part of it that `part` names; empty for the whole.
    ///
    /// # Errors
    /// [`Problem`] if it was not changed.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        key: &Key,
        part: &str,
        (form, change): (Patch, &Value),
    ) -> Result<T, Problem> {
        let query = match form {
            Patch::Apply { manager } => format!("fieldManager={manager}&force=true"),
            _ => String::new(),
        };
        self.write(Method::PATCH, &path_of(resource, key, part), &query, form.media_type(), change).await
    }

    /// Deletes an object. Answers what the server said: the object if it is still there, a `Status` if it is gone.
    ///
    /// # Errors
    /// [`Problem`] if it was not deleted.
    pub async fn delete(&self, resource: &Resource, key: &Key, how: &Deletion) -> Result<Value, Problem> {
        self.write(Method::DELETE, &resource.path_of(key), "", "application/json", &how.body()).await
    }

    /// Deletes all objects of a namespace.
    ///
    /// # Errors
    /// [`Problem`] if not all could be.
    pub async fn delete_all(
        &self,
        resource: &Resource,
        namespace: &str,
        how: &Deletion,
    ) -> Result<(), Problem> {
        let path = resource.path(namespace);
        self.write(Method::DELETE, &path, "", "application/json", &how.body()).await.map(|_: IgnoredAny| ())
    }

    /// Watches: `query` says from where. `alone` asks for metadata alone.
    pub(crate) async fn watch(&self, path: &str, query: &str, alone: bool) -> Result<Lines, Problem> {
        let accept = alone.then_some(METADATA_ALONE);
        let answer = self.send(Method::GET, path, query, accept, None).await?;
        Ok(Lines { body: answer.into_body(), read: BytesMut::new(), searched: 0 })
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &str,
        media_type: &'static str,
        body: &Value,
    ) -> Result<T, Problem> {
        let query = match (self.trial, query) {
            (false, query) => query.to_owned(),
            (true, "") => "dryRun=All".to_owned(),
            (true, query) => format!("{query}&dryRun=All"),
        };
        let body = (media_type, serde_json::to_vec(body)?);
        decode(&self.ask(method, path, &query, None, Some(body)).await?)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &str,
        accept: Option<&str>,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<Bytes, Problem> {
        let answer = self.send(method, path, query, accept, body).await?;
        collected(answer.into_body()).await
    }

    /// Asks, and asks again later as long as the server says that it has too much to do, and when: a refusal that says
    /// no time, such as that of an eviction by a budget, is an answer.
    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        accept: Option<&str>,
        body: Option<(&'static str, Vec<u8>)>,
    ) -> Result<http::Response<Body>, Problem> {
        let body = body.map(|(media_type, bytes)| (media_type, Bytes::from(bytes)));
        for _ in 1..TRIES_MAX {
            let answered = self.send_once(method.clone(), path, query, accept, body.clone()).await;
            let busy = answered.as_ref().err().filter(|problem| problem.is_too_much());
            match busy.and_then(Problem::retry_after) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return answered,
            }
        }
        self.send_once(method, path, query, accept, body).await
    }

    async fn send_once(
        &self,
        method: Method,
        path: &str,
        query: &str,
        accept: Option<&str>,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<http::Response<Body>, Problem> {
        let uri = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::USER_AGENT, self.agent.clone())
            .header(header::ACCEPT, accept.unwrap_or("application/json"));
        let body = match body {
            Some((media_type, bytes)) => {
                request = request.header(header::CONTENT_TYPE, media_type);
                Body::from(bytes)
            }
            None => Body::empty(),
        };
        let answer = self.kube.send(request.body(body)?).await.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let wait =
            answer.headers().get(header::RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        let said = collected(answer.into_body()).await?;
        Err(Problem::refused(status.as_u16(), &said).with_retry_after(wait))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("agent", &self.agent).finish_non_exhaustive()
    }
}

fn pem(certificates: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        let encoded = BASE64.encode(certificate);
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in encoded.as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

fn named(agent: &str) -> Result<header::HeaderValue, ConfigError> {
    header::HeaderValue::from_str(agent).map_err(|_| ConfigError::Name(agent.to_owned()))
}

fn path_of(resource: &Resource, key: &Key, part: &str) -> String {
    let path = resource.path_of(key);
    if part.is_empty() { path } else { format!("{path}/{part}") }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    Ok(serde_json::from_slice(bytes)?)
}

/// The whole chain of causes, for kube's own text is often only the outermost.
fn unreachable(error: &dyn std::error::Error) -> Problem {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    Problem::Unreachable(text)
}

async fn collected(body: Body) -> Result<Bytes, Problem> {
    body.collect_bytes().await.map_err(|error| unreachable(&error))
}

/// A watch's answer, line by line.
pub(crate) struct Lines {
    body: Body,
    read: BytesMut,
    /// How much of what was read holds no end of a line.
    searched: usize,
}

impl Lines {
    /// The next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        loop {
            if let Some(at) = self.read[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.read.split_to(self.searched + at + 1).freeze();
                self.searched = 0;
                return Some(Ok(line.slice(..line.len() - 1)));
            }
            self.searched = self.read.len();
            if self.searched > LINE_BYTES_MAX {
                return Some(Err(Problem::Unreachable("a watch's line does not end".into())));
            }
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.read.extend_from_slice(&data);
                    }
                }
                Err(error) => return Some(Err(unreachable(&error))),
            }
        }
    }
}
