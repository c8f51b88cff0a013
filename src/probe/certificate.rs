//! Why a TLS handshake failed.

use crate::attempt::certificate::PeerCertificate;
use crate::outcome::{Failure, Fault};
use crate::secret::Message;

/// Why a TLS handshake failed, in words that name the certificate.
pub fn handshake_failure(doing: Message, error: &rustls::Error, peer: Option<&PeerCertificate>) -> Failure {
    use rustls::CertificateError;
    let shown = peer.map_or_else(Message::new, |peer| Message::new().words("; ").then(peer.in_words()));
    let names = || peer.map_or_else(|| "other names".to_owned(), |peer| peer.names.join(", "));
    let (cause, hint) = match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                "the server's certificate has expired".to_owned(),
                "renew the certificate, and see that the server loads it",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                "the server's certificate is not valid yet".to_owned(),
                "check this machine's clock, and the certificate's dates",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                format!("the server's certificate is not valid for this host name, only for {}", names()),
                "use a name of the certificate in the URL, or renew the certificate with this name",
            ),
            CertificateError::UnknownIssuer => (
                "the server's certificate is not issued by an authority that this machine trusts".to_owned(),
                "name the issuing CA's PEM file (`tls.ca`, or `sslrootcert` for PostgreSQL)",
            ),
            other => (
                format!("the server's certificate is not acceptable: {other}"),
                "look at the certificate with `openssl s_client -connect HOST:PORT`",
            ),
        },
        rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol) => (
            "the server speaks none of the protocols that were offered".to_owned(),
            "omit `http`, so that the server may choose the version",
        ),
        rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired) => (
            "the server wants a client certificate".to_owned(),
            "give the client's PEM files: `tls = { cert = \"…\", key = \"…\" }`, or `sslcert` and `sslkey`",
        ),
        rustls::Error::AlertReceived(alert) => (
            format!("the server refused the handshake: {alert:?}"),
            "the server may want a client certificate, another TLS version or another name",
        ),
        rustls::Error::InvalidMessage(_) => (
            "the other side does not speak TLS".to_owned(),
            "check the scheme and the port: this port may be for plain connections",
        ),
        other => (other.to_string(), "look at the handshake with `openssl s_client -connect HOST:PORT`"),
    };
    Failure::fault(Fault::Tls, doing, Message::new().data(cause).then(shown))
        .with_hint(Message::new().words(hint))
}
