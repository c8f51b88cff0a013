//! Certificates for this test run: an authority, an untrusted authority, and the servers and the client whose
//! certificates they sign.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::scratch;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(365 * 24);

/// The certificate a TLS server presents, and what it requires of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsIdentity {
    /// Signed by the test authority, for `localhost`, `127.0.0.1` and `shop.example`, valid for a year.
    Good,
    /// As `Good`, expired yesterday.
    Expired,
    /// As `Good`, for `elsewhere.example`.
    WrongHost,
    /// As `Good`, self-signed.
    SelfSigned,
    /// As `Good`, signed by the untrusted authority.
    OtherAuthority,
    /// As `Good`, valid for ten days and one hour.
    SoonExpiring,
    /// As `Good`, and requests a client certificate without requiring one.
    ClientCertificateAsked,
    /// As `Good`, and requires a client certificate signed by the test authority.
    ClientCertificateRequired,
}

struct Description {
    names: &'static [&'static str],
    ends: SystemTime,
    signer: Signer,
    client: ClientCertificate,
}

enum Signer {
    Authority,
    OtherAuthority,
    Itself,
}

enum ClientCertificate {
    Ignored,
    Asked,
    Required,
}

impl TlsIdentity {
    fn description(self) -> Description {
        let now = SystemTime::now();
        let good = Description {
            names: &["localhost", "127.0.0.1", "shop.example"],
            ends: now + YEAR,
            signer: Signer::Authority,
            client: ClientCertificate::Ignored,
        };
        match self {
            Self::Good => good,
            Self::Expired => Description { ends: now - DAY, ..good },
            Self::WrongHost => Description { names: &["elsewhere.example"], ..good },
            Self::SelfSigned => Description { signer: Signer::Itself, ..good },
            Self::OtherAuthority => Description { signer: Signer::OtherAuthority, ..good },
            Self::SoonExpiring => Description { ends: now + 10 * DAY + HOUR, ..good },
            Self::ClientCertificateAsked => Description { client: ClientCertificate::Asked, ..good },
            Self::ClientCertificateRequired => Description { client: ClientCertificate::Required, ..good },
        }
    }
}

/// The authorities of this test process, and the files that suites name.
#[derive(Debug)]
pub struct Certificates {
    authority: CertifiedIssuer<'static, KeyPair>,
    other_authority: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Certificates {
    /// The set shared by all tests of this process.
    ///
    /// # Panics
    /// When the files cannot be written.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Certificates> = LazyLock::new(Certificates::make);
        &SHARED
    }

    /// PEM file of the authority to trust.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// PEM file of an authority that signed none of the good servers.
    #[must_use]
    pub fn other_authority(&self) -> PathBuf {
        self.folder.join("other-ca.pem")
    }

    /// PEM file of the client certificate, whose common name is `smoke_cert`.
    #[must_use]
    pub fn client_certificate(&self) -> PathBuf {
        self.folder.join("client.pem")
    }

    /// PEM file of the client certificate's key.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.folder.join("client.key")
    }

    /// A new certificate for a server of this identity.
    ///
    /// # Panics
    /// When it cannot be made. No identity causes that.
    #[must_use]
    pub fn server(&self, identity: TlsIdentity) -> Certificate {
        let description = identity.description();
        let mut parameters = parameters("smoke test server", description.names, description.ends);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("generate a key");
        let certificate = match description.signer {
            Signer::Authority => parameters.signed_by(&key, &self.authority),
            Signer::OtherAuthority => parameters.signed_by(&key, &self.other_authority),
            Signer::Itself => parameters.self_signed(&key),
        };
        Certificate { certificate: certificate.expect("sign a server certificate"), key }
    }

    /// The TLS configuration of a server of this identity that speaks HTTP/1.1.
    ///
    /// # Panics
    /// When rustls refuses it. No identity causes that.
    #[must_use]
    pub fn server_config(&self, identity: TlsIdentity) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider());
        let verifier = match identity.description().client {
            ClientCertificate::Ignored => Ok(WebPkiClientVerifier::no_client_auth()),
            ClientCertificate::Asked => verifier.allow_unauthenticated().build(),
            ClientCertificate::Required => verifier.build(),
        };
        let builder = builder.with_client_cert_verifier(verifier.expect("verify client certificates"));
        let Certificate { certificate, key } = self.server(identity);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("take the server certificate");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }

    /// A root store with the test authority only.
    ///
    /// # Panics
    /// When rustls refuses it, which it does not.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("trust the test authority");
        roots
    }

    fn make() -> Self {
        let folder = scratch::folder().join("certificates");
        fs::create_dir(&folder).expect("create the folder of the certificates");
        let certificates = Self {
            authority: authority("smoke test authority"),
            other_authority: authority("unrelated authority"),
            folder,
        };
        write(&certificates.authority(), &certificates.authority.pem());
        write(&certificates.other_authority(), &certificates.other_authority.pem());
        let client = certificates.client("smoke_cert");
        client.write(&certificates.client_certificate(), &certificates.client_key());
        certificates
    }

    fn client(&self, common_name: &str) -> Certificate {
        let mut parameters = parameters(common_name, &[], SystemTime::now() + YEAR);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("generate a key");
        let certificate = parameters.signed_by(&key, &self.authority).expect("sign a client certificate");
        Certificate { certificate, key }
    }
}

impl Certificate {
    /// Writes the certificate, and its key readable only by its owner: libpq and
    /// PostgreSQL refuse any other.
    ///
    /// # Panics
    /// When a file cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) {
        write(certificate, &self.certificate.pem());
        write(key, &self.key.serialize_pem());
        fs::set_permissions(key, fs::Permissions::from_mode(0o600)).expect("close a key to others");
    }
}

/// The crypto provider of every TLS server and client in the tests.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn authority(common_name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = parameters(common_name, &[], SystemTime::now() + 10 * YEAR);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().expect("generate a key");
    CertifiedIssuer::self_signed(parameters, key).expect("sign an authority")
}

fn parameters(common_name: &str, names: &[&str], ends: SystemTime) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("take the names of a certificate");
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    parameters.not_before = (SystemTime::now() - 40 * DAY).into();
    parameters.not_after = ends.into();
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("write a certificate");
}
