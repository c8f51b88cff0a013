//! `tls://host:port`: the handshake, and the certificate's days left.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::dial::{Target, connect, plain};
use super::trust::{TlsOptions, handshake_failure};
use crate::check::Context;
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
    let config = context.run.trust.config(options)?;
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

/// The failure of a handshake as tokio-rustls reports it: an I/O error, with rustls's own inside or not.
#[must_use]
pub fn io_failure(doing: Message, error: &std::io::Error, context: &Context) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => handshake_failure(doing, inner, context.timeline.certificate().as_ref()),
        None => Failure::fault(Fault::Tls, doing, Message::new().data(plain(error))).with_hint(
            Message::new().words("the other side ended the handshake: check that this port speaks TLS"),
        ),
    }
}
