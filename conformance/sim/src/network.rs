//! What lies between components and the API server: requests that come late or not at all, answers that are lost, servers
//! that have too much to do, watches that lag behind, break, or begin too far back, and components that die between any
//! two requests. Nobody on either side knows of it.

mod flow;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use keelson_apiserver::caller::Caller;
use keelson_apiserver::server::{ApiServer, Door};
use keelson_client::Client;
use keelson_store::fault::Random;
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tower::{BoxError, Service};

use crate::history::History;
use flow::Flow;
pub(crate) use plan::Plan;

/// Requests of components beyond which somebody does not come to rest.
pub(crate) const REQUESTS_MAX: u64 = 200_000;
/// How long a client waits for a server that it cannot reach.
const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// All connections.
pub(crate) struct Network {
    pub(crate) history: Arc<Mutex<History>>,
    state: Mutex<State>,
}

struct State {
    random: Random,
    plan: Plan,
    parties: BTreeMap<&'static str, Party>,
    /// Of all components so far.
    requests: u64,
}

/// A component, as the network knows it.
struct Party {
    /// Counts its lives.
    life: u32,
    dead: bool,
    cut_until: Instant,
    /// Told when it has died.
    died: Arc<Notify>,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Pass,
    /// It does not arrive.
    Lost,
    /// It arrives, and the answer does not.
    AnswerLost,
    /// The server answers this without having done anything; the number says when to try again.
    Refused(u16, u32),
    /// The server answers this after having done it.
    DoneAndRefused(u16),
    /// The component dies before it is sent.
    DiesBefore,
    /// The component dies after it had its effect.
    DiesAfter,
    /// Nobody is there any more who would send it.
    Nobody,
}

impl Network {
    pub(crate) fn new(history: Arc<Mutex<History>>, seed: u64, plan: Plan) -> Arc<Self> {
        let state = State { random: Random::new(seed), plan, parties: BTreeMap::new(), requests: 0 };
        Arc::new(Self { history, state: Mutex::new(state) })
    }

    /// Goes on by another plan; cuts that last are mended.
    pub(crate) fn follow(&self, plan: Plan) {
        let mut state = self.state.lock();
        state.plan = plan;
        let now = Instant::now();
        state.parties.values_mut().for_each(|party| party.cut_until = now);
    }

    /// A component begins a life; gives back its number, and what is told when that life ends by the network's doing.
    pub(crate) fn begins(&self, component: &'static str) -> (u32, Arc<Notify>) {
        let mut state = self.state.lock();
        let now = Instant::now();
        let party = state.parties.entry(component).or_insert_with(|| Party {
            life: 0,
            dead: true,
            cut_until: now,
            died: Arc::default(),
        });
        party.life += 1;
        party.dead = false;
        party.died = Arc::default();
        (party.life, Arc::clone(&party.died))
    }

    /// How many requests components have made.
    pub(crate) fn requests(&self) -> u64 {
        self.state.lock().requests
    }

    /// A life is over.
    pub(crate) fn ended(&self, component: &'static str) {
        if let Some(party) = self.state.lock().parties.get_mut(component) {
            party.dead = true;
        }
    }

    /// Cuts a component off for a while.
    pub(crate) fn cut(&self, component: &'static str, time: Duration) {
        self.history.lock().note(&format!("{component} is cut off for {time:?}"));
        if let Some(party) = self.state.lock().parties.get_mut(component) {
            party.cut_until = Instant::now() + time;
        }
    }

    /// A client of `actor`, who is part of a component in this life of it.
    pub(crate) fn client(
        self: &Arc<Self>,
        server: &ApiServer,
        (component, life): (&'static str, u32),
        (actor, caller): (&str, Caller),
    ) -> Client {
        let network = Arc::clone(self);
        let line = Line { network, door: server.door(caller), component, life, actor: actor.into() };
        Client::in_process(line, actor).expect("a name that can be sent")
    }

    /// Tells whoever looks after a component that it is dead.
    fn dies(&self, component: &str) {
        if let Some(party) = self.state.lock().parties.get(component) {
            party.died.notify_one();
        }
    }

    /// Whether a life is over.
    fn is_over(&self, component: &str, life: u32) -> bool {
        let state = self.state.lock();
        state.parties.get(component).is_some_and(|party| party.life != life || party.dead)
    }

    /// Decides what becomes of a request, and how long it is under way in both directions.
    fn fate(
        &self,
        line: &Line,
        is_change: bool,
        is_watch: bool,
        revision: Option<u64>,
    ) -> (Fate, [Duration; 2]) {
        let mut state = self.state.lock();
        let State { random, plan, parties, requests } = &mut *state;
        let Some(party) = parties.get_mut(line.component) else { return (Fate::Pass, [Duration::ZERO; 2]) };
        *requests += 1;
        // Whoever does not come to rest is stopped, so that the run has an end.
        if party.life != line.life || party.dead || *requests > REQUESTS_MAX {
            return (Fate::Nobody, [Duration::ZERO; 2]);
        }
        let times = [plan.travel(random), plan.travel(random)];
        if party.cut_until > Instant::now() {
            return (Fate::Lost, [TIMEOUT, Duration::ZERO]);
        }
        let fate = if random.chance(plan.dies) {
            party.dead = true;
            if is_change && random.chance(500) {
                Fate::DiesAfter
            } else {
                party.died.notify_one();
                Fate::DiesBefore
            }
        } else if random.chance(plan.lost) {
            Fate::Lost
        } else if is_change && random.chance(plan.answer_lost) {
            Fate::AnswerLost
        } else if random.chance(plan.busy) {
            Fate::Refused(429, u32::try_from(random.below(3)).unwrap_or(0))
        } else if random.chance(plan.fails) {
            let code = *random.pick(&[500, 503, 504]);
            if is_change && random.chance(500) { Fate::DoneAndRefused(code) } else { Fate::Refused(code, 0) }
        } else if is_change && random.chance(plan.conflicts) {
            Fate::Refused(409, 0)
        } else if is_watch && revision.is_some() && random.chance(plan.expires) {
            Fate::Refused(410, 0)
        } else {
            Fate::Pass
        };
        (fate, times)
    }

    /// What happens to the next piece of a watch.
    fn piece(&self, component: &str) -> flow::Happens {
        let mut state = self.state.lock();
        let State { random, plan, parties, .. } = &mut *state;
        if parties.get(component).is_some_and(|party| party.cut_until > Instant::now()) {
            return flow::Happens::Breaks;
        }
        if random.chance(plan.breaks) {
            return if random.chance(500) { flow::Happens::Breaks } else { flow::Happens::Ends };
        }
        if random.chance(plan.expires) {
            return flow::Happens::Expires;
        }
        flow::Happens::Comes(plan.lag(random))
    }
}

/// A component's way to the server.
#[derive(Clone)]
struct Line {
    network: Arc<Network>,
    door: Door,
    component: &'static str,
    life: u32,
    actor: Arc<str>,
}

/// A request for a change that has been begun: known to the history until its effect cannot come any more.
struct Begun {
    history: Arc<Mutex<History>>,
    number: u64,
    answered: bool,
}

impl Begun {
    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut history = self.history.lock();
        if self.answered { history.answered(self.number) } else { history.dropped(self.number) }
    }
}

