//! A host and a port: the URL of what connects and sends no request.

use url::Url;

use super::URL;
use crate::attempt::Context;
use crate::check::request::{OverrideUse, RequestOptions, TlsKeys, resolve_key};
use crate::check::{Session, template_failure};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::dial::Target;
use crate::probe::trust::TlsOptions;
use crate::secret::address;

/// Where to connect to, and how.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub url: Template,
    options: RequestOptions,
}

/// An endpoint with every value in its place.
pub(super) struct Resolved {
    /// The host that the URL names, which is who the server must prove to be.
    pub name: String,
    /// Where to connect to: what the URL names, or what `resolve` gives for that.
    pub target: Target,
}

impl Endpoint {
    /// Reads `url` and `resolve`. `tls` is read by those that speak it.
    pub fn from_table(table: &mut Table<'_, '_, '_>, tls: Option<TlsKeys>) -> Option<Endpoint> {
        let url = table.optional("url", URL);
        let resolve = resolve_key(table);
        let defaults = table.parse.defaults.get::<RequestOptions>().cloned().unwrap_or_default();
        Some(Endpoint { url: url?, options: RequestOptions::of_connection(resolve, tls).or(&defaults) })
    }

    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.url);
        uses.read_all(self.options.resolve.iter().map(|entry| &entry.to));
    }

    /// What is wrong with the URL once the variables have their values.
    pub fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
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

    /// What `resolve` does for it.
    pub fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.options.override_uses(&self.url, scope)
    }

    /// # Errors
    /// A value is missing, or the URL has no host or no port.
    pub fn resolved(&self, session: &Session) -> Result<Resolved, Failure> {
        let scope = &session.scope;
        let text = self.url.text(scope).map_err(template_failure)?;
        let url = Url::parse(&text).ok();
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

    /// Why its addresses cannot be asked one by one.
    pub fn refuses_addresses(&self, scope: &Variables) -> Option<&'static str> {
        self.options.refuses_addresses_by_resolve(&self.url, scope)
    }

    /// What a handshake needs.
    pub fn tls(&self, context: &Context) -> TlsOptions {
        self.options.tls().in_dir(&context.run.suite_dir)
    }

    /// Is any certificate accepted?
    pub fn is_insecure(&self) -> bool {
        self.options.is_insecure()
    }

    /// `tcp://127.0.0.1:5432`: where it connects to, for people.
    pub fn named(&self, scope: &Variables) -> Option<String> {
        self.url.text(scope).ok()
    }
}
