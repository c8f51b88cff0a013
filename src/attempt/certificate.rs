//! A server's certificate as people see it.

use x509_parser::prelude::{FromDer as _, X509Certificate};

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
    pub fn in_words(&self) -> Message {
        Message::new()
            .words("the certificate is for ")
            .data(self.subject.as_str())
            .words(", issued by ")
            .data(self.issuer.as_str())
            .words(format!(", valid until {}", date(self.not_after)))
    }

    /// Whole days until it expires, negative once it has.
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

/// A day as messages show it.
pub fn date(timestamp: jiff::Timestamp) -> String {
    timestamp.to_string().chars().take(10).collect()
}
