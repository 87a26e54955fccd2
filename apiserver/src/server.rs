//! What all requests share, and the way in for those of this process.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures::future::BoxFuture;
use http::{Request, Response};
use keelson_api::time::Clock;
use keelson_store::Store;
use tokio::sync::watch;
use tower::Service;

use crate::admission::plugins::Plugins;
use crate::admission::toleration::Patience;
use crate::api::Api;
use crate::bootstrap::BootstrapError;
use crate::caller::{Caller, Credentials};
use crate::catalog::Catalog;
use crate::encoded::Encoded;
use crate::entropy::Entropy;
use crate::features::Features;
use crate::health::{Check, Checks, Endpoint};
use crate::metrics::{Metrics, Read};
use crate::node_ports::NodePorts;
use crate::offer::Offer;
use crate::pipeline;
use crate::pipeline::limits::InFlight;
use crate::tokens::keys::Keys;
use crate::tokens::rules::TokenRules;
use crate::websocket::Next;
use crate::{openapi, routes};

/// Bounds on what clients may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests that only read, answered at the same time; more are refused. Upstream's default.
    pub reading_in_flight_max: usize,
    /// Requests that may change something, answered at the same time; more are refused. Upstream's default.
    pub mutating_in_flight_max: usize,
    /// A request's body in bytes; a longer one is refused. Upstream's figure.
    pub body_bytes_max: u64,
    /// How long an answer may take to begin; then the client is told so. Upstream's default.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reading_in_flight_max: 400,
            mutating_in_flight_max: 200,
            body_bytes_max: 3 << 20,
            deadline: Duration::from_secs(60),
        }
    }
}

/// What the server is made of.
pub struct Parts {
    /// Tells the time.
    pub clock: Clock,
    /// Draws random numbers.
    pub entropy: Entropy,
    /// What is served.
    pub store: Store,
    /// What service accounts' tokens are signed and checked with.
    pub keys: Keys,
    /// Which rules hold beyond an object's own.
    pub admission: Plugins,
    /// Which versions of which resources are served.
    pub offer: Offer,
    /// Which features are on.
    pub features: Features,
    /// How tokens are made, and which are believed.
    pub token_rules: TokenRules,
    /// How long pods bear that their node has failed.
    pub patience: Patience,
    /// The ports that services may have on nodes.
    pub node_ports: NodePorts,
    /// Where clients reach the server: `host:port`.
    pub address: String,
    /// The components that live and die with the server, by the names of the leases that they hold elsewhere.
    pub beside: &'static [&'static str],
    /// What decides on its health, besides what it knows itself.
    pub checks: Vec<Check>,
    /// What to show among the metrics, besides what it counts itself.
    pub figures: Read,
    /// Its bounds.
    pub limits: Limits,
}

#[cfg(test)]
impl Parts {
    /// Over an empty store in memory, and with the same random numbers every time.
    pub(crate) async fn for_tests(clock: Clock) -> Self {
        use keelson_store::memory::Memory;
        use keelson_store::options::{CommitterRuns, Options};
        let options = Options {
            committer: CommitterRuns::AsTask,
            indexes: crate::indexes(),
            ..Options::new(clock.clone(), 1)
        };
        let store = Store::open(Arc::new(Memory::new()), options).await.expect("an empty store opens");
        let drawn = std::sync::atomic::AtomicU64::new(0);
        let order = std::sync::atomic::Ordering::Relaxed;
        let fill = move |bytes: &mut [u8]| {
            let next = drawn.fetch_add(0x9e37_79b9_7f4a_7c15, order).to_le_bytes();
            bytes.iter_mut().zip(next.iter().cycle()).for_each(|(byte, next)| *byte = *next);
        };
        let entropy = Entropy::new(fill);
        let address = "127.0.0.1:6443".to_owned();
        let (checks, figures, limits) = (Vec::new(), Box::new(Vec::new), Limits::default());
        let keys = Keys::for_tests();
        // There is nobody who would make accounts.
        let admission = Plugins::default().without("ServiceAccount").expect("it is the name of one");
        let node_ports = NodePorts::default();
        let beside = &[];
        let (offer, features) = (Offer::default(), Features::default());
        let (token_rules, patience) = (TokenRules::default(), Patience::default());
        Self {
            clock,
            entropy,
            store,
            keys,
            admission,
            offer,
            features,
            token_rules,
            patience,
            node_ports,
            address,
            beside,
            checks,
            figures,
            limits,
        }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("checks", &self.checks)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The server. Cheap to clone; every clone is the same one.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) routes: Router,
}

