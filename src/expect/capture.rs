//! Captures: values taken from an answer for later steps.

use std::sync::Arc;

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::json_path::Path;
use super::matcher::Pattern;
use super::selector::Selector;
use super::wanted::{Sought, Wanted};
use crate::language::read::{FromTable, FromToml, Named, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::{Variables, is_secret_name};

/// The captures of an exchange, by name.
pub type Captures = Arc<[(Named, Capture)]>;

/// What an answer is, for those that take something out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Response,
    Rows,
    Program,
}

impl Origin {
    /// What can be captured of it, for somebody who wants something else.
    pub fn what_is_captured(self) -> &'static str {
        match self {
            Origin::Response => {
                "`value` and `column` are captured from rows, `stdout` from a program, and this step sends a request"
            }
            Origin::Rows => "rows have `value = true` and `column = \"…\"` to capture",
            Origin::Program => "a program has `json`, `regex` and `stdout = true` to capture",
        }
    }
}

/// `capture.NAME = { … }`, as a suite writes it.
#[derive(Debug, Clone)]
pub struct Capture {
    from: From,
    /// Where the suite states what to capture.
    place: Place,
    secret: bool,
}

#[derive(Debug, Clone)]
enum From {
    Json(Path),
    Header(Template),
    Cookie(Template),
    Html {
        selector: Selector,
        attribute: Option<Template>,
    },
    Regex(Pattern),
    Status,
    Body,
    Stdout,
    /// The first column of the first row, or the named one.
    Column(Option<Template>),
}

impl FromTable for Capture {
    const DEFINITION: &'static str = "capture";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let json: Option<Path> = table.optional("json", ("value that a JSONPath finds", r#"json = "$.id""#));
        let header: Option<Template> =
            table.optional("header", ("value of a response header", r#"header = "x-token""#));
        let cookie: Option<Template> =
            table.optional("cookie", ("value of a cookie that the response sets", r#"cookie = "session""#));
        let html: Option<Selector> = table.optional(
            "html",
            ("text of the element that a CSS selector finds", r#"html = "input[name=csrf]""#),
        );
        let attribute: Option<Template> =
            table.optional("attr", ("with `html`: this attribute instead of the text", r#"attr = "value""#));
        let pattern: Option<Pattern> = table.optional(
            "regex",
            (
                "first group of this regular expression in the body or in stdout, or the whole match",
                r#"regex = "id=([0-9]+)""#,
            ),
        );
        let status: Option<True> = table.optional("status", ("the status", "status = true"));
        let body: Option<True> = table.optional("body", ("the whole body as text", "body = true"));
        let stdout: Option<True> = table.optional(
            "stdout",
            ("of a program: what it prints to stdout, without the line breaks at the end", "stdout = true"),
        );
        let value: Option<True> =
            table.optional("value", ("of a query: the first column of the first row", "value = true"));
        let column: Option<Template> =
            table.optional("column", ("of a query: this column of the first row", r#"column = "id""#));
        let secret = table.optional(
            "secret",
            ("show the value as `***` in every output; by default, the name decides", "secret = true"),
        );

        table.needs("attr", "html", "`attr` belongs to `html`")?;
        let source = table.exactly_one(
            &["json", "header", "cookie", "html", "regex", "status", "body", "stdout", "value", "column"],
            "a capture takes one of json, header, cookie, html, regex, status, body, stdout, value, column",
        )?;
        let from = json
            .map(From::Json)
            .or(header.map(From::Header))
            .or(cookie.map(From::Cookie))
            .or(html.map(|selector| From::Html { selector, attribute }))
            .or(pattern.map(From::Regex))
            .or(status.map(|True| From::Status))
            .or(body.map(|True| From::Body))
            .or(stdout.map(|True| From::Stdout))
            .or(value.map(|True| From::Column(None)))
            .or(column.map(|name| From::Column(Some(name))))?;
        Some(Capture { from, place: table.key_place(source), secret: secret.unwrap_or(false) })
    }
}

/// A key that only accepts `true`, because `false` would request nothing.
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
    /// Does it take something that an answer of this kind has?
    pub fn comes_from(&self, origin: Origin) -> bool {
        match &self.from {
            From::Json(_) | From::Regex(_) => origin != Origin::Rows,
            From::Header(_) | From::Cookie(_) | From::Html { .. } | From::Status | From::Body => {
                origin == Origin::Response
            }
            From::Stdout => origin == Origin::Program,
            From::Column(_) => origin == Origin::Rows,
        }
    }

    /// Whether the value captured for the variable `name` is secret.
    pub fn is_secret(&self, name: &str) -> bool {
        // A cookie may hold a session.
        self.secret || is_secret_name(name) || matches!(self.from, From::Cookie(_))
    }

    /// Whether it reads the body.
    pub fn reads_body(&self) -> bool {
        match &self.from {
            From::Json(_) | From::Html { .. } | From::Regex(_) | From::Body => true,
            From::Header(_) | From::Cookie(_) | From::Status | From::Stdout | From::Column(_) => false,
        }
    }

    /// Returns every template in the capture.
    pub fn templates(&self) -> Vec<&Template> {
        match &self.from {
            From::Json(path) => vec![path.template()],
            From::Header(name) | From::Cookie(name) | From::Column(Some(name)) => vec![name],
            From::Html { selector, attribute } => {
                std::iter::once(selector.template()).chain(attribute).collect()
            }
            From::Regex(Pattern::Template(template)) => vec![template],
            From::Regex(Pattern::Fixed(_))
            | From::Status
            | From::Body
            | From::Stdout
            | From::Column(None) => Vec::new(),
        }
    }

    /// Renders what to capture.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated, or if its value is not valid at its position.
    pub fn wanted(&self, scope: &Variables) -> Result<Wanted, String> {
        let text = |template: &Template| template.text(scope);
        let sought = match &self.from {
            From::Json(path) => Sought::Json(path.query(scope)?),
            From::Header(name) => Sought::Header(text(name)?),
            From::Cookie(name) => Sought::Cookie(text(name)?),
            From::Html { selector, attribute } => {
                let attribute = attribute.as_ref().map(text).transpose()?;
                Sought::Html(selector.query(attribute.as_deref(), scope)?)
            }
            From::Regex(pattern) => Sought::Regex(pattern.regex(scope)?),
            From::Status => Sought::Status,
            From::Body => Sought::Body,
            From::Stdout => Sought::Stdout,
            From::Column(name) => Sought::Column(name.as_ref().map(text).transpose()?),
        };
        Ok(Wanted { sought, place: self.place })
    }
}
