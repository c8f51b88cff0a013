//! The integration tests: one binary, a module per topic, real servers and the real `smoke`.
//!
//! `tests/run` starts them with everything they need; `support` holds the servers.

// The servers are stopped and the runner is signalled the Unix way: elsewhere there is nothing to run.
#![cfg(unix)]

mod support;

mod cancel;
mod cleanup;
mod database;
mod engine;
mod faults;
mod health;
mod journey;
mod login;
mod matchers;
mod postgres_tls;
mod read_only;
mod readme;
mod redirects;
mod requests;
mod routes;
mod sqlite;
mod support_works;
mod tls;
mod bad_input;
mod boot;
mod demo;
mod signals;
mod command_line;
mod exit_codes;
mod junit;
mod secrets;
