//! HTTP: the request as a suite writes it, and the answer as expectations see it.
//!
//! ```toml
//! url = "{{base_url}}/orders"
//! query = { status = "new" }
//! headers = { accept = "application/json" }
//! auth = { bearer = "{{token}}" }
//! ```

mod auth;
mod client;
mod curl;
mod fault;
mod prepare;
mod send;
pub mod trace;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

pub use self::auth::{Auth, Tokens};
pub use self::client::{Clients, Pooling};
pub use self::curl::Surroundings;
pub use self::prepare::sound_url;
pub use self::send::send;
use crate::outcome::Failure;
use crate::probe::trust::Verify;
use crate::suite::error::Diagnostic;
use crate::suite::read::{FromTable, FromToml, Named, Reading, Table, read_table};
use crate::suite::schema::{Definitions, Schema};
use crate::suite::table::{Rule, Written};
use crate::suite::template::Template;
use crate::suite::uses::Uses;
use crate::suite::value::{ByteSize, Document, OneOrMore};
use crate::suite::vars::Scope;

/// A body larger than this is a failure, unless `max-body` says otherwise.
const MAX_BODY: ByteSize = ByteSize(1 << 20);

/// How many redirects are followed, unless `redirects` says otherwise: a 302 is seen as a 302.
const REDIRECTS: u32 = 0;

/// A request of a health check or an HTTP step.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: reqwest::Method,
    pub url: Template,
    query: Vec<(Named, OneOrMore)>,
    body: Body,
    pub options: RequestOptions,
}

/// What a request sends beside its headers.
#[derive(Debug, Clone)]
enum Body {
    None,
    Text(Template),
    Json(Document),
    Form(Vec<(Named, OneOrMore)>),
    Multipart(Vec<(Named, Part)>),
}

/// One part of a `multipart` body: text, or a file.
#[derive(Debug, Clone)]
enum Part {
    Text(Template),
    File { path: PathBuf, filename: Option<String>, content_type: Option<String> },
}

/// The request keys that `[defaults.http]` may set too.
#[derive(Debug, Clone, Default)]
pub struct RequestOptions {
    headers: Vec<(Named, Template)>,
    auth: Option<Auth>,
    redirects: Option<u32>,
    tls: Option<TlsKeys>,
    resolve: Vec<(Named, Template)>,
    proxy: Option<Template>,
    version: Option<HttpVersion>,
    max_body: Option<ByteSize>,
}

/// `tls = { ca, cert, key, insecure }`.
#[derive(Debug, Clone, Default)]
pub struct TlsKeys {
    pub ca: Option<PathBuf>,
    pub client: Option<(PathBuf, PathBuf)>,
    /// Not said is not `false`: `[defaults.http]` may say it.
    insecure: Option<bool>,
}

impl TlsKeys {
    /// These keys, and `other`'s where these say nothing.
    fn or(self, other: &TlsKeys) -> TlsKeys {
        TlsKeys {
            ca: self.ca.or_else(|| other.ca.clone()),
            client: self.client.or_else(|| other.client.clone()),
            insecure: self.insecure.or(other.insecure),
        }
    }

    /// How far the server's certificate is checked.
    #[must_use]
    pub fn verify(&self) -> Verify {
        if self.insecure == Some(true) { Verify::Nothing } else { Verify::Full }
    }
}

impl FromTable for TlsKeys {
    const DEFINITION: &'static str = "tls";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let ca: Option<String> =
            table.optional("ca", "a PEM file of the certificates to trust instead of the system's");
        let cert: Option<String> = table.optional("cert", "a PEM file of the client's certificate");
        let key: Option<String> = table.optional("key", "a PEM file of the client's private key");
        let insecure = table.overridable("insecure", "`true`: any certificate is accepted", &false);
        table.needs("cert", "key", "`cert` needs its `key`")?;
        table.needs("key", "cert", "`key` needs its `cert`")?;
        let client = cert.zip(key).map(|(cert, key)| (cert.into(), key.into()));
        Some(TlsKeys { ca: ca.map(PathBuf::from), client, insecure })
    }
}

/// `http = "1.1"` or `"2"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    One,
    Two,
}

impl FromToml for HttpVersion {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "1.1" => Some(HttpVersion::One),
            DeValue::String(text) if text == "2" => Some(HttpVersion::Two),
            _ => reading.expected(value, "\"1.1\" or \"2\""),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "enum": ["1.1", "2"] })
    }
}

