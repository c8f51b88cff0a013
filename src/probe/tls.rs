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
use super::dial::{self, Target};
use super::starttls::StartTls;
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
    starttls: Option<StartTls>,
    context: &Context,
) -> Result<(), Failure> {
    let stream = open(target, starttls, context).await?;
    let shaken = handshake(stream, name, target, options, context).await?;
    late_refusal(shaken, context).await.map(drop).map_err(|error| refused(target, &error, context))
}

/// Whether `target` refuses the connection or the handshake: it closes, or sends an alert, as a server does that wants
/// a client's certificate.
///
/// # Errors
/// No way to find out, such as no route or a certificate that this side does not accept.
pub async fn refuses(
    name: &str,
    target: &Target,
    options: &TlsOptions,
    starttls: Option<StartTls>,
    context: &Context,
) -> Result<bool, Failure> {
    if dial::refuses(target).await? {
        return Ok(true);
    }
    let stream = open(target, starttls, context).await?;
    let shaken = handshake(stream, name, target, options, context).await?;
    match late_refusal(shaken, context).await {
        Ok(_) => Ok(false),
        Err(error) if is_refusal(&error) => Ok(true),
        Err(error) => Err(refused(target, &error, context)),
    }
}

fn is_refusal(error: &io::Error) -> bool {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => matches!(inner, rustls::Error::AlertReceived(_)),
        None => dial::is_refusal(error) || error.kind() == io::ErrorKind::UnexpectedEof,
    }
}

/// Connects to `target` and shakes hands with it as `name`, after asking for it in plain text where `starttls` says how.
///
/// # Errors
/// Fails if there is no connection, or if the handshake fails.
pub async fn connect_securely(
    name: &str,
    target: &Target,
    options: &TlsOptions,
    starttls: Option<StartTls>,
    context: &Context,
) -> Result<TlsStream<TcpStream>, Failure> {
    let stream = open(target, starttls, context).await?;
    let shaken = handshake(stream, name, target, options, context).await?;
    shaken.map_err(|error| refused(target, &error, context))
}

/// A connection that is ready for the handshake.
async fn open(target: &Target, starttls: Option<StartTls>, context: &Context) -> Result<TcpStream, Failure> {
    let mut stream = dial::connect(target).await?;
    if let Some(protocol) = starttls {
        protocol.ask(&mut stream, target, context).await?;
    }
    Ok(stream)
}

/// The inner error is the handshake's own.
async fn handshake(
    stream: TcpStream,
    name: &str,
    target: &Target,
    options: &TlsOptions,
    context: &Context,
) -> Result<io::Result<TlsStream<TcpStream>>, Failure> {
    let config = context.run.shared::<Trust>().config(options).await?;
    let name = ServerName::try_from(name.to_owned())
        .map_err(|error| Failure::fault(Fault::Template, shaking_hands(target), message!("{}", error)))?;
    context.timeline.enter(Phase::Tls);
    Ok(TlsConnector::from(Arc::clone(&config)).connect(name, stream).await)
}

/// The same handshake, and what the server has against the client's certificate.
async fn late_refusal(
    shaken: io::Result<TlsStream<TcpStream>>,
    context: &Context,
) -> io::Result<TlsStream<TcpStream>> {
    let mut stream = shaken?;
    let version = stream.get_ref().1.protocol_version();
    if version == Some(ProtocolVersion::TLSv1_3)
        && context.timeline.was_asked_for_certificate()
        && let Some(error) = refusal(&mut stream, context).await
    {
        return Err(error);
    }
    Ok(stream)
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

/// The command that shows the same handshake, for people to repeat by hand.
pub fn as_openssl(
    name: &str,
    target: &Target,
    options: &TlsOptions,
    starttls: Option<StartTls>,
    limit: Duration,
) -> ShellCommand {
    // It has no limit of its own.
    let mut command = ShellCommand::new("timeout")
        .words(&[&seconds(limit), "openssl", "s_client"])
        .words(&["-connect", &target.to_string()]);
    command = match name.parse::<IpAddr>() {
        Ok(_) => command.words(&["-verify_ip", name]),
        Err(_) => command.words(&["-servername", name, "-verify_hostname", name]),
    };
    if let Some(protocol) = starttls {
        command = command.words(&["-starttls", protocol.name()]);
    }
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
