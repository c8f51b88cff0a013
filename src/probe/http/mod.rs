//! HTTP: the request as a suite writes it, and the answer as expectations see it.
//!
//! ```toml
//! url = "{{base_url}}/orders"
//! query = { status = "new" }
//! headers = { accept = "application/json" }
//! auth = { bearer = "{{token}}" }
//! ```

mod body;
mod options;

mod auth;
mod charset;
mod client;
pub mod page_text;
mod proxy;
mod resolve;
pub mod response;
mod send;

mod curl;
mod fault;
pub mod trace;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

pub use self::auth::{Auth, Tokens};
use self::body::{Body, Part};
pub use self::client::{Clients, Pooling, RunClients};
pub use self::curl::CurlContext;
pub use self::options::{HttpVersion, RequestOptions, TlsKeys};
pub use self::resolve::parse_absolute_url;
pub use self::send::send;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromTable, FromToml, Named, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::table::{Rule, ToToml};
use crate::language::template::Template;
use crate::language::value::OneOrMore;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;

/// A request of a health check or an HTTP step.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: reqwest::Method,
    pub url: Template,
    query: Vec<(Named, OneOrMore)>,
    body: Body,
    pub options: RequestOptions,
}

/// The verbs that are `method` and `url` in one key.
const VERBS: [(&str, reqwest::Method); 6] = [
    ("get", reqwest::Method::GET),
    ("post", reqwest::Method::POST),
    ("put", reqwest::Method::PUT),
    ("patch", reqwest::Method::PATCH),
    ("delete", reqwest::Method::DELETE),
    ("head", reqwest::Method::HEAD),
];

/// The keys of `VERBS`, for a message.
pub const VERB_KEYS: &str = "get, post, put, patch, delete, head";

impl Request {
    /// Reads a request whose address is under `url`, or under a verb such as `get`. `None` without a message
    /// when there is neither: the caller knows what else could have been meant.
    pub fn from_step(table: &mut Table<'_, '_, '_>) -> Option<Request> {
        let mut verbs = Vec::new();
        // Without its URL a step is nothing, and what is wrong with that is told already.
        let mut is_told = false;
        for (name, method) in &VERBS {
            match table.optional::<Template>(name, "URL to request with this method") {
                Some(url) => verbs.push((*name, method, url)),
                None => is_told |= table.has(name),
            }
        }
        let plain = Request::from_url(table);
        table.obeys(Rule::ExactlyOne(&["url", "get", "post", "put", "patch", "delete", "head"]));
        table.obeys(Rule::Needs("method", "url"));
        if is_told {
            return None;
        }
        match (plain, verbs.as_slice()) {
            (Some(request), []) => Some(request),
            (Some(request), [(_, method, url)]) if table.has("url") => {
                let _ = (request, method);
                let place = url.place();
                table
                    .parse
                    .reject(Diagnostic::new(place, "a step has `url` or a verb such as `get`, not both"))
            }
            (Some(request), [(verb, method, url)]) => {
                if table.has("method") {
                    return table.reject("method", format!("`{verb}` is the method already"));
                }
                Some(Request { method: (*method).clone(), url: url.clone(), ..request })
            }
            (_, [_, (second, _, _), ..]) => {
                table.reject(second, "a step sends one request: it has one of the verbs")
            }
            (None, _) => None,
        }
    }

    /// Reads a request whose address is under `url`. Without `url` the address is empty.
    pub fn from_url(table: &mut Table<'_, '_, '_>) -> Option<Request> {
        let given = table.has("url");
        let url: Option<Template> =
            table.optional("url", ("URL to request", r#"url = "{{base_url}}/health""#));
        let method = table.optional_or("method", ("HTTP method", r#"method = "POST""#), reqwest::Method::GET);
        let query = table
            .optional(
                "query",
                (
                    "parameters added to the URL, encoded; a list repeats a parameter",
                    r#"query = { status = ["new", "paid"] }"#,
                ),
            )
            .unwrap_or_default();
        let body = Body::from_table(table);
        let options = RequestOptions::from_table(table);
        let defaults = table.parse.defaults.get::<RequestOptions>().cloned().unwrap_or_default();
        let url = match url {
            Some(url) => url,
            None if given => return None,
            None => Template::parse("", table.place(), table.parse.environment).ok()?,
        };
        Some(Request { method, url, query, body: body?, options: options?.or(&defaults) })
    }

    /// What is wrong with the address once the variables have their values. Nothing is sent.
    pub fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        // What a template cannot say yet is said when the request is sent.
        let Ok(text) = self.url.text(scope) else { return Vec::new() };
        let mistake = parse_absolute_url(&text).err();
        let told = mistake.map(|(message, hint)| Diagnostic::new(self.url.place(), message).hint(hint));
        told.into_iter().collect()
    }

    /// What the request reads.
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.url);
        let fields = |fields: &'c [(Named, OneOrMore)]| {
            fields.iter().flat_map(|(_, values)| &values.0).map(|scalar| &scalar.0)
        };
        uses.read_all(fields(&self.query));
        uses.read_all(self.options.templates());
        match &self.body {
            Body::None => {}
            Body::Text(text) => uses.read(text),
            Body::Json(document) => uses.read_all(document.templates()),
            Body::Form(form) => uses.read_all(fields(form)),
            Body::Multipart(parts) => uses.read_all(parts.iter().filter_map(|(_, part)| match part {
                Part::Text(text) => Some(text),
                Part::File { .. } => None,
            })),
        }
    }
}

impl FromToml for reqwest::Method {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let Named { name, place } = Named::from_toml(value, parse)?;
        match reqwest::Method::from_bytes(name.as_bytes()) {
            Ok(method) if name.chars().all(|c| c.is_ascii_uppercase()) => Some(method),
            Ok(_) | Err(_) => {
                let message = format!("`{name}` is not a method; methods are in capitals, such as POST");
                parse.reject(Diagnostic::new(place, message))
            }
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": "^[A-Z]+$" })
    }
}

impl ToToml for reqwest::Method {
    fn to_toml(&self) -> Value {
        Value::from(self.as_str())
    }
}

fn version_name(version: reqwest::Version) -> &'static str {
    match version {
        reqwest::Version::HTTP_10 => "HTTP/1.0",
        reqwest::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
