//! Sending a request and reading its answer, redirects and cookies included.

use bytes::Bytes;
use cookie_store::RawCookie;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap,
    HeaderValue, PROXY_AUTHORIZATION, RANGE, SET_COOKIE, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::proxy::matcher::Intercept;
use url::{Position, Url};

use super::body::read;
use super::client::{Clients, HttpVersion, Route};
use super::connect::Peer;
use super::cookies::{self, CookieJar};
use super::issued::hide_issued;
use super::redirect::{self, Next, is_same_origin};
use super::request::{PreparedBody, ResolvedRequest, multipart};
use super::response::HttpResponse;
use super::{fault, trace};
use crate::attempt::Context;
use crate::outcome::{Direction, Failure, Fault};
use crate::probe::dial::Target;
use crate::probe::trust::Trust;
use crate::secret::Message;

/// Sends `request` and reads the whole answer.
///
/// # Errors
/// No answer, or none that is HTTP, or a body larger than `max-body`.
pub async fn send(
    request: ResolvedRequest,
    clients: &Clients,
    cookies: &mut CookieJar,
    context: &Context,
) -> Result<HttpResponse, Failure> {
    let mut prepared = request;
    let began = tokio::time::Instant::now();
    let mut redirects_left = prepared.redirects;
    let mut seen = Vec::new();
    let mut set_cookies = Vec::new();
    cookies.begin(&prepared.url);
    loop {
        // Boxed, as is the reading, because they are large, and part of the future of every check and step.
        let response = Box::pin(send_once(&prepared, clients, cookies, &mut set_cookies, context)).await?;
        let next = redirect::next(&prepared, response.status(), response.headers());
        if let Next::Follow(next) = &next
            && next.has_body()
            && !is_same_origin(&prepared.url, &next.url)
        {
            context.trace(Direction::Received, || trace::head(&response));
            context.timeline.stop_at_redirect();
            return Err(redirect::takes_body_away(&prepared.url, response.status(), &next.url));
        }
        let next = match next {
            Next::Follow(next) if redirects_left > 0 => {
                redirects_left -= 1;
                context.trace(Direction::Received, || trace::head(&response));
                seen.push(shown(&prepared.url));
                prepared = *next;
                continue;
            }
            other => other,
        };
        let certificate = peer(&response).and_then(|peer| peer.certificate.clone());
        let mut answer = Box::pin(read(response, &prepared, context)).await?;
        answer.took = began.elapsed();
        answer.certificate = certificate;
        answer.set_cookies = set_cookies;
        return match next {
            Next::Nothing => Ok(answer),
            Next::Nowhere(why) => Err(Box::pin(redirect::nowhere(answer, why, context)).await),
            Next::Follow(_) => {
                seen.push(shown(&prepared.url));
                Err(Box::pin(redirect::too_many(answer, &seen, context)).await)
            }
        };
    }
}

/// Whom the answer came from, also where the connection was used before.
fn peer<B>(response: &Response<B>) -> Option<&Peer> {
    response.extensions().get()
}

/// An URL without user, password and fragment.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url.to_string()
}

async fn send_once(
    prepared: &ResolvedRequest,
    clients: &Clients,
    cookies: &mut CookieJar,
    set_cookies: &mut Vec<(String, String)>,
    context: &Context,
) -> Result<Response<Incoming>, Failure> {
    prepared.route.proxy.leads_to(&prepared.url)?;
    prepared.route.proxy.hide_credentials(&prepared.url, context);
    let cookie = cookies.header(&prepared.url).filter(|_| may_have_cookies(prepared));
    let mut wire = on_the_wire(prepared, cookie)?;
    let result = exchange(prepared, &wire, clients, context).await;
    let response = match result {
        // Some servers do for one request only what HTTP/2 has no room for, such as a Windows log-in.
        Err(error) if prepared.route.version.is_none() && fault::wants_http_1(&error) => {
            wire.route = only_http_1(wire.route);
            exchange(prepared, &wire, clients, context).await
        }
        result => result,
    };
    let response = response.map_err(|error| fault::failure(error, prepared, context))?;
    if let Some(peer) = peer(&response) {
        peer.head_has_come();
        if let Some(address) = &peer.address {
            context.timeline.set_address(address);
        }
    }
    let set: Vec<RawCookie<'static>> =
        response.headers().get_all(SET_COOKIE).iter().filter_map(cookies::parse).collect();
    for cookie in &set {
        set_cookies.retain(|(name, _)| name != cookie.name());
        set_cookies.push((cookie.name().to_owned(), cookie.value().to_owned()));
    }
    hide_issued(&response, &set, context).await;
    cookies.store(set, &prepared.url);
    Ok(response)
}

/// Why there is no answer.
pub(super) enum SendError {
    /// It was never sent.
    Unsent(Failure),
    Client(hyper_util::client::legacy::Error),
}

