//! The integration tests: one binary, a module per topic, real servers and the real `smoke`.
//!
//! `tests/run` starts them with everything they need; `support` holds the servers.

// The servers are stopped and the runner is signalled the Unix way: elsewhere there is nothing to run.
#![cfg(unix)]

mod support;

mod engine;
mod readme;
mod support_works;
