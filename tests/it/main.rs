//! The integration tests: one binary whose folders mirror `src/`, real servers and the real `smoke`.
//!
//! `tests/run` starts them with everything they need; `support` holds the servers.

// The servers are stopped and the runner is signalled the Unix way: elsewhere there is nothing to run.
#![cfg(unix)]

mod support;

mod check;
mod cli;
mod docs;
mod engine;
mod expect;
mod probe;
mod promises;
mod report;
mod suite;

mod support_works;
