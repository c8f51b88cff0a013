//! Responses: pages, JSON, redirects, and one rendering for every refusal.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::page;
use super::store::StoreError;

/// A response with its whole body, so that `content-length` is always sent.
pub(super) type Answer = Response<Full<Bytes>>;

/// Why a request is refused. [`refused`] turns it into a response.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("not found")]
    NotFound,
    #[error("method not allowed")]
    NotAllowed {
        /// The value of the `allow` header: `"GET, HEAD"`.
        allow: String,
    },
    #[error("unauthorized")]
    Unauthorized,
    #[error("the form has expired or was not sent from this site")]
    Forged,
    #[error("{0}")]
    BadRequest(String),
    #[error("the body is larger than 64 KiB")]
    TooLarge,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who reads a response, which decides whether an error is JSON or a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    People,
    Programs,
}

pub(super) fn refused(refusal: &Refusal, audience: Audience) -> Answer {
    let status = match refusal {
        Refusal::NotFound => StatusCode::NOT_FOUND,
        Refusal::NotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::Unauthorized => StatusCode::UNAUTHORIZED,
        Refusal::Forged => StatusCode::FORBIDDEN,
        Refusal::BadRequest(_) => StatusCode::BAD_REQUEST,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let answer = match audience {
        Audience::People => page(status, page::error(status, &refusal.to_string())),
        Audience::Programs => json(status, &json!({ "error": refusal.to_string() })),
    };
    match refusal {
        Refusal::NotAllowed { allow } => with(answer, ALLOW, allow),
        Refusal::Unauthorized => with(answer, WWW_AUTHENTICATE, "Bearer realm=\"shop\""),
        Refusal::NotFound
        | Refusal::Forged
        | Refusal::BadRequest(_)
        | Refusal::TooLarge
        | Refusal::Store(_) => answer,
    }
}

pub(super) fn page(status: StatusCode, markup: String) -> Answer {
    of(status, Some("text/html; charset=utf-8"), markup.into())
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let body =
        serde_json::to_vec(body).expect("the shop's own types have text keys only, so they are always JSON");
    of(status, Some("application/json"), body.into())
}

/// Returns 302 Found.
pub(super) fn redirect(location: &str) -> Answer {
    with_location(of(StatusCode::FOUND, None, Bytes::new()), location)
}

/// Returns 204 No Content.
pub(super) fn empty() -> Answer {
    of(StatusCode::NO_CONTENT, None, Bytes::new())
}

pub(super) fn with_location(answer: Answer, location: &str) -> Answer {
    with(answer, LOCATION, location)
}

pub(super) fn with_token(answer: Answer, token: &str) -> Answer {
    with(answer, HeaderName::from_static("x-token"), token)
}

/// Sets a session cookie. It is not `Secure`, because the shop speaks plain HTTP on loopback.
pub(super) fn with_cookie(answer: Answer, name: &str, value: &str) -> Answer {
    with(answer, SET_COOKIE, &format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/"))
}

/// Deletes a cookie.
pub(super) fn without_cookie(answer: Answer, name: &str) -> Answer {
    with(answer, SET_COOKIE, &format!("{name}=; Max-Age=0; HttpOnly; SameSite=Lax; Path=/"))
}

fn of(status: StatusCode, content_type: Option<&'static str>, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    // Every response depends on this moment or this session.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    answer
}

fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    let value =
        HeaderValue::from_str(value).expect("the shop makes its header values from plain ASCII of its own");
    answer.headers_mut().append(name, value);
    answer
}
