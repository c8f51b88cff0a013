//! HTTP: a request that can be sent, and the response.

pub mod request;
mod send;

mod client;
pub mod proxy;
mod reach;
mod tunnel;

mod cookies;
mod issued;
mod redirect;

mod body;
mod charset;
pub mod coding;
pub(super) mod json;
mod origin;
pub mod page_text;
pub mod response;

pub mod token;

mod fault;
pub mod trace;

pub use self::client::{Clients, HttpVersion, Pooling, Route, RunClients};
pub use self::cookies::{CookieJar, SESSION_LENGTH};
pub use self::send::send;

/// The user agent that servers see.
const USER_AGENT: &str = concat!("smoke/", env!("CARGO_PKG_VERSION"));

fn version_name(version: hyper::Version) -> &'static str {
    match version {
        hyper::Version::HTTP_10 => "HTTP/1.0",
        hyper::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
