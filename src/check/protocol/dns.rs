//! `dns://[resolver[:port]]/name?type=A`: checks that a name resolves.

use std::net::IpAddr;
use std::time::Duration;

use url::Url;

use super::{Protocol, URL};
use crate::attempt::Context;
use crate::attempt::shell::{ShellCommand, seconds};
use crate::check::exchange::{AnyExchange, Exchange, Question};
use crate::check::{Session, template_failure};
use crate::expect::capture::Captures;
use crate::expect::dns::DnsExpectation;
use crate::language::diagnostic::Diagnostic;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::dial::Target;
use crate::probe::dns::{self, DnsAnswer, DnsQuestion, Name, PORT, RecordType, Resolver};
use crate::probe::url::{in_ascii, parse_absolute_url};

pub(super) const PROTOCOL: Protocol = Protocol {
    schemes: &["dns"],
    about: "a name resolves: asked of the resolver that the URL names, or of this machine's",
    read: |table| {
        let url: Option<Template> = table.optional("url", URL);
        let expect: Option<DnsExpectation> = table.optional(
            "expect",
            (
                "what the answer must be; by default, at least one record of the type",
                r#"expect = { records = ["10.0.0.7"] }"#,
            ),
        );
        let expect = if table.has("expect") { expect? } else { DnsExpectation::default() };
        let exchange = Exchange::new(Lookup { url: url? }, Captures::default(), expect);
        Some(Box::new(exchange) as Box<dyn AnyExchange>)
    },
};

/// A query for the records of a name.
#[derive(Debug)]
struct Lookup {
    url: Template,
}

/// A mistake in a URL, and a hint how to correct it.
type Mistake = (String, String);

/// Parses the question from the URL.
fn asked(text: &str) -> Result<DnsQuestion, Mistake> {
    let url = parse_absolute_url(text).map_err(|(message, hint)| (message, hint.to_owned()))?;
    let url = in_ascii(url);
    let shape =
        "write it like dns:///shop.example?type=A, or with a resolver: dns://10.0.0.2:53/shop.example";
    let mistake = |message: String| (message, shape.to_owned());
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(mistake("a resolver takes no user, password or fragment".to_owned()));
    }
    let record_type = record_type(&url)?;
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
    let name = match path.strip_prefix('/').unwrap_or(&path) {
        "" => return Err(mistake("`dns://` needs a name to look up after the resolver".to_owned())),
        name => name,
    };
    let address: Option<IpAddr> = name.parse().ok();
    let name = match (address, record_type) {
        (Some(address), RecordType::Ptr) => Name::of_address(address),
        (Some(_), _) => {
            let hint = "an address has the name of its host as a PTR record: add `?type=PTR`";
            return Err((
                format!("`{name}` is an address, and has no {} records", record_type.name()),
                hint.to_owned(),
            ));
        }
        (None, _) => {
            Name::parse(name).map_err(|why| mistake(format!("`{name}` is no name of DNS: {why}")))?
        }
    };
    let resolver = match url.host_str() {
        None | Some("") if url.port().is_some() => return Err(mistake("a port needs a resolver".to_owned())),
        None | Some("") => Resolver::System,
        Some(host) => Resolver::Named(Target {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(PORT),
        }),
    };
    Ok(DnsQuestion { name, record_type, resolver })
}

/// Returns the record type that the URL names, or A by default.
fn record_type(url: &Url) -> Result<RecordType, Mistake> {
    let names: Vec<&str> = RecordType::names().collect();
    let hint = || format!("types are {}", names.join(", "));
    let mut found = RecordType::A;
    for (key, value) in url.query_pairs() {
        if key != "type" {
            return Err((
                format!("unknown parameter `{key}` of a `dns://` URL"),
                "it has `?type=`".to_owned(),
            ));
        }
        found =
            RecordType::of_name(&value).ok_or_else(|| (format!("unknown record type `{value}`"), hint()))?;
    }
    Ok(found)
}

impl Question for Lookup {
    type Answer = DnsAnswer;
    type Expectation = DnsExpectation;

    fn url(&self) -> &Template {
        &self.url
    }

    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.url);
    }

    fn mistakes(&self, _: &DnsExpectation, scope: &Variables) -> Vec<Diagnostic> {
        // A template that cannot be rendered yet is validated when the check runs.
        let Ok(url) = self.url.text(scope) else { return Vec::new() };
        let mistake = asked(&url).err();
        mistake
            .map(|(message, hint)| Diagnostic::new(self.url.place(), message).hint(hint))
            .into_iter()
            .collect()
    }

    // A query changes nothing.
    fn changes(&self) -> Option<String> {
        None
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<DnsAnswer, Failure> {
        let url = self.url.text(&session.scope).map_err(template_failure)?;
        let question = asked(&url).map_err(|(message, _)| template_failure(message))?;
        dns::ask(&question, context).await
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.url.text(scope).ok()
    }

    fn reproduce(&self, session: &Session, _: &Context, limit: Duration) -> Option<ShellCommand> {
        let question = asked(&self.url.text(&session.scope.for_people()).ok()?).ok()?;
        let whole_seconds = seconds(Duration::from_secs(limit.as_secs().max(1)));
        let command = ShellCommand::new("dig");
        let command = match &question.resolver {
            Resolver::System => command,
            Resolver::Named(Target { host, port: PORT }) => command.word(&format!("@{host}")),
            Resolver::Named(Target { host, port }) => {
                command.word(&format!("@{host}")).words(&["-p", &port.to_string()])
            }
        };
        let time = format!("+time={whole_seconds}");
        Some(command.words(&[&time, "+tries=1", &question.name.to_string(), question.record_type.name()]))
    }
}
