//! An object: a tree with its type.

use super::{Fields, Value, View};
use crate::arena::handle::Handle;
use crate::arena::{Schema, TypeRef};
use crate::path::Path;

/// An object of a struct type.
#[derive(Clone, Debug)]
pub struct Object {
    schema: Schema,
    root: Fields,
}

impl Object {
    /// An object without fields.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        Self { schema, root: Fields::new() }
    }

    /// An object with these fields.
    #[must_use]
    pub fn with_root(schema: Schema, root: Fields) -> Self {
        Self { schema, root }
    }

    /// Its type and the arena's share.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Its type.
    #[must_use]
    pub fn ty(&self) -> TypeRef<'_> {
        self.schema.ty()
    }

    /// Its fields.
    #[must_use]
    pub fn root(&self) -> &Fields {
        &self.root
    }

    /// Its fields.
    pub fn root_mut(&mut self) -> &mut Fields {
        &mut self.root
    }

    /// Its fields alone.
    #[must_use]
    pub fn into_root(self) -> Fields {
        self.root
    }

    /// The object as a view, to walk by name.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::of_struct(self.ty(), &self.root)
    }

    /// What lies at `path`: `spec.containers[0].name`, `metadata.labels[app]`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.view().path(path).value()
    }

    /// The text at `path`; empty if there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or("")
    }

    /// What lies at `handle`.
    #[inline]
    #[must_use]
    pub fn at(&self, handle: &Handle) -> Option<&Value> {
        let (last, steps) = handle.steps().split_last()?;
        let mut fields = &self.root;
        for step in steps {
            fields = fields.get(*step)?.as_fields()?;
        }
        fields.get(*last)
    }

    /// What lies at `handle`.
    pub fn at_mut(&mut self, handle: &Handle) -> Option<&mut Value> {
        let (last, steps) = handle.steps().split_last()?;
        let mut fields = &mut self.root;
        for step in steps {
            fields = fields.get_mut(*step)?.as_fields_mut()?;
        }
        fields.get_mut(*last)
    }

    /// Sets what lies at `handle`, making the structs on the way. A zero that the field's Go type cannot tell from
    /// absence takes the field away instead.
    pub fn set(&mut self, handle: &Handle, value: Value) {
        let Some((last, steps)) = handle.steps().split_last() else { return };
        let (mut ty, mut fields) = (self.schema.ty(), &mut self.root);
        for step in steps {
            let Some(of) = ty.as_struct() else { return };
            ty = of.field(*step).ty();
            let value = fields.get_or_insert_with(*step, || Value::Struct(Fields::new()));
            let Some(inner) = value.as_fields_mut() else { return };
            fields = inner;
        }
        let Some(of) = ty.as_struct() else { return };
        if crate::normal::is_absent(of.field(*last), &value) {
            fields.remove(*last);
        } else {
            fields.set(*last, value);
        }
    }

    /// Takes away what lies at `handle`.
    pub fn unset(&mut self, handle: &Handle) -> Option<Value> {
        let (last, steps) = handle.steps().split_last()?;
        let mut fields = &mut self.root;
        for step in steps {
            fields = fields.get_mut(*step)?.as_fields_mut()?;
        }
        fields.remove(*last)
    }

    /// Its `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.view().field("apiVersion").text()
    }

    /// Its `kind`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.view().field("kind").text()
    }

    /// Its `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.view().field("metadata").field("name").text()
    }

    /// Its `metadata.namespace`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.view().field("metadata").field("namespace").text()
    }

    /// Calls `visit` for every value in it, outermost first, with its path and type.
    pub fn walk(&self, visit: &mut dyn FnMut(&Path<'_>, TypeRef<'_>, &Value)) {
        super::view::walk_fields(self.ty(), &self.root, None, visit);
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.ty() == other.ty() && self.root == other.root
    }
}
