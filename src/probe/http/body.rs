//! Reads the body of a response.

use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use hyper::{Response, Version};
use reqwest::Body;
use tokio::runtime::Handle;

use super::coding::{self, DecodeError};
use super::request::ResolvedRequest;
use super::response::HttpResponse;
use super::send::shown;
use super::{charset, fault, version_name};
use crate::attempt::Context;
use crate::attempt::cost::Cost;
use crate::outcome::{Failure, Phase};
use crate::secret::{Message, message};

/// Reads the rest of `response`, and decodes it.
///
/// # Errors
/// Fails if the body is incomplete, cannot be decoded, or exceeds `max-body`.
pub(super) async fn read(
    response: Response<Body>,
    prepared: &ResolvedRequest,
    context: &Context,
) -> Result<HttpResponse, Failure> {
    let (head, incoming) = response.into_parts();
    let (status, version) = (head.status.as_u16(), version_name(head.version));
    let mut answer = HttpResponse::new(status, version, head.headers, shown(&prepared.url));
    if !prepared.reads_body && is_stream(&answer.headers) {
        answer.unread = Some("it is a stream, and only status and headers are asked for".to_owned());
        return Ok(answer);
    }
    context.timeline.enter(Phase::Body);
    let bytes = read_to_end(incoming, &answer, head.version, prepared, context).await?;
    let codings = match coding::codings(&answer.headers) {
        Ok(codings) => codings,
        Err(_) if bytes.is_empty() => Vec::new(),
        Err(unknown) if prepared.reads_body => {
            return Err(fault::unknown_coding(&unknown, &prepared.url));
        }
        Err(unknown) => {
            answer.unread = Some(format!("its coding `{unknown}` is not known"));
            return Ok(answer);
        }
    };
    let codings = if bytes.is_empty() { Vec::new() } else { codings };
    let (encoding, limit) = (charset::named(&answer.headers), prepared.max_body);
    let load = Cost::Looks(1).on(if codings.is_empty() { bytes.len() } else { limit.max(bytes.len()) });
    let decode = move || {
        let bytes = if codings.is_empty() { bytes } else { coding::decode(bytes, &codings, limit)? };
        Ok(charset::text(bytes, encoding))
    };
    let decoded = context.offload(Phase::Body, load, decode).await;
    answer.body = decoded.map_err(|error| match error {
        DecodeError::TooLarge => too_large(prepared.max_body),
        DecodeError::Broken(coding, error) => fault::undecodable(coding, &error, &prepared.url),
    })?;
    Ok(answer)
}

/// Whether the response is a stream that never ends by itself.
fn is_stream(headers: &HeaderMap) -> bool {
    const STREAMS: [&str; 4] =
        ["text/event-stream", "multipart/x-mixed-replace", "application/x-ndjson", "application/stream+json"];
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    STREAMS.iter().any(|stream| kind.eq_ignore_ascii_case(stream))
}

fn too_large(max_body: usize) -> Failure {
    let expected = Message::new().words(format!("of at most {max_body} bytes (`max-body`)"));
    let actual = message!("a larger one; it was not read to its end");
    Failure::mismatch(message!("a body"), expected, actual)
}

async fn read_to_end(
    mut incoming: Body,
    answer: &HttpResponse,
    version: Version,
    prepared: &ResolvedRequest,
    context: &Context,
) -> Result<Vec<u8>, Failure> {
    let mut body = Bytes::default();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| fault::in_body(&error, answer, prepared, context))?;
        let Ok(data) = frame.into_data() else { continue };
        if body.0.len() + data.len() > prepared.max_body {
            return Err(too_large(prepared.max_body));
        }
        body.0.extend_from_slice(&data);
    }
    // reqwest reports a stream that was reset with NO_ERROR as complete. Proxies send this when the server behind them
    // dies.
    let length = answer.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if version == Version::HTTP_2 && !incoming.is_end_stream() && length != Some(body.0.len()) {
        return Err(fault::given_up(&prepared.url));
    }
    Ok(std::mem::take(&mut body.0))
}

/// The body read so far. Freeing hundreds of megabytes takes tens of milliseconds, which a cut cannot wait for, so it
/// happens on another thread.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Drop for Bytes {
    fn drop(&mut self) {
        const LARGE: usize = 1024 * 1024;
        if self.0.len() > LARGE
            && let Ok(runtime) = Handle::try_current()
        {
            let bytes = std::mem::take(&mut self.0);
            // Why: it only frees memory, and the process may exit before it has.
            runtime.spawn_blocking(move || drop(bytes));
        }
    }
}
