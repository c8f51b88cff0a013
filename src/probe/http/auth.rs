//! Credentials of a request.

use super::client::{Route, RunClients};
use super::resolve::{self, ResolveOverride, rendered};
use super::response::HttpResponse;
use super::{Body, Request, RequestOptions};
use crate::attempt::Context;
use crate::attempt::cost::Cost;
use crate::attempt::single_flight::SingleFlight;
use crate::language::read::{FromTable, Named, Table};
use crate::language::template::Template;
use crate::language::value::{OneOrMore, Scalar};
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::Message;

/// `auth = { basic = … }`, `{ bearer = … }` or `{ oauth2 = … }`.
#[derive(Debug, Clone)]
pub enum Auth {
    Basic(Basic),
    Bearer(Template),
    OAuth2(Box<OAuth2>),
}

#[derive(Debug, Clone)]
pub struct Basic {
    pub(super) user: Template,
    pub(super) password: Template,
}

/// OAuth 2.0 client credentials (RFC 6749, section 4.4).
#[derive(Debug, Clone)]
pub struct OAuth2 {
    token_url: Template,
    client_id: Template,
    client_secret: Template,
    scope: Option<Template>,
}

impl FromTable for Auth {
    const DEFINITION: &'static str = "auth";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let basic = table
            .optional(
                "basic",
                ("user name and password", r#"basic = { user = "smoke", password = "{{password}}" }"#),
            )
            .map(Auth::Basic);
        let bearer = table.optional("bearer", ("token", r#"bearer = "{{token}}""#)).map(Auth::Bearer);
        let oauth2 = table
            .optional::<OAuth2>("oauth2", ("OAuth 2.0 client credentials; the token is fetched once per run for all requests with the same secret and the same route (`resolve`, `proxy`, `tls`)", r#"oauth2 = { token-url = "{{idp}}/token", client-id = "smoke", client-secret = "{{client_secret}}" }"#))
            .map(|oauth2| Auth::OAuth2(Box::new(oauth2)));
        table.exactly_one(
            &["basic", "bearer", "oauth2"],
            "`auth` has one of `basic`, `bearer` and `oauth2`",
        )?;
        basic.or(bearer).or(oauth2)
    }
}

impl FromTable for Basic {
    const DEFINITION: &'static str = "basic";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let user = table.required("user", ("user name", r#"user = "smoke""#));
        let password = table.required("password", ("password", r#"password = "{{password}}""#));
        Some(Basic { user: user?, password: password? })
    }
}

impl FromTable for OAuth2 {
    const DEFINITION: &'static str = "oauth2";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let token_url =
            table.required("token-url", ("URL that issues the token", r#"token-url = "{{idp}}/token""#));
        let client_id = table.required("client-id", ("client ID", r#"client-id = "smoke""#));
        let client_secret =
            table.required("client-secret", ("client secret", r#"client-secret = "{{client_secret}}""#));
        let scope = table.optional("scope", ("scope of the token", r#"scope = "orders.read""#));
        Some(OAuth2 { token_url: token_url?, client_id: client_id?, client_secret: client_secret?, scope })
    }
}

impl Auth {
    pub(super) fn templates(&self) -> Vec<&Template> {
        match self {
            Auth::Basic(basic) => vec![&basic.user, &basic.password],
            Auth::Bearer(token) => vec![token],
            Auth::OAuth2(oauth2) => {
                let mut all = vec![&oauth2.token_url, &oauth2.client_id, &oauth2.client_secret];
                all.extend(&oauth2.scope);
                all
            }
        }
    }

    /// The value of the `Authorization` header.
    pub(super) async fn header(
        &self,
        options: &RequestOptions,
        scope: &Variables,
        context: &Context,
    ) -> Result<String, Failure> {
        use base64::Engine as _;
        let text = |template: &Template| rendered(template.text(scope), "the credentials");
        match self {
            Auth::Basic(basic) => {
                let (user, password) = (text(&basic.user)?, text(&basic.password)?);
                context.hide(&password);
                let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
                let header = format!("Basic {pair}");
                // Whole, however short its parts are. A key may be the user, without a password.
                context.hide(&header);
                Ok(header)
            }
            Auth::Bearer(token) => {
                let token = text(token)?;
                context.hide(&token);
                Ok(format!("Bearer {token}"))
            }
            Auth::OAuth2(oauth2) => {
                // Boxed because it is large, and part of the future of every request.
                let token = Box::pin(oauth2.token(options, scope, context)).await?;
                Ok(format!("Bearer {token}"))
            }
        }
    }
}

/// The OAuth 2.0 tokens of a run: each is fetched once, by the first check that wants it.
#[derive(Debug, Default)]
pub struct Tokens(SingleFlight<TokenFor, String>);

/// All that decides which token comes, or whether one does.
#[derive(Clone, PartialEq)]
struct TokenFor {
    token_url: String,
    client_id: String,
    client_secret: String,
    scope: Option<String>,
    route: Route,
    resolve: Vec<ResolveOverride>,
}

impl OAuth2 {
    async fn token(
        &self,
        options: &RequestOptions,
        scope: &Variables,
        context: &Context,
    ) -> Result<String, Failure> {
        let text = |template: &Template| rendered(template.text(scope), "the OAuth 2.0 request");
        let way = options.way_only();
        let wanted = TokenFor {
            token_url: text(&self.token_url)?,
            client_id: text(&self.client_id)?,
            client_secret: text(&self.client_secret)?,
            scope: self.scope.as_ref().map(text).transpose()?,
            route: resolve::route(&way, scope, context)?,
            resolve: resolve::resolve(&way, scope)?,
        };
        context.hide(&wanted.client_secret);
        context.run.shared::<Tokens>().0.get(&wanted, || self.fetch(&wanted, way, scope, context)).await
    }

    async fn fetch(
        &self,
        wanted: &TokenFor,
        options: RequestOptions,
        scope: &Variables,
        context: &Context,
    ) -> Result<String, Failure> {
        let field = |name: &str, value: &Template| {
            let named = Named { name: name.to_owned(), place: value.place() };
            (named, OneOrMore(vec![Scalar(value.clone())]))
        };
        let grant_type =
            Template::parse("client_credentials", self.token_url.place(), &minijinja::Environment::empty());
        let mut form = vec![field("client_id", &self.client_id), field("client_secret", &self.client_secret)];
        form.extend(grant_type.iter().map(|grant| field("grant_type", grant)));
        form.extend(self.scope.iter().map(|scope| field("scope", scope)));
        let request = Request {
            method: reqwest::Method::POST,
            url: self.token_url.clone(),
            query: Vec::new(),
            body: Body::Form(form),
            options,
        };
        // Boxed because sending a request may need a token, which sends a request.
        let answer = Box::pin(super::send(
            &request,
            &context.run.shared::<RunClients>().0,
            &mut cookie_store::CookieStore::default(),
            scope,
            context,
        ))
        .await?;
        let load = Cost::TO_READ.on(answer.size());
        let keeper = context.clone();
        let read = move || {
            keeper.run.redactor.add_issued(answer.json().unwrap_or(&serde_json::Value::Null));
            let token = token_in(&answer);
            (answer, token)
        };
        let (answer, token) = context.offload(Phase::Judge, load, read).await;
        if let Some(token) = token {
            context.hide(&token);
            return Ok(token);
        }
        let doing = Message::new().words("fetching a token from ").data(wanted.token_url.as_str());
        let hint = "check client-id and client-secret, and that this client may use client credentials";
        Err(Failure::fault(Fault::Auth, doing, refusal(&answer)).with_hint(Message::new().words(hint)))
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
    let status = format!("{} {}, ", answer.version, answer.status);
    Message::new().words(status).words(match (code, (200..300).contains(&answer.status)) {
        (Some(code), _) => format!("`{code}`"),
        (None, true) => "without an `access_token` (a token endpoint's answer is not shown)".to_owned(),
        (None, false) => "and no known error (a token endpoint's answer is not shown)".to_owned(),
    })
}
