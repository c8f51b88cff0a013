//! The PEM files of TLS: trusted certificates, and the client's certificate with its key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo};

use super::verifier::public_key;
use crate::attempt::timeline::asks_for_certificate;
use crate::outcome::{Failure, Fault};
use crate::secret::{Message, message};

/// The contents of the PEM files of [`TlsOptions`].
#[derive(Default)]
pub(super) struct Files {
    pub roots: Option<GivenRoots>,
    pub client: Option<ClientFiles>,
}

pub(super) struct ClientFiles {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    key_file: PathBuf,
}

impl Files {
    pub fn read(ca: Option<PathBuf>, client: Option<(PathBuf, PathBuf)>) -> Result<Files, Failure> {
        let roots = ca.map(|path| GivenRoots::read(&path)).transpose()?;
        let client = client.map(|(chain, key_file)| {
            let chain = read_certificates(&chain)?;
            let key = read_key(&key_file)?;
            Ok(ClientFiles { chain, key, key_file })
        });
        Ok(Files { roots, client: client.transpose()? })
    }
}

impl ClientFiles {
    /// Returns the chain with its key, which must belong to its first certificate. Judging the certificate, whatever
    /// its version, is up to the server.
    pub fn certified(self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, Failure> {
        let key = provider.key_provider.load_private_key(self.key);
        let key = key.map_err(|error| unusable(&self.key_file, &error))?;
        let certified = CertifiedKey::new(self.chain, key);
        let bits = |key: Vec<u8>| {
            SubjectPublicKeyInfo::from_der(&key).ok().map(|(_, key)| key.subject_public_key.data.to_vec())
        };
        let of_certificate =
            certified.cert.first().and_then(|certificate| public_key(certificate)).and_then(bits);
        let of_key = certified.key.public_key().and_then(|key| bits(key.to_vec()));
        match (of_certificate, of_key) {
            (Some(one), Some(other)) if one != other => Err(unusable_key(
                &self.key_file,
                "it is the key of another certificate than `cert`",
                "give the key that the certificate was made with",
            )),
            _ => Ok(Arc::new(certified)),
        }
    }
}

/// Presents the client's certificate, if there is one, and tells the timeline that the server requested it.
#[derive(Debug)]
pub(super) struct ClientCertificate(pub Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for ClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        asks_for_certificate();
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let doing = message!("reading `{}`", path.display());
    Failure::fault(Fault::Local, doing, message!("{}", error))
        .with_hint(message!("it must be a readable PEM file"))
}

fn unusable_key(path: &Path, cause: &'static str, advice: &'static str) -> Failure {
    let doing = message!("reading `{}`", path.display());
    Failure::fault(Fault::Local, doing, Message::new().words(cause)).with_hint(Message::new().words(advice))
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    let text = std::fs::read(path).map_err(|error| unusable(path, &error))?;
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
        let advice = "nobody is asked for its passphrase: decrypt it with `openssl pkey -in FILE -out FILE`";
        return Err(unusable_key(path, "the key is encrypted", advice));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| unusable(path, &error))
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

/// The certificates of a `ca` or `sslrootcert` file.
#[derive(Debug)]
pub(super) struct GivenRoots {
    pub roots: RootCertStore,
    /// The certificates themselves, because a server may present one of them as its own (self-signed).
    pub pinned: Vec<CertificateDer<'static>>,
}

impl GivenRoots {
    fn read(path: &Path) -> Result<GivenRoots, Failure> {
        let pinned = read_certificates(path)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(pinned.iter().cloned());
        Ok(GivenRoots { roots, pinned })
    }
}
