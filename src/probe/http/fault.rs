//! Maps errors of the HTTP library to failures that name their cause.

use std::error::Error;
use std::io;

use hyper::header::CONTENT_LENGTH;
use url::Url;

use super::client::{HttpVersion, MOST_HEADERS, NameError};
use super::coding::KNOWN;
use super::request::ResolvedRequest;
use super::response::HttpResponse;
use super::send::{SendError, shown};
use crate::attempt::Context;
use crate::language::io_error::{reason, shortage};
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::certificate::handshake_failure;
use crate::probe::dial::{connect_hint, name_failure};
use crate::secret::{Message, message};

/// Returns why the request got no response.
pub(super) fn failure(error: SendError, prepared: &ResolvedRequest, context: &Context) -> Failure {
    match error {
        SendError::Unsent(failure) => failure,
        SendError::Client(error) => unsent(&error, prepared, context)
            .unwrap_or_else(|| protocol_failure(&error, prepared, context.timeline.phase())),
    }
}

/// Returns why connecting failed, if that was the cause.
fn unsent(error: &reqwest::Error, prepared: &ResolvedRequest, context: &Context) -> Option<Failure> {
    let port = prepared.url.port_or_known_default().unwrap_or(0);
    let to = format!("{}:{port}", prepared.url.host_str().unwrap_or_default());
    let proxy = prepared.route.proxy.address(&prepared.url);
    if let Some(error) = find::<NameError>(error) {
        let whose = if proxy.is_some() { "looking up the proxy `" } else { "looking up `" };
        let failure =
            name_failure(Message::new().words(whose).data(error.name.as_str()).words("`"), &error.source);
        return Some(if proxy.is_some() { as_proxy_fault(failure) } else { failure });
    }
    if let Some(lacking) = shortage(error) {
        return Some(Failure::shortage(message!("connecting to {}", to), lacking));
    }
    let shaking = || message!("the TLS handshake with {}", to);
    // In TLS 1.3, a server checks the client's certificate after the client has finished the handshake.
    if let Some(inner) = find::<rustls::Error>(error) {
        return Some(handshake_failure(shaking(), inner, context.timeline.certificate().as_ref()));
    }
    if !error.is_connect() {
        return None;
    }
    let is_tls = context.timeline.phase() == Phase::Tls;
    let io = find::<io::Error>(error);
    let cause = match io {
        Some(io) => reason(io),
        None => chain(error).last().map(ToString::to_string).unwrap_or_default(),
    };
    if let Some(proxy) = proxy.filter(|_| !is_tls) {
        let doing = message!("connecting to {} through the proxy {}", to, proxy);
        let cause = match cause.as_str() {
            // The library says no more of an answer that opens no tunnel.
            UNSUCCESSFUL | "tunnel error: unsuccessful" => "the proxy refused the tunnel".to_owned(),
            "proxy authorization required" | "tunnel error: proxy authorization required" => {
                "the proxy refused the tunnel with 407: it wants a user and a password".to_owned()
            }
            _ => cause,
        };
        return Some(as_proxy_fault(Failure::fault(Fault::Proxy, doing, message!("{}", cause))));
    }
    let cause = message!("{}", cause);
    Some(match (is_tls, io) {
        (true, _) => Failure::fault(Fault::Tls, shaking(), cause)
            .with_hint(message!("the other side ended the handshake: check that this port speaks TLS")),
        (false, io) => {
            let doing = message!("connecting to {}", to);
            let failure = Failure::fault(Fault::Connect, doing, cause);
            io.map_or(failure.clone(), |io| failure.with_hint(connect_hint(io)))
        }
    })
}

const UNSUCCESSFUL: &str = "unsuccessful";

/// Did the proxy answer a request for a tunnel with something that the library takes for none?
pub(super) fn is_without_tunnel(error: &SendError) -> bool {
    match error {
        SendError::Unsent(_) => false,
        SendError::Client(error) => chain(error).last().is_some_and(|cause| {
            let words = cause.to_string();
            words.strip_prefix("tunnel error: ").unwrap_or(&words) == UNSUCCESSFUL
        }),
    }
}

