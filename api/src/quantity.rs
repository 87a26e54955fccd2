//! Quantities: fixed-point amounts of a resource, written `100m`, `1536Mi` or `12e6`.
//!
//! Parsing, canonical text and arithmetic follow `resource.Quantity` of Kubernetes, oddities included, because a
//! quantity's text is compared byte for byte by clients: a text that is already canonical (and some that are nearly
//! so) is kept as typed, every other one is rewritten. An amount that fits is an `i64` with a power of ten; anything
//! larger or finer falls back to decimal digits.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The family of suffixes a quantity was written with and is written back in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `12e6`
    DecimalExponent,
    /// `12Mi`
    BinarySI,
    /// `12M`
    #[default]
    DecimalSI,
}

/// Why a text is no quantity; the words are upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// The text does not look like a number with a suffix.
    Format,
    /// The number in front of the suffix is none.
    Numeric,
    /// The suffix is unknown.
    Suffix,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => {
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            }
            Self::Numeric => "unable to parse numeric part of quantity",
            Self::Suffix => "unable to parse quantity's suffix",
        })
    }
}

impl std::error::Error for QuantityError {}

/// An amount with the format it is shown in.
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    amount: Amount,
    format: Format,
    /// The text as typed, where upstream shows that one again.
    typed: Option<Box<str>>,
}

/// Amounts are `value * 10^exponent`.
#[derive(Clone, Debug)]
enum Amount {
    Small { value: i64, exponent: i32 },
    Large(Box<Decimal>),
}

impl Default for Amount {
    fn default() -> Self {
        Self::Small { value: 0, exponent: 0 }
    }
}

/// Digits of any length: `±digits * 10^exponent`. No leading zero; zero has no digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i32,
}

/// Amounts further apart than this many digits are not added exactly: the smaller one is left out. It bounds the
/// memory that `1e2000000000` can claim.
const ADD_DIGITS_MAX: i64 = 4096;

const NANO: i32 = -9;

impl Quantity {
    /// `value` whole units.
    #[must_use]
    pub fn new(value: i64, format: Format) -> Self {
        Self { amount: Amount::Small { value, exponent: 0 }, format, typed: None }
    }

    /// `value` thousandths.
    #[must_use]
    pub fn from_milli(value: i64, format: Format) -> Self {
        Self { amount: Amount::Small { value, exponent: -3 }, format, typed: None }
    }

    /// How it is written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match &self.amount {
            Amount::Small { value, .. } => *value == 0,
            Amount::Large(decimal) => decimal.digits.is_empty(),
        }
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        match &self.amount {
            Amount::Small { value, .. } => *value < 0,
            Amount::Large(decimal) => decimal.negative && !decimal.digits.is_empty(),
        }
    }

    /// Whole units, rounded away from zero.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.scaled(0)
    }

    /// Thousandths, rounded away from zero. Amounts too large for that overflow as upstream's do: check `value` first.
    #[must_use]
    pub fn milli_value(&self) -> i64 {
        self.scaled(-3)
    }

    /// Units of `10^exponent`, rounded up.
    #[must_use]
    pub fn scaled(&self, exponent: i32) -> i64 {
        match &self.amount {
            Amount::Small { value, exponent: own } if *own < exponent => round_away(*value, exponent - own),
            Amount::Small { value, exponent: own } => overflowing_up(*value, own - exponent),
            Amount::Large(decimal) => decimal.scaled(exponent),
        }
    }

    /// The sum; a zero takes over the other's format.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        if let (Amount::Small { value: a, exponent: i }, Amount::Small { value: b, exponent: j }) =
            (&self.amount, &other.amount)
            && let Some(amount) = add_small(*a, *i, *b, *j)
        {
            return Self { amount, format, typed: None };
        }
        let sum = self.decimal().plus(&other.decimal());
        Self { amount: Amount::Large(Box::new(sum)), format, typed: None }
    }

    /// The difference; a zero takes over the other's format.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    /// The same amount below zero.
    #[must_use]
    pub fn negated(&self) -> Self {
        let amount = match &self.amount {
            Amount::Small { value: i64::MIN, .. } => {
                Amount::Large(Box::new(Decimal { negative: false, ..self.decimal() }))
            }
            Amount::Small { value, exponent } => Amount::Small { value: -value, exponent: *exponent },
            Amount::Large(decimal) => {
                Amount::Large(Box::new(Decimal { negative: !decimal.negative, ..(**decimal).clone() }))
            }
        };
        Self { amount, format: self.format, typed: None }
    }

    fn decimal(&self) -> Decimal {
        match &self.amount {
            Amount::Small { value, exponent } => Decimal::from_small(*value, *exponent),
            Amount::Large(decimal) => (**decimal).clone(),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.amount, &other.amount) {
            (Amount::Small { value: a, exponent: i }, Amount::Small { value: b, exponent: j }) if i == j => {
                a.cmp(b)
            }
            _ => self.decimal().compare(&other.decimal()),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.typed {
            Some(text) => f.write_str(text),
            None => f.write_str(&canonical(&self.decimal(), self.format)),
        }
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Format);
        }
        if text == "0" {
            return Ok(Self { typed: Some("0".into()), ..Self::default() });
        }
        let parts = split(text)?;
        let suffix = suffix(parts.suffix).ok_or(QuantityError::Suffix)?;
        match parse_small(text, &parts, suffix)? {
            Some(quantity) => Ok(quantity),
            None => parse_large(&parts, suffix),
        }
    }
}

