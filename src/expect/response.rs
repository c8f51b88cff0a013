//! Lookups in an HTTP response.

use std::borrow::Cow;
use std::sync::OnceLock;

use hyper::header::HeaderMap;
use serde_json::Value;

use super::answer::Answer;
use super::evaluate::{Found, FoundTexts};
use super::figures::WantedFigures;
use super::html::{self, HtmlQuery, TooMuch};
use super::json_path::{JsonQuery, json_values};
use super::wanted::Wanted;
use crate::language::source::Place;
use crate::outcome::Mismatch;
use crate::probe::http::response::HttpResponse;
use crate::probe::http::trace;
use crate::probe::rows::QueryResult;
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

    /// What the path finds in the body. `place` is where the suite asks for it.
    pub(super) fn json_values(&self, query: &JsonQuery, place: Place) -> Result<Found<'_>, Mismatch> {
        json_values(self.response.json(), ("body", &self.response.body), query, place)
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

    fn figures(&self, wanted: &WantedFigures) -> Result<QueryResult, Mismatch> {
        wanted.take_from_response(self)
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

/// What the page was asked for. What nobody said before will be asked is looked for by itself.
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
