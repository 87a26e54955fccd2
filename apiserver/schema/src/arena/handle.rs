//! Handles: paths through nested structs, resolved once. A hook that asks for `spec.nodeName` a thousand times a
//! second looks names up when it is built, not when it runs.

use super::{TypeRef, builtin};

/// How many structs a handle may pass through.
const DEPTH_MAX: usize = 8;

/// A path of fields from one struct type, such as `spec.template.spec.nodeName` from a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    steps: [u16; DEPTH_MAX],
    len: u8,
}

impl Handle {
    /// The path in `ty`, fields parted by points; `None` if there is no such field.
    #[must_use]
    pub fn resolve(ty: TypeRef<'_>, path: &str) -> Option<Self> {
        let mut handle = Self { steps: [0; DEPTH_MAX], len: 0 };
        let mut ty = ty;
        for name in path.split('.') {
            let field = ty.as_struct()?.by_name(name)?;
            *handle.steps.get_mut(usize::from(handle.len))? = field.index;
            handle.len += 1;
            ty = field.ty();
        }
        Some(handle)
    }

    /// The path in the built-in type called `name`.
    ///
    /// # Panics
    /// If there is no such type or field: a handle is a constant of the program, so that is a mistake in it.
    #[must_use]
    pub fn builtin(name: &str, path: &str) -> Self {
        let ty = builtin().by_name(name);
        ty.and_then(|ty| Self::resolve(ty, path)).unwrap_or_else(|| panic!("no field {path} in {name}"))
    }

    /// The fields' indices, outermost first.
    #[inline]
    #[must_use]
    pub fn steps(&self) -> &[u16] {
        &self.steps[..usize::from(self.len)]
    }
}
