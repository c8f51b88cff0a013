//! The `expect.status` key: the accepted response statuses.

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use crate::language::read::{FromToml, ParseContext};
use crate::language::schema::{Definitions, Schema};
use crate::secret::Message;

/// The value of `status`: `200`, `"2xx"`, or a list of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    ranges: Vec<StatusRange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusRange {
    One(u16),
    /// Holds `2` for `2xx`.
    Class(u16),
}

impl StatusSet {
    /// Accepts `2xx`.
    pub fn success() -> StatusSet {
        StatusSet { ranges: vec![StatusRange::Class(2)] }
    }

    /// Accepts 2xx and 3xx, which are all final statuses below 400.
    pub fn not_an_error() -> StatusSet {
        StatusSet { ranges: vec![StatusRange::Class(2), StatusRange::Class(3)] }
    }

    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| match range {
            StatusRange::One(one) => *one == status,
            StatusRange::Class(class) => status / 100 == *class,
        })
    }

    pub fn describe(&self) -> Message {
        let names: Vec<String> = self
            .ranges
            .iter()
            .map(|range| match range {
                StatusRange::One(one) => one.to_string(),
                StatusRange::Class(class) => format!("{class}xx"),
            })
            .collect();
        Message::new().words(names.join(" or "))
    }
}

impl FromToml for StatusSet {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let ranges: Option<Vec<StatusRange>> = match value.get_ref() {
            DeValue::Array(_) => Vec::from_toml(value, parse),
            _ => StatusRange::from_toml(value, parse).map(|range| vec![range]),
        };
        match ranges {
            Some(ranges) if ranges.is_empty() => parse.expected(value, "at least one status"),
            ranges => ranges.map(|ranges| StatusSet { ranges }),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("status", |definitions| {
            let one = StatusRange::schema(definitions);
            json!({
                "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }],
                "examples": [200, "2xx", [200, 204]],
            })
        })
    }
}

impl FromToml for StatusRange {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let class = |text: &str| match text.as_bytes() {
            [digit @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] => {
                Some(StatusRange::Class(u16::from(digit - b'0')))
            }
            _ => text.parse().ok().filter(|status| (100..1000).contains(status)).map(StatusRange::One),
        };
        let range = match value.get_ref() {
            DeValue::String(text) => class(text),
            DeValue::Integer(number) => class(number.as_str()),
            _ => None,
        };
        range.or_else(|| parse.expected(value, "a status such as 200, \"2xx\" or [200, 204]"))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({
            "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 999 },
                { "type": "string", "pattern": "^[1-9]([xX]{2}|[0-9]{2})$" },
            ],
        })
    }
}
