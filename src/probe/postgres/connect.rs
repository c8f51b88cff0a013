//! Connecting to PostgreSQL: hosts in their order, TLS as `sslmode` says, the login.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_postgres::config::{Host, SslMode as LibrarySslMode, SslNegotiation, TargetSessionAttrs};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{CancelToken, Client, Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::config::{PostgresUrl, Security, SslMode};
use super::fault;
use super::socket::Socket;
use crate::check::Context;
use crate::deadline::{Deadline, Scope};
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::dial::{self, Target};
use crate::probe::timeline::mark;
use crate::secret::Message;

/// How long a connection has to say good-bye.
const FAREWELL: Duration = Duration::from_millis(100);

/// A connection that is logged in.
pub(super) struct Connection {
    pub client: Client,
    cancel: CancelToken,
    /// Where a cancel request goes, and how it is secured.
    endpoint: Endpoint,
    security: Option<Tls>,
}

/// A connection and what moves its bytes: nothing happens unless that is polled beside the work.
pub(super) struct Link {
    pub connection: Connection,
    pub io: Io,
}

pub(super) type Io = BoxFuture<'static, Result<(), tokio_postgres::Error>>;

#[derive(Debug, Clone)]
pub(super) enum Endpoint {
    Tcp(Target),
    #[cfg(unix)]
    Socket(std::path::PathBuf),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Endpoint::Tcp(target) => target.fmt(f),
            #[cfg(unix)]
            Endpoint::Socket(path) => path.display().fmt(f),
        }
    }
}

/// TLS towards one host.
#[derive(Clone)]
struct Tls {
    make: MakeRustlsConnect,
    host: String,
    required: TlsRequired,
    /// Is the server asked for TLS first, or is the handshake the first thing it sees (`sslnegotiation=direct`)?
    negotiated: bool,
}

/// May a server do without TLS?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TlsRequired {
    No,
    Yes,
}

/// Connects to the first host of the URL that can be had.
///
/// # Errors
/// None can be had, or a login was refused: then no other host is tried.
pub(super) async fn connect(url: &PostgresUrl, context: &Context) -> Result<Link, Failure> {
    let ports = url.config.get_ports();
    let mut last = None;
    for (index, host) in url.config.get_hosts().iter().enumerate() {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        let endpoint = match host {
            Host::Tcp(name) => {
                // `hostaddr` saves the look-up; the name is still what the certificate must have.
                let address = url.config.get_hostaddrs().get(index).map(ToString::to_string);
                Endpoint::Tcp(Target { host: address.unwrap_or_else(|| name.clone()), port })
            }
            #[cfg(unix)]
            Host::Unix(folder) => Endpoint::Socket(folder.join(format!(".s.PGSQL.{port}"))),
        };
        match to_host(url, host, endpoint, context).await {
            Ok(link) => return Ok(link),
            Err(failure) => {
                let may_try_next =
                    matches!(&failure, Failure::Fault { fault: Fault::Connect | Fault::Dns, .. });
                if !may_try_next {
                    return Err(failure);
                }
                last = Some(failure);
            }
        }
    }
    Err(last.unwrap_or_else(|| {
        let doing = Message::new().words("connecting to PostgreSQL");
        Failure::fault(Fault::Template, doing, Message::new().words("there is no host in the URL"))
    }))
}

