//! `http://` and `https://`: one request and its response.

use std::time::Duration;

use super::Protocol;
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::Session;
use crate::check::exchange::{AnyExchange, Exchange, Question};
use crate::check::request::{CurlContext, OverrideUse, Request};
use crate::check::session::Said;
use crate::expect::capture::Captures;
use crate::expect::http::HttpExpectation;
use crate::expect::response::InspectedResponse;
use crate::expect::status::StatusSet;
use crate::language::diagnostic::Diagnostic;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::http::request::ResolvedRequest;
use crate::probe::http::response::HttpResponse;
use crate::probe::http::{Clients, CookieJar, Pooling, RunClients, send};
use crate::probe::url::parse_absolute_url;
use crate::secret::{Message, message};

pub(super) const PROTOCOL: Protocol = Protocol {
    schemes: &["http", "https"],
    about: "a request is answered as expected",
    read: |table| {
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
        let (request, expect) = (request?, expect?);
        let reads_body = expect.reads_body();
        let question = HttpQuestion { request, pooling: Pooling::FreshConnections, reads_body };
        let exchange = Exchange::new(question, Captures::default(), expect.or_status(StatusSet::success()));
        table.has("url").then(|| Box::new(exchange) as Box<dyn AnyExchange>)
    },
};

/// An HTTP request.
#[derive(Debug)]
pub(in crate::check) struct HttpQuestion {
    pub request: Request,
    /// Requests of a journey reuse the cookies and connections of earlier ones.
    pub pooling: Pooling,
    /// Whether anything inspects the response body.
    pub reads_body: bool,
}

/// The state that the requests of a journey share: they come from one visitor.
struct Visitor {
    cookies: CookieJar,
    clients: Clients,
}

impl Default for Visitor {
    fn default() -> Visitor {
        Visitor { cookies: CookieJar::default(), clients: Clients::new(Pooling::KeepAlive) }
    }
}

impl Question for HttpQuestion {
    type Answer = InspectedResponse;
    type Expectation = HttpExpectation;

    fn url(&self) -> &Template {
        &self.request.url
    }

    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.request.uses(uses);
    }

    fn mistakes(&self, expect: &HttpExpectation, scope: &Variables) -> Vec<Diagnostic> {
        let mut mistakes = self.request.missing_files(scope);
        // Errors that a template hides here are reported when the request is sent.
        let Ok(text) = self.request.url.text(scope) else { return mistakes };
        let place = self.request.url.place();
        mistakes.extend(match parse_absolute_url(&text) {
            Err((message, hint)) => vec![Diagnostic::new(place, message).hint(hint)],
            Ok(url) if !PROTOCOL.schemes.contains(&url.scheme()) => {
                let mistake = Diagnostic::new(place, format!("unsupported scheme `{}`", url.scheme()));
                vec![
                    mistake.hint("a step sends a request to http:// or https://, or a query to a `database`"),
                ]
            }
            Ok(url) if expect.expects_certificate() && url.scheme() == "http" => {
                vec![Diagnostic::new(place, "`expect.certificate` needs an `https://` or `tls://` URL")]
            }
            Ok(_) => Vec::new(),
        });
        mistakes
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.request.options.override_uses(&self.request.url, scope)
    }

    fn remark(&self) -> Option<&'static str> {
        self.request.options.is_insecure().then_some("insecure: the certificate is not verified")
    }

    fn changes(&self) -> Option<String> {
        self.request.changes()
    }

    fn refuses_addresses(&self, scope: &Variables) -> Option<&'static str> {
        self.request.options.refuses_addresses(&self.request.url, scope)
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<InspectedResponse, Failure> {
        let resolved = self.request.resolved(&session.scope, context).await?;
        let mut request = ResolvedRequest { reads_body: self.reads_body, ..resolved };
        if let Some(address) = session.address {
            request.ask_only(address)?;
        }
        let response = match self.pooling {
            Pooling::FreshConnections => {
                // The cookies live as long as the redirects of the request.
                let mut cookies = CookieJar::default();
                send(request, &context.run.shared::<RunClients>().0, &mut cookies, context).await?
            }
            Pooling::KeepAlive => {
                let url = request.url.clone();
                let (Visitor { cookies, clients }, _) = session.keep::<Visitor>();
                let response = send(request, clients, cookies, context).await?;
                let cookies = about_cookies(cookies, &response, &url);
                session.said = Some(Said { answer: response.in_short(), cookies });
                response
            }
        };
        Ok(InspectedResponse::new(response))
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.request.named(scope)
    }

    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand> {
        let cookies = session.kept::<Visitor>().map_or(&[][..], |visitor| visitor.cookies.sent());
        self.request.as_curl(&CurlContext {
            scope: &session.scope.for_people(),
            cookies,
            address: session.address,
            suite_dir: &context.run.suite_dir,
            limit,
            follows_redirects: !context.timeline.has_stopped_at_redirect(),
        })
    }
}

/// Describes which cookies of `response` were not kept, and which were not sent with the request for `url`.
fn about_cookies(cookies: &CookieJar, response: &HttpResponse, url: &url::Url) -> Option<Message> {
    let is_new = |name: &str| response.set_cookies.iter().any(|(set, _)| set == name);
    let refused = cookies
        .refused()
        .iter()
        .filter(|(name, _)| is_new(name))
        .map(|(name, why)| message!("the cookie `{}", name).words(format!("` was not kept: {why}")));
    let withheld = cookies
        .withheld(url)
        .into_iter()
        .filter(|name| !is_new(name))
        .map(|name| message!("the cookie `{}` was not sent: it is Secure, and this is http", name));
    refused.chain(withheld).reduce(|all, more| all.words("; ").then(more))
}
