//! What is looked up in an HTTP response.

use std::sync::OnceLock;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::answer::Answer;
use super::evaluate::Found;
use super::html::{self, HtmlQuery};
use super::json_path::JsonQuery;
use super::wanted::Wanted;
use crate::language::source::Place;
use crate::outcome::Mismatch;
use crate::probe::http::response::HttpResponse;
use crate::probe::http::trace;
use crate::secret::{Message, Redactor};

/// A response, and the page that it may be: that is parsed once, whatever is looked for in it.
#[derive(Debug)]
pub struct InspectedResponse {
    pub response: HttpResponse,
    queries: Vec<HtmlQuery>,
    html: OnceLock<Vec<Found>>,
}

impl InspectedResponse {
    pub fn new(response: HttpResponse) -> InspectedResponse {
        InspectedResponse { response, queries: Vec::new(), html: OnceLock::new() }
    }

    /// Says all that the page will be asked for.
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

pub(super) fn header_values(headers: &HeaderMap, name: &str) -> Found {
    let values = headers.get_all(name).iter();
    Found {
        values: values.map(|value| Value::from(String::from_utf8_lossy(value.as_bytes()))).collect(),
        surroundings: Message::new()
            .words("the headers are ")
            .data(headers.keys().map(reqwest::header::HeaderName::as_str).collect::<Vec<_>>().join(", ")),
    }
}

/// `place` is where the suite asks for them.
pub(super) fn json_values(
    response: &HttpResponse,
    query: &JsonQuery,
    place: Place,
) -> Result<Found, Mismatch> {
    match response.json() {
        // What the document is instead is shown once, with the answer.
        Ok(document) => Ok(Found { values: query.find(document), surroundings: Message::new() }),
        Err(error) => {
            let start = response.body.trim();
            let actual = match start.is_empty() {
                true => Message::new().words("an empty body"),
                // Where it stops being JSON is not of interest: it never was.
                false if start.starts_with('<') => Message::new().words("HTML or XML: ").excerpt(start, 120),
                false => {
                    Message::new().words("something else (").data(error).words("): ").excerpt(start, 120)
                }
            };
            Err(Mismatch {
                what: Message::new().words("body"),
                expected: Message::new().words("to be JSON"),
                actual,
                place: Some(place),
            })
        }
    }
}

/// What the page was asked for. What nobody said before will be asked is looked for by itself.
pub(super) fn html_texts(inspected: &InspectedResponse, query: &HtmlQuery) -> Found {
    match inspected.queries.iter().position(|known| known == query) {
        Some(known) => {
            inspected.html.get_or_init(|| html::find_all(&inspected.response.body, &inspected.queries))[known]
                .clone()
        }
        None => html::find_all(&inspected.response.body, std::slice::from_ref(query)).remove(0),
    }
}
