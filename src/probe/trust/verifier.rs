//! Verifies server certificates.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Verify;
use super::files::GivenRoots;
use crate::attempt::certificate::PeerCertificate;
use crate::attempt::timeline::saw_certificate;
use crate::probe::certificate::NoAuthorities;

/// The system's trusted certificates, read once and only when needed.
#[derive(Debug, Default)]
pub(super) struct SystemRoots {
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

#[derive(Debug)]
pub(super) enum Anchors {
    System(Arc<SystemRoots>),
    Given(GivenRoots),
}

/// Verifies server certificates. It records each on the timeline first, so that a rejected one can be named.
#[derive(Debug)]
pub(super) struct Verifier {
    pub provider: Arc<CryptoProvider>,
    pub anchors: Anchors,
    pub verify: Verify,
}

impl Verifier {
    /// Checks that the certificate is valid and, if required, matches `name`. Records the certificates it depends on.
    fn verify_chain(
        &self,
        peer: &PeerCertificate,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        // An explicitly trusted certificate is accepted, although webpki rejects CA certificates and version 1
        // certificates for servers. Self-signed certificates are used like this with curl and libpq.
        let is_pinned = self.pins(certificate);
        if is_pinned {
            valid_now(peer, now)?;
            if self.verify == Verify::Full && !(peer.names.is_empty() && is_common_name(peer, name)) {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            }
            return Ok(());
        }
        let roots = match &self.anchors {
            Anchors::System(system) => system.get(),
            Anchors::Given(given) => &given.roots,
        };
        if roots.is_empty() && matches!(self.anchors, Anchors::System(_)) {
            return Err(CertificateError::Other(OtherError(Arc::new(NoAuthorities))).into());
        }
        // Verified by rustls, which reports what is wrong. The underlying webpki reports what the certificate depends
        // on.
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        let is_sooner = |other: &CertificateDer<'_>| {
            PeerCertificate::parse(other).is_some_and(|other| other.not_after < peer.not_after)
        };
        if intermediates.iter().any(is_sooner)
            && let Ok(end) = webpki::EndEntityCert::try_from(certificate)
            && let Ok(path) = end.verify_for_usage(
                algorithms,
                &roots.roots,
                intermediates,
                now,
                webpki::KeyUsage::server_auth(),
                None,
                None,
            )
        {
            let path = path.intermediate_certificates().map(|certificate| certificate.der().to_vec());
            let path: Vec<Vec<u8>> = path.collect();
            saw_certificate(peer.clone().with_intermediates(path.iter().map(Vec::as_slice)));
        }
        match self.verify {
            Verify::Full => verify_server_name(&parsed, name),
            Verify::Chain | Verify::Nothing => Ok(()),
        }
    }

    fn pins(&self, certificate: &CertificateDer<'_>) -> bool {
        match &self.anchors {
            Anchors::System(_) => false,
            Anchors::Given(given) => given.pinned.contains(certificate),
        }
    }

    /// Checks that the server has the key of its certificate. Skipped if any certificate is accepted.
    fn proves_key(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
        verify: impl FnOnce() -> Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.verify == Verify::Nothing {
            return Ok(HandshakeSignatureValid::assertion());
        }
        if !(self.pins(certificate) && ParsedCertificate::try_from(certificate).is_err()) {
            return verify();
        }
        // webpki cannot parse some certificates, such as those of version 1. Their key is sufficient.
        let bad: rustls::Error = CertificateError::BadEncoding.into();
        let key = public_key(certificate).ok_or(bad.clone())?;
        let key = SubjectPublicKeyInfoDer::from(key.as_slice());
        let key = webpki::RawPublicKeyEntity::try_from(&key).map_err(|_| bad.clone())?;
        let algorithms = self.provider.signature_verification_algorithms.mapping.iter();
        let fits = algorithms
            .filter(|(scheme, _)| *scheme == signature.scheme)
            .flat_map(|(_, algorithms)| *algorithms)
            .any(|algorithm| key.verify_signature(*algorithm, message, signature.signature()).is_ok());
        if fits {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }
}

/// Whether the certificate is for the host by its common name alone, as version 1 certificates are.
fn is_common_name(peer: &PeerCertificate, name: &ServerName<'_>) -> bool {
    let names = peer.subject.split(',').filter_map(|part| part.trim().strip_prefix("CN="));
    let host = name.to_str();
    names.into_iter().any(|common_name| common_name.eq_ignore_ascii_case(&host))
}

fn valid_now(peer: &PeerCertificate, now: UnixTime) -> Result<(), rustls::Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now > peer.not_after.as_second() {
        return Err(CertificateError::Expired.into());
    }
    if now < peer.not_before.as_second() {
        return Err(CertificateError::NotValidYet.into());
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
        let peer = PeerCertificate::parse(certificate);
        let others = || intermediates.iter().map(AsRef::as_ref);
        let peer = peer.map(|peer| peer.shown_with(others()));
        match (self.verify, peer) {
            (Verify::Nothing, peer) => {
                // Which of them it depends on is unknown, so all presented ones count.
                if let Some(peer) = peer {
                    saw_certificate(peer.with_intermediates(others()));
                }
            }
            (Verify::Chain | Verify::Full, None) => return Err(CertificateError::BadEncoding.into()),
            (Verify::Chain | Verify::Full, Some(peer)) => {
                saw_certificate(peer.clone());
                self.verify_chain(&peer, certificate, intermediates, name, now)?;
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
        self.proves_key(message, certificate, signature, || {
            rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.proves_key(message, certificate, signature, || {
            rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns the public key of a certificate, as encoded in it.
pub(super) fn public_key(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(parsed.public_key().raw.to_vec())
}
