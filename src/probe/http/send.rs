//! Sending a request and reading its answer, redirects and cookies included.

use cookie_store::{CookieStore, RawCookie};
use futures_util::StreamExt as _;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, HOST,
    HeaderMap, HeaderValue, LINK, LOCATION, REFRESH, SET_COOKIE, TRANSFER_ENCODING, USER_AGENT,
};
use reqwest::{Method, StatusCode};
use tokio::runtime::Handle;
use url::Url;

use super::client::{Clients, Route};
use super::request::{PreparedBody, ResolvedRequest};
use super::response::HttpResponse;
use super::{charset, fault, trace, version_name};
use crate::attempt::Context;
use crate::attempt::certificate::PeerCertificate;
use crate::attempt::cost::Cost;
use crate::language::variables::is_secret_name;
use crate::outcome::{Direction, Failure, Phase};
use crate::probe::trust::Trust;
use crate::secret::Message;

/// Sends `request` and reads the whole answer.
///
/// # Errors
/// No answer, or none that is HTTP, or a body larger than `max-body`.
pub async fn send(
    request: ResolvedRequest,
    clients: &Clients,
    cookies: &mut CookieStore,
    context: &Context,
) -> Result<HttpResponse, Failure> {
    let mut prepared = request;
    let began = tokio::time::Instant::now();
    let mut redirects_left = prepared.redirects;
    let mut seen = Vec::new();
    let mut set_cookies = Vec::new();
    loop {
        // Boxed, as is the reading, because they are large, and part of the future of every check and step.
        let response = Box::pin(send_once(&prepared, clients, cookies, &mut set_cookies, context)).await?;
        let next = match prepared.redirects {
            0 => None,
            _ => redirect(&prepared, response.status(), response.headers()),
        };
        if let Some(next) = &next
            && next.has_body()
            && !is_same_origin(&prepared.url, &next.url)
        {
            context.trace(Direction::Received, || trace::head(&response));
            context.timeline.stop_at_redirect();
            return Err(takes_body_away(&prepared.url, response.status(), &next.url));
        }
        let leads_on = next.is_some();
        if let Some(next) = next
            && redirects_left > 0
        {
            redirects_left -= 1;
            context.trace(Direction::Received, || trace::head(&response));
            seen.push(shown(&prepared.url));
            prepared = *next;
            continue;
        }
        let days_left = certificate(&response).map(|certificate| certificate.days_left());
        let mut answer = Box::pin(read(response, &prepared, context)).await?;
        answer.took = began.elapsed();
        answer.days_left = days_left;
        answer.set_cookies = set_cookies;
        if leads_on {
            seen.push(shown(&prepared.url));
            return Err(Box::pin(redirect_loop(answer, &seen, context)).await);
        }
        return Ok(answer);
    }
}

/// The certificate of the server that answered, also where its connection was used before.
fn certificate(response: &reqwest::Response) -> Option<PeerCertificate> {
    let info = response.extensions().get::<reqwest::tls::TlsInfo>()?;
    PeerCertificate::parse(info.peer_certificate()?)
}

/// A cookie at least this long may be what keeps a session.
pub const SESSION_LENGTH: usize = 12;

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
    cookies: &mut CookieStore,
    set_cookies: &mut Vec<(String, String)>,
    context: &Context,
) -> Result<reqwest::Response, Failure> {
    let mut headers = prepared.headers.clone();
    let (url, route) = on_the_wire(prepared, &mut headers);
    route.proxy.leads_to(&url)?;
    route.proxy.hide_credentials(&url, context);
    if let Some(value) = cookie_header(cookies, &prepared.url).filter(|_| may_have_cookies(prepared)) {
        headers.entry(COOKIE).or_insert(value);
    }
    // A server may close a kept connection while a request is on its way, and nobody can know whether it was heard.
    // So one that must not come twice goes over a connection of its own, and any other is sent once more.
    let may_come_twice = prepared.method.is_idempotent();
    let client = match may_come_twice {
        true => clients.client(&route, &context.run.shared::<Trust>()).await?,
        false => clients.renewed(&route, &context.run.shared::<Trust>()).await?,
    };
    let connections = clients.connections();
    context.timeline.enter(clients.first_phase());
    let mut sent = build_request(&client, prepared, &url, &headers, context)?.send().await;
    let over_a_kept_one = clients.connections() == connections;
    if may_come_twice && over_a_kept_one && sent.as_ref().is_err_and(fault::is_unanswered) {
        let again = async {
            let client = clients.renewed(&route, &context.run.shared::<Trust>()).await?;
            Ok(build_request(&client, prepared, &url, &headers, context)?.send().await)
        };
        sent = Box::pin(again).await?;
    }
    let response = sent.map_err(|error| fault::failure(&error, prepared, context))?;
    if let Some(address) = response.remote_addr() {
        context.timeline.set_address(&address);
    }
    let set: Vec<RawCookie<'static>> = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|header| RawCookie::parse(String::from_utf8_lossy(header.as_bytes()).into_owned()).ok())
        .collect();
    for cookie in &set {
        set_cookies.retain(|(name, _)| name != cookie.name());
        set_cookies.push((cookie.name().to_owned(), cookie.value().to_owned()));
    }
    hide_issued(&response, &set, context).await;
    cookies.store_response_cookies(set.into_iter(), &prepared.url);
    Ok(response)
}