impl Line {
    /// Has the server answer.
    async fn pass<B>(mut self, request: Request<B>, what: &str) -> Result<Response<Body>, BoxError>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let is_watch = is_watch(&request);
        let begun = is_change(&request).then(|| {
            let mut history = self.network.history.lock();
            let number = history.asks(&self.actor, request.uri().path());
            Begun { history: Arc::clone(&self.network.history), number, answered: false }
        });
        let answer = self.door.call(request).await?;
        if let Some(begun) = begun {
            begun.answered();
        }
        self.note(what, answer.status().as_str());
        let ok = answer.status() == StatusCode::OK;
        let (head, body) = answer.into_parts();
        let body = body.map_err(Into::into).boxed_unsync();
        if is_watch && ok {
            let flow = Flow::new(body, Arc::clone(&self.network), self.component, self.life);
            return Ok(Response::from_parts(head, flow.boxed_unsync()));
        }
        Ok(Response::from_parts(head, body))
    }

    fn note(&self, what: &str, became: &str) {
        self.network
            .history
            .lock()
            .note(&format!("{}.{} {}: {what} {became}", self.component, self.life, self.actor));
    }

    async fn go<B>(
        self,
        request: Request<B>,
        fate: Fate,
        times: [Duration; 2],
    ) -> Result<Response<Body>, BoxError>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let what = format!("{} {}", request.method(), request.uri());
        self.network.history.lock().whisper(|| format!("{} asks {what}: {fate:?} in {times:?}", self.actor));
        if !matches!(fate, Fate::Pass | Fate::Nobody) {
            self.note(&what, &format!("{fate:?}"));
        }
        travel(times[0]).await;
        if self.network.is_over(self.component, self.life) && fate != Fate::DiesAfter {
            return std::future::pending().await;
        }
        let answer = match fate {
            Fate::Nobody | Fate::DiesBefore => std::future::pending().await,
            Fate::Lost => return Err("the connection was cut".into()),
            Fate::Refused(code, wait) => refusal(code, wait),
            Fate::Pass => self.pass(request, &what).await?,
            Fate::AnswerLost => {
                self.pass(request, &what).await?;
                sleep(TIMEOUT).await;
                return Err("the connection broke before the answer came".into());
            }
            Fate::DoneAndRefused(code) => {
                self.pass(request, &what).await?;
                refusal(code, 0)
            }
            Fate::DiesAfter => {
                let (network, component) = (Arc::clone(&self.network), self.component);
                self.pass(request, &what).await?;
                network.dies(component);
                std::future::pending().await
            }
        };
        travel(times[1]).await;
        Ok(answer)
    }
}

async fn travel(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

fn is_change<B>(request: &Request<B>) -> bool {
    request.method() != Method::GET
}

fn is_watch<B>(request: &Request<B>) -> bool {
    request.uri().query().is_some_and(|query| query.contains("watch=true"))
}

/// From which revision a watch is to begin, if it says so.
fn revision<B>(request: &Request<B>) -> Option<u64> {
    request.uri().query()?.split('&').find_map(|part| part.strip_prefix("resourceVersion=")?.parse().ok())
}

fn refusal(code: u16, wait: u32) -> Response<Body> {
    let (reason, message) = match code {
        409 => (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
        410 => ("Expired", "too old resource version"),
        429 => ("TooManyRequests", "too many requests, please try again later"),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504 => ("Timeout", "the server was unable to return a response in the time allotted"),
        _ => ("InternalError", "an error on the server has prevented the request from succeeding"),
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": code,
    });
    let body = Full::new(Bytes::from(status.to_string())).map_err(Into::into).boxed_unsync();
    let mut answer = Response::builder().status(code).header("content-type", "application/json");
    if wait > 0 {
        answer = answer.header("retry-after", wait);
    }
    answer.body(body).expect("a head of constants")
}

impl<B> Service<Request<B>> for Line
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (fate, times) =
            self.network.fate(self, is_change(&request), is_watch(&request), revision(&request));
        Box::pin(self.clone().go(request, fate, times))
    }
}
