//! An API server in this process, over whatever backend, under virtual time.

use std::sync::Arc;

use keelson_api::time::{Clock, UnixMillis};
use keelson_apiserver::admission::plugins::Plugins;
use keelson_apiserver::admission::toleration::Patience;
use keelson_apiserver::entropy::Entropy;
use keelson_apiserver::features::Features;
use keelson_apiserver::node_ports::NodePorts;
use keelson_apiserver::offer::Offer;
use keelson_apiserver::server::{ApiServer, Limits, Parts};
use keelson_apiserver::tokens::keys::Keys;
use keelson_apiserver::tokens::rules::TokenRules;
use keelson_store::Store;
use keelson_store::backend::Backend;
use keelson_store::fault::Random;
use keelson_store::options::{CommitterRuns, Options};
use parking_lot::Mutex;
use tokio::time::Instant;

/// A key of nobody.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDFv2aVywlzBLP/MI\n\
    7EcrbiMzhW4TCLxWMo7WIlrzSBahRANCAASRu6IiB+DzrX882hFqjUwy5pUeqcMw\n\
    y7HWbyR40sQyr1lL31Yfa7NwTYlxwBfbZEvOcaMJ7iOfXwuiDtA9vYX/\n\
    -----END PRIVATE KEY-----";
/// When virtual time begins.
const BEGINNING: u64 = 1_767_225_600_000;

/// Virtual time, from now on.
pub(crate) fn clock() -> Clock {
    let began = Instant::now();
    Clock::new(move || UnixMillis(BEGINNING + u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)))
}

/// Begins a server that draws what it draws by `seed`.
pub(crate) async fn open(
    backend: Arc<dyn Backend>,
    clock: &Clock,
    seed: u64,
    admission: Plugins,
) -> ApiServer {
    let options = Options {
        committer: CommitterRuns::AsTask,
        indexes: keelson_apiserver::indexes(),
        ..Options::new(clock.clone(), 1)
    };
    let store = Store::open(backend, options).await.expect("an empty store opens");
    let random = Mutex::new(Random::new(seed));
    let entropy = Entropy::new(move |bytes| {
        let mut random = random.lock();
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&random.draw().to_le_bytes()[..part.len()]);
        }
    });
    let server = ApiServer::new(Parts {
        clock: clock.clone(),
        entropy,
        store,
        keys: Keys::new(KEY, "").expect("a key that signs"),
        admission,
        offer: Offer::default(),
        features: Features::default(),
        token_rules: TokenRules::default(),
        patience: Patience::default(),
        node_ports: NodePorts::default(),
        address: "127.0.0.1:6443".to_owned(),
        checks: Vec::new(),
        figures: Box::new(Vec::new),
        beside: &[],
        limits: Limits::default(),
    });
    let made = server.bootstrap("10.96.0.0/16", ([127, 0, 0, 1], 6443).into()).await;
    made.expect("what a cluster begins with is made");
    server
}
