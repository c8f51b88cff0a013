//! The integration tests. They form one binary whose folders mirror `src/`, and use real servers and the real `smoke`.
//!
//! `tests/run` starts them with everything they need. `support` contains the servers.

// Servers and runs are stopped with Unix signals, so there are no tests for other systems.
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

mod architecture;

mod support_works;
