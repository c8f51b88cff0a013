//! Small value types of keys: durations, sizes, templates, and documents that contain templates.

use std::time::Duration;

use serde_json::{Number, Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::read::{FromKey, FromToml, Named, ParseContext, Templates, whole_number};
use super::schema::{Definitions, Schema};
use super::size::{Room, length};
use super::table::ToToml;
use super::template::Template;
use super::variables::Variables;
use crate::deadline::LONGEST;

/// A duration with units: `"300ms"`, `"5s"`, `"1m 30s"`.
impl FromToml for Duration {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let place = parse.place(value.span());
        match value.get_ref() {
            DeValue::String(text) => match parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(message) => {
                    let mistake = Diagnostic::new(place, message);
                    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                    parse.reject(if is_number {
                        mistake.label(format!("did you mean `\"{text}s\"`?"))
                    } else {
                        mistake
                    })
                }
            },
            DeValue::Integer(number) => parse.reject(
                Diagnostic::new(
                    place,
                    format!("a duration needs its unit, found the number {}", number.as_str()),
                )
                .label(format!("did you mean `\"{}s\"`?", number.as_str())),
            ),
            _ => parse.expected(value, "a duration such as \"300ms\", \"5s\" or \"1m 30s\""),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("duration", |_| {
            json!({
                "description": "a time with units",
                "type": "string",
                "pattern": DURATION,
                "examples": ["300ms", "5s", "1m 30s"],
            })
        })
    }
}

/// Matches every duration that [`parse_duration`] accepts. Editors show it, so it is short: it checks only the first
/// letter of a unit.
const DURATION: &str = r"^(?=.*[1-9])\s*([0-9.,]+\s*[hmsuµμn][a-z]*,?\s*)+$";

impl ToToml for Duration {
    fn to_toml(&self) -> Value {
        Value::from(match self.subsec_millis() {
            0 => format!("{}s", self.as_secs()),
            _ => format!("{}ms", self.as_millis()),
        })
    }
}

/// Parses `300ms`, `5s`, `1m 30s`.
///
/// # Errors
/// Returns what is wrong with the text, as a message for the user.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let advice = "write it like \"300ms\", \"5s\" or \"1m 30s\"";
    // Of the formats that jiff parses, only those with units: not `00:01:30`, `+5s` or the ISO 8601 form `PT90S`.
    let parser = jiff::fmt::friendly::SpanParser::new();
    let parsed = parser.parse_duration(text.trim()).ok().filter(|_| !text.contains([':', '+']));
    let signed = parsed.ok_or_else(|| format!("`{text}` is not a duration; {advice}"))?;
    match Duration::try_from(signed) {
        Ok(duration) if duration > LONGEST => {
            Err(format!("a duration must not be longer than a year (8760h), found `{text}`; {advice}"))
        }
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) | Err(_) => Err(format!("a duration must be longer than zero, found `{text}`; {advice}")),
    }
}

/// A number of bytes: `"64KiB"`, `"1MiB"`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub usize);

impl FromToml for ByteSize {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let bytes = match value.get_ref() {
            DeValue::String(text) => parse_bytes(text),
            _ => whole_number(value).and_then(|number| usize::try_from(number).ok()),
        };
        bytes.map(ByteSize).or_else(|| parse.expected(value, "a size such as \"64KiB\" or \"1MiB\""))
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("size", |_| {
            json!({
                "description": "a number of bytes",
                "anyOf": [
                    { "type": "string", "pattern": r"^[0-9]+\s*(B|KiB|MiB|GiB|kB|KB|MB)?\s*$" },
                    { "type": "integer", "minimum": 0 },
                ],
                "examples": ["64KiB", "1MiB"],
            })
        })
    }
}

impl ToToml for ByteSize {
    fn to_toml(&self) -> Value {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.iter().find(|(unit, _)| self.0 != 0 && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => Value::from(format!("{}{name}", self.0 / unit)),
            None => Value::from(self.0),
        }
    }
}

fn parse_bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

impl FromKey for Template {
    const TEMPLATES: Templates = Templates::Own;

    fn from_key(key: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        Template::at(&key.name, key.place, parse)
    }

    fn pattern() -> Option<&'static str> {
        None
    }
}

impl FromToml for Template {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let DeValue::String(text) = value.get_ref() else {
            return parse.expected(value, "a string");
        };
        Template::at(text, parse.place(value.span()), parse)
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define(
            "template",
            |_| json!({ "description": "a string in which each {{expression}} is replaced", "type": "string" }),
        )
    }
}

/// A scalar as text: a string, a number or a boolean.
#[derive(Debug, Clone)]
pub struct Scalar(pub Template);

impl FromToml for Scalar {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(boolean) => boolean.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            DeValue::Array(_) | DeValue::Table(_) => return parse.expected(value, "a string or a number"),
        };
        Template::at(&text, parse.place(value.span()), parse).map(Scalar)
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("scalar", |_| {
            json!({
                "description": "a string in which each {{expression}} is replaced; a number or a boolean is taken as text",
                "type": ["string", "number", "boolean"],
            })
        })
    }
}

/// One value or several, for a query parameter or form field that may repeat.
#[derive(Debug, Clone)]
pub struct OneOrMore(pub Vec<Scalar>);

