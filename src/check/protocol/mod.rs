//! The protocols of a `url`, one file each.
//!
//! A protocol is a reader of a table with a `url`, and its row in [`PROTOCOLS`]. The `Question` that the reader returns
//! determines its keys, its expectations, how to ask and how to reproduce it. The wire format is the task of a probe.

mod endpoint;

mod dns;
mod http;
mod redis;
mod tcp;
mod tls;

use std::time::Duration;

pub(super) use self::http::HttpQuestion;
use super::exchange::AnyExchange;
use super::request::OverrideUse;
use super::{Session, template_failure};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::language::alternatives::{Alternative, Read};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::url::parse_absolute_url;

/// A protocol, chosen by the scheme of a URL.
#[derive(Debug)]
pub struct Protocol {
    pub schemes: &'static [&'static str],
    /// What a check with this protocol proves.
    pub about: &'static str,
    /// Reads the keys of the protocol, including `url`.
    read: fn(&mut Table<'_, '_, '_>) -> Option<Box<dyn AnyExchange>>,
}

/// The table of protocols. The first is the one that a URL without a scheme is most likely meant for.
pub const PROTOCOLS: &[Protocol] =
    &[http::PROTOCOL, tcp::PROTOCOL, tls::PROTOCOL, dns::PROTOCOL, redis::PROTOCOL];

/// Returns the schemes as a message lists them.
fn schemes() -> String {
    let schemes = PROTOCOLS.iter().flat_map(|protocol| protocol.schemes);
    schemes.map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(", ")
}

/// Returns the protocol of `scheme`.
fn by_scheme(scheme: &str) -> Option<usize> {
    PROTOCOLS
        .iter()
        .position(|protocol| protocol.schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)))
}

/// An exchange whose protocol is known once its URL is rendered. Until then, it is read for every protocol.
#[derive(Debug)]
pub(super) struct ByScheme {
    url: Template,
    reading: Reading,
}

/// The readings of a table with a `url`.
#[derive(Debug)]
enum Reading {
    /// The URL's text contains the scheme, and the whole table is valid for its protocol. No other can be meant.
    Known(Box<dyn AnyExchange>),
    Undecided {
        /// The exchange for each protocol, or its mistakes.
        read: Vec<Result<Box<dyn AnyExchange>, Vec<Diagnostic>>>,
        /// The first protocol for which the whole table is valid.
        fits: usize,
    },
}

impl ByScheme {
    /// Reads a table with a `url`. Returns `None` without recording a mistake if there is no `url`.
    pub fn from_table(table: &mut Table<'_, '_, '_>) -> Option<ByScheme> {
        let before = table.parse.diagnostics.len();
        let url: Option<Template> = table.optional("url", URL);
        // The readers below report the same mistakes, and one of them is chosen.
        table.parse.diagnostics.truncate(before);
        // A literal scheme decides. If it is a variable, the first protocol that fits all keys is used.
        let chosen = url.as_ref().and_then(|url| by_scheme(url.leading_text().split_once(':')?.0));
        if let Some(known) = chosen.and_then(|index| table.read_whole(&PROTOCOLS[index].read)) {
            return Some(ByScheme { url: url?, reading: Reading::Known(known) });
        }
        let names: Vec<String> =
            PROTOCOLS.iter().map(|protocol| format!("a `{}://` check", protocol.schemes[0])).collect();
        let ways: Vec<Alternative<'_, Box<dyn AnyExchange>>> = PROTOCOLS
            .iter()
            .zip(&names)
            .map(|(protocol, what)| Alternative { what, read: &protocol.read })
            .collect();
        let mut read = table.read_as(&ways);
        let fits = chosen.or_else(|| (0..read.len()).min_by_key(|index| nonsense(&read[*index])))?;
        if table.parse.is_partial {
            // What does not apply to one protocol is for the checks of another.
            let unknown = keys_unknown_to_all(&read);
            read[fits]
                .mistakes
                .retain(|mistake| !mistake.is_about_a_key() || unknown.contains(&mistake.place));
        }
        table.parse.diagnostics.append(&mut read[fits].mistakes);
        let read = read.into_iter().map(|read| match read.value {
            Some(exchange) if read.mistakes.is_empty() => Ok(exchange),
            Some(_) | None => Err(read.mistakes),
        });
        let read: Vec<_> = read.collect();
        read[fits].is_ok().then_some(ByScheme { url: url?, reading: Reading::Undecided { read, fits } })
    }

