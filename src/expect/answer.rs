//! An HTTP answer, and what is looked up in it.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::judge::Found;
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
    html: Vec<(HtmlQuery, Found)>,
}

/// What is looked for in a page: the text of the elements that a CSS selector finds, or an attribute of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HtmlQuery {
    pub selector: String,
    pub attribute: Option<String>,
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
            html: Vec::new(),
        }
    }

    /// The body as JSON, parsed once.
    pub(super) fn json(&self) -> Result<&Value, &str> {
        self.json
            .get_or_init(|| serde_json::from_str(&self.body).map_err(|error| error.to_string()))
            .as_ref()
            .map_err(String::as_str)
    }

    /// Reads the body as a page, once, and finds what `queries` ask for. A thread of its own does it: there are
    /// pages of one mebibyte that take minutes, and nothing may keep a budget from ending.
    pub async fn read_page(&mut self, queries: Vec<HtmlQuery>) {
        if queries.is_empty() {
            return;
        }
        let body = self.body.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let document = scraper::Html::parse_document(&body);
            let found = |query: HtmlQuery| {
                let found = texts_in(&document, &query.selector, query.attribute.as_deref());
                (query, found)
            };
            queries.into_iter().map(found).collect()
        });
        match reading.await {
            Ok(found) => self.html = found,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

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
            body if is_html => line
                .words(format!("{} bytes; the page says:\n", self.body.len()))
                .excerpt(page_text(&scraper::Html::parse_document(body)), BODY_SHOWN),
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
        Ok(document) => Ok(Found {
            values: path.query(document).all().into_iter().cloned().collect(),
            surroundings: Message::new().words("the document is ").excerpt(document.to_string(), 160),
        }),
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

/// What a person reads on a page, white space folded.
fn page_text(document: &scraper::Html) -> String {
    const UNREAD: [&str; 4] = ["script", "style", "template", "noscript"];
    let mut words: Vec<&str> = Vec::new();
    for node in document.tree.nodes() {
        let parent = node.parent().and_then(|parent| parent.value().as_element());
        if let Some(text) = node.value().as_text()
            && !parent.is_some_and(|element| UNREAD.contains(&element.name()))
        {
            words.extend(text.split_whitespace());
        }
    }
    words.join(" ")
}

/// The texts of the elements that `selector` finds, white space folded, or their attribute.
pub(super) fn html_texts(answer: &HttpAnswer, selector: &str, attribute: Option<&str>) -> Found {
    let known = answer
        .html
        .iter()
        .find(|(query, _)| query.selector == selector && query.attribute.as_deref() == attribute);
    match known {
        Some((_, found)) => found.clone(),
        None => texts_in(&scraper::Html::parse_document(&answer.body), selector, attribute),
    }
}

fn texts_in(document: &scraper::Html, selector: &str, attribute: Option<&str>) -> Found {
    let text_of = |element: scraper::ElementRef<'_>| {
        element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let values = match scraper::Selector::parse(selector) {
        Err(_) => Vec::new(),
        Ok(selector) => document
            .select(&selector)
            .filter_map(|element| match attribute {
                None => Some(text_of(element)),
                Some(attribute) => element.value().attr(attribute).map(str::to_owned),
            })
            .map(Value::from)
            .collect(),
    };
    let text = page_text(document);
    let surroundings = match text.is_empty() {
        true => Message::new().words("the page has no text"),
        false => Message::new().words("the page says ").excerpt(text, 160),
    };
    Found { values, surroundings }
}
