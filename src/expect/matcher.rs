//! Matchers: the one way to state an expectation.
//!
//! ```toml
//! expect.json."$.version" = "1.4.2"
//! expect.json."$.items" = { length = { min = 1 }, each = { type = "object" } }
//! ```

use regex::Regex;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::effort::{self, Effort};
use crate::secret::Message;
use crate::suite::error::Diagnostic;
use crate::suite::read::{FromTable, FromToml, Reading, Table, read_table};
use crate::suite::schema::{Definitions, Schema};
use crate::suite::template::Template;
use crate::suite::value::Document;

/// What a value is held against: all of its conditions.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub(super) conditions: Vec<Condition>,
}

/// One condition of a matcher.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Equals(Document),
    Not(Box<Matcher>),
    Min(Document),
    Max(Document),
    Contains(Document),
    Matches(Pattern),
    OneOf(Vec<Document>),
    Exists(bool),
    Type(JsonType),
    Length(Box<Matcher>),
    Each(Box<Matcher>),
    Any(Box<Matcher>),
    Count(Box<Matcher>),
}

/// A regular expression, with templates in it or compiled already.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Fixed(Regex),
    Template(Template),
}

/// The types of JSON.
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

impl Matcher {
    /// A matcher for one exact value.
    #[must_use]
    pub fn equals(value: Value) -> Matcher {
        Matcher { conditions: vec![Condition::Equals(Document::Fixed(value))] }
    }

    /// Every template in the matcher.
    #[must_use]
    pub fn templates(&self) -> Vec<&Template> {
        self.conditions
            .iter()
            .flat_map(|condition| match condition {
                Condition::Equals(value)
                | Condition::Min(value)
                | Condition::Max(value)
                | Condition::Contains(value) => value.templates(),
                Condition::Not(inner)
                | Condition::Length(inner)
                | Condition::Each(inner)
                | Condition::Any(inner)
                | Condition::Count(inner) => inner.templates(),
                Condition::Matches(Pattern::Template(template)) => vec![template],
                Condition::OneOf(values) => values.iter().flat_map(Document::templates).collect(),
                Condition::Matches(Pattern::Fixed(_)) | Condition::Exists(_) | Condition::Type(_) => {
                    Vec::new()
                }
            })
            .collect()
    }
}

impl Matcher {
    /// What it does with each byte of a value.
    #[must_use]
    pub fn effort(&self) -> Effort {
        self.conditions.iter().map(Condition::effort).sum()
    }
}

impl Condition {
    fn effort(&self) -> Effort {
        match self {
            Condition::Equals(value)
            | Condition::Min(value)
            | Condition::Max(value)
            | Condition::Contains(value) => effort_of(value),
            Condition::OneOf(values) => values.iter().map(effort_of).sum(),
            Condition::Matches(Pattern::Fixed(regex)) => effort::of_pattern(regex.as_str()),
            // It is made when it is needed, of what may have come from a server.
            Condition::Matches(Pattern::Template(_)) => Effort::Unknown,
            Condition::Exists(_) | Condition::Type(_) => Effort::Looks(1),
            Condition::Not(inner) | Condition::Length(inner) | Condition::Count(inner) => inner.effort(),
            // What a template gives is held against every value, and nobody knows how long it is.
            Condition::Each(inner) | Condition::Any(inner) => match inner.templates().is_empty() {
                true => inner.effort(),
                false => Effort::Unknown,
            },
        }
    }
}

/// As many looks as it is long: it may be held against every value that was found.
fn effort_of(wanted: &Document) -> Effort {
    match wanted {
        Document::Fixed(value) => Effort::Looks(effort::length(value)),
        Document::Template(_) => Effort::Looks(1),
        Document::Array(items) => items.iter().map(effort_of).sum(),
        Document::Object(fields) => fields.iter().map(|(_, field)| effort_of(field)).sum(),
    }
}

impl FromToml for Matcher {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), reading, Matcher::from_table),
            _ => Document::from_toml(value, reading)
                .map(|equal| Matcher { conditions: vec![Condition::Equals(equal)] }),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("matcher", |definitions| {
            let equal = json!({
                "description": "the exact value, numbers compared numerically",
                "type": ["string", "number", "boolean", "array"],
            });
            let conditions = definitions.object(|table| {
                let _ = Matcher::from_table(table);
            });
            json!({ "anyOf": [equal, conditions] })
        })
    }
}

