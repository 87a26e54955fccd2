//! Server-side apply: an applied configuration over an object, and who owns what afterwards.

use super::compare::compare;
use super::conflict::Conflicts;
use super::last_applied;
use super::managed::{self, Entry, Identity, Managed, ManagedError, Operation};
use super::merge::merge;
use super::node::{Node, Ty, same};
use super::owners::{Change, Changes, reconcile, strip};
use super::paths::owned;
use super::prune::{Typed, prune};
use super::record::{UpdateError, drop_empty, foreign, record};
use super::typed;
use super::validate::{validate, validate_decoded};
use super::{Target, Writer};
use crate::arena::Schema;
use crate::json::Gvk;
use crate::tree::{Fields, Object, Value};

/// What somebody applies: an object as far as they have an opinion about it, as its JSON stands there.
#[derive(Clone, Debug)]
pub struct Configuration {
    value: Value,
    schema: Schema,
}

/// Why a configuration was not applied. Shown, it is the status's message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// Somebody else owns fields with other values.
    #[error("{0}")]
    Conflict(Conflicts),
    /// The configuration is not for here, code 400.
    #[error("{0}")]
    BadRequest(String),
    /// The configuration cannot be merged; upstream answers 500.
    #[error("{0}")]
    Internal(String),
}

impl From<UpdateError> for ApplyError {
    fn from(error: UpdateError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl Configuration {
    /// The configuration `value`, free JSON that is to become an object of type `schema`.
    #[must_use]
    pub fn new(value: Value, schema: Schema) -> Self {
        Self { value, schema }
    }

    fn ty(&self) -> Ty<'_> {
        Ty::of(self.schema.ty())
    }

    fn text(&self, name: &str) -> &str {
        self.value.as_map().and_then(|map| map.get(name)).and_then(Value::as_str).unwrap_or("")
    }

    fn metadata(&self, name: &str) -> Option<&Value> {
        self.value.as_map()?.get("metadata")?.as_map()?.get(name)
    }

    /// Name and kind as messages show them: `default/web; apps/v1, Kind=Deployment`.
    fn title(&self, gvk: &str) -> String {
        let text = |name| self.metadata(name).and_then(Value::as_str).unwrap_or("");
        format!("{}/{}; {gvk}", text("namespace"), text("name"))
    }

    /// Whether it is for the target; its kind as messages show it.
    fn check(&self, target: &Target<'_>) -> Result<String, ApplyError> {
        let gvk = Gvk::new(self.text("apiVersion"), self.text("kind")).unwrap_or_default();
        let shown = shown(&gvk.api_version(), &gvk.kind);
        if self.text("apiVersion") != target.api_version || gvk.kind != target.kind {
            return Err(ApplyError::BadRequest(format!("invalid object type: {shown}")));
        }
        let listed =
            matches!(self.metadata("managedFields"), Some(Value::List(items)) if items.iter().all(is_map));
        if listed {
            return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
        }
        let fits = validate(self.ty(), Node::of(None, &self.value), false);
        fits.map_err(|invalid| {
            ApplyError::Internal(format!(
                "failed to create typed patch object ({}): {invalid}",
                self.title(&shown)
            ))
        })?;
        Ok(shown)
    }
}

/// Applies `config` to `live`; `None` stands for an object that does not exist yet, and is then created.
///
/// The result has not been defaulted; ownership is recorded in it. `None` is returned where there is nothing to write:
/// object and owners are as they were. `force` takes over what others own.
///
/// # Errors
/// If others own fields with other values, or the configuration does not fit.
pub fn apply(
    live: Option<&Object>,
    config: &Configuration,
    writer: &Writer<'_>,
    force: bool,
    target: &Target<'_>,
) -> Result<Option<Object>, ApplyError> {
    let managed = live.map(Managed::stored).transpose().map_err(|error: ManagedError| {
        ApplyError::Internal(format!("failed to decode managed fields: {error}"))
    })?;
    let managed = managed.unwrap_or_default();
    let mut bare = live.cloned().unwrap_or_else(|| nothing(config, target));
    let kept = managed::take(&mut bare);
    let apply = Apply { exists: live.is_some(), live: &bare, config, writer, target };
    let mut outcome = apply.run(managed.clone(), force);
    let migrates = writer.manager == last_applied::MANAGER;
    if migrates && let Err(ApplyError::Conflict(conflicts)) = &outcome {
        outcome = match last_applied::allowed(&bare, &config.schema, target.api_version) {
            None => outcome,
            Some(allowed) => match conflicts.without(&allowed) {
                rest if rest.0.is_empty() => apply.run(managed, true),
                rest => Err(ApplyError::Conflict(rest)),
            },
        };
    }
    let (merged, managed) = outcome?;
    let unchanged = merged.is_none();
    let mut object = merged.unwrap_or_else(|| bare.clone());
    let annotated = migrates && last_applied::renew(&mut object, &config.value, config.schema.ty());
    managed.write(&mut object);
    if unchanged && !annotated && live.is_some() && managed::list(&object).value() == kept.as_ref() {
        return Ok(None);
    }
    Ok(Some(object))
}

/// The object before it is created: of its kind, and nothing else.
fn nothing(config: &Configuration, target: &Target<'_>) -> Object {
    let mut fields = Fields::new();
    if let Some(of) = config.schema.ty().as_struct() {
        for (name, value) in [("kind", target.kind), ("apiVersion", target.api_version)] {
            if let Some(index) = of.index_of(name) {
                fields.set(index, Value::from(value));
            }
        }
    }
    Object::with_root(config.schema.clone(), fields)
}

struct Apply<'a> {
    exists: bool,
    /// Without its managed fields.
    live: &'a Object,
    config: &'a Configuration,
    writer: &'a Writer<'a>,
    target: &'a Target<'a>,
}

