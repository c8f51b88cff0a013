//! `tls://host:port`: the handshake, and the certificate.

use std::time::Duration;

use super::Protocol;
use super::endpoint::{Endpoint, Resolved};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::Session;
use crate::check::exchange::{AnyExchange, Exchange, Question};
use crate::check::request::{OverrideUse, TlsKeys};
use crate::expect::capture::Captures;
use crate::expect::connection::{Connection, ConnectionExpectation, TlsExpectation};
use crate::language::diagnostic::Diagnostic;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure};
use crate::probe::tls;
use crate::secret::Message;

pub(super) const PROTOCOL: Protocol = Protocol {
    schemes: &["tls"],
    about: "a server completes a TLS handshake with a valid certificate",
    read: |table| {
        let tls = TlsKeys::from_key(table);
        let endpoint = Endpoint::from_table(table, tls);
        let expect: Option<TlsExpectation> = table.optional(
            "expect",
            ("what the connection must be like", "expect = { certificate = { days-left = { min = 14 } } }"),
        );
        let expect = if table.has("expect") { expect?.0 } else { ConnectionExpectation::default() };
        let exchange: Box<dyn AnyExchange> =
            Box::new(Exchange::new(Tls { endpoint: endpoint? }, Captures::default(), expect));
        Some(exchange)
    },
};

#[derive(Debug)]
struct Tls {
    endpoint: Endpoint,
}

impl Question for Tls {
    type Answer = Connection;
    type Expectation = ConnectionExpectation;

    fn url(&self) -> &Template {
        &self.endpoint.url
    }

    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.endpoint.uses(uses);
    }

    fn mistakes(&self, _: &ConnectionExpectation, scope: &Variables) -> Vec<Diagnostic> {
        self.endpoint.mistakes(scope)
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.endpoint.override_uses(scope)
    }

    fn remark(&self) -> Option<&'static str> {
        self.endpoint.is_insecure().then_some("insecure: the certificate is not verified")
    }

    // It connects, and that is all.
    fn changes(&self) -> Option<String> {
        None
    }

    fn refuses_addresses(&self, scope: &Variables) -> Option<&'static str> {
        self.endpoint.refuses_addresses(scope)
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<Connection, Failure> {
        let Resolved { name, target } = self.endpoint.resolved(session)?;
        context.trace(Direction::Sent, || Message::new().words("shake hands with ").data(target.to_string()));
        // Boxed because it is large, and part of the future of every check.
        Box::pin(tls::shake_hands(&name, &target, &self.endpoint.tls(context), context)).await?;
        context.timeline.end();
        Ok(Connection { took: context.timeline.elapsed(), certificate: context.timeline.certificate() })
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.endpoint.named(scope)
    }

    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand> {
        let Resolved { name, target } = self.endpoint.resolved(session).ok()?;
        Some(tls::as_openssl(&name, &target, &self.endpoint.tls(context), limit))
    }
}
