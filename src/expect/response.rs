//! Lookups in an HTTP response.

use std::borrow::Cow;
use std::sync::OnceLock;

use hyper::header::HeaderMap;
use serde_json::Value;

use super::answer::Answer;
use super::evaluate::{Found, FoundTexts};
use super::html::{self, HtmlQuery, TooMuch};
use super::json_path::JsonQuery;
use super::walk::{self, TooMany};
use super::wanted::Wanted;
use crate::language::source::Place;
use crate::outcome::Mismatch;
use crate::probe::http::response::HttpResponse;
use crate::probe::http::trace;
use crate::secret::{Message, Redactor, message};

/// A response, and the page it may contain. The page is parsed once for all lookups.
#[derive(Debug)]
pub struct InspectedResponse {
    pub response: HttpResponse,
    queries: Vec<HtmlQuery>,
    html: OnceLock<Result<Vec<FoundTexts>, TooMuch>>,
}

impl InspectedResponse {
    pub fn new(response: HttpResponse) -> InspectedResponse {
        InspectedResponse { response, queries: Vec::new(), html: OnceLock::new() }
    }

    /// Announces every lookup in the page.
    pub(super) fn will_be_asked(&mut self, queries: Vec<HtmlQuery>) {
        self.queries = queries;
    }
}

impl Answer for InspectedResponse {
    fn size(&self) -> usize {
        self.response.size()
    }

    fn describe(&self) -> Option<Message> {
        Some(self.response.describe())
    }

    fn hide_issued(&self, redactor: &Redactor) {
        redactor.add_issued(self.response.json().unwrap_or(&Value::Null));
    }

    fn trace(&self) -> Message {
        trace::answer(&self.response)
    }

    fn take(&self, name: &str, wanted: &Wanted) -> Result<Value, Mismatch> {
        wanted.take_from_response(name, self)
    }
}

pub(super) fn header_values(headers: &HeaderMap, name: &str) -> FoundTexts {
    let values = headers.get_all(name).iter();
    FoundTexts {
        values: values.map(|value| Value::from(String::from_utf8_lossy(value.as_bytes()))).collect(),
        surroundings: message!(
            "the headers are {}",
            headers.keys().map(hyper::header::HeaderName::as_str).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Returns the values that `query` finds. `place` is where the suite asks for them.
pub(super) fn json_values<'r>(
    response: &'r HttpResponse,
    query: &JsonQuery,
    place: Place,
) -> Result<Found<'r>, Mismatch> {
    match response.json() {
        // Other contents of the document are shown once, with the answer.
        Ok(document) => {
            let values = query.find(document).map_err(|TooMany| Mismatch {
                what: Message::new().words(format!("json {}", query.text)),
                expected: Message::new().words(format!("to find at most {} values", walk::FOUND)),
                actual: message!("more: write a path that finds fewer"),
                place: Some(place),
            })?;
            Ok(Found { values, surroundings: Message::new() })
        }
        Err(error) => {
            let start = response.body.trim();
            let actual = match start.is_empty() {
                true => message!("an empty body"),
                // Where it stops being valid JSON does not matter, because it never was JSON.
                false if start.starts_with('<') => message!("HTML or XML: ").excerpt(start, 120),
                false => message!("something else ({}): ", error).excerpt(start, 120),
            };
            Err(Mismatch {
                what: message!("body"),
                expected: message!("to be JSON"),
                actual,
                place: Some(place),
            })
        }
    }
}

/// Returns the result of a lookup in the page. An unannounced lookup parses the page separately.
pub(super) fn html_texts<'r>(
    inspected: &'r InspectedResponse,
    query: &HtmlQuery,
) -> Result<Cow<'r, FoundTexts>, TooMuch> {
    match inspected.queries.iter().position(|known| known == query) {
        Some(known) => {
            let find = || html::find_all(&inspected.response.body, &inspected.queries);
            let found = inspected.html.get_or_init(find).as_ref().map_err(|too_much| *too_much)?;
            Ok(Cow::Borrowed(&found[known]))
        }
        None => {
            let mut found = html::find_all(&inspected.response.body, std::slice::from_ref(query))?;
            Ok(Cow::Owned(found.remove(0)))
        }
    }
}
