//! A real HTTP/1.1 server that sends the test's responses and records the requests.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::background::Background;
use super::certificates::{Certificates, TlsIdentity};

/// A request as the server received it.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, …
    pub method: String,
    /// The request target: a path with its query, or an absolute URL at a proxy.
    pub target: String,
    /// The path, percent-encoded as received.
    pub path: String,
    /// The query, percent-encoded as received; empty without one.
    pub query: String,
    /// Lower-case names and their values, in the order received.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Whether the client sent a certificate.
    pub client_certificate: bool,
}

impl Request {
    /// The first value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A response of the server.
#[derive(Debug, Clone)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
}

impl Response {
    /// A response without a body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delay: Duration::ZERO }
    }

    /// `200` with this JSON text.
    #[must_use]
    pub fn json(text: &str) -> Self {
        Self::new(200).header("content-type", "application/json").body(text)
    }

    /// `200` with this page.
    #[must_use]
    pub fn html(text: &str) -> Self {
        Self::new(200).header("content-type", "text/html; charset=utf-8").body(text)
    }

    /// `302` to this place.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::new(302).header("location", location)
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sent only after this time.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// The server. Dropping it closes every connection and drops every pending response.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    scheme: &'static str,
    host: &'static str,
    record: Arc<Mutex<Record>>,
    _background: Background,
}

#[derive(Debug, Default)]
struct Record {
    connections: usize,
    requests: Vec<Request>,
}

type Handler = dyn Fn(&Request) -> Response + Send + Sync;

impl HttpServer {
    /// Serves `http` on a free port.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::listen(None, Arc::new(handler))
    }

    /// Serves `http` at this address.
    ///
    /// # Errors
    /// It is not free.
    pub fn start_at(
        address: SocketAddr,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        Ok(Self::serve_on(TcpListener::bind(address)?, None, Arc::new(handler)))
    }

    /// Serves `https` on a free port.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start_tls(
        identity: TlsIdentity,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> Self {
        let config = Certificates::shared().server_config(identity);
        Self::listen(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(handler))
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of this path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}:{}{path}", self.scheme, self.host, self.address.port())
    }

    /// Every request that was read completely, in that order, answered or not.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).connections
    }

    fn listen(tls: Option<TlsAcceptor>, handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen on a free port");
        Self::serve_on(listener, tls, handler)
    }

    fn serve_on(listener: TcpListener, tls: Option<TlsAcceptor>, handler: Arc<Handler>) -> Self {
        listener.set_nonblocking(true).expect("listen without blocking");
        let address = listener.local_addr().expect("know the port");
        // The certificates are valid for both names; `localhost` is what a person would write.
        let (scheme, host) = if tls.is_some() { ("https", "localhost") } else { ("http", "127.0.0.1") };
        let record = Arc::new(Mutex::new(Record::default()));
        let service = Service { handler, record: Arc::clone(&record) };
        let background = Background::start(serve(listener, tls, service));
        Self { address, scheme, host, record, _background: background }
    }
}

#[derive(Clone)]
struct Service {
    handler: Arc<Handler>,
    record: Arc<Mutex<Record>>,
}

impl Service {
    fn note(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn answer(
        self,
        request: hyper::Request<Incoming>,
        client_certificate: bool,
    ) -> hyper::Result<hyper::Response<Full<Bytes>>> {
        let request = owned(request, client_certificate).await?;
        self.note(|record| record.requests.push(request.clone()));
        let response = (self.handler)(&request);
        tokio::time::sleep(response.delay).await;
        let mut builder = hyper::Response::builder().status(response.status);
        for (name, value) in response.headers {
            builder = builder.header(name, value);
        }
        Ok(builder.body(Full::from(response.body)).expect("the test gave a valid answer"))
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, service: Service) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("hand the listener over");
    loop {
        // This fails only for lack of file descriptors, which may be temporary.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        service.note(|record| record.connections += 1);
        let _ = stream.set_nodelay(true);
        let (service, tls) = (service.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => converse(stream, false, service).await,
                Some(tls) => {
                    // A client that refuses the certificate ends here.
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let client_certificate = showed_certificate(&stream);
                    converse(stream, client_certificate, service).await;
                }
            }
        });
    }
}

fn showed_certificate<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty())
}

async fn converse<S>(stream: S, client_certificate: bool, service: Service)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = |request| service.clone().answer(request, client_certificate);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    // A client may disconnect at any time.
    let _ = connection.await;
}

async fn owned(request: hyper::Request<Incoming>, client_certificate: bool) -> hyper::Result<Request> {
    let (head, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Request {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await?.to_bytes().to_vec(),
        client_certificate,
    })
}
