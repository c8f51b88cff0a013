//! TLS configurations. They are created only when a URL needs one, and shared by HTTP, PostgreSQL and the `tls` probe.
//!
//! The system's certificates are read when the first server certificate has to be verified: a run without TLS does not
//! pay for them, and a run with TLS pays once.

mod files;
mod verifier;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::{ClientSessionStore, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, NamedGroup};

use self::files::{ClientCertificate, Files};
use self::verifier::{Anchors, SystemRoots, Verifier};
use crate::attempt::offload;
use crate::attempt::single_flight::SingleFlight;
use crate::attempt::timeline::{mark, saw_ticket};
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::message;

/// How far a server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verify {
    /// Its chain, validity period and name.
    Full,
    /// Its chain and validity period (`sslmode=verify-ca`).
    Chain,
    /// Not at all (`insecure = true`, `sslmode=require` without a root certificate).
    Nothing,
}

/// The TLS options of a connection. Equal options share one configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TlsOptions {
    pub verify: Verify,
    /// A PEM file of trusted certificates, instead of the system's.
    pub ca: Option<PathBuf>,
    /// PEM files of the client's certificate chain and key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The offered protocols, in order.
    pub alpn: Vec<&'static str>,
}

/// Creates and caches TLS configurations.
#[derive(Debug)]
pub struct Trust {
    provider: Arc<CryptoProvider>,
    system: Arc<SystemRoots>,
    made: SingleFlight<TlsOptions, Arc<ClientConfig>>,
}

impl Default for Trust {
    fn default() -> Self {
        Trust {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            system: Arc::default(),
            made: SingleFlight::default(),
        }
    }
}

impl Trust {
    /// Returns the configuration for `options`.
    ///
    /// # Errors
    /// Fails if a certificate or key file cannot be used.
    pub async fn config(&self, options: &TlsOptions) -> Result<Arc<ClientConfig>, Failure> {
        let making = async || {
            let files = match options {
                TlsOptions { ca: None, client: None, .. } => Files::default(),
                TlsOptions { ca, client, .. } => {
                    let (ca, client) = (ca.clone(), client.clone());
                    offload::blocking(move || Files::read(ca, client)).await?
                }
            };
            self.build(options, files).map(Arc::new)
        };
        self.made.get(options, making).await
    }

    fn build(&self, options: &TlsOptions, files: Files) -> Result<ClientConfig, Failure> {
        let anchors = match files.roots {
            Some(roots) => Anchors::Given(roots),
            None => Anchors::System(Arc::clone(&self.system)),
        };
        let verifier = Verifier { provider: Arc::clone(&self.provider), anchors, verify: options.verify };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| internal(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let client = files.client.map(|files| files.certified(&self.provider)).transpose()?;
        let mut config = builder.with_client_cert_resolver(Arc::new(ClientCertificate(client)));
        config.alpn_protocols = options.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.resumption = Resumption::store(Arc::new(NoSessions));
        Ok(config)
    }
}

fn internal(error: &rustls::Error) -> Failure {
    Failure::fault(Fault::Internal, message!("setting up TLS"), message!("{}", error))
}

/// Stores no sessions, so that every connection verifies the certificate anew. It is queried at the start of each
/// handshake, which is how the timeline notices one.
#[derive(Debug)]
struct NoSessions;

impl ClientSessionStore for NoSessions {
    fn set_kx_hint(&self, _name: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _name: &ServerName<'_>) -> Option<NamedGroup> {
        mark(Phase::Tls);
        None
    }

    fn set_tls12_session(&self, _name: ServerName<'static>, _value: rustls::client::Tls12ClientSessionValue) {
    }

    fn tls12_session(&self, _name: &ServerName<'_>) -> Option<rustls::client::Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _name: &ServerName<'static>) {}

    fn insert_tls13_ticket(
        &self,
        _name: ServerName<'static>,
        _value: rustls::client::Tls13ClientSessionValue,
    ) {
        saw_ticket();
    }

    fn take_tls13_ticket(
        &self,
        _name: &ServerName<'static>,
    ) -> Option<rustls::client::Tls13ClientSessionValue> {
        None
    }
}
