//! Connects to PostgreSQL: tries hosts in order, sets up TLS according to `sslmode`, and logs in.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_postgres::config::{Host, SslMode as LibrarySslMode, SslNegotiation};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{CancelToken, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::config::{PostgresUrl, Security, SslMode};
use super::fault;
use super::loan::Loan;
use super::password_file::Found;
use super::superuser::{self, Reported};
use super::target::{self, TargetServer};
use super::wire::Wire;
use crate::attempt::Context;
use crate::attempt::timeline::mark;
use crate::deadline::{BudgetScope, Deadline};
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::dial::Target;
use crate::probe::socket::{Endpoint, Socket};
use crate::probe::trust::Trust;
use crate::secret::{Message, message};

/// How long a connection may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(100);

/// A logged-in connection.
pub(super) struct Connection {
    pub wire: Wire,
    cancel: CancelToken,
    /// The target of cancel requests, which use the same security.
    pub endpoint: Endpoint,
    security: Option<Tls>,
    /// Whether it is the console of a pooler instead of a database.
    pub is_console: bool,
}

/// TLS towards one host.
#[derive(Clone)]
struct Tls {
    make: MakeRustlsConnect,
    host: String,
    /// Whether TLS is requested first, or the connection starts with the handshake (`sslnegotiation=direct`).
    negotiated: bool,
}

/// Connects to the first available host of the URL.
///
/// # Errors
/// Fails if no host is available, or if a login is refused. In that case, no other host is tried.
pub(super) async fn connect(url: &PostgresUrl, context: &Context) -> Result<Connection, Failure> {
    let ports = url.config.get_ports();
    let mut unreachable = Vec::new();
    for wanted in url.target.passes() {
        for (index, host) in url.config.get_hosts().iter().enumerate() {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            let endpoint = match host {
                Host::Tcp(name) => {
                    // `hostaddr` replaces the name resolution. The certificate must still match the name.
                    let address = url.config.get_hostaddrs().get(index).map(ToString::to_string);
                    Endpoint::Tcp(Target { host: address.unwrap_or_else(|| name.clone()), port })
                }
                #[cfg(unix)]
                Host::Unix(folder) => {
                    Endpoint::Socket { path: folder.join(format!(".s.PGSQL.{port}")), port }
                }
            };
            match in_time(url, host, &endpoint, *wanted, context).await {
                Ok(connection) => return Ok(connection),
                Err(failure) if may_try_next(&failure) => unreachable.push(failure),
                Err(failure) => return Err(failure),
            }
        }
    }
    Err(fault::none_reachable(unreachable))
}

fn may_try_next(failure: &Failure) -> bool {
    matches!(failure, Failure::Fault { fault: Fault::Connect | Fault::Dns, .. })
}

/// Connects to one host within the URL's `connect_timeout`, which covers everything before the query, as in libpq.
async fn in_time(
    url: &PostgresUrl,
    host: &Host,
    endpoint: &Endpoint,
    wanted: TargetServer,
    context: &Context,
) -> Result<Connection, Failure> {
    let connecting = to_host(url, host, endpoint, wanted, context);
    match url.config.get_connect_timeout() {
        // If the budget ends sooner, the failure names the budget.
        Some(limit) if *limit < context.deadline.remaining() => {
            let limited = context.deadline.tighten(*limit, BudgetScope::Step);
            limited.bound(connecting).await.unwrap_or_else(|_| {
                let doing = message!("connecting to {}", endpoint);
                let cause = format!(
                    "no connection within {} (`connect_timeout` of the URL), {}",
                    crate::outcome::Span(*limit),
                    context.timeline.phase().doing(),
                );
                let hint =
                    "check that this is PostgreSQL's address and port, and that this machine may reach it";
                Err(Failure::fault(Fault::Connect, doing, Message::new().words(cause))
                    .with_hint(Message::new().words(hint)))
            })
        }
        Some(_) | None => connecting.await,
    }
}

async fn to_host(
    url: &PostgresUrl,
    host: &Host,
    endpoint: &Endpoint,
    wanted: TargetServer,
    context: &Context,
) -> Result<Connection, Failure> {
    let mut first_failure = None;
    for security in url.attempts(host) {
        let mut used = security;
        match attempt(url, host, endpoint, &mut used, context).await {
            Ok(connection) => return target::suits(wanted, connection, context).await,
            // An unreachable server is unreachable in any mode.
            Err(failure) if may_try_next(&failure) => return Err(first_failure.unwrap_or(failure)),
            // Of two refusals the first is reported, because its mode was preferred.
            Err(failure) => {
                first_failure.get_or_insert(failure);
            }
        }
        if used != security {
            // The server has no TLS, so the attempt without TLS has already happened.
            break;
        }
    }
    Err(first_failure.unwrap_or_else(|| {
        Failure::fault(Fault::Internal, message!("connecting to PostgreSQL"), message!("no way to try"))
    }))
}

