//! `tcp://host:port`: it accepts connections.

use std::time::Duration;

use super::Protocol;
use super::endpoint::Endpoint;
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::Session;
use crate::check::exchange::{AnyExchange, Exchange, Question};
use crate::check::request::OverrideUse;
use crate::expect::capture::Captures;
use crate::expect::connection::{Connection, ConnectionExpectation, TcpExpectation};
use crate::language::diagnostic::Diagnostic;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure};
use crate::probe::dial;
use crate::secret::Message;

pub(super) const PROTOCOL: Protocol = Protocol {
    schemes: &["tcp"],
    about: "a port accepts connections",
    read: |table| {
        let endpoint = Endpoint::from_table(table, None);
        let expect: Option<TcpExpectation> = table
            .optional("expect", ("what the connection must be like", r#"expect = { within = "300ms" }"#));
        let expect = if table.has("expect") { expect?.0 } else { ConnectionExpectation::default() };
        let exchange: Box<dyn AnyExchange> =
            Box::new(Exchange::new(Tcp { endpoint: endpoint? }, Captures::default(), expect));
        Some(exchange)
    },
};

#[derive(Debug)]
struct Tcp {
    endpoint: Endpoint,
}

impl Question for Tcp {
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

    // It connects, and that is all.
    fn changes(&self) -> Option<String> {
        None
    }

    fn refuses_addresses(&self, scope: &Variables) -> Option<&'static str> {
        self.endpoint.refuses_addresses(scope)
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<Connection, Failure> {
        let target = self.endpoint.resolved(session)?.target;
        context.trace(Direction::Sent, || Message::new().words("connect to ").data(target.to_string()));
        dial::connect(&target, context).await?;
        context.timeline.end();
        Ok(Connection { took: context.timeline.elapsed(), certificate: None })
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.endpoint.named(scope)
    }

    fn reproduce(&self, session: &Session, _: &Context, limit: Duration) -> Option<ShellCommand> {
        Some(dial::as_curl(&self.endpoint.resolved(session).ok()?.target, limit))
    }
}
