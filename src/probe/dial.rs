//! Names to addresses, addresses to connections.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use crate::attempt::Context;
use crate::attempt::shell::{ShellCommand, seconds};
use crate::attempt::timeline::{mark, saw_address};
use crate::language::io_error;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::Message;

/// How long one address has before the next is tried beside it (RFC 8305, section 5).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// A host and port to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    pub port: u16,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Looks the name up. The system's resolver blocks: it runs on a thread that nothing waits for.
///
/// # Errors
/// The name has no address.
pub async fn look_up(target: &Target) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = target.host.parse() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    mark(Phase::Dns);
    let doing = || Message::new().words("looking up `").data(target.host.as_str()).words("`");
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((target.host.as_str(), target.port))
        .await
        .map_err(|error| name_failure(doing(), &error))?
        .collect();
    match addresses.is_empty() {
        true => Err(Failure::fault(Fault::Dns, doing(), Message::new().words("the name has no address"))),
        false => Ok(addresses),
    }
}

/// The failure of a name look-up, in words that say what to look at.
pub fn name_failure(doing: Message, error: &std::io::Error) -> Failure {
    // The system's resolver does not say that it had no socket to ask with.
    let lacking = io_error::shortage(error).filter(|_| error.raw_os_error().is_some());
    let lacking = lacking.or_else(|| io_error::is_out_of_descriptors().then_some(io_error::TOO_MANY_FILES));
    if let Some(lacking) = lacking {
        return Failure::shortage(doing, lacking);
    }
    let text = error.to_string();
    let cause = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned();
    Failure::fault(Fault::Dns, doing, Message::new().data(cause)).with_hint(
        Message::new().words("check the host name in the URL, and that this machine's DNS knows it"),
    )
}

/// Connects to the first address that answers.
///
/// # Errors
/// No name, or every address refused.
pub async fn connect(target: &Target, context: &Context) -> Result<TcpStream, Failure> {
    let addresses = look_up(target).await?;
    mark(Phase::Connect);
    let mut addresses = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut refusals = Vec::new();
    loop {
        match addresses.next() {
            Some(address) => attempts.push(async move { (address, TcpStream::connect(address).await) }),
            None if attempts.is_empty() => return Err(refused(target, &refusals)),
            None => {}
        }
        let more = addresses.len() > 0;
        let next = async {
            if more {
                let _ = context.deadline.pause(NEXT_ADDRESS_AFTER).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            Some((address, result)) = attempts.next() => match result {
                Ok(stream) => {
                    saw_address(&address);
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => refusals.push((address, error)),
            },
            () = next => {}
        }
    }
}

/// The command that connects to the same, for people to repeat by hand. Every `nc` has other options; curl is the
/// same everywhere.
pub fn as_curl(target: &Target, limit: Duration) -> ShellCommand {
    let url = format!("telnet://{target}");
    ShellCommand::new("curl").words(&["-sS", "--max-time", &seconds(limit), &url]).without_input()
}

fn refused(target: &Target, refusals: &[(SocketAddr, std::io::Error)]) -> Failure {
    let causes: Vec<String> = match refusals {
        [(address, error)] if address.to_string() == target.to_string() => vec![io_error::reason(error)],
        several => {
            several.iter().map(|(address, error)| format!("{address}: {}", io_error::reason(error))).collect()
        }
    };
    let doing = Message::new().words("connecting to ").data(target.to_string());
    if let Some(lacking) = refusals.iter().find_map(|(_, error)| io_error::shortage(error)) {
        return Failure::shortage(doing, lacking);
    }
    let failure = Failure::fault(Fault::Connect, doing, Message::new().data(causes.join("; ")));
    match refusals.first() {
        Some((_, error)) => failure.with_hint(connect_hint(error)),
        None => failure,
    }
}

/// What to look at when a connection is not made.
pub fn connect_hint(error: &std::io::Error) -> Message {
    Message::new().words(match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            "nothing listens on that port: is the service up, and is the port right?"
        }
        std::io::ErrorKind::HostUnreachable | std::io::ErrorKind::NetworkUnreachable => {
            "there is no route to that address from here: check the network, a VPN or the firewall"
        }
        std::io::ErrorKind::ConnectionReset => {
            "the other side closed the connection at once: a proxy or firewall may be in between"
        }
        _ => "check the address, and that this machine may reach it",
    })
}
