//! Renders a request of a suite into one that can be sent.

use std::net::SocketAddr;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;

use super::body::PartOfFile;
use super::resolve_entry::ResolveEntry;
use super::{Body, Part, Request, RequestOptions};
use crate::attempt::{Context, Tracing, offload};
use crate::language::placed::Placed;
use crate::language::template::Template;
use crate::language::value::OneOrMore;
use crate::language::variables::{Variables, is_secret_name};
use crate::outcome::{Failure, Fault};
use crate::probe::http::proxy::{Proxy, not_a_proxy};
use crate::probe::http::request::{PreparedBody, PreparedPart, ResolveOverride, ResolvedRequest};
use crate::probe::http::{HttpVersion, Route};
use crate::probe::trust::TlsOptions;
use crate::probe::url::parse_absolute_url;
use crate::secret::{Message, address, message};

/// Returns the text of a template, or the failure to render it.
pub(super) fn rendered<T>(result: Result<T, String>, what: &'static str) -> Result<T, Failure> {
    result.map_err(|error| unusable(what, message!("{}", error)))
}

fn unusable(what: &'static str, cause: Message) -> Failure {
    Failure::fault(Fault::Template, Message::new().words(format!("rendering {what}")), cause)
}

/// Parses a rendered URL.
///
/// # Errors
/// Fails if it is not a URL, or if a value in it makes it invalid.
pub fn parse_url(template: &Template, scope: &Variables) -> Result<Url, Failure> {
    let text = rendered(template.text(scope), "the URL")?;
    parse_absolute_url(&text).map_err(|(message, hint)| {
        let cause = Message::new().words(message).words(": `").data(address::shown(&text)).words("`");
        unusable("the URL", cause).with_hint(Message::new().words(hint))
    })
}

/// Renders the request.
pub(super) async fn resolve_request(
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
        reads_body: true,
        home,
    })
}

fn fields(
    fields: &[(Template, OneOrMore)],
    scope: &Variables,
    context: &Context,
) -> Result<Vec<(String, String)>, Failure> {
    let text = |template: &Template| rendered(template.text(scope), "a field");
    fields
        .iter()
        .flat_map(|(name, values)| values.0.iter().map(move |value| (name, value)))
        .map(|(name, value)| {
            let (name, value) = (text(name)?, text(&value.0)?);
            context.run.redactor.add_field(&name, &value);
            Ok((name, value))
        })
        .collect()
}

fn headers(options: &RequestOptions, scope: &Variables, context: &Context) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (key, template) in &options.headers {
        let value = rendered(template.text(scope), "a header")?;
        let name = rendered(key.name(scope), "a header")?;
        // The request's own headers come first, followed by those of `[defaults]`.
        if headers.contains_key(&name) {
            continue;
        }
        if name == AUTHORIZATION || name == hyper::header::COOKIE || is_secret_name(name.as_str()) {
            context.hide(&value);
        }
        let value = header_value(name.as_str(), &value)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(value).map_err(|_| {
        let cause = Message::new()
            .words("the value of the header `")
            .data(name)
            .words("` has a character that no header may have (a line break, perhaps): ")
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
        Body::Text(text) => (PreparedBody::Bytes(rendered(text.text(scope), "the body")?.into()), None),
        Body::Json(document) => {
            let value = rendered(document.value(scope), "the JSON body")?;
            context.run.redactor.add_fields(&value);
            (PreparedBody::Bytes(value.to_string().into()), Some("application/json"))
        }
        Body::Form(form) => {
            let encoded = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields(form, scope, context)?)
                .finish();
            (PreparedBody::Bytes(encoded.into()), Some("application/x-www-form-urlencoded"))
        }
        Body::Multipart(parts) => {
            let mut prepared = Vec::new();
            for (name, part) in parts {
                let name = rendered(name.text(scope), "a part")?;
                prepared.push(resolve_part(name, part, scope, context).await?);
            }
            (PreparedBody::Multipart(prepared), None)
        }
    })
}

async fn resolve_part(
    name: String,
    part: &Part,
    scope: &Variables,
    context: &Context,
) -> Result<PreparedPart, Failure> {
    match part {
        Part::Text(text) => {
            let text = rendered(text.text(scope), "a part")?;
            context.run.redactor.add_field(&name, &text);
            Ok(PreparedPart { name, bytes: text.into_bytes(), filename: None, content_type: None })
        }
        Part::File(PartOfFile { path: Placed { value: path, .. }, filename, content_type }) => {
            let at = context.run.suite_dir.join(path);
            let bytes = offload::blocking(move || std::fs::read(at)).await.map_err(|error| {
                let doing = message!("reading `{}`", path.display());
                Failure::fault(Fault::Local, doing, message!("{}", error))
            })?;
            if let Some(kind) = content_type
                && !(kind.contains('/') && HeaderValue::from_str(kind).is_ok())
            {
                let cause = message!("its `type` is no media type: `{}`", kind);
                return Err(unusable("a part", cause));
            }
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

/// Renders the entries of `resolve`.
///
/// # Errors
/// Fails if a value is not an address.
pub(super) fn resolve(options: &RequestOptions, scope: &Variables) -> Result<Vec<ResolveOverride>, Failure> {
    let entry = |entry: &ResolveEntry| {
        let to = rendered(entry.to.text(scope), "`resolve`")?;
        let address: SocketAddr = to.parse().map_err(|_| {
            let wanted = message!("expected an address such as 127.0.0.1:8443, got `");
            unusable("`resolve`", wanted.data(to.clone()).words("`"))
        })?;
        Ok(ResolveOverride { from: entry.from.authority.clone(), address })
    };
    options.resolve.iter().map(entry).collect()
}
