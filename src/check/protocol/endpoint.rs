//! Endpoints: a host and a port to connect to, without sending a request.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

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
use crate::outcome::Failure;
use crate::probe::dial::Target;
use crate::probe::trust::TlsOptions;
use crate::probe::url::in_ascii;
use crate::secret::address;

/// Where and how to connect.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: Template,
    options: RequestOptions,
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
    /// # Errors
    /// Fails if there is no connection.
    fn connect(
        endpoint: &Endpoint,
        to: &Resolved,
        context: &Context,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Returns a remark that belongs next to the check on every screen.
    fn remark(_endpoint: &Endpoint) -> Option<&'static str> {
        None
    }

    /// Returns a command that connects in the same way and times out after `limit`.
    fn command(endpoint: &Endpoint, to: &Resolved, context: &Context, limit: Duration) -> ShellCommand;
}

/// The question whether `C` can connect to an endpoint.
#[derive(Debug)]
struct Connects<C> {
    endpoint: Endpoint,
    how: PhantomData<C>,
}

/// Creates the exchange of a protocol that only connects.
pub(super) fn connects<C: Connect>(
    endpoint: Endpoint,
    expect: ConnectionExpectation,
) -> Box<dyn AnyExchange> {
    let question = Connects::<C> { endpoint, how: PhantomData };
    Box::new(Exchange::new(question, Captures::default(), expect))
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

    // It only connects.
    fn changes(&self) -> Option<String> {
        None
    }

    fn refuses_addresses(&self, scope: &Variables) -> Option<&'static str> {
        self.endpoint.options.refuses_addresses_by_resolve(&self.endpoint.url, scope)
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<Connection, Failure> {
        let to = self.endpoint.resolved(session)?;
        C::connect(&self.endpoint, &to, context).await?;
        context.timeline.end();
        Ok(Connection { took: context.timeline.elapsed(), certificate: context.timeline.certificate() })
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.endpoint.url.text(scope).ok()
    }

    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand> {
        Some(C::command(&self.endpoint, &self.endpoint.resolved(session).ok()?, context, limit))
    }
}

impl Endpoint {
    /// Reads `url` and `resolve`. The protocols that use TLS read `tls` themselves.
    pub fn from_table(table: &mut Table<'_, '_, '_>, tls: Option<TlsKeys>) -> Option<Endpoint> {
        let url = table.optional("url", URL);
        let resolve = resolve_key(table);
        let defaults = table.parse.defaults.get::<RequestOptions>().cloned().unwrap_or_default();
        Some(Endpoint { url: url?, options: RequestOptions::of_connection(resolve, tls).or(&defaults) })
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
