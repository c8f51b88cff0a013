//! The credentials of a request.

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::RequestOptions;
use super::resolve::{self, rendered};
use crate::attempt::Context;
use crate::language::read::{FromTable, FromToml, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::http::token::{self, ClientAuth, TokenRequest};

/// The key `auth = { basic = … }`, `{ bearer = … }` or `{ oauth2 = … }`.
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
    client_auth: Option<ClientAuth>,
    scope: Option<Template>,
    audience: Option<Template>,
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
        let client_auth = table.optional("client-auth", ("how the client's ID and secret are sent: in the `body`, or as `basic` authentication (RFC 6749, section 2.3.1); by default, in the body, and as `basic` if the server says `invalid_client`", r#"client-auth = "basic""#));
        let scope = table.optional("scope", ("scope of the token", r#"scope = "orders.read""#));
        let audience = table.optional(
            "audience",
            (
                "API that the token is for, where the server asks for it",
                r#"audience = "https://api.example""#,
            ),
        );
        Some(OAuth2 {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            client_auth,
            scope,
            audience,
        })
    }
}

impl FromToml for ClientAuth {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "body" => Some(ClientAuth::Body),
            DeValue::String(text) if text == "basic" => Some(ClientAuth::Basic),
            _ => parse.expected(value, "\"body\" or \"basic\""),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "enum": ["body", "basic"] })
    }
}

impl Auth {
    pub(super) fn templates(&self) -> Vec<&Template> {
        match self {
            Auth::Basic(basic) => vec![&basic.user, &basic.password],
            Auth::Bearer(token) => vec![token],
            Auth::OAuth2(oauth2) => {
                let mut all = vec![&oauth2.token_url, &oauth2.client_id, &oauth2.client_secret];
                all.extend(oauth2.scope.iter().chain(&oauth2.audience));
                all
            }
        }
    }

    /// Returns the value of the `Authorization` header.
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
                // Redacted as a whole, however short its parts are. An API key may be the user, without a password.
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

impl OAuth2 {
    pub(super) fn token_url(&self) -> &Template {
        &self.token_url
    }

    async fn token(
        &self,
        options: &RequestOptions,
        scope: &Variables,
        context: &Context,
    ) -> Result<String, Failure> {
        let text = |template: &Template| rendered(template.text(scope), "the OAuth 2.0 request");
        let way = options.way_only();
        let wanted = TokenRequest {
            url: resolve::parse_url(&self.token_url, scope)?,
            client_id: text(&self.client_id)?,
            client_secret: text(&self.client_secret)?,
            client_auth: self.client_auth,
            scope: self.scope.as_ref().map(text).transpose()?,
            audience: self.audience.as_ref().map(text).transpose()?,
            route: resolve::route(&way, scope, context)?,
            resolve: resolve::resolve(&way, scope)?,
            max_body: way.max_body(),
        };
        context.hide(&wanted.client_secret);
        token::fetch(wanted, context).await
    }
}