/// The canonical text of a quantity, or `None` where `text` already is it.
///
/// # Errors
/// If `text` is no quantity.
pub fn rewrite(text: &str) -> Result<Option<String>, QuantityError> {
    if is_plainly_canonical(text.as_bytes()) {
        return Ok(None);
    }
    let quantity: Quantity = text.parse()?;
    if quantity.typed.is_some() {
        return Ok(None);
    }
    let shown = quantity.to_string();
    Ok((shown != text).then_some(shown))
}

/// Recognizes, without much arithmetic, the canonical texts that make up nearly all quantities in use: a few digits, the
/// first not zero, behind them at most one of the common suffixes.
fn is_plainly_canonical(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || text[0] == b'0' {
        return false;
    }
    match &text[digits..] {
        // Three zeros are a suffix to be.
        b"" | b"m" | b"k" | b"M" | b"G" => digits <= 9 && !text[..digits].ends_with(b"000"),
        b"Ki" | b"Mi" | b"Gi" => {
            let number = text[..digits].iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
            digits <= 5 && number % 1024 != 0
        }
        _ => false,
    }
}

/// A quantity's text taken apart.
struct Parts<'a> {
    negative: bool,
    /// Sign and number, in front of the suffix.
    value: &'a str,
    /// The digits in front of the point, without leading zeros; at least one.
    whole: &'a str,
    /// The digits behind the point.
    fraction: &'a str,
    suffix: &'a str,
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    let bytes = text.as_bytes();
    let digits_from =
        |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let signed = matches!(bytes[0], b'+' | b'-');
    let mut parts = Parts { negative: bytes[0] == b'-', value: "0", whole: "0", fraction: "", suffix: "" };
    let start = usize::from(signed);
    let start = start + bytes[start..].iter().take_while(|byte| **byte == b'0').count();
    if start == bytes.len() {
        return Ok(parts);
    }
    let mut at = digits_from(start);
    if at > start {
        parts.whole = &text[start..at];
    }
    if at < bytes.len() && bytes[at] == b'.' {
        let end = digits_from(at + 1);
        parts.fraction = &text[at + 1..end];
        at = end;
    }
    parts.value = &text[..at];
    let suffix = at;
    at += bytes[at..].iter().take_while(|byte| b"eEinumkKMGTP".contains(byte)).count();
    if at < bytes.len() && matches!(bytes[at], b'+' | b'-') && at < bytes.len() {
        at += 1;
    }
    if digits_from(at) != bytes.len() {
        return Err(QuantityError::Format);
    }
    parts.suffix = &text[suffix..];
    Ok(parts)
}

