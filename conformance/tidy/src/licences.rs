//! Licences: everything we are built of must be under one that `deny.toml` allows.

use crate::dependencies::{Graph, graph};
use crate::owners::deny;

fn check(allowed: &[String], graph: &Graph) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, package) in &graph.packages {
        let Some(license) = &package.license else {
            problems.push(format!("{name} names no licence: do without it"));
            continue;
        };
        if !fits(license, allowed) {
            problems.push(format!("{name} is under {license:?}: do without it, or allow that in deny.toml"));
        }
    }
    problems
}

/// Whether an SPDX expression can be satisfied by allowed licences alone. The old form with a slash means OR.
fn fits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let fits = any(&mut rest, allowed);
    fits && rest.is_empty()
}

fn any(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut fits = all(rest, allowed);
    while let ["OR", tail @ ..] = rest {
        *rest = tail;
        fits |= all(rest, allowed);
    }
    fits
}

fn all(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut fits = one(rest, allowed);
    while let ["AND", tail @ ..] = rest {
        *rest = tail;
        fits &= one(rest, allowed);
    }
    fits
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    match rest {
        ["(", tail @ ..] => {
            *rest = tail;
            let fits = any(rest, allowed);
            let [")", tail @ ..] = rest else { return false };
            *rest = tail;
            fits
        }
        [license, "WITH", exception, tail @ ..] => {
            let name = format!("{license} WITH {exception}");
            *rest = tail;
            allowed.contains(&name)
        }
        [license, tail @ ..] => {
            // A plus means that later versions are fine too.
            let fits = allowed.iter().any(|allowed| allowed == license.trim_end_matches('+'));
            *rest = tail;
            fits
        }
        [] => false,
    }
}

#[test]
fn all_licences_are_allowed() {
    crate::none(&check(&deny().licenses.allow, graph()));
}

#[test]
fn expressions_are_understood() {
    let allowed = ["MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"].map(String::from);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0-only", false),
        ("Apache-2.0 AND ISC", true),
        ("(GPL-3.0-only OR MIT) AND ISC", true),
        ("(GPL-3.0-only OR MIT) AND BSL-1.0", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true),
        ("GPL-2.0-only WITH Classpath-exception-2.0", false),
        ("ISC+", true),
        ("(MIT", false),
        ("", false),
    ] {
        assert_eq!(fits(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn a_licence_that_is_not_allowed_is_found() {
    let mut graph = Graph::sample(&[("a", &[]), ("b", &[]), ("c", &[])]);
    graph.packages.get_mut("a").unwrap().license = Some("MIT".into());
    graph.packages.get_mut("b").unwrap().license = Some("SSPL-1.0".into());
    crate::found(&check(&["MIT".into()], &graph), &["b is under \"SSPL-1.0\"", "c names no licence"]);
}
