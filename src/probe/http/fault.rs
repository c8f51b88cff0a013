//! From the library's errors to failures that name their cause.

use std::error::Error;

use super::client::{HttpVersion, MOST_HEADERS, NameError};
use super::request::ResolvedRequest;
use super::send::shown;
use crate::attempt::Context;
use crate::language::io_error::{reason, shortage};
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::certificate::handshake_failure;
use crate::probe::dial::{connect_hint, name_failure};
use crate::secret::Message;

/// What kept the request from being answered.
pub(super) fn failure(error: &reqwest::Error, prepared: &ResolvedRequest, context: &Context) -> Failure {
    let to = authority(prepared);
    let proxy = prepared.route.proxy.address(&prepared.url);
    if let Some(error) = find::<NameError>(error) {
        let whose = if proxy.is_some() { "looking up the proxy `" } else { "looking up `" };
        let failure =
            name_failure(Message::new().words(whose).data(error.name.as_str()).words("`"), &error.source);
        return if proxy.is_some() { as_proxy_fault(failure) } else { failure };
    }
    if let Some(lacking) = shortage(error) {
        return Failure::shortage(Message::new().words("connecting to ").data(to), lacking);
    }
    if let Some(inner) = find::<rustls::Error>(error) {
        let doing = Message::new().words("the TLS handshake with ").data(to);
        return handshake_failure(doing, inner, context.timeline.certificate().as_ref());
    }
    let chain: Vec<String> = chain(error).map(ToString::to_string).collect();
    let phase = context.timeline.phase();
    if error.is_connect() {
        if let Some(proxy) = proxy.filter(|_| phase != Phase::Tls) {
            let cause = match find::<std::io::Error>(error) {
                Some(io) => reason(io),
                None => chain.last().cloned().unwrap_or_default(),
            };
            let doing =
                Message::new().words("connecting to ").data(to).words(" through the proxy ").data(proxy);
            return as_proxy_fault(Failure::fault(Fault::Proxy, doing, Message::new().data(cause)));
        }
        let fault = if phase == Phase::Tls { Fault::Tls } else { Fault::Connect };
        let doing = match fault {
            Fault::Tls => Message::new().words("the TLS handshake with ").data(to),
            _ => Message::new().words("connecting to ").data(to),
        };
        return match find::<std::io::Error>(error) {
            Some(io) if fault == Fault::Connect => {
                Failure::fault(fault, doing, Message::new().data(reason(io))).with_hint(connect_hint(io))
            }
            Some(io) => Failure::fault(fault, doing, Message::new().data(reason(io))).with_hint(
                Message::new().words("the other side ended the handshake: check that this port speaks TLS"),
            ),
            None => {
                Failure::fault(fault, doing, Message::new().data(chain.last().cloned().unwrap_or_default()))
            }
        };
    }
    protocol_failure(error, prepared, phase, &chain)
}

/// The failure as one of the proxy, whose hint says where it comes from.
fn as_proxy_fault(failure: Failure) -> Failure {
    match failure {
        Failure::Fault { doing, cause, .. } => Failure::fault(Fault::Proxy, doing, cause)
            .with_hint(Message::new().words("check `proxy`, HTTP_PROXY, HTTPS_PROXY and NO_PROXY")),
        other @ (Failure::Mismatch { .. }
        | Failure::TimedOut { .. }
        | Failure::Exited { .. }
        | Failure::Step { .. }) => other,
    }
}

/// Was the connection ended before an answer came?
pub(super) fn is_unanswered(error: &reqwest::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    find::<hyper::Error>(error).is_some_and(|error| error.is_incomplete_message() || error.is_canceled())
        || find::<std::io::Error>(error)
            .is_some_and(|io| matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset))
        || chain(error).last().is_some_and(|cause| ended_by_server(&cause.to_string()).is_some())
}

/// What the server ended, and why, where it says so in HTTP/2. The library's words are what tells it apart from what
/// the library found wrong itself.
fn ended_by_server(words: &str) -> Option<(&'static str, &str)> {
    let connection = words.strip_prefix("connection error received: ");
    let stream = words.strip_prefix("stream error received: ");
    connection.map(|why| ("the connection", why)).or(stream.map(|why| ("the exchange", why)))
}

