//! Requests and responses for `--trace`, as they are sent.

use hyper::Response;
use hyper::header::HeaderMap;

use super::request::ResolvedRequest;
use super::response::HttpResponse;
use super::send::shown;
use super::version_name;
use crate::secret::Message;

/// The most characters of a body that are shown.
const BODY_SHOWN: usize = 2_000;

/// Describes a request: its line, the sent headers, and its body.
pub(super) fn request(request: &ResolvedRequest, headers: &HeaderMap) -> Message {
    let line = Message::new().words(format!("{} ", request.method)).data(shown(&request.url));
    with_headers(line, headers, request.shown_body.as_deref())
}

/// Describes a response whose body is not read, because another request follows.
pub(super) fn head<B>(response: &Response<B>) -> Message {
    let line = format!("{} {}", version_name(response.version()), response.status().as_u16());
    with_headers(Message::new().words(line), response.headers(), None)
}

/// Describes a complete response.
pub fn answer(answer: &HttpResponse) -> Message {
    let line = Message::new().words(format!("{} {}", answer.version, answer.status));
    with_headers(line, &answer.headers, Some(&answer.body))
}

fn with_headers(line: Message, headers: &HeaderMap, body: Option<&str>) -> Message {
    let mut text = line;
    for (name, value) in headers {
        text =
            text.words("\n").data(name.as_str()).words(": ").data(String::from_utf8_lossy(value.as_bytes()));
    }
    match body {
        None | Some("") => text,
        Some(body) => text.words("\n\n").excerpt(body, BODY_SHOWN),
    }
}
