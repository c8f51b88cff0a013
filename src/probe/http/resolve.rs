//! From a request as written to one that can be sent.

use std::net::SocketAddr;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::client::Route;
use super::proxy::{Proxy, not_a_proxy};
use super::{Body, HttpVersion, Part, Request, RequestOptions};
use crate::attempt::{Context, Tracing, offload};
use crate::language::read::Named;
use crate::language::template::Template;
use crate::language::value::OneOrMore;
use crate::language::variables::{Variables, is_secret_name};
use crate::outcome::{Failure, Fault};
use crate::probe::trust::TlsOptions;
use crate::secret::{Message, address};

/// A request with every value in its place.
#[derive(Debug, Clone)]
pub(super) struct ResolvedRequest {
    pub method: reqwest::Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: PreparedBody,
    /// The body as people are shown it, if they are.
    pub shown_body: Option<String>,
    pub route: Route,
    pub resolve: Vec<ResolveOverride>,
    pub redirects: u32,
    pub max_body: usize,
    /// Where the first request of a chain of redirects goes.
    pub home: Url,
}

impl ResolvedRequest {
    pub(super) fn has_body(&self) -> bool {
        match self.body {
            PreparedBody::None => false,
            PreparedBody::Bytes(_) | PreparedBody::Multipart(_) => true,
        }
    }
}

/// One entry of `resolve`: where a request goes instead of where its URL says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ResolveOverride {
    host: String,
    port: u16,
    pub address: SocketAddr,
}

impl ResolveOverride {
    pub(super) fn applies_to(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(&self.host))
            && url.port_or_known_default() == Some(self.port)
    }
}

#[derive(Debug, Clone)]
pub(super) enum PreparedBody {
    None,
    Bytes(Vec<u8>),
    Multipart(Vec<PreparedPart>),
}

#[derive(Debug, Clone)]
pub(super) struct PreparedPart {
    name: String,
    bytes: Vec<u8>,
    filename: Option<String>,
    content_type: Option<String>,
}

/// A template's text, or the failure to make it.
pub(super) fn rendered<T>(result: Result<T, String>, what: &'static str) -> Result<T, Failure> {
    result.map_err(|error| unusable(what, Message::new().data(error)))
}

fn unusable(what: &'static str, cause: Message) -> Failure {
    Failure::fault(Fault::Template, Message::new().words(format!("putting together {what}")), cause)
}

/// Parses a URL that a template made.
///
/// # Errors
/// It is no URL, or a value in it breaks it.
pub fn parse_url(template: &Template, scope: &Variables) -> Result<Url, Failure> {
    let text = rendered(template.text(scope), "the URL")?;
    parse_absolute_url(&text).map_err(|(message, hint)| {
        let cause = Message::new().words(message).words(": `").data(address::shown(&text)).words("`");
        unusable("the URL", cause).with_hint(Message::new().words(hint))
    })
}

/// Parses a URL.
///
/// # Errors
/// What keeps `text` from being one, and what to do about it.
pub fn parse_absolute_url(text: &str) -> Result<Url, (String, &'static str)> {
    if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        let encode = "encode the value with `{{name|urlencode}}`, or put it into `query`, which encodes it";
        return Err((format!("{bad:?} cannot stand in a URL"), encode));
    }
    let url = Url::parse(text).map_err(|error| {
        let hint = match address::shown(text) == text {
            true => "a URL is absolute, such as https://host:port/path",
            false => "percent-encode a password in it: `https://user:{{password|urlencode}}@host/path`",
        };
        (format!("this is no URL: {error}"), hint)
    })?;
    match url.port() {
        Some(0) => {
            Err(("nothing can listen on port 0".to_owned(), "name the port that the server listens on"))
        }
        Some(_) | None => Ok(url),
    }
}

/// Puts the request together.
pub(super) async fn prepare(
    request: &Request,
    scope: &Variables,
    context: &Context,
) -> Result<ResolvedRequest, Failure> {
    let mut url = parse_url(&request.url, scope)?;
    context.run.redactor.add_address(url.as_str());
    if !request.query.is_empty() {
        let fields = fields(&request.query, scope, context)?;
        url.query_pairs_mut().extend_pairs(fields);
    }
    let home = url.clone();
    let options = &request.options;
    let mut headers = headers(options, scope, context)?;
    if let Some(auth) = &options.auth {
        let value = auth.header(options, scope, context).await?;
        headers.insert(AUTHORIZATION, header_value("authorization", &value)?);
    }
    let (body, content_type) = body(&request.body, scope, context).await?;
    if let Some(content_type) = content_type {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
    }
    Ok(ResolvedRequest {
        method: request.method.clone(),
        url,
        headers,
        body,
        shown_body: match context.run.tracing {
            Tracing::Off => None,
            Tracing::On => request.shown_body(&scope.for_people()),
        },
        route: route(options, scope, context)?,
        resolve: resolve(options, scope)?,
        redirects: options.redirects.unwrap_or(super::options::REDIRECTS),
        max_body: options.max_body(),
        home,
    })
}

fn fields(
    fields: &[(Named, OneOrMore)],
    scope: &Variables,
    context: &Context,
) -> Result<Vec<(String, String)>, Failure> {
    fields
        .iter()
        .flat_map(|(named, values)| values.0.iter().map(move |value| (named, value)))
        .map(|(named, value)| {
            let value = rendered(value.0.text(scope), "a field")?;
            context.run.redactor.add_field(&named.name, &value);
            Ok((named.name.clone(), value))
        })
        .collect()
}

