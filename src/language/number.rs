//! Exact decimal numbers as they are written: `1` equals `1.0`, twenty digits stay twenty, and a sum of cents is exact.

use std::cmp::Ordering;
use std::fmt;

/// A decimal number: `0.d₁d₂d₃… × 10^exponent`, without zeros at either end of the digits. Zero has no digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

/// Compares two numbers in JSON notation. Returns `None` if one of them is not a number.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(Decimal::parse(a)?.order(&Decimal::parse(b)?))
}

impl Decimal {
    /// A number with more digits, or further from the point, is not computed with.
    const MOST_DIGITS: usize = 2_000;

    pub fn parse(text: &str) -> Option<Decimal> {
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
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        let exponent = exponent.saturating_add(i64::try_from(whole.len()).ok()?);
        Some(Decimal::normal(negative, &digits, exponent))
    }

    /// `0.digits × 10^exponent`
    fn normal(negative: bool, digits: &[u8], exponent: i64) -> Decimal {
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        if leading == digits.len() {
            return Decimal { negative: false, digits: Vec::new(), exponent: 0 };
        }
        let trailing = digits.iter().rev().take_while(|digit| **digit == 0).count();
        let exponent = exponent.saturating_sub(i64::try_from(leading).unwrap_or(i64::MAX));
        Decimal { negative, digits: digits[leading..digits.len() - trailing].to_vec(), exponent }
    }

    /// May it be computed with? What is not so in a sum or product would take all the memory there is.
    pub fn is_computable(&self) -> bool {
        let most = Decimal::MOST_DIGITS;
        self.digits.len() <= most && usize::try_from(self.exponent.unsigned_abs()).is_ok_and(|e| e <= most)
    }

    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The number of digits from the first to the last that is not zero.
    pub fn significant_digits(&self) -> usize {
        self.digits.len()
    }

