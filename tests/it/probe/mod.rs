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
mod unknown_types;
mod wire;