fn headers(options: &RequestOptions, scope: &Variables, context: &Context) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (named, template) in &options.headers {
        let value = rendered(template.text(scope), "a header")?;
        let name: HeaderName = named.name.parse().map_err(|_| {
            unusable("a header", Message::new().words(format!("`{}` is not a header name", named.name)))
        })?;
        if name == AUTHORIZATION || name == reqwest::header::COOKIE || is_secret_name(name.as_str()) {
            context.hide(&value);
        }
        headers.insert(name, header_value(&named.name, &value)?);
    }
    Ok(headers)
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(value).map_err(|_| {
        let cause = Message::new()
            .words(format!("the value of the header `{name}` has a character that no header may have (a line break, perhaps): "))
            .data(value);
        unusable("a header", cause)
    })
}

async fn body(
    body: &Body,
    scope: &Variables,
    context: &Context,
) -> Result<(PreparedBody, Option<&'static str>), Failure> {
    Ok(match body {
        Body::None => (PreparedBody::None, None),
        Body::Text(text) => (PreparedBody::Bytes(rendered(text.text(scope), "the body")?.into_bytes()), None),
        Body::Json(document) => {
            let value = rendered(document.value(scope), "the JSON body")?;
            context.run.redactor.add_fields(&value);
            (PreparedBody::Bytes(value.to_string().into_bytes()), Some("application/json"))
        }
        Body::Form(form) => {
            let encoded = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields(form, scope, context)?)
                .finish();
            (PreparedBody::Bytes(encoded.into_bytes()), Some("application/x-www-form-urlencoded"))
        }
        Body::Multipart(parts) => {
            let mut prepared = Vec::new();
            for (named, part) in parts {
                prepared.push(prepare_part(&named.name, part, scope, context).await?);
            }
            (PreparedBody::Multipart(prepared), None)
        }
    })
}

async fn prepare_part(
    name: &str,
    part: &Part,
    scope: &Variables,
    context: &Context,
) -> Result<PreparedPart, Failure> {
    let name = name.to_owned();
    match part {
        Part::Text(text) => {
            let text = rendered(text.text(scope), "a part")?;
            context.run.redactor.add_field(&name, &text);
            Ok(PreparedPart { name, bytes: text.into_bytes(), filename: None, content_type: None })
        }
        Part::File { path, filename, content_type } => {
            let at = context.run.suite_dir.join(path);
            let bytes = offload::blocking(move || std::fs::read(at)).await.map_err(|error| {
                let doing = Message::new().words("reading `").data(path.display().to_string()).words("`");
                Failure::fault(Fault::Local, doing, Message::new().data(error.to_string()))
            })?;
            let own_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            Ok(PreparedPart {
                name,
                bytes,
                filename: filename.clone().or(own_name),
                content_type: content_type.clone(),
            })
        }
    }
}

impl PreparedPart {
    pub(super) fn add_to(&self, form: reqwest::multipart::Form) -> Result<reqwest::multipart::Form, Failure> {
        let mut part = reqwest::multipart::Part::bytes(self.bytes.clone());
        if let Some(filename) = &self.filename {
            part = part.file_name(quotable(filename));
        }
        if let Some(content_type) = &self.content_type {
            part = part.mime_str(content_type).map_err(|error| {
                unusable("a part", Message::new().words("its `type`: ").data(error.to_string()))
            })?;
        }
        Ok(form.part(quotable(&self.name), part))
    }
}

/// A name as browsers put it between quotes: UTF-8 as it is, and only what would end the quotes or the line
/// encoded. Source: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.
fn quotable(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

pub(super) fn route(
    options: &RequestOptions,
    scope: &Variables,
    context: &Context,
) -> Result<Route, Failure> {
    let alpn = match options.version {
        None => vec!["h2", "http/1.1"],
        Some(HttpVersion::One) => vec!["http/1.1"],
        Some(HttpVersion::Two) => vec!["h2"],
    };
    let tls = TlsOptions { alpn, ..options.tls().in_dir(&context.run.suite_dir) };
    let proxy = match &options.proxy {
        None => Proxy::OfEnvironment,
        Some(proxy) => {
            let text = rendered(proxy.text(scope), "the proxy")?;
            Proxy::parse(&text).ok_or_else(|| not_a_proxy(&text))?
        }
    };
    Ok(Route { tls, resolve: Vec::new(), proxy, version: options.version })
}

/// The entries of `resolve`, with their values in place.
///
/// # Errors
/// A value that is no address.
pub(super) fn resolve(options: &RequestOptions, scope: &Variables) -> Result<Vec<ResolveOverride>, Failure> {
    let entry = |(from, to): &(Named, Template)| {
        let to = rendered(to.text(scope), "`resolve`")?;
        let (host, port) = host_and_port(&from.name).unwrap_or((&from.name, 0));
        let address: SocketAddr = to.parse().map_err(|_| {
            let wanted = Message::new().words("expected an address such as 127.0.0.1:8443, got `");
            unusable("`resolve`", wanted.data(to.clone()).words("`"))
        })?;
        Ok(ResolveOverride { host: host.to_owned(), port, address })
    };
    options.resolve.iter().map(entry).collect()
}

/// The two parts of `host:port`.
pub(super) fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty())
}
