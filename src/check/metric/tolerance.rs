//! The allowed difference between two figures.

use std::sync::LazyLock;

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use crate::language::diagnostic::Diagnostic;
use crate::language::number::Decimal;
use crate::language::read::{FromToml, ParseContext};
use crate::language::schema::{Definitions, Schema};

/// The key `tolerance`: `"0.01"`, or `"0.1%"` of the larger figure.
#[derive(Debug, Clone)]
pub(super) struct Tolerance {
    text: String,
    span: Span,
}

#[derive(Debug, Clone)]
enum Span {
    Absolute(Decimal),
    /// A fraction of the larger figure.
    Relative(Decimal),
}

impl Tolerance {
    /// Returns the tolerance for a suite that sets none.
    pub fn default_for(floats: bool) -> &'static Tolerance {
        static FLOATS: LazyLock<Tolerance> = LazyLock::new(|| {
            let text = "1e-9 of it, as one of them is a float".to_owned();
            Tolerance { text, span: Span::Relative(decimal("1e-9")) }
        });
        static EXACT: LazyLock<Tolerance> = LazyLock::new(|| {
            let text = "exactly".to_owned();
            Tolerance { text, span: Span::Absolute(decimal("0")) }
        });
        if floats { &FLOATS } else { &EXACT }
    }

    /// Returns the largest allowed difference.
    pub fn allowed(&self, a: &Decimal, b: &Decimal) -> Decimal {
        match &self.span {
            Span::Absolute(span) => span.clone(),
            Span::Relative(part) => part.times(&a.abs().max(b.abs())),
        }
    }

    /// Returns the tolerance in words, such as `within 0.01`.
    pub fn in_words(&self) -> String {
        match self.text.as_str() {
            "exactly" => self.text.clone(),
            text => format!("within {text}"),
        }
    }
}

fn decimal(text: &str) -> Decimal {
    match Decimal::parse(text) {
        Some(decimal) => decimal,
        None => unreachable!("`{text}` is a number"),
    }
}

impl FromToml for Tolerance {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        const EXPECTED: &str = "a tolerance such as \"0.01\", or \"0.1%\" of the figure";
        let text = match value.get_ref() {
            DeValue::String(text) => text.trim().to_owned(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            _ => return parse.expected(value, EXPECTED),
        };
        let (number, is_relative) = match text.strip_suffix('%') {
            Some(number) => (number.trim(), true),
            None => (text.as_str(), false),
        };
        let Some(span) = Decimal::parse(number).filter(Decimal::is_computable) else {
            return parse.expected(value, EXPECTED);
        };
        if span.is_negative() {
            let mistake = Diagnostic::new(parse.place(value.span()), "a tolerance is not below zero");
            return parse.reject(mistake);
        }
        let span =
            if is_relative { Span::Relative(span.times(&decimal("0.01"))) } else { Span::Absolute(span) };
        Some(Tolerance { text, span })
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({
            "anyOf": [
                { "type": "string", "pattern": r"^\s*\+?[0-9.]+([eE][+-]?[0-9]+)?\s*%?\s*$" },
                { "type": "number", "minimum": 0 },
            ],
            "examples": ["0.01", "0.1%"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_figure_says_what_a_relative_tolerance_allows() {
        let floats = Tolerance::default_for(true);
        assert_eq!(floats.allowed(&decimal("-2000"), &decimal("1000")).to_string(), "0.000002");
        let exact = Tolerance::default_for(false);
        assert_eq!(
            (exact.allowed(&decimal("5"), &decimal("6")).to_string(), exact.in_words()),
            ("0".into(), "exactly".into())
        );
    }
}
