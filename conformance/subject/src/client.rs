//! A client that knows nothing but what stands in a kubeconfig.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, Method, Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::ours::PATIENCE;

/// What a client shows: its certificate and its key, in PEM.
pub type Shows = Option<(String, String)>;

/// Where a server is, whom to believe that it is the one, and who asks.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where the server listens.
    pub address: SocketAddr,
    /// The certificate, in PEM, of the authority that vouches for it.
    pub authority: String,
    /// The certificate and key that are shown to it.
    pub shows: Shows,
    /// The bearer token that goes with each request.
    pub token: Option<String>,
    /// The versions of TLS that are offered.
    pub versions: &'static [&'static SupportedProtocolVersion],
    /// The protocol that is asked for: `h2` or `http/1.1`.
    pub protocol: &'static [u8],
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// The version of HTTP.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which is text.
    pub body: String,
}

#[derive(Deserialize)]
struct Kubeconfig {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority_data: String,
}

#[derive(Deserialize)]
struct NamedUser {
    user: User,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    token: Option<String>,
}

impl Client {
    /// As the kubeconfig at `path` says.
    pub fn of(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut file: Kubeconfig = serde_saphyr::from_str(&text).unwrap();
        let decode = |text: &str| String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap();
        let shown = |data: &Option<String>| data.as_deref().map(decode);
        let (cluster, user) = (file.clusters.remove(0).cluster, file.users.remove(0).user);
        Self {
            address: cluster.server.strip_prefix("https://").unwrap().parse().unwrap(),
            authority: decode(&cluster.certificate_authority_data),
            shows: shown(&user.client_certificate_data).zip(shown(&user.client_key_data)),
            token: user.token,
            versions: rustls::ALL_VERSIONS,
            protocol: b"http/1.1",
        }
    }

    /// The same, but showing nothing.
    pub fn anonymous(path: &Path) -> Self {
        Self { shows: None, ..Self::of(path) }
    }

    /// Reads a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    /// Sends a request without body.
    pub async fn ask(&self, method: Method, path: &str) -> Answer {
        timeout(PATIENCE, self.try_ask(method, path)).await.expect("it answers").unwrap()
    }

    /// Sends a body of this media type.
    pub async fn send(&self, method: Method, path: &str, media: &str, body: &str) -> Answer {
        timeout(PATIENCE, self.try_send(method, path, media, body)).await.expect("it answers").unwrap()
    }

    /// An error is one of the connection.
    pub async fn try_ask(&self, method: Method, path: &str) -> Result<Answer, String> {
        self.try_send(method, path, "", "").await
    }

    /// An error is one of the connection.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: &str,
    ) -> Result<Answer, String> {
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let io = TokioIo::new(self.connect().await?);
        let text = |error: hyper::Error| error.to_string();
        let mut request = Request::builder().method(method).uri(format!("https://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !media.is_empty() {
            request = request.header("content-type", media);
        }
        let response = if self.protocol == b"h2" {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.map_err(text)?;
            let request = request.body(body).unwrap();
            tokio::select! {
                response = sender.send_request(request) => collect(response.map_err(text)?).await.map_err(text)?,
                ended = connection => return Err(format!("{ended:?}")),
            }
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(text)?;
            let request = request.uri(path).header("host", "keelson").body(body).unwrap();
            let exchange = async move {
                let response = sender.send_request(request).await.map_err(text)?;
                collect(response).await.map_err(text)
            };
            // The sender goes with the exchange, and the connection ends with the sender.
            let (answer, _) = tokio::join!(exchange, connection);
            answer?
        };
        Ok(response)
    }

    /// A connection on which TLS is done.
    pub async fn connect(&self) -> Result<TlsStream<TcpStream>, String> {
        let pem = |text: &str| {
            CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap()
        };
        let mut roots = RootCertStore::empty();
        pem(&self.authority).into_iter().for_each(|root| roots.add(root).unwrap());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_protocol_versions(self.versions).unwrap();
        let config = config.with_root_certificates(roots);
        let mut config = match &self.shows {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                config.with_client_auth_cert(pem(certificate), key).unwrap()
            }
        };
        config.alpn_protocols = vec![self.protocol.to_vec()];
        let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let name = ServerName::from(self.address.ip());
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| error.to_string())
    }
}

async fn collect(response: hyper::Response<hyper::body::Incoming>) -> hyper::Result<Answer> {
    let (code, version, headers) =
        (response.status().as_u16(), response.version(), response.headers().clone());
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Answer { code, version, headers, body: String::from_utf8(body.to_vec()).unwrap() })
}
