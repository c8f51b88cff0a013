//! The protocols: what goes over the wire and how it is read.

mod login;
mod pipes;
mod postgres_tls;
mod redirects;
mod requests;
mod routes;
mod sessions;
mod sqlite;
mod tls;
pub mod unknown_types;
mod wire;