/// The same failure with what the proxy said.
pub(super) fn with_refusal(failure: Failure, said: &str) -> Failure {
    match failure {
        Failure::Fault { fault: Fault::Proxy, doing, hint, place, .. } => {
            let cause = message!("the proxy refused the tunnel with {}", said);
            Failure::Fault { fault: Fault::Proxy, doing, cause, hint, place }
        }
        other @ (Failure::Fault { .. }
        | Failure::Mismatch { .. }
        | Failure::TimedOut { .. }
        | Failure::Exited { .. }
        | Failure::Plugin { .. }
        | Failure::Step { .. }) => other,
    }
}

/// The failure as one of the proxy, whose hint says where it comes from.
fn as_proxy_fault(failure: Failure) -> Failure {
    match failure {
        Failure::Fault { doing, cause, .. } => Failure::fault(Fault::Proxy, doing, cause)
            .with_hint(message!("check `proxy`, HTTP_PROXY, HTTPS_PROXY and NO_PROXY")),
        other @ (Failure::Mismatch { .. }
        | Failure::TimedOut { .. }
        | Failure::Exited { .. }
        | Failure::Plugin { .. }
        | Failure::Step { .. }) => other,
    }
}

/// Returns why the rest of `answer` could not be read.
pub(super) fn in_body(
    error: &reqwest::Error,
    answer: &HttpResponse,
    prepared: &ResolvedRequest,
    context: &Context,
) -> Failure {
    let was_cut = find::<io::Error>(error).is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
    if was_cut && prepared.url.scheme() == "https" && !answer.headers.contains_key(CONTENT_LENGTH) {
        let cause = "the connection was closed without close_notify, and nothing else says where the body ends: it may have been cut";
        let hint = "have the server send `content-length` or chunks, or end TLS with close_notify";
        return unread(&prepared.url, cause, hint);
    }
    protocol_failure(error, prepared, context.timeline.phase())
}

/// Returns the failure of an HTTP/2 stream that was reset without a reason before its end.
pub(super) fn given_up(url: &Url) -> Failure {
    unread(url, "the server ended the exchange (HTTP/2) before the body was complete", BROKEN_OFF)
}

/// Returns the failure of a body that is invalid in its coding.
pub(super) fn undecodable(coding: &str, error: &io::Error, url: &Url) -> Failure {
    let cause = format!("the body cannot be decoded: it is not whole `{coding}`: {error}");
    unread(url, cause, "the content-encoding does not fit the body: look at it with `curl -v --compressed`")
}

/// Returns the failure of a body in an unsupported coding, if something is expected of the body.
pub(super) fn unknown_coding(coding: &str, url: &Url) -> Failure {
    let cause = format!("its content-encoding `{coding}` is unknown: {KNOWN} are decoded");
    unread(url, cause, "ask for another: `headers = { accept-encoding = \"gzip\" }`")
}

fn unread(url: &Url, cause: impl Into<String>, hint: &'static str) -> Failure {
    let doing = message!("reading the body of {}", shown(url));
    Failure::fault(Fault::Protocol, doing, message!("{}", cause.into())).with_hint(Message::new().words(hint))
}

/// Whether the server requires HTTP/1.1 for this request, so that it has not processed it yet.
pub(super) fn wants_http_1(error: &SendError) -> bool {
    match error {
        SendError::Unsent(_) => false,
        SendError::Client(error) => chain(error)
            .last()
            .is_some_and(|cause| matches!(ended_by_server(&cause.to_string()), Some((_, HTTP_1_REQUIRED)))),
    }
}

/// hyper's text for `HTTP_1_1_REQUIRED`.
const HTTP_1_REQUIRED: &str = "endpoint requires HTTP/1.1";

/// Whether the connection ended before a response. Over TLS, it may end without `close_notify`.
pub(super) fn is_unanswered(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    find::<hyper::Error>(error).is_some_and(|error| error.is_incomplete_message() || error.is_canceled())
        || find::<io::Error>(error).is_some_and(|io| {
            matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        })
        || chain(error).last().is_some_and(|cause| ended_by_server(&cause.to_string()).is_some())
}

/// Returns what the server ended, and its reason in HTTP/2. Only the text of the error distinguishes it from errors
/// that the library detected itself.
fn ended_by_server(words: &str) -> Option<(&'static str, &str)> {
    let connection = words.strip_prefix("connection error received: ");
    let stream = words.strip_prefix("stream error received: ");
    connection.map(|why| ("the connection", why)).or(stream.map(|why| ("the exchange", why)))
}

const WITHOUT_HTTP_2: &str = "the server may not speak HTTP/2: try it without `http = \"2\"`";
const BROKEN_OFF: &str = "the server or a proxy broke off: look at its log";
const LOOK: &str = "look at the answer with `curl -v`";

