//! A host and a port: what connects to them, and says no more than a few words.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;

use super::URL;
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::exchange::{AnyExchange, Exchange, Question};
use crate::check::request::{OverrideUse, RequestOptions, TlsKeys, resolve_key};
use crate::check::{Session, template_failure};
use crate::expect::capture::Captures;
use crate::expect::connection::{Connection, ConnectionExpectation};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure, Phase};
use crate::probe::dial::Target;
use crate::probe::dialog;
use crate::probe::starttls::StartTls;
use crate::probe::trust::TlsOptions;
use crate::probe::url::in_ascii;
use crate::secret::{address, message};

/// Where and how to connect.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: Template,
    options: RequestOptions,
    starttls: Option<StartTls>,
    /// What is sent once it is connected.
    send: Option<Template>,
    /// Does the suite say that what is sent changes nothing?
    safe: bool,
}

/// A rendered endpoint.
pub(super) struct Resolved {
    /// The host in the URL, which is the identity that the server must prove.
    pub name: String,
    /// The address to connect to: the one in the URL, or its `resolve` entry.
    pub target: Target,
}

/// How to connect to an endpoint.
pub(super) trait Connect: Debug + Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send;

    /// Connects, and is done.
    ///
    /// # Errors
    /// Fails if there is no connection.
    fn connect(
        endpoint: &Endpoint,
        to: &Resolved,
        context: &Context,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Connects for a dialog.
    ///
    /// # Errors
    /// No connection.
    fn open(
        endpoint: &Endpoint,
        to: &Resolved,
        context: &Context,
    ) -> impl Future<Output = Result<Self::Stream, Failure>> + Send;

    /// Whether the other side refuses the connection.
    ///
    /// # Errors
    /// No way to find out.
    fn refuses(
        endpoint: &Endpoint,
        to: &Resolved,
        context: &Context,
    ) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// Something that everyone who reads the check's line should know.
    fn remark(_endpoint: &Endpoint) -> Option<&'static str> {
        None
    }

    /// Returns a command that connects in the same way and times out after `limit`.
    fn command(endpoint: &Endpoint, to: &Resolved, context: &Context, limit: Duration) -> ShellCommand;
}

/// The question whether `C` connects to an endpoint, and what is said there.
#[derive(Debug)]
struct Connects<C> {
    endpoint: Endpoint,
    /// What the dialog must come to, which says when it has.
    expect: ConnectionExpectation,
    how: PhantomData<C>,
}

/// The exchange of a protocol that connects. `None` if a mistake was recorded.
pub(super) fn connects<C: Connect>(
    table: &mut Table<'_, '_, '_>,
    endpoint: Option<Endpoint>,
    expect: Option<ConnectionExpectation>,
) -> Option<Box<dyn AnyExchange>> {
    if table.has("send") && expect.as_ref().is_some_and(|expect| !expect.expects_text()) {
        return table.reject("send", "`send` needs `expect.received`: what the server must say to it");
    }
    let (endpoint, expect) = (endpoint?, expect?);
    let question = Connects::<C> { endpoint, expect: expect.clone(), how: PhantomData };
    Some(Box::new(Exchange::new(question, Captures::default(), expect)))
}

impl<C: Connect> Connects<C> {
    /// Whether nothing answers for as long as `limit`, or half of the time that is left.
    async fn is_refused(&self, limit: Duration, to: &Resolved, context: &Context) -> Result<bool, Failure> {
        let limit = limit.min(context.deadline.remaining() / 2);
        let deadline = context.deadline.tighten(limit, context.deadline.scope());
        let refuses = deadline.bound(C::refuses(&self.endpoint, to, context)).await;
        match (refuses, context.timeline.phase()) {
            (Ok(refuses), _) => refuses,
            // Whoever is silent does not answer. A name server that is says nothing of the port.
            (Err(_), Phase::Connect | Phase::Tls) => Ok(true),
            (Err(cut), phase) => Err(Failure::timed_out(cut, phase)),
        }
    }

    async fn talk(
        &self,
        to: &Resolved,
        scope: &Variables,
        context: &Context,
    ) -> Result<Option<String>, Failure> {
        if !self.expect.expects_text() {
            C::connect(&self.endpoint, to, context).await?;
            return Ok(None);
        }
        let text = self.endpoint.send.as_ref().map(|send| send.text(scope)).transpose();
        let text = text.map_err(template_failure)?;
        let mut stream = C::open(&self.endpoint, to, context).await?;
        if let Some(text) = &text {
            context.trace(Direction::Sent, || message!("{}", text.trim_end()));
        }
        let is_enough = |received: &str| self.expect.is_enough(received, scope);
        dialog::talk(&mut stream, text.as_deref(), is_enough, &to.target, context).await.map(Some)
    }
}

impl<C: Connect> Question for Connects<C> {
    type Answer = Connection;
    type Expectation = ConnectionExpectation;

