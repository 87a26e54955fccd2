//! The rules that stand as markers in the facts, asked of an object: upstream's declarative validation.
//!
//! Upstream reports them behind what its own hand has written; where both tell of the same, only the marker is heard. A
//! list of rules says so by [`covered`]. On an update what has not changed is not asked again, so what is covered is
//! heard there after all.

use keelson_api::field::{Error, Errors, Path, Value as Shown};
use keelson_api::names::{Reasons, dns, format, label};
use keelson_schema::arena::{FieldRef, Kind, StructRef, TypeRef};
use keelson_schema::marked::{self, Rule, Together};
use keelson_schema::tree::{Fields, Object, Value, View};

use super::{internal, shown};

/// What is wrong with `new`, by markers; in the place of `old`, if there is one.
pub(crate) fn check(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let Some(of) = new.ty().as_struct().filter(|of| marked::is_ruled(of.ty())) else { return };
    let mut found = Errors::new();
    let mut asked = Asked { is_update: old.is_some(), errors: &mut found };
    asked.fields(of, new.root(), old.map(Object::root), &Path::NOWHERE);
    let is_told = |of: &Error| {
        let mut alike = found.iter().filter(|one| one.kind() == of.kind() && one.field() == of.field());
        alike.any(|one| of.is_covered() || one == of)
    };
    errors.retain(|error| !is_told(error));
    errors.extend(found);
}

/// Asks rules that markers also tell of.
pub(crate) fn covered(errors: &mut Errors, ask: impl FnOnce(&mut Errors)) {
    let mut found = Errors::new();
    ask(&mut found);
    errors.extend(found.into_iter().map(Error::covered));
}

/// One round of questions.
struct Asked<'e> {
    is_update: bool,
    errors: &'e mut Errors,
}

static NOTHING: std::sync::LazyLock<Fields> = std::sync::LazyLock::new(Fields::new);

