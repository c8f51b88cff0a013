//! `tls://host:port`: the handshake, and the days left of the certificate.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::handshake_failure;
use super::dial::{Target, connect};
use super::trust::{TlsOptions, Trust};
use crate::attempt::Context;
use crate::attempt::certificate::PeerCertificate;
use crate::attempt::shell::{ShellCommand, seconds};
use crate::language::io_error::reason;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::{Message, message};

/// Connects to `target`, performs a handshake with it as `name`, and closes. The certificate is then on the context's
/// timeline.
///
/// # Errors
/// Fails if there is no connection, or if the handshake fails.
pub async fn shake_hands(
    name: &str,
    target: &Target,
    options: &TlsOptions,
    context: &Context,
) -> Result<(), Failure> {
    let mut stream = connect_securely(name, target, options, context).await?;
    let failure = |error: &io::Error| refused(target, error, context);
    let version = stream.get_ref().1.protocol_version();
    if version == Some(ProtocolVersion::TLSv1_3) && context.timeline.was_asked_for_certificate() {
        refusal(&mut stream, context).await.map_or(Ok(()), |error| Err(failure(&error)))
    } else {
        Ok(())
    }
}

/// Connects to `target` and performs a handshake with it as `name`.
///
/// # Errors
/// Fails if there is no connection, or if the handshake fails.
pub async fn connect_securely(
    name: &str,
    target: &Target,
    options: &TlsOptions,
    context: &Context,
) -> Result<TlsStream<TcpStream>, Failure> {
    let config = context.run.shared::<Trust>().config(options).await?;
    let name = ServerName::try_from(name.to_owned())
        .map_err(|error| Failure::fault(Fault::Template, shaking_hands(target), message!("{}", error)))?;
    let stream = connect(target).await?;
    context.timeline.enter(Phase::Tls);
    let connector = TlsConnector::from(Arc::clone(&config));
    connector.connect(name, stream).await.map_err(|error| refused(target, &error, context))
}

/// Returns the failure of a handshake that may be known only afterwards: in TLS 1.3 the client finishes before the
/// server has seen its certificate.
pub fn refused(target: &Target, error: &io::Error, context: &Context) -> Failure {
    io_failure(shaking_hands(target), error, context.timeline.certificate().as_ref())
}

fn shaking_hands(target: &Target) -> Message {
    message!("the TLS handshake with {}", target)
}

/// How long a server may take to reject the client's certificate.
const REFUSAL_AFTER: Duration = Duration::from_secs(1);

/// Returns the rejection of the client's certificate, if there is one. In TLS 1.3 the client finishes before the server
/// has seen its certificate, so a rejection arrives later. A server that accepts it nearly always issues session
/// tickets.
async fn refusal(stream: &mut TlsStream<TcpStream>, context: &Context) -> Option<io::Error> {
    let mut byte = [0];
    let listen = poll_fn(|poller| {
        let mut buffer = ReadBuf::new(&mut byte);
        let polled = Pin::new(&mut *stream).poll_read(poller, &mut buffer);
        match polled {
            Poll::Pending if !context.timeline.has_ticket() => Poll::Pending,
            Poll::Pending | Poll::Ready(Ok(())) => Poll::Ready(None),
            Poll::Ready(Err(error)) => Poll::Ready(Some(error)),
        }
    });
    let limit = context.deadline.tighten(REFUSAL_AFTER, context.deadline.scope());
    // Silence counts as acceptance, and so does closing without close_notify.
    limit.bound(listen).await.ok()?.filter(|error| {
        error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
            || error.kind() == io::ErrorKind::ConnectionReset
    })
}

/// Returns a command that performs the same handshake.
pub fn as_openssl(name: &str, target: &Target, options: &TlsOptions, limit: Duration) -> ShellCommand {
    // openssl has no timeout of its own.
    let mut command = ShellCommand::new("timeout")
        .words(&[&seconds(limit), "openssl", "s_client"])
        .words(&["-connect", &target.to_string()]);
    command = match name.parse::<IpAddr>() {
        Ok(_) => command.words(&["-verify_ip", name]),
        Err(_) => command.words(&["-servername", name, "-verify_hostname", name]),
    };
    if let Some(ca) = &options.ca {
        command = command.words(&["-CAfile", &ca.display().to_string()]);
    }
    if let Some((cert, key)) = &options.client {
        command = command.words(&["-cert", &cert.display().to_string(), "-key", &key.display().to_string()]);
    }
    command.without_input()
}

/// Returns the failure of a handshake as tokio-rustls reports it: an I/O error that may contain one of rustls. `peer`
/// is the presented certificate.
pub fn io_failure(doing: Message, error: &io::Error, peer: Option<&PeerCertificate>) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => handshake_failure(doing, inner, peer),
        None => Failure::fault(Fault::Tls, doing, message!("{}", reason(error)))
            .with_hint(message!("the other side ended the handshake: check that this port speaks TLS")),
    }
}
