use super::*;
use crate::field::{Errors, Path};
use crate::names::{dns, object};
use crate::vectors::rows;

/// Metadata as the table writes it: `name=a;finalizers=x,y`.
#[derive(Default)]
struct Meta(Vec<(String, String)>);

/// `text*n` is the text so many times.
fn repeated(text: &str) -> String {
    match text.split_once('*') {
        Some((text, count)) => text.repeat(count.parse().unwrap()),
        None => text.to_owned(),
    }
}

impl Meta {
    fn parse(text: &str) -> Self {
        let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(key, value)| (key.to_owned(), repeated(value))).collect())
    }

    fn optional(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }

    fn text(&self, key: &str) -> &str {
        self.optional(key).unwrap_or_default()
    }

    fn items(&self, key: &str) -> impl Iterator<Item = &str> {
        self.optional(key).into_iter().flat_map(|text| text.split(','))
    }

    fn pair(&self, key: &str) -> impl Iterator<Item = (&str, &str)> {
        self.optional(key).and_then(|text| text.split_once(':')).into_iter()
    }
}

fn flag(text: &str) -> Option<bool> {
    (!text.is_empty()).then_some(text == "true")
}

impl MetaView for Meta {
    fn name(&self) -> &str {
        self.text("name")
    }
    fn generate_name(&self) -> &str {
        self.text("generateName")
    }
    fn namespace(&self) -> &str {
        self.text("namespace")
    }
    fn uid(&self) -> &str {
        self.text("uid")
    }
    fn resource_version(&self) -> &str {
        self.text("resourceVersion")
    }
    fn generation(&self) -> i64 {
        self.optional("generation").map_or(0, |text| text.parse().unwrap())
    }
    fn creation_timestamp(&self) -> Option<&str> {
        self.optional("created")
    }
    fn deletion_timestamp(&self) -> Option<&str> {
        self.optional("deleted")
    }
    fn deletion_grace_period_seconds(&self) -> Option<i64> {
        self.optional("grace").map(|text| text.parse().unwrap())
    }
    fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pair("label")
    }
    fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pair("annotation")
    }
    fn owner_references(&self) -> impl Iterator<Item = OwnerReference<'_>> {
        self.items("owners").map(|text| {
            let parts: Vec<_> = text.split('|').collect();
            OwnerReference {
                api_version: parts[0],
                kind: parts[1],
                name: parts[2],
                uid: parts[3],
                controller: flag(parts[4]),
                block_owner_deletion: flag(parts[5]),
            }
        })
    }
    fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.items("finalizers")
    }
    fn managed_fields(&self) -> impl Iterator<Item = ManagedFields<'_>> {
        self.items("managed").map(|text| {
            let parts: Vec<_> = text.split('|').collect();
            ManagedFields {
                manager: parts[0],
                operation: parts[1],
                fields_type: parts[2],
                subresource: parts[3],
            }
        })
    }
}

fn shown(errors: &Errors) -> String {
    let lines: Vec<_> = errors.iter().map(|error| format!("{} {error}", error.kind().reason())).collect();
    lines.join("\n")
}

#[test]
fn metadata_is_judged_as_upstream_judges_it() {
    let path = &Path::new("metadata");
    for [check, new, old, expected] in rows(include_str!("vectors.txt")) {
        let (new, old) = (Meta::parse(&new), Meta::parse(&old));
        let errors = &mut Errors::new();
        match &*check {
            "update" => check_update(&new, &old, path, errors),
            "named" => {
                let rule = |path: &Path<'_>, name: &str, errors: &mut Errors| {
                    errors.push_invalid(path, name, dns::subdomain(name));
                };
                check_create_named(&new, Scope::Namespaced, rule, path, errors);
            }
            check => {
                let (scope, rule) = check.split_once(' ').unwrap();
                let scope = if scope == "cluster" { Scope::Cluster } else { Scope::Namespaced };
                let rule = match rule {
                    "subdomain" => object::subdomain,
                    "label" => object::label,
                    _ => object::path_segment,
                };
                check_create(&new, scope, rule, path, errors);
            }
        }
        assert_eq!(shown(errors), expected, "{check} {:?} {:?}", new.0, old.0);
    }
}

#[test]
fn conditions_are_judged_as_upstream_judges_them() {
    let root = Path::new("status");
    for [conditions, expected] in rows(include_str!("conditions.txt")) {
        let parts: Vec<Vec<String>> =
            conditions.split(',').map(|text| text.split('|').map(repeated).collect()).collect();
        let conditions: Vec<_> = parts
            .iter()
            .map(|parts| Condition {
                kind: &parts[0],
                status: &parts[1],
                observed_generation: parts[2].parse().unwrap_or_default(),
                has_transition_time: !parts[3].is_empty(),
                reason: &parts[4],
                message: &parts[5],
            })
            .collect();
        let errors = &mut Errors::new();
        check_conditions(&conditions, &root.child("conditions"), errors);
        assert_eq!(shown(errors), expected);
    }
}

#[test]
fn many_conditions_are_compared_as_few() {
    let names: Vec<_> = (0..100).map(|i| format!("c{}", i % 99)).collect();
    let conditions: Vec<_> = names
        .iter()
        .map(|name| Condition {
            kind: name,
            status: "True",
            has_transition_time: true,
            reason: "R",
            ..Condition::default()
        })
        .collect();
    let errors = &mut Errors::new();
    check_conditions(&conditions, &Path::new("conditions"), errors);
    assert_eq!(shown(errors), "FieldValueDuplicate conditions[99]: Duplicate value: \"c0\"");
}

#[test]
fn many_finalizers_are_compared_as_few() {
    let old: Vec<_> = (0..100).map(|i| format!("a/{i}")).collect();
    let old = Meta::parse(&format!("name=a;resourceVersion=1;deleted=x;finalizers={}", old.join(",")));
    let new = Meta::parse("name=a;resourceVersion=1;deleted=x;finalizers=a/99,a/7,b/1");
    let errors = &mut Errors::new();
    check_update(&new, &old, &Path::new("metadata"), errors);
    assert_eq!(
        shown(errors),
        "FieldValueForbidden metadata.finalizers: Forbidden: no new finalizers can be added if the object is being \
         deleted, found new finalizers []string{\"b/1\"}"
    );
}

#[test]
fn finalizers_of_builtin_kinds_have_a_domain() {
    let errors = &mut Errors::new();
    let meta = Meta::parse("finalizers=orphan,mine,foregroundDeletion,a/b,kubernetes");
    check_finalizers_of_builtin(&meta, &Path::new("metadata"), errors);
    assert_eq!(
        shown(errors),
        "FieldValueInvalid metadata.finalizers[1]: Invalid value: \"mine\": name is neither a standard finalizer name \
         nor is it fully qualified"
    );
}

#[test]
fn errors_about_one_object_are_bounded() {
    let owner = "v1|K|n|u|true|";
    let meta = Meta::parse(&format!("name=a;owners={}", vec![owner; 5000].join(",")));
    let errors = &mut Errors::new();
    check_create(&meta, Scope::Cluster, object::subdomain, &Path::new("metadata"), errors);
    assert!(errors.is_full());
    assert!(errors.len() < 10, "each shows all owners: {}", errors.len());
}
