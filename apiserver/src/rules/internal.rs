//! How messages show a struct that upstream holds in a form of its own: as JSON with the names and in the order of that
//! form's fields, all of them.

use keelson_schema::arena::Kind;
use keelson_schema::tree::{Value, View};

/// A value as such JSON.
pub(crate) fn json(view: View<'_>) -> String {
    let mut out = Vec::new();
    if let (Some(ty), Some(value)) = (view.ty(), view.value())
        && ty.kind() != Kind::Any
        && keelson_schema::json::encode_value(ty, value, &mut out).is_ok()
    {
        return String::from_utf8_lossy(&out).into_owned();
    }
    let _ = Value::Null;
    "null".into()
}