impl Asked<'_> {
    fn fields(&mut self, of: StructRef<'_>, new: &Fields, old: Option<&Fields>, path: &Path<'_>) {
        let marked = marked::of(of.ty());
        for together in marked.map_or(&[][..], |marked| &marked.together) {
            self.together(of, together, new, old, path);
        }
        for field in of.fields() {
            let rules = marked.map_or(&[][..], |marked| marked.field(field.index));
            if !rules.is_empty() || marked::is_ruled(field.ty()) {
                let old = old.map(|old| old.get(field.index));
                self.field(field, rules, new.get(field.index), old, &path.child(field.name()));
            }
        }
    }

    /// Asks of a field. `old` is nothing where nobody knows what the struct was before.
    fn field(
        &mut self,
        field: FieldRef<'_>,
        rules: &[Rule],
        new: Option<&Value>,
        old: Option<Option<&Value>>,
        path: &Path<'_>,
    ) {
        if self.is_update && old.is_some_and(|old| is_alike(new, old)) {
            return;
        }
        let mut is_over = false;
        for rule in rules {
            is_over |= self.ends_with(field, rule, new, old.flatten(), path);
        }
        if is_over {
            return;
        }
        let value = View::new(field.ty(), new);
        for rule in rules {
            self.ask(field, rule, value, path);
        }
        self.enter(field, rules, new, old.flatten(), path);
    }

    /// Asks the rules behind which nothing else is asked. Tells whether it ends here.
    fn ends_with(
        &mut self,
        field: FieldRef<'_>,
        rule: &Rule,
        new: Option<&Value>,
        old: Option<&Value>,
        path: &Path<'_>,
    ) -> bool {
        let is_set = is_set(field, new);
        let error = match rule {
            Rule::Optional => return !is_set,
            Rule::Required if !is_set => Error::required(path, ""),
            Rule::Forbidden if is_set => Error::forbidden(path, ""),
            Rule::Still if self.is_update => return true,
            Rule::Immutable if self.is_update => Error::invalid(path, Shown::Null, super::IMMUTABLE),
            Rule::Fixed if self.is_update && is_set && old.is_some() => {
                Error::invalid(path, Shown::Null, "field cannot be modified once set")
            }
            Rule::NotSetLater if self.is_update && old.is_none() && is_set => {
                Error::invalid(path, Shown::Null, "field cannot be set once created")
            }
            Rule::NotUnset if self.is_update && old.is_some() && !is_set => {
                Error::invalid(path, Shown::Null, "field cannot be cleared once set")
            }
            Rule::MaxItems(max) => match new.map_or(0, |new| new.items().len()) {
                count if count > *max => Error::too_many(path, count, *max),
                _ => return false,
            },
            _ => return false,
        };
        self.errors.push(error);
        true
    }

    fn ask(&mut self, field: FieldRef<'_>, rule: &Rule, value: View<'_>, path: &Path<'_>) {
        let number = value.int().unwrap_or(0);
        match rule {
            Rule::Minimum(min) if number < *min => {
                self.push(path, value, format!("must be greater than or equal to {min}"));
            }
            Rule::Maximum(max) if number > *max => {
                self.push(path, value, format!("must be less than or equal to {max}"));
            }
            Rule::MaxLength(max) if value.text().chars().count() > *max => {
                self.errors.push(Error::too_long_characters(path, *max));
            }
            Rule::MaxBytes(max) if value.text().len() > *max => {
                self.errors.push(Error::too_long(path, *max));
            }
            Rule::Enum if !field.values().any(|known| known == value.text()) => {
                let mut supported: Vec<&str> = field.values().collect();
                supported.sort_unstable();
                self.errors.push(Error::not_supported(path, shown::of(value), &supported));
            }
            Rule::Format(name) => is_of_format(name, value.text(), path, self.errors),
            Rule::NameFormat(name) => {
                let text = value.field("name").text();
                if !text.is_empty() {
                    is_of_format(name, text, &path.child("name"), self.errors);
                }
            }
            Rule::EachKey(name) => {
                let keys = value.value().and_then(Value::as_map);
                for (key, _) in keys.into_iter().flat_map(|keys| keys.iter()) {
                    is_of_format(name, key, path, self.errors);
                }
            }
            Rule::EachValue(name) => {
                for (i, item) in value.items().enumerate() {
                    is_of_format(name, item.text(), &path.index(i), self.errors);
                }
            }
            Rule::Unique(keys) => self.unique(keys, value, path),
            Rule::OneItemAtMost(key, values) => self.one_at_most(key, values, value, path),
            _ => {}
        }
    }

    fn push(&mut self, path: &Path<'_>, value: View<'_>, detail: String) {
        self.errors.push(Error::invalid(path, shown::of(value), detail));
    }

    fn unique(&mut self, keys: &[&str], list: View<'_>, path: &Path<'_>) {
        for (i, item) in list.items().enumerate() {
            if self.errors.is_full() {
                return;
            }
            if (0..i).any(|before| is_same_item(keys, list.item(before), item)) {
                let shown = match item.value() {
                    Some(Value::Struct(_)) => internal::shown_written(item),
                    _ => shown::of(item),
                };
                self.errors.push(Error::duplicate(&path.index(i), shown));
            }
        }
    }

    fn one_at_most(&mut self, key: &str, values: &[&str], list: View<'_>, path: &Path<'_>) {
        let has = |value: &&&str| list.items().any(|item| item.field(key).text() == **value);
        let found: Vec<&str> = values.iter().filter(has).copied().collect();
        if found.len() > 1 {
            let field = path.to_string();
            let field = field.rsplit('.').next().unwrap_or_default();
            let members = |names: &[&str]| {
                let members = names.iter().map(|name| format!(r#"{field}[{{"{key}": "{name}"}}]"#));
                members.collect::<Vec<_>>()
            };
            let all: Vec<String> = members(values).iter().map(|name| format!("`{name}`")).collect();
            let shown = format!("{{{}}}", members(&found).join(", "));
            let words = format!("must specify at most one of: {}", all.join(", "));
            self.errors.push(Error::invalid(path, &shown, words));
        }
    }

    /// Asks of what a field holds.
    fn enter(
        &mut self,
        field: FieldRef<'_>,
        rules: &[Rule],
        new: Option<&Value>,
        old: Option<&Value>,
        path: &Path<'_>,
    ) {
        let ty = field.ty();
        if !marked::is_ruled(ty) {
            return;
        }
        if let Some(of) = ty.as_struct() {
            let new = match new {
                Some(new) => new.as_fields(),
                None => (!field.is_pointer()).then_some(&*NOTHING),
            };
            if let Some(new) = new {
                let old = match old {
                    Some(old) => old.as_fields(),
                    None => (self.is_update && !field.is_pointer()).then_some(&*NOTHING),
                };
                self.fields(of, new, old, path);
            }
            return;
        }
        let Some(of) = ty.elem().as_struct() else { return };
        if ty.kind() == Kind::Map {
            for (key, item) in new.and_then(Value::as_map).into_iter().flat_map(|entries| entries.iter()) {
                let before = old.and_then(Value::as_map).and_then(|entries| entries.get(key));
                self.item(of, item, before, &path.key(key));
            }
            return;
        }
        let keys = rules.iter().find_map(|rule| match rule {
            Rule::Unique(keys) | Rule::Correlated(keys) => Some(keys),
            _ => None,
        });
        for (i, item) in new.map_or(&[][..], Value::items).iter().enumerate() {
            let before = keys.and_then(|keys| find(ty, keys, old?, item));
            self.item(of, item, before, &path.index(i));
        }
    }

    fn item(&mut self, of: StructRef<'_>, new: &Value, old: Option<&Value>, path: &Path<'_>) {
        if self.is_update && old.is_some_and(|old| old == new) {
            return;
        }
        if let Some(new) = new.as_fields() {
            self.fields(of, new, old.and_then(Value::as_fields), path);
        }
    }

    fn together(
        &mut self,
        of: StructRef<'_>,
        rule: &Together,
        new: &Fields,
        old: Option<&Fields>,
        path: &Path<'_>,
    ) {
        let value = |fields: &Fields, name: &str| {
            let field = of.by_name(name)?;
            is_set(field, fields.get(field.index)).then_some(())
        };
        let new_view = View::of_struct(of.ty(), new);
        match rule {
            Together::Union(members) => {
                let set: Vec<&str> =
                    members.iter().copied().filter(|name| value(new, name).is_some()).collect();
                let has_changed =
                    |old: &Fields| members.iter().any(|name| value(new, name) != value(old, name));
                if self.is_update && old.is_some_and(|old| !has_changed(old)) {
                    return;
                }
                let all: Vec<String> = members.iter().map(|name| format!("`{name}`")).collect();
                let all = all.join(", ");
                match set.len() {
                    0 => {
                        let words = format!("must specify one of: {all}");
                        self.errors.push(Error::invalid(path, "", words));
                    }
                    1 => {}
                    _ => {
                        let (shown, words) = (
                            format!("{{{}}}", set.join(", ")),
                            format!("must specify exactly one of: {all}"),
                        );
                        self.errors.push(Error::invalid(path, &shown, words));
                    }
                }
            }
            Together::Mode { by, of: member, cases } => {
                let text = new_view.field(by).text();
                let is_same = |old: &Fields| {
                    let old = View::of_struct(of.ty(), old);
                    old.field(by).text() == text
                        && old.field(member).value() == new_view.field(member).value()
                };
                if self.is_update && old.is_some_and(is_same) {
                    return;
                }
                let is_there = value(new, member).is_some();
                let path = &path.child(member);
                match cases.iter().find(|(case, _)| *case == text) {
                    Some((_, true)) if !is_there => self.errors.push(Error::required(path, "")),
                    None if is_there => self.errors.push(Error::forbidden(path, "")),
                    _ => {}
                }
            }
        }
    }
}

/// Whether a field counts as there: a pointer points at something, a list or map has content, a value is not zero.
fn is_set(field: FieldRef<'_>, value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::List(items)) => !items.is_empty(),
        Some(Value::Map(entries)) => !entries.is_empty(),
        Some(value) => field.is_pointer() || !value.is_empty(),
    }
}

