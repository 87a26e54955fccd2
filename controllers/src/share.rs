//! Numbers that may be given as shares of a whole: `3`, or `25%`.

use serde_json::Value;

/// Which way a share is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Up,
    Down,
}

/// A number, or a share of a whole.
pub(crate) fn scaled(value: &Value, whole: i32, round: Share) -> i32 {
    let clamp = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    if let Some(number) = value.as_i64() {
        return clamp(number);
    }
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok()).unwrap_or(0);
    let product = percent * i64::from(whole);
    clamp(if round == Share::Up { (product + 99).div_euclid(100) } else { product.div_euclid(100) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_rounded_for_safety() {
        for (value, whole, up, down) in [
            (json!(3), 10, 3, 3),
            (json!("25%"), 10, 3, 2),
            (json!("25%"), 4, 1, 1),
            (json!("100%"), 7, 7, 7),
            (json!("0%"), 7, 0, 0),
            (Value::Null, 7, 0, 0),
        ] {
            assert_eq!(
                (scaled(&value, whole, Share::Up), scaled(&value, whole, Share::Down)),
                (up, down),
                "{value}"
            );
        }
    }
}
