//! Questions: scripts of steps. Each script has a namespace and names of its own, so that scripts may be asked in any order
//! and beside each other; the steps of one follow each other.
//!
//! In paths, headers and bodies `$(ns)` stands for the script's namespace, `$(run)` for the word that all names of a run
//! begin with, and `$(rv STEP)`, `$(uid STEP)`, `$(name STEP)` and `$(continue STEP)` for what the answer to an earlier
//! step had in its metadata.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::fixed;
use crate::value::Value;

/// How much of a script's name stands in its namespace's.
const NAME_CHARS_MAX: usize = 40;

/// Steps that follow each other.
#[derive(Clone, Debug)]
pub struct Script {
    /// The set of questions it belongs to, which has a file of recorded answers.
    pub area: &'static str,
    /// Its name in the area.
    pub name: String,
    /// What is asked, in order.
    pub steps: Vec<Step>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name in the script.
    pub name: String,
    /// The method, as it is written into the request.
    pub method: String,
    /// Path and query, likewise.
    pub path: String,
    /// Headers besides those that every request has.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// What of the answer is kept.
    pub reading: Reading,
    /// Asked again until this path of the answer has this text.
    pub until: Option<(String, String)>,
    /// Asked only because of what follows: the answer is not looked at.
    pub silent: bool,
}

/// What goes with a request.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing
    None,
    /// These bytes
    Bytes(Vec<u8>),
    /// The object that an earlier step answered with, with a change merged into it
    Edited(String, Value),
}

/// What of an answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All of it
    Whole,
    /// Status and headers
    Head,
    /// All of an object but for what it is told by and who wrote it
    Object,
    /// Objects that follow each other, as a watch has them
    Events,
    /// Of a large document only a digest of each part
    Digest,
}

impl Script {
    /// A script without steps.
    #[must_use]
    pub fn new(area: &'static str, name: impl Into<String>) -> Self {
        Self { area, name: name.into(), steps: Vec::new() }
    }

    /// A script whose namespace is there when it begins, with the service account that pods need.
    #[must_use]
    pub fn with_namespace(area: &'static str, name: impl Into<String>) -> Self {
        let mut script = Self::new(area, name);
        let namespace = fixed!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$(ns)"}});
        script.post("namespace", "/api/v1/namespaces", &namespace).silent();
        let account = fixed!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        script.post("account", "/api/v1/namespaces/$(ns)/serviceaccounts", &account).silent();
        script
    }

    /// Its name among all.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.area, self.name)
    }

    /// The namespace of a run of this name: as much of the script's name as a name may have, with a digest of the rest.
    #[must_use]
    pub fn namespace(&self, run: &str) -> String {
        let allowed = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String =
            format!("{}-{}", self.area, self.name).to_lowercase().chars().map(allowed).collect();
        match name.get(..NAME_CHARS_MAX) {
            Some(begin) => format!("{run}-{begin}-{}", hex(&Sha256::digest(&name)[..2])),
            None => format!("{run}-{}", name.trim_end_matches('-')),
        }
    }

    /// One more step.
    pub fn ask(&mut self, name: impl Into<String>, method: &str, path: impl Into<String>) -> &mut Step {
        self.steps.push(Step {
            name: name.into(),
            method: method.to_owned(),
            path: path.into(),
            headers: Vec::new(),
            body: Body::None,
            reading: Reading::Whole,
            until: None,
            silent: false,
        });
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    /// A step that reads.
    pub fn get(&mut self, name: impl Into<String>, path: impl Into<String>) -> &mut Step {
        self.ask(name, "GET", path)
    }

    /// A step that creates.
    pub fn post(&mut self, name: impl Into<String>, path: impl Into<String>, body: &Json) -> &mut Step {
        self.ask(name, "POST", path).json(body)
    }

    /// A step that replaces.
    pub fn put(&mut self, name: impl Into<String>, path: impl Into<String>, body: &Json) -> &mut Step {
        self.ask(name, "PUT", path).json(body)
    }

    /// A step that replaces by what an earlier step answered with, changed.
    pub fn edit(
        &mut self,
        name: impl Into<String>,
        path: impl Into<String>,
        of: &str,
        change: &Json,
    ) -> &mut Step {
        let step = self.ask(name, "PUT", path).header("Content-Type", "application/json");
        step.body = Body::Edited(of.to_owned(), Value::from(change));
        step
    }

    /// A step that patches: `kind` is what stands before `-patch` in the media type.
    pub fn patch(
        &mut self,
        name: impl Into<String>,
        path: impl Into<String>,
        kind: &str,
        body: &Json,
    ) -> &mut Step {
        let form = if kind == "apply" { "yaml" } else { "json" };
        let media = format!("application/{kind}-patch+{form}");
        self.ask(name, "PATCH", path).bytes(&media, body.to_string())
    }

    /// A step that removes.
    pub fn delete(&mut self, name: impl Into<String>, path: impl Into<String>) -> &mut Step {
        self.ask(name, "DELETE", path)
    }
}

impl Step {
    /// With this header.
    pub fn header(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Asking for the answer in this form.
    pub fn accept(&mut self, media: impl Into<String>) -> &mut Self {
        self.header("Accept", media)
    }

    /// With a body of JSON.
    pub fn json(&mut self, body: &Json) -> &mut Self {
        self.bytes("application/json", body.to_string())
    }

    /// With these bytes as body, of this media type; an empty one is not named.
    pub fn bytes(&mut self, media: &str, body: impl Into<Vec<u8>>) -> &mut Self {
        self.body = Body::Bytes(body.into());
        if media.is_empty() { self } else { self.header("Content-Type", media) }
    }

    /// Of which only this is kept.
    pub fn reading(&mut self, reading: Reading) -> &mut Self {
        self.reading = reading;
        self
    }

    /// A watch.
    pub fn events(&mut self) -> &mut Self {
        self.reading(Reading::Events)
    }

    /// Asked again until this path of the answer has this text.
    pub fn until(&mut self, path: &str, text: &str) -> &mut Self {
        self.until = Some((path.to_owned(), text.to_owned()));
        self
    }

    /// Asked only because of what follows.
    pub fn silent(&mut self) -> &mut Self {
        self.silent = true;
        self
    }

    /// What shows that a recorded answer is one to this question and not to an earlier form of it.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!(
            "{} {} {:?} {:?} {:?}",
            self.method, self.path, self.headers, self.reading, self.until
        ));
        match &self.body {
            Body::None => {}
            Body::Bytes(bytes) => hash.update(bytes),
            Body::Edited(of, change) => hash.update(format!("{of} {change}")),
        }
        hex(&hash.finalize()[..4])
    }
}

/// Bytes in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
