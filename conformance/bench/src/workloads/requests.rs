//! Requests of all kinds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Method;

use crate::bodies::{self, Form, Lease, Template};
use crate::connection::{Answer, Ask};
use crate::figures::Figures;
use crate::load::{self, Outcome, Until, Worker};
use crate::workload::{Listing, Request};
use crate::workloads::{Meter, Stage};

/// Where objects are made, and deleted after each round.
const MADE: &str = "bench-made";
/// Where the pods are that are read.
const READ: &str = "bench-read";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/bench-made/leases";
/// How many nodes there are in an open loop.
const NODES: usize = 100;
/// Lists are large: more at once would only wait for one another.
const LISTERS: usize = 2;

/// One round, each worker asking as fast as it is answered.
pub(crate) async fn closed(stage: &mut Stage, request: Request, form: Form) -> Result<Figures> {
    let count = if matches!(request, Request::List(_)) { LISTERS } else { stage.scale.workers };
    let mut workers = workers(stage, request, form, count).await?;
    let meter = Meter::read(&stage.running);
    let outcome = load::closed(&stage.connections, &mut workers, Until::Over(stage.span)).await?;
    finish(stage, &meter, outcome).await
}

/// One round at the rate that was asked for.
pub(crate) async fn open(stage: &mut Stage, request: Request, form: Form) -> Result<Figures> {
    let workers = workers(stage, request, form, NODES).await?;
    let meter = Meter::read(&stage.running);
    let outcome = load::open(&stage.connections, workers, stage.scale.rate, stage.span).await?;
    finish(stage, &meter, outcome).await
}

async fn finish(stage: &Stage, meter: &Meter, outcome: Outcome) -> Result<Figures> {
    let why = outcome.why.clone();
    ensure!(outcome.latencies.len() > 0, "nothing went well: {}", why.unwrap_or_default());
    if let Some(why) = why {
        eprintln!("  {} failed, the first with: {why}", outcome.failed);
    }
    let figures = meter.figures(&stage.running, outcome);
    for resource in ["pods", "configmaps"] {
        stage.clear(MADE, resource).await?;
    }
    Ok(figures)
}

/// Fills the namespace that is read up to so many pods.
pub(crate) async fn fill(stage: &mut Stage, count: usize) -> Result<()> {
    let missing = (count as u64).saturating_sub(stage.pods);
    if missing == 0 {
        return Ok(());
    }
    stage.namespace(READ).await?;
    let next = Arc::new(AtomicU64::new(stage.pods));
    stage.pods += missing;
    let create = Create {
        path: pods(READ),
        template: Template::new(&bodies::pod(None), Form::Protobuf)?,
        form: Form::Protobuf,
        next,
    };
    let mut workers: Vec<Box<dyn Worker>> = Vec::new();
    workers.resize_with(stage.scale.workers, || Box::new(create.clone()));
    let outcome = load::closed(&stage.connections, &mut workers, Until::Done(missing)).await?;
    ensure!(outcome.failed == 0, "pods cannot be made: {}", outcome.why.unwrap_or_default());
    Ok(())
}

