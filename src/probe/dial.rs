//! Resolves names and opens connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use crate::attempt::shell::{ShellCommand, seconds};
use crate::attempt::timeline::{mark, saw_address};
use crate::deadline::{BudgetScope, Deadline, LONGEST};
use crate::language::io_error;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::{Message, message};

/// How long to wait for one address before the next is tried in parallel (RFC 8305, section 5).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// A host and port to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    pub port: u16,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why no connection was established.
#[derive(Debug)]
pub enum DialError {
    /// The name cannot be resolved.
    Name(io::Error),
    /// The name has no address.
    NoAddress,
    /// Every address refused the connection.
    Refused(Vec<(SocketAddr, io::Error)>),
}

/// Resolves the name. The system's resolver blocks, so it runs on a thread that nothing waits for.
///
/// # Errors
/// Fails if the name has no address.
pub async fn look_up(target: &Target) -> Result<Vec<SocketAddr>, DialError> {
    if let Ok(address) = target.host.parse() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    mark(Phase::Dns);
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let addresses: Vec<SocketAddr> = found.map_err(DialError::Name)?.collect();
    if addresses.is_empty() { Err(DialError::NoAddress) } else { Ok(addresses) }
}

/// Returns the failure of a name resolution, with a hint on what to check.
pub fn name_failure(doing: Message, error: &io::Error) -> Failure {
    // The system's resolver does not report that it had no socket for its query.
    let lacking = io_error::shortage(error).filter(|_| error.raw_os_error().is_some());
    let lacking = lacking.or_else(|| io_error::is_out_of_descriptors().then_some(io_error::TOO_MANY_FILES));
    if let Some(lacking) = lacking {
        return Failure::shortage(doing, lacking);
    }
    let text = error.to_string();
    let cause = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned();
    Failure::fault(Fault::Dns, doing, message!("{}", cause))
        .with_hint(message!("check the host name in the URL, and that this machine's DNS knows it"))
}

/// Connects to the first address that responds.
///
/// # Errors
/// Fails if the name cannot be resolved, or if every address refuses.
pub async fn connect(target: &Target) -> Result<TcpStream, Failure> {
    dial(target).await.map_err(|error| error.into_failure(target))
}

/// Whether `target` refuses connections at every address.
///
/// # Errors
/// No name, or no way to find out, such as no route.
pub async fn refuses(target: &Target) -> Result<bool, Failure> {
    match dial(target).await {
        Ok(_) => Ok(false),
        Err(DialError::Refused(refusals)) if refusals.iter().all(|(_, error)| is_refusal(error)) => Ok(true),
        Err(error) => Err(error.into_failure(target)),
    }
}

/// Whether the other side does not want the connection, whatever the network is like.
pub fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// The same, for those who say in their own words what went wrong.
///
/// # Errors
/// Fails if the name cannot be resolved, or if every address refuses.
pub async fn dial(target: &Target) -> Result<TcpStream, DialError> {
    dial_any(look_up(target).await?).await
}

/// Connects to the first of the addresses that answers.
///
/// # Errors
/// Every address refused.
pub async fn dial_any(addresses: Vec<SocketAddr>) -> Result<TcpStream, DialError> {
    mark(Phase::Connect);
    let mut addresses = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut refusals = Vec::new();
    loop {
        match addresses.next() {
            Some(address) => attempts.push(async move { (address, TcpStream::connect(address).await) }),
            None if attempts.is_empty() => return Err(DialError::Refused(refusals)),
            None => {}
        }
        let patience = if addresses.len() > 0 { NEXT_ADDRESS_AFTER } else { LONGEST };
        match Deadline::after(patience, BudgetScope::Check).bound(attempts.next()).await {
            Ok(Some((address, Ok(stream)))) => {
                saw_address(&address);
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Some((address, Err(error)))) => refusals.push((address, error)),
            // The next address is due.
            Ok(None) | Err(_) => {}
        }
    }
}

/// Connects to a Unix socket.
///
/// # Errors
/// Fails if there is no such socket, or if nothing listens on it.
#[cfg(unix)]
pub async fn connect_to_socket(path: &std::path::Path) -> Result<tokio::net::UnixStream, Failure> {
    mark(Phase::Connect);
    saw_address(&path.display());
    tokio::net::UnixStream::connect(path).await.map_err(|error| {
        let doing = message!("connecting to {}", path.display());
        if let Some(lacking) = io_error::shortage(&error) {
            return Failure::shortage(doing, lacking);
        }
        Failure::fault(Fault::Connect, doing, message!("{}", io_error::reason(&error)))
            .with_hint(connect_hint(&error))
    })
}

/// Returns a command that makes the same connection. It uses curl, because the options of `nc` differ between systems.
pub fn as_curl(target: &Target, limit: Duration) -> ShellCommand {
    let url = format!("telnet://{target}");
    ShellCommand::new("curl").words(&["-sS", "--max-time", &seconds(limit), &url]).without_input()
}

impl DialError {
    /// Returns the failure to connect to `target`.
    pub fn into_failure(self, target: &Target) -> Failure {
        let doing = || message!("looking up `{}`", target.host);
        match self {
            DialError::Name(error) => name_failure(doing(), &error),
            DialError::NoAddress => Failure::fault(Fault::Dns, doing(), message!("the name has no address")),
            DialError::Refused(refusals) => refused(target, &refusals),
        }
    }
}

fn refused(target: &Target, refusals: &[(SocketAddr, io::Error)]) -> Failure {
    let doing = message!("connecting to {}", target);
    if let Some(lacking) = refusals.iter().find_map(|(_, error)| io_error::shortage(error)) {
        return Failure::shortage(doing, lacking);
    }
    let failure = Failure::fault(Fault::Connect, doing, message!("{}", causes(target, refusals)));
    match refusals.first() {
        Some((_, error)) => failure.with_hint(connect_hint(error)),
        None => failure,
    }
}

/// Returns why nothing connected. Names each address, unless there is only one and it is `target`.
pub fn causes(target: &Target, refusals: &[(SocketAddr, io::Error)]) -> String {
    let causes: Vec<String> = match refusals {
        [(address, error)] if address.to_string() == target.to_string() => vec![io_error::reason(error)],
        several => {
            several.iter().map(|(address, error)| format!("{address}: {}", io_error::reason(error))).collect()
        }
    };
    causes.join("; ")
}

/// Returns a hint on what to check after a failed connection.
pub fn connect_hint(error: &io::Error) -> Message {
    Message::new().words(match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens on that port: is the service up, and is the port right?"
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no route to that address from here: check the network, a VPN or the firewall"
        }
        io::ErrorKind::ConnectionReset => {
            "the other side closed the connection at once: a proxy or firewall may be in between"
        }
        _ => "check the address, and that this machine may reach it",
    })
}
