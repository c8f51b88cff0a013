//! Captures: values taken out of an answer for later steps.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::http::{HtmlQuery, HttpAnswer, css_selector, header_values, html_texts, json_path, json_values};
use super::judge::{Found, show};
use super::matcher::compile;
use super::rows::RowsAnswer;
use crate::outcome::{Failure, Mismatch};
use crate::secret::Message;
use crate::suite::error::Diagnostic;
use crate::suite::read::{FromTable, Named, Table};

/// `capture.NAME = { … }`.
#[derive(Debug, Clone)]
pub struct Capture {
    from: From,
    pub secret: bool,
}

#[derive(Debug, Clone)]
enum From {
    Json(String, JsonPath),
    Header(String),
    Cookie(String),
    Html {
        selector: String,
        attribute: Option<String>,
    },
    Regex(regex::Regex),
    Status,
    Body,
    /// The first column of the first row, or the named one.
    Column(Option<String>),
}

impl FromTable for Capture {
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let json: Option<Named> = table.optional("json", "a JSONPath");
        let header: Option<String> = table.optional("header", "a header's name");
        let cookie: Option<String> = table.optional("cookie", "a cookie's name");
        let html: Option<Named> = table.optional("html", "a CSS selector, for the element's text");
        let attribute: Option<String> =
            table.optional("attr", "the attribute of the element, instead of its text");
        let pattern: Option<Named> = table.optional("regex", "a regular expression, for its first group");
        let status: Option<bool> = table.optional("status", "`true`: the status");
        let body: Option<bool> = table.optional("body", "`true`: the whole body as text");
        let value: Option<bool> = table.optional("value", "`true`: the first column of the first row");
        let column: Option<String> = table.optional("column", "a column of the first row");
        let secret =
            table.optional("secret", "whether the value is shown as *** in every output").unwrap_or(false);

        if attribute.is_some() && html.is_none() {
            return table.reject("attr", "`attr` belongs to `html`");
        }
        let mut sources: Vec<Option<From>> = Vec::new();
        sources.extend(json.map(|named| json_path(&named, table).map(|path| From::Json(named.name, path))));
        sources.extend(header.map(|name| Some(From::Header(name))));
        sources.extend(cookie.map(|name| Some(From::Cookie(name))));
        sources.extend(html.map(|named| {
            css_selector(&named, table).map(|()| From::Html { selector: named.name, attribute })
        }));
        sources.extend(pattern.map(|named| match compile(&named.name) {
            Ok(regex) => Some(From::Regex(regex)),
            Err(message) => table.reading.reject(Diagnostic::new(named.place, message)),
        }));
        sources.extend(status.filter(|yes| *yes).map(|_| Some(From::Status)));
        sources.extend(body.filter(|yes| *yes).map(|_| Some(From::Body)));
        sources.extend(value.filter(|yes| *yes).map(|_| Some(From::Column(None))));
        sources.extend(column.map(|name| Some(From::Column(Some(name)))));
        match (sources.pop(), sources.is_empty()) {
            (Some(from), true) => Some(Capture { from: from?, secret }),
            _ => {
                let place = table.place();
                let message =
                    "a capture takes one of json, header, cookie, html, regex, status, body, value, column";
                table.lacks(Diagnostic::new(place, message))
            }
        }
    }
}

impl Capture {
    /// Does it take something that only an HTTP answer has?
    #[must_use]
    pub fn is_http(&self) -> bool {
        !matches!(self.from, From::Column(_))
    }

    /// What it looks for in a page.
    #[must_use]
    pub fn html_query(&self) -> Option<HtmlQuery> {
        match &self.from {
            From::Html { selector, attribute } => {
                Some(HtmlQuery { selector: selector.clone(), attribute: attribute.clone() })
            }
            From::Json(..)
            | From::Header(_)
            | From::Cookie(_)
            | From::Regex(_)
            | From::Status
            | From::Body
            | From::Column(_) => None,
        }
    }

    /// Takes the value out of an HTTP answer.
    ///
    /// # Errors
    /// Nothing was found, or several.
    pub fn take(&self, name: &str, answer: &HttpAnswer) -> Result<Value, Failure> {
        let found = match &self.from {
            From::Json(_, path) => {
                json_values(answer, path).map_err(|mismatch| self.failure(name, mismatch.actual, answer))?
            }
            From::Header(header) => header_values(&answer.headers, header),
            From::Cookie(cookie) => cookie_values(answer, cookie),
            From::Html { selector, attribute } => html_texts(answer, selector, attribute.as_deref()),
            From::Regex(regex) => {
                // The whole match only where the expression has no group.
                let number = usize::from(regex.captures_len() > 1);
                let group = regex.captures(&answer.body).and_then(|captures| captures.get(number));
                Found {
                    values: group.map(|group| Value::from(group.as_str())).into_iter().collect(),
                    surroundings: Message::new(),
                }
            }
            From::Status => Found::one(Value::from(answer.status)),
            From::Body => Found::one(Value::from(answer.body.as_str())),
            From::Column(_) => Found { values: Vec::new(), surroundings: Message::new() },
        };
        match found.values.as_slice() {
            [value] => Ok(value.clone()),
            [] if found.surroundings.is_empty() => {
                Err(self.failure(name, Message::new().words("nothing"), answer))
            }
            [] => Err(self.failure(name, Message::new().words("nothing; ").then(found.surroundings), answer)),
            several => {
                let actual = Message::new()
                    .words(format!("{} values, the first ", several.len()))
                    .then(show(&several[0]));
                Err(self.failure(name, actual, answer))
            }
        }
    }

    /// Takes the value out of the first row.
    ///
    /// # Errors
    /// There is no row, or no such column.
    pub fn take_from_row(&self, name: &str, answer: &RowsAnswer) -> Result<Value, Failure> {
        let row = answer.first.as_deref().unwrap_or_default();
        let cell = match &self.from {
            From::Column(Some(column)) => row.iter().find(|(name, _)| name == column),
            _ => row.first(),
        };
        cell.map(|(_, value)| value.clone()).ok_or_else(|| {
            let actual = super::rows::RowsExpectation::describe(answer);
            Failure::mismatch(what(name), self.describe(), actual)
        })
    }

    fn failure(&self, name: &str, actual: Message, answer: &HttpAnswer) -> Failure {
        let mismatch = Mismatch { what: what(name), expected: self.describe(), actual };
        Failure::Mismatch { mismatches: vec![mismatch], answer: Some(answer.describe()) }
    }

    fn describe(&self) -> Message {
        Message::new().words("to find ").words(match &self.from {
            From::Json(path, _) => format!("one value at json {path}"),
            From::Header(header) => format!("one header {header}"),
            From::Cookie(cookie) => format!("one cookie {cookie}"),
            From::Html { selector, attribute: None } => format!("one element {selector}"),
            From::Html { selector, attribute: Some(attribute) } => {
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

fn what(name: &str) -> Message {
    Message::new().words(format!("the capture `{name}`"))
}

fn cookie_values(answer: &HttpAnswer, name: &str) -> Found {
    let set = &answer.set_cookies;
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    Found {
        surroundings: match names.is_empty() {
            true => Message::new().words("the answer sets no cookie"),
            false => Message::new().words("the answer sets ").data(names.join(", ")),
        },
        values: set
            .iter()
            .filter(|(set, _)| set == name)
            .map(|(_, value)| Value::from(value.as_str()))
            .collect(),
    }
}