/// Whether two values are the same to upstream, to which a list without content is no list.
fn is_alike(new: Option<&Value>, old: Option<&Value>) -> bool {
    let content = |value: Option<&Value>| match value {
        Some(Value::List(items)) if items.is_empty() => true,
        Some(Value::Map(entries)) if entries.is_empty() => true,
        Some(Value::Null) | None => true,
        _ => false,
    };
    new == old || content(new) && content(old)
}

fn is_same_item(keys: &[&str], one: View<'_>, other: View<'_>) -> bool {
    if keys.is_empty() {
        return one.value() == other.value();
    }
    keys.iter().all(|key| one.field(key).value() == other.field(key).value())
}

fn find<'o>(list: TypeRef<'_>, keys: &[&str], old: &'o Value, item: &Value) -> Option<&'o Value> {
    let view = |value| View::new(list.elem(), Some(value));
    old.items().iter().find(|before| is_same_item(keys, view(before), view(item)))
}

fn is_of_format(name: &str, text: &str, path: &Path<'_>, errors: &mut Errors) {
    let rule: fn(&str) -> Reasons = match name {
        "k8s-short-name" => dns::short_name,
        "k8s-long-name" => dns::long_name,
        "k8s-long-name-caseless" => dns::long_name_any_case,
        "k8s-label-key" => label::key,
        "k8s-prefixed-label-key" => label::prefixed_key,
        "k8s-uuid" => return format::uuid(path, text, errors),
        "k8s-resource-pool-name" => return format::resource_pool_name(path, text, errors),
        "k8s-extended-resource-name" => return format::extended_resource_name(path, text, errors),
        "k8s-resource-fully-qualified-name" => {
            return format::resource_fully_qualified_name(path, text, errors);
        }
        other => return errors.push(Error::internal(path, format_args!("no format {other}"))),
    };
    errors.push_invalid(path, text, rule(text));
}