async fn to_host(
    url: &PostgresUrl,
    host: &Host,
    endpoint: Endpoint,
    context: &Context,
) -> Result<Link, Failure> {
    let attempts = url.attempts(host);
    let mut first_failure = None;
    for security in attempts {
        let tls = match security {
            Security::Plain => None,
            Security::Tls => {
                let config = context.run.trust.config(&url.tls()?)?;
                let name = match host {
                    Host::Tcp(name) => name.clone(),
                    #[cfg(unix)]
                    Host::Unix(_) => String::new(),
                };
                let required = match url.ssl_mode {
                    SslMode::Prefer => TlsRequired::No,
                    SslMode::Disable
                    | SslMode::Allow
                    | SslMode::Require
                    | SslMode::VerifyCa
                    | SslMode::VerifyFull => TlsRequired::Yes,
                };
                let negotiated = url.config.get_ssl_negotiation() != SslNegotiation::Direct;
                let make = MakeRustlsConnect::new(Arc::unwrap_or_clone(config));
                Some(Tls { make, host: name, required, negotiated })
            }
        };
        match log_in(&url.config, endpoint.clone(), tls, context).await {
            Ok(link) => return suits(url, link, context).await,
            // A server that cannot be reached is not reached by another mode either.
            Err(failure @ Failure::Fault { fault: Fault::Connect | Fault::Dns, .. }) => {
                return Err(first_failure.unwrap_or(failure));
            }
            // Of two refusals the first tells more: it is the mode that was wanted.
            Err(failure) => {
                first_failure.get_or_insert(failure);
            }
        }
    }
    Err(first_failure.unwrap_or_else(|| {
        Failure::fault(
            Fault::Internal,
            Message::new().words("connecting to PostgreSQL"),
            Message::new().words("no way to try"),
        )
    }))
}

async fn log_in(
    config: &Config,
    endpoint: Endpoint,
    tls: Option<Tls>,
    context: &Context,
) -> Result<Link, Failure> {
    let mut stream = open(config, &endpoint, context).await?;
    let mut config = config.clone();
    let security = match tls {
        None => None,
        Some(tls) => {
            context.timeline.enter(Phase::Tls);
            let offered = match config.get_ssl_negotiation() {
                SslNegotiation::Direct => true,
                _ => request_tls(&mut stream)
                    .await
                    .map_err(|error| fault::broken(&error, &endpoint, Phase::Tls))?,
            };
            match (offered, tls.required) {
                (true, _) => Some(tls),
                (false, TlsRequired::No) => None,
                (false, TlsRequired::Yes) => return Err(fault::no_tls(&endpoint)),
            }
        }
    };
    // TLS was asked for above, so that the timeline sees each part: the library is to start with the handshake.
    let (client, io): (Client, Io) = match &security {
        None => {
            config.ssl_mode(LibrarySslMode::Disable);
            context.timeline.enter(Phase::Authenticate);
            let logged_in = config.connect_raw(stream, NoTls).await;
            let (client, io) = logged_in.map_err(|error| fault::login(&error, &endpoint, context))?;
            (client, Box::pin(io))
        }
        Some(tls) => {
            config.ssl_mode(LibrarySslMode::Require).ssl_negotiation(SslNegotiation::Direct);
            let logged_in = config.connect_raw(stream, tls.connector()).await;
            let (client, io) = logged_in.map_err(|error| fault::login(&error, &endpoint, context))?;
            (client, Box::pin(io))
        }
    };
    let cancel = client.cancel_token();
    Ok(Link { connection: Connection { client, cancel, endpoint, security }, io })
}

/// Asks the server for TLS, as every PostgreSQL client since 7.1 does, and says whether it is offered.
/// Source: <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>.
async fn request_tls(stream: &mut Socket) -> std::io::Result<bool> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    stream.write_all(&SSL_REQUEST).await?;
    match stream.read_u8().await? {
        b'S' => Ok(true),
        b'N' | b'E' => Ok(false),
        _ => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is not PostgreSQL's")),
    }
}

async fn open(config: &Config, endpoint: &Endpoint, context: &Context) -> Result<Socket, Failure> {
    let opening = async {
        match endpoint {
            Endpoint::Tcp(target) => dial::connect(target, context).await.map(Socket::Tcp),
            #[cfg(unix)]
            Endpoint::Socket(path) => {
                mark(Phase::Connect);
                context.timeline.set_address(&path.display());
                match tokio::net::UnixStream::connect(path).await {
                    Ok(stream) => Ok(Socket::Unix(stream)),
                    Err(error) => {
                        let doing = Message::new().words("connecting to ").data(path.display().to_string());
                        Err(Failure::fault(Fault::Connect, doing, Message::new().data(dial::plain(&error)))
                            .with_hint(dial::connect_hint(&error)))
                    }
                }
            }
        }
    };
    match config.get_connect_timeout() {
        None => opening.await,
        Some(limit) => {
            let limited = context.deadline.tighten(*limit, Scope::Step);
            limited.bound(opening).await.unwrap_or_else(|_| {
                let doing = Message::new().words("connecting to ").data(endpoint.to_string());
                let cause = format!(
                    "no connection within {} (`connect_timeout` of the URL)",
                    crate::outcome::Span(*limit)
                );
                Err(Failure::fault(Fault::Connect, doing, Message::new().words(cause)))
            })
        }
    }
}

