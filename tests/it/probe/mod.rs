//! The protocols: what goes over the wire and how it is read.

mod balancers;
mod codings;
mod cookies;
mod dialog;
mod dns;
mod environment;
mod hosts;
mod login;
mod mysql;
mod mysql_login;
mod mysql_sessions;
mod pipes;
mod pooler;
mod postgres_tls;
mod redirects;
mod redis;
mod redis_tls;
mod requests;
mod resolve;
mod routes;
mod sessions;
mod sqlite;
mod tls;
mod tls_clients;
pub mod unknown_types;
mod wire;
