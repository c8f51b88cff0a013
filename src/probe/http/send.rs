//! Sends a request and reads its response, including redirects and cookies.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cookie_store::RawCookie;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, RANGE,
    SET_COOKIE, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{Method, Response};
use reqwest::Body;
use url::{Position, Url};

use super::body::read;
use super::client::{Clients, HttpVersion, Route};
use super::cookies::{self, CookieJar};
use super::issued::hide_issued;
use super::proxy::Proxy;
use super::reach::of_each_address;
use super::redirect::{self, Next, is_same_origin};
use super::request::{PreparedBody, ResolvedRequest, multipart};
use super::response::HttpResponse;
use super::{fault, trace};
use crate::attempt::Context;
use crate::attempt::certificate::PeerCertificate;
use crate::outcome::{Direction, Failure, Fault, Phase};
use crate::probe::dial::{self, Target};
use crate::probe::trust::Trust;
use crate::secret::message;

/// Sends `request` and reads the whole response.
///
/// # Errors
/// Fails if there is no valid HTTP response, or if its body exceeds `max-body`.
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
        // Boxed, like reading, because both are large and part of the future of every check and step.
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
        let certificate = certificate(&response, context);
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

/// Returns the certificate of the server, even if the connection was reused.
fn certificate(response: &Response<Body>, context: &Context) -> Option<Arc<PeerCertificate>> {
    let shown = response.extensions().get::<reqwest::tls::TlsInfo>()?.peer_certificate()?;
    let shown = PeerCertificate::parse(shown)?;
    // The intermediates are known only if there was a handshake.
    let seen = context
        .timeline
        .certificate()
        .filter(|seen| seen.not_after == shown.not_after && seen.subject == shown.subject);
    Some(Arc::new(seen.unwrap_or(shown)))
}

