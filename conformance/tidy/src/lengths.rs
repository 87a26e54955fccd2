//! Lengths: functions stop at 70 lines, files at 800, tests not counted. What was longer when the rule came stands in
//! `lengths.txt` and may only shrink.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, ItemFn, ItemMod, TraitItemFn};

use crate::sources::{Source, is_test, read, sources};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
/// Lines of `path lines` or `path function lines`.
const LONGER: &str = "conformance/tidy/lengths.txt";

/// Everything that is measured: files by path, functions by path and name.
type Lengths = BTreeMap<String, usize>;

fn measure(sources: &[Source]) -> (Lengths, Lengths) {
    let (mut files, mut functions) = (Lengths::new(), Lengths::new());
    for source in sources.iter().filter(|source| !source.test && !source.is_generated()) {
        let mut measured = Measured { path: &source.path, tests: 0, functions: &mut functions };
        measured.visit_file(&source.parse());
        let lines = source.text.lines().count() - measured.tests;
        files.insert(source.path.clone(), lines);
    }
    (files, functions)
}

struct Measured<'a> {
    path: &'a str,
    /// Lines of test modules.
    tests: usize,
    functions: &'a mut Lengths,
}

impl Measured<'_> {
    fn function(&mut self, name: &syn::Ident, signature: proc_macro2::Span, end: proc_macro2::Span) {
        let lines = end.end().line + 1 - signature.start().line;
        let length = self.functions.entry(format!("{} {name}", self.path)).or_default();
        *length = lines.max(*length);
    }
}

impl<'ast> Visit<'ast> for Measured<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if is_test(&module.attrs) {
            self.tests += module.span().end().line + 1 - module.span().start().line;
        } else {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        if !is_test(&function.attrs) {
            self.function(&function.sig.ident, function.sig.span(), function.block.span());
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.function(&function.sig.ident, function.sig.span(), function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.function(&function.sig.ident, function.sig.span(), block.span());
        }
        visit::visit_trait_item_fn(self, function);
    }
}

fn check(lengths: &Lengths, max: usize, what: &str, listed: &Lengths) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, lines) in lengths {
        match listed.get(name) {
            None if *lines > max => problems.push(format!(
                "{name} has {lines} lines and a {what} may have {max}: take a part of it with a name of its own out"
            )),
            Some(allowed) if lines > allowed => problems
                .push(format!("{name} has grown from {allowed} to {lines} lines, and may only shrink: split it")),
            Some(_) if *lines <= max => {
                problems.push(format!("{name} is short enough now ({lines}): take it off {LONGER}"));
            }
            Some(allowed) if lines < allowed => {
                problems.push(format!("{name} has shrunk to {lines} lines: write that into {LONGER}"));
            }
            _ => {}
        }
    }
    problems
}

fn listed(text: &str) -> Lengths {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, lines) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), lines.parse().unwrap())
        })
        .collect()
}

fn gone(listed: &Lengths, files: &Lengths, functions: &Lengths) -> Vec<String> {
    let gone = listed.keys().filter(|name| !files.contains_key(*name) && !functions.contains_key(*name));
    gone.map(|name| format!("{name} is not there any more: take it off {LONGER}")).collect()
}

#[test]
fn files_and_functions_are_short_or_shrinking() {
    let (files, functions) = measure(sources());
    let listed = listed(&read(LONGER));
    let mut problems = check(&files, FILE_LINES_MAX, "file", &listed);
    problems.extend(check(&functions, FUNCTION_LINES_MAX, "function", &listed));
    problems.extend(gone(&listed, &files, &functions));
    crate::none(&problems);
}

#[test]
fn what_grows_is_found() {
    let body = |lines: usize| "    let _ = 1;\n".repeat(lines);
    let text = format!(
        "fn long() {{\n{}}}\nstruct S;\nimpl S {{\n    fn short(&self) {{\n{}    }}\n}}\n#[cfg(test)]\nmod tests {{\n    fn longer() {{\n{}    }}\n}}\n",
        body(69),
        body(68),
        body(2_000)
    );
    let (files, functions) = measure(&[Source::sample("a/src/b.rs", &text)]);
    assert_eq!(files["a/src/b.rs"], 71 + 1 + 2 + 70);
    let lengths: Vec<_> = functions.iter().map(|(name, lines)| (name.as_str(), *lines)).collect();
    assert_eq!(lengths, [("a/src/b.rs long", 71), ("a/src/b.rs short", 70)]);
    crate::found(
        &check(&functions, 70, "function", &Lengths::new()),
        &["long has 71 lines and a function may have 70"],
    );
    for (list, expected) in [
        ("a/src/b.rs long 71", None),
        ("a/src/b.rs long 70", Some("long has grown from 70 to 71 lines")),
        ("a/src/b.rs long 80", Some("long has shrunk to 71 lines")),
        ("a/src/b.rs long 71\n# why\na/src/b.rs short 90", Some("short is short enough now (70)")),
        ("a/src/b.rs long 71\na/src/c.rs 900", Some("a/src/c.rs is not there any more")),
    ] {
        let listed = listed(list);
        let mut problems = check(&functions, 70, "function", &listed);
        problems.extend(gone(&listed, &files, &functions));
        crate::found(&problems, expected.as_slice());
    }
}