#[derive(Clone, Copy)]
struct Suffix {
    binary: bool,
    exponent: i32,
    format: Format,
}

const DECIMAL: [(&str, i32); 10] =
    [("", 0), ("n", -9), ("u", -6), ("m", -3), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY: [(&str, i32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

fn suffix(text: &str) -> Option<Suffix> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == text) {
        return Some(Suffix { binary: false, exponent: *exponent, format: Format::DecimalSI });
    }
    if let Some((_, exponent)) = BINARY.iter().find(|(name, _)| *name == text) {
        return Some(Suffix { binary: true, exponent: *exponent, format: Format::BinarySI });
    }
    let exponent: i64 = text.strip_prefix(['e', 'E'])?.parse().ok()?;
    // Upstream keeps the low 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "as upstream")]
    Some(Suffix { binary: false, exponent: exponent as i32, format: Format::DecimalExponent })
}

fn parse_small(text: &str, parts: &Parts<'_>, suffix: Suffix) -> Result<Option<Quantity>, QuantityError> {
    let digits = parts.whole.len() + parts.fraction.len();
    let fits = if !suffix.binary {
        digits <= 18
    } else {
        let taken = usize::try_from(suffix.exponent * 3 / 10).unwrap_or(usize::MAX);
        parts.fraction.is_empty() && parts.whole.len() + taken < 15
    };
    if !fits {
        return Ok(None);
    }
    let (multiplier, exponent) =
        if suffix.binary { (1_i64 << suffix.exponent, 0) } else { (1, suffix.exponent) };
    let Some(exponent) = exponent.checked_sub(i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX)) else {
        return Ok(None);
    };
    if exponent < NANO {
        return Ok(None);
    }
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let bare: i64 = digits.parse().map_err(|_| QuantityError::Numeric)?;
    let Some(value) = bare.checked_mul(multiplier) else { return Ok(None) };
    let keep = if suffix.binary {
        bare & 7 != 0
    } else {
        exponent % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0')
    };
    let value = if parts.negative { -value } else { value };
    let typed = keep.then(|| text.into());
    Ok(Some(Quantity { amount: Amount::Small { value, exponent }, format: suffix.format, typed }))
}

fn parse_large(parts: &Parts<'_>, suffix: Suffix) -> Result<Quantity, QuantityError> {
    if !parts.value.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(QuantityError::Numeric);
    }
    let digits = format!("{}{}", parts.whole, parts.fraction);
    let fraction = i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX);
    let mut amount = Decimal { negative: false, digits: Vec::new(), exponent: fraction.saturating_neg() };
    amount.digits = digits.trim_start_matches('0').bytes().map(|byte| byte - b'0').collect();
    if suffix.binary {
        amount.multiply(1 << suffix.exponent);
    } else {
        amount.exponent = amount.exponent.saturating_add(suffix.exponent);
    }
    amount.round_up_to(NANO);
    let mut format = suffix.format;
    if format == Format::BinarySI {
        let cap = Decimal::from_small(i64::MAX, 0);
        if amount.compare(&cap) == Ordering::Greater {
            amount = cap;
        }
        if !amount.digits.is_empty() && amount.compare(&Decimal::from_small(1, 0)) == Ordering::Less {
            format = Format::DecimalSI;
        }
    }
    amount.negative = parts.negative;
    Ok(Quantity { amount: Amount::Large(Box::new(amount)), format, typed: None })
}