impl FromTable for RequestOptions {
    const DEFINITION: &'static str = "http";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let headers: Vec<(Named, Template)> =
            table.optional("headers", "headers of the request").unwrap_or_default();
        table.obeys(Rule::NamesLike("headers", "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"));
        for (named, _) in &headers {
            if named.name.parse::<reqwest::header::HeaderName>().is_err() {
                let message = format!("`{}` is not a header name", named.name);
                let _: Option<()> = table.reading.reject(Diagnostic::new(named.place, message));
            }
        }
        let resolve: Vec<(Named, Template)> = table
            .optional("resolve", "{ \"host:port\" = \"ip:port\" }, instead of a look-up")
            .unwrap_or_default();
        table.obeys(Rule::NamesLike("resolve", ".:[0-9]+$"));
        for (named, _) in resolve.iter().filter(|(named, _)| prepare::host_and_port(&named.name).is_none()) {
            let mistake = Diagnostic::new(named.place, "this has no port, so it would never apply")
                .hint(format!("write `resolve = {{ \"{}:443\" = \"127.0.0.1:8443\" }}`", named.name));
            let _: Option<()> = table.reading.reject(mistake);
        }
        Some(RequestOptions {
            headers,
            auth: table.optional("auth", "credentials: { basic = … }, { bearer = … } or { oauth2 = … }"),
            redirects: table.overridable("redirects", "how many redirects are followed", &REDIRECTS),
            tls: table.optional("tls", "{ ca, cert, key, insecure }"),
            resolve,
            proxy: table.optional("proxy", "the proxy to go through"),
            version: table.optional("http", "the HTTP version, \"1.1\" or \"2\""),
            max_body: table.overridable("max-body", "the largest body that is read", &MAX_BODY),
        })
    }
}

impl RequestOptions {
    /// These options, and `other`'s where these say nothing; headers are merged by name.
    #[must_use]
    pub fn or(mut self, other: &RequestOptions) -> RequestOptions {
        for (named, value) in &other.headers {
            if !self.headers.iter().any(|(own, _)| own.name.eq_ignore_ascii_case(&named.name)) {
                self.headers.push((named.clone(), value.clone()));
            }
        }
        RequestOptions {
            headers: self.headers,
            auth: self.auth.or_else(|| other.auth.clone()),
            redirects: self.redirects.or(other.redirects),
            tls: match (self.tls, &other.tls) {
                (Some(own), Some(other)) => Some(own.or(other)),
                (own, other) => own.or_else(|| other.clone()),
            },
            resolve: if self.resolve.is_empty() { other.resolve.clone() } else { self.resolve },
            proxy: self.proxy.or_else(|| other.proxy.clone()),
            version: self.version.or(other.version),
            max_body: self.max_body.or(other.max_body),
        }
    }

    fn max_body(&self) -> usize {
        self.max_body.unwrap_or(MAX_BODY).0
    }

    /// `tls`, for the protocols that have nothing else of HTTP.
    #[must_use]
    pub fn tls(&self) -> TlsKeys {
        self.tls.clone().unwrap_or_default()
    }

    /// The address that `resolve` gives for the host and port of `url`, if it does.
    ///
    /// # Errors
    /// A value of `resolve` that is no address.
    pub fn resolved(&self, url: &url::Url, scope: &Scope) -> Result<Option<SocketAddr>, Failure> {
        let entries = prepare::resolve(self, scope)?;
        Ok(entries.iter().find(|entry| entry.applies_to(url)).map(|entry| entry.address))
    }

    /// What a request needs of these options to reach another server that this one relies on: no credentials.
    fn way_only(&self) -> RequestOptions {
        RequestOptions {
            tls: self.tls.as_ref().map(|tls| TlsKeys { client: None, ..tls.clone() }),
            resolve: self.resolve.clone(),
            proxy: self.proxy.clone(),
            ..RequestOptions::default()
        }
    }