impl Matcher {
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Matcher> {
        let boxed = |matcher: Option<Matcher>| matcher.map(Box::new);
        let conditions = [
            table.optional("equals", "the exact value, numbers compared numerically").map(Condition::Equals),
            boxed(table.optional("not", "a matcher that must not hold")).map(Condition::Not),
            table.optional("min", "the least number").map(Condition::Min),
            table.optional("max", "the greatest number").map(Condition::Max),
            table
                .optional("contains", "text inside the text, or an element of the array")
                .map(Condition::Contains),
            table.optional("matches", "a regular expression").map(Condition::Matches),
            table.optional("one-of", "the values it may have").map(Condition::OneOf),
            table.optional("exists", "whether it must be there").map(Condition::Exists),
            table.optional("type", "its JSON type").map(Condition::Type),
            boxed(table.optional("length", "a matcher for its length")).map(Condition::Length),
            boxed(table.optional("each", "a matcher for every value that is found")).map(Condition::Each),
            boxed(table.optional("any", "a matcher for at least one value that is found"))
                .map(Condition::Any),
            boxed(table.optional("count", "a matcher for how many values are found")).map(Condition::Count),
        ];
        let nothing = Diagnostic::new(table.place(), "this matcher asserts nothing");
        table.not_empty(nothing.hint("say what is expected, for instance `{ exists = true }`"))?;
        Some(Matcher { conditions: conditions.into_iter().flatten().collect() })
    }
}

impl FromToml for Pattern {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let template = Template::from_toml(value, reading)?;
        let Some(literal) = template.literal() else {
            return Some(Pattern::Template(template));
        };
        match reading.patterns.once(literal, compile) {
            Ok(regex) => Some(Pattern::Fixed(regex)),
            Err(message) => {
                let place = reading.place(value.span());
                reading.reject(Diagnostic::new(place, message))
            }
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Template::schema(definitions)
    }
}

/// Compiles a regular expression, with an error in one line.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        format!("this regular expression does not parse: {reason}")
    })
}

impl FromToml for JsonType {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let given = value.get_ref().as_str();
        let found = JsonType::ALL.iter().find(|(_, name)| Some(*name) == given);
        found.map(|(json_type, _)| *json_type).or_else(|| {
            let names: Vec<&str> = JsonType::ALL.iter().map(|(_, name)| *name).collect();
            reading.expected(value, &format!("one of {}", names.join(", ")))
        })
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        let names: Vec<&str> = JsonType::ALL.iter().map(|(_, name)| *name).collect();
        json!({ "enum": names })
    }
}

/// What `status` may be: `200`, `"2xx"`, or a list of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet {
    ranges: Vec<StatusRange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusRange {
    One(u16),
    /// `2` for `2xx`.
    Class(u16),
}

impl StatusSet {
    /// `2xx`.
    #[must_use]
    pub fn success() -> StatusSet {
        StatusSet { ranges: vec![StatusRange::Class(2)] }
    }

    /// Below 400.
    #[must_use]
    pub fn not_an_error() -> StatusSet {
        StatusSet { ranges: vec![StatusRange::Class(2), StatusRange::Class(3)] }
    }

    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| match range {
            StatusRange::One(one) => *one == status,
            StatusRange::Class(class) => status / 100 == *class,
        })
    }

    #[must_use]
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
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let ranges: Option<Vec<StatusRange>> = match value.get_ref() {
            DeValue::Array(_) => Vec::from_toml(value, reading),
            _ => StatusRange::from_toml(value, reading).map(|range| vec![range]),
        };
        match ranges {
            Some(ranges) if ranges.is_empty() => reading.expected(value, "at least one status"),
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
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let class = |text: &str| match text.as_bytes() {
            [digit @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => {
                Some(StatusRange::Class(u16::from(digit - b'0')))
            }
            _ => text.parse().ok().filter(|status| (100..600).contains(status)).map(StatusRange::One),
        };
        let range = match value.get_ref() {
            DeValue::String(text) => class(text),
            DeValue::Integer(number) => class(number.as_str()),
            _ => None,
        };
        range.or_else(|| reading.expected(value, "a status such as 200, \"2xx\" or [200, 204]"))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({
            "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": "^[1-5]([xX]{2}|[0-9]{2})$" },
            ],
        })
    }
}

/// An `expect` that asserts nothing is a mistake.
pub(super) fn assert_something(table: &mut Table<'_, '_, '_>) -> Option<()> {
    let nothing = Diagnostic::new(table.place(), "this `expect` asserts nothing");
    table.not_empty(nothing.hint("say what is expected, or leave `expect` out for the default"))
}

/// `{ days-left = MATCHER }`.
#[derive(Debug, Clone)]
pub struct CertificateExpectation {
    pub days_left: Matcher,
}

impl FromTable for CertificateExpectation {
    const DEFINITION: &'static str = "certificate-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let days_left = table.required("days-left", "a matcher for the days until the certificate expires");
        Some(CertificateExpectation { days_left: days_left? })
    }
}
