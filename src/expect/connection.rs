//! Expectations on a connection. These are all that `tcp://` and `tls://` have, and a part of what HTTP has.

use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, Expectation, Unjudgeable};
use super::evaluate::{Found, Subject, judge, unmet_by};
use super::matcher::{Matcher, assert_something};
use super::operand::TextMatcher;
use super::wanted::Wanted;
use crate::attempt::certificate::PeerCertificate;
use crate::attempt::cost::Cost;
use crate::language::placed::Placed;
use crate::language::read::{FromTable, Table};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::{Mismatch, Span};
use crate::secret::{Message, message};

/// How long nothing must come for a server to count as one that does not answer.
const SILENCE: Duration = Duration::from_secs(2);

/// A connection that was made.
#[derive(Debug)]
pub struct Connection {
    /// The time until it was established.
    pub took: Duration,
    /// The certificate that the server presented.
    pub certificate: Option<PeerCertificate>,
    /// What came of the dialog, if there was one.
    pub received: Option<String>,
    /// The other side did not want the connection, or said nothing to it.
    pub is_refused: bool,
}

impl Answer for Connection {
    fn size(&self) -> usize {
        self.received.as_ref().map_or(0, String::len)
    }

    fn describe(&self) -> Option<Message> {
        match &self.received {
            Some(text) if text.is_empty() => Some(message!("nothing")),
            Some(text) => Some(message!("{}", text.trim_end())),
            None => self.certificate.as_ref().map(PeerCertificate::in_words),
        }
    }

    fn trace(&self) -> Message {
        let how = if self.is_refused { "refused" } else { "connected" };
        self.describe().unwrap_or_else(|| Message::new().words(how))
    }

    fn take(&self, name: &str, wanted: &Wanted) -> Result<Value, Mismatch> {
        Err(wanted.missed(name, message!("a connection without an answer")))
    }
}

/// `within`, `certificate`, `received` and `refused`.
#[derive(Debug, Clone, Default)]
pub struct ConnectionExpectation {
    within: Option<Placed<Duration>>,
    certificate: Option<CertificateExpectation>,
    received: Option<Placed<Matcher>>,
    /// Where the suite says that nothing may answer.
    refused: Option<Place>,
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

/// `expect` of a `redis://` check.
pub struct RedisExpectation(pub ConnectionExpectation);

impl FromTable for RedisExpectation {
    const DEFINITION: &'static str = "redis-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let expectation = ConnectionExpectation::from_keys(table);
        asserts?;
        Some(RedisExpectation(expectation))
    }
}

impl FromTable for TcpExpectation {
    const DEFINITION: &'static str = "tcp-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let within = within(table);
        let expectation = ConnectionExpectation { within, ..ConnectionExpectation::default() };
        let expectation = expectation.with_dialog(table)?;
        asserts?;
        Some(TcpExpectation(expectation))
    }
}

impl FromTable for TlsExpectation {
    const DEFINITION: &'static str = "tls-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let expectation = ConnectionExpectation::from_keys(table).with_dialog(table)?;
        table.at_most_one(&["refused", "certificate"], "what refuses the connection shows no certificate")?;
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
        ConnectionExpectation { within, certificate, ..ConnectionExpectation::default() }
    }

    /// Reads the keys of what is no request and no answer of a protocol.
    fn with_dialog(self, table: &mut Table<'_, '_, '_>) -> Option<ConnectionExpectation> {
        let received: Option<Placed<TextMatcher>> = table.placed(
            "received",
            (
                "what the server says, of itself or to `send`; read until `contains` or `matches` holds, the server \
                 closes the connection, or it has been silent for 1s",
                r#"received = { contains = "+PONG" }"#,
            ),
        );
        let refused: Option<Placed<bool>> = table.placed(
            "refused",
            (
                "`true`: nothing may answer here; the connection is refused, or there is no answer within `within` (2s)",
                "refused = true",
            ),
        );
        if refused.as_ref().is_some_and(|refused| !refused.value) {
            return table.reject("refused", "`refused = false` is what is expected anyway: remove it");
        }
        table.at_most_one(&["refused", "received"], "what refuses the connection says nothing")?;
        let received = received.map(|received| received.map(Matcher::from));
        Some(ConnectionExpectation { received, refused: refused.map(|refused| refused.place), ..self })
    }

    /// Is anything to be received?
    pub fn expects_text(&self) -> bool {
        self.received.is_some()
    }

    /// Whether `received`, which may go on, is as expected whatever comes after it.
    pub fn is_enough(&self, received: &str, scope: &Variables) -> bool {
        self.received.as_ref().is_some_and(|Placed { value: matcher, .. }| {
            let holds = || unmet_by(matcher, &Found::one(&Value::from(received)), scope);
            matcher.stays_true() && holds().is_ok_and(|unmet| unmet.is_empty())
        })
    }

    /// How long nothing may answer, where that is what is expected.
    pub fn refused_for(&self) -> Option<Duration> {
        self.refused.map(|_| self.within.as_ref().map_or(SILENCE, |within| within.value))
    }

    /// Whether it expects anything of the certificate.
    pub fn expects_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    pub(super) fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        let certificate = self.certificate.iter().map(|certificate| &certificate.days_left.value);
        certificate.chain(self.received.iter().map(|received| &received.value))
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
        if let Some(place) = self.refused {
            let answers = Mismatch {
                what: message!("the connection"),
                expected: message!("refused: nothing may answer here"),
                actual: message!("accepted"),
                place: Some(place),
            };
            return Ok(if answer.is_refused { Vec::new() } else { vec![answers] });
        }
        let mut unmet = ConnectionExpectation::judge(self, answer.took, answer.certificate.as_ref(), scope)?;
        if let (Some(Placed { place, value: matcher }), Some(text)) = (&self.received, &answer.received) {
            let subject = Subject { what: message!("received"), place: *place };
            unmet.extend(judge(&subject, matcher, &Found::one(&Value::from(text.as_str())), scope)?);
        }
        Ok(unmet)
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