/// Hides what a server issues in its headers.
async fn hide_issued(response: &reqwest::Response, set: &[RawCookie<'static>], context: &Context) {
    // A header that is secret by its name is so on its way back, too.
    let headers = response.headers();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let named = headers.iter().filter(|(name, _)| is_secret_name(name.as_str()));
    let mut values: Vec<String> = named.map(|(_, value)| text(value)).collect();
    // What keeps a session is a credential, whatever it is called; `theme=dark` is none.
    let sessions = set.iter().map(RawCookie::value).filter(|value| value.len() >= SESSION_LENGTH);
    values.extend(sessions.map(str::to_owned));
    // Where a login leads to, whoever follows is logged in.
    let addresses: Vec<String> = [LOCATION, CONTENT_LOCATION, LINK, REFRESH]
        .iter()
        .flat_map(|name| headers.get_all(name))
        .map(text)
        .collect();
    let load = Cost::TO_READ.on(values.iter().chain(&addresses).map(String::len).sum());
    let keeper = context.clone();
    let hide = move || {
        for value in &values {
            keeper.hide(value);
        }
        for address in &addresses {
            keeper.run.redactor.add_issued_address(address);
        }
    };
    context.offload(context.timeline.phase(), load, hide).await;
}

fn build_request(
    client: &reqwest::Client,
    prepared: &ResolvedRequest,
    url: &Url,
    headers: &HeaderMap,
    context: &Context,
) -> Result<reqwest::RequestBuilder, Failure> {
    context.trace(Direction::Sent, || {
        trace::request(&prepared.method, &prepared.url, headers, prepared.shown_body.as_deref())
    });
    let builder = client.request(prepared.method.clone(), url.clone()).headers(headers.clone());
    Ok(match &prepared.body {
        // Some servers take no such request without a length, though there is nothing to be long.
        PreparedBody::None if [Method::POST, Method::PUT, Method::PATCH].contains(&prepared.method) => {
            builder.header(CONTENT_LENGTH, 0)
        }
        PreparedBody::None => builder,
        PreparedBody::Bytes(bytes) => builder.body(bytes.clone()),
        PreparedBody::Multipart(parts) => {
            let empty = reqwest::multipart::Form::new().percent_encode_noop();
            let form = parts.iter().try_fold(empty, |form, part| part.add_to(form))?;
            builder.multipart(form)
        }
    })
}

/// The URL and route as the library must have them for `resolve`; the server is asked as the suite says.
fn on_the_wire(prepared: &ResolvedRequest, headers: &mut HeaderMap) -> (Url, Route) {
    let (mut url, mut route) = (prepared.url.clone(), prepared.route.clone());
    let Some(instead) = prepared.resolve.iter().find(|instead| instead.applies_to(&url)) else {
        return (url, route);
    };
    let named = matches!(url.host(), Some(url::Host::Domain(_)));
    // The library takes a port that stands in the URL, and an address in place of a name, as they are.
    if !named || url.port().is_some_and(|port| port != instead.address.port()) {
        if let Ok(host) = HeaderValue::from_str(&url[url::Position::BeforeHost..url::Position::AfterPort]) {
            headers.entry(HOST).or_insert(host);
        }
        let _ = url.set_port(Some(instead.address.port()));
    }
    if named {
        route.resolve.push((url.host_str().unwrap_or_default().to_owned(), instead.address));
    } else {
        let _ = url.set_ip_host(instead.address.ip());
    }
    (url, route)
}

/// A cookie belongs to a host and not to a port, which is too little where a redirect leads to another port of
/// this host.
fn may_have_cookies(prepared: &ResolvedRequest) -> bool {
    prepared.home.host() != prepared.url.host() || is_same_origin(&prepared.home, &prepared.url)
}

/// Is it the same origin? From `http` to `https` of the same host is the way home.
fn is_same_origin(home: &Url, url: &Url) -> bool {
    let moves_up = home.scheme() == "http" && url.scheme() == "https" && home.port().or(url.port()).is_none();
    home.origin() == url.origin() || (moves_up && home.host() == url.host())
}

/// The cookies that go with a request, those of longer paths first, then those that were set first (RFC 6265,
/// section 5.4): of two with one name, many servers take the first.
pub fn cookies_for<'c>(cookies: &'c CookieStore, url: &Url) -> impl Iterator<Item = (&'c str, &'c str)> {
    let mut found = cookies.matches(url);
    found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
    found.into_iter().map(|cookie| cookie.name_value())
}

