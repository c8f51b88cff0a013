//! Probes, one per protocol. Each sends a question to a server and returns its answer.
//!
//! A probe runs within the deadline of its [`Context`](crate::attempt::Context), reports its phase to the timeline, and
//! returns data or a [`Failure`](crate::outcome::Failure). It takes plain data: templates are rendered before. Anything
//! that a cut could leave running on a server (a query) is registered in the context's
//! [`cancellations`](crate::attempt::cancellation).

pub mod authority;
pub mod certificate;
pub mod database;
pub mod databases;
pub mod dial;
pub mod dialog;
pub mod dns;
pub mod http;
pub mod mysql;
pub mod postgres;
pub mod program;
pub mod redis;
pub mod rows;
pub mod server_limits;
pub mod socket;
pub mod sqlite;
pub mod starttls;
pub mod tls;
pub mod trust;
pub mod url;
pub mod url_password;
pub mod user;
