//! It is up.
//!
//! ```toml
//! [[health]]
//! name = "api is healthy"
//! url = "{{base_url}}/health"
//! expect.status = 200
//! expect.json."$.status" = "ok"
//! expect.within = "300ms"
//! ```

use std::sync::Arc;

use futures_util::future::BoxFuture;
use url::Url;

use super::verdict::{Captures, judge_http};
use super::{Check, Session, template_failure};
use crate::attempt::Context;
use crate::attempt::certificate::PeerCertificate;
use crate::expect::http::HttpExpectation;
use crate::expect::status::StatusSet;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure};
use crate::probe::dial::{self, Target};
use crate::probe::http::{CurlContext, Request, RunClients, parse_absolute_url, send};
use crate::probe::{Protocol, SCHEMES, scheme_names, tls};
use crate::secret::{Message, address};

#[derive(Debug)]
struct Health {
    request: Request,
    expect: Arc<HttpExpectation>,
    /// The first key that only an HTTP request can have, and where it stands.
    http_key: Option<(&'static str, Place)>,
}

/// The keys that mean nothing to `tcp://` and `tls://`.
const HTTP_KEYS: [&str; 12] = [
    "method",
    "query",
    "headers",
    "body",
    "json",
    "form",
    "multipart",
    "auth",
    "redirects",
    "proxy",
    "http",
    "max-body",
];

/// Reads a `[[health]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let request = Request::from_url(table);
    let expect = table.optional(
        "expect",
        (
            "what the response must look like; by default, a 2xx status",
            r#"expect = { status = 200, within = "300ms" }"#,
        ),
    );
    let expect: Option<HttpExpectation> =
        if table.has("expect") { expect } else { Some(HttpExpectation::default()) };
    table.require("url");
    if !table.has("url") {
        return None;
    }
    let (request, expect) = (request?, expect?);
    let http_key = HTTP_KEYS.iter().find(|key| table.has(key)).map(|key| (*key, table.key_place(key)));
    Some(Arc::new(Health { request, expect: Arc::new(expect), http_key }))
}

/// The protocol that a URL chooses.
fn protocol(url: &str) -> Option<Protocol> {
    let (scheme, _) = url.split_once(':')?;
    SCHEMES.iter().find(|(known, _)| scheme.eq_ignore_ascii_case(known)).map(|(_, protocol)| *protocol)
}

impl Check for Health {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.request.uses(uses);
        uses.read_all(self.expect.templates());
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        let place = self.request.url.place();
        // What a template cannot say yet is said when the check runs.
        let Ok(text) = self.request.url.text(scope) else { return Vec::new() };
        let Ok(url) = parse_absolute_url(&text) else { return self.request.mistakes(scope) };
        let Some(protocol) = protocol(&text) else {
            let message = format!("there is no probe for `{}://`", url.scheme());
            let known = SCHEMES.iter().map(|(scheme, _)| *scheme);
            return vec![
                Diagnostic::new(place, message)
                    .did_you_mean(url.scheme(), known)
                    .hint(format!("a health check knows {}", scheme_names())),
            ];
        };
        let mut found = Vec::new();
        if matches!(protocol, Protocol::Tcp | Protocol::Tls) {
            if url.host_str().is_none_or(str::is_empty) || url.port().is_none() {
                found.push(Diagnostic::new(place, format!("`{}://` needs a host and a port", url.scheme())));
            }
            let more = url
                .as_str()
                .split_once("://")
                .and_then(|(_, to)| to.find(['/', '?', '#']).map(|at| &to[at..]));
            found.extend(more.filter(|more| *more != "/").map(|more| {
                let message =
                    format!("a `{}://` check asks nothing, so `{more}` means nothing to it", url.scheme());
                Diagnostic::new(place, message)
                    .hint("a host and a port are all that it connects to: take it away")
            }));
            found.extend(self.http_key.map(|(key, place)| {
                Diagnostic::new(
                    place,
                    format!("a `{}://` check sends no request to use `{key}` in", url.scheme()),
                )
            }));
            found.extend(self.expect.http_only().map(|place| {
                Diagnostic::new(
                    place,
                    format!("a `{}://` check has no HTTP answer to expect this of", url.scheme()),
                )
            }));
        }
        if self.expect.expects_certificate() && !matches!(url.scheme(), "https" | "tls") {
            found.push(Diagnostic::new(place, "`expect.certificate` needs an `https://` or `tls://` URL"));
        }
        found
    }

    fn remark(&self) -> Option<&'static str> {
        self.request.options.is_insecure().then_some("insecure: the certificate is not verified")
    }

    fn run<'a>(
        &'a self,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let text = self.request.url.text(&session.scope).map_err(template_failure)?;
            match protocol(&text) {
                Some(Protocol::Tcp) => self.connect(&text, session, context).await,
                Some(Protocol::Tls) => Box::pin(self.shake_hands(&text, session, context)).await,
                // Sending finds out what is wrong with a URL that is none.
                Some(Protocol::Http) | None => self.ask(session, context).await,
            }
        })
    }

    fn reproduce(&self, session: &Session, context: &Context) -> Option<Message> {
        let text = self.request.url.text(&session.scope).ok()?;
        let limit = context.deadline.cut().budget;
        let command = match protocol(&text) {
            Some(Protocol::Tcp) => dial::as_curl(&self.target(&text, session).ok()?, limit),
            Some(Protocol::Tls) => {
                let (name, target) = (named(&text).ok()?.host, self.target(&text, session).ok()?);
                let options = self.request.options.tls().in_dir(&context.run.suite_dir);
                tls::as_openssl(&name, &target, &options, limit)
            }
            Some(Protocol::Http) | None => self.request.as_curl(&CurlContext {
                scope: &session.scope.for_people(),
                cookies: &cookie_store::CookieStore::default(),
                suite_dir: &context.run.suite_dir,
                limit,
                follows_redirects: !context.timeline.has_stopped_at_redirect(),
            })?,
        };
        Some(command.into_message(&context.run.redactor))
    }
}

