//! The proxy that a request goes through: the suite's, the environment's, or none.

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;

use crate::attempt::Context;
use crate::outcome::{Failure, Fault};
use crate::secret::{Message, address, message};

/// What the suite says of the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// Nothing: what the environment says counts.
    OfEnvironment,
    /// `proxy = ""`: there is none, whatever the environment says.
    Without,
    At(String),
}

/// What a proxy looks like, for a message.
pub const EXPECTED: &str = "a proxy such as http://proxy.internal:3128 or socks5://127.0.0.1:1080";

impl Proxy {
    /// Reads `proxy`. `None` is one that nothing can go through; the library would leave it out and go straight.
    pub fn parse(text: &str) -> Option<Proxy> {
        if text.is_empty() {
            Some(Proxy::Without)
        } else {
            is_usable(text).then(|| Proxy::At(text.to_owned()))
        }
    }

    /// The host and port that a request for `url` goes through.
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

    /// Keeps the user and password of the proxy out of every output, also where the environment names it.
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

    /// Can a request for `url` go where it should? A proxy of the environment that cannot be used would be left out.
    ///
    /// # Errors
    /// The environment's proxy is none.
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

/// A value of the suite that is no proxy.
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

/// The text as far as it may be shown.
fn without_user(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

/// Somewhere that every proxy is asked for.
const ANYWHERE: &str = "http://anywhere.invalid/";

/// Would the library go through `proxy`?
fn is_usable(proxy: &str) -> bool {
    let matcher = Matcher::builder().all(proxy.to_owned()).build();
    matcher.intercept(&hyper::Uri::from_static(ANYWHERE)).is_some()
}

/// The variable of the environment that has the proxy for `url`, and its value. They are read in the library's order.
fn of_environment(url: &Url) -> Option<(&'static str, String)> {
    let set =
        |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, std::env::var(name).ok()?)));
    // A server that runs smoke as a CGI program sets `HTTP_PROXY` to whatever a client sent as `Proxy:`.
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
