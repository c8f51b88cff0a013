//! `tls://host:port`: the handshake, and the certificate's days left.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::certificate::handshake_failure;
use super::dial::{Target, connect};
use super::trust::{TlsOptions, Trust};
use crate::attempt::Context;
use crate::attempt::shell::{ShellCommand, seconds};
use crate::language::io_error::reason;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::Message;

/// Connects to `target`, shakes hands with it as `name`, and closes. The certificate is on the context's timeline afterwards.
///
/// # Errors
/// No connection, or a handshake that fails.
pub async fn shake_hands(
    name: &str,
    target: &Target,
    options: &TlsOptions,
    context: &Context,
) -> Result<(), Failure> {
    let config = context.run.shared::<Trust>().config(options).await?;
    let doing = || Message::new().words("the TLS handshake with ").data(target.to_string());
    let name = ServerName::try_from(name.to_owned())
        .map_err(|error| Failure::fault(Fault::Template, doing(), Message::new().data(error.to_string())))?;
    let stream = connect(target, context).await?;
    context.timeline.enter(Phase::Tls);
    match TlsConnector::from(Arc::clone(&config)).connect(name, stream).await {
        Ok(_) => Ok(()),
        Err(error) => Err(io_failure(doing(), &error, context)),
    }
}

/// The command that shows the same handshake, for people to repeat by hand.
pub fn as_openssl(name: &str, target: &Target, options: &TlsOptions, limit: Duration) -> ShellCommand {
    // It has no limit of its own.
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

/// The failure of a handshake as tokio-rustls reports it: an I/O error, with rustls's own inside or not.
pub fn io_failure(doing: Message, error: &std::io::Error, context: &Context) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => handshake_failure(doing, inner, context.timeline.certificate().as_ref()),
        None => Failure::fault(Fault::Tls, doing, Message::new().data(reason(error))).with_hint(
            Message::new().words("the other side ended the handshake: check that this port speaks TLS"),
        ),
    }
}
