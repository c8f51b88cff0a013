//! HTTP requests as a suite writes them.
//!
//! ```toml
//! url = "{{base_url}}/orders"
//! query = { status = "new" }
//! headers = { accept = "application/json" }
//! auth = { bearer = "{{token}}" }
//! ```

mod auth;
mod body;
mod file;
mod options;
mod override_use;
mod resolve_entry;

mod curl;
mod resolve;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use self::body::{Body, Part};
pub(super) use self::curl::CurlContext;
pub use self::options::RequestOptions;
pub(super) use self::options::TlsKeys;
pub use self::override_use::{Applies, OverrideUse};
pub(super) use self::override_use::{UNUSED, is_unused};
pub(super) use self::resolve_entry::resolve_key;
use crate::attempt::Context;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromTable as _, FromToml, Named, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::table::{Rule, ToToml};
use crate::language::template::Template;
use crate::language::value::OneOrMore;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::http::request::ResolvedRequest;

/// A request of a health check or an HTTP step.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: hyper::Method,
    pub url: Template,
    query: Vec<(Template, OneOrMore)>,
    body: Body,
    safe: Option<bool>,
    pub options: RequestOptions,
}

/// The verbs that combine `method` and `url` in one key, each with an example.
const VERBS: [(&str, hyper::Method, &str); 6] = [
    ("get", hyper::Method::GET, r#"get = "{{base_url}}/login""#),
    ("post", hyper::Method::POST, r#"post = "{{base_url}}/login""#),
    ("put", hyper::Method::PUT, r#"put = "{{base_url}}/orders/{{order}}""#),
    ("patch", hyper::Method::PATCH, r#"patch = "{{base_url}}/orders/{{order}}""#),
    ("delete", hyper::Method::DELETE, r#"delete = "{{base_url}}/orders/{{order}}""#),
    ("head", hyper::Method::HEAD, r#"head = "{{base_url}}/login""#),
];

/// The keys of `VERBS`, for messages.
pub const VERB_KEYS: &str = "get, post, put, patch, delete, head";

impl Request {
    /// Reads a request whose URL is under `url` or a verb such as `get`. Returns `None` without a message if there is
    /// neither, because the caller knows what else could have been meant.
    pub fn from_step(table: &mut Table<'_, '_, '_>) -> Option<Request> {
        let mut verbs = Vec::new();
        // A step without a URL is invalid, and the mistake in its URL has already been reported.
        let mut is_told = false;
        for (name, method, example) in &VERBS {
            match table.optional::<Template>(name, ("URL to request with this method", *example)) {
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

    /// Reads a request whose URL is under `url`. Without `url`, the URL is empty.
    pub fn from_url(table: &mut Table<'_, '_, '_>) -> Option<Request> {
        let given = table.has("url");
        let url: Option<Template> =
            table.optional("url", ("URL to request", r#"url = "{{base_url}}/health""#));
        let method = table.optional_or("method", ("HTTP method", r#"method = "POST""#), hyper::Method::GET);
        let query = table
            .optional(
                "query",
                (
                    "parameters added to the URL, encoded; a list repeats a parameter",
                    r#"query = { status = ["new", "paid"] }"#,
                ),
            )
            .unwrap_or_default();
        let safe = table.optional(
            "safe",
            (
                "it changes nothing, so `--read-only` may send it; by default, that is so of GET, HEAD and OPTIONS",
                "safe = true",
            ),
        );
        let body = Body::from_table(table);
        let options = RequestOptions::from_table(table);
        let defaults = table.parse.defaults.get::<RequestOptions>().cloned().unwrap_or_default();
        let url = match url {
            Some(url) => url,
            None if given => return None,
            None => Template::parse("", table.place(), table.parse.environment).ok()?,
        };
        Some(Request { method, url, query, body: body?, safe, options: options?.or(&defaults) })
    }

    /// Renders the request.
    ///
    /// # Errors
    /// Fails if a value is missing or invalid at its position, or if no token could be obtained.
    pub async fn resolved(&self, scope: &Variables, context: &Context) -> Result<ResolvedRequest, Failure> {
        resolve::resolve_request(self, scope, context).await
    }

    /// Returns mistakes for the files that it names but that cannot be read.
    pub fn missing_files(&self, scope: &Variables) -> Vec<Diagnostic> {
        let mut missing = self.options.missing_files(scope);
        if let Body::Multipart(parts) = &self.body {
            missing.extend(parts.iter().filter_map(|(_, part)| match part {
                Part::Text(_) => None,
                Part::File(part) => file::missing(&part.path, scope),
            }));
        }
        missing
    }

    /// Describes what it would change, as far as that is known.
    pub fn changes(&self) -> Option<String> {
        let looks = [reqwest::Method::GET, reqwest::Method::HEAD, reqwest::Method::OPTIONS];
        match (self.safe, looks.contains(&self.method)) {
            (Some(true), _) | (None, true) => None,
            (Some(false) | None, _) => Some(format!("sends {}", self.method)),
        }
    }

    /// Records the variables that the request reads.
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.url);
        let fields = |fields: &'c [(Template, OneOrMore)]| {
            fields.iter().flat_map(|(name, values)| {
                std::iter::once(name).chain(values.0.iter().map(|scalar| &scalar.0))
            })
        };
        uses.read_all(fields(&self.query));
        uses.read_all(self.options.templates());
        match &self.body {
            Body::None => {}
            Body::Text(text) => uses.read(text),
            Body::Json(document) => uses.read_all(document.templates()),
            Body::Form(form) => uses.read_all(fields(form)),
            Body::Multipart(parts) => parts.iter().for_each(|(name, part)| {
                uses.read(name);
                match part {
                    Part::Text(text) => uses.read(text),
                    Part::File(_) => {}
                }
            }),
        }
    }
}

impl FromToml for hyper::Method {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let Named { name, place } = Named::from_toml(value, parse)?;
        match hyper::Method::from_bytes(name.as_bytes()) {
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

impl ToToml for hyper::Method {
    fn to_toml(&self) -> Value {
        Value::from(self.as_str())
    }
}
