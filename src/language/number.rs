//! Exact comparison of decimal numbers: `1` equals `1.0`, and numbers of twenty digits stay exact.

use std::cmp::Ordering;

/// A decimal number `0.d₁d₂d₃… × 10^exponent`, without leading or trailing zeros in its digits.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

/// Compares two numbers in JSON notation. Returns `None` if one of them is not a number.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (parse(a)?, parse(b)?);
    let by_size = |a: &Decimal, b: &Decimal| match (a.digits.is_empty(), b.digits.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.exponent.cmp(&b.exponent).then_with(|| a.digits.cmp(&b.digits)),
    };
    let negative = |n: &Decimal| n.negative && !n.digits.is_empty();
    Some(match (negative(&a), negative(&b)) {
        (false, false) => by_size(&a, &b),
        (true, true) => by_size(&b, &a),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    })
}

fn parse(text: &str) -> Option<Decimal> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let leading = all.iter().take_while(|digit| **digit == b'0').count();
    let trailing = all.iter().rev().take_while(|digit| **digit == b'0').count();
    let digits = if leading == all.len() { Vec::new() } else { all[leading..all.len() - trailing].to_vec() };
    let before_point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
    Some(Decimal { negative, digits, exponent: exponent.saturating_add(before_point) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_not_by_spelling() {
        let cases = [
            ("1", "1.0", Ordering::Equal),
            ("100", "1e2", Ordering::Equal),
            ("0.1", "0.10", Ordering::Equal),
            ("-0", "0.00", Ordering::Equal),
            ("12345678901234567890.1", "12345678901234567890.2", Ordering::Less),
            ("0.30000000000000004", "0.3", Ordering::Greater),
            ("-2", "1", Ordering::Less),
            ("-2", "-10", Ordering::Greater),
            ("9", "10", Ordering::Less),
            ("0.05", "0.5", Ordering::Less),
            ("1e999999999999", "5", Ordering::Greater),
        ];
        for (a, b, ordering) in cases {
            assert_eq!(compare(a, b), Some(ordering), "{a} and {b}");
            assert_eq!(compare(b, a), Some(ordering.reverse()), "{b} and {a}");
        }
        assert_eq!(compare("1a", "1"), None);
        assert_eq!(compare("", "1"), None);
    }
}