impl FromToml for OneOrMore {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(_) => Vec::from_toml(value, parse).map(OneOrMore),
            _ => Scalar::from_toml(value, parse).map(|scalar| OneOrMore(vec![scalar])),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        let one = Scalar::schema(definitions);
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// A JSON document with templates in its strings. A string that is a lone `{{expression}}` takes the type of the
/// expression.
#[derive(Debug, Clone)]
pub enum Document {
    Fixed(Value),
    Template(Template),
    /// Text, whatever the type of the expression.
    Text(Template),
    Array(Vec<Document>),
    Object(Vec<(Template, Document)>),
}

impl Document {
    /// Renders the document.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated.
    pub fn value(&self, scope: &Variables) -> Result<Value, String> {
        self.value_in(scope, &mut Room::default())
    }

    fn value_in(&self, scope: &Variables, room: &mut Room) -> Result<Value, String> {
        match self {
            Document::Fixed(value) => Ok(value.clone()),
            Document::Template(template) => {
                let value = template.value(scope)?;
                room.take(length(&value))?;
                Ok(value)
            }
            Document::Text(template) => match template.value(scope)? {
                Value::Number(number) => Ok(Value::from(number.to_string())),
                Value::Bool(boolean) => Ok(Value::from(boolean.to_string())),
                text @ Value::String(_) => Ok(text),
                other @ (Value::Null | Value::Array(_) | Value::Object(_)) => {
                    Err(format!("expected text, found {other}"))
                }
            },
            Document::Array(items) => items.iter().map(|item| item.value_in(scope, room)).collect(),
            Document::Object(fields) => {
                let mut object = serde_json::Map::new();
                for (name, field) in fields {
                    let (name, field) = (name.text(scope)?, field.value_in(scope, room)?);
                    if object.contains_key(&name) {
                        return Err(format!("two keys of one object are `{name}`"));
                    }
                    object.insert(name, field);
                }
                Ok(Value::Object(object))
            }
        }
    }

    /// Returns its value, if it is a scalar without templates.
    pub fn fixed(&self) -> Option<&Value> {
        match self {
            Document::Fixed(value) => Some(value),
            Document::Template(_) | Document::Text(_) | Document::Array(_) | Document::Object(_) => None,
        }
    }

    /// Returns every template in the document.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Document::Fixed(_) => Vec::new(),
            Document::Template(template) | Document::Text(template) => vec![template],
            Document::Array(items) => items.iter().flat_map(Document::templates).collect(),
            Document::Object(fields) => {
                let templates =
                    fields.iter().flat_map(|(name, field)| std::iter::once(name).chain(field.templates()));
                templates.collect()
            }
        }
    }
}

impl FromToml for Document {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => {
                let template = Template::at(text, parse.place(value.span()), parse)?;
                Some(match template.literal() {
                    Some(text) => Document::Fixed(Value::from(text)),
                    None => Document::Template(template),
                })
            }
            DeValue::Integer(_) => match whole_number(value) {
                Some(number) => Some(Document::Fixed(Value::from(number))),
                None => parse.expected(value, "a number of at most 64 bits"),
            },
            DeValue::Float(number) => match exact_number(number.as_str()) {
                Some(number) => Some(Document::Fixed(Value::Number(number))),
                None => parse.expected(value, "a finite number"),
            },
            DeValue::Boolean(boolean) => Some(Document::Fixed(Value::from(*boolean))),
            DeValue::Datetime(date) => Some(Document::Fixed(Value::from(date.to_string()))),
            DeValue::Array(_) => Vec::from_toml(value, parse).map(Document::Array),
            DeValue::Table(_) => Vec::from_toml(value, parse).map(Document::Object),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("value", |_| {
            json!({
                "description": "any value; a string that is a single {{expression}} takes the type of the expression",
                "type": ["string", "number", "boolean", "array", "object"],
            })
        })
    }
}

/// Returns a TOML float with all of its digits, if it is finite.
fn exact_number(written: &str) -> Option<Number> {
    let digits = written.replace('_', "");
    digits.parse::<f64>().ok().filter(|float| float.is_finite())?;
    digits.trim_start_matches('+').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_units_and_length() {
        assert_eq!(parse_duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("8760h"), Ok(LONGEST));
        for wrong in [
            "8760h 1ns",
            "9000000000000000000s",
            "5",
            "0s",
            "-3s",
            "3s ago",
            "+3s",
            "00:01:30",
            "PT90S",
            "soon",
            "",
        ] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_a_duration_matches_the_pattern_that_editors_are_told(
            text in "([0-9]{1,3}([.,][0-9])?[ ,]{0,2}(hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s|millis|msecs?|ms|micros|us|µs|nanos|ns|S|d|x)?[ ,]{0,2}){1,3}",
        ) {
            let validator = jsonschema::validator_for(&json!({ "pattern": DURATION })).unwrap();
            let matches = validator.is_valid(&json!(text));
            proptest::prop_assert!(matches || parse_duration(&text).is_err(), "{}", text);
        }
    }

    #[test]
    fn the_pattern_that_editors_are_told_finds_the_usual_mistakes() {
        let validator = jsonschema::validator_for(&json!({ "pattern": DURATION })).unwrap();
        for wrong in ["5", "0s", "-3s", "3s ago", "00:01:30", "5 parsecs", "soon", ""] {
            assert!(!validator.is_valid(&json!(wrong)), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        assert_eq!(parse_bytes("1MiB"), Some(1 << 20));
        assert_eq!(parse_bytes("64 KiB"), Some(64 << 10));
        assert_eq!(parse_bytes("2MB"), Some(2_000_000));
        assert_eq!(parse_bytes("1 mile"), None);
    }
}
