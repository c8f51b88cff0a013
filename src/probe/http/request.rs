//! A rendered request: plain data, ready to be sent.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderMap;
use url::Url;

use super::client::Route;
use crate::outcome::{Failure, Fault};
use crate::probe::authority::Authority;
use crate::secret::message;

/// A rendered request.
#[derive(Debug, Clone)]
pub struct ResolvedRequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: PreparedBody,
    /// The body as people see it, if it is shown.
    pub shown_body: Option<String>,
    pub route: Route,
    pub resolve: Vec<ResolveOverride>,
    pub redirects: u32,
    pub max_body: usize,
    /// Whether anything inspects the response body.
    pub reads_body: bool,
    /// The URL of the first request in a chain of redirects.
    pub home: Url,
}

impl ResolvedRequest {
    /// Restricts the request to one address of its host, even after a redirect to another port of it.
    ///
    /// # Errors
    /// Fails if the request uses a proxy, which chooses the address itself.
    pub fn ask_only(&mut self, address: IpAddr) -> Result<(), Failure> {
        if let Some(proxy) = self.route.proxy.address(&self.url) {
            let doing = message!("asking every address");
            let cause = message!("the request goes through the proxy {}", proxy);
            let hint = message!("the proxy chooses the address: say `proxy = \"\"` to go without it");
            return Err(Failure::fault(Fault::Proxy, doing, cause).with_hint(hint));
        }
        if let Some(url::Host::Domain(host)) = self.url.host() {
            // The library replaces port 0 with the port of the URL.
            self.route.resolve.push((host.to_owned(), SocketAddr::new(address, 0)));
        }
        Ok(())
    }

    pub fn has_body(&self) -> bool {
        match self.body {
            PreparedBody::None => false,
            PreparedBody::Bytes(_) | PreparedBody::Multipart(_) => true,
        }
    }
}

/// An entry of `resolve`: an address to use instead of the URL's.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolveOverride {
    pub from: Authority,
    pub address: SocketAddr,
}

impl ResolveOverride {
    pub fn applies_to(&self, url: &Url) -> bool {
        Authority::of(url).as_ref() == Some(&self.from)
    }
}

#[derive(Debug, Clone)]
pub enum PreparedBody {
    None,
    Bytes(Bytes),
    Multipart(Vec<PreparedPart>),
}

#[derive(Debug, Clone)]
pub struct PreparedPart {
    pub name: String,
    pub bytes: Vec<u8>,
    pub filename: Option<String>,
    pub content_type: Option<String>,
}

/// Encodes a multipart form as browsers do. Returns its boundary and its body.
pub(super) fn multipart(parts: &[PreparedPart]) -> (String, Bytes) {
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let mut body = Vec::new();
    for PreparedPart { name, bytes, filename, content_type } in parts {
        body.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"").as_bytes());
        body.extend_from_slice(quotable(name).as_bytes());
        body.push(b'"');
        if let Some(filename) = filename {
            body.extend_from_slice(format!("; filename=\"{}\"", quotable(filename)).as_bytes());
        }
        if let Some(content_type) = content_type {
            body.extend_from_slice(format!("\r\nContent-Type: {content_type}").as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (boundary, Bytes::from(body))
}

/// Escapes a name for the quotes as browsers do: as UTF-8, encoding only what would end the quotes or the line. Source:
/// <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.
fn quotable(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
