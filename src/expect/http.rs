//! Expectations on an HTTP answer.

use std::sync::Arc;

use serde_json::{Value, json};
use serde_json_path::JsonPath;
use toml::Spanned;
use toml::de::DeValue;

use super::answer::{Expectation, Unjudgeable};
use super::capture::Captures;
use super::connection::ConnectionExpectation;
use super::evaluate::{Found, Subject, judge};
use super::html::HtmlQuery;
use super::matcher::{ByName, Matcher, assert_something};
use super::operand::TextMatcher;
use super::response::{InspectedResponse, header_values, html_texts, json_values};
use super::status::StatusSet;
use crate::attempt::cost::{self, Cost};
use crate::language::diagnostic::Diagnostic;
use crate::language::placed::Placed;
use crate::language::read::{FromKey, FromTable, FromToml, Named, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::probe::http::response::HttpResponse;
use crate::secret::Message;

/// `expect` of a health check or an HTTP step.
#[derive(Debug, Clone, Default)]
pub struct HttpExpectation {
    status: Option<StatusExpectation>,
    header: Vec<(HeaderKey, Matcher)>,
    body: Option<Placed<Matcher>>,
    json: Vec<(Path, Matcher)>,
    html: Vec<(Selector, Matcher)>,
    url: Option<Placed<Matcher>>,
    connection: ConnectionExpectation,
}

#[derive(Debug, Clone)]
struct StatusExpectation {
    set: StatusSet,
    /// Where the suite says so; nowhere, if it is what is expected by default.
    place: Option<Place>,
}

impl FromTable for HttpExpectation {
    const DEFINITION: &'static str = "http-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        // A mistake in one of these is reported, and the rest is still read.
        let _ = assert_something(table);
        let status = table.placed("status", (r#"a status, a class such as `"2xx"`, or a list of both; by default, 2xx (in a step, below 400)"#, r#"status = [200, "3xx"]"#));
        let header = table.optional(
            "header",
            ("response headers, by name", r#"header = { content-type = { contains = "json" } }"#),
        );
        let body: Option<Placed<TextMatcher>> =
            table.placed("body", ("the body as text", r#"body = { contains = "ready" }"#));
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
        let connection = ConnectionExpectation::from_keys(table);
        let url: Option<Placed<TextMatcher>> =
            table.placed("url", ("the URL after redirects", r#"url = { matches = "/dashboard$" }"#));
        Some(HttpExpectation {
            status: status.map(|Placed { place, value: set }| StatusExpectation { set, place: Some(place) }),
            header: texts(header),
            body: body.map(|body| body.map(Matcher::from)),
            json: json.map(|ByName(matchers)| matchers).unwrap_or_default(),
            html: texts(html),
            url: url.map(|url| url.map(Matcher::from)),
            connection,
        })
    }
}

fn texts<K>(by_name: Option<ByName<K, TextMatcher>>) -> Vec<(K, Matcher)> {
    let matchers = by_name.into_iter().flat_map(|ByName(matchers)| matchers);
    matchers.map(|(key, matcher)| (key, matcher.into())).collect()
}

/// The name of a header.
#[derive(Debug, Clone)]
struct HeaderKey(Named);

impl FromKey for HeaderKey {
    fn from_key(named: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        match named.name.parse::<reqwest::header::HeaderName>() {
            Ok(_) => Some(HeaderKey(named)),
            Err(_) => {
                let message = format!("`{}` is not a header name", named.name);
                parse.reject(Diagnostic::new(named.place, message))
            }
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
    pub place: Place,
    pub parsed: Arc<JsonPath>,
}

impl FromKey for Path {
    fn from_key(named: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        match parse.paths.once(&named.name, |text| JsonPath::parse(text).map(Arc::new)) {
            Ok(parsed) => Some(Path { text: named.name, place: named.place, parsed }),
            Err(error) => {
                // The library seldom reports more than that it does not parse.
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
pub(super) struct Selector(Named);

impl Selector {
    pub(super) fn query(&self, attribute: Option<String>) -> HtmlQuery {
        HtmlQuery { selector: self.0.name.clone(), attribute }
    }
}

impl FromKey for Selector {
    fn from_key(named: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        match scraper::Selector::parse(&named.name) {
            Ok(_) => Some(Selector(named)),
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
    /// The same, with `status` if no status is expected.
    pub fn or_status(self, status: StatusSet) -> HttpExpectation {
        let default = StatusExpectation { set: status, place: None };
        HttpExpectation { status: self.status.or(Some(default)), ..self }
    }

    /// Is anything expected of a certificate?
    pub fn expects_certificate(&self) -> bool {
        self.connection.expects_certificate()
    }

    fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        let by_name = self.header.iter().map(|(_, matcher)| matcher);
        let by_selector = self.html.iter().map(|(_, matcher)| matcher);
        let by_path = self.json.iter().map(|(_, matcher)| matcher);
        let single = self.body.iter().chain(&self.url).map(|expected| &expected.value);
        by_name.chain(by_path).chain(by_selector).chain(single).chain(self.connection.matchers())
    }
}

impl Expectation<InspectedResponse> for HttpExpectation {
    fn templates(&self) -> Vec<&Template> {
        self.matchers().flat_map(Matcher::templates).collect()
    }

    fn announce(&self, captures: &Captures, answer: &mut InspectedResponse) {
        let expected = self.html.iter().map(|(selector, _)| selector.query(None));
        let captured = captures.iter().filter_map(|(_, capture)| capture.html_query());
        answer.will_be_asked(expected.chain(captured).collect());
    }

    fn cost(&self) -> Cost {
        let pages = self.html.iter().map(|_| Cost::Unknown);
        let paths = self.json.iter().map(|(path, _)| cost::of_path(&path.text));
        pages.chain(paths).chain(self.matchers().map(Matcher::cost)).sum()
    }

    fn judge_first(&self, answer: &InspectedResponse) -> Option<Mismatch> {
        let StatusExpectation { set, place } = self.status.as_ref()?;
        (!set.contains(answer.response.status)).then(|| Mismatch {
            what: Message::new().words("status"),
            expected: set.describe(),
            actual: Message::new().words(answer.response.status.to_string()),
            place: *place,
        })
    }

    fn judge(&self, answer: &InspectedResponse, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet = Vec::new();
        let subject = |what: String, place: Place| Subject { what: Message::new().words(what), place };
        for (HeaderKey(Named { name, place }), matcher) in &self.header {
            let subject = subject(format!("header {name}"), *place);
            unmet.extend(judge(
                &subject,
                matcher,
                &header_values(&answer.response.headers, name).as_found(),
                scope,
            )?);
        }
        for (path, matcher) in &self.json {
            let subject = subject(format!("json {}", path.text), path.place);
            match json_values(&answer.response, path) {
                Ok(found) => unmet.extend(judge(&subject, matcher, &found, scope)?),
                Err(mismatch) => {
                    unmet.push(mismatch);
                    break;
                }
            }
        }
        for (selector, matcher) in &self.html {
            let subject = subject(format!("html {}", selector.0.name), selector.0.place);
            match html_texts(answer, &selector.query(None)) {
                Ok(found) => unmet.extend(judge(&subject, matcher, &found.as_found(), scope)?),
                Err(too_much) => {
                    let (expected, actual) = too_much.in_words();
                    let Subject { what, place } = subject;
                    unmet.push(Mismatch { what, expected, actual, place: Some(place) });
                    break;
                }
            }
        }
        let single = [
            ("body", &self.body, answer.response.body.as_str()),
            ("url", &self.url, answer.response.url.as_str()),
        ];
        for (what, expected, text) in single {
            if let Some(Placed { place, value: matcher }) = expected {
                let subject = subject(what.to_owned(), *place);
                unmet.extend(judge(&subject, matcher, &Found::one(&Value::from(text)), scope)?);
            }
        }
        let HttpResponse { took, days_left, .. } = answer.response;
        unmet.extend(self.connection.judge(took, days_left, scope)?);
        Ok(unmet)
    }
}
