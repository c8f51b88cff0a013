//! Captures: values taken out of an answer for later steps.

use std::sync::Arc;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::describe::show;
use super::evaluate::{Found, FoundTexts};
use super::html::HtmlQuery;
use super::http::{Path, Selector};
use super::matcher::compile;
use super::response::{InspectedResponse, header_values, html_texts, json_values};
use crate::attempt::cost::{self, Cost};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromTable, FromToml, Named, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::variables::is_secret_name;
use crate::outcome::Mismatch;
use crate::probe::rows::QueryResult;
use crate::secret::Message;

/// The captures of a question, by name.
pub type Captures = Arc<[(Named, Capture)]>;

/// `capture.NAME = { … }`.
#[derive(Debug, Clone)]
pub struct Capture {
    from: From,
    /// Where it says what it takes.
    place: Place,
    secret: bool,
}

#[derive(Debug, Clone)]
enum From {
    Json(Path),
    Header(String),
    Cookie(String),
    Html(HtmlQuery),
    Regex(regex::Regex),
    Status,
    Body,
    /// The first column of the first row, or the named one.
    Column(Option<String>),
}

impl FromTable for Capture {
    const DEFINITION: &'static str = "capture";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let json: Option<Path> = table.optional("json", ("value that a JSONPath finds", r#"json = "$.id""#));
        let header: Option<String> =
            table.optional("header", ("value of a response header", r#"header = "x-token""#));
        let cookie: Option<String> =
            table.optional("cookie", ("value of a cookie that the response sets", r#"cookie = "session""#));
        let html: Option<Selector> = table.optional(
            "html",
            ("text of the element that a CSS selector finds", r#"html = "input[name=csrf]""#),
        );
        let attribute: Option<String> =
            table.optional("attr", ("with `html`: this attribute instead of the text", r#"attr = "value""#));
        let pattern: Option<GroupPattern> = table.optional(
            "regex",
            (
                "first group of this regular expression in the body, or the whole match",
                r#"regex = "id=([0-9]+)""#,
            ),
        );
        let status: Option<True> = table.optional("status", ("the status", "status = true"));
        let body: Option<True> = table.optional("body", ("the whole body as text", "body = true"));
        let value: Option<True> =
            table.optional("value", ("of a query: the first column of the first row", "value = true"));
        let column: Option<String> =
            table.optional("column", ("of a query: this column of the first row", r#"column = "id""#));
        let secret = table.optional(
            "secret",
            ("show the value as `***` in every output; by default, the name decides", "secret = true"),
        );

        table.needs("attr", "html", "`attr` belongs to `html`")?;
        let source = table.exactly_one(
            &["json", "header", "cookie", "html", "regex", "status", "body", "value", "column"],
            "a capture takes one of json, header, cookie, html, regex, status, body, value, column",
        )?;
        let from = json
            .map(From::Json)
            .or(header.map(From::Header))
            .or(cookie.map(From::Cookie))
            .or(html.map(|selector| From::Html(selector.query(attribute))))
            .or(pattern.map(|GroupPattern(pattern)| From::Regex(pattern)))
            .or(status.map(|True| From::Status))
            .or(body.map(|True| From::Body))
            .or(value.map(|True| From::Column(None)))
            .or(column.map(|name| From::Column(Some(name))))?;
        Some(Capture { from, place: table.key_place(source), secret: secret.unwrap_or(false) })
    }
}

/// A regular expression without templates.
struct GroupPattern(regex::Regex);

impl FromToml for GroupPattern {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let Named { name, place } = Named::from_toml(value, parse)?;
        match parse.patterns.once(&name, compile) {
            Ok(regex) => Some(GroupPattern(regex)),
            Err(message) => parse.reject(Diagnostic::new(place, message)),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        String::schema(definitions)
    }
}

/// What is asked for by `true`; `false` would ask for nothing.
struct True;

impl FromToml for True {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(true) => Some(True),
            _ => parse.expected(value, "`true`"),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "const": true })
    }
}

impl Capture {
    /// Does it take something that only an HTTP answer has?
    pub fn is_http(&self) -> bool {
        !matches!(self.from, From::Column(_))
    }

    /// Is the value that it takes for the variable `name` a secret?
    pub fn is_secret(&self, name: &str) -> bool {
        self.secret || is_secret_name(name)
    }

    /// What it looks for in a page.
    pub fn html_query(&self) -> Option<HtmlQuery> {
        match &self.from {
            From::Html(query) => Some(query.clone()),
            From::Json(..)
            | From::Header(_)
            | From::Cookie(_)
            | From::Regex(_)
            | From::Status
            | From::Body
            | From::Column(_) => None,
        }
    }

    /// What it costs to take the value out of an answer.
    pub fn cost(&self) -> Cost {
        match &self.from {
            From::Json(path) => cost::of_path(&path.text),
            From::Html(_) => Cost::Unknown,
            From::Regex(regex) => cost::of_pattern(regex.as_str()),
            From::Body => Cost::TO_READ,
            From::Header(_) | From::Cookie(_) | From::Status | From::Column(_) => Cost::Looks(1),
        }
    }

    /// Takes the value out of an HTTP answer.
    ///
    /// # Errors
    /// Nothing was found, or several.
    pub(super) fn take_from_response(
        &self,
        name: &str,
        answer: &InspectedResponse,
    ) -> Result<Value, Mismatch> {
        let one = |value: Value| FoundTexts { values: vec![value], surroundings: Message::new() };
        let texts = match &self.from {
            From::Json(path) => {
                let found = json_values(&answer.response, path)
                    .map_err(|mismatch| self.missed(name, mismatch.actual))?;
                return self.take_one(name, found);
            }
            From::Html(query) => {
                let found =
                    html_texts(answer, query).map_err(|too_much| self.missed(name, too_much.in_words().1))?;
                return self.take_one(name, found.as_found());
            }
            From::Header(header) => header_values(&answer.response.headers, header),
            From::Cookie(cookie) => cookie_values(answer, cookie),
            From::Regex(regex) => {
                // The whole match only where the expression has no group.
                let number = usize::from(regex.captures_len() > 1);
                let group = regex.captures(&answer.response.body).and_then(|captures| captures.get(number));
                FoundTexts {
                    values: group.map(|group| Value::from(group.as_str())).into_iter().collect(),
                    surroundings: Message::new(),
                }
            }
            From::Status => one(Value::from(answer.response.status)),
            From::Body => one(Value::from(answer.response.body.as_str())),
            From::Column(_) => FoundTexts { values: Vec::new(), surroundings: Message::new() },
        };
        self.take_one(name, texts.as_found())
    }

    /// The one value that was found.
    fn take_one(&self, name: &str, found: Found<'_>) -> Result<Value, Mismatch> {
        match found.values.as_slice() {
            &[value] => Ok(value.clone()),
            [] if found.surroundings.is_empty() => Err(self.missed(name, Message::new().words("nothing"))),
            [] => Err(self.missed(name, Message::new().words("nothing; ").then(found.surroundings))),
            several => {
                let actual = Message::new()
                    .words(format!("{} values, the first ", several.len()))
                    .then(show(several[0]));
                Err(self.missed(name, actual))
            }
        }
    }

    /// Takes the value out of the first row.
    ///
    /// # Errors
    /// There is no row, or no such column.
    pub(super) fn take_from_row(&self, name: &str, answer: &QueryResult) -> Result<Value, Mismatch> {
        let row = answer.first().map(Vec::as_slice).unwrap_or_default();
        let cell = match &self.from {
            From::Column(Some(column)) => row.iter().find(|(name, _)| name == column),
            _ => row.first(),
        };
        cell.map(|(_, value)| value.clone()).ok_or_else(|| self.missed(name, answer.describe()))
    }

    /// The mismatch of an answer that has `actual` instead of the value.
    pub(super) fn missed(&self, name: &str, actual: Message) -> Mismatch {
        let what = Message::new().words(format!("the capture `{name}`"));
        Mismatch { what, expected: self.describe(), actual, place: Some(self.place) }
    }

    fn describe(&self) -> Message {
        Message::new().words("to find ").words(match &self.from {
            From::Json(path) => format!("one value at json {}", path.text),
            From::Header(header) => format!("one header {header}"),
            From::Cookie(cookie) => format!("one cookie {cookie}"),
            From::Html(HtmlQuery { selector, attribute: None }) => format!("one element {selector}"),
            From::Html(HtmlQuery { selector, attribute: Some(attribute) }) => {
                format!("one element {selector} with the attribute {attribute}")
            }
            From::Regex(regex) => format!("a body that matches /{regex}/"),
            From::Status => "a status".to_owned(),
            From::Body => "a body".to_owned(),
            From::Column(None) => "a first row".to_owned(),
            From::Column(Some(column)) => format!("a first row with the column {column}"),
        })
    }
}

fn cookie_values(answer: &InspectedResponse, name: &str) -> FoundTexts {
    let set = &answer.response.set_cookies;
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    FoundTexts {
        surroundings: match names.is_empty() {
            true => Message::new().words("the response sets no cookie"),
            false => Message::new().words("the response sets ").data(names.join(", ")),
        },
        values: set
            .iter()
            .filter(|(set, _)| set == name)
            .map(|(_, value)| Value::from(value.as_str()))
            .collect(),
    }
}