const WITHOUT_HTTP_2: &str = "the server may not speak HTTP/2: try it without `http = \"2\"`";

/// `what` ended the connection before an answer. HTTP/2 may be why, where it was not agreed on, as it is over TLS.
fn unanswered(what: &str, hint: &'static str, prepared: &ResolvedRequest) -> (String, &'static str) {
    match prepared.route.version == Some(HttpVersion::Two) && prepared.url.scheme() == "http" {
        true => (format!("{what}, as by a server that does not speak HTTP/2"), WITHOUT_HTTP_2),
        false => (what.to_owned(), hint),
    }
}

/// It connected, and what came is not an HTTP answer, or not a whole one.
fn protocol_failure(
    error: &reqwest::Error,
    prepared: &ResolvedRequest,
    phase: Phase,
    chain: &[String],
) -> Failure {
    let url = shown(&prepared.url);
    let doing = match phase {
        Phase::Body => Message::new().words("reading the body of ").data(url),
        _ => Message::new().words("waiting for the answer of ").data(url),
    };
    let hyper = find::<hyper::Error>(error);
    let io = find::<std::io::Error>(error);
    let last = chain.last().map_or("", String::as_str);
    let (cause, hint) = match (hyper, io) {
        (Some(hyper), _) if hyper.is_parse_too_large() => (
            format!("the headers are too large: more than {MOST_HEADERS} of them, or more than 400 KiB"),
            "look at the answer with `curl -v`",
        ),
        (Some(hyper), _) if hyper.is_parse() => (
            format!("what came is not HTTP: {last}"),
            "check the scheme and the port: another protocol may be spoken there, or TLS",
        ),
        // It has no name in the library: what speaks before it is asked, as SSH, SMTP and MySQL do.
        (Some(hyper), _) if hyper.to_string().contains("unexpected message") => (
            "what came is not HTTP: the server spoke before it was asked".to_owned(),
            "check the port: another protocol is spoken there",
        ),
        (Some(hyper), _) if hyper.is_incomplete_message() || hyper.is_canceled() => match phase {
            Phase::Body => (
                "the connection was closed before the body was complete".to_owned(),
                "the server or a proxy broke off: look at its log",
            ),
            _ => unanswered(
                "the connection was closed without an answer",
                "the server may have crashed on this request: look at its log",
                prepared,
            ),
        },
        (_, Some(io)) if io.kind() == std::io::ErrorKind::ConnectionReset => {
            let (what, hint) =
                ("the connection was reset", "the server or a proxy broke off: look at its log");
            match phase {
                Phase::Body => (what.to_owned(), hint),
                _ => unanswered(what, hint, prepared),
            }
        }
        (_, Some(io)) if io.kind() == std::io::ErrorKind::UnexpectedEof => (
            "the connection was closed before the body was complete".to_owned(),
            "the server or a proxy broke off: look at its log",
        ),
        _ if let Some((what, why)) = ended_by_server(last) => (
            format!("the server ended {what} (HTTP/2): {why}"),
            "the server or a proxy may be shutting down, or refuse more requests: look at its log",
        ),
        _ if phase == Phase::Body && last.contains(" error detected: ") => {
            (format!("what came is not HTTP/2: {last}"), "look at the answer with `curl -v --http2`")
        }
        _ if error.is_decode() => (
            format!("the body cannot be decoded: {last}"),
            "the content-encoding does not fit the body: look at it with `curl -v --compressed`",
        ),
        _ if prepared.route.version == Some(HttpVersion::Two) => {
            (format!("what came is not HTTP/2: {last}"), WITHOUT_HTTP_2)
        }
        _ => (last.to_owned(), "look at the answer with `curl -v`"),
    };
    Failure::fault(Fault::Protocol, doing, Message::new().data(cause)).with_hint(Message::new().words(hint))
}

fn authority(prepared: &ResolvedRequest) -> String {
    let port = prepared.url.port_or_known_default().unwrap_or(0);
    format!("{}:{port}", prepared.url.host_str().unwrap_or_default())
}

/// The error and everything that caused it, the first cause last.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        // An I/O error passes over the error in it: its source is that one's source.
        let inside = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
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
