//! Expectations on a connection. These are all that `tcp://` and `tls://` have, and a part of what HTTP has.

use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, Expectation, Unjudgeable};
use super::evaluate::{Found, Subject, judge};
use super::matcher::{Matcher, assert_something};
use super::wanted::Wanted;
use crate::attempt::certificate::PeerCertificate;
use crate::attempt::cost::Cost;
use crate::language::placed::Placed;
use crate::language::read::{FromTable, Table};
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::{Mismatch, Span};
use crate::secret::{Message, message};

/// An established connection.
#[derive(Debug)]
pub struct Connection {
    /// The time until it was established.
    pub took: Duration,
    /// The certificate that the server presented.
    pub certificate: Option<PeerCertificate>,
}

impl Answer for Connection {
    fn size(&self) -> usize {
        0
    }

    fn describe(&self) -> Option<Message> {
        self.certificate.as_ref().map(PeerCertificate::in_words)
    }

    fn trace(&self) -> Message {
        self.describe().unwrap_or_else(|| message!("connected"))
    }

    fn take(&self, name: &str, wanted: &Wanted) -> Result<Value, Mismatch> {
        Err(wanted.missed(name, message!("a connection without an answer")))
    }
}

/// The keys `within` and `certificate`.
#[derive(Debug, Clone, Default)]
pub struct ConnectionExpectation {
    within: Option<Placed<Duration>>,
    certificate: Option<CertificateExpectation>,
}

/// The table `{ days-left = MATCHER }`.
#[derive(Debug, Clone)]
struct CertificateExpectation {
    days_left: Placed<Matcher>,
}

impl FromTable for CertificateExpectation {
    const DEFINITION: &'static str = "certificate-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let days_left =
            table.placed("days-left", ("days until the certificate expires", "days-left = { min = 14 }"));
        table.require("days-left");
        Some(CertificateExpectation { days_left: days_left? })
    }
}

/// The `expect` table of a `tcp://` check.
pub struct TcpExpectation(pub ConnectionExpectation);

/// The `expect` table of a `tls://` check.
pub struct TlsExpectation(pub ConnectionExpectation);

impl FromTable for TcpExpectation {
    const DEFINITION: &'static str = "tcp-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let within = within(table);
        asserts?;
        Some(TcpExpectation(ConnectionExpectation { within, certificate: None }))
    }
}

impl FromTable for TlsExpectation {
    const DEFINITION: &'static str = "tls-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let expectation = ConnectionExpectation::from_keys(table);
        asserts?;
        Some(TlsExpectation(expectation))
    }
}

fn within(table: &mut Table<'_, '_, '_>) -> Option<Placed<Duration>> {
    table.placed(
        "within",
        ("longest time that the response may take, even if the budget allows more", r#"within = "300ms""#),
    )
}

impl ConnectionExpectation {
    /// Reads the keys that all protocols over TLS share.
    pub(super) fn from_keys(table: &mut Table<'_, '_, '_>) -> ConnectionExpectation {
        let within = within(table);
        let certificate = table.optional(
            "certificate",
            ("the server's certificate", "certificate = { days-left = { min = 14 } }"),
        );
        ConnectionExpectation { within, certificate }
    }

    /// Whether it expects anything of the certificate.
    pub fn expects_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    pub(super) fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        self.certificate.iter().map(|certificate| &certificate.days_left.value)
    }

    /// Returns every expectation that the connection does not meet.
    pub(super) fn judge(
        &self,
        took: Duration,
        certificate: Option<&PeerCertificate>,
        scope: &Variables,
    ) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet: Vec<Mismatch> = too_slow(self.within.as_ref(), took).into_iter().collect();
        if let Some(CertificateExpectation { days_left }) = &self.certificate {
            let left = certificate.map(|shown| Value::from(shown.days_left()));
            let found = Found {
                values: left.iter().collect(),
                surroundings: message!("there is no certificate without TLS"),
            };
            let Placed { place, value: matcher } = days_left;
            let subject = Subject { what: message!("certificate days-left"), place: *place };
            let sooner = certificate.and_then(|shown| shown.expires_sooner.as_deref());
            unmet.extend(judge(&subject, matcher, &found, scope)?.into_iter().map(|mismatch| {
                match sooner {
                    // Names that certificate, because renewing the server's own would not help.
                    Some(sooner) => Mismatch {
                        actual: mismatch
                            .actual
                            .words(", of a certificate between it and its root: ")
                            .then(sooner.in_words()),
                        ..mismatch
                    },
                    None => mismatch,
                }
            }));
        }
        Ok(unmet)
    }
}

impl Expectation<Connection> for ConnectionExpectation {
    fn templates(&self) -> Vec<&Template> {
        self.matchers().flat_map(Matcher::templates).collect()
    }

    fn cost(&self) -> Cost {
        self.matchers().map(Matcher::cost).sum()
    }

    fn judge(&self, answer: &Connection, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable> {
        ConnectionExpectation::judge(self, answer.took, answer.certificate.as_ref(), scope)
    }
}

/// Returns the mismatch for an answer that took longer than `within`.
pub(super) fn too_slow(within: Option<&Placed<Duration>>, took: Duration) -> Option<Mismatch> {
    let Placed { place, value: within } = within.filter(|within| took > within.value)?;
    Some(Mismatch {
        what: message!("an answer"),
        expected: Message::new().words(format!("within {}", Span(*within))),
        actual: Message::new().words(format!("one after {}", Span(took))),
        place: Some(*place),
    })
}
