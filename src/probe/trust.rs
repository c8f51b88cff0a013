//! TLS: one configuration, made only when a URL needs it, shared by HTTP, PostgreSQL and the `tls` probe.
//!
//! The system's certificates are read when the first server certificate has to be judged, and not before: a run
//! without TLS pays nothing for them, and a run with it pays once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, RootCertStore, SignatureScheme};

use crate::attempt::certificate::PeerCertificate;
use crate::attempt::offload;
use crate::attempt::single_flight::SingleFlight;
use crate::attempt::timeline::{mark, saw_certificate};
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::Message;

/// How far a server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verify {
    /// Its chain, its time and its name.
    Full,
    /// Its chain and its time (`sslmode=verify-ca`).
    Chain,
    /// Nothing (`insecure = true`, `sslmode=require` without a root certificate).
    Nothing,
}

/// What a connection wants of TLS. Equal options share one configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TlsOptions {
    pub verify: Verify,
    /// A PEM file of the certificates to trust, instead of the system's.
    pub ca: Option<PathBuf>,
    /// PEM files of the client's certificate chain and key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Protocols offered, in order.
    pub alpn: Vec<&'static str>,
}

/// Makes and keeps TLS configurations.
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
    /// The configuration for `options`.
    ///
    /// # Errors
    /// A certificate or key file that cannot be used.
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
        let mut config = match files.client {
            None => builder.with_no_client_auth(),
            Some(ClientFiles { chain, key, key_file }) => {
                builder.with_client_auth_cert(chain, key).map_err(|error| unusable(&key_file, &error))?
            }
        };
        config.alpn_protocols = options.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.resumption = Resumption::store(Arc::new(NoSessions));
        Ok(config)
    }
}

/// What is in the PEM files of a [`TlsOptions`].
#[derive(Default)]
struct Files {
    roots: Option<GivenRoots>,
    client: Option<ClientFiles>,
}

struct ClientFiles {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    key_file: PathBuf,
}

impl Files {
    fn read(ca: Option<PathBuf>, client: Option<(PathBuf, PathBuf)>) -> Result<Files, Failure> {
        let roots = ca.map(|path| GivenRoots::read(&path)).transpose()?;
        let client = client.map(|(chain, key_file)| {
            let chain = read_certificates(&chain)?;
            let key = PrivateKeyDer::from_pem_file(&key_file).map_err(|error| unusable(&key_file, &error))?;
            Ok(ClientFiles { chain, key, key_file })
        });
        Ok(Files { roots, client: client.transpose()? })
    }
}

fn internal(error: &rustls::Error) -> Failure {
    Failure::fault(
        Fault::Internal,
        Message::new().words("setting up TLS"),
        Message::new().data(error.to_string()),
    )
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let doing = Message::new().words("reading `").data(path.display().to_string()).words("`");
    Failure::fault(Fault::Local, doing, Message::new().data(error.to_string()))
        .with_hint(Message::new().words("it must be a readable PEM file"))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unusable(path, &e));
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(unusable(path, &"there is no certificate in it")),
        other => other,
    }
}

/// The system's trusted certificates, read once and only when needed.
#[derive(Debug, Default)]
struct SystemRoots {
    roots: OnceLock<RootCertStore>,
}

impl SystemRoots {
    fn get(&self) -> &RootCertStore {
        self.roots.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        })
    }
}

/// The certificates of a `ca` or `sslrootcert` file.
#[derive(Debug)]
struct GivenRoots {
    roots: RootCertStore,
    /// The certificates themselves: a server may show one of them as its own (a self-signed one).
    pinned: Vec<CertificateDer<'static>>,
}

impl GivenRoots {
    fn read(path: &Path) -> Result<GivenRoots, Failure> {
        let pinned = read_certificates(path)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(pinned.iter().cloned());
        Ok(GivenRoots { roots, pinned })
    }
}

#[derive(Debug)]
enum Anchors {
    System(Arc<SystemRoots>),
    Given(GivenRoots),
}

/// Judges server certificates, and shows them to the timeline first, so that a refused one can be named.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    anchors: Anchors,
    verify: Verify,
}

impl Verifier {
    fn verify_chain(
        &self,
        certificate: &CertificateDer<'_>,
        parsed: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let roots = match &self.anchors {
            Anchors::System(system) => system.get(),
            // A certificate that was named as trusted is trusted, though webpki takes no CA certificate for a
            // server's: that is how a self-signed one is used with curl and libpq.
            Anchors::Given(given) if given.pinned.contains(certificate) => {
                return valid_now(certificate, now);
            }
            Anchors::Given(given) => &given.roots,
        };
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(parsed, roots, intermediates, now, algorithms)
    }
}

fn valid_now(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let Some(peer) = PeerCertificate::parse(certificate) else {
        return Err(rustls::CertificateError::BadEncoding.into());
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now > peer.not_after.as_second() {
        return Err(rustls::CertificateError::Expired.into());
    }
    if now < peer.not_before.as_second() {
        return Err(rustls::CertificateError::NotValidYet.into());
    }
    Ok(())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(peer) = PeerCertificate::parse(certificate) {
            saw_certificate(peer);
        }
        match self.verify {
            Verify::Nothing => {}
            Verify::Chain | Verify::Full => {
                let parsed = ParsedCertificate::try_from(certificate)?;
                self.verify_chain(certificate, &parsed, intermediates, now)?;
                if self.verify == Verify::Full {
                    verify_server_name(&parsed, name)?;
                }
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Keeps no sessions, so that every connection proves the certificate anew; asked at the start of each
/// handshake, it is where the timeline learns that one begins.
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
    }

    fn take_tls13_ticket(
        &self,
        _name: &ServerName<'static>,
    ) -> Option<rustls::client::Tls13ClientSessionValue> {
        None
    }
}
