//! The tree: which files are ours, and what is in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use syn::{Attribute, Item, Meta};

/// One of our Rust files.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// From the workspace's root.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Whether it is only compiled to test something.
    pub(crate) test: bool,
}

impl Source {
    /// A sample.
    pub(crate) fn sample(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), test: is_test_path(path) }
    }

    /// The file's name without its ending.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".rs").unwrap_or(name)
    }

    /// The file as syntax.
    pub(crate) fn parse(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    /// Whether a program wrote it.
    pub(crate) fn is_generated(&self) -> bool {
        self.text.lines().take(5).any(|line| line.contains("@generated"))
    }
}

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap())
}

/// A file of ours.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files of ours that are text, from the workspace's root.
pub(crate) fn files() -> &'static [String] {
    static FILES: OnceLock<Vec<String>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mut files = Vec::new();
        walk(root(), &mut files);
        files.sort();
        files
    })
}

/// The manifests of the workspace's packages.
pub(crate) fn manifests() -> Vec<String> {
    let outside = workspace_excludes();
    let manifests = files().iter().filter(|path| path.ends_with("Cargo.toml"));
    manifests.filter(|path| !outside.iter().any(|outside| path.starts_with(outside))).cloned().collect()
}

/// All Rust files.
pub(crate) fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let paths = files().iter().filter(|path| path.ends_with(".rs"));
        let read = |path: &String| Source { path: path.clone(), text: read(path), test: is_test_path(path) };
        let mut sources: Vec<Source> = paths.map(read).collect();
        mark_test_modules(&mut sources);
        sources
    })
}

/// Whether an item is only compiled to test something.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        Meta::Path(path) => path.segments.last().is_some_and(|last| last.ident == "test"),
        _ => false,
    })
}

fn is_test_path(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    path.starts_with("conformance/")
        || parts.iter().any(|part| matches!(*part, "tests" | "benches" | "bench" | "tests.rs"))
}

/// Files that are modules of others only under `#[cfg(test)]`, with all below them.
fn mark_test_modules(sources: &mut [Source]) {
    let mut tests = BTreeSet::new();
    for source in sources.iter() {
        let dir = source.path.rsplit_once('/').map_or("", |(dir, _)| dir);
        let root = matches!(source.stem(), "lib" | "main");
        let inside = if root { dir.to_owned() } else { format!("{dir}/{}", source.stem()) };
        for item in source.parse().items {
            if let Item::Mod(module) = item
                && module.content.is_none()
                && is_test(&module.attrs)
            {
                tests.insert(format!("{inside}/{}", module.ident));
            }
        }
    }
    for source in sources {
        let below = |test: &String| {
            let rest = source.path.strip_prefix(test.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        source.test |= tests.iter().any(below);
    }
}

fn workspace_excludes() -> Vec<String> {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let excluded = manifest["workspace"].get("exclude").and_then(toml::Value::as_array);
    excluded.into_iter().flatten().filter_map(|path| path.as_str().map(|path| format!("{path}/"))).collect()
}

fn walk(dir: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            // What cargo and git keep, and what a data directory beside the sources would hold.
            if name != "target" && name != ".git" && name != ".keelson" {
                walk(&path, files);
            }
        } else if kind.is_file()
            && std::fs::read(&path).is_ok_and(|bytes| std::str::from_utf8(&bytes).is_ok())
        {
            files.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn test_modules_are_told_apart() {
    let mut sources = [
        Source::sample(
            "a/src/lib.rs",
            "mod b;\n#[cfg(test)]\nmod c;\n#[cfg(any(test, feature = \"x\"))]\nmod d;\n",
        ),
        Source::sample("a/src/b.rs", "#[cfg(test)]\nmod e;\n"),
        Source::sample("a/src/b/e.rs", ""),
        Source::sample("a/src/c.rs", ""),
        Source::sample("a/src/c/f.rs", ""),
        Source::sample("a/src/cc.rs", ""),
        Source::sample("a/src/d.rs", ""),
        Source::sample("a/tests/g.rs", ""),
    ];
    mark_test_modules(&mut sources);
    let tests: Vec<&str> =
        sources.iter().filter(|source| source.test).map(|source| source.path.as_str()).collect();
    assert_eq!(tests, ["a/src/b/e.rs", "a/src/c.rs", "a/src/c/f.rs", "a/tests/g.rs"]);
}
