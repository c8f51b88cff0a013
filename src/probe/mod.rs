//! Probes: the protocols, each a question to a server and its answer.
//!
//! A probe runs inside the deadline of its [`Context`](crate::attempt::Context), tells its timeline which
//! phase it is in, and answers with data or a [`Failure`](crate::outcome::Failure). It takes plain data: a template has its
//! value before a probe sees it. What a cut can leave running on a server (a query) is registered with the context's
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
pub mod socket;
pub mod sqlite;
pub mod starttls;
pub mod tls;
pub mod trust;
pub mod url;
pub mod url_password;
pub mod user;
