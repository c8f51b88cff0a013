//! A request that can be sent: plain data, with every value in its place.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderMap;
use url::Url;

use super::client::Route;
use crate::outcome::{Failure, Fault};
use crate::probe::authority::Authority;
use crate::secret::message;

/// A request with every value in its place.
#[derive(Debug, Clone)]
pub struct ResolvedRequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: PreparedBody,
    /// The body as people are shown it, if they are.
    pub shown_body: Option<String>,
    pub route: Route,
    pub resolve: Vec<ResolveOverride>,
    pub redirects: u32,
    pub max_body: usize,
    /// Is the body of the answer looked at?
    pub reads_body: bool,
    /// Where the first request of a chain of redirects goes.
    pub home: Url,
}

impl ResolvedRequest {
    /// Only this address of its host is asked, also after a redirect to another port of it.
    ///
    /// # Errors
    /// It goes through a proxy, which chooses the address itself.
    pub fn ask_only(&mut self, address: IpAddr) -> Result<(), Failure> {
        if let Some(proxy) = self.route.proxy.address(&self.url) {
            let doing = message!("asking every address");
            let cause = message!("the request goes through the proxy {}", proxy);
            let hint = message!("the proxy chooses the address: say `proxy = \"\"` to go without it");
            return Err(Failure::fault(Fault::Proxy, doing, cause).with_hint(hint));
        }
        if let Some(url::Host::Domain(host)) = self.url.host() {
            // The library takes the port of the URL for this one.
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

/// One entry of `resolve`: where a request goes instead of where its URL says.
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

/// A form with files as browsers send it, and what divides its parts.
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

/// A name as browsers put it between quotes: UTF-8 as it is, and only what would end the quotes or the line
/// encoded. Source: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.
fn quotable(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