async fn exchange(
    prepared: &ResolvedRequest,
    wire: &Wire,
    clients: &Clients,
    context: &Context,
) -> Result<Response<Incoming>, SendError> {
    let trust = context.run.shared::<Trust>();
    // A server may close a kept connection while a request is on its way, and nobody can know whether it was heard.
    // So one that must not come twice goes over a connection of its own, and any other is sent once more.
    let may_come_twice = prepared.method.is_idempotent();
    let client = match may_come_twice {
        true => clients.client(&wire.route, &trust).await,
        false => clients.renewed(&wire.route, &trust).await,
    };
    let client = client.map_err(SendError::Unsent)?;
    let connections = clients.connections();
    context.timeline.enter(clients.first_phase());
    context.trace(Direction::Sent, || trace::request(prepared, &wire.headers));
    match client.request(wire.request(&prepared.method)).await {
        Err(error)
            if may_come_twice && clients.connections() == connections && fault::is_unanswered(&error) =>
        {
            let client = clients.renewed(&wire.route, &trust).await.map_err(SendError::Unsent)?;
            context.trace(Direction::Sent, || trace::request(prepared, &wire.headers));
            client.request(wire.request(&prepared.method)).await.map_err(SendError::Client)
        }
        sent => sent.map_err(SendError::Client),
    }
}

/// A request as it goes over the wire.
struct Wire {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    route: Route,
}

impl Wire {
    fn request(&self, method: &Method) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn on_the_wire(prepared: &ResolvedRequest, cookie: Option<HeaderValue>) -> Result<Wire, Failure> {
    let url = &prepared.url;
    let text = shown(url);
    let uri: Uri = text.parse().map_err(|error: hyper::http::uri::InvalidUri| {
        let doing = Message::new().words("requesting `").data(text.as_str()).words("`");
        Failure::fault(Fault::Template, doing, Message::new().data(error.to_string()))
    })?;
    let mut headers = prepared.headers.clone();
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(super::USER_AGENT));
    if !headers.contains_key(RANGE) {
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static(super::coding::ACCEPTED));
    }
    if let Some(cookie) = cookie {
        headers.entry(COOKIE).or_insert(cookie);
    }
    if let Some(basic) = credentials(url) {
        headers.entry(AUTHORIZATION).or_insert(basic);
    }
    let body = match &prepared.body {
        PreparedBody::None => Bytes::new(),
        PreparedBody::Bytes(bytes) => bytes.clone(),
        PreparedBody::Multipart(parts) => {
            let (boundary, body) = multipart(parts);
            if let Ok(value) = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}")) {
                headers.insert(CONTENT_TYPE, value);
            }
            body
        }
    };
    // Some servers take none of these without a length, though there is nothing to be long.
    let has_length =
        prepared.has_body() || [Method::POST, Method::PUT, Method::PATCH].contains(&prepared.method);
    if has_length && !headers.contains_key(TRANSFER_ENCODING) {
        headers.entry(CONTENT_LENGTH).or_insert(body.len().into());
    }
    let mut wire = Wire { uri, headers, body, route: prepared.route.clone() };
    let is_plain = url.scheme() == "http";
    if is_plain && !wire.route.resolve.iter().any(|instead| instead.applies_to(url)) {
        let proxy = wire.route.proxy.matcher().and_then(|matcher| matcher.intercept(&wire.uri));
        if let Some(authorization) = proxy.as_ref().and_then(Intercept::basic_auth) {
            wire.headers.entry(PROXY_AUTHORIZATION).or_insert(authorization.clone());
        }
    }
    let may_be_http_2 = match wire.route.version {
        None => !is_plain,
        Some(HttpVersion::One) => false,
        Some(HttpVersion::Two) => true,
    };
    if may_be_http_2 {
        ask_for_host(&mut wire, url)?;
    }
    Ok(wire)
}

/// The server is asked for the host of `Host`. Over HTTP/2 that is the authority of the URL, which counts more than
/// `Host` (RFC 9113, section 8.3.1): it takes the place of the URL's own. Over HTTP/1.1 the library makes `Host` of it.
fn ask_for_host(wire: &mut Wire, url: &Url) -> Result<(), Failure> {
    let Some(host) = wire.headers.get(HOST).cloned() else { return Ok(()) };
    if host.as_bytes() == url[Position::BeforeHost..Position::AfterPort].as_bytes() {
        wire.headers.remove(HOST);
        return Ok(());
    }
    let mut parts = wire.uri.clone().into_parts();
    parts.authority = host.to_str().ok().and_then(|host| host.parse().ok());
    match Uri::from_parts(parts) {
        Ok(uri) => {
            wire.uri = uri;
            wire.headers.remove(HOST);
            wire.route.asked_as_another = Some(Target {
                host: url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
                port: url.port_or_known_default().unwrap_or(0),
            });
            Ok(())
        }
        Err(_) if wire.route.version == Some(HttpVersion::Two) => {
            let cause = Message::new().words("`").data(String::from_utf8_lossy(host.as_bytes()));
            let cause = cause.words("` is not a host, and HTTP/2 has no other way to name one");
            let doing = Message::new().words("sending the header `host`");
            Err(Failure::fault(Fault::Template, doing, cause)
                .with_hint(Message::new().words("set `http = \"1.1\"`")))
        }
        // As a server is tried with a `Host` that is none.
        Err(_) => {
            wire.route = only_http_1(wire.route.clone());
            Ok(())
        }
    }
}

fn only_http_1(route: Route) -> Route {
    let mut route = Route { version: Some(HttpVersion::One), ..route };
    route.tls.alpn = vec!["http/1.1"];
    route
}

/// The user and password of a URL, as a header.
fn credentials(url: &Url) -> Option<HeaderValue> {
    use base64::Engine as _;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pair = format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default()));
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A cookie belongs to a host and not to a port, which is too little where a redirect leads to another port of
/// this host.
fn may_have_cookies(prepared: &ResolvedRequest) -> bool {
    prepared.home.host() != prepared.url.host() || is_same_origin(&prepared.home, &prepared.url)
}
