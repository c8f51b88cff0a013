//! An HTTP answer, and what is looked up in it.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::effort::Effort;
use super::judge::Found;
use super::page::{self, HtmlQuery};
use crate::outcome::Mismatch;
use crate::secret::Message;

/// How much of a body is shown under a mismatch, in characters.
const BODY_SHOWN: usize = 400;

/// An HTTP answer, whole.
#[derive(Debug)]
pub struct HttpAnswer {
    pub status: u16,
    pub version: &'static str,
    pub headers: HeaderMap,
    pub body: String,
    /// Where the answer came from, after redirects, without user and password.
    pub url: String,
    /// From the first byte sent to the last byte read, redirects included.
    pub took: Duration,
    /// Days until the server's certificate expires, over TLS.
    pub days_left: Option<i64>,
    /// The cookies that were set on the way, redirects included: the last value of each name.
    pub set_cookies: Vec<(String, String)>,
    json: OnceLock<Result<Value, String>>,
    queries: Vec<HtmlQuery>,
    html: OnceLock<Vec<Found>>,
}

impl HttpAnswer {
    #[must_use]
    pub fn new(
        status: u16,
        version: &'static str,
        headers: HeaderMap,
        body: String,
        url: String,
    ) -> HttpAnswer {
        HttpAnswer {
            status,
            version,
            headers,
            body,
            url,
            took: Duration::ZERO,
            days_left: None,
            set_cookies: Vec::new(),
            json: OnceLock::new(),
            queries: Vec::new(),
            html: OnceLock::new(),
        }
    }

    /// The same answer, of which as a page all of this will be asked: it is read but once.
    #[must_use]
    pub fn asked(self, queries: Vec<HtmlQuery>) -> HttpAnswer {
        HttpAnswer { queries, html: OnceLock::new(), ..self }
    }

    /// How many bytes of it there are to look at.
    #[must_use]
    pub fn size(&self) -> usize {
        let headers =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
        self.body.len() + self.url.len() + headers
    }

    /// The body as JSON, parsed once.
    pub(super) fn json(&self) -> Result<&Value, &str> {
        self.json
            .get_or_init(|| serde_json::from_str(&self.body).map_err(|error| error.to_string()))
            .as_ref()
            .map_err(String::as_str)
    }

    /// How long it takes to [`describe`](HttpAnswer::describe) it.
    pub const DESCRIBING: Effort = Effort::TO_READ;

    /// The answer in two lines: status and type, then the start of the body.
    #[must_use]
    pub fn describe(&self) -> Message {
        let line = match self.headers.get(reqwest::header::CONTENT_TYPE) {
            Some(kind) => Message::new()
                .words(format!("{} {}, ", self.version, self.status))
                .data(String::from_utf8_lossy(kind.as_bytes()))
                .words(", "),
            None => Message::new().words(format!("{} {}, ", self.version, self.status)),
        };
        let line = match self.headers.get(reqwest::header::LOCATION) {
            Some(to) => line.words("location: ").data(String::from_utf8_lossy(to.as_bytes())).words(", "),
            None => line,
        };
        let is_html = self
            .headers
            .get(reqwest::header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        match self.body.trim() {
            "" => line.words("empty body"),
            // What a person would read on it: markup hides the message.
            body if is_html => match page::text(body) {
                text if text.is_empty() => {
                    line.words(format!("{} bytes; the page has no text", self.body.len()))
                }
                text => line
                    .words(format!("{} bytes; the page says:\n", self.body.len()))
                    .excerpt(text, BODY_SHOWN),
            },
            body => line
                .words(format!("{} bytes\n", self.body.len()))
                .excerpt(body.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"), BODY_SHOWN),
        }
    }
}

pub(super) fn header_values(headers: &HeaderMap, name: &str) -> Found {
    let values = headers.get_all(name).iter();
    Found {
        values: values.map(|value| Value::from(String::from_utf8_lossy(value.as_bytes()))).collect(),
        surroundings: Message::new()
            .words("the headers are ")
            .data(headers.keys().map(reqwest::header::HeaderName::as_str).collect::<Vec<_>>().join(", ")),
    }
}

pub(super) fn json_values(answer: &HttpAnswer, path: &JsonPath) -> Result<Found, Mismatch> {
    match answer.json() {
        Ok(document) => {
            let values: Vec<Value> = path.query(document).all().into_iter().cloned().collect();
            let surroundings = match values.is_empty() {
                true => Message::new().words("the document is ").excerpt(document.to_string(), 160),
                false => Message::new(),
            };
            Ok(Found { values, surroundings })
        }
        Err(error) => {
            let start = answer.body.trim();
            let actual = match start.is_empty() {
                true => Message::new().words("an empty body"),
                // Where it ends to be JSON is no news: it never was.
                false if start.starts_with('<') => Message::new().words("HTML or XML: ").excerpt(start, 120),
                false => {
                    Message::new().words("something else (").data(error).words("): ").excerpt(start, 120)
                }
            };
            Err(Mismatch {
                what: Message::new().words("body"),
                expected: Message::new().words("to be JSON"),
                actual,
            })
        }
    }
}

/// What the page was asked for. What nobody said before will be asked is looked for by itself.
pub(super) fn html_texts(answer: &HttpAnswer, query: &HtmlQuery) -> Found {
    match answer.queries.iter().position(|known| known == query) {
        Some(known) => {
            answer.html.get_or_init(|| page::find_all(&answer.body, &answer.queries))[known].clone()
        }
        None => page::find_all(&answer.body, std::slice::from_ref(query)).remove(0),
    }
}
