//! The origin of a 502, 503 or 504: a load balancer generates one itself if it has no application to ask. 520 to 527
//! are Cloudflare's own.
//!
//! The origin is inferred from the body, because each balancer has its own wording, and from the headers `server`,
//! `via`, `x-powered-by`, `content-type` and `x-envoy-upstream-service-time`. If these do not reveal it, no origin is
//! reported.
//!
//! Sources: the pages that HAProxy 2.6 and nginx 1.22 send; for Envoy `local_reply` and
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers>; for the others their
//! documentation of error responses.

use hyper::header::{CONTENT_TYPE, HeaderMap, SERVER, VIA};

/// The party that generated an answer, as far as the answer reveals it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The balancer or proxy with this name generated the answer itself: it had no server to ask, or received no
    /// answer.
    Balancer(&'static str),
    /// The application behind the balancer.
    Application,
}

/// Text on a balancer's error page, and the balancer's name.
const PAGES: [(&str, &str); 14] = [
    ("No server is available to handle this request.", "HAProxy"),
    ("The server returned an invalid or incomplete response.", "HAProxy"),
    ("The server didn't respond in time.", "HAProxy"),
    ("<hr><center>nginx", "nginx"),
    ("<hr><center>openresty", "OpenResty"),
    ("no healthy upstream", "Envoy"),
    ("upstream connect error or disconnect/reset before headers", "Envoy"),
    ("upstream request timeout", "Envoy"),
    ("no available server", "Traefik"),
    ("temporarily unable to service your\nrequest due to maintenance downtime or capacity", "Apache"),
    ("The proxy server received an invalid\nresponse from an upstream server.", "Apache"),
    ("Guru Meditation:", "Varnish"),
    ("failure to get a peer from the ring-balancer", "Kong"),
    ("cf-error-details", "Cloudflare"),
];

/// Prefixes of `server` that show that a balancer answered itself; these balancers do not replace the application's own
/// `server`.
const SERVERS: [(&str, &str); 6] = [
    ("awselb/", "the AWS load balancer"),
    ("microsoft-azure-application-gateway", "the Azure application gateway"),
    ("cloudfront", "CloudFront"),
    ("varnish", "Varnish"),
    ("bigip", "BIG-IP"),
    ("big-ip", "BIG-IP"),
];

/// Prefixes of `server` that do not reveal who answered: these proxies replace the application's `server` with their
/// own.
const REPLACERS: [&str; 7] = ["nginx", "openresty", "envoy", "istio-envoy", "cloudflare", "haproxy", "caddy"];

/// How many bytes of a body are searched: the pages of balancers are short.
const LOOKED_AT: usize = 4096;

/// Returns the origin of an answer.
pub fn origin(status: u16, headers: &HeaderMap, body: &str) -> Option<Origin> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let server = text(SERVER.as_str()).unwrap_or_default().to_ascii_lowercase();
    // Only Cloudflare uses these statuses.
    if matches!(status, 520..=527) && server.starts_with("cloudflare") {
        return Some(Origin::Balancer("Cloudflare"));
    }
    if !matches!(status, 502..=504) {
        return None;
    }
    if headers.contains_key("x-envoy-upstream-service-time") {
        return Some(Origin::Application);
    }
    let start = &body[..body.floor_char_boundary(LOOKED_AT)].replace("\r\n", "\n");
    let page = PAGES.iter().find(|(words, _)| start.contains(words));
    let named = SERVERS.iter().find(|(name, _)| server.starts_with(name));
    if let Some((_, name)) = page.or(named) {
        return Some(Origin::Balancer(name));
    }
    let is_json = text(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("json"));
    let is_replaced = REPLACERS.iter().any(|name| server.starts_with(name));
    // A balancer that forwards an answer says so in a header, or keeps the name of the server that generated it.
    let is_passed_on = headers.contains_key(VIA) || headers.contains_key("x-powered-by");
    let has_own_name = !server.is_empty() && !is_replaced;
    (is_json || is_passed_on || has_own_name || is_replaced && !start.trim().is_empty())
        .then_some(Origin::Application)
}

impl Origin {
    /// Describes the origin, to follow `got 503`.
    pub fn in_words(self) -> String {
        match self {
            Origin::Balancer(name) => format!(", which seems to come from {name} itself, not from the app"),
            Origin::Application => ", which seems to come from the app".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> Option<Origin> {
        let headers = headers.iter().map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), value.parse().expect("a value"))
        });
        origin(status, &headers.collect(), body)
    }

    #[test]
    fn a_balancer_is_known_by_its_page_or_its_name() {
        let haproxy =
            "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n";
        assert_eq!(of(503, &[], haproxy), Some(Origin::Balancer("HAProxy")));
        let nginx = "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>";
        assert_eq!(of(502, &[("server", "nginx/1.22.1")], nginx), Some(Origin::Balancer("nginx")));
        assert_eq!(of(503, &[("server", "envoy")], "no healthy upstream"), Some(Origin::Balancer("Envoy")));
        let elb = [("server", "awselb/2.0"), ("content-type", "text/html")];
        assert_eq!(of(504, &elb, ""), Some(Origin::Balancer("the AWS load balancer")));
        assert_eq!(of(522, &[("server", "cloudflare")], ""), Some(Origin::Balancer("Cloudflare")));
    }

    #[test]
    fn what_is_passed_on_is_the_apps() {
        let json = [("server", "nginx/1.22.1"), ("content-type", "application/json")];
        assert_eq!(of(503, &json, r#"{"status":"down"}"#), Some(Origin::Application));
        assert_eq!(of(503, &[("via", "1.1 varnish")], ""), Some(Origin::Application));
        assert_eq!(of(503, &[("server", "gunicorn")], "busy"), Some(Origin::Application));
        assert_eq!(of(503, &[("x-envoy-upstream-service-time", "3")], ""), Some(Origin::Application));
        assert_eq!(of(503, &[("server", "nginx")], "closed for the night"), Some(Origin::Application));
    }

    #[test]
    fn nothing_is_said_where_the_answer_does_not_tell() {
        assert_eq!(of(503, &[], ""), None);
        assert_eq!(of(503, &[("server", "envoy")], ""), None);
        assert_eq!(of(500, &[("content-type", "application/json")], "{}"), None);
    }
}
