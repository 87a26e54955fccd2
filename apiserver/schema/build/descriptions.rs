//! Gathers what the published documents need and the arena does not hold: descriptions, and particulars of fields.
//!
//! Descriptions are read from the sources of the `k8s-openapi` crate, which carries upstream's; none of them is part
//! of this repository. The crate is not compiled for that: its schema functions are plain text to the scanner below.
//! Particulars are what `types.json` says of a field beyond what follows from its Go type.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::json::Json;

/// The sources of that version of Kubernetes.
const VERSION: &str = "v1_37";
/// A scanner that finds less than this has not understood its input.
const TYPES_MIN: usize = 700;
const FIELDS_MIN: usize = 3000;

/// The description of a type, and those of its fields.
#[derive(Default)]
struct Texts {
    own: String,
    fields: BTreeMap<String, String>,
}

/// Writes `descriptions.z` and `particulars.rs`.
#[expect(clippy::disallowed_methods, reason = "a build script is told where to write by its environment")]
pub fn write(published: &Json) {
    let out = env::var("OUT_DIR").expect("cargo names the output directory");
    let out = Path::new(&out);
    let sources = sources().join("src").join(VERSION);
    println!("cargo:rerun-if-changed={}", sources.display());
    let mut types = BTreeMap::new();
    read_folder(&sources, &mut types);
    let fields: usize = types.values().map(|texts: &Texts| texts.fields.len()).sum();
    assert!(
        types.len() >= TYPES_MIN && fields >= FIELDS_MIN,
        "only {} types and {fields} fields have descriptions in {}: has the crate changed its form?",
        types.len(),
        sources.display(),
    );
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(table(&types).as_bytes()).expect("a Vec takes everything");
    let packed = encoder.finish().expect("a Vec takes everything");
    fs::write(out.join("descriptions.z"), packed).expect("the output directory is writable");
    fs::write(out.join("particulars.rs"), particulars(published)).expect("the output directory is writable");
}

/// One line for a type (its name, a tab, its description), then one for each field (a tab before the name).
fn table(types: &BTreeMap<String, Texts>) -> String {
    let escape = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
    let mut table = String::new();
    for (name, texts) in types {
        writeln!(table, "{name}\t{}", escape(&texts.own)).expect("a String takes everything");
        for (field, text) in &texts.fields {
            writeln!(table, "\t{field}\t{}", escape(text)).expect("a String takes everything");
        }
    }
    table
}

/// The folder of the `k8s-openapi` crate, as cargo knows it.
fn sources() -> PathBuf {
    let metadata = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO")).args(["metadata", "--format-version", "1"]).args(arguments).output();
        output
            .ok()
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // Offline is enough unless cargo has not downloaded all that the lock file names.
    let found = metadata(&["--offline"]).or_else(|| metadata(&[])).and_then(|text| folder(&text));
    found.expect(
        "the sources of the k8s-openapi crate are needed for descriptions, and `cargo metadata` does not name them: \
         run `cargo fetch` where there is a network",
    )
}

fn folder(metadata: &str) -> Option<PathBuf> {
    let paths = metadata.split("\"manifest_path\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut folders = paths.filter_map(|path| Path::new(path).parent());
    let named = |folder: &&Path| {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name == "k8s-openapi"
            || name
                .strip_prefix("k8s-openapi-")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    folders.find(named).map(Path::to_owned)
}

fn read_folder(folder: &Path, types: &mut BTreeMap<String, Texts>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder's entry").path();
        if path.is_dir() {
            read_folder(&path, types);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read_file(&fs::read_to_string(&path).expect("a source file"), types);
        }
    }
}

/// Reads every `schema_name` and the `json_schema!` that follows it.
fn read_file(source: &str, types: &mut BTreeMap<String, Texts>) {
    for part in source.split("fn schema_name()").skip(1) {
        let Some((head, body)) = part.split_once("json_schema!(") else { continue };
        let mut literals = Scanner { rest: head }.filter_map(|token| match token {
            Token::Text(text) => Some(text),
            Token::Mark(_) => None,
        });
        let name = literals.next().expect("a schema has a name");
        types.insert(name, read_schema(body));
    }
}

enum Token {
    Text(String),
    Mark(char),
}

/// The string literals and the punctuation of Rust source.
struct Scanner<'a> {
    rest: &'a str,
}

