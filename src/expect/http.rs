//! Expectations on an HTTP response.

use serde_json::Value;

use super::answer::{Expectation, Unjudgeable};
use super::connection::ConnectionExpectation;
use super::evaluate::{Found, Subject, judge};
use super::header_key::HeaderKey;
use super::json_path::Path;
use super::matcher::{ByName, Matcher, assert_something};
use super::operand::TextMatcher;
use super::response::{InspectedResponse, header_values, html_texts};
use super::selector::Selector;
use super::status::StatusSet;
use super::wanted::Wanted;
use crate::attempt::cost::{self, Cost};
use crate::language::placed::Placed;
use crate::language::read::{FromTable, Named, Table};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::probe::http::response::HttpResponse;
use crate::secret::{Message, message};

/// The `expect` table of a health check or an HTTP step.
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
    /// Where the suite states it, or `None` for the default.
    place: Option<Place>,
}

impl FromTable for HttpExpectation {
    const DEFINITION: &'static str = "http-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        // A mistake here is reported, and the remaining keys are still read.
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

impl HttpExpectation {
    /// Expects `status` unless another status is expected.
    pub fn or_status(self, status: StatusSet) -> HttpExpectation {
        let default = StatusExpectation { set: status, place: None };
        HttpExpectation { status: self.status.or(Some(default)), ..self }
    }

    /// Whether it expects anything of the body.
    pub fn reads_body(&self) -> bool {
        self.body.is_some() || !self.json.is_empty() || !self.html.is_empty()
    }

    /// Whether it expects anything of the certificate.
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
        let headers = self.header.iter().map(|(name, _)| name.template());
        let paths = self.json.iter().map(|(path, _)| path.template());
        let selectors = self.html.iter().map(|(selector, _)| selector.template());
        let keys = headers.chain(paths).chain(selectors);
        keys.chain(self.matchers().flat_map(Matcher::templates)).collect()
    }

    fn announce(&self, captures: &[(Named, Wanted)], scope: &Variables, answer: &mut InspectedResponse) {
        // A selector that reads a capture of this same response is evaluated once that is known.
        let expected = self.html.iter().filter_map(|(selector, _)| selector.query(None, scope).ok());
        let captured = captures.iter().filter_map(|(_, wanted)| wanted.html_query());
        answer.will_be_asked(expected.chain(captured).collect());
    }

    fn cost(&self) -> Cost {
        let pages = self.html.iter().map(|_| Cost::Unknown);
        let paths = self.json.iter().map(|(path, _)| cost::of_path(&path.written()));
        pages.chain(paths).chain(self.matchers().map(Matcher::cost)).sum()
    }

    fn judge_first(
        &self,
        answer: &InspectedResponse,
        _: &Variables,
    ) -> Result<Option<Mismatch>, Unjudgeable> {
        let Some(StatusExpectation { set, place }) = &self.status else { return Ok(None) };
        Ok((!set.contains(answer.response.status)).then(|| Mismatch {
            what: message!("status"),
            expected: set.describe(),
            actual: Message::new().words(format!("{}{}", answer.response.status, answer.response.origin())),
            place: *place,
        }))
    }

    fn judge(&self, answer: &InspectedResponse, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet = Vec::new();
        // A template may have put a secret into what is looked for.
        let subject = |what: &'static str, sought: &str, place: Place| Subject {
            what: Message::new().words(what).data(sought),
            place,
        };
        for (key, matcher) in &self.header {
            let name = key.name(scope)?;
            let subject = subject("header ", name.as_str(), key.place());
            let values = header_values(&answer.response.headers, name.as_str());
            unmet.extend(judge(&subject, matcher, &values.as_found(), scope)?);
        }
        for (path, matcher) in &self.json {
            let query = path.query(scope)?;
            let subject = subject("json ", &query.text, path.place);
            match answer.json_values(&query, path.place) {
                Ok(found) => unmet.extend(judge(&subject, matcher, &found, scope)?),
                Err(mismatch) => {
                    unmet.push(mismatch);
                    break;
                }
            }
        }
        for (selector, matcher) in &self.html {
            let query = selector.query(None, scope)?;
            let subject = subject("html ", &query.selector.clone(), selector.place());
            match html_texts(answer, &query) {
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
                let subject = subject(what, "", *place);
                unmet.extend(judge(&subject, matcher, &Found::one(&Value::from(text)), scope)?);
            }
        }
        let HttpResponse { took, certificate, .. } = &answer.response;
        unmet.extend(self.connection.judge(*took, certificate.as_deref(), scope)?);
        Ok(unmet)
    }
}
