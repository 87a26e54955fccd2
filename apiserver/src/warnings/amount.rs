//! Amounts of bytes that are not whole.

use keelson_schema::tree::View;

use crate::defaults::quantity::amount;

/// Warns of a resource in a list of amounts.
pub(crate) fn of_bytes(list: View<'_>, resource: &str, path: &str, warnings: &mut Vec<String>) {
    let quantity = list.key(resource);
    if quantity.value().is_some() && amount(quantity).milli_value() % 1000 != 0 {
        let text = quantity.text();
        warnings.push(format!(
            "{path}[{resource}]: fractional byte value {text:?} is invalid, must be an integer"
        ));
    }
}

/// Warns of what a claim for storage asks for; `spec` is the claim's.
pub(crate) fn of_claim(spec: View<'_>, path: &str, warnings: &mut Vec<String>) {
    for list in ["requests", "limits"] {
        let amounts = spec.field("resources").field(list);
        of_bytes(amounts, "storage", &format!("{path}.resources.{list}"), warnings);
    }
}