/// Attempts one way to connect. Sets `used` to the security that was actually used.
async fn attempt(
    url: &PostgresUrl,
    host: &Host,
    endpoint: &Endpoint,
    used: &mut Security,
    context: &Context,
) -> Result<Connection, Failure> {
    let tls = match *used {
        Security::Plain => None,
        Security::Tls => Some(tls_towards(url, host, context).await?),
    };
    let mut stream = endpoint.open().await?;
    let tls = match tls {
        Some(tls) if tls.negotiated => {
            context.timeline.enter(Phase::Tls);
            let offered = request_tls(&mut stream).await;
            let offered = offered.map_err(|error| fault::broken(&error, endpoint, Phase::Tls))?;
            match (offered, url.ssl_mode) {
                (true, _) => Some(tls),
                (false, SslMode::Prefer) => None,
                (
                    false,
                    SslMode::Disable
                    | SslMode::Allow
                    | SslMode::Require
                    | SslMode::VerifyCa
                    | SslMode::VerifyFull,
                ) => {
                    return Err(fault::no_tls(endpoint));
                }
            }
        }
        direct => direct,
    };
    if tls.is_none() {
        *used = Security::Plain;
    }
    let mut config = url.config.clone();
    let found = url.password_from_file(host, endpoint.port());
    if let Found::Password(password) = &found {
        context.hide(password);
        config.password(password);
    }
    let logged_in = log_in(config, stream, endpoint, tls, context).await;
    let exposed = url.password_file().filter(|_| found == Found::IsExposed);
    let missing = url.missing_client_certificate();
    logged_in.map_err(|failure| fault::without_identity(failure, missing, exposed))
}

async fn tls_towards(url: &PostgresUrl, host: &Host, context: &Context) -> Result<Tls, Failure> {
    let config = context.run.shared::<Trust>().config(&url.tls()?).await?;
    let host = match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(_) => String::new(),
    };
    let negotiated = url.config.get_ssl_negotiation() != SslNegotiation::Direct;
    Ok(Tls { make: MakeRustlsConnect::new(Arc::unwrap_or_clone(config)), host, negotiated })
}

async fn log_in(
    mut config: Config,
    stream: Socket,
    endpoint: &Endpoint,
    tls: Option<Tls>,
    context: &Context,
) -> Result<Connection, Failure> {
    let loan = Loan::default();
    // TLS has been requested already, so that the timeline sees each part. The library starts with the handshake.
    let logged_in = match &tls {
        None => {
            loan.lend(Box::new(stream));
            config.ssl_mode(LibrarySslMode::Disable);
            context.timeline.enter(Phase::Authenticate);
            let logged_in = config.connect_raw(loan.clone(), NoTls).await;
            logged_in.map(|(client, connection)| (client.cancel_token(), Reported::by(&connection)))
        }
        Some(tls) => {
            context.timeline.enter(Phase::Tls);
            config.ssl_mode(LibrarySslMode::Require).ssl_negotiation(SslNegotiation::Direct);
            let logged_in = config.connect_raw(stream, tls.connector(&loan)).await;
            logged_in.map(|(client, connection)| (client.cancel_token(), Reported::by(&connection)))
        }
    };
    let (cancel, Reported { is_console, is_superuser }) =
        logged_in.map_err(|error| fault::login(&error, endpoint, context))?;
    if is_superuser && !is_console {
        superuser::warn(config.get_user().unwrap_or_default(), endpoint, context);
    }
    let (stream, read) = loan.take_back().ok_or_else(|| fault::login_lost(endpoint))?;
    let wire = Wire::new(stream, read);
    Ok(Connection { wire, cancel, endpoint: endpoint.clone(), security: tls, is_console })
}

/// Asks the server for TLS, as every PostgreSQL client since 7.1 does, and says whether it is offered.
/// Source: <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>.
async fn request_tls(stream: &mut Socket) -> std::io::Result<bool> {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    stream.write_all(&SSL_REQUEST).await?;
    match stream.read_u8().await? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        _ => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is not PostgreSQL's")),
    }
}

impl Connection {
    /// Closes the connection gracefully, within a time limit.
    pub async fn say_good_bye(self) {
        let _ = Deadline::after(CLOSE_TIMEOUT, BudgetScope::Grace).bound(self.wire.say_good_bye()).await;
    }

    /// Returns a request to the server to cancel what this connection runs.
    pub fn cancel_request(&self, context: &Context) -> BoxFuture<'static, ()> {
        let (cancel, endpoint, security) =
            (self.cancel.clone(), self.endpoint.clone(), self.security.clone());
        let address = context.timeline.address();
        Box::pin(async move {
            // A failure here cannot be reported any more. The server's `statement_timeout` ends the query in that case.
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
    let mut stream = endpoint.open_again(address).await?;
    match security {
        None => cancel.cancel_query_raw(stream, NoTls).await?,
        Some(tls) => {
            if tls.negotiated {
                request_tls(&mut stream).await?;
            }
            cancel.cancel_query_raw(stream, tls.handshake()).await?;
        }
    }
    Ok(())
}

impl Tls {
    /// Returns a connector that secures a stream and then lends it out.
    fn connector(&self, loan: &Loan) -> WatchedTls {
        WatchedTls { connect: self.handshake(), loan: loan.clone() }
    }

    fn handshake(&self) -> Handshake {
        let mut make = self.make.clone();
        let made = MakeTlsConnect::<Socket>::make_tls_connect(&mut make, &self.host);
        made.unwrap_or_else(|never| match never {})
    }
}

type Handshake = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;

/// A handshake whose end the timeline observes.
struct WatchedTls {
    connect: Handshake,
    loan: Loan,
}

impl TlsConnect<Socket> for WatchedTls {
    type Stream = Loan;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Stream, Self::Error>>;

    fn connect(self, stream: Socket) -> Self::Future {
        let WatchedTls { connect, loan } = self;
        let handshake = connect.connect(stream);
        Box::pin(async move {
            loan.lend(Box::new(handshake.await?));
            mark(Phase::Authenticate);
            Ok(loan)
        })
    }
}
