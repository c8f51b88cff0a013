//! Connections for HTTP: to the server or its proxy, with TLS where the URL wants it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as Poller, Poll};

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::client::{HttpVersion, Route};
use super::tunnel;
use crate::attempt::certificate::PeerCertificate;
use crate::attempt::timeline::{certificate, mark};
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::dial::{self, Target};
use crate::probe::tls::io_failure;
use crate::secret::Message;

/// How much may come before the head of an answer: its head, and every informational answer before it.
const MOST_BEFORE_HEAD: usize = 1 << 20;

/// Connects the way that a route says.
#[derive(Clone)]
pub(super) struct Connector {
    inner: Arc<Inner>,
}

struct Inner {
    route: Route,
    proxies: Option<Matcher>,
    tls: Arc<ClientConfig>,
    /// How many connections were begun.
    connections: Arc<AtomicUsize>,
}

/// What kept it from connecting, carried through the library as an error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ConnectError(pub Failure);

/// Whom a connection leads to. It comes with each answer.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub address: Option<SocketAddr>,
    pub certificate: Option<Arc<PeerCertificate>>,
    before_head: Arc<BeforeHead>,
}

impl Peer {
    /// The head of an answer has come: how much follows is the business of whoever reads it.
    pub fn head_has_come(&self) {
        self.before_head.0.store(usize::MAX, Ordering::Relaxed);
    }
}

/// How much more may be read before there is the head of an answer.
#[derive(Debug)]
struct BeforeHead(AtomicUsize);

/// More than that came.
#[derive(Debug, thiserror::Error)]
#[error("more than 1 MiB came, and no answer in it")]
pub(super) struct NoHead;

impl Connector {
    pub fn new(route: Route, tls: Arc<ClientConfig>, connections: Arc<AtomicUsize>) -> Connector {
        let proxies = route.proxy.matcher();
        Connector { inner: Arc::new(Inner { route, proxies, tls, connections }) }
    }
}

impl Service<Uri> for Connector {
    type Response = HttpStream;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<HttpStream, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            mark(Phase::Connect);
            inner.connections.fetch_add(1, Ordering::Relaxed);
            let stream = inner.connect(&uri).await.map_err(ConnectError)?;
            mark(Phase::FirstByte);
            Ok(stream)
        })
    }
}

/// What bytes go through.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

impl Inner {
    async fn connect(&self, uri: &Uri) -> Result<HttpStream, Failure> {
        // The host and port of the suite's URL, whatever `Host` says.
        let named = self.route.named(uri);
        let instead = self.route.resolve.iter().find(|instead| instead.is_for(&named));
        let target = match instead {
            Some(instead) => Target { host: instead.address.ip().to_string(), port: instead.address.port() },
            None => named.clone(),
        };
        let is_tls = uri.scheme_str() == Some("https");
        let proxy = self.proxies.as_ref().and_then(|proxies| match &self.route.asked_as_another {
            None => proxies.intercept(uri),
            Some(named) => proxies.intercept(&format!("{}://{named}/", uri.scheme_str()?).parse().ok()?),
        });
        // A proxy takes a plain request as it is. It does not know where `resolve` leads, except through a tunnel.
        let is_forwarded =
            !is_tls && instead.is_none() && proxy.as_ref().is_some_and(|proxy| !tunnel::is_socks(proxy));
        let (stream, address) = match &proxy {
            Some(proxy) => (self.through(proxy, &named, &target, is_forwarded).await?, None),
            None => {
                let stream =
                    dial::connect(&target).await.map_err(|failure| as_named(failure, &named, &target))?;
                let address = stream.peer_addr().ok();
                (Box::new(stream) as Box<dyn ByteStream>, address)
            }
        };
        match is_tls {
            true => self.shake_hands(stream, &named, address).await,
            false => {
                let is_http_2 = self.route.version == Some(HttpVersion::Two);
                Ok(HttpStream::new(stream, None, address, Protocol { is_http_2, is_forwarded }))
            }
        }
    }

    async fn through(
        &self,
        proxy: &Intercept,
        named: &Target,
        target: &Target,
        is_forwarded: bool,
    ) -> Result<Box<dyn ByteStream>, Failure> {
        let stream = tunnel::reach(proxy, named).await?;
        let stream: Box<dyn ByteStream> = match proxy.uri().scheme_str() {
            Some("https") => {
                let mut tls = (*self.tls).clone();
                tls.alpn_protocols = vec![b"http/1.1".to_vec()];
                let host = tunnel::host(proxy.uri());
                let doing = || Message::new().words("the TLS handshake with the proxy ").data(host);
                let name = server_name(host, doing)?;
                mark(Phase::Tls);
                let shaken = TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
                Box::new(shaken.map_err(|error| io_failure(doing(), &error, certificate()))?)
            }
            Some(_) | None => Box::new(stream),
        };
        mark(Phase::Connect);
        match is_forwarded {
            true => Ok(stream),
            false => tunnel::open(stream, proxy, named, target).await,
        }
    }

