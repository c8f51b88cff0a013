//! OAuth 2.0 access tokens by client credentials (RFC 6749, section 4.4), each fetched once a run.

use cookie_store::CookieStore;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use super::client::{Route, RunClients};
use super::request::{PreparedBody, ResolveOverride, ResolvedRequest};
use super::response::HttpResponse;
use crate::attempt::cost::Cost;
use crate::attempt::single_flight::SingleFlight;
use crate::attempt::{Context, Tracing};
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::Message;

/// All that decides which token comes, or whether one does.
#[derive(Clone, PartialEq)]
pub struct TokenRequest {
    pub url: Url,
    pub client_id: String,
    pub client_secret: String,
    pub scope: Option<String>,
    pub route: Route,
    pub resolve: Vec<ResolveOverride>,
    /// The largest answer that is read, in bytes.
    pub max_body: usize,
}

/// The tokens of a run.
#[derive(Debug, Default)]
struct Tokens(SingleFlight<TokenRequest, String>);

/// The token for `wanted`: the first check that wants it fetches it, the others wait for that.
///
/// # Errors
/// No answer, or one without a token.
pub async fn fetch(wanted: TokenRequest, context: &Context) -> Result<String, Failure> {
    context.run.shared::<Tokens>().0.get(&wanted, || fetch_once(&wanted, context)).await
}

async fn fetch_once(wanted: &TokenRequest, context: &Context) -> Result<String, Failure> {
    let clients = &context.run.shared::<RunClients>().0;
    // Boxed because sending is large, and this is part of the future of every request.
    let answer =
        Box::pin(super::send(wanted.to_request(context), clients, &mut CookieStore::default(), context))
            .await?;
    let load = Cost::TO_READ.on(answer.size());
    let redactor = std::sync::Arc::clone(&context.run.redactor);
    let read = move || {
        redactor.add_issued(answer.json().unwrap_or(&Value::Null));
        let token = token_in(&answer);
        (answer, token)
    };
    let (answer, token) = context.offload(Phase::Judge, load, read).await;
    if let Some(token) = token {
        context.hide(&token);
        return Ok(token);
    }
    let doing = Message::new().words("fetching a token from ").data(wanted.url.as_str());
    let hint = "check client-id and client-secret, and that this client may use client credentials";
    Err(Failure::fault(Fault::Auth, doing, refusal(&answer)).with_hint(Message::new().words(hint)))
}

impl TokenRequest {
    fn to_request(&self, context: &Context) -> ResolvedRequest {
        let form = |client_secret: &str| {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("client_id", &self.client_id)
                .append_pair("client_secret", client_secret)
                .append_pair("grant_type", "client_credentials");
            if let Some(scope) = &self.scope {
                form.append_pair("scope", scope);
            }
            form.finish()
        };
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        ResolvedRequest {
            method: reqwest::Method::POST,
            url: self.url.clone(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
            body: PreparedBody::Bytes(form(&self.client_secret).into_bytes()),
            shown_body: match context.run.tracing {
                Tracing::Off => None,
                Tracing::On => Some(form("***")),
            },
            route: self.route.clone(),
            resolve: self.resolve.clone(),
            redirects: 0,
            max_body: self.max_body,
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

/// What a token endpoint may say instead of a token (RFC 6749, section 5.2).
const REFUSALS: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// An answer without a token. Nothing else of it is shown: it may have other tokens in it.
fn refusal(answer: &HttpResponse) -> Message {
    let error = answer.json().ok().and_then(|document| document.get("error")?.as_str());
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
