//! A server's certificate as people see it, and what its refusal is called.

use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::outcome::{Failure, Fault};
use crate::secret::Message;

/// What people want to know of a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    pub subject: String,
    pub issuer: String,
    /// The names it is valid for.
    pub names: Vec<String>,
    pub not_before: jiff::Timestamp,
    pub not_after: jiff::Timestamp,
}

impl PeerCertificate {
    #[must_use]
    pub fn parse(certificate: &[u8]) -> Option<PeerCertificate> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let names = match parsed.subject_alternative_name() {
            Ok(Some(extension)) => extension.value.general_names.iter().filter_map(shown_name).collect(),
            Ok(None) | Err(_) => Vec::new(),
        };
        Some(PeerCertificate {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            names,
            not_before: jiff::Timestamp::from_second(parsed.validity().not_before.timestamp()).ok()?,
            not_after: jiff::Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()?,
        })
    }

    /// Whose it is, and until when.
    #[must_use]
    pub fn in_words(&self) -> Message {
        Message::new()
            .words("the certificate is for ")
            .data(self.subject.as_str())
            .words(", issued by ")
            .data(self.issuer.as_str())
            .words(format!(", valid until {}", date(self.not_after)))
    }

    /// Whole days until it expires, negative once it has.
    #[must_use]
    pub fn days_left(&self) -> i64 {
        const DAY: i64 = 24 * 60 * 60;
        (self.not_after.as_second() - jiff::Timestamp::now().as_second()).div_euclid(DAY)
    }
}

fn shown_name(name: &x509_parser::extensions::GeneralName<'_>) -> Option<String> {
    use x509_parser::extensions::GeneralName;
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress([a, b, c, d]) => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
        GeneralName::IPAddress(bytes) => {
            <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string())
        }
        _ => None,
    }
}

/// Why a TLS handshake failed, in words that name the certificate.
#[must_use]
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
                "the server's certificate is issued by nobody this machine trusts".to_owned(),
                "name the issuing CA's PEM file (`tls.ca`, or `sslrootcert` for PostgreSQL)",
            ),
            other => (
                format!("the server's certificate is not acceptable: {other}"),
                "look at the certificate with `openssl s_client -connect HOST:PORT`",
            ),
        },
        rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol) => (
            "the server speaks none of the protocols that were offered".to_owned(),
            "leave `http` out, so that the server may choose the version",
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

/// A day as messages show it.
#[must_use]
pub fn date(timestamp: jiff::Timestamp) -> String {
    timestamp.to_string().chars().take(10).collect()
}