    /// Returns the exchange for which the whole table is valid.
    pub fn fitting(&self) -> Option<&dyn AnyExchange> {
        match &self.reading {
            Reading::Known(exchange) => Some(&**exchange),
            Reading::Undecided { read, fits } => read[*fits].as_deref().ok(),
        }
    }

    /// Returns where the suite states the URL.
    pub fn place(&self) -> Place {
        self.url.place()
    }

    /// Returns the rendered URL. `None` if a variable has no value.
    pub fn url(&self, scope: &Variables) -> Option<String> {
        self.url.text(scope).ok()
    }

    /// Records the variables that it reads.
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        if let Some(fitting) = self.fitting() {
            fitting.uses(uses);
        }
    }

    /// Describes what it would change on the server.
    pub fn changes(&self) -> Option<String> {
        self.fitting()?.changes()
    }

    /// Returns a remark that belongs next to the check on every screen.
    pub fn remark(&self, scope: &Variables) -> Option<&'static str> {
        self.fitting()?.remark(scope)
    }

    /// Returns how `resolve` affects it.
    pub fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        match &self.reading {
            Reading::Known(exchange) => exchange.override_uses(scope),
            Reading::Undecided { .. } => {
                self.choose(scope).map(|exchange| exchange.override_uses(scope)).unwrap_or_default()
            }
        }
    }

    /// Returns its mistakes, with the variables resolved. Sends nothing.
    pub fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        // Errors that a template hides here are reported when the check runs.
        let Ok(url) = self.url.text(scope) else { return Vec::new() };
        match self.chosen_by(&url) {
            Ok(exchange) => exchange.mistakes(scope),
            Err(mistakes) => mistakes,
        }
    }

    /// Returns the exchange of the protocol in `url`.
    fn chosen_by(&self, url: &str) -> Result<&dyn AnyExchange, Vec<Diagnostic>> {
        let place = self.url.place();
        let parsed = parse_absolute_url(url);
        let parsed = parsed.map_err(|(message, hint)| vec![Diagnostic::new(place, message).hint(hint)])?;
        let Some(index) = by_scheme(parsed.scheme()) else {
            let known = PROTOCOLS.iter().flat_map(|protocol| protocol.schemes).copied();
            let mistake = Diagnostic::new(place, format!("unsupported scheme `{}`", parsed.scheme()))
                .did_you_mean(parsed.scheme(), known)
                .hint(format!("supported schemes: {}", schemes()));
            return Err(vec![mistake]);
        };
        match &self.reading {
            Reading::Known(exchange) => Ok(&**exchange),
            Reading::Undecided { read, .. } => read[index].as_deref().map_err(Clone::clone),
        }
    }

    /// Returns the exchange of the protocol in the rendered URL.
    ///
    /// # Errors
    /// Fails if the URL has no value, or if these keys do not apply to its protocol.
    pub fn choose(&self, scope: &Variables) -> Result<&dyn AnyExchange, Failure> {
        let url = self.url.text(scope).map_err(template_failure)?;
        self.chosen_by(&url).map_err(|mistakes| {
            let messages = mistakes.into_iter().map(|mistake| mistake.message);
            template_failure(format!("`{url}`: {}", messages.collect::<Vec<_>>().join("; ")))
        })
    }

    /// Returns a command that asks the same and times out after `limit`.
    pub fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand> {
        self.choose(&session.scope).ok()?.reproduce(session, context, limit)
    }
}

/// The places of the keys that no way of reading a table knows.
fn keys_unknown_to_all<T>(read: &[Read<T>]) -> Vec<Option<Place>> {
    let unknown = |read: &Read<T>| -> Vec<Option<Place>> {
        let about_keys = read.mistakes.iter().filter(|mistake| mistake.is_about_a_key());
        about_keys.map(|mistake| mistake.place).collect()
    };
    let Some((first, others)) = read.split_first() else { return Vec::new() };
    let mut all = unknown(first);
    all.retain(|place| others.iter().all(|other| unknown(other).contains(place)));
    all
}

/// How little sense a table makes in one of the ways: what counts first is how many keys do not apply.
fn nonsense<T>(read: &Read<T>) -> (bool, usize, usize) {
    let about_keys = read.mistakes.iter().filter(|mistake| mistake.is_about_a_key()).count();
    (!read.mistakes.is_empty(), about_keys, read.mistakes.len())
}

/// The documentation of `url`, for any scheme.
const URL: (&str, &str) = ("URL to request", r#"url = "{{base_url}}/health""#);