    pub fn abs(&self) -> Decimal {
        Decimal { negative: false, ..self.clone() }
    }

    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// How it compares to another one.
    pub fn order(&self, other: &Decimal) -> Ordering {
        let sizes = || match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits)),
        };
        match (self.negative, other.negative) {
            (false, false) => sizes(),
            (true, true) => sizes().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    /// The larger of the two.
    pub fn max(self, other: Decimal) -> Decimal {
        if self.order(&other) == Ordering::Less { other } else { self }
    }

    /// The exponent of its last digit.
    fn scale(&self) -> i64 {
        self.exponent - i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    /// Its digits from the one of `10^scale` up.
    fn digits_from_last(&self, scale: i64) -> impl Iterator<Item = u8> {
        let zeros = if self.is_zero() { 0 } else { usize::try_from(self.scale() - scale).unwrap_or(0) };
        std::iter::repeat_n(0, zeros).chain(self.digits.iter().rev().copied())
    }

    /// This less another one. Both are [computable](Decimal::is_computable).
    pub fn minus(&self, other: &Decimal) -> Decimal {
        let scale = match (self.is_zero(), other.is_zero()) {
            (true, _) => other.scale(),
            (_, true) => self.scale(),
            (false, false) => self.scale().min(other.scale()),
        };
        // The larger in size comes first, so that nothing is left to borrow from.
        let (large, small, negative) = match self.abs().order(&other.abs()) {
            Ordering::Less => (other, self, !other.negative),
            Ordering::Equal | Ordering::Greater => (self, other, self.negative),
        };
        let adds = self.negative != other.negative;
        let mut small = small.digits_from_last(scale);
        let mut digits: Vec<u8> = Vec::new();
        let mut carry = 0_i8;
        let mut large = large.digits_from_last(scale);
        loop {
            let (a, b) = (large.next(), small.next());
            if a.is_none() && b.is_none() && carry == 0 {
                break;
            }
            let (a, b) = (a.unwrap_or(0).cast_signed(), b.unwrap_or(0).cast_signed());
            let sum = if adds { a + b + carry } else { a - b + carry };
            carry = sum.div_euclid(10);
            digits.push(sum.rem_euclid(10).cast_unsigned());
        }
        Decimal::of_reversed(negative, digits, scale)
    }

    /// This times another one. Both are [computable](Decimal::is_computable).
    pub fn times(&self, other: &Decimal) -> Decimal {
        let mut columns = vec![0_u32; self.digits.len() + other.digits.len() + 1];
        for (i, a) in self.digits.iter().rev().enumerate() {
            for (j, b) in other.digits.iter().rev().enumerate() {
                columns[i + j] += u32::from(*a) * u32::from(*b);
            }
        }
        let mut carry = 0;
        let digit = |column: u32| {
            let sum = column + carry;
            carry = sum / 10;
            u8::try_from(sum % 10).unwrap_or(0)
        };
        let digits: Vec<u8> = columns.into_iter().map(digit).collect();
        Decimal::of_reversed(self.negative != other.negative, digits, self.scale() + other.scale())
    }

    /// The number of these digits, the last of which, of `10^scale`, comes first.
    fn of_reversed(negative: bool, mut digits: Vec<u8>, scale: i64) -> Decimal {
        digits.reverse();
        let exponent = scale + i64::try_from(digits.len()).unwrap_or(i64::MAX);
        Decimal::normal(negative, &digits, exponent)
    }

    /// The binary float next to it.
    pub fn to_float(&self) -> f64 {
        format!("{self:e}").parse().unwrap_or(f64::NAN)
    }
}

/// With every digit, and no exponent.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let sign = if self.negative { "-" } else { "" };
        let Ok(point) = usize::try_from(self.exponent) else {
            let zeros = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(0);
            return write!(f, "{sign}0.{:0>width$}", digits, width = zeros + digits.len());
        };
        match digits.len().checked_sub(point) {
            None => write!(f, "{sign}{digits:0<point$}"),
            Some(0) if digits.is_empty() => f.write_str("0"),
            Some(0) => write!(f, "{sign}{digits}"),
            Some(_) if point == 0 => write!(f, "{sign}0.{digits}"),
            Some(_) => write!(f, "{sign}{}.{}", &digits[..point], &digits[point..]),
        }
    }
}

/// With an exponent: `0.1672e4`.
impl fmt::LowerExp for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        write!(f, "{}0.{digits:0<1}e{}", if self.negative { "-" } else { "" }, self.exponent)
    }
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

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn differences_and_products_are_exact() {
        for (a, b, difference, product) in [
            ("1672.00", "1612", "60", "2695264"),
            ("0.1", "0.30", "-0.2", "0.03"),
            ("-0.1", "0.2", "-0.3", "-0.02"),
            ("-5", "-5.0", "0", "25"),
            ("0", "0.001", "-0.001", "0"),
            ("1e3", "-1e-3", "1000.001", "-1"),
            ("999.99", "-0.01", "1000", "-9.9999"),
            (
                "12345678901234567.89",
                "12345678901234567.88",
                "0.01",
                "152415787532388367378448410862673.3732",
            ),
            ("100", "100.00", "0", "10000"),
        ] {
            assert_eq!(decimal(a).minus(&decimal(b)).to_string(), difference, "{a} - {b}");
            assert_eq!(decimal(a).times(&decimal(b)).to_string(), product, "{a} * {b}");
        }
    }

    #[test]
    fn a_number_is_written_without_an_exponent_and_read_as_a_float() {
        for (text, written, float) in [
            ("1.672e3", "1672", 1672.0),
            ("1e5", "100000", 1e5),
            ("-0.00500", "-0.005", -0.005),
            ("12.50", "12.5", 12.5),
            ("0.10", "0.1", 0.1),
            ("-0", "0", 0.0),
        ] {
            assert_eq!(decimal(text).to_string(), written, "{text}");
            assert!((decimal(text).to_float() - float).abs() < 1e-12, "{text}");
        }
        assert!(!decimal("1e999999999").is_computable());
        assert!(decimal("-1e308").is_computable());
    }
}
