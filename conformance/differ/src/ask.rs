//! Asking: scripts beside each other, the steps of each in order over one connection.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use keelson_subject::client::Client;
use regex_lite::{Captures, Regex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::normal::{Normal, Seen};
use crate::script::{Body, Script, Step};
use crate::value::Value;
use crate::wire::{Answer, Connection, request};

/// Longer than this no answer takes. What takes longer counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(15);
/// The code of an answer that did not come.
pub const UNANSWERED: u16 = 0;
/// How often a step is asked again whose answer is to become something.
const TRIES_MAX: u32 = 100;
/// The pause before it is.
const PAUSE: Duration = Duration::from_millis(50);
/// Scripts that are asked beside each other: more than there are processors, since watches only wait.
const BESIDE: usize = 64;

/// How our server is started to be asked: with all of upstream's rules of admission, also those that need a controller.
pub const FLAGS: [&str; 2] = ["--disable-admission-plugins", ""];

/// The answers to one script's steps, by the steps' names.
pub type Answers = Vec<(String, Normal)>;

/// Asks all scripts of a server, in a run whose names begin with `run`. Answers come in the scripts' order.
///
/// # Errors
/// If the asking itself breaks. A connection that does is an answer that did not come, whose code is 0.
pub async fn ask(client: &Client, run: &str, scripts: &[Script]) -> Result<Vec<Answers>, String> {
    let waiting: VecDeque<(usize, Script)> = scripts.iter().cloned().enumerate().collect();
    let waiting = Arc::new(Mutex::new(waiting));
    let mut workers = JoinSet::new();
    for _ in 0..BESIDE {
        let (waiting, client, run) = (Arc::clone(&waiting), client.clone(), run.to_owned());
        workers.spawn(async move {
            let mut done = Vec::new();
            loop {
                let next = waiting.lock().await.pop_front();
                let Some((index, script)) = next else { return done };
                done.push((index, Asked::new(&client, &run, &script).all(&script).await));
            }
        });
    }
    let mut answers = vec![Vec::new(); scripts.len()];
    while let Some(ended) = workers.join_next().await {
        let done: Vec<_> = ended.map_err(|error| error.to_string())?;
        done.into_iter().for_each(|(index, found)| answers[index] = found);
    }
    Ok(answers)
}

/// What a connection runs over.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}
type Stream = Box<dyn Duplex>;

/// One script that is being asked.
struct Asked<'a> {
    client: &'a Client,
    run: &'a str,
    namespace: String,
    seen: Seen,
    objects: BTreeMap<String, Value>,
    names: Regex,
}

impl<'a> Asked<'a> {
    fn new(client: &'a Client, run: &'a str, script: &Script) -> Self {
        Self {
            client,
            run,
            namespace: script.namespace(run),
            seen: Seen::new(run),
            objects: BTreeMap::new(),
            names: Regex::new(r"\$\((\w+)(?: ([^)]+))?\)").expect("a pattern that stands here"),
        }
    }

    async fn all(mut self, script: &Script) -> Answers {
        let (mut answers, mut connection) = (Vec::new(), None);
        for step in &script.steps {
            let mut tries = 0;
            let answer = loop {
                let asked = timeout(PATIENCE, self.one(step, &mut connection)).await;
                let asked = asked.map_err(|_| format!("no answer in {PATIENCE:?}")).and_then(|asked| asked);
                let answer = asked.unwrap_or_else(|error| {
                    connection = None;
                    Answer { code: UNANSWERED, headers: Vec::new(), body: error.into_bytes() }
                });
                tries += 1;
                if tries == TRIES_MAX || is_awaited(step, &answer) {
                    break answer;
                }
                sleep(PAUSE).await;
            };
            if let Some(object) = Value::read(&answer.body) {
                self.objects.insert(step.name.clone(), object);
            }
            if !step.silent {
                answers.push((step.name.clone(), self.seen.normal(step.reading, &answer)));
            }
        }
        answers
    }

    async fn one(&self, step: &Step, connection: &mut Option<Connection<Stream>>) -> Result<Answer, String> {
        let filled = |(name, value): &(String, String)| (name.clone(), self.filled(value));
        let mut headers: Vec<_> = step.headers.iter().map(filled).collect();
        if let Some(token) = &self.client.token {
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
        let body = self.body(step);
        let bytes = request(&step.method, &self.filled(&step.path), &headers, body.as_deref());
        // A connection that was used before may have been ended meanwhile: then the request goes out on a new one.
        if let Some(mut used) = connection.take()
            && let Ok(answer) = used.exchange(&step.method, &bytes).await
        {
            *connection = (!answer.closes()).then_some(used);
            return Ok(answer);
        }
        let stream: Stream = Box::new(self.client.connect().await?);
        let mut new = Connection::new(stream);
        let answer = new.exchange(&step.method, &bytes).await?;
        *connection = (!answer.closes()).then_some(new);
        Ok(answer)
    }

    fn body(&self, step: &Step) -> Option<Vec<u8>> {
        match &step.body {
            Body::None => None,
            Body::Bytes(bytes) => Some(match std::str::from_utf8(bytes) {
                Ok(text) => self.filled(text).into_bytes(),
                Err(_) => bytes.clone(),
            }),
            Body::Edited(of, change) => {
                let object = self.objects.get(of).cloned().unwrap_or(Value::Map(Vec::new()));
                Some(self.filled(&object.merged(change).to_string()).into_bytes())
            }
        }
    }

    /// With what the placeholders stand for. Of an answer that had no such field, it is empty.
    fn filled(&self, text: &str) -> String {
        let fill = |found: &Captures<'_>| {
            let of = |path: &str| {
                let object = self.objects.get(found.get(2)?.as_str())?;
                object.at(path)?.text().map(str::to_owned)
            };
            match &found[1] {
                "ns" => self.namespace.clone(),
                "run" => self.run.to_owned(),
                "rv" => of("metadata.resourceVersion").unwrap_or_default(),
                "uid" => of("metadata.uid").unwrap_or_default(),
                "name" => of("metadata.name").unwrap_or_default(),
                "continue" => of("metadata.continue").unwrap_or_default(),
                _ => found[0].to_owned(),
            }
        };
        if text.contains("$(") { self.names.replace_all(text, fill).into_owned() } else { text.to_owned() }
    }
}

fn is_awaited(step: &Step, answer: &Answer) -> bool {
    let Some((path, text)) = &step.until else { return true };
    Value::read(&answer.body).is_some_and(|body| body.at(path).and_then(Value::text) == Some(text))
}