/// Describes that `what` ended the connection before a response. HTTP/2 may be the reason if it was not negotiated,
/// which only TLS does.
fn unanswered(what: &str, hint: &'static str, prepared: &ResolvedRequest) -> (String, &'static str) {
    if prepared.route.version == Some(HttpVersion::Two) && prepared.url.scheme() == "http" {
        (format!("{what}, as by a server that does not speak HTTP/2"), WITHOUT_HTTP_2)
    } else {
        (what.to_owned(), hint)
    }
}

/// Returns the failure of a connection that yields no complete HTTP response.
fn protocol_failure(error: &(dyn Error + 'static), prepared: &ResolvedRequest, phase: Phase) -> Failure {
    let url = shown(&prepared.url);
    let doing = match phase {
        Phase::Body => message!("reading the body of {}", url),
        _ => message!("waiting for the answer of {}", url),
    };
    let hyper = find::<hyper::Error>(error);
    let io = find::<io::Error>(error);
    let last = chain(error).last().map(ToString::to_string).unwrap_or_default();
    let unfinished = "the connection was closed before the body was complete".to_owned();
    let (cause, hint) = match (hyper, io) {
        (Some(hyper), _) if hyper.is_parse_too_large() => (
            format!("the headers are too large: more than {MOST_HEADERS} of them, or more than 400 KiB"),
            LOOK,
        ),
        (Some(hyper), _) if hyper.is_parse() && is_about_a_header(&last) => (
            format!("a header of the answer is malformed: {last}"),
            "look at the headers with `curl -v`: each is `name: value`, and its name has no space and no control character",
        ),
        (Some(hyper), _) if hyper.is_parse() => (
            format!("what came is not HTTP: {last}"),
            "check the scheme and the port: another protocol may be spoken there, or TLS",
        ),
        // The library has no error kind for protocols in which the server speaks first, such as SSH, SMTP and MySQL.
        (Some(hyper), _) if hyper.to_string().contains("unexpected message") => (
            "what came is not HTTP: the server spoke before it was asked".to_owned(),
            "check the port: another protocol is spoken there",
        ),
        (Some(hyper), _) if hyper.is_incomplete_message() || hyper.is_canceled() => match phase {
            Phase::Body => (unfinished, BROKEN_OFF),
            _ => without_an_answer(prepared),
        },
        (_, Some(io)) if io.kind() == io::ErrorKind::ConnectionReset => match phase {
            Phase::Body => ("the connection was reset".to_owned(), BROKEN_OFF),
            _ => unanswered("the connection was reset", BROKEN_OFF, prepared),
        },
        (_, Some(io)) if io.kind() == io::ErrorKind::UnexpectedEof => match phase {
            Phase::Body => (unfinished, BROKEN_OFF),
            _ => without_an_answer(prepared),
        },
        _ if let Some((what, why)) = ended_by_server(&last) => (
            format!("the server ended {what} (HTTP/2): {why}"),
            match why {
                HTTP_1_REQUIRED => "the server answers this over HTTP/1.1 only: set `http = \"1.1\"`",
                _ => "the server or a proxy may be shutting down, or refuse more requests: look at its log",
            },
        ),
        _ if phase == Phase::Body && last.contains(" error detected: ") => {
            (format!("what came is not HTTP/2: {last}"), "look at the answer with `curl -v --http2`")
        }
        _ if prepared.route.version == Some(HttpVersion::Two) => {
            (format!("what came is not HTTP/2: {last}"), WITHOUT_HTTP_2)
        }
        _ => (last, LOOK),
    };
    Failure::fault(Fault::Protocol, doing, message!("{}", cause)).with_hint(Message::new().words(hint))
}

fn without_an_answer(prepared: &ResolvedRequest) -> (String, &'static str) {
    let hint = "the server may have crashed on this request: look at its log";
    unanswered("the connection was closed without an answer", hint, prepared)
}

/// Whether the library rejected a header.
fn is_about_a_header(words: &str) -> bool {
    ["header", "content-length", "transfer-encoding"].iter().any(|what| words.contains(what))
}

/// Iterates over the error and its causes, root cause last.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        // An I/O error skips its inner error: its source is the source of the inner one.
        let inside = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside),
            None => current.source(),
        };
        Some(current)
    })
}

fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}
