//! Floating-point numbers as Go's `encoding/json` and `strconv` write them.

/// Appends a finite number: shortest digits that read back the same, exponents only below 1e-6 and from 1e21 on.
pub fn push_json(out: &mut Vec<u8>, number: f64) {
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        out.extend(exponential(number, 1).as_bytes());
    } else {
        out.extend(number.to_string().as_bytes());
    }
}

/// A number as Go's `FormatFloat(x, 'g', -1, 64)`, which YAML uses: exponents below 1e-4 and from 1e6 on.
#[must_use]
pub fn general(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude == 0.0 || (1e-4..1e6).contains(&magnitude) || !number.is_finite() {
        number.to_string()
    } else {
        exponential(number, 2)
    }
}

/// `1e+21`, with at least `digits` digits of exponent.
fn exponential(number: f64, digits: usize) -> String {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{mantissa}e{sign}{exponent:0>digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (number, json, yaml) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (1.5, "1.5", "1.5"),
            (100.0, "100", "100"),
            (1e20, "100000000000000000000", "1e+20"),
            (999_999.5, "999999.5", "999999.5"),
            (1_234_567.5, "1234567.5", "1.2345675e+06"),
            (1e21, "1e+21", "1e+21"),
            (1.5e-7, "1.5e-7", "1.5e-07"),
            (0.000_001, "0.000001", "1e-06"),
            (0.000_05, "0.00005", "5e-05"),
            (f64::MAX, "1.7976931348623157e+308", "1.7976931348623157e+308"),
        ] {
            let mut out = Vec::new();
            push_json(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), json);
            assert_eq!(general(number), yaml);
        }
    }
}
