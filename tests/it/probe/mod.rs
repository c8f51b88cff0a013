//! The protocols: what goes over the wire and how it is read.

mod environment;
mod login;
mod pipes;
mod pooler;
mod postgres_tls;
mod redirects;
mod requests;
mod resolve;
mod routes;
mod sessions;
mod sqlite;
mod tls;
mod unknown_types;
mod wire;