fn cookie_header(cookies: &CookieStore, url: &Url) -> Option<HeaderValue> {
    let pairs: Vec<String> =
        cookies_for(cookies, url).map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| HeaderValue::from_str(&pairs.join("; ")).ok()).flatten()
}

/// The request that follows a redirect, or `None` if the answer is none (or leads nowhere).
fn redirect(from: &ResolvedRequest, status: StatusCode, headers: &HeaderMap) -> Option<Box<ResolvedRequest>> {
    let keeps_method = match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => from.method != Method::POST,
        StatusCode::SEE_OTHER => from.method == Method::HEAD,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return None,
    };
    let location = std::str::from_utf8(headers.get(LOCATION)?.as_bytes()).ok()?;
    let url = from.url.join(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let mut next = Box::new(ResolvedRequest { url, ..from.clone() });
    if !keeps_method {
        next.method = Method::GET;
        next.body = PreparedBody::None;
        next.shown_body = None;
        for name in [CONTENT_TYPE, CONTENT_LENGTH, TRANSFER_ENCODING] {
            next.headers.remove(name);
        }
    }
    if next.url.origin() != from.url.origin() {
        // Credentials stay home: whatever the suite put into a header may be one.
        let harmless = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT];
        next.headers = harmless
            .iter()
            .filter_map(|name| next.headers.get(name).map(|value| (name.clone(), value.clone())))
            .collect();
        next.route.tls.client = None;
    }
    Some(next)
}

/// What a body carries is for the server it was sent to: a form has its password there.
fn takes_body_away(from: &Url, status: StatusCode, to: &Url) -> Failure {
    let origin = |url: &Url| url.origin().ascii_serialization();
    let status = status.as_u16();
    Failure::mismatch(
        Message::new().words("the request's body"),
        Message::new().words("to stay at ").data(origin(from)),
        Message::new()
            .words(format!("a {status} that takes it to "))
            .data(origin(to))
            .words(format!(": set `redirects = 0` and expect the {status}, or give the final URL")),
    )
}

async fn redirect_loop(answer: HttpResponse, seen: &[String], context: &Context) -> Failure {
    let mut path = Message::new();
    for (index, url) in seen.iter().rev().take(4).rev().enumerate() {
        path = path.words(if index > 0 { " → " } else { "" }).data(url.as_str());
    }
    let mismatch = crate::outcome::Mismatch {
        what: Message::new().words("an end to the redirects"),
        expected: Message::new().words(format!("after {} (`redirects`)", seen.len() - 1)),
        actual: Message::new().words(format!("another {}: ", answer.status)).then(path),
        place: None,
    };
    Failure::Mismatch { mismatches: vec![mismatch], answer: Some(answer.described(context).await) }
}

async fn read(
    response: reqwest::Response,
    prepared: &ResolvedRequest,
    context: &Context,
) -> Result<HttpResponse, Failure> {
    let status = response.status().as_u16();
    let version = version_name(response.version());
    let headers = response.headers().clone();
    context.timeline.enter(Phase::Body);
    let mut body = Body::default();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| fault::failure(&error, prepared, context))?;
        if body.0.len() + chunk.len() > prepared.max_body {
            let expected =
                Message::new().words(format!("of at most {} bytes (`max-body`)", prepared.max_body));
            let actual = Message::new().words("a larger one; it was not read to its end");
            return Err(Failure::mismatch(Message::new().words("a body"), expected, actual));
        }
        body.0.extend_from_slice(&chunk);
    }
    let bytes = std::mem::take(&mut body.0);
    let load = Cost::Looks(1).on(bytes.len());
    let encoding = charset::named(&headers);
    let body = context.offload(Phase::Body, load, move || charset::text(bytes, encoding)).await;
    Ok(HttpResponse::new(status, version, headers, body, shown(&prepared.url)))
}

/// What has been read of a body. To give back hundreds of megabytes takes tens of milliseconds, and a cut has no time
/// for that: it is done on the side.
#[derive(Default)]
struct Body(Vec<u8>);

impl Drop for Body {
    fn drop(&mut self) {
        const LARGE: usize = 1024 * 1024;
        if self.0.len() > LARGE
            && let Ok(runtime) = Handle::try_current()
        {
            let bytes = std::mem::take(&mut self.0);
            // Why: it gives back memory and nothing else, and the process may end before it has.
            runtime.spawn_blocking(move || drop(bytes));
        }
    }
}
