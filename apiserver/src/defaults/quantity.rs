//! Amounts in objects: lists of resources and their quantities.

use keelson_api::quantity::Quantity;
use keelson_schema::tree::{Entries, Value, View};

use crate::edit::Edit;

/// Rounds the amounts of a resource list up to thousandths, finer ones being unknown to the rest of the system.
pub(crate) fn round_up(of: &mut Edit<'_>, name: &str) {
    let Some(list) = of.get_mut(name).and_then(Value::as_map_mut) else { return };
    for (_, value) in list.iter_mut() {
        if let Some(rounded) = value.as_str().filter(|text| may_be_finer(text)).and_then(rounded) {
            *value = Value::from(rounded.as_str());
        }
    }
}

/// Does that for the limits and requests of a `ResourceRequirements`.
pub(crate) fn round_up_requirements(of: &mut Edit<'_>, name: &str) {
    if let Some(mut requirements) = of.part(name) {
        round_up(&mut requirements, "limits");
        round_up(&mut requirements, "requests");
    }
}

/// Whether a canonical text can be an amount of less than a thousandth; a cheap look, for most are not.
fn may_be_finer(text: &str) -> bool {
    text.ends_with(['n', 'u']) || text.contains("e-")
}

fn rounded(text: &str) -> Option<String> {
    let quantity: Quantity = text.parse().ok()?;
    Some(Quantity::from_milli(quantity.milli_value(), quantity.format()).to_string())
}

/// Enters into `list` what `others` has and it has not.
pub(crate) fn fill(list: &mut Entries, others: &Entries) {
    for (name, amount) in others.iter() {
        if list.get(name).is_none() {
            list.set(name, amount.clone());
        }
    }
}

/// The amount that stands there; zero if there is none, or what stands there is no amount.
pub(crate) fn amount(view: View<'_>) -> Quantity {
    view.text().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_up_to_thousandths() {
        let cases = [("1500n", "1m"), ("100u", "1m"), ("1m", "1m"), ("1500u", "2m"), ("1e-6", "1e-3")];
        for (text, expected) in cases {
            assert_eq!(rounded(text).unwrap(), expected, "{text}");
        }
        assert!(["1", "100m", "1Gi", "1e3"].iter().all(|text| !may_be_finer(text)));
    }
}
