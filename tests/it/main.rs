//! The integration tests: one binary, a module per topic, real servers and the real `smoke`.
//!
//! `tests/run` starts them with everything they need; `support` holds the servers.

// The servers are stopped and the runner is signalled the Unix way: elsewhere there is nothing to run.
#![cfg(unix)]

mod support;

mod bad_input;
mod boot;
mod cancel;
mod cleanup;
mod command_line;
mod completions;
mod database;
mod demo;
mod engine;
mod exit_codes;
mod faults;
mod health;
mod init;
mod journey;
mod junit;
mod login;
mod manual;
mod matchers;
mod plan;
mod postgres_tls;
mod read_only;
mod readme;
mod redirects;
mod requests;
mod routes;
mod secrets;
mod signals;
mod sqlite;
mod support_works;
mod tls;
mod warnings;
mod worst_case;
