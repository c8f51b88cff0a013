//! Through a proxy: a tunnel by `CONNECT` (RFC 9110, section 9.3.6) or SOCKS.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context as Poller, Poll};

use hyper::Uri;
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service;

use super::connect::ByteStream;
use crate::language::io_error::reason;
use crate::outcome::{Failure, Fault};
use crate::probe::dial::{self, DialError, Target, causes, name_failure};
use crate::secret::Message;

type Stream = Box<dyn ByteStream>;

/// The most that a proxy may say before it lets through, in bytes.
const MOST_HEAD: usize = 64 << 10;

/// What a proxy is asked for where its URL has no port.
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;
const SOCKS_PORT: u16 = 1080;

/// Is it spoken to in SOCKS?
pub(super) fn is_socks(proxy: &Intercept) -> bool {
    proxy.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("socks"))
}

/// The host of a proxy, without the brackets of an address.
pub(super) fn host(proxy: &Uri) -> &str {
    proxy.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// Connects to the proxy, on the way to `to`.
///
/// # Errors
/// It has no address, or none that answers.
pub(super) async fn reach(proxy: &Intercept, to: &Target) -> Result<TcpStream, Failure> {
    let uri = proxy.uri();
    let default = match uri.scheme_str() {
        Some("https") => HTTPS_PORT,
        _ if is_socks(proxy) => SOCKS_PORT,
        _ => HTTP_PORT,
    };
    let target = Target { host: host(uri).to_owned(), port: uri.port_u16().unwrap_or(default) };
    dial::dial(&target).await.map_err(|error| match error {
        DialError::Name(error) => {
            let doing = Message::new().words("looking up the proxy `").data(target.host.as_str()).words("`");
            as_proxy_fault(name_failure(doing, &error))
        }
        DialError::NoAddress => refused(proxy, to, "its name has no address"),
        DialError::Refused(refusals) => refused(proxy, to, causes(&target, &refusals)),
    })
}

/// Asks the proxy at the other end of `stream` for a tunnel to `target`, which the suite calls `named`.
///
/// # Errors
/// It gives none.
pub(super) async fn open(
    stream: Stream,
    proxy: &Intercept,
    named: &Target,
    target: &Target,
) -> Result<Stream, Failure> {
    match proxy.uri().scheme_str() {
        Some("socks4" | "socks4a" | "socks5" | "socks5h") => socks(stream, proxy, named, target).await,
        Some(_) | None => connect(stream, proxy, named, target).await,
    }
}

async fn connect(
    mut stream: Stream,
    proxy: &Intercept,
    named: &Target,
    target: &Target,
) -> Result<Stream, Failure> {
    let mut request =
        format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\nuser-agent: {}\r\n", super::USER_AGENT)
            .into_bytes();
    if let Some(authorization) = proxy.basic_auth() {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let broken = |error: std::io::Error| refused(proxy, named, reason(&error));
    stream.write_all(&request).await.map_err(broken)?;
    let mut head = Vec::new();
    // The other side speaks only once it is spoken to: nothing of it comes with this.
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        let read = stream.read_buf(&mut head).await.map_err(broken)?;
        if read == 0 {
            return Err(refused(proxy, named, "the proxy closed the connection without an answer"));
        }
        if head.len() > MOST_HEAD {
            return Err(refused(proxy, named, "what the proxy answers does not end"));
        }
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse::<u16>().ok());
    match status {
        Some(200..=299) => Ok(stream),
        Some(status) => Err(no_tunnel(proxy, named, status)),
        None => Err(refused(proxy, named, format!("the proxy does not speak HTTP: {line:?}"))),
    }
}

/// The proxy answered, and not with a tunnel.
fn no_tunnel(proxy: &Intercept, named: &Target, status: u16) -> Failure {
    let reason = hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let answer = reason.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"));
    let advice = match status {
        407 => "put the proxy's user and password into its URL: http://user:{{proxy_password}}@proxy:3128",
        403 => {
            "the proxy does not allow this host or port: allow it there, or go without (`proxy = \"\"`, NO_PROXY)"
        }
        500.. => {
            "the proxy cannot reach the server: check the host and the port, and that the proxy knows the name"
        }
        _ => "look at the proxy's log, or go without it (`proxy = \"\"`, NO_PROXY)",
    };
    let cause = Message::new().words(format!("the proxy refused the tunnel with {answer}"));
    Failure::fault(Fault::Proxy, connecting(proxy, named), cause).with_hint(Message::new().words(advice))
}

async fn socks(
    stream: Stream,
    proxy: &Intercept,
    named: &Target,
    target: &Target,
) -> Result<Stream, Failure> {
    let scheme = proxy.uri().scheme_str().unwrap_or_default();
    // Who looks the name up: this machine, or the proxy (`socks4a`, `socks5h`).
    let to = match scheme {
        "socks4" | "socks5" => {
            let found = dial::look_up(target).await.map_err(|error| error.into_failure(target))?;
            let wanted = found.iter().find(|address| scheme == "socks5" || address.is_ipv4());
            match wanted {
                Some(address) => address.to_string(),
                None => return Err(refused(proxy, named, "SOCKS 4 needs an IPv4 address")),
            }
        }
        _ => target.to_string(),
    };
    let to = Uri::builder().scheme("http").authority(to).path_and_query("/").build();
    let to = to.map_err(|error| refused(proxy, named, error.to_string()))?;
    let connected = Connected(Some(TokioIo::new(stream)));
    let opened = if scheme.starts_with("socks4") {
        SocksV4::new(proxy.uri().clone(), connected).call(to).await
    } else {
        let socks = SocksV5::new(proxy.uri().clone(), connected);
        let mut socks = match proxy.raw_auth() {
            Some((user, password)) => socks.with_auth(user.to_owned(), password.to_owned()),
            None => socks,
        };
        socks.call(to).await
    };
    opened.map(TokioIo::into_inner).map_err(|error| {
        let words = error.to_string();
        refused(proxy, named, words.strip_prefix("SOCKS error: ").unwrap_or(&words))
    })
}

/// A connection to the proxy that is there already.
struct Connected(Option<TokioIo<Stream>>);

impl Service<Uri> for Connected {
    type Response = TokioIo<Stream>;
    type Error = Infallible;
    type Future = Ready<Result<TokioIo<Stream>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        match self.0.take() {
            Some(stream) => ready(Ok(stream)),
            None => unreachable!("a tunnel is asked for once"),
        }
    }
}

fn connecting(proxy: &Intercept, named: &Target) -> Message {
    let port = proxy.uri().port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    let proxy = format!("{}{port}", proxy.uri().host().unwrap_or_default());
    Message::new().words("connecting to ").data(named.to_string()).words(" through the proxy ").data(proxy)
}

fn refused(proxy: &Intercept, named: &Target, cause: impl Into<String>) -> Failure {
    let cause = Message::new().data(cause.into());
    as_proxy_fault(Failure::fault(Fault::Proxy, connecting(proxy, named), cause))
}

/// The failure as one of the proxy, whose hint says where it comes from.
fn as_proxy_fault(failure: Failure) -> Failure {
    match failure {
        Failure::Fault { doing, cause, .. } => Failure::fault(Fault::Proxy, doing, cause)
            .with_hint(Message::new().words("check `proxy`, HTTP_PROXY, HTTPS_PROXY and NO_PROXY")),
        other @ (Failure::Mismatch { .. }
        | Failure::TimedOut { .. }
        | Failure::Exited { .. }
        | Failure::Step { .. }) => other,
    }
}