    fn url(&self) -> &Template {
        &self.endpoint.url
    }

    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.endpoint.url);
        uses.read_all(self.endpoint.options.resolve.iter().map(|entry| &entry.to));
        uses.read_all(&self.endpoint.send);
    }

    fn mistakes(&self, _: &ConnectionExpectation, scope: &Variables) -> Vec<Diagnostic> {
        self.endpoint.mistakes(scope)
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.endpoint.options.override_uses(&self.endpoint.url, scope)
    }

    fn remark(&self) -> Option<&'static str> {
        C::remark(&self.endpoint)
    }

    fn changes(&self) -> Option<String> {
        (self.endpoint.send.is_some() && !self.endpoint.safe).then(|| "sends text with `send`".to_owned())
    }

    fn refuses_addresses(&self, scope: &Variables) -> Option<&'static str> {
        self.endpoint.options.refuses_addresses_by_resolve(&self.endpoint.url, scope)
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<Connection, Failure> {
        let to = self.endpoint.resolved(session)?;
        let (is_refused, received) = match self.expect.refused_for() {
            Some(limit) => (self.is_refused(limit, &to, context).await?, None),
            None => (false, self.talk(&to, &session.scope, context).await?),
        };
        context.timeline.end();
        Ok(Connection {
            took: context.timeline.elapsed(),
            certificate: context.timeline.certificate(),
            received,
            is_refused,
        })
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.endpoint.url.text(scope).ok()
    }

    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand> {
        Some(C::command(&self.endpoint, &self.endpoint.resolved(session).ok()?, context, limit))
    }
}

impl Endpoint {
    /// Reads `url`, `resolve`, and what is said in a dialog. What belongs to TLS is read by those that speak it.
    pub fn from_table(
        table: &mut Table<'_, '_, '_>,
        tls: Option<TlsKeys>,
        starttls: Option<StartTls>,
    ) -> Option<Endpoint> {
        let url = table.optional("url", URL);
        let resolve = resolve_key(table);
        let send = table.optional(
            "send",
            ("text to send once it is connected; the answer is `expect.received`", r#"send = "PING\r\n""#),
        );
        let safe = table.optional_or(
            "safe",
            ("what `send` says changes nothing, so `--read-only` may send it", "safe = true"),
            false,
        );
        // No rule of the table: `safe` stands by itself where the URL is a request's.
        if table.has("safe") && !table.has("send") {
            return table.reject("safe", "`safe` is about what is sent, and there is no `send`");
        }
        let defaults = table.parse.defaults.get::<RequestOptions>().cloned().unwrap_or_default();
        let options = RequestOptions::of_connection(resolve, tls).or(&defaults);
        Some(Endpoint { url: url?, options, starttls, send, safe })
    }

    /// How the server is asked for TLS, where it speaks plain text first.
    pub fn starttls(&self) -> Option<StartTls> {
        self.starttls
    }

    /// Returns the mistakes in the URL, with the variables resolved.
    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        let mut found = self.options.missing_files(scope);
        let Some(url) = self.url.text(scope).ok().and_then(|text| Url::parse(&text).ok()) else {
            return found;
        };
        let (place, scheme) = (self.url.place(), url.scheme());
        if url.host_str().is_none_or(str::is_empty) || url.port().is_none() {
            found.push(Diagnostic::new(place, format!("`{scheme}://` needs a host and a port")));
        }
        let more = url.as_str().split_once("://");
        let more = more.and_then(|(_, to)| to.find(['/', '?', '#']).map(|at| &to[at..]));
        found.extend(more.filter(|more| *more != "/").map(|more| {
            Diagnostic::new(place, format!("`{more}` does not apply to a `{scheme}://` check"))
                .hint("it only connects to a host and a port: remove the rest")
        }));
        found
    }

    /// # Errors
    /// Fails if a value is missing, or if the URL has no host or no port.
    fn resolved(&self, session: &Session) -> Result<Resolved, Failure> {
        let scope = &session.scope;
        let text = self.url.text(scope).map_err(template_failure)?;
        let url = Url::parse(&text).ok().map(in_ascii);
        let named = url.as_ref().and_then(|url| Some((url, url.host_str()?, url.port()?)));
        let Some((url, host, port)) = named else {
            return Err(template_failure(format!(
                "expected a host and a port, got `{}`",
                address::shown(&text)
            )));
        };
        let name = host.trim_matches(['[', ']']).to_owned();
        let target = match (session.address, self.options.resolved(url, scope)?) {
            (Some(address), _) => Target { host: address.to_string(), port },
            (None, Some(address)) => Target { host: address.ip().to_string(), port: address.port() },
            (None, None) => Target { host: name.clone(), port },
        };
        Ok(Resolved { name, target })
    }

    /// Returns the options of the handshake.
    pub fn tls(&self, context: &Context) -> TlsOptions {
        self.options.tls().in_dir(&context.run.suite_dir)
    }

    /// Whether any certificate is accepted.
    pub fn is_insecure(&self) -> bool {
        self.options.is_insecure()
    }
}
