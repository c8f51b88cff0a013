//! Probes: the protocols, each a question to a server and its answer.
//!
//! A probe runs inside the deadline of its [`Context`](crate::attempt::Context), tells its [`timeline`] which
//! phase it is in, and answers with data or a [`Failure`](crate::outcome::Failure). What can outlive a cut on
//! the other side (a query) it leaves in [`leftovers`] to be ended.

pub mod certificate;
pub mod dial;
pub mod http;
pub mod postgres;
pub mod rows;
pub mod sqlite;
pub mod tls;
pub mod trust;

/// A scheme of a health check's `url`, and the protocol it chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Tcp,
    Tls,
}

/// The table of schemes.
pub const SCHEMES: [(&str, Protocol); 4] =
    [("http", Protocol::Http), ("https", Protocol::Http), ("tcp", Protocol::Tcp), ("tls", Protocol::Tls)];

/// The schemes as a message lists them.
pub fn scheme_names() -> String {
    SCHEMES.map(|(scheme, _)| format!("{scheme}://")).join(", ")
}
