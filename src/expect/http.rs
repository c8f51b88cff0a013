//! Expectations on an HTTP answer, and on what `tcp://` and `tls://` have of one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use serde_json_path::JsonPath;
use toml::Spanned;
use toml::de::DeValue;

use super::evaluate::{Found, Unjudgeable, judge};
use super::html::HtmlQuery;
use super::matcher::{ByName, CertificateExpectation, Matcher, assert_something};
use super::operand::TextMatcher;
use super::response::{InspectedResponse, header_values, html_texts, json_values};
use super::status::StatusSet;
use crate::attempt::cost::{self, Cost};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromKey, FromTable, FromToml, Named, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::{Mismatch, Span};
use crate::secret::Message;

/// `expect` of a health check or an HTTP step.
#[derive(Debug, Clone, Default)]
pub struct HttpExpectation {
    pub status: Option<StatusSet>,
    header: Vec<(HeaderKey, Matcher)>,
    body: Option<Matcher>,
    json: Vec<(Path, Matcher)>,
    html: Vec<(Selector, Matcher)>,
    within: Option<Duration>,
    certificate: Option<CertificateExpectation>,
    url: Option<Matcher>,
    /// The first key that only an HTTP answer can meet.
    http_only: Option<Place>,
}

impl FromTable for HttpExpectation {
    const DEFINITION: &'static str = "http-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        // What is wrong in one of these is told, and the rest is read all the same.
        let _ = assert_something(table);
        let status = table.optional("status", (r#"a status, a class such as `"2xx"`, or a list of both; by default, 2xx (in a step, below 400)"#, r#"status = [200, "3xx"]"#));
        let header = table.optional(
            "header",
            ("response headers, by name", r#"header = { content-type = { contains = "json" } }"#),
        );
        let body: Option<TextMatcher> =
            table.optional("body", ("the body as text", r#"body = { contains = "ready" }"#));
        let json = table.optional(
            "json",
            ("values that a JSONPath (RFC 9535) finds, by path", r#"json = { "$.items[0].id" = 7 }"#),
        );
        let html = table.optional(
            "html",
            (
                "text of the elements that a CSS selector finds, by selector",
                r#"html = { h1 = { contains = "Welcome" } }"#,
            ),
        );
        let within = table.optional(
            "within",
            (
                "longest time that the response may take, even if the budget allows more",
                r#"within = "300ms""#,
            ),
        );
        let certificate = table.optional(
            "certificate",
            ("the server's certificate", "certificate = { days-left = { min = 14 } }"),
        );
        let url: Option<TextMatcher> =
            table.optional("url", ("the URL after redirects", r#"url = { matches = "/dashboard$" }"#));
        let http_only = ["status", "header", "body", "json", "html", "url"]
            .iter()
            .find(|key| table.has(key))
            .map(|key| table.key_place(key));

        Some(HttpExpectation {
            status,
            header: texts(header),
            body: body.map(Matcher::from),
            json: json.map(|ByName(matchers)| matchers).unwrap_or_default(),
            html: texts(html),
            within,
            certificate,
            url: url.map(Matcher::from),
            http_only,
        })
    }
}

fn texts<K>(by_name: Option<ByName<K, TextMatcher>>) -> Vec<(K, Matcher)> {
    let matchers = by_name.into_iter().flat_map(|ByName(matchers)| matchers);
    matchers.map(|(key, matcher)| (key, matcher.into())).collect()
}

/// The name of a header.
#[derive(Debug, Clone)]
struct HeaderKey(String);

impl FromKey for HeaderKey {
    fn from_key(Named { name, place }: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        match name.parse::<reqwest::header::HeaderName>() {
            Ok(_) => Some(HeaderKey(name)),
            Err(_) => parse.reject(Diagnostic::new(place, format!("`{name}` is not a header name"))),
        }
    }

    fn pattern() -> Option<&'static str> {
        Some("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
    }
}

/// A `JSONPath` (RFC 9535) of the suite.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub text: String,
    pub parsed: Arc<JsonPath>,
}

impl FromKey for Path {
    fn from_key(named: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        match parse.paths.once(&named.name, |text| JsonPath::parse(text).map(Arc::new)) {
            Ok(parsed) => Some(Path { text: named.name, parsed }),
            Err(error) => {
                // The library seldom says more than that it does not parse.
                let reason = match error.message() {
                    "parser error" => format!("at character {}", error.position() + 1),
                    reason => reason.to_owned(),
                };
                let message = format!("this JSONPath does not parse: {reason}");
                let hint = match named.name.starts_with('$') {
                    true => "JSONPath is RFC 9535: $.items[0].id, $['a key'], $..id, $.items[?@.id == 1]"
                        .to_owned(),
                    false => format!("a JSONPath starts with `$`: write \"$.{}\"", named.name),
                };
                parse.reject(Diagnostic::new(named.place, message).hint(hint))
            }
        }
    }

    fn pattern() -> Option<&'static str> {
        Some(r"^\$")
    }
}

impl FromToml for Path {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        Named::from_toml(value, parse).and_then(|named| Path::from_key(named, parse))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": Path::pattern() })
    }
}

/// A CSS selector of the suite.
#[derive(Debug, Clone)]
pub(super) struct Selector(pub String);

impl Selector {
    pub(super) fn query(&self, attribute: Option<String>) -> HtmlQuery {
        HtmlQuery { selector: self.0.clone(), attribute }
    }
}

impl FromKey for Selector {
    fn from_key(named: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        match scraper::Selector::parse(&named.name) {
            Ok(_) => Some(Selector(named.name)),
            Err(error) => {
                let message = format!("this CSS selector does not parse: {error}");
                parse.reject(Diagnostic::new(named.place, message))
            }
        }
    }

    fn pattern() -> Option<&'static str> {
        None
    }
}

impl FromToml for Selector {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        Named::from_toml(value, parse).and_then(|named| Selector::from_key(named, parse))
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        String::schema(definitions)
    }
}

impl HttpExpectation {
    fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        let by_name = self.header.iter().map(|(_, matcher)| matcher);
        let by_selector = self.html.iter().map(|(_, matcher)| matcher);
        let by_path = self.json.iter().map(|(_, matcher)| matcher);
        let single = self.body.iter().chain(&self.url).chain(self.certificate.iter().map(|c| &c.days_left));
        by_name.chain(by_path).chain(by_selector).chain(single)
    }

    /// Every template in the matchers.
    pub fn templates(&self) -> Vec<&Template> {
        self.matchers().flat_map(Matcher::templates).collect()
    }

    /// What [`judge_rest`](HttpExpectation::judge_rest) does with an answer.
    pub fn cost(&self) -> Cost {
        let pages = self.html.iter().map(|_| Cost::Unknown);
        let paths = self.json.iter().map(|(path, _)| cost::of_path(&path.text));
        pages.chain(paths).chain(self.matchers().map(Matcher::cost)).sum()
    }

    /// What it looks for in a page.
    pub fn html_queries(&self) -> impl Iterator<Item = HtmlQuery> {
        self.html.iter().map(|(selector, _)| selector.query(None))
    }

    /// A place where it expects something that only HTTP has.
    pub fn http_only(&self) -> Option<Place> {
        self.http_only
    }

    /// Where `certificate` is expected of something without one.
    pub fn expects_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// Is the status the expected one? Judged before anything else is looked at.
    pub fn judge_status(&self, answer: &InspectedResponse, default: &StatusSet) -> Option<Mismatch> {
        let expected = self.status.as_ref().unwrap_or(default);
        (!expected.contains(answer.response.status)).then(|| Mismatch {
            what: Message::new().words("status"),
            expected: expected.describe(),
            actual: Message::new().words(answer.response.status.to_string()),
        })
    }

    /// Every other expectation that the answer does not meet.
    ///
    /// # Errors
    /// A template in a matcher cannot be evaluated.
    pub fn judge_rest(
        &self,
        answer: &InspectedResponse,
        scope: &Variables,
    ) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet = Vec::new();
        for (HeaderKey(name), matcher) in &self.header {
            let what = Message::new().words(format!("header {name}"));
            unmet.extend(judge(&what, matcher, &header_values(&answer.response.headers, name), scope)?);
        }
        for (path, matcher) in &self.json {
            let what = Message::new().words(format!("json {}", path.text));
            match json_values(&answer.response, &path.parsed) {
                Ok(found) => unmet.extend(judge(&what, matcher, &found, scope)?),
                Err(mismatch) => {
                    unmet.push(mismatch);
                    break;
                }
            }
        }
        for (selector, matcher) in &self.html {
            let what = Message::new().words(format!("html {}", selector.0));
            unmet.extend(judge(&what, matcher, &html_texts(answer, &selector.query(None)), scope)?);
        }
        if let Some(matcher) = &self.body {
            let body = Found::one(Value::from(answer.response.body.as_str()));
            unmet.extend(judge(&Message::new().words("body"), matcher, &body, scope)?);
        }
        if let Some(matcher) = &self.url {
            let url = Found::one(Value::from(answer.response.url.as_str()));
            unmet.extend(judge(&Message::new().words("url"), matcher, &url, scope)?);
        }
        unmet.extend(self.judge_connection(answer.response.took, answer.response.days_left, scope)?);
        Ok(unmet)
    }

    /// The expectations that every protocol of a health check has: `within` and `certificate`.
    ///
    /// # Errors
    /// A template in a matcher cannot be evaluated.
    pub fn judge_connection(
        &self,
        took: Duration,
        days_left: Option<i64>,
        scope: &Variables,
    ) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet: Vec<Mismatch> = too_slow(self.within, took).into_iter().collect();
        if let Some(certificate) = &self.certificate {
            let found = Found {
                values: days_left.map(Value::from).into_iter().collect(),
                surroundings: Message::new().words("there is no certificate without TLS"),
            };
            let what = Message::new().words("certificate days-left");
            unmet.extend(judge(&what, &certificate.days_left, &found, scope)?);
        }
        Ok(unmet)
    }
}

/// The mismatch of an answer that came later than `within`.
pub(super) fn too_slow(within: Option<Duration>, took: Duration) -> Option<Mismatch> {
    let within = within.filter(|within| took > *within)?;
    Some(Mismatch {
        what: Message::new().words("an answer"),
        expected: Message::new().words(format!("within {}", Span(within))),
        actual: Message::new().words(format!("one after {}", Span(took))),
    })
}
