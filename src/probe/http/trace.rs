//! Requests and answers as `--trace` shows them.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, Response};
use url::Url;

use super::response::HttpResponse;
use super::send::shown;
use super::version_name;
use crate::secret::Message;

/// How much of a body is shown, in characters.
const BODY_SHOWN: usize = 2_000;

/// A request: its line, its headers, and what it says.
pub(super) fn request(method: &Method, url: &Url, headers: &HeaderMap, body: Option<&str>) -> Message {
    with_headers(Message::new().words(format!("{method} ")).data(shown(url)), headers, body)
}

/// An answer that is read no further, because another request follows it.
pub(super) fn head(response: &Response) -> Message {
    let mut kept = HeaderMap::new();
    for name in [LOCATION, CONTENT_TYPE, CONTENT_LENGTH] {
        kept.extend(response.headers().get(&name).map(|value| (name.clone(), value.clone())));
    }
    let line = format!("{} {}", version_name(response.version()), response.status().as_u16());
    with_headers(Message::new().words(line), &kept, None)
}

/// A whole answer.
pub fn answer(answer: &HttpResponse) -> Message {
    let line = Message::new().words(format!("{} {}", answer.version, answer.status));
    with_headers(line, &answer.headers, Some(&answer.body))
}

fn with_headers(line: Message, headers: &HeaderMap, body: Option<&str>) -> Message {
    let mut text = line;
    for (name, value) in headers {
        text = text.words(format!("\n{name}: ")).data(String::from_utf8_lossy(value.as_bytes()));
    }
    match body {
        None | Some("") => text,
        Some(body) => text.words("\n\n").excerpt(body, BODY_SHOWN),
    }
}
