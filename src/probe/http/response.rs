//! HTTP responses.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::header::HeaderMap;
use serde_json::Value;

use super::origin::{Origin, origin};
use super::{json, page_text};
use crate::attempt::Context;
use crate::attempt::certificate::PeerCertificate;
use crate::attempt::cost::Cost;
use crate::outcome::Phase;
use crate::secret::Message;

/// The most characters of a body that are shown below a mismatch.
const BODY_SHOWN: usize = 400;

/// A complete HTTP response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub version: &'static str,
    pub headers: HeaderMap,
    pub body: String,
    /// The URL of the response after redirects, without user and password.
    pub url: String,
    /// The time from the first byte sent to the last byte read, including redirects.
    pub took: Duration,
    /// The certificate that the server presented, over TLS.
    pub certificate: Option<Arc<PeerCertificate>>,
    /// Why the body was not read, if it was not.
    pub unread: Option<String>,
    /// The cookies that were set, including during redirects. Only the last value of each name is kept.
    pub set_cookies: Vec<(String, String)>,
    json: OnceLock<Result<Value, String>>,
}

impl HttpResponse {
    /// Creates a response whose body has not been read yet.
    pub fn new(status: u16, version: &'static str, headers: HeaderMap, url: String) -> HttpResponse {
        HttpResponse {
            status,
            version,
            headers,
            body: String::new(),
            url,
            took: Duration::ZERO,
            certificate: None,
            unread: None,
            set_cookies: Vec::new(),
            json: OnceLock::new(),
        }
    }

    /// Returns the number of bytes to inspect.
    pub fn size(&self) -> usize {
        let headers =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
        self.body.len() + self.url.len() + headers
    }

    /// Returns the body as JSON, which is parsed once.
    ///
    /// # Errors
    /// Returns why the body is not JSON.
    pub fn json(&self) -> Result<&Value, &str> {
        self.json.get_or_init(|| json::parse(&self.body)).as_ref().map_err(String::as_str)
    }

    /// Whose it seems to be, as the end of `got 503`: the balancer's or the application's. Nothing, if it does not tell.
    pub fn origin(&self) -> String {
        origin(self.status, &self.headers, &self.body).map(Origin::in_words).unwrap_or_default()
    }

    /// What [`describe`](HttpResponse::describe) says, off the workers where the body is large.
    pub async fn described(self, context: &Context) -> Message {
        let load = Cost::TO_READ.on(self.size());
        let keeper = context.clone();
        let describe = move || {
            // What a server issues is secret, whether or not anything captures it.
            keeper.run.redactor.add_issued(self.json().unwrap_or(&Value::Null));
            self.describe()
        };
        context.offload(Phase::Judge, load, describe).await
    }

    /// Describes the response briefly: its status and its location.
    pub fn in_short(&self) -> Message {
        let line = Message::new().words(self.status.to_string());
        match self.headers.get(hyper::header::LOCATION) {
            Some(to) => line.words(", location: ").data(String::from_utf8_lossy(to.as_bytes())),
            None => line,
        }
    }

    /// Describes the response in two lines: status and type, then the start of the body.
    pub fn describe(&self) -> Message {
        let line = match self.headers.get(hyper::header::CONTENT_TYPE) {
            Some(kind) => Message::new()
                .words(format!("{} {}, ", self.version, self.status))
                .data(String::from_utf8_lossy(kind.as_bytes()))
                .words(", "),
            None => Message::new().words(format!("{} {}, ", self.version, self.status)),
        };
        let line = match self.headers.get(hyper::header::LOCATION) {
            Some(to) => line.words("location: ").data(String::from_utf8_lossy(to.as_bytes())).words(", "),
            None => line,
        };
        let is_html = self
            .headers
            .get(hyper::header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        if let Some(why) = &self.unread {
            return line.words("the body was not read: ").data(why.as_str());
        }
        match self.body.trim() {
            "" => line.words("empty body"),
            // Shows the visible text, because markup hides the message.
            body if is_html => match page_text::text(body) {
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