    async fn shake_hands(
        &self,
        stream: Box<dyn ByteStream>,
        named: &Target,
        address: Option<SocketAddr>,
    ) -> Result<HttpStream, Failure> {
        let doing = || Message::new().words("the TLS handshake with ").data(named.to_string());
        let name = server_name(&named.host, doing)?;
        let shaken = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        let stream = shaken.map_err(|error| io_failure(doing(), &error, certificate()))?;
        let is_http_2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let certificate = certificate().map(Arc::new);
        let protocol = Protocol { is_http_2, is_forwarded: false };
        Ok(HttpStream::new(Box::new(stream), certificate, address, protocol))
    }
}

/// `resolve` gave the address: the message has the name, too.
fn as_named(failure: Failure, named: &Target, target: &Target) -> Failure {
    match failure {
        Failure::Fault { fault, cause, hint, .. } if named != target => {
            let doing = Message::new().words("connecting to ").data(named.to_string());
            let at = Message::new().data(target.to_string()).words(": ").then(cause);
            Failure::Fault { fault, doing, cause: at, hint }
        }
        other => other,
    }
}

fn server_name(host: &str, doing: impl Fn() -> Message) -> Result<ServerName<'static>, Failure> {
    let host = host.trim_matches(['[', ']']).to_owned();
    ServerName::try_from(host)
        .map_err(|error| Failure::fault(Fault::Template, doing(), Message::new().data(error.to_string())))
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy)]
struct Protocol {
    /// It was agreed on in the handshake.
    is_http_2: bool,
    /// By a proxy, which must be told the whole URL.
    is_forwarded: bool,
}

/// A connection as the library takes it.
pub(super) struct HttpStream {
    io: TokioIo<Bounded>,
    peer: Peer,
    protocol: Protocol,
}

impl HttpStream {
    fn new(
        stream: Box<dyn ByteStream>,
        certificate: Option<Arc<PeerCertificate>>,
        address: Option<SocketAddr>,
        protocol: Protocol,
    ) -> HttpStream {
        let before_head = Arc::new(BeforeHead(AtomicUsize::new(usize::MAX)));
        let peer = Peer { address, certificate, before_head: Arc::clone(&before_head) };
        // Over HTTP/2 something is sent while a body is read.
        let is_bounded = !protocol.is_http_2;
        HttpStream { io: TokioIo::new(Bounded { stream, before_head, is_bounded }), peer, protocol }
    }
}

impl Connection for HttpStream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.peer.clone()).proxy(self.protocol.is_forwarded);
        if self.protocol.is_http_2 { connected.negotiated_h2() } else { connected }
    }
}

impl hyper::rt::Read for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(poller, buffer)
    }
}

impl hyper::rt::Write for HttpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(poller, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(poller)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(poller)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(poller, bytes)
    }
}

/// A stream that does not give more than so much between a request and the head of its answer. Without a bound, a
/// server that says `100 Continue` for ever would keep a worker for itself.
struct Bounded {
    stream: Box<dyn ByteStream>,
    before_head: Arc<BeforeHead>,
    is_bounded: bool,
}

impl Bounded {
    /// Something is sent: an answer is due.
    fn wait_for_head(&self) {
        if self.is_bounded {
            self.before_head.0.store(MOST_BEFORE_HEAD, Ordering::Relaxed);
        }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(poller, buffer);
        let (read, allowed) = (buffer.filled().len() - before, &self.before_head.0);
        let left = allowed.load(Ordering::Relaxed);
        if left == usize::MAX || !polled.is_ready() {
            return polled;
        }
        match left.checked_sub(read) {
            Some(left) => allowed.store(left, Ordering::Relaxed),
            None => return Poll::Ready(Err(io::Error::other(NoHead))),
        }
        polled
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.wait_for_head();
        Pin::new(&mut self.stream).poll_write(poller, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(poller)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(poller)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        poller: &mut Poller<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wait_for_head();
        Pin::new(&mut self.stream).poll_write_vectored(poller, bytes)
    }
}
