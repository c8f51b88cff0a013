//! Server certificates, reduced to what people need to see.

use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::secret::{Message, message};

/// The details of a server certificate that matter to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    pub subject: String,
    pub issuer: String,
    /// The names it is valid for.
    pub names: Vec<String>,
    pub not_before: jiff::Timestamp,
    pub not_after: jiff::Timestamp,
    /// The certificate between this one and its root that expires first, if it expires before this one.
    pub expires_sooner: Option<Box<PeerCertificate>>,
    /// Whether another certificate issued this one and the server did not send that issuer's certificate.
    pub is_alone: bool,
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
            not_before: instant(parsed.validity().not_before),
            not_after: instant(parsed.validity().not_after),
            expires_sooner: None,
            is_alone: parsed.subject() != parsed.issuer(),
        })
    }

    /// Checks for the issuer among the other certificates that the server sent.
    pub fn shown_with<'c>(self, mut others: impl Iterator<Item = &'c [u8]>) -> PeerCertificate {
        let has_issuer = others.any(|other| {
            X509Certificate::from_der(other)
                .is_ok_and(|(_, other)| other.subject().to_string() == self.issuer)
        });
        PeerCertificate { is_alone: self.is_alone && !has_issuer, ..self }
    }

    /// Adds the certificates that lead from this one to its root.
    pub fn with_intermediates<'c>(self, intermediates: impl Iterator<Item = &'c [u8]>) -> PeerCertificate {
        let sooner = intermediates
            .filter_map(PeerCertificate::parse)
            .filter(|other| other.not_after < self.not_after)
            .min_by_key(|other| other.not_after);
        PeerCertificate { expires_sooner: sooner.map(Box::new), ..self }
    }

    /// Describes the subject, the issuer and the expiry.
    pub fn in_words(&self) -> Message {
        message!("the certificate is for {}, issued by {}", self.subject, self.issuer)
            .words(format!(", valid until {}", date(self.not_after)))
    }

    /// Returns the full days until this certificate, or one that it depends on, expires. Negative after that.
    pub fn days_left(&self) -> i64 {
        const DAY: i64 = 24 * 60 * 60;
        let first = self.expires_sooner.as_ref().map_or(self.not_after, |sooner| sooner.not_after);
        (first.as_second() - jiff::Timestamp::now().as_second()).div_euclid(DAY)
    }
}

/// Converts the time, clamped: a certificate may name the year 9999, which is past the largest timestamp.
fn instant(time: x509_parser::time::ASN1Time) -> jiff::Timestamp {
    match jiff::Timestamp::from_second(time.timestamp()) {
        Ok(instant) => instant,
        Err(_) if time.timestamp() > 0 => jiff::Timestamp::MAX,
        Err(_) => jiff::Timestamp::MIN,
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

/// Formats a day for messages.
pub fn date(timestamp: jiff::Timestamp) -> String {
    timestamp.to_string().chars().take(10).collect()
}
