//! The rules that upstream states as markers of types and fields, as `facts/rules.txt` carries them: those that a server
//! enforces with its gates as they are by default.
//!
//! Here they are only read; who asks them of an object, and in which words it is refused, is the server's affair.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::arena::{TypeRef, builtin};

/// A rule about the value of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// There has to be one that is not zero.
    Required,
    /// There may be none; then nothing else is asked of it.
    Optional,
    /// There may be none.
    Forbidden,
    /// It stays what it was when the object was made.
    Immutable,
    /// It stays what it was when the object was made, which others tell of: here, nothing within it is asked any more.
    Still,
    /// It stays what it is once it is there.
    Fixed,
    /// It cannot come to be later.
    NotSetLater,
    /// It cannot go away.
    NotUnset,
    /// The least number it may be.
    Minimum(i64),
    /// The greatest number it may be.
    Maximum(i64),
    /// How many items it may have.
    MaxItems(usize),
    /// How many characters it may have.
    MaxLength(usize),
    /// How many bytes it may have.
    MaxBytes(usize),
    /// Its text is of this format.
    Format(&'static str),
    /// The keys of the map are of this format.
    EachKey(&'static str),
    /// The items of the list are of this format.
    EachValue(&'static str),
    /// The name in this metadata is of this format.
    NameFormat(&'static str),
    /// It is one of the values that the schema has for the field.
    Enum,
    /// No two items are alike in these fields, or at all if no field is named.
    Unique(Box<[&'static str]>),
    /// Items that are alike in these fields are the same item over time.
    Correlated(Box<[&'static str]>),
    /// Of the items whose field is one of the values, there is at most one value.
    OneItemAtMost(&'static str, Box<[&'static str]>),
}

/// A rule about several fields of one struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Together {
    /// Exactly one of these fields is there.
    Union(Box<[&'static str]>),
    /// Whether a field has to be there depends on another one's text; for any other text, it may not be.
    Mode {
        /// The field that decides.
        by: &'static str,
        /// The field that is decided on.
        of: &'static str,
        /// The texts with which the field may be there, and whether it has to be.
        cases: Box<[(&'static str, bool)]>,
    },
}

/// The rules of a struct.
#[derive(Debug, Default)]
pub struct Marked {
    /// Those about several fields.
    pub together: Vec<Together>,
    /// Those about one field each, by the field's index.
    pub fields: Vec<(u16, Vec<Rule>)>,
}

struct Rules {
    structs: HashMap<u16, Marked>,
    /// By a type's number: whether it or what it holds has a rule.
    reached: Vec<bool>,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let structs = read(include_str!("../facts/rules.txt"));
    let reached = reached(&structs);
    Rules { structs, reached }
});

/// The rules of a struct type, if it has any.
#[must_use]
pub fn of(ty: TypeRef<'_>) -> Option<&'static Marked> {
    if ty.arena().is_untyped() { None } else { RULES.structs.get(&ty.id()) }
}

/// Whether a type, or what it holds, has a rule.
#[must_use]
pub fn is_ruled(ty: TypeRef<'_>) -> bool {
    !ty.arena().is_untyped() && RULES.reached.get(usize::from(ty.id())).copied().unwrap_or(false)
}

impl Marked {
    /// The rules of the field with this index.
    #[must_use]
    pub fn field(&self, index: u16) -> &[Rule] {
        self.fields.iter().find(|(known, _)| *known == index).map_or(&[], |(_, rules)| rules)
    }
}

fn read(text: &'static str) -> HashMap<u16, Marked> {
    let mut structs = HashMap::new();
    let mut current = None;
    for line in text.lines() {
        let Some(row) = line.strip_prefix("  ") else {
            current = builtin().by_name(line).and_then(TypeRef::as_struct);
            continue;
        };
        let Some(of) = current else { continue };
        let marked: &mut Marked = structs.entry(of.ty().id()).or_default();
        let mut words = row.split(' ');
        match words.next().unwrap_or_default() {
            "*" => marked.together.extend(words.filter_map(together)),
            name => {
                if let Some(index) = of.index_of(name) {
                    marked.fields.push((index, words.filter_map(rule).collect()));
                }
            }
        }
    }
    structs
}

fn names(text: &'static str) -> Box<[&'static str]> {
    text.split(',').filter(|name| !name.is_empty()).collect()
}

fn together(word: &'static str) -> Option<Together> {
    let (name, rest) = word.split_once('=')?;
    if name == "union" {
        return Some(Together::Union(names(rest)));
    }
    let mut parts = rest.splitn(3, ':');
    let (by, of, cases) = (parts.next()?, parts.next()?, parts.next()?);
    let cases = cases.split(',').filter_map(|case| case.split_once('/'));
    Some(Together::Mode { by, of, cases: cases.map(|(text, what)| (text, what == "required")).collect() })
}

fn rule(word: &'static str) -> Option<Rule> {
    let (name, rest) = word.split_once('=').unwrap_or((word, ""));
    let format = || rest.rsplit('=').next().unwrap_or_default();
    Some(match name {
        "required" => Rule::Required,
        "optional" => Rule::Optional,
        "forbidden" => Rule::Forbidden,
        "immutable" => Rule::Immutable,
        "still" => Rule::Still,
        "update" => match rest {
            "NoModify" => Rule::Fixed,
            "NoSet" => Rule::NotSetLater,
            "NoUnset" => Rule::NotUnset,
            _ => return None,
        },
        "minimum" => Rule::Minimum(rest.parse().ok()?),
        "maximum" => Rule::Maximum(rest.parse().ok()?),
        "maxItems" => Rule::MaxItems(rest.parse().ok()?),
        "maxLength" => Rule::MaxLength(rest.parse().ok()?),
        "maxBytes" => Rule::MaxBytes(rest.parse().ok()?),
        "format" => Rule::Format(rest),
        "eachKey" => Rule::EachKey(format()),
        "eachVal" => Rule::EachValue(format()),
        "nameFormat" => Rule::NameFormat(rest),
        "enum" => Rule::Enum,
        "unique" => Rule::Unique(names(rest)),
        "correlated" => Rule::Correlated(names(rest)),
        "oneItemAtMost" => {
            let (key, values) = rest.split_once(':')?;
            Rule::OneItemAtMost(key, names(values))
        }
        _ => return None,
    })
}

/// Types reach each other in circles (a schema holds schemas), so what is reached is found in rounds.
fn reached(structs: &HashMap<u16, Marked>) -> Vec<bool> {
    let arena = builtin();
    let mut reached: Vec<bool> = arena.types().map(|ty| structs.contains_key(&ty.id())).collect();
    loop {
        let mut grew = false;
        for ty in arena.types() {
            let at = usize::from(ty.id());
            let holds = |inner: TypeRef<'_>| reached[usize::from(inner.id())];
            let now = match (ty.as_struct(), ty.kind()) {
                (Some(of), _) => of.fields().any(|field| holds(field.ty())),
                (None, crate::arena::Kind::List | crate::arena::Kind::Map) => holds(ty.elem()),
                _ => false,
            };
            if now && !reached[at] {
                reached[at] = true;
                grew = true;
            }
        }
        if !grew {
            return reached;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_facts_is_understood() {
        let mut of = None;
        for line in include_str!("../facts/rules.txt").lines() {
            match line.strip_prefix("  ") {
                None => {
                    of = builtin().by_name(line).and_then(TypeRef::as_struct);
                    assert!(of.is_some(), "{line}");
                }
                Some(row) => {
                    let (name, words) = row.split_once(' ').unwrap();
                    let is_known = name == "*" || of.unwrap().index_of(name).is_some();
                    assert!(is_known, "{row}");
                    for word in words.split(' ') {
                        assert!(
                            if name == "*" { together(word).is_some() } else { rule(word).is_some() },
                            "{row}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_holds_a_rule_is_reached() {
        let ty = |name: &str| builtin().by_name(name).unwrap();
        assert!(is_ruled(ty("io.k8s.api.resource.v1.ResourceClaimTemplate")));
        assert!(!is_ruled(ty("io.k8s.api.core.v1.ConfigMap")));
        let class = ty("io.k8s.api.node.v1.RuntimeClass");
        let handler = class.as_struct().unwrap().index_of("handler").unwrap();
        let rules = of(class).unwrap().field(handler);
        assert_eq!(rules, [Rule::Format("k8s-short-name"), Rule::Immutable, Rule::Required]);
    }
}