/// Returns a URL without user, password and fragment.
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
) -> Result<Response<Body>, Failure> {
    prepared.route.proxy.leads_to(&prepared.url)?;
    prepared.route.proxy.hide_credentials(&prepared.url, context);
    let cookie = cookies.header(&prepared.url).filter(|_| may_have_cookies(prepared));
    let mut wire = on_the_wire(prepared, cookie)?;
    let proxy = prepared.route.proxy.intercept(&prepared.url);
    let known = proxy.as_ref().and_then(|proxy| clients.tunnels.known(proxy));
    let mut relay = known.filter(|_| wire.url.scheme() == "https");
    if let Some(relay) = &relay {
        wire.route.proxy = Proxy::At(relay.url.clone());
    }
    let mut result = exchange(prepared, &wire, clients, context).await;
    // Nothing of the request was sent yet.
    if let (Some(proxy), None, Err(error)) = (&proxy, &relay, &result)
        && fault::is_without_tunnel(error)
    {
        relay = clients.tunnels.relay(proxy).await;
        if let Some(relay) = &relay {
            wire.route.proxy = Proxy::At(relay.url.clone());
            result = exchange(prepared, &wire, clients, context).await;
        }
    }
    let response = match result {
        // Some servers need HTTP/1.1 for single requests that HTTP/2 does not support, such as Windows authentication.
        Err(error) if prepared.route.version.is_none() && fault::wants_http_1(&error) => {
            wire.route = only_http_1(wire.route);
            exchange(prepared, &wire, clients, context).await
        }
        result => result,
    };
    let response = match response {
        Ok(response) => response,
        Err(error) => {
            let is_refused = fault::is_without_tunnel(&error);
            let failure = fault::failure(error, prepared, context);
            return Err(match relay.filter(|_| is_refused).and_then(|relay| relay.refused()) {
                Some(said) => fault::with_refusal(failure, &said),
                None => Box::pin(of_each_address(failure, &prepared.url, &wire, context)).await,
            });
        }
    };
    if let (Some(_), Some(proxy)) = (&relay, prepared.route.proxy.address(&prepared.url)) {
        context.timeline.set_address(&proxy);
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

/// Why there is no response.
pub(super) enum SendError {
    /// The request was never sent.
    Unsent(Failure),
    Client(reqwest::Error),
}

async fn exchange(
    prepared: &ResolvedRequest,
    wire: &Wire,
    clients: &Clients,
    context: &Context,
) -> Result<Response<Body>, SendError> {
    let trust = context.run.shared::<Trust>();
    // A server may close a kept connection while a request is in transit, and whether it was processed is unknown. So a
    // non-idempotent request uses its own connection, and an idempotent one is retried once.
    let may_come_twice = prepared.method.is_idempotent();
    let client = if may_come_twice {
        clients.client(&wire.route, &trust).await
    } else {
        clients.renewed(&wire.route, &trust).await
    };
    let client = client.map_err(SendError::Unsent)?;
    let connections = clients.connections();
    context.timeline.enter(clients.first_phase());
    context.trace(Direction::Sent, || trace::request(prepared, &wire.headers));
    let sent = match first_to_connect(prepared, wire, &client, clients, context).await? {
        Err(error)
            if may_come_twice && clients.connections() == connections && fault::is_unanswered(&error) =>
        {
            let client = clients.renewed(&wire.route, &trust).await.map_err(SendError::Unsent)?;
            context.trace(Direction::Sent, || trace::request(prepared, &wire.headers));
            wire.send(&client, &prepared.method).await
        }
        sent => sent,
    };
    let response = sent.map_err(SendError::Client)?;
    if let Some(address) = response.remote_addr() {
        context.timeline.set_address(&address);
    }
    Ok(response.into())
}

/// How long a connection may take before the other addresses of the name are tried in parallel (RFC 8305, section 5).
const OTHERS_AFTER: Duration = Duration::from_millis(250);

/// Sends the request over the connection that is established first. The library stays with the first address of a
/// family until it refuses. If another address responds before that, it is used instead, before anything is sent.
async fn first_to_connect(
    prepared: &ResolvedRequest,
    wire: &Wire,
    client: &reqwest::Client,
    clients: &Clients,
    context: &Context,
) -> Result<reqwest::Result<reqwest::Response>, SendError> {
    let mut first = Box::pin(wire.send(client, &prepared.method));
    let limit = context.deadline.tighten(OTHERS_AFTER, context.deadline.scope());
    if let Ok(sent) = limit.bound(&mut first).await {
        return Ok(sent);
    }
    let named = match wire.url.host() {
        Some(url::Host::Domain(name)) if wire.route.resolve.is_empty() => name.to_owned(),
        Some(_) | None => return Ok(first.await),
    };
    let waits = || context.timeline.phase() == Phase::Connect;
    if !waits() || wire.route.proxy.address(&wire.url).is_some() {
        return Ok(first.await);
    }
    let target = Target { host: named.clone(), port: wire.url.port_or_known_default().unwrap_or(0) };
    let address = tokio::select! {
        sent = &mut first => return Ok(sent),
        stream = dial::dial(&target) => match stream {
            Ok(stream) => stream.peer_addr().ok(),
            Err(error) => return Err(SendError::Unsent(error.into_failure(&target))),
        },
    };
    let Some(address) = address.filter(|_| waits()) else { return Ok(first.await) };
    drop(first);
    let mut route = wire.route.clone();
    route.resolve.push((named, address));
    let client = clients.client(&route, &context.run.shared::<Trust>()).await.map_err(SendError::Unsent)?;
    Ok(wire.send(&client, &prepared.method).await)
}

/// A request as it goes over the wire.
pub(super) struct Wire {
    pub url: Url,
    headers: HeaderMap,
    body: Bytes,
    pub route: Route,
}

impl Wire {
    async fn send(&self, client: &reqwest::Client, method: &Method) -> reqwest::Result<reqwest::Response> {
        let request = client.request(method.clone(), self.url.clone()).headers(self.headers.clone());
        let request = if self.body.is_empty() { request } else { request.body(self.body.clone()) };
        request.send().await
    }
}

fn on_the_wire(prepared: &ResolvedRequest, cookie: Option<HeaderValue>) -> Result<Wire, Failure> {
    let mut headers = prepared.headers.clone();
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(super::USER_AGENT));
    if !headers.contains_key(RANGE) {
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static(super::coding::ACCEPTED));
    }
    if let Some(cookie) = cookie {
        headers.entry(COOKIE).or_insert(cookie);
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
    // Some servers reject these methods without a length, even for an empty body.
    let has_length =
        prepared.has_body() || [Method::POST, Method::PUT, Method::PATCH].contains(&prepared.method);
    if has_length && !headers.contains_key(TRANSFER_ENCODING) {
        headers.entry(CONTENT_LENGTH).or_insert(body.len().into());
    }
    let mut wire = Wire { url: prepared.url.clone(), headers, body, route: prepared.route.clone() };
    go_instead(&mut wire, prepared);
    ask_for_host(&mut wire)?;
    Ok(wire)
}

/// Redirects the connection to the `resolve` entry. The request itself stays unchanged.
fn go_instead(wire: &mut Wire, prepared: &ResolvedRequest) {
    let Some(instead) = prepared.resolve.iter().find(|instead| instead.applies_to(&wire.url)) else { return };
    let named = matches!(wire.url.host(), Some(url::Host::Domain(_)));
    // The library uses an explicit port in the URL, or an address as host, unchanged.
    if !named || wire.url.port().is_some_and(|port| port != instead.address.port()) {
        if let Ok(host) = HeaderValue::from_str(&wire.url[Position::BeforeHost..Position::AfterPort]) {
            wire.headers.entry(HOST).or_insert(host);
        }
        let _ = wire.url.set_port(Some(instead.address.port()));
    }
    if named {
        wire.route.resolve.push((wire.url.host_str().unwrap_or_default().to_owned(), instead.address));
    } else {
        let _ = wire.url.set_ip_host(instead.address.ip());
    }
}

/// Sets the host of the request. Over HTTP/2, the authority of the URL takes precedence over `Host` (RFC 9113, section
/// 8.3.1), and servers reject requests with both. So if they differ, only HTTP/1.1 is offered.
fn ask_for_host(wire: &mut Wire) -> Result<(), Failure> {
    let Some(host) = wire.headers.get(HOST) else { return Ok(()) };
    if host.as_bytes() == wire.url[Position::BeforeHost..Position::AfterPort].as_bytes() {
        wire.headers.remove(HOST);
        return Ok(());
    }
    if wire.route.version == Some(HttpVersion::Two) {
        let cause = message!("over HTTP/2 the host is the one of the URL, and not `");
        let cause = cause.data(String::from_utf8_lossy(host.as_bytes())).words("`");
        let doing = message!("sending the header `host`");
        let hint = message!("set `http = \"1.1\"`, or name the host in `url` and the address in `resolve`");
        return Err(Failure::fault(Fault::Template, doing, cause).with_hint(hint));
    }
    if wire.url.scheme() == "https" {
        wire.route = only_http_1(wire.route.clone());
    }
    Ok(())
}

fn only_http_1(route: Route) -> Route {
    let mut route = Route { version: Some(HttpVersion::One), ..route };
    route.tls.alpn = vec!["http/1.1"];
    route
}

/// Whether the request may send cookies. Cookies belong to a host regardless of the port, which is too permissive for a
/// redirect to another port of the same host.
fn may_have_cookies(prepared: &ResolvedRequest) -> bool {
    prepared.home.host() != prepared.url.host() || is_same_origin(&prepared.home, &prepared.url)
}