impl Apply<'_> {
    /// The new object, unless it is as it was, and the new owners.
    fn run(&self, mut managed: Managed, force: bool) -> Result<(Option<Object>, Managed), ApplyError> {
        if managed.entries.is_empty() && self.exists {
            self.found(&mut managed)?;
        }
        let gvk = self.config.check(self.target)?;
        validate_decoded(self.config.ty(), self.live()).map_err(|invalid| {
            let title = format!("{}/{}; {gvk}", self.live.namespace(), self.live.name());
            ApplyError::Internal(format!("failed to create typed live object ({title}): {invalid}"))
        })?;
        let foreign = |entry: &Entry| *entry.identity.api_version != *self.target.api_version;
        if managed.entries.iter().any(foreign) {
            managed.entries.iter_mut().for_each(Entry::read);
            reconcile(&mut managed, self.live, self.target)?;
        }
        let identity = self.target.identity(self.writer.manager, Operation::Apply);
        let last = managed.get_mut(&identity).map(|entry| {
            entry.set_mut(self.config.schema.ty());
            entry.clone()
        });
        let merged = self.merge(&mut managed, &identity, last.as_ref())?;
        let idle = self.settle(&mut managed, &identity, &merged, force)?;

        // Where no field is different, items may still stand in another order.
        let unchanged = idle && same(self.config.ty(), self.live(), Node::of(None, &merged.value));
        if let Some(entry) = managed.get_mut(&identity) {
            let time = if unchanged { last.and_then(|last| last.time) } else { Some(self.writer.time()) };
            entry.time = time;
            strip(entry.set_mut(self.config.schema.ty()));
        }
        drop_empty(&mut managed);
        let object = if unchanged { None } else { Some(self.object(merged.value, &gvk)?) };
        Ok((object, managed))
    }

    fn live(&self) -> Node<'_> {
        let of = self.live.ty().as_struct();
        of.map_or(Node::Null, |of| Node::Struct(of, self.live.root().entries()))
    }

    /// An object that nobody owns anything of belongs to whoever made it.
    fn found(&self, managed: &mut Managed) -> Result<(), ApplyError> {
        let writer = Writer { manager: "before-first-apply", ..*self.writer };
        let recorded = record(managed, None, self.live, &writer, self.target);
        recorded.map(drop).map_err(|error| {
            ApplyError::Internal(format!("failed to create manager for existing fields: {error}"))
        })
    }

    /// The merged object, without what the applier has given up; the applier's entry becomes what it applies now.
    fn merge(
        &self,
        managed: &mut Managed,
        identity: &Identity,
        last: Option<&Entry>,
    ) -> Result<Typed, ApplyError> {
        let (ty, config) = (self.config.ty(), Node::of(None, &self.config.value));
        let failed = |invalid| ApplyError::Internal(format!("failed to merge config: {invalid}"));
        let value = merge(ty, self.live(), config).map_err(failed)?;
        let set = owned(ty, config);
        let set = match self.target.filter(self.target.api_version) {
            Some(filter) => filter.keep(set),
            None => set,
        };
        managed.entries.retain(|entry| !entry.identity.is(identity));
        managed.entries.push(Entry::new(identity.clone(), None, set));
        let merged = Typed {
            value,
            schema: self.config.schema.clone(),
            version: self.target.api_version.into(),
            kind: self.target.kind.into(),
        };
        match last {
            None => Ok(merged),
            Some(last) => prune(merged, managed, last, self.target),
        }
    }

    /// Takes from the others what the merged object has different, if they let it go. Whether nothing is.
    fn settle(
        &self,
        managed: &mut Managed,
        identity: &Identity,
        merged: &Typed,
        force: bool,
    ) -> Result<bool, ApplyError> {
        let invalid = |invalid| ApplyError::Internal(format!("failed to compare objects: {invalid}"));
        let comparison = compare(self.config.ty(), self.live(), Node::of(None, &merged.value), false);
        let comparison = comparison.map_err(invalid)?;
        let idle = comparison.is_empty();
        let comparison = comparison.filtered(self.target.filter(self.target.api_version));
        let foreign = |version: &str| {
            let wrong = |error| UpdateError::Convert(format!("failed to convert new object: {error}"));
            let new = merged.object().map_err(wrong)?;
            foreign(self.live, &new, self.target, version)
        };
        let change = Change::new(comparison, self.config.schema.clone());
        let mut changes = Changes::new(self.target.api_version, change, idle, &foreign);
        let others = || |entry: &&mut Entry| !entry.identity.is(identity);
        if !force {
            let mut conflicts = Vec::new();
            for entry in managed.entries.iter_mut().filter(others()) {
                let set = changes.conflict(entry)?;
                if !set.is_empty() {
                    conflicts.push((entry.identity.clone(), set));
                }
            }
            if !conflicts.is_empty() {
                return Err(ApplyError::Conflict(Conflicts::of(conflicts)));
            }
        }
        for entry in managed.entries.iter_mut().filter(others()) {
            changes.release(entry)?;
        }
        drop_empty(managed);
        Ok(idle)
    }

    /// The merged value as an object.
    fn object(&self, value: Value, gvk: &str) -> Result<Object, ApplyError> {
        typed::object(value, &self.config.schema, gvk).map_err(|error| {
            let title = self.config.title(gvk);
            ApplyError::Internal(format!("failed to convert new object ({title}) to proper version: {error}"))
        })
    }
}

fn is_map(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

/// A version and kind as messages show them: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`.
pub(super) fn shown(api_version: &str, kind: &str) -> String {
    let core = if api_version.contains('/') { "" } else { "/" };
    format!("{core}{api_version}, Kind={kind}")
}
