//! The JSON types, which a matcher may require.

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use crate::language::read::{FromToml, ParseContext};
use crate::language::schema::{Definitions, Schema};

/// A JSON type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonType {
    String,
    Number,
    Boolean,
    Array,
    Object,
    Null,
}

impl JsonType {
    const ALL: [(JsonType, &'static str); 6] = [
        (JsonType::String, "string"),
        (JsonType::Number, "number"),
        (JsonType::Boolean, "boolean"),
        (JsonType::Array, "array"),
        (JsonType::Object, "object"),
        (JsonType::Null, "null"),
    ];

    pub(super) fn of(value: &Value) -> JsonType {
        match value {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    /// Returns the type with its article, for messages.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            JsonType::String => "a string",
            JsonType::Number => "a number",
            JsonType::Boolean => "a boolean",
            JsonType::Array => "an array",
            JsonType::Object => "an object",
            JsonType::Null => "null",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            JsonType::String => "string",
            JsonType::Number => "number",
            JsonType::Boolean => "boolean",
            JsonType::Array => "array",
            JsonType::Object => "object",
            JsonType::Null => "null",
        }
    }
}

impl FromToml for JsonType {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let given = value.get_ref().as_str();
        let found = JsonType::ALL.iter().find(|(_, name)| Some(*name) == given);
        found.map(|(json_type, _)| *json_type).or_else(|| {
            let names: Vec<&str> = JsonType::ALL.iter().map(|(_, name)| *name).collect();
            parse.expected(value, &format!("one of {}", names.join(", ")))
        })
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        let names: Vec<&str> = JsonType::ALL.iter().map(|(_, name)| *name).collect();
        json!({ "enum": names })
    }
}
