//! What a write costs the server by itself, on one core: `cargo bench -p keelson-apiserver`.
//!
//! A typical Deployment and a typical Pod are created in the server's own process, only as a trial: everything happens that
//! happens to a new object (read, defaulted, owned, filled in, checked, encoded) but that the store takes it. What any request
//! costs on its way to a verb is measured beside it, by asking for an object that is not there, and stands in the middle
//! column; the last one is what is left, and what the design's bound is about. Medians of rounds that take turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use keelson_api::time::{Clock, UnixMillis};
use keelson_apiserver::admission::plugins::Plugins;
use keelson_apiserver::admission::toleration::Patience;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::entropy::Entropy;
use keelson_apiserver::features::Features;
use keelson_apiserver::node_ports::NodePorts;
use keelson_apiserver::offer::Offer;
use keelson_apiserver::server::{ApiServer, Door, Limits, Parts};
use keelson_apiserver::tokens::keys::Keys;
use keelson_apiserver::tokens::rules::TokenRules;
use keelson_store::Store;
use keelson_store::memory::Memory;
use keelson_store::options::{CommitterRuns, Options};
use tokio::time::Instant;
use tower::ServiceExt;

/// How many rounds the medians are of, and how many requests one has.
const ROUNDS: usize = 15;
const REQUESTS: u32 = 2_000;

const DEPLOYMENT: &str = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"app":"web"}},
"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{
"containers":[{"name":"web","image":"registry.example/web:1.27.1","ports":[{"name":"http","containerPort":8080}],
"env":[{"name":"MODE","value":"production"},{"name":"POD","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],
"resources":{"requests":{"cpu":"100m","memory":"128Mi"},"limits":{"memory":"256Mi"}},
"readinessProbe":{"httpGet":{"path":"/ready","port":"http"},"periodSeconds":5},
"livenessProbe":{"httpGet":{"path":"/alive","port":"http"}},
"volumeMounts":[{"name":"config","mountPath":"/etc/web"}]}],
"volumes":[{"name":"config","configMap":{"name":"web"}}]}}}}"#;
const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"app":"web","tier":"front"}},"spec":{
"containers":[{"name":"web","image":"registry.example/web:1.27.1","ports":[{"name":"http","containerPort":8080}],
"env":[{"name":"MODE","value":"production"},{"name":"POD","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],
"resources":{"requests":{"cpu":"100m","memory":"128Mi"},"limits":{"memory":"256Mi"}},
"readinessProbe":{"httpGet":{"path":"/ready","port":"http"},"periodSeconds":5},
"volumeMounts":[{"name":"config","mountPath":"/etc/web"}]}],
"volumes":[{"name":"config","configMap":{"name":"web"}}]}}"#;

/// Something that is asked for again and again.
struct Question {
    name: &'static str,
    method: Method,
    path: &'static str,
    body: &'static str,
}

const CREATES: [Question; 2] = [
    Question {
        name: "Deployment",
        method: Method::POST,
        path: "/apis/apps/v1/namespaces/default/deployments?dryRun=All",
        body: DEPLOYMENT,
    },
    Question {
        name: "Pod",
        method: Method::POST,
        path: "/api/v1/namespaces/default/pods?dryRun=All",
        body: POD,
    },
];
const NOTHING: Question =
    Question { name: "", method: Method::GET, path: "/api/v1/namespaces/default/pods/absent", body: "" };

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime begins").block_on(report());
}

async fn report() {
    let server = server().await;
    let door = server.door(Caller::authenticated("bench", ["system:masters"]));
    let mut micros = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (question, found) in CREATES.iter().chain([&NOTHING]).zip(&mut micros) {
            found.push(round(&door, question).await);
        }
    }
    let [first, second, way] = micros.map(median);
    println!("| created, as a trial | whole request, µs | the way to a verb, µs | the write itself, µs |");
    println!("|---|---|---|---|");
    for (question, whole) in CREATES.iter().zip([first, second]) {
        println!("| {} | {whole:.1} | {way:.1} | {:.1} |", question.name, whole - way);
    }
}

/// How many microseconds a request takes, in the mean of a round.
async fn round(door: &Door, question: &Question) -> f64 {
    let began = Instant::now();
    for _ in 0..REQUESTS {
        let request = Request::builder().method(&question.method).uri(question.path);
        let request = request.header("Content-Type", "application/json").body(Body::from(question.body));
        let answer = door.clone().oneshot(request.expect("a request")).await.expect("an answer");
        let expected = if question.method == Method::POST { 201 } else { 404 };
        assert_eq!(answer.status().as_u16(), expected, "{}", question.path);
        answer.into_body().collect().await.expect("a whole answer");
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(REQUESTS)
}

async fn server() -> ApiServer {
    let clock = Clock::new(|| UnixMillis(1_900_000_000_000));
    let options = Options {
        committer: CommitterRuns::AsTask,
        indexes: keelson_apiserver::indexes(),
        ..Options::new(clock.clone(), 1)
    };
    let store = Store::open(Arc::new(Memory::new()), options).await.expect("an empty store opens");
    let drawn = AtomicU64::new(0);
    let fill = move |bytes: &mut [u8]| {
        let next = drawn.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_le_bytes();
        bytes.iter_mut().zip(next.iter().cycle()).for_each(|(byte, next)| *byte = *next);
    };
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key is made");
    let server = ApiServer::new(Parts {
        clock,
        entropy: Entropy::new(fill),
        store,
        keys: Keys::new(&key.serialize_pem(), "").expect("it can sign"),
        // There is nobody who would make accounts.
        admission: Plugins::default().without("ServiceAccount").expect("the name of a rule"),
        offer: Offer::default(),
        features: Features::default(),
        token_rules: TokenRules::default(),
        patience: Patience::default(),
        node_ports: NodePorts::default(),
        address: "127.0.0.1:6443".to_owned(),
        beside: &[],
        checks: Vec::new(),
        figures: Box::new(Vec::new),
        limits: Limits::default(),
    });
    let address = "127.0.0.1:6443".parse().expect("an address");
    server.bootstrap("10.96.0.0/16", address).await.expect("a cluster begins");
    server
}

/// The middle one of some measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
