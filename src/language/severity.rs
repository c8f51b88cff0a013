//! The `severity` key.

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::read::{FromToml, ParseContext};
use super::schema::{Definitions, Schema};
use super::table::ToToml;

/// How a failed check affects the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    #[default]
    Critical,
    /// Reported, but never fails or stops the run.
    Warn,
}

impl FromToml for Severity {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "critical" => Some(Severity::Critical),
            DeValue::String(text) if text == "warn" => Some(Severity::Warn),
            _ => parse.expected(value, "\"critical\" or \"warn\""),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "enum": [Severity::Critical.to_toml(), Severity::Warn.to_toml()] })
    }
}

impl ToToml for Severity {
    fn to_toml(&self) -> Value {
        Value::from(match self {
            Severity::Critical => "critical",
            Severity::Warn => "warn",
        })
    }
}