impl Health {
    async fn ask(&self, session: &mut Session, context: &Context) -> Result<(), Failure> {
        // Cookies of a health check live as long as its redirects.
        let mut cookies = cookie_store::CookieStore::default();
        let answer =
            send(&self.request, &context.run.shared::<RunClients>().0, &mut cookies, &session.scope, context)
                .await?;
        let (default, captures) = (StatusSet::success(), Captures::default());
        match Box::pin(judge_http(answer, &self.expect, &default, &captures, session, context)).await {
            Ok(()) => Ok(()),
            Err(refusal) => Err(Box::pin(refusal.described(context)).await),
        }
    }

    async fn connect(&self, url: &str, session: &Session, context: &Context) -> Result<(), Failure> {
        let target = self.target(url, session)?;
        context.trace(Direction::Sent, || Message::new().words("connect to ").data(target.to_string()));
        dial::connect(&target, context).await?;
        context.trace(Direction::Received, || Message::new().words("connected"));
        self.judge(session, context)
    }

    async fn shake_hands(&self, url: &str, session: &Session, context: &Context) -> Result<(), Failure> {
        let options = self.request.options.tls().in_dir(&context.run.suite_dir);
        let (parsed, target) = (named(url)?, self.target(url, session)?);
        let asked = || Message::new().words("shake hands with ").data(target.to_string());
        context.trace(Direction::Sent, asked);
        tls::shake_hands(&parsed.host, &target, &options, context).await?;
        context.trace(Direction::Received, || match context.timeline.certificate() {
            Some(certificate) => certificate.in_words(),
            None => Message::new().words("no certificate"),
        });
        self.judge(session, context)
    }

    /// Where it connects to: what the URL names, or what `resolve` gives for that.
    fn target(&self, url: &str, session: &Session) -> Result<Target, Failure> {
        let resolved = match Url::parse(url) {
            Ok(url) => self.request.options.resolved(&url, &session.scope)?,
            Err(_) => None,
        };
        match resolved {
            Some(address) => Ok(Target { host: address.ip().to_string(), port: address.port() }),
            None => named(url),
        }
    }

    fn judge(&self, session: &Session, context: &Context) -> Result<(), Failure> {
        context.timeline.end();
        let certificate = context.timeline.certificate();
        let days_left = certificate.as_ref().map(PeerCertificate::days_left);
        let mismatches = self
            .expect
            .judge_connection(context.timeline.elapsed(), days_left, &session.scope)
            .map_err(template_failure)?;
        match mismatches.is_empty() {
            true => Ok(()),
            false => {
                let answer = certificate.map(|certificate| certificate.in_words());
                Err(Failure::Mismatch { mismatches, answer })
            }
        }
    }
}

/// The host and port that a `tcp://` or `tls://` URL names.
fn named(url: &str) -> Result<Target, Failure> {
    let parsed = Url::parse(url).ok();
    let parts = parsed.as_ref().and_then(|url| url.host_str().zip(url.port()));
    parts
        .map(|(host, port)| Target { host: host.trim_matches(['[', ']']).to_owned(), port })
        .ok_or_else(|| template_failure(format!("expected a host and a port, got `{}`", address::shown(url))))
}
