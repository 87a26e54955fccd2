//! The documents by which clients learn what a server's API looks like: OpenAPI in versions 2 and 3.
//!
//! They are made from a description of the resources and the arena's types when somebody asks, and kept only packed,
//! only while there is room, so that a server nobody asks pays nothing. What a request may be answered with is decided
//! here; paths, headers and conditions of HTTP are the server's.

mod document;
mod gnostic;
mod node;
mod operation;
mod parameter;
mod path;
mod resource;
mod schema;
mod texts;

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha512};

use document::{Pieces, Topic};
pub use node::{Node, Object};
pub use resource::{Api, Dialect, GroupVersion, Name, Resource, Source, Subresource};
use texts::{Texts, unpack};

/// How many bytes of packed documents are kept at most.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// JSON.
    Json,
    /// The protobuf messages of the gnostic project.
    Protobuf,
}

/// A document, packed.
#[derive(Clone, Debug)]
pub struct Document {
    /// What tells it from what it was before: the SHA-512 of its JSON, in capital hexadecimal digits, for either
    /// encoding. Without quotes.
    pub etag: Arc<str>,
    /// It, in gzip.
    pub gzip: Bytes,
}

impl Document {
    /// It, unpacked.
    #[must_use]
    pub fn unpacked(&self) -> Vec<u8> {
        let mut out = Vec::new();
        GzDecoder::new(&self.gzip[..]).read_to_end(&mut out).expect("we packed it ourselves");
        out
    }
}

/// The documents of one API. When the API changes, new ones take their place.
#[derive(Debug)]
pub struct Documents {
    api: Api,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The hashes of all documents of version 3, once somebody has asked for them.
    etags: Option<Arc<BTreeMap<String, Arc<str>>>>,
    /// Documents by path (empty for version 2) and encoding, the one asked for last at the end.
    kept: Vec<((String, Encoding), Document)>,
}

impl Documents {
    /// The documents that describe `api`. Nothing is made yet.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self { api, state: Mutex::default() }
    }

    /// The documents of version 3: their paths below `/openapi/v3/`, and their [`Document::etag`]s.
    #[must_use]
    pub fn etags(&self) -> Arc<BTreeMap<String, Arc<str>>> {
        if let Some(known) = &self.state.lock().etags {
            return Arc::clone(known);
        }
        let table = unpack();
        let texts = Texts::new(&table);
        let etag = |topic| {
            let mut sink = Sink { hash: Sha512::new(), next: io::sink() };
            write_json(&Pieces::v3(&self.api, topic, &texts), &mut sink);
            sink.etag()
        };
        let etags = Topic::all(&self.api).into_iter().map(|(path, topic)| (path, etag(topic))).collect();
        let etags = Arc::new(etags);
        self.state.lock().etags = Some(Arc::clone(&etags));
        etags
    }

    /// What `/openapi/v3` answers: the URL of each document, with its hash.
    #[must_use]
    pub fn index(&self) -> Vec<u8> {
        index(self.etags().iter().map(|(path, etag)| (&**path, &**etag)))
    }

    /// The document of version 3 at `path`, such as `apis/apps/v1`.
    #[must_use]
    pub fn v3(&self, path: &str, encoding: Encoding) -> Option<Document> {
        let topic = Topic::all(&self.api).remove(path)?;
        Some(self.kept_or(path, encoding, |texts| pack(&Pieces::v3(&self.api, topic, texts), encoding)))
    }

    /// The document of version 2.
    #[must_use]
    pub fn v2(&self, encoding: Encoding) -> Document {
        self.kept_or("", encoding, |texts| pack(&Pieces::v2(&self.api, texts), encoding))
    }

    fn kept_or(&self, path: &str, encoding: Encoding, make: impl FnOnce(&Texts<'_>) -> Document) -> Document {
        {
            let mut state = self.state.lock();
            let found = state.kept.iter().position(|((known, as_), _)| known == path && *as_ == encoding);
            if let Some(at) = found {
                let entry = state.kept.remove(at);
                let document = entry.1.clone();
                state.kept.push(entry);
                return document;
            }
        }
        // Made without the lock: whoever asks for something else need not wait.
        let table = unpack();
        let document = make(&Texts::new(&table));
        self.state.lock().keep((path.to_owned(), encoding), document.clone());
        document
    }
}

impl State {
    fn keep(&mut self, key: (String, Encoding), document: Document) {
        self.kept.retain(|(known, _)| *known != key);
        self.kept.push((key, document));
        let mut bytes: usize = self.kept.iter().map(|(_, document)| document.gzip.len()).sum();
        while bytes > KEPT_BYTES_MAX && self.kept.len() > 1 {
            bytes -= self.kept.remove(0).1.gzip.len();
        }
    }
}

/// An index of documents, by path and hash; for servers that also name the documents of others.
#[must_use]
pub fn index<'a>(etags: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let url = |(path, etag): (&'a str, &'a str)| {
        let url = format!("/openapi/v3/{path}?hash={etag}");
        (path.into(), Object::default().with("serverRelativeURL", url).into())
    };
    let paths = Object(etags.map(url).collect());
    let mut out = Vec::new();
    Node::from(Object::default().with("paths", paths)).write_json(&mut out, true);
    out
}

fn pack(pieces: &Pieces<'_>, encoding: Encoding) -> Document {
    match encoding {
        Encoding::Json => {
            let mut sink =
                Sink { hash: Sha512::new(), next: GzEncoder::new(Vec::new(), Compression::default()) };
            write_json(pieces, &mut sink);
            let (etag, next) = (sink.etag(), sink.next);
            Document { etag, gzip: finished(next) }
        }
        Encoding::Protobuf => {
            let mut sink = Sink { hash: Sha512::new(), next: io::sink() };
            write_json(pieces, &mut sink);
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&pieces.protobuf()).expect("a Vec takes everything");
            Document { etag: sink.etag(), gzip: finished(packed) }
        }
    }
}

fn finished(packed: GzEncoder<Vec<u8>>) -> Bytes {
    packed.finish().expect("a Vec takes everything").into()
}

fn write_json<W: Write>(pieces: &Pieces<'_>, sink: &mut Sink<W>) {
    pieces.write_json(sink).expect("neither a hash nor a Vec refuses bytes");
}

/// Hashes what it passes on.
struct Sink<W> {
    hash: Sha512,
    next: W,
}

impl<W> Sink<W> {
    fn etag(&mut self) -> Arc<str> {
        let digits: String = self.hash.finalize_reset().iter().map(|byte| format!("{byte:02X}")).collect();
        digits.into()
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.next.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.next.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_last_is_kept_as_long_as_there_is_room() {
        let document = |bytes| Document { etag: "".into(), gzip: vec![0; bytes].into() };
        let mut state = State::default();
        let mut keep = |path: &str, bytes| {
            state.keep((path.to_owned(), Encoding::Json), document(bytes));
            state.kept.iter().map(|((path, _), _)| path.clone()).collect::<Vec<_>>()
        };
        assert_eq!(keep("a", KEPT_BYTES_MAX / 2), ["a"]);
        assert_eq!(keep("b", KEPT_BYTES_MAX / 2), ["a", "b"]);
        assert_eq!(keep("a", KEPT_BYTES_MAX / 2), ["b", "a"]);
        assert_eq!(keep("c", 1), ["a", "c"]);
        assert_eq!(keep("d", KEPT_BYTES_MAX), ["d"]);
    }
}
