//! Which built-in types may hold JSON that is kept as it came: in those, a rewritten text shows.

use std::sync::OnceLock;

use crate::arena::{Kind, TypeRef, builtin};

/// Whether values of this type may hold such JSON, field sets aside.
pub(super) fn keeps_json(ty: TypeRef<'_>) -> bool {
    static KEEPING: OnceLock<Box<[bool]>> = OnceLock::new();
    // Schemas hold defaults.
    look(ty, &KEEPING, |kind| {
        matches!(
            kind,
            Kind::Raw | Kind::Json | Kind::SchemaOrBool | Kind::SchemaOrArray | Kind::SchemaOrStrings
        )
    })
}

/// Whether values of this type may hold sets of managed fields.
pub(super) fn keeps_fields(ty: TypeRef<'_>) -> bool {
    static KEEPING: OnceLock<Box<[bool]>> = OnceLock::new();
    look(ty, &KEEPING, |kind| kind == Kind::FieldsV1)
}

fn look(ty: TypeRef<'_>, keeping: &OnceLock<Box<[bool]>>, keeps: fn(Kind) -> bool) -> bool {
    // Custom resources hold values, all of them.
    if ty.arena().is_untyped() {
        return false;
    }
    match ty.kind() {
        kind if keeps(kind) => true,
        Kind::Struct | Kind::List | Kind::Map if std::ptr::eq(ty.arena(), builtin()) => {
            keeping.get_or_init(|| reaching(keeps))[usize::from(ty.id())]
        }
        _ => false,
    }
}

/// Which built-in types are, or lead to, one that keeps JSON.
fn reaching(keeps: fn(Kind) -> bool) -> Box<[bool]> {
    let arena = builtin();
    let mut reaching: Vec<bool> = arena.types().map(|ty| keeps(ty.kind())).collect();
    loop {
        let mut grew = false;
        for ty in arena.types() {
            let holds = |inner: TypeRef<'_>| reaching[usize::from(inner.id())];
            let found = match ty.as_struct() {
                Some(of) => of.fields().any(|field| holds(field.ty())),
                None => matches!(ty.kind(), Kind::List | Kind::Map) && holds(ty.elem()),
            };
            if found && !holds(ty) {
                reaching[usize::from(ty.id())] = true;
                grew = true;
            }
        }
        if !grew {
            return reaching.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_json_is_found_from_afar() {
        for (name, json, fields) in [
            ("io.k8s.api.core.v1.Container", false, false),
            ("io.k8s.api.core.v1.Pod", false, true),
            ("io.k8s.api.apps.v1.ControllerRevision", true, true),
            (
                "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec",
                true,
                false,
            ),
            ("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", false, true),
        ] {
            let ty = builtin().by_name(name).unwrap();
            assert_eq!((keeps_json(ty), keeps_fields(ty)), (json, fields), "{name}");
        }
    }
}
