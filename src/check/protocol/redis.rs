//! `redis://host:port/db`: logs in and sends `PING`.

use std::time::Duration;

use super::{Protocol, URL};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::exchange::{AnyExchange, Exchange, Question};
use crate::check::request::{RequestOptions, TlsKeys};
use crate::check::{Session, template_failure};
use crate::expect::capture::Captures;
use crate::expect::connection::{Connection, ConnectionExpectation, RedisExpectation};
use crate::language::diagnostic::Diagnostic;
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::redis::{self, RedisUrl};

pub(super) const PROTOCOL: Protocol = Protocol {
    schemes: &redis::SCHEMES,
    about: "a Redis server lets smoke log in, and answers `PING`; a replica has its master",
    read: |table| {
        let url = table.optional("url", URL);
        let own_tls = table.has("tls").then(|| table.key_place("tls"));
        let tls = TlsKeys::from_key(table);
        let defaults = table.parse.defaults.get::<RequestOptions>().cloned().unwrap_or_default();
        let options = RequestOptions::of_connection(Vec::new(), tls).or(&defaults);
        let expect: Option<RedisExpectation> = table
            .optional("expect", ("what the connection must be like", r#"expect = { within = "300ms" }"#));
        let expect = if table.has("expect") { expect?.0 } else { ConnectionExpectation::default() };
        let exchange: Box<dyn AnyExchange> =
            Box::new(Exchange::new(Redis { url: url?, options, own_tls }, Captures::default(), expect));
        Some(exchange)
    },
};

/// An exchange that checks whether a Redis server is up.
#[derive(Debug)]
struct Redis {
    url: Template,
    options: RequestOptions,
    /// The place of the check's own `tls` key.
    own_tls: Option<Place>,
}

impl Question for Redis {
    type Answer = Connection;
    type Expectation = ConnectionExpectation;

    fn url(&self) -> &Template {
        &self.url
    }

    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.url);
    }

    fn mistakes(&self, _: &ConnectionExpectation, scope: &Variables) -> Vec<Diagnostic> {
        let mut found = self.options.missing_files(scope);
        let Ok(url) = self.url.text(scope) else { return found };
        match (RedisUrl::parse(&url), self.own_tls) {
            (Err(mistake), _) => found.push(mistake.at(self.url.place())),
            (Ok(url), Some(place)) if !url.is_secured() => found.push(
                Diagnostic::new(place, "`tls` has no effect on a connection without TLS")
                    .hint("write `rediss://` for TLS, or remove `tls`"),
            ),
            (Ok(_), _) => {}
        }
        found
    }

    fn remark(&self) -> Option<&'static str> {
        // `[defaults.http]` may disable verification for connections without TLS, too.
        let is_plain = self.url.leading_text().starts_with("redis:");
        let is_insecure = self.options.is_insecure() && !is_plain;
        is_insecure.then_some("insecure: the certificate is not verified")
    }

    // The check reads only the server's information about itself.
    fn changes(&self) -> Option<String> {
        None
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<Connection, Failure> {
        let url = self.url.text(&session.scope).map_err(template_failure)?;
        context.run.redactor.add_address(&url);
        let tls = self.options.tls().in_dir(&context.run.suite_dir);
        redis::ping(&url, tls, context).await?;
        let certificate = context.timeline.certificate();
        let received = certificate.is_none().then(|| "PONG".to_owned());
        Ok(Connection { took: context.timeline.elapsed(), certificate, received, is_refused: false })
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.url.text(scope).ok()
    }

    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand> {
        let url = self.url.text(&session.scope).ok()?;
        let shown_url = self.url.text(&session.scope.for_people()).ok()?;
        let folder = &context.run.suite_dir;
        Some(redis::as_redis_cli(&url, &shown_url, self.options.tls().in_dir(folder), folder, limit))
    }
}
