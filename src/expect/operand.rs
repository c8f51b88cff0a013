//! The operands of conditions, each with its type. An operand of the wrong type would always fail, and under `not`
//! always hold.

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::datetime::Moment;
use super::matcher::{Condition, Matcher, all_of, between, conditions};
use crate::language::diagnostic::Diagnostic;
use crate::language::number;
use crate::language::read::{FromToml, ParseContext, Table, Templates, describe, read_table, whole_number};
use crate::language::schema::{Definitions, Schema};
use crate::language::template::Template;
use crate::language::value::Document;

/// A pattern that matches text with a template.
const TEMPLATE: &str = r"\{\{";

/// The operand of `min` and `max`: a number, a date, or a template for one.
pub(super) struct Limit(pub Document);

impl FromToml for Limit {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        const EXPECTED: &str = "a number or a date";
        match value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) => {}
            DeValue::Datetime(date) if date.date.is_some() => {}
            DeValue::String(text) => {
                let document = Document::from_toml(value, parse)?;
                if let Document::Template(_) = document {
                    return Some(Limit(document));
                }
                let place = parse.place(value.span());
                let found = describe(value.get_ref());
                let mistake = Diagnostic::new(place, format!("expected {EXPECTED}, found {found}"));
                let is_one = number::compare(text, text).is_some() || Moment::parse(text).is_some();
                return parse.reject(if is_one {
                    mistake.label(format!("did you mean `{text}`?"))
                } else {
                    mistake
                });
            }
            DeValue::Datetime(_) | DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => {
                return parse.expected(value, EXPECTED);
            }
        }
        Document::from_toml(value, parse).map(Limit)
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("limit", |_| {
            json!({
                "description": "a number, a date, or a template for one",
                "type": ["number", "string"],
                "pattern": format!("{TEMPLATE}|^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}"),
            })
        })
    }
}

/// The values of `one-of`, at least one.
pub(super) struct Options<T>(pub Vec<T>);

impl<T: FromToml> FromToml for Options<T> {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let options = Vec::from_toml(value, parse)?;
        if options.is_empty() { parse.expected(value, "at least one value") } else { Some(Options(options)) }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        json!({ "type": "array", "items": T::schema(definitions), "minItems": 1 })
    }
}

/// A matcher for a count.
#[derive(Debug, Clone)]
pub(super) struct Amount(pub Matcher);

impl FromToml for Amount {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), parse, Amount::from_table),
            _ => Whole::from_toml(value, parse)
                .map(|Whole(number)| Amount(Matcher { conditions: vec![Condition::Number(vec![number])] })),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("amount", |definitions| {
            let conditions = definitions.object(|table| {
                let _ = Amount::from_table(table);
            });
            json!({ "anyOf": [Whole::schema(definitions), conditions] })
        })
    }
}

impl Amount {
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Amount> {
        let equals: Option<Whole> = table.optional("equals", ("equals this number", "equals = 3"));
        let not: Option<Amount> = table.optional("not", ("does not match this", "not = 0"));
        let min: Option<Whole> = table.optional("min", ("is at least this", "min = 1"));
        let max: Option<Whole> = table.optional("max", ("is at most this", "max = 10"));
        let one_of: Option<Options<Whole>> =
            table.optional("one-of", ("equals one of these", "one-of = [32, 64]"));
        let [min, max] = between(table, min.map(|Whole(least)| least), max.map(|Whole(most)| most))?;
        let conditions = [
            equals.map(|Whole(number)| Condition::Number(vec![number])),
            not.map(|Amount(inner)| Condition::Not(Box::new(inner))),
            min,
            max,
            one_of.map(|Options(options)| {
                Condition::Number(options.into_iter().map(|Whole(number)| number).collect())
            }),
        ];
        all_of(table, conditions.into_iter().flatten().collect()).map(Amount)
    }
}

/// An integer of at least 0, or a template for one.
struct Whole(Document);

impl FromToml for Whole {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        if value.get_ref().is_str()
            && let template @ Document::Template(_) = Document::from_toml(value, parse)?
        {
            return Some(Whole(template));
        }
        match whole_number(value).filter(|number| *number >= 0) {
            Some(number) => Some(Whole(Document::Fixed(Value::from(number)))),
            None => parse.expected(value, "an integer from 0 up"),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        let mut template = Template::schema(definitions);
        template["pattern"] = json!(TEMPLATE);
        json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, template] })
    }
}

/// A matcher for values that are always text: a header, a page, a body, a URL.
#[derive(Debug, Clone)]
pub(super) struct TextMatcher(pub Matcher);

impl FromToml for TextMatcher {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => {
                read_table(keys, value.span(), parse, conditions::<Text, TextPart, TextMatcher>)
                    .map(TextMatcher)
            }
            _ => Text::from_toml(value, parse)
                .map(|Text(text)| TextMatcher(Matcher { conditions: vec![Condition::Equals(text)] })),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Matcher::schema(definitions)
    }
}

impl From<TextMatcher> for Matcher {
    fn from(TextMatcher(matcher): TextMatcher) -> Matcher {
        matcher
    }
}

/// A text. The value of a template counts as text, whatever its type.
struct Text(Document);

impl FromToml for Text {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let written = match value.get_ref() {
            DeValue::String(_) | DeValue::Datetime(_) => {
                return Document::from_toml(value, parse).map(|document| Text(as_text(document)));
            }
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(boolean) => boolean.to_string(),
            DeValue::Array(_) | DeValue::Table(_) => return parse.expected(value, "a string"),
        };
        let place = parse.place(value.span());
        let mistake =
            Diagnostic::new(place, format!("expected a string, found {}", describe(value.get_ref())));
        parse.reject(mistake.label(format!("did you mean `{written:?}`?")))
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Document::schema(definitions)
    }
}

impl From<Text> for Document {
    fn from(Text(document): Text) -> Document {
        document
    }
}

/// What a text may contain: text, or a number as written.
struct TextPart(Document);

impl FromToml for TextPart {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) => Document::from_toml(value, parse).map(TextPart),
            _ => Text::from_toml(value, parse).map(|Text(text)| TextPart(text)),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Document::schema(definitions)
    }
}

impl From<TextPart> for Document {
    fn from(TextPart(document): TextPart) -> Document {
        document
    }
}

fn as_text(document: Document) -> Document {
    match document {
        Document::Template(template) => Document::Text(template),
        Document::Fixed(_) | Document::Text(_) | Document::Array(_) | Document::Object(_) => document,
    }
}