impl Iterator for Scanner<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let at = self.rest.find(['"', '{', '}', '(', ')', '[', ']', ':'])?;
        let mark = self.rest[at..].chars().next()?;
        self.rest = &self.rest[at + 1..];
        if mark != '"' {
            return Some(Token::Mark(mark));
        }
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(Token::Text(text));
                }
                '\\' => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    escaped @ ('"' | '\\' | '\'') => text.push(escaped),
                    other => panic!("an escape that nobody expects: \\{other}"),
                },
                other => text.push(other),
            }
        }
        None
    }
}

/// Walks `{"description": "...", "properties": {"field": {"description": "..."}}}`; a field's schema may also be an
/// expression that inserts its description.
fn read_schema(body: &str) -> Texts {
    let mut texts = Texts::default();
    let mut tokens = Scanner { rest: body }.peekable();
    // The keys of the objects around, and how deep the brackets are.
    let (mut keys, mut last, mut depth) = (Vec::<(usize, String)>::new(), None::<String>, 0_usize);
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(text) if text == "description" => {
                while let Some(Token::Mark(':' | ')' | '(')) = tokens.peek() {
                    tokens.next();
                }
                if let Some(Token::Text(_)) = tokens.peek() {
                    let Some(Token::Text(text)) = tokens.next() else { continue };
                    match keys.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>()[..] {
                        [] => texts.own = text,
                        ["properties", field] => drop(texts.fields.insert(field.to_owned(), text)),
                        _ => {}
                    }
                } else {
                    last = Some(text);
                }
            }
            Token::Text(text) => last = Some(text),
            Token::Mark(':') => {}
            Token::Mark('{' | '(' | '[') => {
                if let Some(key) = last.take() {
                    keys.push((depth, key));
                }
                depth += 1;
            }
            Token::Mark(_) => {
                let Some(outside) = depth.checked_sub(1) else { break };
                depth = outside;
                last = None;
                while keys.last().is_some_and(|(at, _)| *at >= depth) {
                    keys.pop();
                }
            }
        }
    }
    texts
}

/// What does not follow from the types: see `publish::schema::Particular`.
fn particulars(published: &Json) -> String {
    let mut rows = Vec::new();
    for (name, ty) in published.members() {
        if ty.get("mapType").text() == "granular" {
            rows.push((name, "", "MapType(\"granular\")".to_owned()));
        }
        for (field, facts) in ty.get("fields").members() {
            let is_list = facts.get("type").text() == "array";
            let (default, list_type) = (facts.get("default"), facts.get("listType").text());
            if !matches!(default, Json::Null | Json::Object(_))
                && default.is_zero()
                && !facts.get("required").is_true()
            {
                rows.push((name, field, "ZeroDefault".to_owned()));
            }
            if is_list && list_type.is_empty() && !(name.ends_with("List") && field == "items") {
                rows.push((name, field, "NoListType".to_owned()));
            }
            if !is_list && !list_type.is_empty() {
                rows.push((name, field, format!("ListType({list_type:?})")));
            }
            let strategy = facts.get("patchStrategy").text();
            if !matches!(strategy, "" | "merge" | "retainKeys" | "merge,retainKeys") {
                rows.push((name, field, format!("PatchStrategy({strategy:?})")));
            }
            for inner in ["items", "map"] {
                let values: Vec<&str> = facts.get(inner).get("enum").items().iter().map(Json::text).collect();
                if !values.is_empty() {
                    rows.push((name, field, format!("ItemValues(&{values:?})")));
                }
            }
        }
    }
    rows.sort();
    let mut code = format!("static PARTICULARS: [(&str, &str, Particular); {}] = [\n", rows.len());
    for (name, field, what) in rows {
        writeln!(code, "({name:?}, {field:?}, Particular::{what}),").expect("a String takes everything");
    }
    code.push_str("];\n");
    code
}