    /// Is any certificate accepted?
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        self.tls().verify() == Verify::Nothing
    }

    fn templates(&self) -> Vec<&Template> {
        let mut all: Vec<&Template> =
            self.headers.iter().chain(&self.resolve).map(|(_, value)| value).collect();
        all.extend(self.auth.iter().flat_map(Auth::templates));
        all.extend(&self.proxy);
        all
    }
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
        for (name, method) in &VERBS {
            if let Some(url) = table.optional::<Template>(name, "the URL that is asked with this method") {
                verbs.push((*name, method, url));
            }
        }
        let plain = Request::from_url(table);
        table.obeys(Rule::ExactlyOne(&["url", "get", "post", "put", "patch", "delete", "head"]));
        table.obeys(Rule::Needs("method", "url"));
        match (plain, verbs.as_slice()) {
            (Some(request), []) => Some(request),
            (Some(request), [(_, method, url)]) if table.has("url") => {
                let _ = (request, method);
                let place = url.place();
                table
                    .reading
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
        let url: Option<Template> = table.optional("url", "the URL that is asked");
        let method = table.optional_or("method", "the HTTP method", reqwest::Method::GET);
        let query = table.optional("query", "parameters added to the URL, encoded").unwrap_or_default();
        let body = Body::from_table(table);
        let options = RequestOptions::from_table(table);
        let defaults = table.reading.defaults.http.clone();
        let url = match url {
            Some(url) => url,
            None if given => return None,
            None => Template::parse("", table.place(), table.reading.environment).ok()?,
        };
        Some(Request { method, url, query, body: body?, options: options?.or(&defaults) })
    }

    /// What is wrong with the address once the variables have their values. Nothing is sent.
    #[must_use]
    pub fn mistakes(&self, scope: &Scope) -> Vec<Diagnostic> {
        // What a template cannot say yet is said when the request is sent.
        let Ok(text) = self.url.text(scope) else { return Vec::new() };
        let mistake = sound_url(&text).err();
        let told = mistake.map(|(message, hint)| Diagnostic::new(self.url.place(), message).hint(hint));
        told.into_iter().collect()
    }

    /// What the request reads.
    pub fn uses(&self, uses: &mut Uses) {
        uses.read(&self.url);
        let fields = |fields: &Vec<(Named, OneOrMore)>, uses: &mut Uses| {
            uses.read_all(fields.iter().flat_map(|(_, values)| &values.0).map(|scalar| &scalar.0));
        };
        fields(&self.query, uses);
        uses.read_all(self.options.templates());
        match &self.body {
            Body::None => {}
            Body::Text(text) => uses.read(text),
            Body::Json(document) => uses.read_all(document.templates()),
            Body::Form(form) => fields(form, uses),
            Body::Multipart(parts) => uses.read_all(parts.iter().filter_map(|(_, part)| match part {
                Part::Text(text) => Some(text),
                Part::File { .. } => None,
            })),
        }
    }
}

impl FromToml for reqwest::Method {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let Named { name, place } = Named::from_toml(value, reading)?;
        match reqwest::Method::from_bytes(name.as_bytes()) {
            Ok(method) if name.chars().all(|c| c.is_ascii_uppercase()) => Some(method),
            Ok(_) | Err(_) => {
                let message = format!("`{name}` is not a method; methods are in capitals, such as POST");
                reading.reject(Diagnostic::new(place, message))
            }
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": "^[A-Z]+$" })
    }
}

impl Written for reqwest::Method {
    fn written(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl Body {
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Body> {
        let text = table.optional("body", "the body as text").map(Body::Text);
        let json = table.optional("json", "the body as JSON").map(Body::Json);
        let form = table.optional("form", "the body as an HTML form sends it").map(Body::Form);
        let multipart =
            table.optional("multipart", "the body as an HTML form with files sends it").map(Body::Multipart);
        table.at_most_one(
            &["body", "json", "form", "multipart"],
            "a request has one of `body`, `json`, `form` and `multipart`",
        )?;
        Some(text.or(json).or(form).or(multipart).unwrap_or(Body::None))
    }
}

impl Part {
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Part> {
        let path: Option<String> = table.required("file", "the file that is sent, from the suite's folder");
        let filename = table.optional("filename", "the name it is sent under");
        let content_type = table.optional("type", "its media type");
        Some(Part::File { path: path?.into(), filename, content_type })
    }
}

impl FromToml for Part {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), reading, Part::from_table),
            _ => crate::suite::value::Scalar::from_toml(value, reading).map(|scalar| Part::Text(scalar.0)),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("part", |definitions| {
            let text = crate::suite::value::Scalar::schema(definitions);
            let file = definitions.object(|table| {
                let _ = Part::from_table(table);
            });
            json!({ "anyOf": [text, file] })
        })
    }
}

fn version_name(version: reqwest::Version) -> &'static str {
    match version {
        reqwest::Version::HTTP_10 => "HTTP/1.0",
        reqwest::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
