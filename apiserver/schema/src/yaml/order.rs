//! The order of keys in written YAML: letters by code, digits by the number they form, everything else before letters.

use std::cmp::Ordering;

/// How two keys stand to each other.
pub(super) fn order(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else { return a.len().cmp(&b.len()) };
    let (x, y) = (a[at], b[at]);
    match (is_letter(x), is_letter(y)) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero that continues a number counts as a digit of it.
    let within = (x == '0' || y == '0')
        && a[..at].iter().rev().take_while(|digit| is_digit(**digit)).any(|digit| *digit != '0');
    let (number_a, end_a) = number(&a, at, within);
    let (number_b, end_b) = number(&b, at, within);
    number_a.cmp(&number_b).then(end_a.cmp(&end_b)).then(x.cmp(&y))
}

/// The number whose digits begin at `at`, and where they end.
fn number(text: &[char], at: usize, within: bool) -> (i64, usize) {
    let digits = text[at..].iter().take_while(|digit| is_digit(**digit));
    let start = i64::from(within);
    let value = digits.clone().fold(start, |sum, digit| {
        sum.wrapping_mul(10).wrapping_add(i64::from(u32::from(*digit)) - i64::from(u32::from('0')))
    });
    (value, at + digits.count())
}

fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic() || !character.is_ascii() && character.is_alphabetic()
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_rise_as_upstream_sorts_them() {
        let rising = [
            "", "#", "-x", "1", "2", "10", "A", "a", "a-b", "a.b", "a/b", "a1", "a2", "a02", "a10", "aA",
            "aa", "b", "é",
        ];
        for pair in rising.windows(2) {
            assert_eq!(order(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
    }
}