/// What the stages of the pipeline have in common.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) checks: Checks,
    pub(crate) metrics: Metrics,
    pub(crate) limits: Limits,
    pub(crate) in_flight: InFlight,
    pub(crate) api: Arc<Api>,
    leaving: watch::Sender<bool>,
}

impl ApiServer {
    /// A server made of `parts`, ready at once.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (leaving, seen) = watch::channel(false);
        let told = seen.clone();
        let mut checks = vec![Check::ping()];
        checks.extend(parts.checks);
        checks.push(Check::new("shutdown", &[Endpoint::Readyz], move || {
            if *told.borrow() { Err("process is shutting down".into()) } else { Ok(()) }
        }));
        let catalog = Arc::new(Catalog::builtin(&parts.offer));
        let api = Arc::new(Api {
            store: parts.store,
            documents: Arc::new(openapi::documents(&catalog)),
            catalog,
            clock: parts.clock.clone(),
            entropy: parts.entropy,
            encoded: Encoded::default(),
            keys: Arc::new(parts.keys),
            admission: parts.admission,
            offer: Arc::new(parts.offer),
            features: Arc::new(parts.features),
            token_rules: Arc::new(parts.token_rules),
            patience: parts.patience,
            node_ports: parts.node_ports,
            address: parts.address,
            beside: parts.beside,
            leaving: seen,
        });
        let shared = Arc::new(Shared {
            api,
            clock: parts.clock,
            checks: Checks::new(checks),
            metrics: Metrics::new(parts.figures),
            in_flight: InFlight::new(&parts.limits),
            limits: parts.limits,
            leaving,
        });
        Self { routes: routes::router(Arc::clone(&shared)), shared }
    }

    /// The way in for a component of this process: a `tower` service whose requests are `caller`'s.
    #[must_use]
    pub fn door(&self, caller: Caller) -> Door {
        self.door_with(Credentials::Component(Arc::new(caller)))
    }

    pub(crate) fn door_with(&self, credentials: Credentials) -> Door {
        Door { server: self.clone(), credentials, next: None }
    }

    /// Makes what a cluster begins with, as far as it is missing. `address` is where the cluster reaches the server (where
    /// that is this machine alone, nobody is told), `service_cidr` the range that services get their addresses from.
    ///
    /// # Errors
    /// [`BootstrapError`] if something cannot be made.
    pub async fn bootstrap(&self, service_cidr: &str, address: SocketAddr) -> Result<(), BootstrapError> {
        crate::bootstrap::run(self, service_cidr, address).await
    }

    /// Tells servers that extend this one whose certificates to believe: those of clients, and those of proxies that ask
    /// for others.
    ///
    /// # Errors
    /// [`BootstrapError`] if it cannot be written down.
    pub async fn tell_authorities(&self, clients: &str, proxies: &str) -> Result<(), BootstrapError> {
        crate::bootstrap::tell_authorities(self, clients, proxies).await
    }

    /// Says from now on that it is not ready, so that clients go elsewhere, and ends what would last for ever.
    pub fn leave(&self) {
        self.shared.leaving.send_replace(true);
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiServer")
    }
}

/// Passes requests into the pipeline, with the credentials of whoever stands outside.
#[derive(Clone)]
pub struct Door {
    server: ApiServer,
    credentials: Credentials,
    /// Where requests leave what their connection goes on with, if it may go on with anything but HTTP.
    next: Option<Next>,
}

impl Door {
    /// The same, for a connection that goes on with what is left in `next`.
    pub(crate) fn going_on(self, next: &Next) -> Self {
        Self { next: Some(next.clone()), ..self }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for Door
where
    B: http_body::Body<Data = axum::body::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Too much load is refused with an answer, which a client understands, rather than made to wait here.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (server, credentials) = (self.server.clone(), self.credentials.clone());
        let mut request = request.map(Body::new);
        if let Some(next) = &self.next {
            request.extensions_mut().insert(next.clone());
        }
        Box::pin(async move { Ok(pipeline::answer(&server, credentials, request).await) })
    }
}
