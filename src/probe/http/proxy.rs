//! The proxy of a request: the suite's, the environment's, or none.

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;

use crate::attempt::Context;
use crate::outcome::{Failure, Fault};
use crate::secret::{Message, address, message};

/// The proxy setting of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// Not set, so the environment decides.
    OfEnvironment,
    /// `proxy = ""`: no proxy, whatever the environment says.
    Without,
    At(String),
}

/// The expected form of a proxy, for messages.
pub const EXPECTED: &str = "a proxy such as http://proxy.internal:3128 or socks5://127.0.0.1:1080";

impl Proxy {
    /// Parses `proxy`. Returns `None` for an unusable proxy, which the library would ignore and connect directly.
    pub fn parse(text: &str) -> Option<Proxy> {
        if text.is_empty() {
            Some(Proxy::Without)
        } else {
            is_usable(text).then(|| Proxy::At(text.to_owned()))
        }
    }

    /// Returns the host and port of the proxy for `url`.
    pub fn address(&self, url: &Url) -> Option<String> {
        let proxy = self.intercept(url)?;
        let port = proxy.uri().port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}{port}", proxy.uri().host().unwrap_or_default()))
    }

    /// What a request for `url` goes through.
    pub(super) fn intercept(&self, url: &Url) -> Option<Intercept> {
        let to: hyper::Uri = url.as_str().parse().ok()?;
        self.matcher()?.intercept(&to)
    }

    /// What says for which URL it is used.
    fn matcher(&self) -> Option<Matcher> {
        match self {
            Proxy::OfEnvironment => Some(Matcher::from_env()),
            Proxy::Without => None,
            Proxy::At(proxy) => Some(Matcher::builder().all(proxy.clone()).build()),
        }
    }

    /// Redacts the user and password of the proxy, including one from the environment.
    pub fn hide_credentials(&self, url: &Url, context: &Context) {
        match self {
            Proxy::Without => {}
            Proxy::At(proxy) => {
                context.run.redactor.add_address(proxy);
            }
            Proxy::OfEnvironment => {
                if let Some((_, proxy)) = of_environment(url) {
                    context.run.redactor.add_address(&proxy);
                }
            }
        }
    }

    /// Checks that a request for `url` can use its proxy. The library would ignore an unusable proxy of the
    /// environment.
    ///
    /// # Errors
    /// Fails if the environment's proxy is invalid.
    pub fn leads_to(&self, url: &Url) -> Result<(), Failure> {
        match self {
            Proxy::Without | Proxy::At(_) => Ok(()),
            Proxy::OfEnvironment => match of_environment(url) {
                Some((name, proxy)) if !is_usable(&proxy) => Err(unusable(&proxy, name).with_hint(
                    Message::new()
                        .words(format!("correct `{name}`, or say `proxy = \"\"` to go without one")),
                )),
                Some(_) | None => Ok(()),
            },
        }
    }
}

/// Returns the failure for a value of the suite that is not a proxy.
pub fn not_a_proxy(text: &str) -> Failure {
    unusable(text, "proxy").with_hint(message!("`proxy = \"\"` goes without one"))
}

fn unusable(text: &str, whose: &'static str) -> Failure {
    let doing = Message::new().words(format!("going through the proxy of `{whose}`"));
    let got = Message::new()
        .words(format!("expected {EXPECTED}, got `"))
        .data(address::shown(&without_user(text)))
        .words("`");
    Failure::fault(Fault::Proxy, doing, got)
}

/// Removes the credentials from the text.
fn without_user(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

/// An arbitrary URL that every proxy applies to.
const ANYWHERE: &str = "http://anywhere.invalid/";

/// Whether the library would use `proxy`.
fn is_usable(proxy: &str) -> bool {
    let matcher = Matcher::builder().all(proxy.to_owned()).build();
    matcher.intercept(&hyper::Uri::from_static(ANYWHERE)).is_some()
}

/// Returns the environment variable with the proxy for `url`, and its value. Reads them in the library's order.
fn of_environment(url: &Url) -> Option<(&'static str, String)> {
    let set =
        |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, std::env::var(name).ok()?)));
    // A server that runs smoke as a CGI program sets `HTTP_PROXY` to the client's `Proxy:` header.
    if std::env::var_os("REQUEST_METHOD").is_some() {
        return None;
    }
    let own = match url.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let given = |proxy: &(&str, String)| !proxy.1.is_empty();
    let proxy = set(own).filter(given).or_else(|| set(["ALL_PROXY", "all_proxy"]).filter(given))?;
    let (_, not_for) = set(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    let matcher = Matcher::builder().all(ANYWHERE).no(not_for).build();
    let to: hyper::Uri = url.as_str().parse().ok()?;
    matcher.intercept(&to).map(|_| proxy)
}
