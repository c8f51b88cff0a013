//! Explains why a TLS handshake failed.

use rustls::{AlertDescription, CertificateError, OtherError};

use crate::attempt::certificate::PeerCertificate;
use crate::outcome::{Failure, Fault};
use crate::secret::{Message, message};

/// This machine has no CA certificates.
#[derive(Debug, thiserror::Error)]
#[error("this machine has no CA certificates")]
pub struct NoAuthorities;

/// Returns the failure of a TLS handshake, with a description of the certificate.
pub fn handshake_failure(doing: Message, error: &rustls::Error, peer: Option<&PeerCertificate>) -> Failure {
    let (cause, hint) = match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))
            if other.is::<NoAuthorities>() =>
        {
            (
                "this machine has no CA certificates to check the server's certificate with".to_owned(),
                "install them (the package `ca-certificates`), set SSL_CERT_FILE, or name a PEM file (`tls.ca`)",
            )
        }
        rustls::Error::InvalidCertificate(reason) => certificate_failure(reason, peer),
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => (
            "the server speaks none of the protocols that were offered".to_owned(),
            "omit `http`, so that the server may choose the version",
        ),
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => (
            "the server wants a client certificate".to_owned(),
            "give the client's PEM files: `tls = { cert = \"…\", key = \"…\" }`, or `sslcert` and `sslkey`",
        ),
        rustls::Error::AlertReceived(alert) => match refused_client(*alert) {
            Some(why) => (
                format!("the server refused the client's certificate: {why} (alert {alert:?})"),
                "look at the file of `tls.cert` with `openssl x509 -text`, and at the CA that the server trusts",
            ),
            None => (
                format!("the server refused the handshake: {alert:?}"),
                "the server may want a client certificate, another TLS version or another name",
            ),
        },
        rustls::Error::InvalidMessage(_) => (
            "the other side does not speak TLS".to_owned(),
            "check the scheme and the port: this port may be for plain connections",
        ),
        other => (other.to_string(), "look at the handshake with `openssl s_client -connect HOST:PORT`"),
    };
    // An alert is about the client's certificate, not the server's.
    let peer = peer.filter(|_| !matches!(error, rustls::Error::AlertReceived(_)));
    let shown = peer.map_or_else(Message::new, |peer| message!("; ").then(peer.in_words()));
    Failure::fault(Fault::Tls, doing, message!("{}", cause).then(shown)).with_hint(Message::new().words(hint))
}

/// Explains what is wrong with the server's certificate, and what to do.
fn certificate_failure(reason: &CertificateError, peer: Option<&PeerCertificate>) -> (String, &'static str) {
    let look = "look at the certificate with `openssl s_client -connect HOST:PORT`";
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "the server's certificate has expired".to_owned(),
            "renew the certificate, and see that the server loads it",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "the server's certificate is not valid yet".to_owned(),
            "check this machine's clock, and the certificate's dates",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            match peer.map(|peer| peer.names.join(", ")) {
                Some(names) if names.is_empty() => (
                    "the server's certificate names no host: it has no subjectAltName".to_owned(),
                    "issue it anew with the host as a subjectAltName: clients do not look at the common name",
                ),
                names => (
                    format!(
                        "the server's certificate is not valid for this host name, only for {}",
                        names.as_deref().unwrap_or("other names")
                    ),
                    "use a name of the certificate in the URL, or renew the certificate with this name",
                ),
            }
        }
        CertificateError::UnknownIssuer if peer.is_some_and(|peer| peer.is_alone) => (
            "the server sent its own certificate and not its issuer's, which is no authority that this machine trusts"
                .to_owned(),
            "if the issuer is an intermediate CA, have the server send the whole chain (nginx: `fullchain.pem`): \
             clients do not have it; if it is a root, name the issuing CA's PEM file (`tls.ca`, or `sslrootcert` for \
             PostgreSQL)",
        ),
        CertificateError::UnknownIssuer => (
            "the server's certificate is not issued by an authority that this machine trusts".to_owned(),
            "name the issuing CA's PEM file (`tls.ca`, or `sslrootcert` for PostgreSQL)",
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. } => (
            "the server's certificate, or one that it depends on, is signed in a way that is not accepted any more, such as with SHA-1"
                .to_owned(),
            "issue it anew, signed with SHA-256",
        ),
        CertificateError::BadSignature | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "the key of the server's certificate is not accepted, or does not fit: an RSA key has at least 2048 bits"
                .to_owned(),
            look,
        ),
        // rustls prints its own data here, which may be long.
        other => {
            let words = other.to_string();
            let short = words.split(['{', '(']).next().unwrap_or_default().trim();
            (format!("the server's certificate is not acceptable: {short}"), look)
        }
    }
}

/// Explains why a server rejects the client's certificate, if it says so.
fn refused_client(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateExpired => "it has expired",
        AlertDescription::CertificateRevoked => "it is revoked",
        AlertDescription::UnknownCA => "the server does not trust its issuer",
        AlertDescription::BadCertificate => "it is malformed or not acceptable",
        AlertDescription::UnsupportedCertificate => "its kind is not supported",
        AlertDescription::CertificateUnknown => "it is not acceptable",
        AlertDescription::AccessDenied => "its owner may not connect",
        _ => return None,
    })
}
