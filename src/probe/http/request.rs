//! A request that can be sent: plain data, with every value in its place.

use std::net::{IpAddr, SocketAddr};

use reqwest::header::HeaderMap;
use url::Url;

use super::client::Route;
use crate::outcome::{Failure, Fault};
use crate::probe::authority::Authority;
use crate::secret::Message;

/// A request with every value in its place.
#[derive(Debug, Clone)]
pub struct ResolvedRequest {
    pub method: reqwest::Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: PreparedBody,
    /// The body as people are shown it, if they are.
    pub shown_body: Option<String>,
    pub route: Route,
    pub resolve: Vec<ResolveOverride>,
    pub redirects: u32,
    pub max_body: usize,
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
            let doing = Message::new().words("asking every address");
            let cause = Message::new().words("the request goes through the proxy ").data(proxy);
            let hint =
                Message::new().words("the proxy chooses the address: say `proxy = \"\"` to go without it");
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
    Bytes(Vec<u8>),
    Multipart(Vec<PreparedPart>),
}

#[derive(Debug, Clone)]
pub struct PreparedPart {
    pub name: String,
    pub bytes: Vec<u8>,
    pub filename: Option<String>,
    pub content_type: Option<String>,
}

impl PreparedPart {
    /// The form with this part.
    ///
    /// # Errors
    /// A media type that is none.
    pub fn add_to(&self, form: reqwest::multipart::Form) -> Result<reqwest::multipart::Form, Failure> {
        let mut part = reqwest::multipart::Part::bytes(self.bytes.clone());
        if let Some(filename) = &self.filename {
            part = part.file_name(quotable(filename));
        }
        if let Some(content_type) = &self.content_type {
            part = part.mime_str(content_type).map_err(|error| {
                let cause = Message::new().words("its `type`: ").data(error.to_string());
                Failure::fault(Fault::Template, Message::new().words("building a part of the body"), cause)
            })?;
        }
        Ok(form.part(quotable(&self.name), part))
    }
}

/// A name as browsers put it between quotes: UTF-8 as it is, and only what would end the quotes or the line
/// encoded. Source: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.
fn quotable(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