fn canonical(amount: &Decimal, format: Format) -> String {
    if amount.digits.is_empty() {
        return "0".to_owned();
    }
    let sign = if amount.negative { "-" } else { "" };
    if format == Format::BinarySI {
        let magnitude = Decimal { negative: false, ..amount.clone() };
        let small = magnitude.compare(&Decimal::from_small(1024, 0)) == Ordering::Less;
        if !small && let Some(whole) = magnitude.whole() {
            let (number, power) = divide_out(whole, 1024);
            let suffix =
                BINARY.iter().find(|(_, exponent)| *exponent == power * 10).map_or("", |(name, _)| name);
            return format!("{sign}{number}{suffix}");
        }
    }
    let trailing = amount.digits.iter().rev().take_while(|digit| **digit == 0).count();
    let kept = &amount.digits[..amount.digits.len() - trailing];
    let exponent = amount.exponent.saturating_add(i32::try_from(trailing).unwrap_or(i32::MAX));
    let zeros = exponent.rem_euclid(3);
    let exponent = exponent - zeros;
    let suffix = match format {
        Format::DecimalExponent if exponent == 0 => String::new(),
        Format::DecimalExponent => format!("e{exponent}"),
        _ => DECIMAL
            .iter()
            .find(|(_, known)| *known == exponent)
            .map_or_else(String::new, |(name, _)| (*name).to_owned()),
    };
    let number: String = kept.iter().map(|digit| char::from(b'0' + digit)).collect();
    format!("{sign}{number}{}{suffix}", &"00"[..usize::try_from(zeros).unwrap_or(0)])
}

fn divide_out(mut number: u128, factor: u128) -> (u128, i32) {
    let mut times = 0;
    while number >= factor && number.is_multiple_of(factor) {
        number /= factor;
        times += 1;
    }
    (number, times)
}

fn shift_up(value: i64, digits: i32) -> Option<i64> {
    if value == 0 {
        return Some(0);
    }
    value.checked_mul(10_i64.checked_pow(u32::try_from(digits).ok()?)?)
}

/// Multiplies by `10^digits`. What does not fit wraps around for the usual powers and is zero for the others, because
/// upstream's does.
fn overflowing_up(value: i64, digits: i32) -> i64 {
    shift_up(value, digits).unwrap_or_else(|| match digits {
        1..=3 | 6 | 9 if value != i64::MIN => value.wrapping_mul(10_i64.pow(digits.unsigned_abs())),
        _ => 0,
    })
}

/// Divides by `10^digits`, away from zero.
fn round_away(value: i64, digits: i32) -> i64 {
    match u32::try_from(digits).ok().and_then(|digits| 10_i64.checked_pow(digits)) {
        Some(divisor) => value / divisor + (value % divisor).signum(),
        None => value.signum(),
    }
}

fn add_small(a: i64, i: i32, b: i64, j: i32) -> Option<Amount> {
    if b == 0 {
        return Some(Amount::Small { value: a, exponent: i });
    }
    if a == 0 {
        return Some(Amount::Small { value: b, exponent: j });
    }
    let exponent = i.min(j);
    let value = shift_up(a, i - exponent)?.checked_add(shift_up(b, j - exponent)?)?;
    Some(Amount::Small { value, exponent })
}

impl Decimal {
    fn from_small(value: i64, exponent: i32) -> Self {
        let digits = if value == 0 {
            Vec::new()
        } else {
            value.unsigned_abs().to_string().bytes().map(|byte| byte - b'0').collect()
        };
        Self { negative: value < 0, digits, exponent }
    }

    /// Multiplies the digits by `factor`.
    fn multiply(&mut self, factor: u64) {
        let mut carry: u128 = 0;
        for digit in self.digits.iter_mut().rev() {
            carry += u128::from(*digit) * u128::from(factor);
            *digit = u8::try_from(carry % 10).unwrap_or(0);
            carry /= 10;
        }
        let mut front = Vec::new();
        while carry > 0 {
            front.push(u8::try_from(carry % 10).unwrap_or(0));
            carry /= 10;
        }
        self.digits.splice(0..0, front.into_iter().rev());
    }