fn pods(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

/// Makes what the request is about, and whoever asks it.
async fn workers(
    stage: &mut Stage,
    request: Request,
    form: Form,
    count: usize,
) -> Result<Vec<Box<dyn Worker>>> {
    stage.namespace(MADE).await?;
    let mut workers: Vec<Box<dyn Worker>> = Vec::new();
    match request {
        Request::CreateConfigMap | Request::CreatePod => {
            let (resource, object) = match request {
                Request::CreatePod => ("pods", bodies::pod(None)),
                _ => ("configmaps", bodies::config_map()),
            };
            // Far more than can be made in a round.
            let next = Arc::new(AtomicU64::new(stage.names(1 << 32)));
            let create = Create {
                path: format!("/api/v1/namespaces/{MADE}/{resource}"),
                template: Template::new(&object, form)?,
                form,
                next,
            };
            workers.resize_with(count, || Box::new(create.clone()));
        }
        Request::GetPod => {
            fill(stage, stage.scale.pods).await?;
            let next = Arc::new(AtomicU64::new(0));
            workers.resize_with(count, || Box::new(Get { form, next: Arc::clone(&next), of: stage.pods }));
        }
        Request::List(how) => {
            fill(stage, stage.scale.pods).await?;
            workers.resize_with(count, || Box::new(List { form, how, next: None }));
        }
        Request::RenewLease => {
            for _ in 0..count {
                workers.push(Box::new(lease(stage, form).await?));
            }
        }
        Request::PatchStatus => {
            for _ in 0..count {
                workers.push(Box::new(Status { pod: pod(stage).await?, turn: 0 }));
            }
        }
        Request::Apply => {
            let first = stage.names(count as u64);
            workers.extend((first..).take(count).map(|number| -> Box<dyn Worker> {
                Box::new(Apply { name: bodies::name(number), turn: 0 })
            }));
        }
        Request::Nodes => {
            for _ in 0..count {
                let lease = lease(stage, form).await?;
                let pod = pod(stage).await?;
                workers.push(Box::new(Node { lease, status: Status { pod, turn: 0 }, form, turn: 0 }));
            }
        }
    }
    Ok(workers)
}

/// A new lease, as its node sees it.
async fn lease(stage: &mut Stage, form: Form) -> Result<Renew> {
    let name = bodies::name(stage.names(1));
    let mut lease = Lease::new(name, form);
    let ask = Ask::send(Method::POST, LEASES.to_owned(), form, lease.renewed());
    lease.seen(&stage.connections.exchange(0, ask).await?.good()?.head);
    Ok(Renew { path: format!("{LEASES}/{}", lease.name()), lease, form })
}

/// A new pod on a node: its path.
async fn pod(stage: &mut Stage) -> Result<String> {
    let number = stage.names(1);
    let template = Template::new(&bodies::pod(Some("node")), Form::Json)?;
    let ask = Ask::send(Method::POST, pods(MADE), Form::Json, template.named(number));
    stage.connections.exchange(0, ask).await?.good()?;
    Ok(format!("{}/{}", pods(MADE), bodies::name(number)))
}

#[derive(Clone)]
struct Create {
    path: String,
    template: Template,
    form: Form,
    next: Arc<AtomicU64>,
}

impl Worker for Create {
    fn ask(&mut self) -> Result<Ask> {
        let body = self.template.named(self.next.fetch_add(1, Ordering::Relaxed));
        Ok(Ask::send(Method::POST, self.path.clone(), self.form, body))
    }
}

struct Get {
    form: Form,
    next: Arc<AtomicU64>,
    of: u64,
}

impl Worker for Get {
    fn ask(&mut self) -> Result<Ask> {
        // A step that shares no factor with the count leads past all of them, and never to the next one.
        const STEP: u64 = 7_919;
        let number = self.next.fetch_add(STEP, Ordering::Relaxed) % self.of;
        Ok(Ask::get(format!("{}/{}", pods(READ), bodies::name(number)), self.form))
    }
}

struct List {
    form: Form,
    how: Listing,
    /// Where the next page begins.
    next: Option<String>,
}

impl Worker for List {
    fn ask(&mut self) -> Result<Ask> {
        let query = match (self.how, self.next.take()) {
            (Listing::Whole, _) => String::new(),
            (Listing::Known, _) => "?resourceVersion=0".into(),
            (Listing::Pages, None) => "?limit=500".into(),
            (Listing::Pages, Some(next)) => format!("?limit=500&continue={next}"),
        };
        Ok(Ask::get(pods(READ) + &query, self.form))
    }

    fn hear(&mut self, answer: &Answer) {
        if self.how == Listing::Pages {
            self.next = bodies::text_of(&answer.head, self.form, "continue", 3);
        }
    }
}

struct Renew {
    path: String,
    lease: Lease,
    form: Form,
}

impl Worker for Renew {
    fn ask(&mut self) -> Result<Ask> {
        Ok(Ask::send(Method::PUT, self.path.clone(), self.form, self.lease.renewed()))
    }

    fn hear(&mut self, answer: &Answer) {
        self.lease.seen(&answer.head);
    }
}

struct Status {
    pod: String,
    turn: u64,
}

impl Worker for Status {
    fn ask(&mut self) -> Result<Ask> {
        self.turn += 1;
        Ok(Ask {
            method: Method::PATCH,
            content_type: Some("application/strategic-merge-patch+json"),
            body: bodies::pod_status(self.turn),
            ..Ask::get(format!("{}/status", self.pod), Form::Json)
        })
    }
}

struct Apply {
    name: String,
    turn: u64,
}

impl Worker for Apply {
    fn ask(&mut self) -> Result<Ask> {
        self.turn += 1;
        let path =
            format!("/api/v1/namespaces/{MADE}/configmaps/{}?fieldManager=bench&force=true", self.name);
        Ok(Ask {
            method: Method::PATCH,
            content_type: Some("application/apply-patch+yaml"),
            body: bodies::applied(&self.name, self.turn),
            ..Ask::get(path, Form::Json)
        })
    }
}

/// A node with one pod.
struct Node {
    lease: Renew,
    status: Status,
    form: Form,
    turn: usize,
}

/// What a node does next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Renew,
    Read,
    Tell,
}

impl Node {
    const STEPS: [Step; 10] = {
        use Step::{Read, Renew, Tell};
        [Renew, Read, Tell, Renew, Read, Renew, Tell, Renew, Read, Renew]
    };
}

impl Worker for Node {
    fn ask(&mut self) -> Result<Ask> {
        self.turn += 1;
        match Self::STEPS[self.turn % Self::STEPS.len()] {
            Step::Renew => self.lease.ask(),
            Step::Read => Ok(Ask::get(self.status.pod.clone(), self.form)),
            Step::Tell => self.status.ask(),
        }
    }

    fn hear(&mut self, answer: &Answer) {
        if Self::STEPS[self.turn % Self::STEPS.len()] == Step::Renew {
            self.lease.hear(answer);
        }
    }
}

/// ConfigMaps for whoever watches, by workers that number them as `next` says.
pub(crate) fn creators(
    path: &str,
    form: Form,
    next: impl Fn() -> u64 + Clone + Send + 'static,
    count: usize,
) -> Result<Vec<Box<dyn Worker>>> {
    let template = Arc::new(Template::new(&bodies::config_map(), form)?);
    let mut workers: Vec<Box<dyn Worker>> = Vec::new();
    workers.resize_with(count, || {
        Box::new(Stamped { path: path.to_owned(), template: Arc::clone(&template), form, next: next.clone() })
    });
    Ok(workers)
}

struct Stamped<Next> {
    path: String,
    template: Arc<Template>,
    form: Form,
    next: Next,
}

impl<Next: Fn() -> u64 + Send> Worker for Stamped<Next> {
    fn ask(&mut self) -> Result<Ask> {
        let body: Bytes = self.template.named((self.next)());
        Ok(Ask::send(Method::POST, self.path.clone(), self.form, body))
    }
}
