//! Redirects.

use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
    TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{Method, StatusCode};
use url::Url;

use super::request::{PreparedBody, ResolvedRequest};
use super::response::HttpResponse;
use crate::attempt::Context;
use crate::outcome::{Failure, Mismatch};
use crate::secret::{Message, message};

/// What a response asks for next.
pub(super) enum Next {
    /// Nothing: it is not a redirect, or redirects are not followed.
    Nothing,
    Follow(Box<ResolvedRequest>),
    /// A redirect that cannot be followed, and why.
    Nowhere(Message),
}

/// Returns what follows a response with this status and these headers to `from`.
pub(super) fn next(from: &ResolvedRequest, status: StatusCode, headers: &HeaderMap) -> Next {
    let keeps_method = match status {
        _ if from.redirects == 0 => return Next::Nothing,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => from.method != Method::POST,
        StatusCode::SEE_OTHER => from.method == Method::HEAD,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return Next::Nothing,
    };
    let Some(location) = headers.get(LOCATION) else {
        return Next::Nowhere(Message::new().words(format!("a {} without a Location", status.as_u16())));
    };
    let text = readable(location);
    let nowhere = |why: String| {
        let to = Message::new().words(format!("a {} to `", status.as_u16())).data(text.clone());
        Next::Nowhere(to.words("`, ").words(why))
    };
    let url = match from.url.join(&text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            return nowhere(format!("whose scheme `{}` is not http or https", url.scheme()));
        }
        Ok(url) => url,
        Err(error) => return nowhere(format!("which is not a URL: {error}")),
    };
    Next::Follow(Box::new(request(from, url, keeps_method)))
}

/// Returns the text of a `Location`. Bytes that are not UTF-8 are percent-encoded, as curl and browsers do.
fn readable(location: &HeaderValue) -> String {
    let bytes = location.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes
            .iter()
            .map(|byte| if byte.is_ascii() { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
            .collect(),
    }
}

fn request(from: &ResolvedRequest, url: Url, keeps_method: bool) -> ResolvedRequest {
    let mut next = ResolvedRequest { url, ..from.clone() };
    if !keeps_method {
        next.method = Method::GET;
        next.body = PreparedBody::None;
        next.shown_body = None;
        for name in [CONTENT_TYPE, CONTENT_LENGTH, TRANSFER_ENCODING] {
            next.headers.remove(name);
        }
    }
    if next.url.origin() != from.url.origin() {
        // Credentials are not sent to another origin, and any header of the suite may be one.
        let harmless = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT];
        next.headers = harmless
            .iter()
            .filter_map(|name| next.headers.get(name).map(|value| (name.clone(), value.clone())))
            .collect();
        next.route.tls.client = None;
    }
    next
}

/// Whether both have the same origin. An upgrade from `http` to `https` on the same host counts as the same.
pub(super) fn is_same_origin(home: &Url, url: &Url) -> bool {
    let moves_up = home.scheme() == "http" && url.scheme() == "https" && home.port().or(url.port()).is_none();
    home.origin() == url.origin() || (moves_up && home.host() == url.host())
}

/// Rejects a redirect that would send the body to another origin: it may be a form with a password, meant for the first
/// server only.
pub(super) fn takes_body_away(from: &Url, status: StatusCode, to: &Url) -> Failure {
    let origin = |url: &Url| url.origin().ascii_serialization();
    let status = status.as_u16();
    Failure::mismatch(
        message!("the request's body"),
        message!("to stay at {}", origin(from)),
        Message::new()
            .words(format!("a {status} that takes it to "))
            .data(origin(to))
            .words(format!(": set `redirects = 0` and expect the {status}, or give the final URL")),
    )
}

/// Returns the failure of a response that is one redirect too many.
pub(super) async fn too_many(answer: HttpResponse, seen: &[String], context: &Context) -> Failure {
    let mut path = Message::new();
    for (index, url) in seen.iter().rev().take(4).rev().enumerate() {
        path = path.words(if index > 0 { " → " } else { "" }).data(url.as_str());
    }
    let mismatch = Mismatch {
        what: message!("an end to the redirects"),
        expected: Message::new().words(format!("after {} (`redirects`)", seen.len() - 1)),
        actual: Message::new().words(format!("another {}: ", answer.status)).then(path),
        place: None,
    };
    Failure::Mismatch { mismatches: vec![mismatch], answer: Some(answer.described(context).await) }
}

/// Returns the failure of a redirect that cannot be followed.
pub(super) async fn nowhere(answer: HttpResponse, why: Message, context: &Context) -> Failure {
    let mismatch = Mismatch {
        what: message!("a redirect"),
        expected: message!("that can be followed (`redirects`)"),
        actual: why,
        place: None,
    };
    Failure::Mismatch { mismatches: vec![mismatch], answer: Some(answer.described(context).await) }
}
