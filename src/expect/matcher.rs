//! Matchers, the only way to state an expectation.
//!
//! ```toml
//! expect.json."$.version" = "1.4.2"
//! expect.json."$.items" = { length = { min = 1 }, each = { type = "object" } }
//! ```

use std::cmp::Ordering;

use regex::Regex;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::compare::order;
use super::json_type::JsonType;
use super::operand::{Amount, Limit, Options};
use crate::attempt::cost::{self, Cost};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromKey, FromToml, ParseContext, Table, Templates, read_table};
use crate::language::schema::{Definitions, Schema};
use crate::language::template::Template;
use crate::language::value::Document;
use crate::language::variables::Variables;

/// The conditions on a value, all of which must hold.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub(super) conditions: Vec<Condition>,
}

/// A condition of a matcher.
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
    /// One of these numbers.
    Number(Vec<Document>),
    Length(Box<Matcher>),
    Each(Box<Matcher>),
    Any(Box<Matcher>),
    Count(Box<Matcher>),
}

/// A regular expression, compiled unless it contains templates.
#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Fixed(Regex),
    Template(Template),
}

impl Matcher {
    /// Returns a matcher for one exact value.
    pub fn equals(value: Value) -> Matcher {
        Matcher { conditions: vec![Condition::Equals(Document::Fixed(value))] }
    }

    /// Returns every template in the matcher.
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
                Condition::OneOf(values) | Condition::Number(values) => {
                    values.iter().flat_map(Document::templates).collect()
                }
                Condition::Matches(Pattern::Fixed(_)) | Condition::Exists(_) | Condition::Type(_) => {
                    Vec::new()
                }
            })
            .collect()
    }
}

impl Matcher {
    /// Whether a text for which it holds may go on in any way, and it still holds.
    pub(super) fn stays_true(&self) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Contains(_) | Condition::Matches(_) | Condition::Exists(true) => true,
            Condition::Any(inner) => inner.stays_true(),
            Condition::Equals(_)
            | Condition::Not(_)
            | Condition::Min(_)
            | Condition::Max(_)
            | Condition::OneOf(_)
            | Condition::Exists(false)
            | Condition::Type(_)
            | Condition::Number(_)
            | Condition::Length(_)
            | Condition::Each(_)
            | Condition::Count(_) => false,
        })
    }

    /// What it does with each byte of a value.
    pub fn cost(&self) -> Cost {
        self.conditions.iter().map(Condition::cost).sum()
    }
}

impl Condition {
    fn cost(&self) -> Cost {
        match self {
            Condition::Equals(value)
            | Condition::Min(value)
            | Condition::Max(value)
            | Condition::Contains(value) => effort_of(value),
            Condition::OneOf(values) | Condition::Number(values) => values.iter().map(effort_of).sum(),
            Condition::Matches(Pattern::Fixed(regex)) => cost::of_pattern(regex.as_str()),
            // It is compiled when needed, possibly from data of a server.
            Condition::Matches(Pattern::Template(_)) => Cost::Unknown,
            Condition::Exists(_) | Condition::Type(_) => Cost::Looks(1),
            Condition::Not(inner) | Condition::Length(inner) | Condition::Count(inner) => inner.cost(),
            // The value of a template is compared with every element, and its length is unknown.
            Condition::Each(inner) | Condition::Any(inner) => {
                if inner.templates().is_empty() {
                    inner.cost()
                } else {
                    Cost::Unknown
                }
            }
        }
    }
}

/// Returns the length of the value as its cost, because it may be compared with every value that was found.
fn effort_of(wanted: &Document) -> Cost {
    match wanted {
        Document::Fixed(value) => Cost::Looks(cost::length(value)),
        Document::Template(_) | Document::Text(_) => Cost::Looks(1),
        Document::Array(items) => items.iter().map(effort_of).sum(),
        Document::Object(fields) => fields.iter().map(|(_, field)| effort_of(field)).sum(),
    }
}

impl FromToml for Matcher {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => {
                read_table(keys, value.span(), parse, conditions::<Document, Document, Matcher>)
            }
            _ => Document::from_toml(value, parse)
                .map(|equal| Matcher { conditions: vec![Condition::Equals(equal)] }),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("matcher", |definitions| {
            let equal = json!({
                "description": "equals this value; numbers are compared by value",
                "type": ["string", "number", "boolean", "array"],
            });
            let conditions = definitions.object(|table| {
                let _ = conditions::<Document, Document, Matcher>(table);
            });
            json!({ "anyOf": [equal, conditions] })
        })
    }
}

