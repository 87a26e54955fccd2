//! How messages show a value: by the Go type that upstream has given it.

use keelson_api::field::Value as Shown;
use keelson_schema::arena::Kind;
use keelson_schema::tree::{Value, View};

use super::internal;

/// The value as it is shown. Numbers and truths that are absent are shown as zero, as they are upstream if they are no
/// pointers.
pub(crate) fn of(view: View<'_>) -> Shown<'_> {
    let Some(ty) = view.ty() else { return Shown::Null };
    match (ty.kind(), view.value()) {
        (Kind::Bool, _) => Shown::Bool(view.is_true()),
        (Kind::Int32 | Kind::Int64, _) => Shown::Int(view.int().unwrap_or(0)),
        (Kind::Float64, Some(Value::Float(number))) => Shown::Float(*number),
        (Kind::String, _) if ty.go() == "string" => Shown::Text(view.text()),
        (Kind::String, _) => Shown::Named(view.text()),
        (Kind::Quantity, _) => Shown::Text(view.text()),
        (_, None) => Shown::Null,
        (_, Some(_)) => Shown::Json(internal::json(view).into()),
    }
}
