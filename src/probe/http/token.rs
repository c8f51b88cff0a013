//! OAuth 2.0 access tokens for client credentials (RFC 6749, section 4.4), each fetched once per run.

use bytes::Bytes;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use super::client::{Route, RunClients};
use super::cookies::CookieJar;
use super::request::{PreparedBody, ResolveOverride, ResolvedRequest};
use super::response::HttpResponse;
use crate::attempt::cost::Cost;
use crate::attempt::single_flight::SingleFlight;
use crate::attempt::{Context, Tracing};
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::{Message, message};

/// Where the client's ID and secret are sent (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// `client_secret_post`
    Body,
    /// `client_secret_basic`
    Basic,
}

/// Everything that determines which token is issued, or whether one is.
#[derive(Clone, PartialEq)]
pub struct TokenRequest {
    pub url: Url,
    pub client_id: String,
    pub client_secret: String,
    /// How the client authenticates. `None` tries both ways.
    pub client_auth: Option<ClientAuth>,
    pub scope: Option<String>,
    pub audience: Option<String>,
    pub route: Route,
    pub resolve: Vec<ResolveOverride>,
    /// The largest response that is read, in bytes.
    pub max_body: usize,
}

/// The tokens of a run.
#[derive(Debug, Default)]
struct Tokens(SingleFlight<TokenRequest, String>);

/// Returns the token for `wanted`. The first check fetches it, and the others wait.
///
/// # Errors
/// Fails if there is no response, or if it contains no token.
pub async fn fetch(wanted: TokenRequest, context: &Context) -> Result<String, Failure> {
    context.run.shared::<Tokens>().0.get(&wanted, || fetch_once(&wanted, context)).await
}

async fn fetch_once(wanted: &TokenRequest, context: &Context) -> Result<String, Failure> {
    let (answer, token) = ask(wanted, wanted.client_auth.unwrap_or(ClientAuth::Body), context).await?;
    // Every server supports one of the two (RFC 6749, section 2.3.1), and reports if it was the wrong one.
    let (answer, token) = match (wanted.client_auth, &token, error_of(&answer)) {
        (None, None, Some("invalid_client")) => ask(wanted, ClientAuth::Basic, context).await?,
        _ => (answer, token),
    };
    if let Some(token) = token {
        context.hide(&token);
        return Ok(token);
    }
    let doing = message!("fetching a token from {}", wanted.url);
    let hint = "check client-id and client-secret, and that this client may use client credentials";
    Err(Failure::fault(Fault::Auth, doing, refusal(&answer)).with_hint(Message::new().words(hint)))
}

async fn ask(
    wanted: &TokenRequest,
    client_auth: ClientAuth,
    context: &Context,
) -> Result<(HttpResponse, Option<String>), Failure> {
    let clients = &context.run.shared::<RunClients>().0;
    let request = wanted.to_request(client_auth, context);
    // Boxed because sending is large, and this is part of the future of every request.
    let answer = Box::pin(super::send(request, clients, &mut CookieJar::default(), context)).await?;
    let load = Cost::TO_READ.on(answer.size());
    let redactor = std::sync::Arc::clone(&context.run.redactor);
    let read = move || {
        redactor.add_issued(answer.json().unwrap_or(&Value::Null));
        let token = token_in(&answer);
        (answer, token)
    };
    Ok(context.offload(Phase::Judge, load, read).await)
}

/// Returns the error code of a response without a token.
fn error_of(answer: &HttpResponse) -> Option<&str> {
    answer.json().ok()?.get("error")?.as_str()
}

impl TokenRequest {
    /// Returns the client's ID and secret as a header. Both are form-encoded first.
    fn basic(&self, context: &Context) -> Option<HeaderValue> {
        use base64::Engine as _;
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&self.client_id), encoded(&self.client_secret));
        let header = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        context.hide(&header);
        HeaderValue::from_str(&header).ok()
    }

    fn to_request(&self, client_auth: ClientAuth, context: &Context) -> ResolvedRequest {
        let form = |client_secret: &str| {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            if client_auth == ClientAuth::Body {
                form.append_pair("client_id", &self.client_id).append_pair("client_secret", client_secret);
            }
            form.append_pair("grant_type", "client_credentials");
            let more = [("scope", &self.scope), ("audience", &self.audience)];
            form.extend_pairs(more.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
            form.finish()
        };
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
        if client_auth == ClientAuth::Basic {
            headers.extend(self.basic(context).map(|value| (AUTHORIZATION, value)));
        }
        ResolvedRequest {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: PreparedBody::Bytes(Bytes::from(form(&self.client_secret))),
            shown_body: match context.run.tracing {
                Tracing::Off => None,
                Tracing::On => Some(form("***")),
            },
            route: self.route.clone(),
            resolve: self.resolve.clone(),
            redirects: 0,
            max_body: self.max_body,
            reads_body: true,
            home: self.url.clone(),
        }
    }
}

fn token_in(answer: &HttpResponse) -> Option<String> {
    if !(200..300).contains(&answer.status) {
        return None;
    }
    answer.json().ok()?.get("access_token")?.as_str().map(str::to_owned)
}

/// The error codes of a token endpoint (RFC 6749, section 5.2).
const REFUSALS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// Describes a response without a token. Nothing else of it is shown, because it may contain other tokens.
fn refusal(answer: &HttpResponse) -> Message {
    let error = error_of(answer);
    let code = REFUSALS.into_iter().find(|code| Some(*code) == error);
    let mut line = Message::new().words(format!("{} {}, ", answer.version, answer.status));
    if let Some(kind) = answer.headers.get(CONTENT_TYPE) {
        line = line.data(String::from_utf8_lossy(kind.as_bytes())).words(", ");
    }
    line.words(match (code, (200..300).contains(&answer.status)) {
        (Some(code), _) => format!("`{code}`"),
        (None, true) => "without an `access_token` (the answer of a token endpoint is not shown)".to_owned(),
        (None, false) => "with no known error (the answer of a token endpoint is not shown)".to_owned(),
    })
}