/// Reads a table of conditions. `V` is the type of values to equal, `P` of parts to contain, and `M` of nested
/// matchers.
pub(super) fn conditions<V, P, M>(table: &mut Table<'_, '_, '_>) -> Option<Matcher>
where
    V: FromToml + Into<Document>,
    P: FromToml + Into<Document>,
    M: FromToml + Into<Matcher>,
{
    let boxed = |matcher: Option<M>| matcher.map(|matcher| Box::new(matcher.into()));
    let amount = |amount: Option<Amount>| amount.map(|Amount(matcher)| Box::new(matcher));
    let equals: Option<V> =
        table.optional("equals", ("equals this value; numbers are compared by value", "equals = { id = 1 }"));
    let not = table.optional("not", ("does not match this", r#"not = "error""#));
    let min = table
        .optional("min", ("a number that is at least this, or a date that is not before it", "min = 1"))
        .map(|Limit(least)| least);
    let max = table
        .optional(
            "max",
            ("a number that is at most this, or a date that is not after it", "max = 2024-12-31"),
        )
        .map(|Limit(most)| most);
    let contains: Option<P> = table.optional(
        "contains",
        ("text that contains this, or an array that has this element", r#"contains = "Welcome""#),
    );
    let matches =
        table.optional("matches", ("text that matches this regular expression", r#"matches = "^v[0-9]+$""#));
    let one_of: Option<Options<V>> =
        table.optional("one-of", ("equals one of these", r#"one-of = ["new", "paid"]"#));
    let exists =
        table.optional("exists", ("`true`: the value must exist; `false`: it must not", "exists = false"));
    let json_type = table.optional("type", ("has this JSON type", r#"type = "array""#));
    let length = table.optional("length", ("the length matches this", "length = { min = 1 }"));
    let each = table.optional(
        "each",
        (
            "each value found (or each element of the one array found) matches this",
            r#"each = { type = "object" }"#,
        ),
    );
    let any = table.optional(
        "any",
        (
            "at least one value found (or element of the one array found) matches this",
            r#"any = { contains = "tea" }"#,
        ),
    );
    let count = table.optional("count", ("the number of values found matches this", "count = 3"));

    let [min, max] = between(table, min, max)?;
    let conditions = [
        equals.map(|value| Condition::Equals(value.into())),
        boxed(not).map(Condition::Not),
        min,
        max,
        contains.map(|part| Condition::Contains(part.into())),
        matches.map(Condition::Matches),
        one_of.map(|Options(values)| Condition::OneOf(values.into_iter().map(Into::into).collect())),
        exists.map(Condition::Exists),
        json_type.map(Condition::Type),
        amount(length).map(Condition::Length),
        boxed(each).map(Condition::Each),
        boxed(any).map(Condition::Any),
        amount(count).map(Condition::Count),
    ];
    all_of(table, conditions.into_iter().flatten().collect())
}

/// Combines conditions. A table without any asserts nothing.
pub(super) fn all_of(table: &mut Table<'_, '_, '_>, conditions: Vec<Condition>) -> Option<Matcher> {
    let nothing = Diagnostic::new(table.place(), "this matcher asserts nothing");
    table.not_empty(nothing.hint("say what is expected, for instance `{ exists = true }`"))?;
    Some(Matcher { conditions })
}

/// Returns `min` and `max`, unless no value lies between them.
pub(super) fn between(
    table: &mut Table<'_, '_, '_>,
    min: Option<Document>,
    max: Option<Document>,
) -> Option<[Option<Condition>; 2]> {
    if let (Some(Document::Fixed(least)), Some(Document::Fixed(most))) = (&min, &max) {
        match order(least, most) {
            Err(_) => return table.reject("max", "nothing can be compared with both `min` and `max`"),
            Ok(Ordering::Greater) => {
                return table.reject("max", "`max` is less than `min`: nothing lies between them");
            }
            Ok(Ordering::Less | Ordering::Equal) => {}
        }
    }
    Some([min.map(Condition::Min), max.map(Condition::Max)])
}

impl Pattern {
    /// Renders the regular expression.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated, or if the result does not compile.
    pub(super) fn regex(&self, scope: &Variables) -> Result<Regex, String> {
        match self {
            Pattern::Fixed(regex) => Ok(regex.clone()),
            Pattern::Template(template) => compile(&template.text(scope)?),
        }
    }
}

impl FromToml for Pattern {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let template = Template::from_toml(value, parse)?;
        let Some(literal) = template.literal() else {
            return Some(Pattern::Template(template));
        };
        match parse.patterns.once(literal, compile) {
            Ok(regex) => Some(Pattern::Fixed(regex)),
            Err(message) => {
                let place = parse.place(value.span());
                parse.reject(Diagnostic::new(place, message))
            }
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Template::schema(definitions)
    }
}

/// Compiles a regular expression, with any error on one line.
fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        format!("this regular expression does not parse: {reason}")
    })
}

/// Matchers by a name that the author chooses: a header's, a path, a selector, a column's. At least one.
pub(super) struct ByName<K, M>(pub Vec<(K, M)>);

impl<K: FromKey, M: FromToml> FromToml for ByName<K, M> {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let matchers = Vec::from_toml(value, parse)?;
        if matchers.is_empty() {
            let nothing = Diagnostic::new(parse.place(value.span()), "this asserts nothing");
            return parse.reject(nothing.hint("name a value and what it must match, or omit the key"));
        }
        Some(ByName(matchers))
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        let mut schema = Vec::<(K, M)>::schema(definitions);
        schema["minProperties"] = json!(1);
        schema
    }
}

/// Rejects an `expect` table that asserts nothing.
pub(super) fn assert_something(table: &mut Table<'_, '_, '_>) -> Option<()> {
    let nothing = Diagnostic::new(table.place(), "this `expect` asserts nothing");
    table.not_empty(nothing.hint("say what is expected, or omit `expect` for the default"))
}
