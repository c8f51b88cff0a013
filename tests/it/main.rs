//! The integration tests: one binary, a module per topic, real servers and the real `smoke`.
//!
//! `tests/run` starts them with everything they need; `support` holds the servers.

// The servers are stopped and the runner is signalled the Unix way: elsewhere there is nothing to run.
#![cfg(unix)]

mod support;

mod again;
mod bad_input;
mod boot;
mod both_ways;
mod budgets;
mod cancel;
mod cleanup;
mod command_line;
mod completions;
mod database;
mod demo;
mod engine;
mod events;
mod examples;
mod exit_codes;
mod failures;
mod faults;
mod health;
mod includes;
mod init;
mod journey;
mod json;
mod judging;
mod junit;
mod login;
mod manual;
mod many_secrets;
mod matchers;
mod misspelt;
mod pipelines;
mod pipes;
mod plan;
mod postgres_tls;
mod read_only;
mod readers;
mod readme;
mod redirects;
mod reference;
mod report_files;
mod reproduce;
mod requests;
mod rerun_failed;
mod routes;
mod schema;
mod screens;
mod secrets;
mod signals;
mod sqlite;
mod stuck;
mod support_works;
mod templates;
mod tls;
mod trace;
mod unread;
mod warnings;
mod wire;
mod worst_case;
