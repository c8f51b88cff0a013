//! HTTP: a request that can be sent, and the response.

pub mod request;
mod send;

mod client;
pub mod proxy;

mod charset;
mod json;
pub mod page_text;
pub mod response;

pub mod token;

mod fault;
pub mod trace;

pub use self::client::{Clients, HttpVersion, Pooling, Route, RunClients};
pub use self::send::{SESSION_LENGTH, cookies_for, send};

fn version_name(version: reqwest::Version) -> &'static str {
    match version {
        reqwest::Version::HTTP_10 => "HTTP/1.0",
        reqwest::Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}