/// Is this the kind of server that `target_session_attrs` asks for?
async fn suits(url: &PostgresUrl, mut link: Link, context: &Context) -> Result<Link, Failure> {
    let wanted = match url.config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => "off",
        TargetSessionAttrs::ReadOnly => "on",
        _ => return Ok(link),
    };
    let Link { connection, io } = &mut link;
    let asking = connection.client.simple_query("show transaction_read_only");
    let messages = beside(io, asking).await.map_err(|error| fault::sql(&error, None, context))?;
    let suits = messages.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some(wanted),
        _ => false,
    });
    match suits {
        true => Ok(link),
        false => {
            let doing = Message::new().words("connecting to ").data(link.connection.endpoint.to_string());
            link.say_good_bye().await;
            let cause =
                Message::new().words("the server is not of the kind that `target_session_attrs` asks for");
            Err(Failure::fault(Fault::Connect, doing, cause))
        }
    }
}

/// Polls `io` while `work` is under way.
pub(super) async fn beside<T>(io: &mut Io, work: impl Future<Output = T>) -> T {
    match select(pin!(work), io).await {
        Either::Left((result, _)) => result,
        // The connection ended first; the work then ends by itself, and its error is the one that is told.
        Either::Right((_, work)) => work.await,
    }
}

impl Link {
    /// Tells the server that this was all; waits no longer than that takes.
    pub async fn say_good_bye(self) {
        drop(self.connection);
        let _ = Deadline::after(FAREWELL, Scope::Grace).bound(self.io).await;
    }
}

impl Connection {
    /// A request to the server to cancel what this connection runs.
    pub fn cancel_request(&self, context: &Context) -> BoxFuture<'static, ()> {
        let (cancel, endpoint, security) =
            (self.cancel.clone(), self.endpoint.clone(), self.security.clone());
        let address = context.timeline.address();
        Box::pin(async move {
            // Nobody is left to be told if this fails; the server's `statement_timeout` is what ends it then.
            let _ = send_cancel(&cancel, &endpoint, address, security).await;
        })
    }
}

async fn send_cancel(
    cancel: &CancelToken,
    endpoint: &Endpoint,
    address: Option<String>,
    security: Option<Tls>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut stream: Socket = match endpoint {
        // The very address, not the name: another of its addresses is another server.
        Endpoint::Tcp(target) => {
            Socket::Tcp(TcpStream::connect(address.unwrap_or_else(|| target.to_string())).await?)
        }
        #[cfg(unix)]
        Endpoint::Socket(path) => Socket::Unix(tokio::net::UnixStream::connect(path).await?),
    };
    match security {
        None => cancel.cancel_query_raw(stream, NoTls).await?,
        Some(tls) => {
            if tls.negotiated {
                request_tls(&mut stream).await?;
            }
            cancel.cancel_query_raw(stream, tls.connector()).await?;
        }
    }
    Ok(())
}

impl Tls {
    fn connector(&self) -> WatchedTls {
        let mut make = self.make.clone();
        let made = MakeTlsConnect::<Socket>::make_tls_connect(&mut make, &self.host);
        WatchedTls(made.unwrap_or_else(|never| match never {}))
    }
}

/// The handshake, with its end seen by the timeline.
struct WatchedTls(<MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect);

impl TlsConnect<Socket> for WatchedTls {
    type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Stream, Self::Error>>;

    fn connect(self, stream: Socket) -> Self::Future {
        let handshake = self.0.connect(stream);
        Box::pin(async move {
            let secured = handshake.await?;
            mark(Phase::Authenticate);
            Ok(secured)
        })
    }
}