    /// Rounds away from zero to a multiple of `10^exponent`, and counts in those unless that takes too many digits.
    fn round_up_to(&mut self, exponent: i32) {
        if self.digits.is_empty() {
            return;
        }
        if self.exponent >= exponent {
            let more = i64::from(self.exponent) - i64::from(exponent);
            if more <= ADD_DIGITS_MAX {
                self.digits.resize(self.digits.len() + usize::try_from(more).unwrap_or(0), 0);
                self.exponent = exponent;
            }
            return;
        }
        let cut = usize::try_from(i64::from(exponent) - i64::from(self.exponent)).unwrap_or(usize::MAX);
        let kept = self.digits.len().saturating_sub(cut);
        let lost = self.digits[kept..].iter().any(|digit| *digit != 0);
        self.digits.truncate(kept);
        self.exponent = exponent;
        if lost {
            self.increment();
        }
    }

    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.digits.insert(0, 1);
    }

    /// The place in front of the first digit, as a power of ten.
    fn top(&self) -> i64 {
        i64::from(self.exponent) + i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |decimal: &Self| match (decimal.digits.is_empty(), decimal.negative) {
            (true, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        };
        let (own, others) = (sign(self), sign(other));
        if own != others || own == 0 {
            return own.cmp(&others);
        }
        let magnitude = self.top().cmp(&other.top()).then_with(|| {
            let longest = self.digits.len().max(other.digits.len());
            let digit = |decimal: &Self, at: usize| decimal.digits.get(at).copied().unwrap_or(0);
            (0..longest)
                .map(|at| digit(self, at).cmp(&digit(other, at)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        if own < 0 { magnitude.reverse() } else { magnitude }
    }

    fn plus(&self, other: &Self) -> Self {
        if self.digits.is_empty() {
            return other.clone();
        }
        if other.digits.is_empty() {
            return self.clone();
        }
        let span = self.top().max(other.top()) - i64::from(self.exponent.min(other.exponent));
        if span > ADD_DIGITS_MAX {
            return if self.top() >= other.top() { self.clone() } else { other.clone() };
        }
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.aligned(exponent, span), other.aligned(exponent, span));
        if self.negative == other.negative {
            return Self::trimmed(self.negative, &add_digits(&a, &b), exponent);
        }
        if a >= b {
            Self::trimmed(self.negative, &subtract_digits(&a, &b), exponent)
        } else {
            Self::trimmed(other.negative, &subtract_digits(&b, &a), exponent)
        }
    }

    /// The digits, most significant first, with `span` places above `10^exponent`.
    fn aligned(&self, exponent: i32, span: i64) -> Vec<u8> {
        let length = usize::try_from(span).unwrap_or(0);
        let below = usize::try_from(i64::from(self.exponent) - i64::from(exponent)).unwrap_or(0);
        let mut digits = vec![0; length.saturating_sub(below + self.digits.len())];
        digits.extend(&self.digits);
        digits.resize(length, 0);
        digits
    }

    fn trimmed(negative: bool, digits: &[u8], exponent: i32) -> Self {
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        let digits = digits[zeros..].to_vec();
        Self { negative: negative && !digits.is_empty(), digits, exponent }
    }

    /// The amount without its sign, if it is a whole number below 2^127.
    fn whole(&self) -> Option<u128> {
        let below = usize::try_from(-i64::from(self.exponent)).unwrap_or(0);
        let kept = self.digits.len().saturating_sub(below);
        if self.digits[kept..].iter().any(|digit| *digit != 0) {
            return None;
        }
        let mut number: u128 = 0;
        for digit in &self.digits[..kept] {
            number = number.checked_mul(10)?.checked_add(u128::from(*digit))?;
        }
        for _ in 0..self.exponent.max(0) {
            number = number.checked_mul(10)?;
        }
        Some(number)
    }

    /// The low 64 bits of the digits, read as a whole number.
    fn low_bits(&self) -> i64 {
        let low =
            self.digits.iter().fold(0_i64, |sum, digit| sum.wrapping_mul(10).wrapping_add(i64::from(*digit)));
        if self.negative { low.wrapping_neg() } else { low }
    }

    fn scaled(&self, exponent: i32) -> i64 {
        if self.exponent >= exponent {
            let factor = 10_f64.powi(self.exponent.saturating_sub(exponent));
            // As x86 converts: what does not fit becomes the smallest number.
            #[expect(clippy::cast_possible_truncation, reason = "checked against the range before")]
            let factor = if factor < 9_223_372_036_854_775_808.0 { factor as i64 } else { i64::MIN };
            return self.low_bits().wrapping_mul(factor);
        }
        let fall = i64::from(exponent) - i64::from(self.exponent);
        let below_max = self.negative
            || self.compare(&Self { exponent: self.exponent, ..Self::from_small(i64::MAX, 0) }).is_lt();
        if below_max && fall < 19 {
            // Upstream takes 64 bits of anything below the largest such number, also of what is far below zero.
            let divisor = 10_i64.pow(u32::try_from(fall).unwrap_or(0));
            let low = self.low_bits();
            return low.wrapping_div(divisor) + i64::from(low.wrapping_rem(divisor) != 0);
        }
        let kept = self.digits.len().saturating_sub(usize::try_from(fall).unwrap_or(usize::MAX));
        let lost = self.digits[kept..].iter().any(|digit| *digit != 0);
        let mut quotient =
            Self { negative: self.negative, digits: self.digits[..kept].to_vec(), exponent }.low_bits();
        if self.negative && lost {
            quotient = quotient.wrapping_sub(1);
        }
        // Upstream rounds down and then adds one.
        if lost { quotient.wrapping_add(1) } else { quotient }
    }
}

fn add_digits(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sum = vec![0; a.len() + 1];
    let mut carry = 0;
    for at in (0..a.len()).rev() {
        let digit = a[at] + b[at] + carry;
        sum[at + 1] = digit % 10;
        carry = digit / 10;
    }
    sum[0] = carry;
    sum
}

/// `a - b`, where `a` is not smaller.
fn subtract_digits(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut difference = vec![0; a.len()];
    let mut borrow = 0;
    for at in (0..a.len()).rev() {
        let taken = b[at] + borrow;
        borrow = u8::from(a[at] < taken);
        difference[at] = a[at] + 10 * borrow - taken;
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, canonical text, format, thousandths, units: as observed from upstream.
    const VECTORS: &str = include_str!("quantity/vectors.txt");

    #[test]
    fn texts_become_what_upstream_makes_of_them() {
        let mut count = 0;
        for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('|').collect();
            count += 1;
            match (columns[0].parse::<Quantity>(), columns[1]) {
                (Err(_), "refused") => {}
                (Ok(quantity), canonical) => {
                    assert_eq!(quantity.to_string(), canonical, "{line}");
                    assert_eq!(format!("{:?}", quantity.format()), columns[2], "{line}");
                    assert_eq!(quantity.milli_value().to_string(), columns[3], "{line}");
                    assert_eq!(quantity.value().to_string(), columns[4], "{line}");
                    let rewritten = rewrite(columns[0]).unwrap();
                    assert_eq!(rewritten.as_deref().unwrap_or(columns[0]), canonical, "{line}");
                }
                (Err(error), _) => panic!("{line}: {error}"),
            }
        }
        assert!(count > 60, "{count} vectors");
    }

    #[test]
    fn arithmetic_keeps_what_fits_and_grows_where_it_must() {
        for (a, b, sum, difference) in [
            ("1", "500m", "1500m", "500m"),
            ("0", "1Gi", "1Gi", "-1Gi"),
            ("9223372036854775807", "1", "9223372036854775808", "9223372036854775806"),
            ("1n", "1E", "1000000000000000000000000001n", "-999999999999999999999999999n"),
            ("100m", "-100m", "0", "200m"),
        ] {
            let (a, b): (Quantity, Quantity) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(a.plus(&b).to_string(), sum, "{a} + {b}");
            assert_eq!(a.minus(&b).to_string(), difference, "{a} - {b}");
        }
    }

    #[test]
    fn order_is_by_amount_not_by_text() {
        let rising = ["-1Ki", "-1m", "0", "1n", "100m", "0.2", "1", "1k", "1Ki", "1e6", "1Mi", "1E", "1e30"];
        for pair in rising.windows(2) {
            let (low, high): (Quantity, Quantity) = (pair[0].parse().unwrap(), pair[1].parse().unwrap());
            assert!(low < high, "{low} < {high}");
        }
        assert_eq!("1000m".parse::<Quantity>().unwrap(), "1".parse().unwrap());
    }
}
