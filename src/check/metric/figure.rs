//! Figures: numbers with every digit as written.

use serde_json::Value;

use crate::language::number::Decimal;
use crate::probe::rows::Numbers;
use crate::secret::{Message, message};

/// The value found in the place of a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Figure {
    Number(Number),
    Null,
    /// Not a number, or not a finite one.
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    pub value: Decimal,
    /// The number as written.
    pub text: String,
    /// Whether the number was computed with binary floats. Then it depends on the order of the computation.
    pub is_float: bool,
}

/// A binary float is written with more digits than this only if no shorter decimal number is equal to it.
const DIGITS_OF_A_FLOAT: usize = 15;

impl Figure {
    pub fn of(value: &Value, numbers: Numbers) -> Figure {
        let text = match value {
            Value::Null => return Figure::Null,
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Figure::Other(value.to_string()),
        };
        let Some(decimal) = Decimal::parse(&text) else { return Figure::Other(value.to_string()) };
        if !decimal.is_computable() {
            return Figure::Other(text);
        }
        let has_exponent = text.contains(['e', 'E']);
        let is_float = match numbers {
            Numbers::Float => true,
            Numbers::Exact => false,
            Numbers::AsWritten => has_exponent || (value.is_number() && is_shortest_float(&decimal)),
        };
        Figure::Number(Number { value: decimal, text, is_float })
    }

    /// Whether the two are anything other than the same number.
    pub fn differs_from(&self, other: &Figure) -> bool {
        match (self, other) {
            (Figure::Number(a), Figure::Number(b)) => a.value != b.value,
            (Figure::Number(_) | Figure::Null | Figure::Other(_), _) => true,
        }
    }

    /// Formats the figure for messages.
    pub fn shown(&self) -> Message {
        match self {
            Figure::Number(number) => message!("{}", number.text),
            Figure::Null => message!("null"),
            Figure::Other(text) => message!("{}", text),
        }
    }

    /// Returns the figure as JSON for matchers: a number, even if the source returned it as text.
    pub fn as_json(&self) -> Value {
        match self {
            Figure::Number(number) => {
                let json = number.text.trim_start_matches('+');
                serde_json::from_str(json).unwrap_or_else(|_| Value::from(json))
            }
            Figure::Null => Value::Null,
            Figure::Other(text) => Value::from(text.as_str()),
        }
    }
}

/// Whether the number has so many digits because a binary float was written without loss. Then a decimal sum was
/// computed with floats.
fn is_shortest_float(decimal: &Decimal) -> bool {
    let is_same = || Decimal::parse(&format!("{:e}", decimal.to_float())).as_ref() == Some(decimal);
    decimal.significant_digits() > DIGITS_OF_A_FLOAT && is_same()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(json: &str) -> (String, bool) {
        match Figure::of(&serde_json::from_str(json).unwrap(), Numbers::AsWritten) {
            Figure::Number(number) => (number.value.to_string(), number.is_float),
            other @ (Figure::Null | Figure::Other(_)) => (format!("{other:?}"), false),
        }
    }

    #[test]
    fn how_a_number_is_written_says_whether_it_is_a_float() {
        for (json, value, is_float) in [
            ("1672.00", "1672", false),
            ("\"1672.00\"", "1672", false),
            ("1.672e3", "1672", true),
            ("\"1.672e3\"", "1672", true),
            ("12345678901234567.89", "12345678901234567.89", false),
            ("0.30000000000000004", "0.30000000000000004", true),
            ("\"0.30000000000000004\"", "0.30000000000000004", false),
            ("123456789012345", "123456789012345", false),
        ] {
            assert_eq!(figure(json), (value.to_owned(), is_float), "{json}");
        }
    }

    #[test]
    fn what_is_no_finite_number_is_no_figure() {
        for (json, expected) in [
            ("null", "Null"),
            ("\"1,672.00\"", r#"Other("\"1,672.00\"")"#),
            ("\"NaN\"", r#"Other("\"NaN\"")"#),
            ("\"\"", r#"Other("\"\"")"#),
            ("true", r#"Other("true")"#),
            ("1e999999", r#"Other("1e+999999")"#),
        ] {
            assert_eq!(figure(json), (expected.to_owned(), false), "{json}");
        }
    }
}
